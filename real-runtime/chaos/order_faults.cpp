#include "real-runtime/chaos/order_faults.hpp"

#include "real-runtime/chaos/late_answers.hpp"

#include <utility>
#include <variant>

namespace drydock::runtime::chaos {

using OrderKind = scenarios::OrderFault::Kind;

namespace {

bool updates_counter(const redis::Op& op) {
  return std::holds_alternative<redis::AddCounter>(op) || std::holds_alternative<redis::SetCounter>(op) ||
         std::holds_alternative<redis::CheckedAdd>(op) || std::holds_alternative<redis::FencedSet>(op) ||
         std::holds_alternative<redis::Reserve>(op) || std::holds_alternative<redis::Confirm>(op) ||
         std::holds_alternative<redis::Cancel>(op);
}

}  // namespace

class FaultyCounter final : public RedisPort {
 public:
  FaultyCounter(OrderFaults& faults, RedisPort& port) : faults_(faults), port_(port), answers_(faults.loop_) {}

  void submit(redis::Op op, Callback callback) override {
    if (!updates_counter(op)) return port_.submit(std::move(op), std::move(callback));
    const std::uint64_t number = faults_.updates_++;
    if (faults_.strikes(OrderKind::counter_update_loss, number)) {
      return answers_.soon([told = std::move(callback)] {
        told(redis::Failed{redis::Failed::Reason::unknown, "a fault of the scenario lost this update of the counter"});
      });
    }
    const bool again = faults_.strikes(OrderKind::counter_update_repeat, number);
    std::optional<redis::Op> copy;
    if (again) copy = op;
    port_.submit(std::move(op), std::move(callback));
    if (copy) port_.submit(std::move(*copy), [](const redis::Reply&) {});
  }
  void pop(const redis::Pop& op, Duration longest, Callback callback) override {
    port_.pop(op, longest, std::move(callback));
  }

 private:
  OrderFaults& faults_;
  RedisPort& port_;
  LateAnswers answers_;
};

class FaultyCommits final : public PostgresPort {
 public:
  FaultyCommits(OrderFaults& faults, PostgresPort& port) : faults_(faults), port_(port), answers_(faults.loop_) {}

  void submit(postgres::Op op, Callback callback) override {
    if (!std::holds_alternative<postgres::CommitBatch>(op)) return port_.submit(std::move(op), std::move(callback));
    using Reason = postgres::Failed::Reason;
    const std::uint64_t number = faults_.commits_++;
    const auto fail = [this](Callback told, Reason reason, const char* why) {
      answers_.soon([told = std::move(told), failed = postgres::Failed{reason, why}] { told(failed); });
    };
    if (faults_.strikes(OrderKind::commit_abort, number)) {
      return fail(std::move(callback), Reason::aborted, "a fault of the scenario rolled this commit back");
    }
    if (!faults_.strikes(OrderKind::commit_in_doubt, number)) return port_.submit(std::move(op), std::move(callback));
    constexpr const char* kLost = "a fault of the scenario lost the answer to this commit";
    if (!faults_.is_applied(number)) return fail(std::move(callback), Reason::unknown, kLost);
    port_.submit(std::move(op), [told = std::move(callback)](const postgres::Reply&) {
      told(postgres::Failed{Reason::unknown, kLost});
    });
  }

 private:
  OrderFaults& faults_;
  PostgresPort& port_;
  LateAnswers answers_;
};

OrderFaults::OrderFaults(EventLoop& loop, const scenarios::StoreFaults& faults, std::function<std::optional<Time>()> now,
                         std::function<void(OrderKind)> struck)
    : loop_(loop), faults_(faults), now_(std::move(now)), struck_(std::move(struck)) {}

std::unique_ptr<RedisPort> OrderFaults::around(RedisPort& port) { return std::make_unique<FaultyCounter>(*this, port); }
std::unique_ptr<PostgresPort> OrderFaults::around(PostgresPort& port) {
  return std::make_unique<FaultyCommits>(*this, port);
}

bool OrderFaults::strikes(OrderKind kind, std::uint64_t number) {
  const std::optional<Time> now = now_();
  if (!now || !faults_.strikes(kind, number, *now)) return false;
  struck_(kind);
  return true;
}

bool OrderFaults::is_applied(std::uint64_t number) const {
  const std::optional<Time> now = now_();
  return now && faults_.is_applied(number, *now);
}

}  // namespace drydock::runtime::chaos
