// How the total of what is allocated is known, where it is not counted from the scheduler's own books: the counter beside the store,
// and what is done about its errors. Amounts are thousandths of a cpu.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace drydock {

// What a commit does to the total.
struct BatchChange {
  std::uint64_t batch = 0;  // its number
  std::int64_t assigned = 0;
  std::int64_t released = 0;
};

// Through this a policy asks; it gives out the request ids. Made anew for each call.
class Asker {
 public:
  Asker(Time now, std::vector<Command>& commands, std::uint64_t& last_request)
      : now_(now), commands_(commands), last_request_(last_request) {}
  [[nodiscard]] Time now() const { return now_; }
  // `ask.request` is filled in.
  RequestId counter(AskCounter ask);
  RequestId sum();

 private:
  Time now_;
  std::vector<Command>& commands_;
  std::uint64_t& last_request_;
};

// Whether a batch may be committed.
struct Clearance {
  std::uint64_t batch = 0;
  bool granted = false;
};

// Called by the scheduler in the order of what happens. Answers to questions that were not this policy's never come.
class AccountingPolicy {
 public:
  virtual ~AccountingPolicy() = default;

  // A scheduler that works in cycles makes a pass: asks for the total, as whoever shows it to people would. Not called again before
  // is_known().
  virtual void before_pass(Asker& ask) = 0;
  [[nodiscard]] virtual bool is_known() const = 0;
  // The total as asked for by before_pass(); nothing: it could not be learned.
  [[nodiscard]] virtual std::optional<std::int64_t> allocated() const = 0;

  // Whether each batch must be cleared before its commit. Then clear() is called, and answered() returns the clearance.
  [[nodiscard]] virtual bool clears() const { return false; }
  virtual void clear(const BatchChange& /*change*/, std::int64_t /*limit*/, Asker& /*ask*/) {}

  // The commit is sent now.
  virtual void sending(const BatchChange& /*change*/, Asker& /*ask*/) {}
  // It is in the store, as of `version`; or it is not.
  virtual void settled(const BatchChange& change, std::optional<std::uint64_t> version, Asker& ask) = 0;

  // Redis was restarted, or lost keys: the counter may be of another time. Or another scheduler has led before, which may have died between
  // a commit and its count.
  virtual void counter_in_doubt(Asker& /*ask*/) {}

  virtual std::optional<Clearance> answered(const CounterAnswered& event, Asker& ask) = 0;
  virtual void summed(const AllocationsSummed& event, Asker& ask) = 0;

  // When wake() is due; kNever if there is no need.
  [[nodiscard]] virtual Time next_wakeup() const { return kNever; }
  virtual void wake(Asker& /*ask*/) {}
};

}  // namespace drydock
