// Facts: from the stores into steps of the core.
#include "real-runtime/scheduler_driver.hpp"

#include "policies/core/assert.hpp"
#include "policies/ports/worker_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

constexpr Duration kRetry = std::chrono::milliseconds{200};
constexpr Duration kWaitForReports = std::chrono::seconds{1};
// Orders that are not acknowledged are repeated after this part of a lease.
constexpr int kResendsInLease = 8;

}  // namespace

SchedulerDriver::SchedulerDriver(EventLoop& loop, Scheduler& scheduler, SchedulerDriverOptions options)
    : loop_(loop),
      scheduler_(scheduler),
      options_(std::move(options)),
      step_timer_(loop, [this] { take_step(); }),
      lease_timer_(loop, [this] { lead(); }),
      submit_timer_(loop, [this] { send_jobs(); }),
      endings_timer_(loop, [this] { send_endings(); }),
      look_for_timer_(loop,
                      [this] {
                        for (const JobId job : std::exchange(look_for_, {})) look_for_cancelled(job);
                      }),
      postgres_(loop, options_.postgres, [this] { postgres_connected(); }),
      redis_(loop, options_.redis, [this] { redis_connected(); }),
      reports_(loop, options_.redis, [this] {
        reports_.submit(redis::Requeue{std::string(kReportQueue), options_.name}, [](const redis::Reply&) {});
        fetch_reports();
      }) {}

SchedulerDriver::~SchedulerDriver() { close(false); }

void SchedulerDriver::close(bool all_ended) {
  if (closed_) return;
  closed_ = true;
  step_timer_.stop();
  if (options_.journal != nullptr) options_.journal->close(all_ended ? JournalEnd::all_ended : JournalEnd::stopped);
}

std::string SchedulerDriver::problem() const {
  if (!error_.empty()) return error_;
  if (!postgres_.connected()) return postgres_.problem();
  if (!redis_.connected()) return redis_.problem();
  if (!begun_) return "waiting for the lease of the leader";
  if (unreadable_ > 0) return fmt::format("{} keys in the registry are no workers: {}", unreadable_, registry_problem_);
  return "";
}

void SchedulerDriver::fail(std::string why) {
  if (!error_.empty()) return;
  error_ = std::move(why);
  step_timer_.stop();
  lease_timer_.stop();
  if (on_error_) on_error_(error_);
}

// --- becoming the leader ---

void SchedulerDriver::postgres_connected() { lead(); }

void SchedulerDriver::lead() {
  if (leading_ || !error_.empty() || !postgres_.connected()) return;
  leading_ = true;
  postgres_.submit(postgres::AcquireLease{.lease = std::string(kLease),
                                          .holder = options_.name,
                                          .ttl = options_.leader_lease,
                                          .epoch_min = std::max<std::int64_t>(1, epoch_)},
                   [this](const postgres::Reply& reply) { take_lease(reply); });
}

void SchedulerDriver::take_lease(const postgres::Reply& reply) {
  leading_ = false;
  const auto* lease = std::get_if<postgres::Lease>(&reply);
  if (lease == nullptr) {
    lease_timer_.start(later(loop_.now(), kRetry));
    return;
  }
  if (lease->holder == options_.name && (epoch_ == 0 || lease->epoch == epoch_)) {
    lease_timer_.start(later(loop_.now(), options_.leader_lease / 3));
    if (epoch_ != 0) return;
    epoch_ = lease->epoch;
    const Duration resend = options_.worker_lease / kResendsInLease;
    dispatcher_.emplace(DispatcherConfig{.epoch = epoch_, .resend = resend, .resend_longest = options_.worker_lease});
    look_for_jobs();
  } else if (begun_) {
    fail(fmt::format("the lease of the leader was lost; {} has it in epoch {}", lease->holder, lease->epoch));
  } else {
    lease_timer_.start(later(loop_.now(), kRetry));
  }
}

void SchedulerDriver::look_for_jobs() {
  postgres_.submit(postgres::LoadArrived{.after = 0, .limit = 1}, [this](const postgres::Reply& reply) {
    const auto* jobs = std::get_if<postgres::Jobs>(&reply);
    if (jobs == nullptr) {
      lease_timer_.start(later(loop_.now(), kRetry));
      epoch_ = 0;
    } else if (!jobs->jobs.empty()) {
      fail("the store holds jobs of a scheduler before: this version does not take over");
    } else {
      begin();
    }
  });
}

void SchedulerDriver::begin() {
  begun_ = true;
  raise_epoch();
  send_jobs();
  fetch_reports();
  step_timer_.start_soon();
}

void SchedulerDriver::redis_connected() {
  if (begun_) raise_epoch();
}

// A Redis that forgot takes orders of every epoch until it is told.
void SchedulerDriver::raise_epoch() {
  redis_.submit(redis::RaiseEpoch{epoch_}, [](const redis::Reply&) {});
}

// --- jobs ---

void SchedulerDriver::submit(std::vector<postgres::Job> jobs) {
  std::ranges::move(jobs, std::back_inserter(to_submit_));
  send_jobs();
}

void SchedulerDriver::send_jobs() {
  if (!begun_ || submitting_ > 0 || to_submit_.empty() || !error_.empty()) return;
  submitting_ = std::min(kMostJobsAtOnce, to_submit_.size());
  const auto end = to_submit_.begin() + static_cast<std::ptrdiff_t>(submitting_);
  postgres_.submit(postgres::SubmitJobs{{to_submit_.begin(), end}},
                   [this](const postgres::Reply& reply) { jobs_sent(reply); });
}

// A repetition is harmless: what is not certain is said again.
void SchedulerDriver::jobs_sent(const postgres::Reply& reply) {
  const std::size_t count = std::exchange(submitting_, 0);
  submit_in_doubt_ = !std::holds_alternative<postgres::Submitted>(reply);
  if (submit_in_doubt_) {
    submit_timer_.start(later(loop_.now(), kRetry));
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    postgres::Job job = std::move(to_submit_.front());
    to_submit_.pop_front();
    push(JobSubmitted{job.spec});
    const std::uint64_t id = job.spec.id.value;
    const bool is_new =
        jobs_.emplace(id, JobRecord{.spec = job.spec, .payload = std::move(job.payload), .submitted = loop_.now()}).second;
    DRYDOCK_CHECK(is_new, "ids of jobs are new");
    ++counts_.submitted;
  }
  send_jobs();
}

void SchedulerDriver::cancel(JobId job) {
  const auto at = jobs_.find(job.value);
  if (at == jobs_.end()) return cancel_stored(job);
  if (std::exchange(at->second.cancelled, true)) return;
  cancelled_.insert(job);
  push(JobCancelled{job});
}

// --- reports of workers ---

void SchedulerDriver::fetch_reports() {
  if (!begun_ || fetching_ || !reports_.connected() || !error_.empty()) return;
  fetching_ = true;
  const redis::Pop pop{std::string(kReportQueue), options_.name};
  reports_.pop(pop, kWaitForReports, [this](const redis::Reply& reply) { take_report(reply); });
}

void SchedulerDriver::take_report(const redis::Reply& reply) {
  fetching_ = false;
  const auto* popped = std::get_if<redis::Popped>(&reply);
  if (popped == nullptr) return;  // it goes on when it has connected again
  if (popped->payload) {
    redis_.submit(redis::Ack{std::string(kReportQueue), options_.name, *popped->payload}, [](const redis::Reply&) {});
    // What nobody can read was written by nobody of ours.
    if (const auto report = parse_report(*popped->payload); report.ok()) {
      dispatcher_->take(loop_.now(), report.value());
      step_timer_.start_soon();
    }
  }
  fetch_reports();
}

// --- steps ---

void SchedulerDriver::push(Event event) {
  facts_.push_back(std::move(event));
  if (begun_) step_timer_.start_soon();
}

void SchedulerDriver::take_step() {
  if (!begun_ || closed_ || !error_.empty()) return;
  std::vector<Event> reported = dispatcher_->take_facts();
  for (Event& fact : reported) {
    if (const auto* stopped = std::get_if<AttemptStopped>(&fact)) {
      const auto job = jobs_.find(stopped->attempt.job.value);
      if (job != jobs_.end()) job->second.progress = stopped->progress;
    }
    facts_.push_back(std::move(fact));
  }
  const Time now = loop_.now();
  if (!facts_.empty() || scheduler_.next_wakeup() <= now) {
    step_facts_.swap(facts_);
    facts_.clear();
    order_canonically(step_facts_);
    const std::span<const Command> commands = scheduler_.step(now, step_facts_);
    ++steps_;
    if (options_.journal != nullptr) options_.journal->step(now, step_facts_, commands, scheduler_.journal_hash());
    for (const Command& command : commands) carry_out(command);
    end_cancelled();
    forget_stored();
  }
  send_mail();
  plan();
  if (idle() && on_idle_) on_idle_();
}

void SchedulerDriver::plan() {
  if (closed_ || !error_.empty()) return;
  if (!facts_.empty()) return step_timer_.start_soon();
  step_timer_.start(std::min(scheduler_.next_wakeup(), dispatcher_->next_wakeup()));
}

bool SchedulerDriver::idle() const {
  return begun_ && jobs_.empty() && to_submit_.empty() && facts_.empty() && commits_.empty() && endings_.empty() &&
         scheduler_.idle();
}

}  // namespace drydock::runtime
