#include "sim/settling.hpp"

#include "reports/mser.hpp"

#include <iterator>
#include <vector>

namespace drydock::sim {

reports::RunResult::Settling find_settling(const std::map<JobId, double>& waits) {
  std::vector<double> series;
  for (const auto& [job, wait] : waits) series.push_back(wait);
  const reports::Truncation found = reports::mser(series);
  if (found.deleted == 0) return {.deleted = 0, .settled = found.settled};
  return {.deleted = std::next(waits.begin(), static_cast<std::ptrdiff_t>(found.deleted))->first.value,
          .settled = found.settled};
}

}  // namespace drydock::sim
