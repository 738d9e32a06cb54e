#include "sim/periodic.hpp"

#include <algorithm>

namespace drydock::sim {

Periodic::Periodic(const scenarios::Scenario& scenario, std::uint64_t seed)
    : scenario_(scenario), seed_(seed), recorded_(scenario.periodic.size()) {
  if (scenario.periodic.empty()) return;
  if (scenario.duration) end_ = kTimeZero + *scenario.duration;
  for (const scenarios::PeriodicSource& source : scenario.periodic) config_.jobs.push_back(source.schedule);
  for (const scenarios::Fault& fault : scenario.faults) {
    const auto* down = std::get_if<scenarios::BeatDown>(&fault);
    if (down == nullptr) continue;
    outages_.push_back({kTimeZero + down->at, 1});
    if (down->lasting) outages_.push_back({later(kTimeZero + down->at, *down->lasting), -1});
  }
  // Of one instant, what stops goes before what comes back.
  std::ranges::stable_sort(
      outages_, [](const Outage& a, const Outage& b) { return a.at != b.at ? a.at > b.at : a.change < b.change; });
  outages_.push_back({kTimeZero, -1});  // its first start
  down_by_ = 1;
}

Time Periodic::next() const {
  Time at = outages_.empty() ? kNever : outages_.back().at;
  if (beat_) at = std::min(at, beat_->next_wakeup());
  if (!facts_.empty()) at = std::min(at, kTimeZero);
  return at < end_ ? at : kNever;
}

bool Periodic::fire(Time now, JobId id, scenarios::Arrival& arrival) {
  while (firings_.empty()) {
    if (now >= end_) {  // what is due then does not come any more
      facts_.clear();
      return false;
    }
    if (next() > now) return false;
    break_and_repair(now);
    if (!beat_) continue;
    const std::span<const Fire> orders = beat_->step(now, facts_);
    facts_.clear();
    for (const Fire& order : orders) {
      if (accept(order.firing)) firings_.push_back(order.firing);
      facts_.emplace_back(FireAnswered{order.request, Answer::done});
    }
    std::ranges::reverse(firings_);
  }
  const Firing firing = firings_.back();
  firings_.pop_back();
  const PeriodicJob& job = config_.jobs[firing.job.value];
  arrival = scenarios::periodic_arrival(scenario_, firing.job, seed_, due_times_before(job, firing.due));
  arrival.at = now;
  arrival.job.id = id;
  waiting_.emplace(id, firing);
  return true;
}

// A new process learns from the store what has been fired, and that it leads.
void Periodic::break_and_repair(Time now) {
  while (!outages_.empty() && outages_.back().at <= now) {
    down_by_ += outages_.back().change;
    outages_.pop_back();
    if (down_by_ > 0) {
      beat_.reset();
      facts_.clear();
    } else if (!beat_) {
      beat_.emplace(config_);
      for (std::uint32_t j = 0; j < recorded_.size(); ++j) {
        if (!recorded_[j].last) continue;
        const Firing last{PeriodicId{j}, *recorded_[j].last};
        const bool waits = std::ranges::any_of(waiting_, [&](const auto& entry) { return entry.second == last; });
        facts_.emplace_back(FiringRecorded{last, waits});
      }
      facts_.emplace_back(BecameLeader{++epoch_});
    }
  }
}

bool Periodic::accept(Firing firing) {
  Recorded& recorded = recorded_[firing.job.value];
  if (recorded.last && firing.due <= *recorded.last) return false;
  recorded.last = firing.due;
  ++recorded.fired;
  return true;
}

std::optional<Time> Periodic::taken(JobId job) {
  const auto found = waiting_.find(job);
  if (found == waiting_.end()) return std::nullopt;
  const Firing firing = found->second;
  waiting_.erase(found);
  if (beat_) facts_.emplace_back(FiringTaken{firing});
  return firing.due;
}

std::uint64_t Periodic::missed(Time now) const {
  std::uint64_t missed = 0;
  for (std::size_t j = 0; j < recorded_.size(); ++j) {
    missed += due_times_before(config_.jobs[j], std::min(now, end_)) - recorded_[j].fired;
  }
  return missed;
}

}  // namespace drydock::sim
