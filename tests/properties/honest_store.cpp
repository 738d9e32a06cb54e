// The honest world's store, where the scheduler does not hold all that waits in memory and reads from it.
#include "tests/properties/honest_world.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <memory>

namespace drydock::properties {

void HonestWorld::write(const Commit& c) {
  for (const Release& r : c.releases) {
    JobTruth::Row& row = jobs_[r.attempt.job.value].row;
    row.held = false;
    switch (r.reason) {
      case ReleaseReason::worker_lost: ++row.losses; break;
      case ReleaseReason::retried: ++row.failures; break;
      case ReleaseReason::preempted:
      case ReleaseReason::drained: break;
      case ReleaseReason::succeeded:
      case ReleaseReason::failed:
      case ReleaseReason::cancelled:
      case ReleaseReason::quarantined: row.ended = true;
    }
  }
  for (const Assignment& a : c.assignments) {
    JobTruth::Row& row = jobs_[a.attempt.job.value].row;
    row.held = true;
    row.attempts = a.attempt.number;
  }
}

// Of what was cancelled or rejected while it held nothing, the world writes the end itself, at once.
std::vector<Event> HonestWorld::read_waiting(const AskWaiting& c) const {
  std::map<QueuePlace, std::size_t> waiting;
  for (std::size_t j = 0; j < jobs_.size(); ++j) {
    const JobTruth& job = jobs_[j];
    const QueuePlace place = place_of(config_.jobs[j]);
    const bool waits = job.row.there && !job.row.held && !job.row.ended && !job.cancelled && !job.rejected;
    if (waits && config_.jobs[j].queue == c.queue && (!c.after || *c.after < place)) waiting[place] = j;
  }
  std::vector<Event> facts;
  WaitingLoaded answer{.request = c.request, .whole = waiting.size() < c.limit};
  for (const auto& [place, j] : waiting) {
    if (facts.size() == c.limit) break;
    const JobTruth::Row& row = jobs_[j].row;
    facts.emplace_back(JobLoaded{.job = config_.jobs[j],
                                 .submitted = config_.submissions[j],
                                 .attempts = row.attempts,
                                 .failures = row.failures,
                                 .losses = row.losses,
                                 .progress = std::min(jobs_[j].done, config_.jobs[j].estimate)});
    if (!answer.whole) answer.last = place;
  }
  facts.emplace_back(answer);
  return facts;
}

// The store reads when the question arrives: at once, or just before its answer is back.
void HonestWorld::obey(const AskWaiting& c) {
  new_request(c.request);
  if (c.limit == 0 || c.limit > config_.scheduler.control_plane.lookahead) complain("a load of no job, or of too many");
  if (!loading_.insert(c.queue).second) complain("a queue is loaded twice at once");
  const Duration delay = config_.dangers.slow_store ? some_delay(400) : Duration{0};
  const bool fails = config_.dangers.store_faults && !healed() && chance(3);
  const auto answer = std::make_shared<std::vector<Event>>();
  if (fails) answer->emplace_back(WaitingLoaded{c.request, chance(2) ? Answer::failed : Answer::unknown});
  at(now_ + (chance(2) ? delay : Duration{0}), [this, c, answer] {
    if (answer->empty()) *answer = read_waiting(c);
  });
  at(now_ + delay, [this, c, answer] {
    loading_.erase(c.queue);
    for (const Event& fact : *answer) tell(fact);
  });
}

// Jobs that were never assigned are held in memory as far as they may be.
void HonestWorld::check_memory() {
  const std::uint32_t lookahead = config_.scheduler.control_plane.lookahead;
  if (lookahead == 0) return;
  for (const Queue& queue : scheduler_.cluster().queues()) {
    const auto held =
        std::ranges::count_if(queue.as_stored, [this](const auto& entry) { return !jobs_[entry.first.job.value].assigned; });
    if (!queue.config.capacity && held > lookahead) complain(fmt::format("{} jobs of a queue are held in memory", held));
  }
}

}  // namespace drydock::properties
