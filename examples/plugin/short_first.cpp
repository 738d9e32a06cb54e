// Two classes: jobs that say they are short go before all others, each class in order of arrival.
#include <policies/list_scheduling.hpp>
#include <policies/plugin.hpp>

using namespace drydock;

class ShortFirst final : public PlacementPolicy {
 public:
  explicit ShortFirst(Duration limit) : limit_(limit) {}
  PlacementTraits traits() const override { return {.minds_sessions = true}; }
  Rank rank(const Job& job, const Cluster&) const override { return {job.spec.estimate <= limit_ ? 0 : 1}; }
  void plan(const PassContext& pass, Plan& plan) override { start_heads(pass, plan, scratch_); }

 private:
  Duration limit_;
  std::vector<Placement> scratch_;
};

void policies(PluginPolicies& out) {
  out.placements.push_back(
      {.info = {.family = PolicyFamily::placement,
                .type = "short-first",
                .summary = "Short jobs before all others, each kind first come, first served",
                .details =
                    "Jobs whose estimate is at most `limit` go first; the first that does not fit blocks those behind it.",
                .source = "An example",
                .parameters =
                    {{.name = "limit", .default_value = Duration{std::chrono::seconds{10}}, .help = "Of what is short"}}},
       .make = [](const PolicyConfig& config) { return std::make_unique<ShortFirst>(config.get<Duration>("limit")); }});
}
DRYDOCK_PLUGIN(policies)
