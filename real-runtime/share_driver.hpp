// Drives the agent of a worker's share in real time: steps it, asks its store, holds what runs to the share that it says, tells whoever
// wants to know that the share has changed. Decides nothing.
#pragma once

#include "policies/core/share_agent.hpp"
#include "policies/core/share_limiter.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/share_store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace drydock::runtime {

struct ShareDriverOptions {
  ShareAgentConfig agent;
  ShareLimiterConfig limiter;
  Duration answer_timeout = std::chrono::seconds{1};  // for the store; then the answer is unknown
  std::int64_t workers = 1;                           // that the limits are for
};

struct ShareChange {
  WorkerId worker;
  Share from;
  Share to;
};

class ShareDriver {
 public:
  // Begins at once. Policy and store outlive it; without a store for policies that need none.
  ShareDriver(EventLoop& loop, ShareDriverOptions options, const SharePolicy& policy, ShareStore* store);
  ShareDriver(const ShareDriver&) = delete;
  ShareDriver& operator=(const ShareDriver&) = delete;

  // Called when the share has changed, in the order of these calls. What it throws is caught and written to the error output.
  void on_share_change(std::function<void(const ShareChange&)> observer) { observers_.push_back(std::move(observer)); }

  // --- what is asked of the limiter ---
  // With `granted` it waits where it is not granted now, and that is called later, once, unless it is given back before.
  [[nodiscard]] ShareLimiter::Reply acquire(const PermitRequest& request, std::function<void()> granted = {});
  // Gives back what is held, or does not wait any more. False: it was neither.
  bool release(PermitId permit);
  // Likewise all that this holder has.
  void release_all(HolderId holder);
  [[nodiscard]] ShareLimiter::Reply look(PermitId waiting) const { return limiter_.look(machine_time(), waiting); }
  // The service refused a request because of a limit.
  void throttled();
  [[nodiscard]] HolderId new_holder() { return HolderId{++last_holder_}; }

  // GET /scaling_status, as JSON in one line:
  // {"worker_id":0,"total_workers":4,"active_workers":1,"active_worker_ids":[0],"is_scaling_enabled":true,
  //  "base_allocation":{"concurrent":10,"rpm":200,"tpm":10000},"current_allocation":{...},
  //  "utilization_ratio":{"concurrent":1.0,"rpm":1.0,"tpm":1.0,"workers":0.25}}
  // A ratio is the present allocation in parts of the limit, and for the workers those that are active in parts of all. What is not
  // limited is null. Active are those that this worker knows of; scaling is enabled where more than one worker shares something.
  [[nodiscard]] std::string status_json() const;
  [[nodiscard]] const ShareAgent& agent() const { return agent_; }
  [[nodiscard]] const ShareLimiter& limiter() const { return limiter_; }

 private:
  void step();
  void give_to_agent(Time now, std::vector<ShareEvent> events);
  void carry_out(Time now, const ShareCommand& command);
  void ask(const AskLedger& order);
  void changed(const ShareChange& change);
  void note_store();
  void tell(PermitId permit);
  void wake(Time now);

  EventLoop& loop_;
  ShareDriverOptions options_;
  ShareStore* store_;
  ShareAgent agent_;
  ShareLimiter limiter_;
  std::vector<std::function<void(const ShareChange&)>> observers_;
  std::map<PermitId, std::function<void()>> waiting_;  // to be told
  std::vector<ShareEvent> answers_;                    // that the agent was not told yet
  bool throttled_ = false;
  RequestId asked_{};  // awaited; 0: none
  std::uint64_t last_holder_ = 0;
  std::string told_problem_;  // of the store
  EventLoop::Timer step_timer_;
  EventLoop::Timer give_up_;
  EventLoop::Timer show_;
};

}  // namespace drydock::runtime
