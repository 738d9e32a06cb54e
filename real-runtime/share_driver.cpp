#include "real-runtime/share_driver.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace drydock::runtime {

namespace {

constexpr Duration kShowAgain = std::chrono::seconds{5};

nlohmann::json written_allocation(const Share& share, const Share& total) {
  const auto part = [&](std::int64_t Share::*which) {
    return total.*which == kNoLimit ? nlohmann::json(nullptr) : nlohmann::json(share.*which);
  };
  return {{"concurrent", part(&Share::concurrency)},
          {"rpm", part(&Share::requests_per_minute)},
          {"tpm", part(&Share::tokens_per_minute)}};
}

nlohmann::json part_of_limit(std::int64_t part, std::int64_t total) {
  if (total == kNoLimit || total <= 0) return nullptr;
  return static_cast<double>(part) / static_cast<double>(total);
}

}  // namespace

ShareDriver::ShareDriver(EventLoop& loop, ShareDriverOptions options, const SharePolicy& policy, ShareStore* store)
    : loop_(loop),
      options_(options),
      store_(store),
      agent_(options_.agent, policy),
      limiter_(options_.limiter, machine_time()),
      step_timer_(loop, [this] { step(); }),
      give_up_(loop,
               [this] {
                 if (asked_ != RequestId{})
                   answers_.emplace_back(LedgerAnswered{asked_, Answer::unknown, ReportPublished{}});
                 asked_ = {};
                 note_store();
                 step();
               }),
      show_(loop, [this] {
        if (store_ != nullptr) store_->show(status_json());
        show_.start(later(loop_.now(), kShowAgain));
      }) {
  step_timer_.start_soon();
  if (store_ != nullptr) show_.start(later(loop_.now(), std::chrono::seconds{1}));
}

// --- what is asked of the limiter ---

ShareLimiter::Reply ShareDriver::acquire(const PermitRequest& request, std::function<void()> granted) {
  step_timer_.start_soon();
  const ShareLimiter::Reply reply = limiter_.acquire(machine_time(), request, granted != nullptr);
  const bool waits = reply.verdict == ShareLimiter::Verdict::not_now && reply.permit != PermitId{};
  if (waits) waiting_.emplace(reply.permit, std::move(granted));
  return reply;
}

bool ShareDriver::release(PermitId permit) {
  step_timer_.start_soon();
  waiting_.erase(permit);
  return limiter_.release(machine_time(), permit);
}

void ShareDriver::release_all(HolderId holder) {
  if (limiter_.release_all(machine_time(), holder) > 0) step_timer_.start_soon();
}

void ShareDriver::throttled() {
  throttled_ = true;
  step_timer_.start_soon();
}

// --- the agent ---

// The agent hears of the load before any answer, as of what was the case when the answer came.
void ShareDriver::step() {
  const Time now = machine_time();
  std::vector<PermitId> granted = limiter_.serve(now);
  std::vector<ShareEvent> events{limiter_.load(now)};
  if (std::exchange(throttled_, false)) events.emplace_back(Throttled{});
  give_to_agent(now, std::move(events));
  if (!answers_.empty()) give_to_agent(now, std::exchange(answers_, {}));
  // With the share that it has now.
  for (const PermitId permit : limiter_.serve(now)) granted.push_back(permit);
  wake(now);
  for (const PermitId permit : granted) tell(permit);
}

void ShareDriver::tell(PermitId permit) {
  const auto at = waiting_.find(permit);
  if (at == waiting_.end()) return;
  const std::function<void()> granted = std::move(at->second);
  waiting_.erase(at);
  granted();
}

void ShareDriver::give_to_agent(Time now, std::vector<ShareEvent> events) {
  const auto orders = agent_.step(now, events);
  // They hold until the next step, which an observer does not take: it happens on the loop.
  for (const ShareCommand& order : orders) carry_out(now, order);
}

void ShareDriver::wake(Time now) {
  const Time at = std::min(agent_.next_wakeup(), limiter_.next_wakeup(now));
  step_timer_.start(at == kNever ? kNever : later(loop_.now(), std::max(Duration{0}, at - now)));
}

void ShareDriver::carry_out(Time now, const ShareCommand& command) {
  if (const auto* order = std::get_if<AskLedger>(&command)) return ask(*order);
  if (const auto* extended = std::get_if<ShareExtended>(&command)) return limiter_.extend(now, extended->valid_until);
  const auto& change = std::get<ShareChanged>(command);
  limiter_.use(now, change.to, change.valid_until);
  changed({.worker = options_.agent.worker, .from = change.from, .to = change.to});
}

void ShareDriver::ask(const AskLedger& order) {
  asked_ = order.request;
  give_up_.start(later(loop_.now(), options_.answer_timeout));
  store_->ask(order.operation, [this, request = order.request](Answer answer, const LedgerReply& reply) {
    note_store();
    if (asked_ != request) return;  // given up
    asked_ = {};
    give_up_.stop();
    answers_.emplace_back(LedgerAnswered{request, answer, reply});
    step_timer_.start_soon();
  });
}

// Once for each trouble.
void ShareDriver::note_store() {
  const std::string& problem = store_->problem();
  if (problem == told_problem_) return;
  const std::uint32_t worker = options_.agent.worker.value;
  if (problem.empty()) fmt::print(stderr, "worker {}: shares are divided again\n", worker);
  else fmt::print(stderr, "worker {}: shares cannot be divided now: {}\n", worker, problem);
  told_problem_ = problem;
}

void ShareDriver::changed(const ShareChange& change) {
  for (const auto& observer : observers_) {
    try {
      observer(change);
    } catch (const std::exception& thrown) {
      fmt::print(stderr, "worker {}: who was told of the new share threw: {}\n", change.worker.value, thrown.what());
    } catch (...) {
      fmt::print(stderr, "worker {}: who was told of the new share threw something\n", change.worker.value);
    }
  }
  if (store_ != nullptr) show_.start_soon();
}

// --- status ---

std::string ShareDriver::status_json() const {
  std::vector<std::uint32_t> active;
  const std::uint32_t self = options_.agent.worker.value;
  for (const WorkerReport& report : agent_.known()) {
    if (report.active && report.worker.value != self) active.push_back(report.worker.value);
  }
  if (agent_.active()) active.insert(std::ranges::lower_bound(active, self), self);
  const Share& total = options_.agent.limits.total;
  const Time now = machine_time();
  const Share share = now < limiter_.valid_until() ? limiter_.share() : Share{};
  const auto count = static_cast<std::int64_t>(active.size());
  return nlohmann::json{{"worker_id", self},
                        {"total_workers", options_.workers},
                        {"active_workers", count},
                        {"active_worker_ids", active},
                        {"is_scaling_enabled", options_.workers > 1},
                        {"base_allocation", written_allocation(options_.agent.limits.base, total)},
                        {"current_allocation", written_allocation(share, total)},
                        {"utilization_ratio",
                         {{"concurrent", part_of_limit(share.concurrency, total.concurrency)},
                          {"rpm", part_of_limit(share.requests_per_minute, total.requests_per_minute)},
                          {"tpm", part_of_limit(share.tokens_per_minute, total.tokens_per_minute)},
                          {"workers", part_of_limit(count, options_.workers)}}}}
      .dump();
}

}  // namespace drydock::runtime
