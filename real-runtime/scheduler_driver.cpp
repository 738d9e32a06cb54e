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

constexpr Duration kWaitForReports = std::chrono::seconds{1};
constexpr Duration kFetchAgain = std::chrono::milliseconds{200};
// What a killed process leaves of its journal is at most this old.
constexpr Duration kFlush = std::chrono::milliseconds{100};

}  // namespace

JobCounts& JobCounts::operator+=(const JobCounts& more) {
  submitted += more.submitted;
  completed += more.completed;
  failed += more.failed;
  cancelled += more.cancelled;
  rejected += more.rejected;
  dispatched += more.dispatched;
  lost += more.lost;
  retried += more.retried;
  preempted += more.preempted;
  drained += more.drained;
  in_doubt += more.in_doubt;
  refused += more.refused;
  declared_dead += more.declared_dead;
  outranked += more.outranked;
  return *this;
}

SchedulerDriver::SchedulerDriver(EventLoop& loop, Scheduler& scheduler, SchedulerDriverOptions options)
    : loop_(loop),
      scheduler_(scheduler),
      options_(std::move(options)),
      step_timer_(loop, [this] { take_step(); }),
      look_timer_(loop, [this] { look(); }),
      cancels_timer_(loop, [this] { look_for_cancels(); }),
      house_timer_(loop, [this] { keep_house(); }),
      look_for_timer_(loop,
                      [this] {
                        for (const JobId job : std::exchange(look_for_, {})) look_for_cancelled(job);
                      }),
      endings_timer_(loop, [this] { send_endings(); }),
      fetch_timer_(loop, [this] { fetch_reports(); }),
      flush_timer_(loop,
                   [this] {
                     if (closed_) return;
                     options_.journal->flush();
                     flush_timer_.start(later(loop_.now(), kFlush));
                   }),
      over_timer_(loop,
                  [this] {
                    if (on_stepped_down_) on_stepped_down_();
                  }),
      postgres_(
          loop, options_.postgres, [this] { postgres_connected(); }, [this] { look(); }),
      loader_(loop, options_.postgres),
      redis_(loop, options_.redis, [this] { redis_connected(); }),
      reports_(loop, options_.redis, [this] {
        reports_.submit(redis::Requeue{std::string(kReportQueue), options_.name}, [](const redis::Reply&) {});
        fetch_reports();
      }) {
  DRYDOCK_CHECK(scheduler.config().control_plane.leadership.lease > Duration{0}, "a scheduler that is for real has a lease");
  DRYDOCK_CHECK(!options_.holder.empty(), "who holds a lease has a name");
  if (options_.wrap_counter) counter_ = options_.wrap_counter(redis_);
  if (options_.wrap_commits) commits_to_ = options_.wrap_commits(postgres_);
  if (options_.journal != nullptr) flush_timer_.start_soon();
}

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
  if (unreadable_ > 0) return fmt::format("{} keys in the registry are no workers: {}", unreadable_, registry_problem_);
  return "";
}

void SchedulerDriver::fail(std::string why) {
  if (!error_.empty()) return;
  error_ = std::move(why);
  step_timer_.stop();
  if (on_error_) on_error_(error_);
}

void SchedulerDriver::shut_down() { push(ShutdownRequested{}); }

// --- reports of workers ---

void SchedulerDriver::fetch_reports() {
  if (!dispatcher_ || fetching_ || !reports_.connected() || over_ || !error_.empty()) return;
  fetching_ = true;
  const redis::Pop pop{std::string(kReportQueue), options_.name};
  reports_.pop(pop, kWaitForReports, [this](const redis::Reply& reply) { take_report(reply); });
}

void SchedulerDriver::take_report(const redis::Reply& reply) {
  fetching_ = false;
  if (over_) return;
  const auto* popped = std::get_if<redis::Popped>(&reply);
  // Redis refuses (its disk or its memory is full, it is a replica, it loads), or the connection broke: then it goes on when there is one.
  if (popped == nullptr) return fetch_timer_.start(later(loop_.now(), kFetchAgain));
  if (popped->payload) {
    redis_.submit(redis::Ack{std::string(kReportQueue), options_.name, *popped->payload}, [](const redis::Reply&) {});
    const Time now = loop_.now();
    ReportReader reader;
    for (const std::string_view message : messages_of(*popped->payload)) {
      // What nobody can read was written by nobody of ours.
      const auto report = reader.read(message);
      if (report.ok()) std::visit([&](const auto& r) { dispatcher_->take(now, r); }, report.value());
    }
    step_timer_.start_soon();
  }
  fetch_reports();
}

// --- steps ---

void SchedulerDriver::push(Event event) {
  if (over_) return;
  facts_.push_back(std::move(event));
  step_timer_.start_soon();
}

void SchedulerDriver::take_step() {
  if (closed_ || over_ || !error_.empty()) return;
  for (Event& fact : dispatcher_ ? dispatcher_->take_facts() : std::vector<Event>{}) {
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
    has_led_ = has_led_ || leads();
    if (over_) return;
    end_cancelled();
    forget_stored();
  }
  send_mail();
  let_shadow_think();
  plan();
  if (idle() && on_idle_) on_idle_();
}

void SchedulerDriver::let_shadow_think() {
  if (options_.shadow == nullptr || !options_.shadow->is_on()) return;
  const Time before = loop_.now();
  options_.shadow->catch_up();
  const Time after = loop_.now();
  options_.shadow->spent(after, after - before);
}

void SchedulerDriver::leave_word(std::string_view key, std::string text, Duration for_how_long) {
  redis_.run({"SET", options_.redis.key_prefix + std::string(key), std::move(text), "PX",
              std::to_string(redis::ttl_ms(for_how_long))},
             {});
}

void SchedulerDriver::plan() {
  if (closed_ || !error_.empty()) return;
  if (!facts_.empty()) return step_timer_.start_soon();
  step_timer_.start(std::min(scheduler_.next_wakeup(), dispatcher_ ? dispatcher_->next_wakeup() : kNever));
}

bool SchedulerDriver::idle() const {
  return leads() && jobs_.empty() && facts_.empty() && commits_.empty() && endings_.empty() && scheduler_.idle();
}

}  // namespace drydock::runtime
