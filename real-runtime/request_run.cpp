#include "real-runtime/request_run.hpp"

#include <algorithm>
#include <utility>

namespace drydock::runtime {

namespace {

// After a limiter that is full.
constexpr Duration kAskAgain = std::chrono::seconds{1};

}  // namespace

RequestRun::RequestRun(EventLoop& loop, ShareDriver* shares, RequestsPayload payload, std::uint32_t tasks, Duration progress,
                       std::function<void()> ended)
    : loop_(loop), shares_(shares), payload_(std::move(payload)), ended_(std::move(ended)), tasks_(tasks), open_(tasks) {
  if (shares_ != nullptr) holder_ = shares_->new_holder();
  std::size_t first = 0;
  for (Duration work{}; first < payload_.durations.size(); ++first) {
    work += payload_.durations[first] + (first == 0 ? Duration{0} : payload_.delay);
    if (work > progress) break;
  }
  for (Task& task : tasks_) {
    task.next = first;
    task.timer = std::make_unique<EventLoop::Timer>(loop_, [this, &task] { go_on(task); });
    task.timer->start_soon();
  }
}

RequestRun::~RequestRun() {
  if (shares_ == nullptr) return;
  for (const Task& task : tasks_) {
    if (task.permit != PermitId{}) (void)shares_->release(task.permit);
  }
}

Duration RequestRun::work_of(std::size_t requests) const {
  Duration sum{};
  for (std::size_t i = 0; i < requests; ++i) sum += payload_.durations[i] + (i == 0 ? Duration{0} : payload_.delay);
  return sum;
}

Duration RequestRun::progress() const {
  const auto slowest = std::ranges::min_element(tasks_, {}, &Task::next);
  return slowest == tasks_.end() ? Duration{0} : work_of(slowest->next);
}

void RequestRun::go_on(Task& task) {
  switch (task.state) {
    case State::pausing: return task.next < payload_.durations.size() ? ask(task) : end(task);
    case State::running: return answered(task);
    case State::waiting:
    case State::ended: return;
  }
}

void RequestRun::ask(Task& task) {
  if (shares_ == nullptr) return begin(task);
  const PermitRequest request{.tokens = payload_.tokens, .holder = holder_, .hold = Duration::max()};
  task.state = State::waiting;
  const ShareLimiter::Reply reply = shares_->acquire(request, [this, &task] { begin(task); });
  task.permit = reply.permit;
  switch (reply.verdict) {
    case ShareLimiter::Verdict::granted: return begin(task);
    case ShareLimiter::Verdict::not_now: return;
    case ShareLimiter::Verdict::never: impossible_ = true; return end(task);
    case ShareLimiter::Verdict::too_many:
      task.state = State::pausing;
      return task.timer->start(later(loop_.now(), kAskAgain));
  }
}

void RequestRun::begin(Task& task) {
  task.state = State::running;
  task.timer->start(later(loop_.now(), payload_.durations[task.next]));
}

void RequestRun::answered(Task& task) {
  if (shares_ != nullptr) (void)shares_->release(std::exchange(task.permit, {}));
  ++task.next;
  task.state = State::pausing;
  if (task.next == payload_.durations.size()) return end(task);
  task.timer->start(later(loop_.now(), payload_.delay));
}

void RequestRun::end(Task& task) {
  task.state = State::ended;
  if (--open_ == 0) std::exchange(ended_, {})();
}

}  // namespace drydock::runtime
