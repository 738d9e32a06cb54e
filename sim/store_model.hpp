// The store of a simulated world. Ideal here: every question is answered truthfully at the instant at which it is asked.
#pragma once

#include "policies/core/assert.hpp"
#include "policies/core/commands.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <unordered_map>

namespace drydock::sim {

// What becomes of a commit. `applied` counts only with Answer::unknown: whether its rows are in the store all the same.
struct CommitFate {
  Answer answer = Answer::done;
  bool applied = true;
  Duration delay{};  // until the answer
};
struct ReadFate {
  Answer answer = Answer::done;
  Duration delay{};
};

// Decides how the store behaves; asked once per command, in order. For faults and tests.
class StoreBehaviour {
 public:
  virtual ~StoreBehaviour() = default;
  [[nodiscard]] virtual CommitFate commit(const Commit& commit, Time now) = 0;
  [[nodiscard]] virtual ReadFate read(const ReadBatch& read, Time now) = 0;
};

class StoreModel {
 public:
  // `behaviour` may be nullptr (ideal) and must outlive the model.
  explicit StoreModel(StoreBehaviour* behaviour) : behaviour_(behaviour) {}

  struct Reply {
    Event answer;
    Duration delay{};
  };

  [[nodiscard]] Reply commit(const Commit& order, Time now) {
    if (behaviour_ == nullptr) return {CommitAnswered{order.request, Answer::done}, Duration{0}};
    const CommitFate fate = behaviour_->commit(order, now);
    if (fate.answer == Answer::unknown) in_doubt_[order.request.value] = fate.applied;
    return {CommitAnswered{order.request, fate.answer}, fate.delay};
  }

  [[nodiscard]] Reply read(const ReadBatch& order, Time now) {
    const ReadFate fate = behaviour_ == nullptr ? ReadFate{} : behaviour_->read(order, now);
    BatchRead answer{.request = order.request, .answer = fate.answer, .found = false};
    if (fate.answer != Answer::done) return {answer, fate.delay};
    const auto doubt = in_doubt_.find(order.commit.value);
    DRYDOCK_CHECK(doubt != in_doubt_.end(), "only a commit whose answer was lost may be read");
    answer.found = doubt->second;
    in_doubt_.erase(doubt);
    return {answer, fate.delay};
  }

 private:
  StoreBehaviour* behaviour_;
  std::unordered_map<std::uint64_t, bool> in_doubt_;  // commits answered unknown: whether they were applied
};

}  // namespace drydock::sim
