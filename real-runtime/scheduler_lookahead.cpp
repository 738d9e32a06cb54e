// Jobs that the scheduler does not hold in memory: read from PostgreSQL when it asks for them, and forgotten here while they wait there
// alone.
#include "policies/core/assert.hpp"
#include "real-runtime/scheduler_driver.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

constexpr Duration kRetry = std::chrono::milliseconds{200};
constexpr std::size_t kFewRecords = 1000;

}  // namespace

void SchedulerDriver::load_waiting(const AskWaiting& order) {
  ++loads_;
  AsyncPostgres& connection = loader_.connected() ? loader_ : postgres_;
  connection.submit(postgres::LoadWaiting{queues_.stored(order.queue), order.after, order.limit},
                    [this, order](const postgres::Reply& reply) {
                      --loads_;
                      if (over_) return;
                      WaitingLoaded answer{.request = order.request, .answer = Answer::failed};
                      if (const auto* jobs = std::get_if<postgres::Jobs>(&reply)) {
                        answer.answer = Answer::done;
                        answer.whole = jobs->jobs.size() < order.limit;
                        for (const postgres::LoadedJob& row : jobs->jobs) take_loaded(row);
                        if (!answer.whole) answer.last = place_of(jobs->jobs.back().job.spec);
                      }
                      if (loads_ == 0) ended_while_loading_.clear();
                      push(answer);
                    });
}

// One whose end is on the way to the store waits there no more.
void SchedulerDriver::take_loaded(const postgres::LoadedJob& row) {
  auto fresh = record_of(row);
  if (!fresh) return;
  const JobSpec spec = fresh->spec;
  const JobId id = row.job.spec.id;
  if (ended_while_loading_.contains(id)) return;
  const bool held = scheduler_.cluster().find(id).has_value();
  const auto known = jobs_.find(id.value);
  if (known != jobs_.end() && !held && (known->second.cancelled || known->second.ending)) return;
  const auto record = known != jobs_.end() ? known : jobs_.emplace(id.value, std::move(*fresh)).first;
  push(JobLoaded{.job = spec,
                 .submitted = record->second.submitted,
                 .attempts = row.view.attempts,
                 .failures = row.view.failures,
                 .losses = row.view.losses,
                 .progress = row.view.progress});
}

// While a load is on its way, the scheduler may have put some aside that it will hold. Seldom, so that it costs little.
void SchedulerDriver::forget_stored() {
  if (scheduler_.config().control_plane.lookahead == 0 || loads_ > 0 || !facts_.empty()) return;
  if (jobs_.size() <= std::max(kFewRecords, forget_beyond_) && !scheduler_.idle()) return;
  std::erase_if(jobs_, [this](const auto& entry) {
    return !entry.second.cancelled && !entry.second.ending && !scheduler_.cluster().find(JobId{entry.first});
  });
  forget_beyond_ = 2 * jobs_.size();
}

// --- jobs that are cancelled while they wait in the store alone: those put aside, and those of queues that this scenario has not ---

void SchedulerDriver::look_for_cancelled(JobId job) {
  postgres_.submit(postgres::ReadJob{job}, [this, job](const postgres::Reply& reply) {
    if (over_) return;
    if (jobs_.contains(job.value)) return cancel(job);  // it was loaded meanwhile
    const auto* view = std::get_if<postgres::JobView>(&reply);
    if (view == nullptr) {
      look_for_.push_back(job);
      look_for_timer_.start(later(loop_.now(), kRetry));
    } else if (view->found && view->state == postgres::JobState::waiting) {
      JobRecord record;
      record.cancelled = true;
      jobs_.emplace(job.value, std::move(record));
      cancelled_.insert(job);
      push(JobCancelled{job});
    }
  });
}

}  // namespace drydock::runtime
