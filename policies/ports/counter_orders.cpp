#include "policies/ports/counter_orders.hpp"

#include <algorithm>
#include <string>
#include <variant>

namespace drydock {

namespace {

// Scripts count with doubles.
constexpr std::int64_t kMostInScripts = (std::int64_t{1} << 53U) - 1;

CounterVerdict verdict_of(redis::Verdict::Outcome outcome) {
  switch (outcome) {
    case redis::Verdict::Outcome::applied: return CounterVerdict::applied;
    case redis::Verdict::Outcome::old_epoch: return CounterVerdict::old_epoch;
    case redis::Verdict::Outcome::missing: return CounterVerdict::missing;
    case redis::Verdict::Outcome::old_version: return CounterVerdict::old_version;
    case redis::Verdict::Outcome::over_limit: return CounterVerdict::over_limit;
  }
  return CounterVerdict::applied;
}

}  // namespace

redis::Op counter_op(const AskCounter& order, std::int64_t epoch) {
  const auto version = static_cast<std::int64_t>(order.version);
  const std::string id = std::to_string(order.batch);
  const bool shrinks = order.op == CounterOp::checked_add && order.amount <= 0;
  const std::int64_t limit = shrinks ? kMostInScripts : std::min(order.limit, kMostInScripts);
  switch (order.op) {
    case CounterOp::get: return redis::GetCounter{};
    case CounterOp::add: return redis::AddCounter{order.amount};
    case CounterOp::set: return redis::SetCounter{order.amount};
    case CounterOp::checked_add: return redis::CheckedAdd{order.amount, limit, epoch, version};
    case CounterOp::fenced_set: return redis::FencedSet{order.amount, epoch, version};
    case CounterOp::reserve: return redis::Reserve{id, order.amount, limit, order.lease};
    case CounterOp::confirm: return redis::Confirm{id, epoch, version};
    case CounterOp::cancel: return redis::Cancel{id};
  }
  return redis::GetCounter{};
}

CounterAnswered counter_answer(RequestId request, const redis::Reply& reply) {
  CounterAnswered answer{.request = request};
  if (const auto* count = std::get_if<redis::Count>(&reply)) {
    answer.value = count->value;
  } else if (const auto* value = std::get_if<redis::Value>(&reply)) {
    if (value->value) answer.value = *value->value;
    else answer.verdict = CounterVerdict::missing;
  } else if (const auto* verdict = std::get_if<redis::Verdict>(&reply)) {
    answer.verdict = verdict_of(verdict->outcome);
    answer.value = verdict->value;
  } else if (const auto* failed = std::get_if<redis::Failed>(&reply)) {
    answer.answer = failed->reason == redis::Failed::Reason::unknown ? Answer::unknown : Answer::failed;
  }
  return answer;
}

}  // namespace drydock
