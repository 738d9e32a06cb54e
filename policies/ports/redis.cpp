#include "policies/ports/redis.hpp"

#include "policies/core/assert.hpp"

#include <fmt/format.h>
#include <string>
#include <string_view>
#include <type_traits>

namespace drydock::redis {

namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kMostExact = (std::int64_t{1} << 53) - 1;

// Floor and ceiling of ns / 1e6, also for negative ns.
std::int64_t floor_ms(std::int64_t ns) { return ns / kNsPerMs - (ns % kNsPerMs < 0 ? 1 : 0); }
std::int64_t ceil_ms(std::int64_t ns) { return ns / kNsPerMs + (ns % kNsPerMs > 0 ? 1 : 0); }

void check_name(std::string_view name) { DRYDOCK_CHECK(!name.empty(), "a name in an operation on Redis is not empty"); }
void check_queue(std::string_view queue) {
  check_name(queue);
  DRYDOCK_CHECK(queue.find(':') == std::string_view::npos, "the name of a queue contains no ':'");
}
void check_exact(std::int64_t number) {
  DRYDOCK_CHECK(number >= -kMostExact && number <= kMostExact, "scripts compare numbers exactly only within +-(2^53 - 1)");
}
void check_positive(Duration d) { DRYDOCK_CHECK(d > Duration{0}, "a lease or TTL given to a script is positive"); }

struct Checker {
  void operator()(const SetWorker& op) const {
    check_name(op.worker);
    DRYDOCK_CHECK(!op.fields.empty(), "HSET needs a field");
  }
  void operator()(const ExpireWorker& op) const { check_name(op.worker); }
  void operator()(const TouchWorker& op) const { check_name(op.worker); }
  void operator()(const DeleteWorker& op) const { check_name(op.worker); }
  void operator()(const ReadWorkers& /*op*/) const {}
  void operator()(const WorkerTtl& op) const { check_name(op.worker); }
  void operator()(const BeatWorker& op) const {
    check_name(op.worker);
    DRYDOCK_CHECK(!op.fields.empty() && !op.touched.empty(), "a beat has fields to register and to touch");
    check_positive(op.ttl);
    check_exact(op.above);
  }
  void operator()(const PlantSentinel& op) const { check_name(op.token); }
  void operator()(const ReadIdentity& /*op*/) const {}
  void operator()(const AddCounter& /*op*/) const {}
  void operator()(const GetCounter& /*op*/) const {}
  void operator()(const SetCounter& /*op*/) const {}
  void operator()(const DeleteCounter& /*op*/) const {}
  void operator()(const RaiseEpoch& op) const { check_exact(op.epoch); }
  void operator()(const CheckedAdd& op) const {
    check_exact(op.delta);
    check_exact(op.limit);
    check_exact(op.epoch);
    check_exact(op.version);
  }
  void operator()(const FencedSet& op) const {
    check_exact(op.value);
    check_exact(op.epoch);
    check_exact(op.version);
  }
  void operator()(const FencedPush& op) const {
    check_queue(op.queue);
    check_exact(op.epoch);
  }
  void operator()(const Reserve& op) const {
    check_name(op.id);
    check_exact(op.amount);
    check_exact(op.limit);
    DRYDOCK_CHECK(op.amount > 0, "a reservation has a positive amount");
    check_positive(op.lease);
  }
  void operator()(const Confirm& op) const {
    check_name(op.id);
    check_exact(op.epoch);
    check_exact(op.version);
  }
  void operator()(const Cancel& op) const { check_name(op.id); }
  void operator()(const Push& op) const { check_queue(op.queue); }
  void operator()(const Pop& op) const { check_consumer(op.queue, op.consumer); }
  void operator()(const Ack& op) const { check_consumer(op.queue, op.consumer); }
  void operator()(const Requeue& op) const { check_consumer(op.queue, op.consumer); }
  void operator()(const Length& op) const { check_queue(op.queue); }
  void operator()(const AcquireLease& op) const {
    check_name(op.lease);
    check_name(op.holder);
    check_positive(op.ttl);
    check_exact(op.epoch_min);
    DRYDOCK_CHECK(op.epoch_min > 0, "epochs of leases begin at 1");
  }
  void operator()(const ReleaseLease& op) const {
    check_name(op.lease);
    check_name(op.holder);
    check_exact(op.epoch);
  }
  void operator()(const ReadLease& op) const { check_name(op.lease); }
  void operator()(const ReadLedger& op) const { check_name(op.ledger); }
  void operator()(const SwapLedger& op) const {
    check_name(op.ledger);
    check_name(op.run_id);
    check_name(op.token);
    check_name(op.state);
    DRYDOCK_CHECK(op.expected != "", "a token is not empty");
  }

  static void check_consumer(std::string_view queue, std::string_view consumer) {
    check_queue(queue);
    check_name(consumer);
  }
};

std::string text(Duration d) { return fmt::format("{:.6f} s", seconds(d)); }

std::string text(const Fields& fields) {
  std::string result = "{";
  for (const auto& [name, value] : fields) {
    if (result.size() > 1) result += ", ";
    result += fmt::format("{}: '{}'", name, value);
  }
  return result + "}";
}

std::string text(const Ttl& ttl) {
  switch (ttl.state) {
    case Ttl::State::missing: return "no key";
    case Ttl::State::immortal: return "no TTL";
    case Ttl::State::expiring: return "expires in " + text(ttl.left);
  }
  return {};
}

std::string_view text(Verdict::Outcome outcome) {
  switch (outcome) {
    case Verdict::Outcome::applied: return "applied";
    case Verdict::Outcome::old_epoch: return "refused: old epoch";
    case Verdict::Outcome::missing: return "refused: missing";
    case Verdict::Outcome::old_version: return "refused: old version";
    case Verdict::Outcome::over_limit: return "refused: over the limit";
  }
  return {};
}

std::string_view text(Beat::Before before) {
  switch (before) {
    case Beat::Before::complete: return "complete before";
    case Beat::Before::incomplete: return "incomplete before";
    case Beat::Before::missing: return "missing before";
    case Beat::Before::foreign: return "of another life";
  }
  return {};
}

std::string_view text(Failed::Reason reason) {
  switch (reason) {
    case Failed::Reason::overflow: return "overflow";
    case Failed::Reason::refused: return "refused by the server";
    case Failed::Reason::unreachable: return "unreachable, not sent";
    case Failed::Reason::unknown: return "answer lost, outcome unknown";
  }
  return {};
}

std::string of_life(std::string_view life) { return life.empty() ? std::string() : fmt::format(", of life '{}'", life); }

// The arguments of an operation, for people.
struct Arguments {
  std::string operator()(const SetWorker& op) const { return fmt::format("'{}', {}", op.worker, text(op.fields)); }
  std::string operator()(const ExpireWorker& op) const { return fmt::format("'{}', {}", op.worker, text(op.ttl)); }
  std::string operator()(const TouchWorker& op) const {
    return fmt::format("'{}', {}: '{}'", op.worker, op.field, op.value);
  }
  std::string operator()(const DeleteWorker& op) const { return fmt::format("'{}'{}", op.worker, of_life(op.life)); }
  std::string operator()(const ReadWorkers& /*op*/) const { return {}; }
  std::string operator()(const WorkerTtl& op) const { return fmt::format("'{}'", op.worker); }
  std::string operator()(const BeatWorker& op) const {
    return fmt::format("'{}', {}, touched {}, {}{}", op.worker, text(op.fields), text(op.touched), text(op.ttl),
                       op.life.empty() ? "" : fmt::format("{} above {}", of_life(op.life), op.above));
  }
  std::string operator()(const PlantSentinel& op) const { return fmt::format("'{}'", op.token); }
  std::string operator()(const ReadIdentity& /*op*/) const { return {}; }
  std::string operator()(const AddCounter& op) const { return fmt::format("{}", op.delta); }
  std::string operator()(const GetCounter& /*op*/) const { return {}; }
  std::string operator()(const SetCounter& op) const { return fmt::format("{}", op.value); }
  std::string operator()(const DeleteCounter& /*op*/) const { return {}; }
  std::string operator()(const RaiseEpoch& op) const { return fmt::format("{}", op.epoch); }
  std::string operator()(const CheckedAdd& op) const {
    return fmt::format("{}, limit {}, epoch {}, version {}", op.delta, op.limit, op.epoch, op.version);
  }
  std::string operator()(const FencedSet& op) const {
    return fmt::format("{}, epoch {}, version {}", op.value, op.epoch, op.version);
  }
  std::string operator()(const FencedPush& op) const {
    return fmt::format("'{}', '{}', epoch {}", op.queue, op.payload, op.epoch);
  }
  std::string operator()(const Reserve& op) const {
    return fmt::format("'{}', {}, limit {}, for {}", op.id, op.amount, op.limit, text(op.lease));
  }
  std::string operator()(const Confirm& op) const {
    return fmt::format("'{}', epoch {}, version {}", op.id, op.epoch, op.version);
  }
  std::string operator()(const Cancel& op) const { return fmt::format("'{}'", op.id); }
  std::string operator()(const Push& op) const { return fmt::format("'{}', '{}'", op.queue, op.payload); }
  std::string operator()(const Pop& op) const { return fmt::format("'{}', consumer '{}'", op.queue, op.consumer); }
  std::string operator()(const Ack& op) const {
    return fmt::format("'{}', consumer '{}', '{}'", op.queue, op.consumer, op.payload);
  }
  std::string operator()(const Requeue& op) const { return fmt::format("'{}', consumer '{}'", op.queue, op.consumer); }
  std::string operator()(const Length& op) const { return fmt::format("'{}'", op.queue); }
  std::string operator()(const AcquireLease& op) const {
    return fmt::format("'{}', holder '{}', {}, epoch at least {}", op.lease, op.holder, text(op.ttl), op.epoch_min);
  }
  std::string operator()(const ReleaseLease& op) const {
    return fmt::format("'{}', holder '{}', epoch {}", op.lease, op.holder, op.epoch);
  }
  std::string operator()(const ReadLease& op) const { return fmt::format("'{}'", op.lease); }
  std::string operator()(const ReadLedger& op) const { return fmt::format("'{}'", op.ledger); }
  std::string operator()(const SwapLedger& op) const {
    return fmt::format("'{}', of run id {}, token {} -> '{}', {} bytes", op.ledger, op.run_id,
                       op.expected ? fmt::format("'{}'", *op.expected) : "none", op.token, op.state.size());
  }
};

struct Names {
  std::string_view operator()(const SetWorker& /*op*/) const { return "SetWorker"; }
  std::string_view operator()(const ExpireWorker& /*op*/) const { return "ExpireWorker"; }
  std::string_view operator()(const TouchWorker& /*op*/) const { return "TouchWorker"; }
  std::string_view operator()(const DeleteWorker& /*op*/) const { return "DeleteWorker"; }
  std::string_view operator()(const ReadWorkers& /*op*/) const { return "ReadWorkers"; }
  std::string_view operator()(const WorkerTtl& /*op*/) const { return "WorkerTtl"; }
  std::string_view operator()(const BeatWorker& /*op*/) const { return "BeatWorker"; }
  std::string_view operator()(const PlantSentinel& /*op*/) const { return "PlantSentinel"; }
  std::string_view operator()(const ReadIdentity& /*op*/) const { return "ReadIdentity"; }
  std::string_view operator()(const AddCounter& /*op*/) const { return "AddCounter"; }
  std::string_view operator()(const GetCounter& /*op*/) const { return "GetCounter"; }
  std::string_view operator()(const SetCounter& /*op*/) const { return "SetCounter"; }
  std::string_view operator()(const DeleteCounter& /*op*/) const { return "DeleteCounter"; }
  std::string_view operator()(const RaiseEpoch& /*op*/) const { return "RaiseEpoch"; }
  std::string_view operator()(const CheckedAdd& /*op*/) const { return "CheckedAdd"; }
  std::string_view operator()(const FencedSet& /*op*/) const { return "FencedSet"; }
  std::string_view operator()(const FencedPush& /*op*/) const { return "FencedPush"; }
  std::string_view operator()(const Reserve& /*op*/) const { return "Reserve"; }
  std::string_view operator()(const Confirm& /*op*/) const { return "Confirm"; }
  std::string_view operator()(const Cancel& /*op*/) const { return "Cancel"; }
  std::string_view operator()(const Push& /*op*/) const { return "Push"; }
  std::string_view operator()(const Pop& /*op*/) const { return "Pop"; }
  std::string_view operator()(const Ack& /*op*/) const { return "Ack"; }
  std::string_view operator()(const Requeue& /*op*/) const { return "Requeue"; }
  std::string_view operator()(const Length& /*op*/) const { return "Length"; }
  std::string_view operator()(const AcquireLease& /*op*/) const { return "AcquireLease"; }
  std::string_view operator()(const ReleaseLease& /*op*/) const { return "ReleaseLease"; }
  std::string_view operator()(const ReadLease& /*op*/) const { return "ReadLease"; }
  std::string_view operator()(const ReadLedger& /*op*/) const { return "ReadLedger"; }
  std::string_view operator()(const SwapLedger& /*op*/) const { return "SwapLedger"; }
};

struct AdminText {
  std::string operator()(const Flush& /*op*/) const { return "Flush()"; }
  std::string operator()(const EvictKey& op) const { return fmt::format("EvictKey('{}')", op.key); }
  std::string operator()(const Snapshot& /*op*/) const { return "Snapshot()"; }
  std::string operator()(const Restart& /*op*/) const { return "Restart()"; }
  std::string operator()(const LimitMemory& op) const { return fmt::format("LimitMemory({} bytes)", op.bytes); }
};

struct ReplyText {
  std::string operator()(const Done& /*reply*/) const { return "done"; }
  std::string operator()(const Found& reply) const { return reply.found ? "found" : "not found"; }
  std::string operator()(const Count& reply) const { return fmt::format("{}", reply.value); }
  std::string operator()(const Value& reply) const {
    return reply.value ? fmt::format("value {}", *reply.value) : "no value";
  }
  std::string operator()(const Popped& reply) const {
    return reply.payload ? fmt::format("'{}'", *reply.payload) : "nothing";
  }
  std::string operator()(const Ttl& reply) const { return text(reply); }
  std::string operator()(const Workers& reply) const {
    std::string result = fmt::format("{} workers", reply.entries.size());
    for (const WorkerEntry& e : reply.entries) result += fmt::format("; '{}' {} {}", e.worker, text(e.fields), text(e.ttl));
    return result;
  }
  std::string operator()(const Beat& reply) const { return std::string(text(reply.before)); }
  std::string operator()(const StoreIdentity& reply) const {
    return fmt::format("run id {}, {}", reply.run_id,
                       reply.sentinel ? fmt::format("sentinel '{}'", *reply.sentinel) : "no sentinel");
  }
  std::string operator()(const Verdict& reply) const { return fmt::format("{}, {}", text(reply.outcome), reply.value); }
  std::string operator()(const Lease& reply) const {
    if (reply.holder.empty()) return "held by nobody";
    return fmt::format("held by '{}', epoch {}, for {}", reply.holder, reply.epoch, text(reply.left));
  }
  std::string operator()(const Ledger& reply) const {
    if (!reply.token) return fmt::format("no ledger; run id {}", reply.run_id);
    return fmt::format("run id {}, token '{}', '{}'", reply.run_id, *reply.token, reply.state);
  }
  std::string operator()(const Failed& reply) const {
    return fmt::format("failed ({}): {}", text(reply.reason), reply.message);
  }
};

bool near(Duration a, Duration b, Duration tolerance) { return a < b ? b - a <= tolerance : a - b <= tolerance; }
bool near(const Ttl& a, const Ttl& b, Duration tolerance) { return a.state == b.state && near(a.left, b.left, tolerance); }

}  // namespace

std::string_view name_of(const Op& op) { return std::visit(Names{}, op); }

std::string to_text(const Op& op) { return fmt::format("{}({})", name_of(op), std::visit(Arguments{}, op)); }
std::string to_text(const AdminOp& op) { return std::visit(AdminText{}, op); }
std::string to_text(const Reply& reply) { return std::visit(ReplyText{}, reply); }

void check_op(const Op& op) { std::visit(Checker{}, op); }

std::int64_t clock_ms(Time now) { return floor_ms(nanos(now)); }
std::int64_t ttl_ms(Duration d) { return ceil_ms(nanos(d)); }
Duration duration_of_ms(std::int64_t ms) {
  std::int64_t ns = 0;
  if (!__builtin_mul_overflow(ms, kNsPerMs, &ns)) return Duration{ns};
  return ms < 0 ? Duration::min() : Duration::max();
}

bool equal_within(const Reply& a, const Reply& b, Duration tolerance) {
  if (a.index() != b.index()) return false;
  if (const auto* ttl = std::get_if<Ttl>(&a)) return near(*ttl, std::get<Ttl>(b), tolerance);
  if (const auto* lease = std::get_if<Lease>(&a)) {
    const auto& other = std::get<Lease>(b);
    return lease->holder == other.holder && lease->epoch == other.epoch && near(lease->left, other.left, tolerance);
  }
  if (const auto* ledger = std::get_if<Ledger>(&a)) {
    const auto& other = std::get<Ledger>(b);
    return ledger->run_id == other.run_id && ledger->token == other.token && ledger->state == other.state;
  }
  if (const auto* workers = std::get_if<Workers>(&a)) {
    const auto& others = std::get<Workers>(b).entries;
    if (workers->entries.size() != others.size()) return false;
    for (std::size_t i = 0; i < others.size(); ++i) {
      const WorkerEntry& x = workers->entries[i];
      if (x.worker != others[i].worker || x.fields != others[i].fields || !near(x.ttl, others[i].ttl, tolerance))
        return false;
    }
    return true;
  }
  return a == b;
}

}  // namespace drydock::redis
