// A placement policy that goes by arrival until the job with this id waits, and then does something that no policy may.
#pragma once

#include "policies/list_scheduling.hpp"
#include "policies/plugin.hpp"

#include <memory>
#include <vector>

namespace drydock {

template <auto misbehave>
class BadPolicy final : public PlacementPolicy {
 public:
  [[nodiscard]] PlacementTraits traits() const override { return {}; }
  [[nodiscard]] Rank rank(const Job& /*job*/, const Cluster& /*cluster*/) const override { return {}; }
  void plan(const PassContext& pass, Plan& plan) override {
    if (const auto job = pass.cluster.find(JobId{3})) misbehave(pass, plan, *job);
    start_heads(pass, plan, scratch_);
  }

 private:
  std::vector<Placement> scratch_;
};

template <auto misbehave>
void give(PluginPolicies& out, const char* type) {
  out.placements.push_back({.info = {.family = PolicyFamily::placement,
                                     .type = type,
                                     .summary = "Misbehaves at job 3",
                                     .details = "For tests.",
                                     .source = "None"},
                            .make = [](const PolicyConfig& /*config*/) -> std::unique_ptr<PlacementPolicy> {
                              return std::make_unique<BadPolicy<misbehave>>();
                            }});
}

}  // namespace drydock
