#include "policies/core/lookahead.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace drydock {

Lookahead::Lookahead(std::uint32_t limit, std::vector<bool> held_whole) : limit_(limit), windows_(held_whole.size()) {
  for (std::size_t queue = 0; queue < windows_.size(); ++queue) windows_[queue].held_whole = held_whole[queue];
}

Lookahead::Keep Lookahead::arrived(const JobSpec& job, Time now, const Here& here) {
  Window& queue = window(job.queue);
  const QueuePlace place = place_of(job);
  if (queue.held_whole) return Keep::here;
  if (!queue.cut && here.droppable >= limit_ && (!here.last || place > *here.last)) {
    queue.cut = true;
    queue.cursor = here.last;
  }
  if (queue.is_held(place)) return Keep::here;
  return queue.awaits_rows() ? put_aside(queue, job, now) : Keep::in_store;
}

Lookahead::Keep Lookahead::put_aside(Window& queue, const JobSpec& job, Time now) const {
  const QueuePlace place = place_of(job);
  if (queue.left_out && place >= *queue.left_out) return Keep::in_store;
  if (!queue.aside.emplace(place, JobLoaded{.job = job, .submitted = now}).second) return Keep::duplicate;
  if (queue.aside.size() <= limit_) return Keep::aside;
  const auto last = std::prev(queue.aside.end());
  queue.left_out = last->first;
  queue.aside.erase(last);
  return Keep::aside;
}

bool Lookahead::is_too_long(QueueId queue, const Here& here) const {
  return !window(queue).held_whole && here.droppable > limit_ && here.last;
}

// Jobs that could not be dropped before may lie behind the cursor: it stays as it is then. What a load brings would leave a gap before
// it.
void Lookahead::dropped(QueueId id, QueuePlace place, std::optional<QueuePlace> before) {
  Window& queue = window(id);
  if (queue.is_held(place)) queue.cursor = before;
  queue.cut = true;
  if (!queue.is_loading()) return;
  queue.void_answer = true;
  queue.aside.clear();
  queue.left_out.reset();
  queue.ended.clear();
}

void Lookahead::ended(const JobSpec& job) {
  Window& queue = window(job.queue);
  if (queue.awaits_rows() && !queue.is_held(place_of(job))) queue.ended.insert(job.id);
}

void Lookahead::ended(JobId job) {
  for (Window& queue : windows_) {
    if (!queue.awaits_rows()) continue;
    queue.ended.insert(job);
    std::erase_if(queue.aside, [job](const auto& entry) { return entry.first.job == job; });
  }
}

void Lookahead::took_over(QueueId id, std::uint64_t loaded, QueuePlace last) {
  if (loaded < limit_) return;
  window(id).cut = true;
  window(id).cursor = last;
}

// --- loading ---

bool Lookahead::should_load(QueueId id, const Here& here) const {
  const Window& queue = window(id);
  return queue.cut && !queue.is_loading() && here.waiting <= limit_ / 2;
}

Lookahead::Load Lookahead::loading(QueueId id, RequestId request, const Here& here) {
  Window& queue = window(id);
  DRYDOCK_CHECK(!queue.is_loading() && here.waiting < limit_, "one load at a time, for which there is room");
  queue.request = request;
  return {.after = queue.cursor, .limit = limit_ - static_cast<std::uint32_t>(here.waiting)};
}

std::optional<QueueId> Lookahead::asked(RequestId request) const {
  const auto queue = std::ranges::find(windows_, request, &Window::request);
  if (request.value == 0 || queue == windows_.end()) return std::nullopt;
  return QueueId{static_cast<std::uint32_t>(queue - windows_.begin())};
}

void Lookahead::Window::forget_load() {
  request = RequestId{};
  void_answer = false;
  aside.clear();
  left_out.reset();
  ended.clear();
}

// What was put aside is in the store: the next load finds it.
void Lookahead::failed(QueueId queue) { window(queue).forget_load(); }

std::vector<JobLoaded> Lookahead::loaded(QueueId id, const WaitingLoaded& answer, std::span<const JobLoaded> rows) {
  Window& queue = window(id);
  std::vector<JobLoaded> taken;
  if (!queue.void_answer) {
    const std::optional<QueuePlace> before = queue.cursor;
    std::map<QueuePlace, JobLoaded> known = std::exchange(queue.aside, {});
    for (const JobLoaded& row : rows) {
      if (row.job.queue == id) known.insert_or_assign(place_of(row.job), row);
    }
    queue.cut = !answer.whole;
    queue.cursor = answer.last;
    if (queue.left_out && queue.is_held(*queue.left_out)) {
      const auto next = known.lower_bound(*queue.left_out);
      queue.cut = true;
      queue.cursor = next == known.begin() ? before : std::optional(std::prev(next)->first);
    }
    for (auto& [place, job] : known) {
      if (queue.is_held(place) && !queue.ended.contains(job.job.id)) taken.push_back(job);
    }
  }
  queue.forget_load();
  return taken;
}

bool Lookahead::whole() const {
  return std::ranges::none_of(windows_, [](const Window& queue) { return queue.cut || queue.is_loading(); });
}

}  // namespace drydock
