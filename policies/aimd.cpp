#include "policies/built_in.hpp"
#include "policies/share_parameters.hpp"

namespace drydock {

namespace {

class AimdPolicy final : public SharePolicy {
 public:
  explicit AimdPolicy(const ShareRules& rules) : rules_(rules) {}
  [[nodiscard]] const ShareRules& rules() const override { return rules_; }
  // Where everybody begins.
  void divide(const ShareLimits& limits, std::span<const WorkerReport> workers, std::span<Share> targets) const override {
    for (std::size_t i = 0; i < workers.size(); ++i) {
      const bool holds = workers[i].active || rules_.idle_holds == IdleHolds::base;
      targets[i] = holds ? limits.base : Share{};
    }
  }

 private:
  ShareRules rules_;
};

std::vector<ParameterInfo> parameters() {
  std::vector<ParameterInfo> all = idle_parameters();
  all.push_back({.name = "adjust",
                 .default_value = Duration{std::chrono::seconds{10}},
                 .help = "time between two increases; within it refusals count once",
                 .minimum = 1e-3});
  all.push_back({.name = "increase",
                 .default_value = 0.025,
                 .help = "what a share that is used up grows by, as a fraction of the total, but at least one unit",
                 .minimum = 0,
                 .maximum = 1});
  all.push_back({.name = "decrease",
                 .default_value = 0.5,
                 .help = "the fraction of a share that remains after a refusal",
                 .minimum = 0,
                 .maximum = 1});
  return all;
}

}  // namespace

BuiltInShare aimd_policy() {
  return {
      .info = {.family = PolicyFamily::share,
               .type = "aimd",
               .summary = "Additive increase, multiplicative decrease: each worker tries until the service refuses",
               .details =
                   "An active worker begins with the base share. Every adjust without a refusal by the service it takes a "
                   "little more of what it uses up; at a refusal it keeps only a part. Needs no store and finds limits that "
                   "nobody wrote down, but learns only by exceeding them.",
               .source = "Chiu, Jain, Computer Networks and ISDN Systems 17(1), 1989",
               .parameters = parameters()},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<SharePolicy> {
        ShareRules rules = idle_rules(config);
        rules.protocol =
            AdaptiveShares{.aimd = {.increase = config.get<double>("increase"), .decrease = config.get<double>("decrease")},
                           .adjust = config.get<Duration>("adjust")};
        return std::make_unique<AimdPolicy>(rules);
      }};
}

}  // namespace drydock
