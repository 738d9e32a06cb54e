#include "real-runtime/chaos/faulty_messages.hpp"

#include "policies/ports/worker_text.hpp"

#include <utility>
#include <variant>

namespace drydock::runtime::chaos {
namespace {

using MessageKind = MessageFates::Kind;

std::optional<MessageKind> kind_of(const redis::Op& op) {
  if (std::holds_alternative<redis::BeatWorker>(op)) return MessageKind::beat;
  const auto* push = std::get_if<redis::Push>(&op);
  if (push != nullptr && push->queue == kReportQueue) return MessageKind::report;
  return std::nullopt;
}

}  // namespace

void FaultyMessages::submit(redis::Op op, Callback callback) {
  const auto kind = kind_of(op);
  if (!kind) return port_.submit(std::move(op), std::move(callback));
  const MessageFates::Fate fate = fates_.next(*kind);
  if (fate.lost) {
    const Duration patience = *kind == MessageKind::beat ? patience_.beat : patience_.report;
    return later_.at(later(loop_.now(), patience), [told = std::move(callback)] {
      told(redis::Failed{redis::Failed::Reason::unknown, "a fault of the scenario lost this message"});
    });
  }
  if (fate.again) {
    later_.at(later(loop_.now(), fate.late + *fate.again), [this, op] { port_.submit(op, [](const redis::Reply&) {}); });
  }
  if (fate.late == Duration{0}) return port_.submit(std::move(op), std::move(callback));
  later_.at(later(loop_.now(), fate.late),
            [this, op = std::move(op), told = std::move(callback)] { port_.submit(op, told); });
}

void FaultyMessages::pop(const redis::Pop& op, Duration longest, Callback callback) {
  waiting_ = std::move(callback);
  if (!ready_.empty()) {
    later_.soon([this, reply = std::move(ready_.front())] { deliver(reply); });
    ready_.pop_front();
    return;
  }
  if (std::exchange(asked_, true)) return;
  port_.pop(op, longest, [this, op](const redis::Reply& reply) { popped(op, reply); });
}

void FaultyMessages::popped(const redis::Pop& op, const redis::Reply& reply) {
  asked_ = false;
  const auto* mail = std::get_if<redis::Popped>(&reply);
  if (mail == nullptr || !mail->payload) return deliver(reply);
  const MessageFates::Fate fate = fates_.next(MessageKind::dispatch);
  if (fate.lost) {
    port_.submit(redis::Ack{op.queue, op.consumer, *mail->payload}, [](const redis::Reply&) {});
    return deliver(redis::Popped{});
  }
  if (fate.again) later_.at(later(loop_.now(), fate.late + *fate.again), [this, reply] { deliver(reply); });
  if (fate.late == Duration{0}) return deliver(reply);
  later_.at(later(loop_.now(), fate.late), [this, reply] { deliver(reply); });
  deliver(redis::Popped{});
}

void FaultyMessages::deliver(const redis::Reply& reply) {
  if (waiting_) return std::exchange(waiting_, nullptr)(reply);
  const auto* mail = std::get_if<redis::Popped>(&reply);
  if (mail != nullptr && mail->payload) ready_.push_back(reply);
}

}  // namespace drydock::runtime::chaos
