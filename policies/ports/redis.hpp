// What Drydock asks of Redis, as values: each Op stands for one Redis command or one Lua script with exactly its effect, each
// Reply for what Redis answers. No I/O here. The simulated Redis (sim/redis.hpp) and the client of a real one
// (real-runtime/redis_client.hpp) carry out the same operations, so that one wrapper can drop, delay and repeat them in every
// world, and the two can be compared operation by operation.
//
// Redis keeps time in whole milliseconds. Its clock is the time rounded down; a TTL is rounded up, so that nothing lapses earlier
// than asked. A key set to expire at millisecond e is there up to and including e, and is gone from e + 1 on.
//
// Scripts compare numbers as Lua does (doubles): epochs, versions, limits, amounts and their deltas lie within +-(2^53 - 1).
#pragma once

#include "policies/core/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drydock::redis {

// The fields of a hash, by name.
using Fields = std::map<std::string, std::string, std::less<>>;

// --- registry, as the source systems run it: single commands -------------------------------------------------------------------

// HSET worker:<worker> of all fields (at least one). A TTL that the key has stays; a key that it makes has none. -> Count: fields
// that were not there before.
struct SetWorker {
  std::string worker;
  Fields fields;
  friend bool operator==(const SetWorker&, const SetWorker&) = default;
};

// PEXPIRE. On a missing key it does nothing and says so; a TTL <= 0 deletes the key. -> Found: whether the key was there.
struct ExpireWorker {
  std::string worker;
  Duration ttl{};
  friend bool operator==(const ExpireWorker&, const ExpireWorker&) = default;
};

// HSET of one field, as for a heartbeat: makes the hash if it is missing, with this field alone and WITHOUT a TTL. -> Count: 1 if
// the field was not there before.
struct TouchWorker {
  std::string worker;
  std::string field;
  std::string value;
  friend bool operator==(const TouchWorker&, const TouchWorker&) = default;
};

// DEL. -> Found. With a life, one script: a key of another life (BeatWorker) stays, and is not found.
struct DeleteWorker {
  std::string worker;
  std::string life{};
  friend bool operator==(const DeleteWorker&, const DeleteWorker&) = default;
};

// All hashes worker:* with their fields and TTLs, at one instant: SCAN and HGETALL in one script, for which the server does nothing
// else: tens of milliseconds for 10 000 workers. -> Workers.
struct ReadWorkers {
  friend bool operator==(const ReadWorkers&, const ReadWorkers&) = default;
};

// PTTL. -> Ttl.
struct WorkerTtl {
  std::string worker;
  friend bool operator==(const WorkerTtl&, const WorkerTtl&) = default;
};

// --- registry, safely: one script ------------------------------------------------------------------------------------------------

// A heartbeat that re-registers: sets those of `fields` that are missing (what others wrote stays: a worker told to drain is not
// set back to ready), overwrites those of `touched`, and gives the key its TTL (> 0). -> Beat: what was there before.
//
// With a life (the process that beats; no other ever has the same), the key is that life's, as its field "life" says. A key of another life
// is left as it is (Beat::Before::foreign), but for one whose field "incarnation", a number, is below `above`: that of a process before.
struct BeatWorker {
  std::string worker;
  Fields fields;
  Fields touched;
  Duration ttl{};
  std::string life{};
  std::int64_t above = 0;
  friend bool operator==(const BeatWorker&, const BeatWorker&) = default;
};

// Plants a sentinel key if there is none. -> StoreIdentity, with the sentinel that stands now.
struct PlantSentinel {
  std::string token;
  friend bool operator==(const PlantSentinel&, const PlantSentinel&) = default;
};

// -> StoreIdentity. Another run id than last time: the server was restarted, and may have lost the last writes. The sentinel gone
// or another: it was flushed, evicted keys, or came back from an old snapshot.
struct ReadIdentity {
  friend bool operator==(const ReadIdentity&, const ReadIdentity&) = default;
};

// --- counter, as the source systems run it ---------------------------------------------------------------------------------------

// INCRBY (DECRBY is INCRBY of the negative). A missing counter counts as 0. -> Count: the new value; Failed(overflow) beyond int64.
struct AddCounter {
  std::int64_t delta = 0;
  friend bool operator==(const AddCounter&, const AddCounter&) = default;
};

// GET. -> Value; none when the key is missing.
struct GetCounter {
  friend bool operator==(const GetCounter&, const GetCounter&) = default;
};

// SET. -> Done.
struct SetCounter {
  std::int64_t value = 0;
  friend bool operator==(const SetCounter&, const SetCounter&) = default;
};

// DEL. -> Found.
struct DeleteCounter {
  friend bool operator==(const DeleteCounter&, const DeleteCounter&) = default;
};

// --- fenced operations: one script each. They remember the highest epoch that they saw and refuse lower ones. -> Verdict ---------

// What a new leader does first: from now on lower epochs are refused everywhere. Verdict::value: the highest epoch.
struct RaiseEpoch {
  std::int64_t epoch = 0;
  friend bool operator==(const RaiseEpoch&, const RaiseEpoch&) = default;
};

// Adds `delta` once. `version` rises with each change of the truth within an epoch; a version that is not above the last one seen
// is a repetition, or is contained in a resync that overtook it. Refused, in this order: old_epoch; missing (no counter, or one
// that no FencedSet has made); old_version; over_limit (delta > 0 and the sum would pass `limit`). Verdict::value: the counter.
struct CheckedAdd {
  std::int64_t delta = 0;
  std::int64_t limit = 0;
  std::int64_t epoch = 0;
  std::int64_t version = 0;
  friend bool operator==(const CheckedAdd&, const CheckedAdd&) = default;
};

// Resync: sets the counter to a truth that was read at `version`, whether the counter is there or not. Refused: old_epoch;
// old_version when a change with a higher (epoch, version) has been counted since, which that truth does not contain.
// Verdict::value: the counter.
struct FencedSet {
  std::int64_t value = 0;
  std::int64_t epoch = 0;
  std::int64_t version = 0;
  friend bool operator==(const FencedSet&, const FencedSet&) = default;
};

// RPUSH unless the epoch is old. Verdict::value: length of the queue (0 when refused).
struct FencedPush {
  std::string queue;
  std::string payload;
  std::int64_t epoch = 0;
  friend bool operator==(const FencedPush&, const FencedPush&) = default;
};

// --- reserve and confirm: one script each. -> Verdict ------------------------------------------------------------------------------

// Holds `amount` (> 0) of the counter for `lease` (> 0), until confirmed or cancelled; then it lapses by itself. Again with the same
// id: replaces the old one. Refused: missing (no counter, or one that no FencedSet has made); over_limit (counter + all other live
// reservations + amount > limit; an old one of this id stays). Verdict::value: sum of the live reservations after this.
struct Reserve {
  std::string id;
  std::int64_t amount = 0;
  std::int64_t limit = 0;
  Duration lease{};
  friend bool operator==(const Reserve&, const Reserve&) = default;
};

// The change became truth at `version`: adds a live reservation to the counter and forgets it. Refused: old_epoch; missing (no
// counter, or one that no FencedSet has made, or no such live reservation: read the truth again); old_version (a resync that
// contains the change overtook it; the reservation is forgotten). Verdict::value: the counter.
struct Confirm {
  std::string id;
  std::int64_t epoch = 0;
  std::int64_t version = 0;
  friend bool operator==(const Confirm&, const Confirm&) = default;
};

// Forgets a live reservation. Refused: missing. Verdict::value: sum of the live reservations after this.
struct Cancel {
  std::string id;
  friend bool operator==(const Cancel&, const Cancel&) = default;
};

// --- queues ------------------------------------------------------------------------------------------------------------------------
// Names of queues contain no ':'. A consumer's unacknowledged payloads of a queue are in a list of their own.

// RPUSH. -> Count: length of the queue.
struct Push {
  std::string queue;
  std::string payload;
  friend bool operator==(const Push&, const Push&) = default;
};

// LMOVE from the front of the queue to the back of what the consumer has not acknowledged. Never blocks: waiting (BLMOVE) is a
// matter of who drives. -> Popped; none when the queue is empty.
struct Pop {
  std::string queue;
  std::string consumer;
  friend bool operator==(const Pop&, const Pop&) = default;
};

// LREM of the first equal payload; takes time in proportion to what the consumer has not acknowledged. -> Found.
struct Ack {
  std::string queue;
  std::string consumer;
  std::string payload;
  friend bool operator==(const Ack&, const Ack&) = default;
};

// Puts all that the consumer has not acknowledged back to the front of the queue, in its old order: one script. -> Count: how many.
struct Requeue {
  std::string queue;
  std::string consumer;
  friend bool operator==(const Requeue&, const Requeue&) = default;
};

// LLEN. -> Count.
struct Length {
  std::string queue;
  friend bool operator==(const Length&, const Length&) = default;
};

// --- leases: one script each -------------------------------------------------------------------------------------------------------

// Takes the lease if nobody holds it, or prolongs it if `holder` does. Each taking has a higher epoch than all before. The epoch is
// at least `epoch_min`, also when prolonged: a holder passes its own, a newcomer one more than the highest it knows of, in case this
// Redis forgot. ttl > 0. -> Lease: who holds it now.
struct AcquireLease {
  std::string lease;
  std::string holder;
  Duration ttl{};
  std::int64_t epoch_min = 1;
  friend bool operator==(const AcquireLease&, const AcquireLease&) = default;
};

// Gives it back if this holder holds it with this epoch. -> Found: whether it did.
struct ReleaseLease {
  std::string lease;
  std::string holder;
  std::int64_t epoch = 0;
  friend bool operator==(const ReleaseLease&, const ReleaseLease&) = default;
};

// -> Lease.
struct ReadLease {
  std::string lease;
  friend bool operator==(const ReadLease&, const ReadLease&) = default;
};

// --- the state of shares (policies/ports/share_text.hpp): one script each -------------------------------------------------------------

// -> Ledger.
struct ReadLedger {
  std::string ledger;
  friend bool operator==(const ReadLedger&, const ReadLedger&) = default;
};

// Writes another state if the ledger is as it was read: of the server process `run_id`, and with the token `expected` (none: there was
// no ledger). `token` is one that no other writing has. -> Ledger as it is now: with this token, if it was written.
struct SwapLedger {
  std::string ledger;
  std::string run_id;
  std::optional<std::string> expected;
  std::string token;
  std::string state;
  friend bool operator==(const SwapLedger&, const SwapLedger&) = default;
};

using Op = std::variant<SetWorker, ExpireWorker, TouchWorker, DeleteWorker, ReadWorkers, WorkerTtl, BeatWorker,
                        PlantSentinel, ReadIdentity, AddCounter, GetCounter, SetCounter, DeleteCounter, RaiseEpoch,
                        CheckedAdd, FencedSet, FencedPush, Reserve, Confirm, Cancel, Push, Pop, Ack, Requeue, Length,
                        AcquireLease, ReleaseLease, ReadLease, ReadLedger, SwapLedger>;

// --- faults: what an administrator, or bad luck, does to the server ---------------------------------------------------------------

struct Flush {  // FLUSHALL; the run id stays
  friend bool operator==(const Flush&, const Flush&) = default;
};
struct EvictKey {  // as if memory had been short; layout of keys: redis_keys.hpp
  std::string key;
  friend bool operator==(const EvictKey&, const EvictKey&) = default;
};
struct Snapshot {  // SAVE: what a later Restart comes back with
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};
struct Restart {  // dies, and comes back with the last snapshot (or empty) and another run id; TTLs went on meanwhile
  friend bool operator==(const Restart&, const Restart&) = default;
};
// maxmemory with allkeys-lru; 0: no limit. The simulated server evicts exactly the least recently used key and estimates bytes; a
// real one samples (maxmemory-samples) and counts what its allocator uses: which keys go differs, that keys go does not. The
// simulated one keeps the limit at a Restart, as if it stood in its configuration file.
struct LimitMemory {
  std::int64_t bytes = 0;
  friend bool operator==(const LimitMemory&, const LimitMemory&) = default;
};

using AdminOp = std::variant<Flush, EvictKey, Snapshot, Restart, LimitMemory>;

// --- replies -----------------------------------------------------------------------------------------------------------------------

struct Done {
  friend bool operator==(const Done&, const Done&) = default;
};
struct Found {
  bool found = false;
  friend bool operator==(const Found&, const Found&) = default;
};
struct Count {
  std::int64_t value = 0;
  friend bool operator==(const Count&, const Count&) = default;
};
struct Value {
  std::optional<std::int64_t> value;
  friend bool operator==(const Value&, const Value&) = default;
};
struct Popped {
  std::optional<std::string> payload;
  friend bool operator==(const Popped&, const Popped&) = default;
};

struct Ttl {
  enum class State : std::uint8_t { missing, immortal, expiring };
  State state = State::missing;
  Duration left{};  // whole milliseconds; 0 unless expiring
  friend bool operator==(const Ttl&, const Ttl&) = default;
};

struct WorkerEntry {
  std::string worker;
  Fields fields;
  Ttl ttl;
  friend bool operator==(const WorkerEntry&, const WorkerEntry&) = default;
};
struct Workers {
  std::vector<WorkerEntry> entries;  // by name
  friend bool operator==(const Workers&, const Workers&) = default;
};

struct Beat {
  enum class Before : std::uint8_t { complete, incomplete, missing, foreign };  // foreign: nothing was changed
  Before before = Before::complete;
  friend bool operator==(const Beat&, const Beat&) = default;
};

struct StoreIdentity {
  std::string run_id;  // of the server process
  std::optional<std::string> sentinel;
  friend bool operator==(const StoreIdentity&, const StoreIdentity&) = default;
};

struct Verdict {
  enum class Outcome : std::uint8_t { applied, old_epoch, missing, old_version, over_limit };
  Outcome outcome = Outcome::applied;
  std::int64_t value = 0;  // see the operation; for old_epoch the highest epoch, for missing 0
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

struct Lease {
  std::string holder;      // empty: nobody
  std::int64_t epoch = 0;  // 0: nobody
  Duration left{};         // whole milliseconds
  friend bool operator==(const Lease&, const Lease&) = default;
};

struct Ledger {
  std::string run_id;                // of the server process
  Time clock{};                      // of the server, in whole milliseconds
  std::optional<std::string> token;  // none: there is no such ledger
  std::string state;                 // empty where there is none
  friend bool operator==(const Ledger&, const Ledger&) = default;
};

struct Failed {
  enum class Reason : std::uint8_t {
    overflow,     // an integer would leave int64; nothing was changed
    refused,      // the server said no (out of memory, loading, wrong type, no permission); nothing was changed
    unreachable,  // never sent
    unknown,      // sent, and the answer was lost: it may have been carried out
  };
  Reason reason = Reason::unknown;
  std::string message;  // for people: not compared
  friend bool operator==(const Failed& a, const Failed& b) { return a.reason == b.reason; }
};

using Reply =
    std::variant<Done, Found, Count, Value, Popped, Ttl, Workers, Beat, StoreIdentity, Verdict, Lease, Ledger, Failed>;

// "CheckedAdd": for messages and metrics.
[[nodiscard]] std::string_view name_of(const Op& op);

// One line for people.
[[nodiscard]] std::string to_text(const Op& op);
[[nodiscard]] std::string to_text(const AdminOp& op);
[[nodiscard]] std::string to_text(const Reply& reply);

// Stops the process if the operation breaks what is promised above (a number out of range, an empty name, no fields, ...).
void check_op(const Op& op);

// Whole milliseconds as Redis counts them.
[[nodiscard]] std::int64_t clock_ms(Time now);  // rounded down
[[nodiscard]] std::int64_t ttl_ms(Duration d);  // rounded up
// Saturates: a server may answer more milliseconds than a Duration holds.
[[nodiscard]] Duration duration_of_ms(std::int64_t ms);

// Equal but for what is left of TTLs and leases, which may differ by up to `tolerance`, and for the clock of a Ledger: two servers' clocks
// are never the same.
[[nodiscard]] bool equal_within(const Reply& a, const Reply& b, Duration tolerance);

}  // namespace drydock::redis
