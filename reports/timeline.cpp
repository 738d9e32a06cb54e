#include "reports/timeline.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace drydock::reports {
namespace {

struct Fixed {
  const char* name;
  const char* unit;
  double factor;
};
enum : std::size_t { kWaiting, kRunning, kUsed, kLive, kWorkers, kDrift };
constexpr std::array<Fixed, 6> kFixed{{{"jobs waiting", "jobs", 1},
                                       {"attempts running", "attempts", 1},
                                       {"cpus in use", "cpus", 1e-3},
                                       {"cpus of live workers", "cpus", 1e-3},
                                       {"workers live", "workers", 1},
                                       {"counter drift", "cpus", 1e-3}}};

constexpr std::size_t kNotKept = ~std::size_t{0};

// The last fault that took the worker down before it was missed.
void explain(Failure& failure, std::span<const FaultSpan> faults) {
  for (const FaultSpan& fault : faults) {
    if (fault.from > failure.suspected) break;
    if (std::ranges::find(fault.workers, failure.worker) == fault.workers.end()) continue;
    failure.fault = fault.from;
    failure.what = fault.type;
  }
}

}  // namespace

Timeline::Timeline(std::vector<std::string> queues, const TimelineOptions& options)
    : queues_(std::move(queues)), options_(options) {
  if (queues_.size() > options_.queues) queues_.resize(options_.queues);
}

void Timeline::begin(Time now) {
  begun_ = true;
  from_ = now;
  fixed_.assign(kFixed.size(), SteppedSeries(now, options_.buckets));
  waiting_of_.assign(queues_.size(), SteppedSeries(now, options_.buckets));
  cpus_of_.assign(queues_.size(), SteppedSeries(now, options_.buckets));
}

void Timeline::step(Time now, const Happenings& all) {
  if (!begun_) begin(now);
  fixed_[kWaiting].set(now, static_cast<std::int64_t>(all.waiting()));
  fixed_[kRunning].set(now, static_cast<std::int64_t>(all.running()));
  fixed_[kUsed].set(now, all.cpus_used());
  fixed_[kLive].set(now, all.cpus_live());
  fixed_[kWorkers].set(now, all.workers_live());
  if (const auto drift = all.drift()) {
    drifted_ = true;
    fixed_[kDrift].set(now, *drift);
  }
  for (std::size_t q = 0; q < queues_.size(); ++q) {
    const QueueId queue{static_cast<std::uint32_t>(q)};
    waiting_of_[q].set(now, all.waiting_of(queue));
    cpus_of_[q].set(now, all.cpus_of(queue));
  }
  for (const WorkerMark& mark : all.marks()) note(mark);
  for (const Stretch& stretch : all.ended()) {
    const auto last = last_failure_.find(stretch.worker);
    if (stretch.end != StretchEnd::lost || last == last_failure_.end() || last->second == kNotKept) continue;
    // Else it was lost with another worker that it ran on.
    if (failures_[last->second].known == now) lost_jobs_[stretch.attempt.job] = last->second;
  }
  for (const Happenings::Began& began : all.began()) {
    ++attempts_;
    const auto lost = lost_jobs_.find(began.attempt.job);
    if (lost == lost_jobs_.end()) continue;
    failures_[lost->second].resumed = now;
    lost_jobs_.erase(lost);
  }
}

// The one that a worker is in; nothing where it is not kept.
Failure* Timeline::open_failure(WorkerId worker) {
  const auto found = last_failure_.find(worker);
  return found == last_failure_.end() || failures_[found->second].returned ? nullptr : &failures_[found->second];
}

void Timeline::note(const WorkerMark& mark) {
  using Kind = WorkerMark::Kind;
  // Another process of it has come, or its time is over.
  const bool dead = (mark.gone && mark.kind != Kind::left) || (mark.kind == Kind::returned && mark.lost > 0);
  if (dead) ++losses_;
  if (const auto last = last_failure_.find(mark.worker); last != last_failure_.end() && last->second == kNotKept) {
    if (mark.kind == Kind::returned) last_failure_.erase(last);
    return;
  }
  Failure* open = open_failure(mark.worker);
  const bool unasked = dead || mark.kind == Kind::expired;
  if (open == nullptr && unasked) {
    ++failures_in_all_;
    if (failures_.size() >= options_.failures) {
      if (mark.kind != Kind::returned) last_failure_[mark.worker] = kNotKept;
      return;
    }
    last_failure_[mark.worker] = failures_.size();
    open = &failures_.emplace_back(Failure{.worker = mark.worker, .suspected = mark.at});
  }
  if (open == nullptr) return;
  open->lost += mark.lost;
  if (dead) open->known = open->known.value_or(mark.at);
  if (mark.kind == Kind::returned) open->returned = mark.at;
}

Timeline::Course Timeline::finish(Time end, std::span<const FaultSpan> faults) {
  for (Failure& failure : failures_) explain(failure, faults);
  Course course{.from = from_,
                .to = end,
                .series = {},
                .failures = failures_,
                .failures_in_all = failures_in_all_,
                .losses = losses_,
                .attempts = attempts_};
  if (!begun_) return course;
  for (std::size_t i = 0; i < kFixed.size(); ++i) {
    if (i == kDrift && !drifted_) continue;
    course.series.push_back({kFixed[i].name, kFixed[i].unit, kFixed[i].factor, fixed_[i].finish(end)});
  }
  if (queues_.size() < 2) return course;
  for (std::size_t q = 0; q < queues_.size(); ++q) {
    course.series.push_back({"waiting: " + queues_[q], "jobs", 1, waiting_of_[q].finish(end)});
    course.series.push_back({"cpus: " + queues_[q], "cpus", 1e-3, cpus_of_[q].finish(end)});
  }
  return course;
}

}  // namespace drydock::reports
