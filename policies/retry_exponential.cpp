#include "policies/built_in.hpp"
#include "policies/core/rng.hpp"
#include "policies/retry_parameters.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace drydock {

namespace {

constexpr std::string_view kFull = "full";
constexpr std::string_view kEqual = "equal";
constexpr std::string_view kNone = "none";

class ExponentialRetry final : public RetryPolicy {
 public:
  explicit ExponentialRetry(const PolicyConfig& config)
      : rules_(retry_rules(config)),
        retries_(config.get<std::int64_t>("retries")),
        first_s_(seconds(config.get<Duration>("delay"))),
        factor_(config.get<double>("factor")),
        longest_s_(seconds(config.get<Duration>("longest"))) {
    const auto& jitter = config.get<std::string>("jitter");
    spread_ = jitter == kFull ? 1 : jitter == kEqual ? 0.5 : 0;
  }
  [[nodiscard]] const RetryRules& rules() const override { return rules_; }
  [[nodiscard]] std::optional<Duration> delay(const FailedAttempt& failed) const override {
    if (std::int64_t{failed.failures} > retries_) return std::nullopt;
    const double grown = first_s_ * std::pow(factor_, static_cast<double>(failed.failures) - 1);
    const double ceiling = std::min(longest_s_, grown);
    const std::uint64_t stream = mix64(stream_of("retry-jitter") ^ mix64(failed.job.value));
    const double draw = unit_interval(counted(failed.seed, stream, failed.failures));
    return duration_of_seconds(ceiling * (1 - spread_ * draw));
  }

 private:
  RetryRules rules_;
  std::int64_t retries_;
  double first_s_;
  double factor_;
  double longest_s_;
  double spread_ = 0;  // part of the delay that is random
};

}  // namespace

BuiltInRetry exponential_retry_policy() {
  return {
      .info = {.family = PolicyFamily::retry,
               .type = "exponential",
               .summary = "Retries after delays that grow and are spread at random",
               .details =
                   "The n-th retry comes after delay x factor^(n-1), at most longest, less a random part: with full jitter "
                   "evenly between nothing and that, with equal jitter between half of it and all. So jobs that failed "
                   "together do not come back together. Backoff postpones load and does not take it away: only a budget "
                   "bounds what retries add to it.",
               .source = "Metcalfe, Boggs, CACM 19(7), 1976; full and equal jitter: Brooker, AWS Architecture Blog, 2015",
               .parameters =
                   with_retry_parameters({retries_parameter(),
                                          {.name = "delay",
                                           .default_value = Duration{std::chrono::seconds{1}},
                                           .help = "most time that a job stays out of its queue after its first failure",
                                           .minimum = 0},
                                          {.name = "factor",
                                           .default_value = 2.0,
                                           .help = "what the delay is multiplied by with each further failure",
                                           .minimum = 1,
                                           .maximum = 100},
                                          {.name = "longest",
                                           .default_value = Duration{std::chrono::minutes{5}},
                                           .help = "the delay grows to this and not further",
                                           .minimum = 0},
                                          {.name = "jitter",
                                           .default_value = std::string(kFull),
                                           .help = "how much of the delay is random: full, equal (half of it) or none",
                                           .choices = {kFull, kEqual, kNone}}})},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<RetryPolicy> {
        return std::make_unique<ExponentialRetry>(config);
      }};
}

}  // namespace drydock
