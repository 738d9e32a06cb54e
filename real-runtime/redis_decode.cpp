#include "real-runtime/redis_decode.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

using namespace redis;

std::string_view text_in(const redisReply& reply) { return {reply.str, static_cast<std::size_t>(reply.len)}; }
std::span<redisReply* const> elements(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY) return {};
  return {reply.element, reply.elements};
}
bool is_nil(const redisReply& reply) { return reply.type == REDIS_REPLY_NIL; }

std::optional<std::string> string_in(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_STRING) return std::nullopt;
  return std::string(text_in(reply));
}

// An integer, or text that is one.
std::optional<std::int64_t> integer_in(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER) return reply.integer;
  if (reply.type != REDIS_REPLY_STRING) return std::nullopt;
  const std::string_view text = text_in(reply);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Ttl ttl_from(std::int64_t pttl) {
  if (pttl == -2) return {Ttl::State::missing, {}};
  if (pttl == -1) return {Ttl::State::immortal, {}};
  return {Ttl::State::expiring, duration_of_ms(pttl)};
}

// Each returns none when the answer has not the shape that belongs to it.
std::optional<Reply> done(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_STATUS) return std::nullopt;
  return Done{};
}
std::optional<Reply> found(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_INTEGER) return std::nullopt;
  return Found{reply.integer > 0};
}
std::optional<Reply> count(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_INTEGER) return std::nullopt;
  return Count{reply.integer};
}
std::optional<Reply> value(const redisReply& reply) {
  if (is_nil(reply)) return Value{};
  const auto number = integer_in(reply);
  if (!number) return std::nullopt;
  return Value{number};
}
std::optional<Reply> popped(const redisReply& reply) {
  if (is_nil(reply)) return Popped{};
  const auto payload = string_in(reply);
  if (!payload) return std::nullopt;
  return Popped{payload};
}
std::optional<Reply> ttl(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_INTEGER) return std::nullopt;
  return ttl_from(reply.integer);
}

std::optional<Fields> fields_in(const redisReply& reply) {
  const auto parts = elements(reply);
  if (reply.type != REDIS_REPLY_ARRAY || parts.size() % 2 != 0) return std::nullopt;
  Fields fields;
  for (std::size_t i = 0; i < parts.size(); i += 2) {
    const auto name = string_in(*parts[i]);
    const auto content = string_in(*parts[i + 1]);
    if (!name || !content) return std::nullopt;
    fields.emplace(*name, *content);
  }
  return fields;
}

std::optional<Reply> workers(const redisReply& reply) {
  const auto parts = elements(reply);
  if (reply.type != REDIS_REPLY_ARRAY || parts.size() % 3 != 0) return std::nullopt;
  Workers workers;
  workers.entries.reserve(parts.size() / 3);
  for (std::size_t i = 0; i < parts.size(); i += 3) {
    const auto name = string_in(*parts[i]);
    const auto pttl = integer_in(*parts[i + 1]);
    auto fields = fields_in(*parts[i + 2]);
    if (!name || !pttl || !fields) return std::nullopt;
    workers.entries.push_back({*name, std::move(*fields), ttl_from(*pttl)});
  }
  std::sort(workers.entries.begin(), workers.entries.end(),
            [](const WorkerEntry& a, const WorkerEntry& b) { return a.worker < b.worker; });
  return workers;
}

std::optional<Reply> beat(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_INTEGER || reply.integer < 0 || reply.integer > 3) return std::nullopt;
  return Beat{static_cast<Beat::Before>(reply.integer)};
}

std::optional<Reply> identity(const redisReply& reply) {
  const auto parts = elements(reply);
  if (parts.size() != 2) return std::nullopt;
  const auto run_id = string_in(*parts[0]);
  if (!run_id) return std::nullopt;
  return StoreIdentity{*run_id, string_in(*parts[1])};
}

std::optional<Reply> verdict(const redisReply& reply) {
  const auto parts = elements(reply);
  if (parts.size() != 2) return std::nullopt;
  const auto outcome = integer_in(*parts[0]);
  const auto number = integer_in(*parts[1]);
  if (!outcome || *outcome < 0 || *outcome > static_cast<int>(Verdict::Outcome::over_limit) || !number) return std::nullopt;
  return Verdict{static_cast<Verdict::Outcome>(*outcome), *number};
}

std::optional<Reply> lease(const redisReply& reply) {
  const auto parts = elements(reply);
  if (reply.type == REDIS_REPLY_ARRAY && parts.empty()) return Lease{};
  if (parts.size() != 3) return std::nullopt;
  const auto holder = string_in(*parts[0]);
  const auto epoch = integer_in(*parts[1]);
  const auto left = integer_in(*parts[2]);
  if (!holder || !epoch || !left) return std::nullopt;
  return Lease{*holder, *epoch, duration_of_ms(*left)};
}

std::optional<Reply> ledger(const redisReply& reply) {
  const auto parts = elements(reply);
  if (parts.size() != 2 && parts.size() != 4) return std::nullopt;
  const auto run_id = string_in(*parts[0]);
  const auto clock_ms = integer_in(*parts[1]);
  if (!run_id || !clock_ms) return std::nullopt;
  Ledger result{.run_id = *run_id, .clock = time_at(nanos(duration_of_ms(*clock_ms))), .token = {}, .state = {}};
  if (parts.size() == 2) return result;
  const auto state = string_in(*parts[3]);
  result.token = string_in(*parts[2]);
  if (!result.token || !state) return std::nullopt;
  result.state = *state;
  return result;
}

struct Decoder {
  const redisReply& reply;

  std::optional<Reply> operator()(const SetWorker& /*op*/) const { return count(reply); }
  std::optional<Reply> operator()(const ExpireWorker& /*op*/) const { return found(reply); }
  std::optional<Reply> operator()(const TouchWorker& /*op*/) const { return count(reply); }
  std::optional<Reply> operator()(const DeleteWorker& /*op*/) const { return found(reply); }
  std::optional<Reply> operator()(const ReadWorkers& /*op*/) const { return workers(reply); }
  std::optional<Reply> operator()(const WorkerTtl& /*op*/) const { return ttl(reply); }
  std::optional<Reply> operator()(const BeatWorker& /*op*/) const { return beat(reply); }
  std::optional<Reply> operator()(const PlantSentinel& /*op*/) const { return identity(reply); }
  std::optional<Reply> operator()(const ReadIdentity& /*op*/) const { return identity(reply); }
  std::optional<Reply> operator()(const AddCounter& /*op*/) const { return count(reply); }
  std::optional<Reply> operator()(const GetCounter& /*op*/) const { return value(reply); }
  std::optional<Reply> operator()(const SetCounter& /*op*/) const { return done(reply); }
  std::optional<Reply> operator()(const DeleteCounter& /*op*/) const { return found(reply); }
  std::optional<Reply> operator()(const RaiseEpoch& /*op*/) const { return verdict(reply); }
  std::optional<Reply> operator()(const CheckedAdd& /*op*/) const { return verdict(reply); }
  std::optional<Reply> operator()(const FencedSet& /*op*/) const { return verdict(reply); }
  std::optional<Reply> operator()(const FencedPush& /*op*/) const { return verdict(reply); }
  std::optional<Reply> operator()(const Reserve& /*op*/) const { return verdict(reply); }
  std::optional<Reply> operator()(const Confirm& /*op*/) const { return verdict(reply); }
  std::optional<Reply> operator()(const Cancel& /*op*/) const { return verdict(reply); }
  std::optional<Reply> operator()(const Push& /*op*/) const { return count(reply); }
  std::optional<Reply> operator()(const Pop& /*op*/) const { return popped(reply); }
  std::optional<Reply> operator()(const Ack& /*op*/) const { return found(reply); }
  std::optional<Reply> operator()(const Requeue& /*op*/) const { return count(reply); }
  std::optional<Reply> operator()(const Length& /*op*/) const { return count(reply); }
  std::optional<Reply> operator()(const AcquireLease& /*op*/) const { return lease(reply); }
  std::optional<Reply> operator()(const ReleaseLease& /*op*/) const { return found(reply); }
  std::optional<Reply> operator()(const ReadLease& /*op*/) const { return lease(reply); }
  std::optional<Reply> operator()(const ReadLedger& /*op*/) const { return ledger(reply); }
  std::optional<Reply> operator()(const SwapLedger& /*op*/) const { return ledger(reply); }
};

void add_texts(const redisReply& reply, std::vector<std::string>& texts) {
  if (reply.type == REDIS_REPLY_INTEGER) texts.push_back(std::to_string(reply.integer));
  if (reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS) texts.emplace_back(text_in(reply));
  for (const redisReply* element : elements(reply)) add_texts(*element, texts);
}

}  // namespace

bool is_noscript(const redisReply& reply) {
  return reply.type == REDIS_REPLY_ERROR && text_in(reply).starts_with("NOSCRIPT");
}

Reply decode(const Op& op, const redisReply& reply) {
  if (reply.type == REDIS_REPLY_ERROR) {
    const std::string_view message = text_in(reply);
    const bool overflow = message.find("would overflow") != std::string_view::npos;
    return Failed{overflow ? Failed::Reason::overflow : Failed::Reason::refused, std::string(message)};
  }
  const auto decoded = std::visit(Decoder{reply}, op);
  if (decoded) return *decoded;
  return Failed{
      Failed::Reason::refused,
      fmt::format("{} was answered by a reply of type {}, which it never has: does something else write these keys?",
                  name_of(op), reply.type)};
}

Result<std::vector<std::string>> texts_of(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_ERROR) return Error{std::string(text_in(reply))};
  std::vector<std::string> texts;
  add_texts(reply, texts);
  return texts;
}

}  // namespace drydock::runtime
