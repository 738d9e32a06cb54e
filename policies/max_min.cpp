#include "policies/built_in.hpp"
#include "policies/share_parameters.hpp"

namespace drydock {

namespace {

class MaxMin final : public SharePolicy {
 public:
  explicit MaxMin(const ShareRules& rules) : rules_(rules) {}
  [[nodiscard]] const ShareRules& rules() const override { return rules_; }
  void divide(const ShareLimits& limits, std::span<const WorkerReport> workers, std::span<Share> targets) const override {
    divide_max_min(limits, workers, rules_.idle_holds, targets);
  }

 private:
  ShareRules rules_;
};

}  // namespace

BuiltInShare max_min_policy() {
  return {
      .info =
          {.family = PolicyFamily::share,
           .type = "max-min",
           .summary = "Weighted max-min fairness: what one worker has no use for goes to those who want more",
           .details =
               "Each limit is divided among the active workers by water-filling of what they could use, in proportion to "
               "their weights; what nobody asks for is given too, by weight. Workers find out about each other as in "
               "equal-active, so shares overlap after a change.",
           .source = "Water-filling; Bertsekas, Gallager, Data Networks, 2nd edition, 1992, section 6.5.2",
           .parameters = announced_parameters()},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<SharePolicy> {
        return std::make_unique<MaxMin>(announced_rules(config));
      }};
}

}  // namespace drydock
