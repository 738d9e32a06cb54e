// What decides in each worker how much of the global limits it uses now. Facts and the time go in, orders and the next wakeup
// come out; the time is the worker's own clock, of which only differences count.
#pragma once

#include "policies/core/share_messages.hpp"
#include "policies/core/share_policy.hpp"

#include <optional>
#include <span>
#include <vector>

namespace drydock {

struct ShareAgentConfig {
  WorkerId worker;
  std::uint32_t incarnation = 1;  // higher than that of every earlier process of this worker
  std::int64_t weight = 1;
  ShareLimits limits;
  // From the first step to the first check and the first adjustment, for the policies that have them: processes that were
  // not started together do not look together.
  Duration check_phase{};
  Duration adjust_phase{};
};

class ShareAgent {
 public:
  // The policy is kept by reference. The agent holds nothing until it says so by ShareChanged.
  ShareAgent(const ShareAgentConfig& config, const SharePolicy& policy);

  // Returns orders, which hold until the next step. `now` never falls. An answer that is not awaited (any more) is ignored.
  [[nodiscard]] std::span<const ShareCommand> step(Time now, std::span<const ShareEvent> events);
  // The latest time at which step() must be called again even if nothing happens.
  [[nodiscard]] Time next_wakeup() const;

  [[nodiscard]] const Share& share() const { return share_; }
  [[nodiscard]] bool active() const { return active_; }
  // What it knows of the workers, itself included, by worker; nothing for policies without a store.
  [[nodiscard]] std::span<const WorkerReport> known() const { return known_; }

 private:
  struct Asked {
    RequestId request;
    Time at;
    Share holding;  // of a RenewGrant
  };

  void start();
  void on(const LedgerAnswered& event);
  void on(const LoadChanged& event);
  void on(const Throttled& event);
  void note_activity();
  void work_timers();
  void ask(LedgerOperation operation, const Share& holding = {});
  void use(const Share& to, Time valid_until);
  [[nodiscard]] WorkerReport report() const;

  // Announced shares.
  void announce();
  void take_answer(const LedgerAnswered& event, const AnnouncedShares& rules);
  void use_what_was_read(const AnnouncedShares& rules);
  void adjust_to_known();
  [[nodiscard]] Share computed();

  // Leased shares (share_agent_leased.cpp).
  void renew();
  void lapse();
  void take_answer(const LedgerAnswered& event, const LeasedShares& rules, const Asked& asked);
  void take_grant(const GrantReply& grant, const LeasedShares& rules, const Asked& asked);
  void renew_now();

  // Adaptive shares.
  void adapt(const AdaptiveShares& rules);

  ShareAgentConfig config_;
  const SharePolicy* policy_;
  Time now_{};
  bool started_ = false;

  std::int64_t active_tasks_ = 0;
  Share load_;
  bool active_ = false;
  Time idle_at_ = kNever;  // when it will be idle if nothing happens

  Share share_;
  Time valid_until_ = kNever;  // of the share and of all that runs

  std::uint64_t last_request_ = 0;
  std::optional<Asked> asked_;  // at most one request is on its way
  bool ask_again_ = false;      // as soon as the one on its way is answered

  Time check_at_ = kNever;
  Time adjust_at_ = kNever;
  bool awaiting_read_ = false;  // the request on its way is a ReadReports
  bool newcomer_ = false;       // became active and has not computed its share since
  bool knows_ = false;          // has read the state of all at least once
  std::vector<WorkerReport> known_;
  std::vector<Share> targets_;

  Time renew_at_ = kNever;
  bool shrinking_ = false;  // runs more than the share; the ledger is told as soon as that is over

  bool cut_ = false;  // by a refusal since the last adjustment

  std::vector<ShareCommand> commands_;
};

}  // namespace drydock
