// Which of the waiting jobs are held in memory, where not all are: of each queue the first ones, in the order in which the store keeps
// it (QueuePlace). The others wait in the store alone, and are loaded when those here run low.
//
// Of a queue that is cut there is a cursor: every job that waits up to there is held here. What comes behind it is not kept. While a
// load is on its way nobody knows whether the store read before or after a job came or ended; so jobs that come are put aside until
// the answer has moved the cursor, and those that ended are remembered, since the answer may still hold them.
#pragma once

#include "policies/core/events.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace drydock {

class Lookahead {
 public:
  // `limit` > 0: jobs of each of the queues; of a queue that is `held_whole` none is ever left out.
  Lookahead(std::uint32_t limit, std::vector<bool> held_whole);

  [[nodiscard]] std::uint32_t limit() const { return limit_; }

  // What the scheduler holds of a queue now. Jobs may be dropped that wait just as the store has them.
  struct Here {
    std::uint64_t waiting = 0;         // all that wait, also at workers
    std::uint64_t droppable = 0;       // of these, with those at workers
    std::optional<QueuePlace> last{};  // of those that may be dropped
  };

  enum class Keep : std::uint8_t {
    here,       // it is to wait in memory
    aside,      // until the load on its way is answered
    in_store,   // it waits there alone
    duplicate,  // of one that was put aside
  };
  [[nodiscard]] Keep arrived(const JobSpec& job, Time now, const Here& here);

  // Whether more are held of the queue than may be: then its last one that may be dropped is, and dropped() called. `before`: the last
  // one that may be dropped then.
  [[nodiscard]] bool is_too_long(QueueId queue, const Here& here) const;
  void dropped(QueueId queue, QueuePlace place, std::optional<QueuePlace> before);

  // The job, which was held here, is no more.
  void ended(const JobSpec& job);
  // The job, which was not held here, is no more.
  void ended(JobId job);

  // A new leader was given the first `loaded` waiting jobs of the queue, up to `last`: where that is as many as it asked for, there
  // may be more.
  void took_over(QueueId queue, std::uint64_t loaded, QueuePlace last);

  // --- loading ---
  [[nodiscard]] bool should_load(QueueId queue, const Here& here) const;
  // The load that is to be ordered now; nothing else may be asked of the store for this queue before it is answered.
  struct Load {
    std::optional<QueuePlace> after{};
    std::uint32_t limit = 0;
  };
  Load loading(QueueId queue, RequestId request, const Here& here);
  // The queue that this answers for; nothing: nobody waits for it.
  [[nodiscard]] std::optional<QueueId> asked(RequestId request) const;
  // It was not done.
  void failed(QueueId queue);
  // It was. `rows`: the jobs that came with it, of any queue. Returns those that are to wait in memory now, unless they do already.
  [[nodiscard]] std::vector<JobLoaded> loaded(QueueId queue, const WaitingLoaded& answer, std::span<const JobLoaded> rows);

  // No queue is cut: all that waits is held here.
  [[nodiscard]] bool whole() const;

 private:
  struct Window {
    bool held_whole = false;
    bool cut = false;
    std::optional<QueuePlace> cursor{};       // where it is cut; nothing: any job may be missing
    RequestId request;                        // of the load on its way; 0: none
    bool void_answer = false;                 // the cursor fell since: what the load brings lies behind it
    std::map<QueuePlace, JobLoaded> aside{};  // at most limit_
    std::optional<QueuePlace> left_out{};     // the first for which there was no room there
    std::set<JobId> ended{};                  // since the load was sent, of those that it may bring

    [[nodiscard]] bool is_held(const QueuePlace& place) const { return !cut || (cursor && place <= *cursor); }
    [[nodiscard]] bool is_loading() const { return request.value != 0; }
    [[nodiscard]] bool awaits_rows() const { return is_loading() && !void_answer; }
    void forget_load();
  };
  [[nodiscard]] Keep put_aside(Window& window, const JobSpec& job, Time now) const;
  [[nodiscard]] Window& window(QueueId queue) { return windows_[index(queue)]; }
  [[nodiscard]] const Window& window(QueueId queue) const { return windows_[index(queue)]; }

  std::uint32_t limit_;
  std::vector<Window> windows_;  // by queue
};

}  // namespace drydock
