#include "policies/ports/share_text.hpp"
#include "real-runtime/random_text.hpp"
#include "real-runtime/share_store.hpp"

#include <fmt/format.h>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

constexpr std::string_view kStatusLifeMs = "60000";

Answer answer_of_failure(const redis::Failed& failed) {
  return failed.reason == redis::Failed::Reason::unknown ? Answer::unknown : Answer::failed;
}

}  // namespace

std::string share_status_key(std::string_view ledger, WorkerId worker) {
  return fmt::format("share-status:{}:{}", ledger, worker.value);
}

RedisShareStore::RedisShareStore(EventLoop& loop, const RedisClientOptions& redis, ShareTerms terms, std::string ledger,
                                 WorkerId worker)
    : terms_(terms),
      ledger_(std::move(ledger)),
      prefix_(redis.key_prefix),
      worker_(worker),
      life_(random_text(8)),
      redis_(loop, redis, [this] {
        if (const auto turn = std::exchange(waiting_, nullptr)) begin(turn);
      }) {}

const std::string& RedisShareStore::problem() const { return redis_.connected() ? problem_ : redis_.problem(); }

void RedisShareStore::ask(const LedgerOperation& operation, Callback callback) {
  auto turn = std::make_shared<Turn>(Turn{operation, std::move(callback)});
  if (redis_.connected()) return begin(turn);
  // Whoever asked before has given up.
  waiting_ = std::move(turn);
}

void RedisShareStore::begin(const std::shared_ptr<Turn>& turn) {
  redis_.submit(redis::ReadLedger{ledger_}, [this, turn](const redis::Reply& read) { take(turn, read); });
}

void RedisShareStore::fail(const Turn& turn, Answer answer, std::string why) {
  problem_ = std::move(why);
  turn.callback(answer, ReportPublished{});
}

void RedisShareStore::take(const std::shared_ptr<Turn>& turn, const redis::Reply& read) {
  const auto* ledger = std::get_if<redis::Ledger>(&read);
  if (ledger == nullptr) {
    // A reading that failed has changed nothing, whether or not it was carried out.
    const auto* failed = std::get_if<redis::Failed>(&read);
    return fail(*turn, Answer::failed, failed != nullptr ? failed->message : "no answer to a reading");
  }
  const auto text = ledger->token ? std::optional(ledger->state) : std::nullopt;
  auto taken =
      take_turn(terms_.limits, *terms_.policy, text, ledger->clock, store_identity(ledger->run_id), turn->operation);
  if (!taken) {
    return fail(
        *turn, Answer::failed,
        fmt::format("the key {}share:{} in Redis is no state of shares ({}): if nothing else uses that key, delete it",
                    prefix_, ledger_, taken.error().message));
  }
  if (!taken.value().state) {
    problem_.clear();
    return turn->callback(Answer::done, taken.value().reply);
  }
  if (++turn->tries > kTries) {
    return fail(*turn, Answer::failed,
                fmt::format("others wrote the state of shares {} times while worker {} tried to", kTries, worker_.value));
  }
  std::string token = fmt::format("{}-{}", life_, ++writings_);
  redis_.submit(
      redis::SwapLedger{ledger_, ledger->run_id, ledger->token, token, *taken.value().state},
      [this, turn, reply = taken.value().reply, token](const redis::Reply& answer) { written(turn, reply, token, answer); });
}

void RedisShareStore::written(const std::shared_ptr<Turn>& turn, const LedgerReply& reply, const std::string& token,
                              const redis::Reply& answer) {
  const auto* now = std::get_if<redis::Ledger>(&answer);
  if (now != nullptr && now->token == token) {
    problem_.clear();
    return turn->callback(Answer::done, reply);
  }
  if (now != nullptr) return take(turn, answer);  // another one came first
  const auto* failed = std::get_if<redis::Failed>(&answer);
  if (failed == nullptr) return fail(*turn, Answer::unknown, "no answer to a writing");
  fail(*turn, answer_of_failure(*failed), failed->message);
}

void RedisShareStore::show(const std::string& status) {
  redis_.run({"SET", prefix_ + share_status_key(ledger_, worker_), status, "PX", std::string(kStatusLifeMs)}, {});
}

}  // namespace drydock::runtime
