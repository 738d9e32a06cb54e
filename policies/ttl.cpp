#include "policies/built_in.hpp"

namespace drydock {

namespace {

class Ttl final : public LivenessPolicy {
 public:
  Ttl(Duration heartbeat, Duration ttl, bool wall_clock) : heartbeat_(heartbeat), ttl_(ttl), wall_clock_(wall_clock) {}
  [[nodiscard]] std::optional<Duration> interval() const override { return heartbeat_; }
  [[nodiscard]] Time trusted_until(const Beat& last) const override {
    return later(wall_clock_ ? last.sent : last.arrived, ttl_);
  }

 private:
  Duration heartbeat_;
  Duration ttl_;
  bool wall_clock_;  // by the times that beats carry
};

}  // namespace

BuiltInLiveness ttl_policy() {
  return {
      .info = {.family = PolicyFamily::liveness,
               .type = "ttl",
               .summary = "A worker is dead when its key has not been refreshed for a fixed time",
               .details = "Each worker refreshes a key every heartbeat; the key expires ttl after the last refresh. A crash "
                          "at a random moment is detected after ttl - heartbeat to ttl, evenly. With ttl = 2 x heartbeat "
                          "one lost beat and any delay is a false expiry. With expiry wall-clock a worker is dead when "
                          "the time that its last heartbeat carries is older than ttl by the scheduler's clock.",
               .source = "Redis key expiry; analysis: Chen, Toueg, Aguilera, IEEE TC 51(5), 2002",
               .parameters = {heartbeat_parameter(),
                              {.name = "ttl",
                               .default_value = Duration{std::chrono::seconds{60}},
                               .help = "time after a heartbeat at which the worker's key expires; above the heartbeat",
                               .minimum = 1e-3},
                              {.name = "expiry",
                               .default_value = std::string("store"),
                               .help = "whose clock judges: the store's, by the key's TTL; or the scheduler's, which it "
                                       "compares with the time of the worker's clock that the heartbeat carries",
                               .choices = {"store", "wall-clock"}}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<LivenessPolicy> {
        return std::make_unique<Ttl>(config.get<Duration>("heartbeat"), config.get<Duration>("ttl"),
                                     config.get<std::string>("expiry") == "wall-clock");
      }};
}

}  // namespace drydock
