#include "reports/counter_books.hpp"

#include <utility>

namespace drydock::reports {

// What differs within an instant alone misled nobody.
void CounterBooks::advance(Time at) {
  if (at == at_) return;
  if (std::exchange(changed_, false) && counts_) metrics_.counter_drift(at_, counter_ ? *counter_ - truth_ : 0);
  at_ = at;
}

void CounterBooks::count_busy(Time at) {
  if (!open_.empty()) busy_ += at - since_;
  since_ = at;
}

void CounterBooks::on(const Commit& order, Time at) {
  Batch batch;
  for (const Release& release : order.releases) batch.released.push_back(release.attempt);
  for (const Assignment& assignment : order.assignments) {
    std::int64_t tasks = 0;
    for (const Placement& placement : assignment.placements) tasks += placement.tasks;
    batch.assigned.emplace(assignment.attempt, tasks * cpus_of_(assignment.attempt.job));
  }
  batches_[order.request] = std::move(batch);
  count_busy(at);
  open_[order.request] = true;
}

void CounterBooks::on(const CommitAnswered& fact, Time at) {
  count_busy(at);
  open_.erase(fact.request);
  const auto found = batches_.find(fact.request);
  if (found == batches_.end() || fact.answer == Answer::unknown) return;
  if (fact.answer == Answer::done) apply(found->second, at);
  batches_.erase(found);
}

void CounterBooks::on(const BatchRead& fact, Time at) {
  const auto read = reads_.find(fact.request);
  if (read == reads_.end()) return;
  const RequestId commit = read->second;
  reads_.erase(read);
  const auto found = batches_.find(commit);
  if (fact.answer != Answer::done || found == batches_.end()) return;
  if (fact.found) apply(found->second, at);
  batches_.erase(found);
}

void CounterBooks::apply(const Batch& batch, Time at) {
  for (const AttemptId attempt : batch.released) {
    const auto row = rows_.find(attempt);
    if (row == rows_.end()) continue;
    truth_ -= row->second;
    rows_.erase(row);
  }
  for (const auto& [attempt, cpus] : batch.assigned) {
    if (rows_.emplace(attempt, cpus).second) truth_ += cpus;
  }
  changed_ = true;
  metrics_.allocated(at, truth_);
}

void CounterBooks::on(const CounterAnswered& fact, Time at) {
  const auto asked = asked_.find(fact.request);
  if (asked == asked_.end()) return;
  const CounterOp op = asked->second;
  asked_.erase(asked);
  if (fact.answer != Answer::done) return;
  counts_ = true;
  const std::optional<std::int64_t> before = counter_;
  if (fact.verdict == CounterVerdict::missing) counter_.reset();
  else counter_ = fact.value;
  changed_ = true;
  const bool resync = (op == CounterOp::set || op == CounterOp::fenced_set) && fact.verdict == CounterVerdict::applied;
  if (resync) metrics_.counter_resync(at, before ? *before - truth_ : 0, counter_.value_or(truth_) - truth_);
}

void CounterBooks::on(const StateLoaded& fact, Time at) {
  if (fact.answer != Answer::done) return;
  count_busy(at);
  batches_.clear();
  open_.clear();
  reads_.clear();
  asked_.clear();
  rows_ = std::exchange(loaded_, {});
  truth_ = 0;
  for (const auto& [attempt, cpus] : rows_) truth_ += cpus;
  changed_ = true;
  metrics_.allocated(at, truth_);
}

}  // namespace drydock::reports
