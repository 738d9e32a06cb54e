#include "policies/ports/registry_reader.hpp"

#include "policies/core/rng.hpp"
#include "policies/ports/worker_text.hpp"

#include <fmt/format.h>

namespace drydock {

RegistryReader::Outcome RegistryReader::take(const Reading& reading, std::size_t pools) {
  // Ids of workers are dense: the scheduler has a table of all.
  constexpr std::uint32_t kMostWorkers = std::uint32_t{1} << 24U;
  Outcome outcome;
  std::map<WorkerId, Known> found;
  std::vector<Event> changes;
  for (const redis::WorkerEntry& entry : reading.workers.entries) {
    const auto view = parse_worker(entry);
    const bool ours = view.ok() && index(view.value().spec.pool) < pools && view.value().worker.value < kMostWorkers;
    if (!ours) {
      if (outcome.unreadable++ > 0) continue;
      outcome.problem =
          view.ok() ? fmt::format("worker:{} is of a pool that is not configured", entry.worker) : view.error().message;
      continue;
    }
    const WorkerEntryView& worker = view.value();
    Known known{.incarnation = worker.incarnation, .draining = worker.draining};
    if (entry.ttl.state == redis::Ttl::State::expiring) known.there_until = later(reading.asked, entry.ttl.left);
    found.emplace(worker.worker, known);
    outcome.present.push_back({worker.worker, worker.incarnation, worker.draining});
    const auto before = known_.find(worker.worker);
    const bool same = before != known_.end() && before->second.incarnation == worker.incarnation;
    if (!same) changes.emplace_back(WorkerRegistered{worker.worker, worker.incarnation, worker.spec});
    if (worker.draining && !(same && before->second.draining)) {
      changes.emplace_back(WorkerDraining{worker.worker, worker.incarnation});
    }
  }
  RegistryRead read{.request = reading.request};
  read.server = stream_of(reading.identity.run_id);
  read.sentinel = stream_of(reading.identity.sentinel.value_or(""));
  read.entries = static_cast<std::uint32_t>(found.size());
  for (const auto& [worker, known] : known_) {
    if (found.contains(worker)) continue;
    ++read.gone;
    changes.emplace_back(LeaseExpired{worker, known.incarnation, reading.answered < known.there_until});
  }
  outcome.server_changed = server_ && (*server_ != read.server || *sentinel_ != read.sentinel);
  server_ = read.server;
  sentinel_ = read.sentinel;
  known_ = std::move(found);
  outcome.facts.emplace_back(read);
  outcome.facts.insert(outcome.facts.end(), changes.begin(), changes.end());
  return outcome;
}

}  // namespace drydock
