#include "policies/built_in.hpp"
#include "policies/retry_parameters.hpp"

namespace drydock {

namespace {

class FixedRetry final : public RetryPolicy {
 public:
  explicit FixedRetry(const PolicyConfig& config)
      : rules_(retry_rules(config)), retries_(config.get<std::int64_t>("retries")), delay_(config.get<Duration>("delay")) {}
  [[nodiscard]] const RetryRules& rules() const override { return rules_; }
  [[nodiscard]] std::optional<Duration> delay(const FailedAttempt& failed) const override {
    if (std::int64_t{failed.failures} > retries_) return std::nullopt;
    return delay_;
  }

 private:
  RetryRules rules_;
  std::int64_t retries_;
  Duration delay_;
};

}  // namespace

BuiltInRetry fixed_retry_policy() {
  return {.info = {.family = PolicyFamily::retry,
                   .type = "fixed",
                   .summary = "A few retries, each after the same delay",
                   .details = "A failed job leaves its queue for the delay and then waits in it again, in its old place. "
                              "Jobs that failed together come back together. Without a budget, retries multiply the load "
                              "just when it is too high: what failed because of overload is then tried up to 1 + retries "
                              "times, and the overload may last after its cause is gone.",
                   .source = "Everyday practice: 3 retries, 3 s apart",
                   .parameters = with_retry_parameters({retries_parameter(),
                                                        {.name = "delay",
                                                         .default_value = Duration{std::chrono::seconds{3}},
                                                         .help = "time that a failed job stays out of its queue",
                                                         .minimum = 0}})},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<RetryPolicy> {
            return std::make_unique<FixedRetry>(config);
          }};
}

}  // namespace drydock
