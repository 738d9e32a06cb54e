#include "policies/built_in.hpp"
#include "policies/share_parameters.hpp"

namespace drydock {

namespace {

class EqualActive final : public SharePolicy {
 public:
  explicit EqualActive(const ShareRules& rules) : rules_(rules) {}
  [[nodiscard]] const ShareRules& rules() const override { return rules_; }
  void divide(const ShareLimits& limits, std::span<const WorkerReport> workers, std::span<Share> targets) const override {
    divide_equally(limits, workers, rules_.idle_holds, IdleCosts::nothing, targets);
  }

 private:
  ShareRules rules_;
};

}  // namespace

BuiltInShare equal_active_policy() {
  return {
      .info = {.family = PolicyFamily::share,
               .type = "equal-active",
               .summary = "One active worker uses all, N active ones an N-th each; each works it out by itself",
               .details =
                   "Workers announce whether they are active, look at the others every check, and adjust their share every "
                   "adjust: one active worker takes the total, N active ones the total divided by N; while nobody is "
                   "active everybody holds the base share. Shares overlap until all have noticed a change: one old holder "
                   "and n - 1 simultaneous newcomers reach 2 - 1/n times the limit, newcomers one after the other "
                   "1 + 1/2 + ... + 1/n, for up to check + adjust.",
               .source = "The dynamic-share rule of the source system",
               .parameters = announced_parameters()},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<SharePolicy> {
        return std::make_unique<EqualActive>(announced_rules(config));
      }};
}

}  // namespace drydock
