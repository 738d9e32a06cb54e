// A tiny world for share agents and their ledger: workers with clocks of their own that run requests, messages that are late,
// lost or repeated, pauses, restarts, and a store that loses things. What is really in use is known here at every instant.
#pragma once

#include "policies/core/rng.hpp"
#include "policies/core/share_agent.hpp"
#include "policies/core/share_excess.hpp"
#include "policies/core/share_ledger.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

namespace drydock::toy {

// Shows offset + t x (1 + drift / 1e6) at the time t.
struct ToyClock {
  Duration offset{};
  std::int64_t drift_ppm = 0;
  [[nodiscard]] Time at(Time t) const;
  [[nodiscard]] Time when(Time local) const;  // the first t at which it shows at least `local`
};

struct ShareWorker {
  std::int64_t weight = 1;
  ToyClock clock;
  Duration check_phase{};
  Duration adjust_phase{};
};

struct ShareHappening {
  enum class What : std::uint8_t {
    load,        // the worker would use `load` from now on
    pause,       // the whole process, for `lasting`
    restart,     // killed; a new process after `lasting`
    cut,         // no message from or to the worker, for `lasting`
    flush,       // the store forgets everything and does not say so
    swap,        // another store in its place, empty
    snapshot,    // the state is kept for `restore`
    restore,     // another store in its place, with the state of the snapshot (or empty)
    clock_back,  // the store's clock goes back by `lasting`
    refuse,      // the service refuses a request of each worker
  };
  Time at{};
  What what = What::load;
  std::uint32_t worker = 0;
  Share load{};
  Duration lasting{};
};

struct Messages {
  Duration delay_min{};
  Duration delay_max{};
  Duration straggler{};                                              // the most that a straggler takes
  std::uint64_t stragglers = 0, lost = 0, repeated = 0, failed = 0;  // of 1000
};

struct ShareWorldConfig {
  ShareLimits limits;
  const SharePolicy* policy = nullptr;
  std::vector<ShareWorker> workers;
  ToyClock store_clock;
  Messages messages;  // until `healed_at`; after it nothing is lost or late
  Duration answer_time_out = std::chrono::seconds{1};
  Duration longest_request{};            // of what runs beyond a share that has shrunk
  bool requests_outlive_pauses = false;  // what a paused or killed worker began ends only by itself
  bool driver_looks_at_clock = true;     // false: it believes that its agent will tell it (a planted bug)
  bool reports_running = true;           // false: the agent does not hear what runs (a planted bug)
  std::vector<ShareHappening> happenings;
  Time healed_at{};
  Time end{};
  std::uint64_t seed = 1;
};

// Where a test puts a broken ledger in the place of the right one.
class LedgerInUse {
 public:
  LedgerInUse(const ShareLimits& limits, const SharePolicy& policy)
      : limits_(limits), policy_(&policy), ledger_(limits, policy) {}
  virtual ~LedgerInUse() = default;
  LedgerInUse(const LedgerInUse&) = delete;
  LedgerInUse& operator=(const LedgerInUse&) = delete;
  // `sender` is what the sender's own clock shows, which is none of the ledger's business.
  virtual LedgerReply apply(Time now, Time sender, StoreIdentity store, const LedgerOperation& operation);
  [[nodiscard]] const ShareLedgerState& state() const { return ledger_.state(); }
  void set(ShareLedgerState state) { ledger_ = ShareLedger(limits_, *policy_, std::move(state)); }

 protected:
  // Without checks.
  LedgerReply plain(Time now, StoreIdentity store, const LedgerOperation& operation) {
    return ledger_.apply(now, store, operation);
  }
  [[nodiscard]] const SharePolicy& policy() const { return *policy_; }

 private:
  ShareLimits limits_;
  const SharePolicy* policy_;
  ShareLedger ledger_;
};

struct ShareWorldResult {
  double max_ratio = 0;  // of what was in use, by active or idle workers
  double excess_s = 0;
  double max_ratio_active = 0;  // of what workers with work could use
  double excess_active_s = 0;
  std::string excess;         // the first instant above the limit, in words
  double granted = 0;         // mean over time of the concurrency in workers' hands, as a fraction of the total
  std::vector<Share> shares;  // at the end
  std::uint64_t steps = 0;
  std::uint64_t hash = 0;  // of all orders
};

class ShareWorld {
 public:
  ShareWorld(ShareWorldConfig config, std::unique_ptr<LedgerInUse> ledger);
  [[nodiscard]] ShareWorldResult run();

  // Called with each change of a share at its time.
  std::function<void(Time, std::uint32_t worker, const Share& to)> on_change;

 private:
  struct Process {
    std::optional<ShareAgent> agent;  // nothing while it is down
    std::uint32_t incarnation = 0;
    Share load;
    Share share;
    Time valid_until = kNever;  // its clock
    std::int64_t running = 0;
    std::int64_t orphans = 0;  // begun by earlier processes, still running at the service
    Time paused_until{};
    Time cut_until{};
    std::vector<ShareEvent> inbox;       // while paused
    std::set<std::uint64_t> unanswered;  // requests
    std::uint64_t wake = 0;              // only the latest wakeup counts
  };
  enum class Kind : std::uint8_t {
    happening,
    wake,
    expiry,
    arrival,
    answer,
    time_out,
    drain,
    report,
    stranded_end,
    orphan_end,
    resume,
    start
  };
  struct Due {
    Time at{};
    std::uint64_t sequence = 0;
    Kind kind = Kind::wake;
    std::uint32_t worker = 0;
    std::uint64_t number = 0;  // what kind says: happening, generation, mail, request, count
    std::uint32_t incarnation = 0;
    friend bool operator>(const Due& a, const Due& b) { return a.at != b.at ? a.at > b.at : a.sequence > b.sequence; }
  };
  struct Mail {
    RequestId request;
    LedgerOperation operation;
    std::optional<LedgerReply> reply;
  };

  void at(Time time, Kind kind, std::uint32_t worker, std::uint64_t number = 0);
  void work(const Due& due);
  void happen(const ShareHappening& happening);
  void start(std::uint32_t worker);
  void kill(std::uint32_t worker, Duration pause);
  void tell(std::uint32_t worker, ShareEvent event);
  void step(std::uint32_t worker, std::vector<ShareEvent> events);
  void obey(std::uint32_t worker, const ShareCommand& command);
  void run_requests(std::uint32_t worker);
  void expire(std::uint32_t worker);
  void tell_load(std::uint32_t worker);
  void send(std::uint32_t worker, const AskLedger& ask);
  void arrive(const Due& due);
  [[nodiscard]] bool healed() const { return now_ >= config_.healed_at; }
  [[nodiscard]] bool chance(std::uint64_t of_1000) { return of_1000 > 0 && !healed() && rng_.below(1000) < of_1000; }
  [[nodiscard]] Duration delay();
  [[nodiscard]] Duration up_to(Duration most);
  [[nodiscard]] bool paused(const Process& process) const { return process.paused_until > now_; }
  [[nodiscard]] Share usable(std::uint32_t worker) const;
  [[nodiscard]] Share in_use(std::uint32_t worker) const;
  void measure();

  ShareWorldConfig config_;
  std::unique_ptr<LedgerInUse> ledger_;
  ShareLedgerState snapshot_;
  StoreIdentity store_{1};
  Rng rng_;
  Time now_{};
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::uint64_t sequence_ = 0;
  std::vector<Process> processes_;
  std::vector<Mail> mails_;
  ShareExcess excess_;
  ShareExcess excess_active_;
  std::int64_t in_hands_ = 0;
  double in_hands_s_ = 0;
  Time measured_at_{};
  ShareWorldResult result_;
};

}  // namespace drydock::toy
