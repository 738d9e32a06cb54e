// A command that is run when a worker's share has changed, with the new share in its environment.
#pragma once

#include "real-runtime/event_loop.hpp"
#include "real-runtime/share_driver.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

// Its words for one change: DRYDOCK_WORKER, DRYDOCK_SHARE_CONCURRENT, DRYDOCK_SHARE_RPM and DRYDOCK_SHARE_TPM, the same with
// DRYDOCK_SHARE_BEFORE_..., and /bin/sh that runs it. What is not limited is "unlimited".
[[nodiscard]] std::vector<std::string> share_hook_words(const std::string& command, const ShareChange& change,
                                                        const Share& total);

// One at a time: changes that come while it runs are told together, by the share that there is then. Its failure is written to the error
// output, and nothing else.
class ShareHook {
 public:
  static constexpr Duration kLongest = std::chrono::seconds{60};  // then it is killed

  ShareHook(EventLoop& loop, std::string command, Share total);
  // For ShareDriver::on_share_change().
  void changed(const ShareChange& change);

 private:
  void run(const ShareChange& change);
  void ended(EventLoop::Child::End end);

  EventLoop& loop_;
  std::string command_;
  Share total_;
  std::optional<ShareChange> next_;  // to be told when the one that runs has ended
  EventLoop::Timer too_long_;
  std::unique_ptr<EventLoop::Child> child_;
};

}  // namespace drydock::runtime
