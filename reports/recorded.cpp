#include "reports/recorded.hpp"

#include <algorithm>

namespace drydock::reports {
namespace {

bool is_complete(const RunResult& run) { return !run.partial && !run.error; }

}  // namespace

std::vector<const RunResult*> complete_runs(const RecordedSide& side) {
  std::vector<const RunResult*> runs;
  for (const RunResult& run : side.of->runs) {
    if (run.variant == side.which().name && is_complete(run)) runs.push_back(&run);
  }
  std::stable_sort(runs.begin(), runs.end(), [](const RunResult* a, const RunResult* b) { return a->seed < b->seed; });
  return runs;
}

std::size_t incomplete_runs(const RecordedSide& side) {
  return static_cast<std::size_t>(std::ranges::count_if(
      side.of->runs, [&](const RunResult& run) { return run.variant == side.which().name && !is_complete(run); }));
}

}  // namespace drydock::reports
