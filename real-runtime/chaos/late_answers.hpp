// Calls that are due later: on the loop, in the order of their times; none after this has ended.
#pragma once

#include "real-runtime/event_loop.hpp"

#include <functional>
#include <map>
#include <utility>

namespace drydock::runtime::chaos {

class LateAnswers {
 public:
  explicit LateAnswers(EventLoop& loop) : loop_(loop), timer_(loop, [this] { answer(); }) {}

  void soon(std::function<void()> what) { at(loop_.now(), std::move(what)); }
  void at(Time time, std::function<void()> what) {
    due_.emplace(time, std::move(what));
    timer_.start(due_.begin()->first);
  }

 private:
  void answer() {
    while (!due_.empty() && due_.begin()->first <= loop_.now()) {
      const auto node = due_.extract(due_.begin());
      node.mapped()();
    }
    if (!due_.empty()) timer_.start(due_.begin()->first);
  }

  EventLoop& loop_;
  EventLoop::Timer timer_;
  std::multimap<Time, std::function<void()>> due_;
};

}  // namespace drydock::runtime::chaos
