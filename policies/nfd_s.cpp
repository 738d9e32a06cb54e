#include "policies/built_in.hpp"

namespace drydock {

namespace {

class NfdS final : public LivenessPolicy {
 public:
  NfdS(Duration heartbeat, Duration shift) : heartbeat_(heartbeat), shift_(shift) {}
  [[nodiscard]] std::optional<Duration> interval() const override { return heartbeat_; }
  // The freshness point of the beat after it.
  [[nodiscard]] Time trusted_until(const Beat& last) const override { return later(later(last.sent, heartbeat_), shift_); }

 private:
  Duration heartbeat_;
  Duration shift_;
};

}  // namespace

BuiltInLiveness nfd_s_policy() {
  return {
      .info = {.family = PolicyFamily::liveness,
               .type = "nfd-s",
               .summary = "A worker is dead when no fresh beat has come a fixed time after it should have been sent",
               .details = "Each beat is due shift after it was sent; at that freshness point the worker is trusted only "
                          "if this beat or a later one has come. Needs clocks that agree. Of all detectors with the same "
                          "beats and the same bound on the detection time (heartbeat + shift), this one is wrong least "
                          "often: how long a beat took does not change the time allowed for the next one, as it does "
                          "with ttl.",
               .source = "Chen, Toueg, Aguilera, IEEE TC 51(5), 2002: algorithm NFD-S",
               .parameters = {heartbeat_parameter(),
                              {.name = "shift",
                               .default_value = Duration{std::chrono::seconds{35}},
                               .help = "time after the sending of a beat at which it must have come; with the heartbeat "
                                       "or more, one lost beat is no mistake",
                               .minimum = 1e-3}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<LivenessPolicy> {
        return std::make_unique<NfdS>(config.get<Duration>("heartbeat"), config.get<Duration>("shift"));
      }};
}

}  // namespace drydock
