// Preemptive list scheduling: a head that does not fit takes the place of running jobs that come after it. What the policies
// srpt, las and priority (preemptive) have in common.
#pragma once

#include "policies/core/outlook.hpp"
#include "policies/core/placement_policy.hpp"

#include <vector>

namespace drydock {

class Preemption {
 public:
  // `pass` is a PassContext or an IsolationPass. Makes room for a head that does not fit, if stopping running jobs that come after it can. `for_each_victim(visit)` calls
  // visit(job) for those that may be stopped, the last first, until it returns false. A stopped job must rank behind the
  // head, or both would take turns for ever. Jobs that are being stopped already count as room to come. None is stopped
  // without which the head would fit as well.
  template <class Pass, class ForEachVictim>
  void make_room(const Pass& pass, Plan& plan, JobRef head_ref, const ForEachVictim& for_each_victim) {
    const Job& head = pass.cluster.job(head_ref);
    outlook_.begin(pass.cluster, pass.pool, head.spec.per_task);
    victims_.clear();
    for_each_victim([&](JobRef ref) {
      const Job& job = pass.cluster.job(ref);
      if (job.state == JobState::committing) return true;  // not dispatched yet: cannot be stopped
      outlook_.release(job);
      if (job.state == JobState::running) victims_.push_back(ref);
      return outlook_.fitting() < head.spec.tasks;
    });
    if (outlook_.fitting() < head.spec.tasks) return;
    spare_the_useless(pass.cluster, head);
    for (const JobRef victim : victims_) {
      if (!plan.preempt({.victim = victim, .beneficiary = head_ref})) return;
    }
  }

 private:
  // One may hold what the head has no use for, or too little of it to matter beside the room that a later one makes. The one
  // visited last is spared first: it ranks best. Sparing one never makes another useless, so one look at each is enough.
  void spare_the_useless(const Cluster& cluster, const Job& head) {
    auto kept = victims_.end();
    for (auto victim = victims_.end(); victim != victims_.begin();) {
      --victim;
      outlook_.take_back(cluster.job(*victim));
      if (outlook_.fitting() >= head.spec.tasks) continue;
      outlook_.release(cluster.job(*victim));
      *--kept = *victim;
    }
    victims_.erase(victims_.begin(), kept);
  }

  Outlook outlook_;
  std::vector<JobRef> victims_;
};

}  // namespace drydock
