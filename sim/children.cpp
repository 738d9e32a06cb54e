#include "sim/children.hpp"

#include <algorithm>

namespace drydock::sim {

Children::Children(std::span<const WorkerFacts> workers) {
  const auto replaced = [](const WorkerFacts& worker) { return worker.max_tasks_per_child > 0; };
  if (std::ranges::none_of(workers, replaced)) return;
  for (const WorkerFacts& worker : workers) {
    Family family{worker.max_tasks_per_child, worker.child_restart, {}};
    if (replaced(worker)) family.children.resize(static_cast<std::size_t>(worker.spec.capacity.slots()));
    families_.push_back(std::move(family));
  }
}

Duration Children::take(WorkerId worker, std::uint32_t holder, std::uint32_t tasks, Time now) {
  if (families_.empty() || families_[index(worker)].most_tasks == 0) return Duration{0};
  if (held_.size() <= holder) held_.resize(holder + std::size_t{1});
  std::vector<Child>& children = families_[index(worker)].children;
  Time ready = now;
  for (; tasks > 0; --tasks) {
    Child* first = nullptr;
    for (Child& child : children) {
      if (!child.busy && (first == nullptr || child.ready < first->ready)) first = &child;
    }
    // Processes that run what was given up are beside those that the worker should have.
    if (first == nullptr) first = &children.emplace_back();
    first->busy = true;
    ready = std::max(ready, first->ready);
    held_[holder].push_back(static_cast<std::uint32_t>(first - children.data()));
  }
  return ready - now;
}

void Children::give_back(WorkerId worker, std::uint32_t holder, Time now) {
  if (holder >= held_.size()) return;
  for (const std::uint32_t at : held_[holder]) {
    Family& family = families_[index(worker)];
    Child& child = family.children[at];
    child.busy = false;
    if (++child.tasks < family.most_tasks) continue;
    child.tasks = 0;
    child.ready = later(now, family.restart);
  }
  held_[holder].clear();
}

void Children::renew(WorkerId worker) {
  if (families_.empty()) return;
  for (Child& child : families_[index(worker)].children) {
    child.tasks = 0;
    child.ready = kTimeZero;
  }
}

}  // namespace drydock::sim
