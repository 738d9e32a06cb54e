// What clients wrote into the store: new jobs, and requests to cancel some. Hints (NOTIFY) make it quick; that nothing is missed is due to
// looking again and again.
#include "real-runtime/history.hpp"
#include "real-runtime/scheduler_driver.hpp"

#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

constexpr std::uint32_t kMostAtOnce = 1000;
constexpr Duration kLook = std::chrono::seconds{1};
constexpr Duration kRetry = std::chrono::milliseconds{200};
constexpr Duration kKeepHouse = std::chrono::seconds{10};

}  // namespace

void SchedulerDriver::look() {
  if (!loaded_ || over_ || !error_.empty()) return;
  if (looking_) {
    hinted_ = true;
    return;
  }
  looking_ = true;
  hinted_ = false;
  postgres_.submit(postgres::LoadArrived{last_arrival_, kMostAtOnce},
                   [this](const postgres::Reply& reply) { take_arrivals(reply); });
}

// Requests to cancel come after the jobs that they name.
void SchedulerDriver::take_arrivals(const postgres::Reply& reply) {
  if (over_) return;
  const auto* jobs = std::get_if<postgres::Jobs>(&reply);
  if (jobs == nullptr) {
    looking_ = false;
    return look_timer_.start(later(loop_.now(), kRetry));
  }
  for (const postgres::LoadedJob& row : jobs->jobs) {
    last_arrival_ = row.arrival;
    auto record = record_of(row);
    if (!record) continue;
    const auto [job, is_new] = jobs_.try_emplace(row.job.spec.id.value, std::move(*record));
    if (!is_new) continue;
    push(JobSubmitted{job->second.spec});
    ++counts_.submitted;
  }
  if (jobs->jobs.size() == kMostAtOnce) return look_again(true);
  cancels_timer_.start_soon();  // behind the step, whose commit goes first
}

void SchedulerDriver::look_for_cancels() {
  postgres_.submit(postgres::LoadCancels{last_cancel_, kMostAtOnce},
                   [this](const postgres::Reply& cancels) { take_cancels(cancels); });
}

void SchedulerDriver::take_cancels(const postgres::Reply& reply) {
  if (over_) return;
  const auto* cancels = std::get_if<postgres::Cancels>(&reply);
  if (cancels == nullptr) {
    looking_ = false;
    return look_timer_.start(later(loop_.now(), kRetry));
  }
  for (const postgres::CancelRequest& request : cancels->requests) {
    last_cancel_ = request.number;
    cancel(request.job);
  }
  look_again(cancels->requests.size() == kMostAtOnce);
}

void SchedulerDriver::look_again(bool at_once) {
  looking_ = false;
  if (at_once || hinted_) look();
  else look_timer_.start(later(loop_.now(), kLook));
}

void SchedulerDriver::cancel(JobId job) {
  const auto at = jobs_.find(job.value);
  if (at == jobs_.end()) return look_for_cancelled(job);
  if (std::exchange(at->second.cancelled, true)) return;
  cancelled_.insert(job);
  push(JobCancelled{job});
}

// What reads live jobs begins where the first of them is. To find that may take long: nothing else, and least of all the lease, waits for
// it.
void SchedulerDriver::keep_house() {
  if (!housekeeping_) housekeeping_.emplace(loop_, options_.postgres);
  housekeeping_->submit(postgres::RaiseMark{fence()}, [](const postgres::Reply&) {});
  if (options_.keep_history && !std::exchange(pruning_, true)) {
    prune_history(*housekeeping_, {.age = *options_.keep_history}, [this] { pruning_ = false; });
  }
  keep_house_later();
}

void SchedulerDriver::keep_house_later() { house_timer_.start(later(loop_.now(), kKeepHouse)); }

}  // namespace drydock::runtime
