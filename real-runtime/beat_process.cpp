#include "real-runtime/beat_process.hpp"

#include "policies/core/assert.hpp"
#include "real-runtime/random_text.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

constexpr Duration kLoadAgain = std::chrono::seconds{1};
// How often a firing that holds others back is looked at.
constexpr Duration kLookAtWaiting = std::chrono::milliseconds{500};
// How long one that ends waits until its lease is given back.
constexpr Duration kGiveBack = std::chrono::seconds{1};
// Ids reserved at once.
constexpr std::uint32_t kIdsAtOnce = 100;

Answer beat_answer(const postgres::Reply& reply) {
  const auto* failed = std::get_if<postgres::Failed>(&reply);
  return failed != nullptr && failed->reason == postgres::Failed::Reason::unknown ? Answer::unknown : Answer::failed;
}

}  // namespace

BeatProcess::BeatProcess(EventLoop& loop, BeatProcessOptions options)
    : loop_(loop),
      options_(std::move(options)),
      life_(random_text(8)),
      leadership_(options_.leadership),
      step_timer_(loop, [this] { step(); }),
      stand_by_timer_(loop, [this] { stand_by(); }),
      look_timer_(loop, [this] { look_at_waiting(); }),
      end_timer_(loop, [this] { end(); }),
      postgres_(loop, options_.postgres, [this] { step_timer_.start_soon(); }) {
  DRYDOCK_CHECK(options_.leadership.lease > Duration{0}, "a beat that is for real has a lease");
  DRYDOCK_CHECK(options_.job_for != nullptr, "what is fired becomes a job");
  stand_by();
}

// --- steps ---

void BeatProcess::push(BeatEvent event) {
  facts_.push_back(event);
  step_timer_.start_soon();
}

void BeatProcess::step() {
  if (over_) return;
  const Time now = loop_.now();
  if (leadership_.over(now)) return lose();
  if (leadership_.due(now)) ask_lease();
  if (leadership_.epoch() > 0 && !role_ && !loading_ && now >= load_at_) load();
  if (role_) {
    const Time at = schedule_time();
    if (!facts_.empty() || role_->next_wakeup() <= at) {
      const std::vector<BeatEvent> facts = std::exchange(facts_, {});
      for (const Fire& order : role_->step(at, facts)) carry_out(order);
    }
  }
  plan();
  if (on_step_) on_step_();
}

void BeatProcess::plan() {
  if (!facts_.empty()) return step_timer_.start_soon();
  Time at = leadership_.next_wakeup();
  if (role_ && role_->next_wakeup() != kNever) at = std::min(at, later(role_->next_wakeup(), -ahead_));
  if (leadership_.epoch() > 0 && !role_ && !loading_) at = std::min(at, load_at_);
  step_timer_.start(at);
}

// A clock that was set back stands still here until it is past again.
Time BeatProcess::schedule_time() {
  schedule_ = std::max(schedule_, later(loop_.now(), ahead_));
  return schedule_;
}

bool BeatProcess::done_until(Time end) const {
  return role_ && facts_.empty() && sent_.empty() && without_id_.empty() && waiting_.empty() && role_->next_wakeup() >= end;
}

// --- the lease ---

void BeatProcess::stand_by() {
  if (over_) return;
  holder_ = fmt::format("{} {}-{}", options_.name, life_, ++reign_);
  leadership_ = Leadership(options_.leadership);
  step_timer_.start_soon();
}

void BeatProcess::ask_lease() {
  const RequestId request{++requests_};
  leadership_.asked(request, loop_.now());
  asking_ = true;
  postgres_.submit(postgres::AcquireLease{.lease = std::string(kLease),
                                          .holder = holder_,
                                          .ttl = options_.leadership.lease,
                                          .epoch_min = epoch() > 0 ? epoch() : epoch_min_},
                   [this, request](const postgres::Reply& reply) { lease_answered(request, reply); });
}

void BeatProcess::lease_answered(RequestId request, const postgres::Reply& reply) {
  if (request.value != requests_) return;
  asking_ = false;
  LeaseAnswered answer{.request = request, .answer = beat_answer(reply)};
  if (const auto* lease = std::get_if<postgres::Lease>(&reply))
    answer = {request, Answer::done, lease->holder == holder_, lease->epoch, lease->left};
  if (over_) return answer.held ? release(answer.epoch) : end();
  switch (leadership_.take(answer, loop_.now())) {
    case Leadership::Turn::none:
      if (role_ && answer.held) ask_clock();
      break;
    case Leadership::Turn::gained: load_at_ = loop_.now(); break;
    case Leadership::Turn::outranked: return lose();
  }
  step_timer_.start_soon();
}

// What was fired before, and what time it is.
void BeatProcess::load() {
  loading_ = true;
  std::vector<std::string> names;
  for (const PeriodicJob& job : options_.jobs) names.push_back(job.name);
  postgres_.call(encode_beat(fence(), names, options_.queues),
                 [this, reign = reign_](const Result<std::vector<std::string>>& row) {
                   if (reign != reign_ || over_) return;
                   loading_ = false;
                   if (const auto record = row ? beat_record_in(row.value()) : std::nullopt) return take(*record);
                   load_at_ = later(loop_.now(), kLoadAgain);
                   problem_ = row ? "" : row.error().message;
                   step_timer_.start_soon();
                 });
}

void BeatProcess::take(const BeatRecord& record) {
  problem_.clear();
  const bool from_zero = options_.zero.has_value();
  ahead_ = from_zero ? kTimeZero - *options_.zero : time_at(record.now_us * 1000) - loop_.now();
  queues_ = QueueNumbers(record.queues);
  BeatConfig config{.jobs = options_.jobs};
  for (std::uint32_t j = 0; j < config.jobs.size(); ++j) {
    const BeatRecord::Job& known = record.jobs.at(j);
    if (!from_zero) config.jobs[j] = due_after(config.jobs[j], time_at(known.known_since_us * 1000));
    if (!known.last_due_ns) continue;
    const Firing last{PeriodicId{j}, time_at(*known.last_due_ns)};
    facts_.emplace_back(FiringRecorded{last, known.waits});
    if (known.waits) watch(last, known.last_job);
  }
  role_.emplace(std::move(config));
  push(BecameLeader{static_cast<std::uint64_t>(epoch())});
  if (on_turn_) on_turn_();
}

// The server's clock may be set, and this machine may have stood still.
void BeatProcess::ask_clock() {
  if (options_.zero) return;
  postgres_.call({std::nullopt, "select (extract(epoch from clock_timestamp()) * 1000000)::bigint", {}},
                 [this, reign = reign_](const Result<std::vector<std::string>>& row) {
                   std::int64_t us = 0;
                   if (reign != reign_ || !row || row.value().empty()) return;
                   const std::string& text = row.value().front();
                   if (std::from_chars(text.data(), text.data() + text.size(), us).ec != std::errc{}) return;
                   ahead_ = time_at(us * 1000) - loop_.now();
                   step_timer_.start_soon();
                 });
}

void BeatProcess::lose() {
  const bool led = role_.has_value();
  epoch_min_ = std::max(epoch_min_, epoch() + 1);
  ++reign_;
  role_.reset();
  loading_ = false;
  asking_ = false;
  ++requests_;
  schedule_ = Time{};
  facts_.clear();
  sent_.clear();
  without_id_.clear();
  waiting_.clear();
  leadership_ = Leadership(options_.leadership);
  step_timer_.stop();
  look_timer_.stop();
  if (led && on_turn_) on_turn_();
  stand_by_timer_.start(later(loop_.now(), options_.restart));
}

void BeatProcess::shut_down(std::function<void()> ended) {
  ended_ = std::move(ended);
  over_ = true;
  for (EventLoop::Timer* timer : {&step_timer_, &stand_by_timer_, &look_timer_}) timer->stop();
  end_timer_.start(later(loop_.now(), kGiveBack));
  if (epoch() > 0) release(epoch());
  else if (!asking_) end_timer_.start_soon();
}

// Behind all firings that are on their way.
void BeatProcess::release(std::int64_t epoch) {
  postgres_.submit(postgres::ReleaseLease{std::string(kLease), holder_, epoch}, [this](const postgres::Reply&) { end(); });
}

void BeatProcess::end() {
  end_timer_.stop();
  if (ended_) std::exchange(ended_, nullptr)();
}

// --- orders ---

void BeatProcess::carry_out(const Fire& order) {
  const auto known = sent_.find(order.request);
  if (known != sent_.end()) return send(order, known->second);
  if (options_.next_id) return send(order, options_.next_id());
  if (ids_ < ids_end_) return send(order, JobId{ids_++});
  without_id_.push_back(order);
  reserve_ids();
}

void BeatProcess::reserve_ids() {
  if (std::exchange(reserving_, true)) return;
  postgres_.submit(postgres::ReserveIds{kIdsAtOnce}, [this](const postgres::Reply& reply) {
    reserving_ = false;
    if (over_) return;
    const std::vector<Fire> orders = std::exchange(without_id_, {});
    if (const auto* first = std::get_if<postgres::Count>(&reply)) {
      ids_ = static_cast<std::uint64_t>(first->value);
      ids_end_ = ids_ + kIdsAtOnce;
      for (const Fire& order : orders) carry_out(order);
    } else {
      for (const Fire& order : orders) push(FireAnswered{order.request, Answer::failed});
    }
  });
}

void BeatProcess::send(const Fire& order, JobId id) {
  sent_[order.request] = id;
  const PeriodicJob& job = options_.jobs.at(order.firing.job.value);
  postgres::FireDue op{.fence = fence(),
                       .name = job.name,
                       .due = order.firing.due,
                       .job = options_.job_for(order.firing.job, due_times_before(job, order.firing.due))};
  op.job.spec.id = id;
  op.job.spec.queue = queues_.stored(op.job.spec.queue);
  postgres_.submit(std::move(op), [this, order, reign = reign_](const postgres::Reply& reply) {
    if (reign == reign_ && !over_) fire_answered(order, reply);
  });
}

void BeatProcess::fire_answered(const Fire& order, const postgres::Reply& reply) {
  using Outcome = postgres::Verdict::Outcome;
  const auto* verdict = std::get_if<postgres::Verdict>(&reply);
  if (verdict == nullptr) {
    const auto* failed = std::get_if<postgres::Failed>(&reply);
    problem_ = failed != nullptr ? failed->message : std::string();
    return push(FireAnswered{order.request, beat_answer(reply)});
  }
  problem_.clear();
  if (verdict->outcome == Outcome::wrong_epoch) return lose();
  const auto sent = sent_.find(order.request);
  const JobId id = sent != sent_.end() ? sent->second : JobId{};
  if (sent != sent_.end()) sent_.erase(sent);
  const bool applied = verdict->outcome == Outcome::applied;
  if (!applied && verdict->outcome != Outcome::repeated) return push(FireAnswered{order.request, Answer::failed});
  if (applied) {
    ++fired_;
    last_arrival_ = std::max(last_arrival_, verdict->detail);
    if (on_fired_) on_fired_({options_.jobs.at(order.firing.job.value).name, order.firing.due, id});
  }
  watch(order.firing, id);
  push(FireAnswered{order.request, Answer::done});
}

// --- firings that hold others back ---

void BeatProcess::watch(Firing firing, JobId job) {
  if (options_.jobs.at(firing.job.value).catch_up != CatchUp::latest) return;
  if (waiting_.empty()) look_timer_.start(later(loop_.now(), kLookAtWaiting));
  waiting_[firing.job] = {firing, job};
}

void BeatProcess::look_at_waiting() {
  for (const auto& [periodic, waiting] : waiting_) {
    const JobId job = waiting.job;
    postgres_.submit(postgres::ReadJob{job},
                     [this, periodic = periodic, firing = waiting.firing, reign = reign_](const postgres::Reply& reply) {
                       const auto* view = std::get_if<postgres::JobView>(&reply);
                       if (view == nullptr || reign != reign_ || over_) return;
                       const bool waits = view->found && view->state == postgres::JobState::waiting && view->attempts == 0;
                       const auto at = waiting_.find(periodic);
                       if (waits || at == waiting_.end() || at->second.firing != firing) return;
                       waiting_.erase(at);
                       push(FiringTaken{firing});
                     });
  }
  if (!waiting_.empty()) look_timer_.start(later(loop_.now(), kLookAtWaiting));
}

}  // namespace drydock::runtime
