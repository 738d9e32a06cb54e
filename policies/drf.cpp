#include "policies/built_in.hpp"
#include "policies/share_parameters.hpp"

namespace drydock {

namespace {

class Drf final : public SharePolicy {
 public:
  explicit Drf(const ShareRules& rules) : rules_(rules) {}
  [[nodiscard]] const ShareRules& rules() const override { return rules_; }
  void divide(const ShareLimits& limits, std::span<const WorkerReport> workers, std::span<Share> targets) const override {
    divide_drf(limits, workers, rules_.idle_holds, targets);
  }

 private:
  ShareRules rules_;
};

}  // namespace

BuiltInShare drf_policy() {
  return {
      .info =
          {.family = PolicyFamily::share,
           .type = "drf",
           .summary = "Dominant resource fairness over requests at a time, requests and tokens per minute",
           .details =
               "Workers whose requests need the limits in different proportions get equal dominant shares (by weight): one "
               "with large prompts is counted by its tokens, one with many small ones by its requests. What nobody asks "
               "for is given too. Workers find out about each other as in equal-active, so shares overlap after a change.",
           .source = "Ghodsi, Zaharia, Hindman, Konwinski, Shenker, Stoica, NSDI 2011",
           .parameters = announced_parameters()},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<SharePolicy> {
        return std::make_unique<Drf>(announced_rules(config));
      }};
}

}  // namespace drydock
