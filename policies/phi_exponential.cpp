#include "policies/built_in.hpp"
#include "policies/failure_detection.hpp"
#include "policies/phi_accrual.hpp"

namespace drydock {

namespace {

class PhiExponentialObserver final : public PhiObserver {
 public:
  PhiExponentialObserver(Duration heartbeat, double means, std::int64_t window)
      : PhiObserver(heartbeat, window), means_(means) {
    learn(heartbeat);
  }

 private:
  [[nodiscard]] double allowance_s(const GapHistory& gaps) const override { return means_ * gaps.mean_s(); }
  double means_;
};

class PhiExponential final : public LivenessPolicy {
 public:
  PhiExponential(Duration heartbeat, double means, std::int64_t window)
      : heartbeat_(heartbeat), means_(means), window_(window) {}
  [[nodiscard]] std::optional<Duration> interval() const override { return heartbeat_; }
  [[nodiscard]] Time trusted_until(const Beat& last) const override { return observer()->observe(last); }
  [[nodiscard]] std::unique_ptr<BeatObserver> observer() const override {
    return std::make_unique<PhiExponentialObserver>(heartbeat_, means_, window_);
  }

 private:
  Duration heartbeat_;
  double means_;
  std::int64_t window_;
};

}  // namespace

BuiltInLiveness phi_exponential_policy() {
  return {
      .info = {.family = PolicyFamily::liveness,
               .type = "phi-exponential",
               .summary = "Suspicion grows with the time since the last beat, measured in mean gaps",
               .details = "As phi-normal, with the times between beats taken for exponential: phi = 0.434 t / mean, so a "
                          "worker is dead 2.3 x threshold mean gaps after its last beat. Slow, and hard to mislead: its "
                          "tail forgives lost beats. Looks at every beat, so it is simulated beat by beat.",
               .source = "Apache Cassandra's failure detector (phi_convict_threshold 8)",
               .parameters = {heartbeat_parameter(),
                              {.name = "threshold",
                               .default_value = 8.0,
                               .help = "phi at which the worker is taken for dead",
                               .minimum = 0.5,
                               .maximum = 100},
                              {.name = "window",
                               .default_value = std::int64_t{1000},
                               .help = "gaps between beats that are remembered",
                               .minimum = 1,
                               .maximum = 100'000}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<LivenessPolicy> {
        return std::make_unique<PhiExponential>(config.get<Duration>("heartbeat"),
                                                phi_exponential_quantile(config.get<double>("threshold")),
                                                config.get<std::int64_t>("window"));
      }};
}

}  // namespace drydock
