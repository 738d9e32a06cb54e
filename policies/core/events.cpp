#include "policies/core/events.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace drydock {

namespace {

// The id by which facts of one kind are ordered.
struct OrderOf {
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  Key operator()(const CommitAnswered& e) const { return {e.request.value, 0}; }
  Key operator()(const BatchRead& e) const { return {e.request.value, 0}; }
  Key operator()(const RegistryRead& e) const { return {e.request.value, 0}; }
  Key operator()(const CounterAnswered& e) const { return {e.request.value, 0}; }
  Key operator()(const AllocationsSummed& e) const { return {e.request.value, 0}; }
  Key operator()(const AttemptFinished& e) const { return {e.attempt.job.value, e.attempt.number}; }
  Key operator()(const AttemptStopped& e) const { return {e.attempt.job.value, e.attempt.number}; }
  Key operator()(const WorkerLeft& e) const { return {e.worker.value, e.incarnation}; }
  Key operator()(const LeaseExpired& e) const { return {e.worker.value, e.incarnation}; }
  Key operator()(const WorkerRegistered& e) const { return {e.worker.value, e.incarnation}; }
  Key operator()(const WorkerDraining& e) const { return {e.worker.value, e.incarnation}; }
  Key operator()(const JobCancelled& e) const { return {e.job.value, 0}; }
  Key operator()(const JobSubmitted& e) const { return {e.job.id.value, 0}; }
  Key operator()(const LeaseAnswered& e) const { return {e.request.value, 0}; }
  Key operator()(const StateLoaded& e) const { return {e.request.value, 0}; }
  Key operator()(const JobLoaded& e) const { return {e.job.id.value, 0}; }
  Key operator()(const AllocationLoaded& e) const { return {e.attempt.job.value, 0}; }  // then in the store's order
  Key operator()(const WorkersAsked& e) const { return {e.request.value, 0}; }
  Key operator()(const WorkerReported& e) const { return {e.worker.value, e.incarnation}; }
  Key operator()(const AttemptHeld& e) const { return {e.attempt.job.value, e.worker.value}; }
  Key operator()(const ShutdownRequested&) const { return {0, 0}; }
  Key operator()(const WaitingLoaded& e) const { return {e.request.value, 0}; }
};

}  // namespace

void order_canonically(std::span<Event> events) {
  if (events.size() < 2) return;
  std::ranges::stable_sort(events, [](const Event& a, const Event& b) {
    if (a.index() != b.index()) return a.index() < b.index();
    return std::visit(OrderOf{}, a) < std::visit(OrderOf{}, b);
  });
}

}  // namespace drydock
