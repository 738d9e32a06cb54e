#include "policies/built_in.hpp"

namespace drydock {

namespace {

class Ttl final : public LivenessPolicy {
 public:
  Ttl(Duration heartbeat, Duration ttl) : heartbeat_(heartbeat), ttl_(ttl) {}
  [[nodiscard]] std::optional<Duration> interval() const override { return heartbeat_; }
  [[nodiscard]] Time trusted_until(const Beat& last) const override { return later(last.arrived, ttl_); }

 private:
  Duration heartbeat_;
  Duration ttl_;
};

}  // namespace

BuiltInLiveness ttl_policy() {
  return {
      .info = {.family = PolicyFamily::liveness,
               .type = "ttl",
               .summary = "A worker is dead when its key has not been refreshed for a fixed time",
               .details = "Each worker refreshes a key every heartbeat; the key expires ttl after the last refresh. A crash "
                          "at a random moment is detected after ttl - heartbeat to ttl, evenly. With ttl = 2 x heartbeat "
                          "one lost beat and any delay is a false expiry.",
               .source = "Redis key expiry; analysis: Chen, Toueg, Aguilera, IEEE TC 51(5), 2002",
               .parameters = {heartbeat_parameter(),
                              {.name = "ttl",
                               .default_value = Duration{std::chrono::seconds{60}},
                               .help = "time after a heartbeat at which the worker's key expires; above the heartbeat",
                               .minimum = 1e-3}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<LivenessPolicy> {
        return std::make_unique<Ttl>(config.get<Duration>("heartbeat"), config.get<Duration>("ttl"));
      }};
}

}  // namespace drydock
