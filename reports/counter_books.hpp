// What is allocated by the commits that a journal shows to be in the store, and how far the counter beside it is off wherever the
// scheduler was told its value.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "reports/metrics.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace drydock::reports {

class CounterBooks {
 public:
  // `cpus_of`: thousandths of a cpu that a task of this job asks for.
  CounterBooks(Metrics& metrics, std::function<std::int64_t(JobId)> cpus_of)
      : metrics_(metrics), cpus_of_(std::move(cpus_of)) {}

  // Before what happens at an instant, which counts from the origin.
  void advance(Time at);
  void on(const Commit& order, Time at);
  void on(const ReadBatch& order) { reads_[order.request] = order.commit; }
  void on(const AskCounter& order) { asked_[order.request] = order.op; }
  void on(const CommitAnswered& fact, Time at);
  void on(const BatchRead& fact, Time at);
  void on(const CounterAnswered& fact, Time at);
  // A new leader was told all that is allocated; what was under way before is nobody's.
  void on(const StateLoaded& fact, Time at);
  void on(const AllocationLoaded& fact) { loaded_[fact.attempt] += cpus_of_(fact.attempt.job) * fact.tasks; }
  void finish(Time at) { advance(at + Duration{1}); }

  // Time in which a commit was on its way.
  [[nodiscard]] Duration busy(Time at) const { return busy_ + (open_.empty() ? Duration{0} : at - since_); }

 private:
  struct Batch {
    std::vector<AttemptId> released;
    std::map<AttemptId, std::int64_t> assigned;
  };
  void apply(const Batch& batch, Time at);
  void count_busy(Time at);

  Metrics& metrics_;
  std::function<std::int64_t(JobId)> cpus_of_;
  std::map<RequestId, Batch> batches_;  // not known to be in the store, or not to be
  std::map<RequestId, bool> open_;      // commits without an answer
  std::map<RequestId, RequestId> reads_;
  std::map<RequestId, CounterOp> asked_;
  std::map<AttemptId, std::int64_t> rows_;
  std::map<AttemptId, std::int64_t> loaded_;
  std::int64_t truth_ = 0;
  bool counts_ = false;  // there is a counter
  std::optional<std::int64_t> counter_;
  bool changed_ = false;  // at `at_`
  Time at_{};
  Duration busy_{};
  Time since_{};
};

}  // namespace drydock::reports
