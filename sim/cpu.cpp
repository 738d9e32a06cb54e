#include "sim/cpu.hpp"

#include "policies/core/assert.hpp"
#include "sim/common.hpp"

#include <algorithm>
#include <cmath>

namespace drydock::sim {

Cpu::Cpu(std::span<const HostFacts> hosts) {
  hosts_.reserve(hosts.size());
  for (const HostFacts& facts : hosts) {
    Host host;
    host.cores_milli = std::int64_t{facts.cpus} * 1000;
    host.shared = facts.oversubscribable;
    hosts_.push_back(std::move(host));
  }
}

TaskIndex Cpu::add(const TaskFacts& facts) {
  TaskIndex index = 0;
  if (free_.empty()) {
    index = static_cast<TaskIndex>(tasks_.size());
    tasks_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Task& task = tasks_[index];
  Host& host = hosts_[facts.host];
  task.facts = facts;
  task.previous = kNoTask;
  task.next = host.first;
  task.chain = kNoTask;
  task.running = false;
  task.service = task.received = Duration{0};
  if (host.first != kNoTask) tasks_[host.first].previous = index;
  host.first = index;
  return index;
}

void Cpu::remove(TaskIndex index) {
  Task& task = tasks_[index];
  DRYDOCK_CHECK(!task.running, "a running task may not be removed");
  if (task.previous != kNoTask) tasks_[task.previous].next = task.next;
  else hosts_[task.facts.host].first = task.next;
  if (task.next != kNoTask) tasks_[task.next].previous = task.previous;
  free_.push_back(index);
}

Time Cpu::run(TaskIndex index, Duration service, Time now) {
  Task& task = tasks_[index];
  Host& host = hosts_[task.facts.host];
  DRYDOCK_CHECK(!task.running, "the task runs already");
  task.running = true;
  task.service = service;
  task.sequence = next_sequence_++;
  if (host.shared) update(host, now);
  host.load_milli += task.facts.cpus_milli;
  if (!host.shared) {
    task.started = now;
    return later(now, service);
  }
  task.ends_at = host.virtual_now + static_cast<long double>(nanos(service));
  push(host, index);
  return kNever;
}

void Cpu::stop(TaskIndex index, Time now) {
  Task& task = tasks_[index];
  if (!task.running) return;
  Host& host = hosts_[task.facts.host];
  task.received = received(index, now);
  task.running = false;
  if (host.shared) {
    update(host, now);
    take_out(host, index);
  }
  host.load_milli -= task.facts.cpus_milli;
}

Duration Cpu::received(TaskIndex index, Time now) const {
  const Task& task = tasks_[index];
  if (!task.running) return task.received;
  const Host& host = hosts_[task.facts.host];
  if (!host.shared) return std::min(now - task.started, task.service);
  const long double left = task.ends_at - virtual_time(host, now);
  const Duration rounded{std::llround(std::clamp(left, 0.0L, static_cast<long double>(nanos(task.service))))};
  return task.service - rounded;
}

Time Cpu::next_end(HostIndex index) const {
  const Host& host = hosts_[index];
  if (host.heap.empty() || host.factor <= 0) return kNever;
  const long double left = std::max(0.0L, tasks_[host.heap.front()].ends_at - host.virtual_now);
  const long double wait = left / rate(host);
  if (!(wait < static_cast<long double>(nanos(kTooLate)))) return kTooLate;
  return std::min(kTooLate, later(host.updated, Duration{std::llround(wait)}));
}

void Cpu::take_ended(HostIndex index, Time now, std::vector<TaskIndex>& ended) {
  Host& host = hosts_[index];
  update(host, now);
  // Ends within half a nanosecond from now round to now.
  const long double reach = host.virtual_now + 0.5L * rate(host) * (1 + 1e-9L);
  while (!host.heap.empty() && tasks_[host.heap.front()].ends_at <= reach) {
    const TaskIndex top = host.heap.front();
    take_out(host, top);
    Task& task = tasks_[top];
    task.running = false;
    task.received = task.service;
    host.load_milli -= task.facts.cpus_milli;
    ended.push_back(top);
  }
}

void Cpu::set_factor(HostIndex index, double factor, Time now) {
  DRYDOCK_CHECK(factor >= 0, "a host's speed may not be below 0");
  Host& host = hosts_[index];
  if (host.shared) {
    update(host, now);
  } else {
    host.virtual_now = 0;
    host.updated = now;
    for (TaskIndex i = host.first; i != kNoTask; i = tasks_[i].next) {
      Task& task = tasks_[i];
      if (!task.running) continue;
      task.ends_at = static_cast<long double>(nanos(task.service - received(i, now)));
      push(host, i);
    }
    host.shared = true;
  }
  host.factor = factor;
}

std::int64_t Cpu::usage(HostIndex index) const {
  const Host& host = hosts_[index];
  return host.factor > 0 ? std::min(host.load_milli, host.cores_milli) : 0;
}

std::int64_t Cpu::excess(HostIndex index) const {
  return std::max(std::int64_t{0}, hosts_[index].load_milli - hosts_[index].cores_milli);
}

long double Cpu::rate(const Host& host) {
  const long double factor = host.factor;
  if (host.load_milli <= host.cores_milli) return factor;
  return factor * static_cast<long double>(host.cores_milli) / static_cast<long double>(host.load_milli);
}

long double Cpu::virtual_time(const Host& host, Time now) {
  return host.virtual_now + static_cast<long double>(nanos(now - host.updated)) * rate(host);
}

void Cpu::update(Host& host, Time now) {
  // From zero again whenever nothing runs, so that virtual time stays small and exact.
  host.virtual_now = host.heap.empty() ? 0 : virtual_time(host, now);
  host.updated = now;
}

bool Cpu::ends_before(TaskIndex a, TaskIndex b) const {
  const Task& x = tasks_[a];
  const Task& y = tasks_[b];
  return x.ends_at < y.ends_at || (x.ends_at == y.ends_at && x.sequence < y.sequence);
}

void Cpu::put(Host& host, std::size_t place, TaskIndex task) {
  host.heap[place] = task;
  tasks_[task].heap_place = static_cast<std::uint32_t>(place);
}

void Cpu::sift_up(Host& host, std::size_t place) {
  const TaskIndex task = host.heap[place];
  while (place > 0 && ends_before(task, host.heap[(place - 1) / 2])) {
    put(host, place, host.heap[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  put(host, place, task);
}

void Cpu::sift_down(Host& host, std::size_t place) {
  const TaskIndex task = host.heap[place];
  for (std::size_t child = 2 * place + 1; child < host.heap.size(); child = 2 * place + 1) {
    if (child + 1 < host.heap.size() && ends_before(host.heap[child + 1], host.heap[child])) ++child;
    if (!ends_before(host.heap[child], task)) break;
    put(host, place, host.heap[child]);
    place = child;
  }
  put(host, place, task);
}

void Cpu::push(Host& host, TaskIndex task) {
  host.heap.push_back(task);
  sift_up(host, host.heap.size() - 1);
}

void Cpu::take_out(Host& host, TaskIndex task) {
  const std::size_t place = tasks_[task].heap_place;
  const TaskIndex last = host.heap.back();
  host.heap.pop_back();
  tasks_[task].heap_place = kNotInHeap;
  if (last == task) return;
  put(host, place, last);
  sift_down(host, place);
  sift_up(host, tasks_[last].heap_place);
}

}  // namespace drydock::sim
