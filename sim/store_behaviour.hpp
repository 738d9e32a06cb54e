// How the database of a simulated world answers, where a test or a fault has its say.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/time.hpp"

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

// Decides how the store behaves; asked once per command, in order.
class StoreBehaviour {
 public:
  virtual ~StoreBehaviour() = default;
  [[nodiscard]] virtual CommitFate commit(const Commit& commit, Time now) = 0;
  [[nodiscard]] virtual ReadFate read(const ReadBatch& read, Time now) = 0;
};

}  // namespace drydock::sim
