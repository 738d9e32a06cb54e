#include "policies/built_in.hpp"
#include "policies/failure_detection.hpp"
#include "policies/phi_accrual.hpp"

#include <string>

namespace drydock {

namespace {

struct PhiNormalConfig {
  Duration heartbeat{};
  double deviations = 0;  // behind the mean, at which the threshold is reached
  std::int64_t window = 0;
  double least_deviation_s = 0;
  double pause_s = 0;
};

class PhiNormalObserver final : public PhiObserver {
 public:
  explicit PhiNormalObserver(const PhiNormalConfig& config) : PhiObserver(config.heartbeat, config.window), config_(config) {
    // Akka's first history: two gaps with the heartbeat as mean and a quarter of it as standard deviation.
    learn(config.heartbeat - config.heartbeat / 4);
    learn(config.heartbeat + config.heartbeat / 4);
  }

 private:
  [[nodiscard]] double allowance_s(const GapHistory& gaps) const override {
    const double deviation = std::max(config_.least_deviation_s, gaps.deviation_s());
    return std::max(0.0, gaps.mean_s() + config_.pause_s + config_.deviations * deviation);
  }
  PhiNormalConfig config_;
};

class PhiNormal final : public LivenessPolicy {
 public:
  explicit PhiNormal(const PhiNormalConfig& config) : config_(config) {}
  [[nodiscard]] std::optional<Duration> interval() const override { return config_.heartbeat; }
  [[nodiscard]] Time trusted_until(const Beat& last) const override { return observer()->observe(last); }
  [[nodiscard]] std::unique_ptr<BeatObserver> observer() const override {
    return std::make_unique<PhiNormalObserver>(config_);
  }

 private:
  PhiNormalConfig config_;
};

}  // namespace

BuiltInLiveness phi_normal_policy() {
  return {
      .info = {.family = PolicyFamily::liveness,
               .type = "phi-normal",
               .summary = "Suspicion grows with the time since the last beat, measured in standard deviations of the past",
               .details = "phi = -log10 of the probability that a beat comes even later than now, if the times between "
                          "beats are normal with the mean and the standard deviation of the last window ones; the worker "
                          "is dead when phi reaches the threshold: threshold 8 is wrong once in 10^8 beats if the model "
                          "holds, which lost beats break. The past of a worker that has just come is two gaps of three and "
                          "of five quarters of the heartbeat, which a full window forgets. pause is added to the mean for "
                          "pauses that are to be expected. "
                          "Looks at every beat, so it is simulated beat by beat.",
               .source = "Hayashibara, Defago, Yared, Katayama, SRDS 2004; defaults and logistic form: Akka",
               .parameters = {heartbeat_parameter(),
                              {.name = "threshold",
                               .default_value = 8.0,
                               .help = "phi at which the worker is taken for dead",
                               .minimum = 0.1,
                               .maximum = 100},
                              {.name = "window",
                               .default_value = std::int64_t{1000},
                               .help = "gaps between beats that are remembered",
                               .minimum = 2,
                               .maximum = 100'000},
                              {.name = "min_deviation",
                               .default_value = Duration{std::chrono::milliseconds{100}},
                               .help = "the standard deviation is taken for at least this",
                               .minimum = 1e-6},
                              {.name = "pause",
                               .default_value = Duration{std::chrono::seconds{3}},
                               .help = "added to the mean: how long a beat may be held up without harm",
                               .minimum = 0},
                              {.name = "form",
                               .default_value = std::string("logistic"),
                               .help = "logistic: Akka's approximation of the normal distribution; exact: the normal itself",
                               .choices = {"logistic", "exact"}}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<LivenessPolicy> {
        const auto threshold = config.get<double>("threshold");
        const bool exact = config.get<std::string>("form") == "exact";
        return std::make_unique<PhiNormal>(
            PhiNormalConfig{.heartbeat = config.get<Duration>("heartbeat"),
                            .deviations = exact ? phi_normal_quantile(threshold) : phi_logistic_quantile(threshold),
                            .window = config.get<std::int64_t>("window"),
                            .least_deviation_s = seconds(config.get<Duration>("min_deviation")),
                            .pause_s = seconds(config.get<Duration>("pause"))});
      }};
}

}  // namespace drydock
