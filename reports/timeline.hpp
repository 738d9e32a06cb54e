// How a run went on, as series for people to look at: queue, use of the cluster, drift of the counter, shares of the queues; and failures,
// from what happened to what the scheduler made of it. Of bounded size whatever the length of the run.
#pragma once

#include "reports/happenings.hpp"
#include "reports/series.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock::reports {

// A fault of the scenario, when it was.
struct FaultSpan {
  std::string type;                 // "worker-crash"
  std::string target;               // host, or empty
  std::vector<WorkerId> workers{};  // that it takes down
  Time from{};
  std::optional<Time> to{};  // nothing: it is over at once, or it does not end
  bool lasts = false;        // to the end of the run, where `to` is nothing
};

// A worker that was missed, and how the system came to know and to recover.
struct Failure {
  WorkerId worker;
  std::optional<Time> fault{};     // when the scenario took it down, where that is known
  std::string what{};              // likewise: "worker-crash"
  Time suspected{};                // its lease was over, or another process of it had registered
  std::optional<Time> known{};     // it was taken for dead
  std::uint32_t lost = 0;          // attempts
  std::optional<Time> resumed{};   // the last of the jobs that were lost with it began again
  std::optional<Time> returned{};  // it was there again
};

struct NamedSeries {
  std::string name;   // "waiting", "queue short"
  std::string unit;   // "jobs", "cpus", ...
  double factor = 1;  // from the series to the unit
  ThinnedSeries series;
};

struct TimelineOptions {
  std::size_t buckets = 2000;
  std::size_t failures = 500;  // that are kept one by one: the first
  std::size_t queues = 8;      // with series of their own: the first
};

class Timeline {
 public:
  // `queues`: their names.
  explicit Timeline(std::vector<std::string> queues, const TimelineOptions& options = {});

  // After each step of `all`.
  void step(Time now, const Happenings& all);

  struct Course {
    Time from{};
    Time to{};
    std::vector<NamedSeries> series;  // drift only where there was a counter
    std::vector<Failure> failures;
    std::uint64_t failures_in_all = 0;
    std::uint64_t losses = 0;    // of these, where the worker was taken for dead
    std::uint64_t attempts = 0;  // that began
  };
  // Faults are those that may explain losses, by time.
  [[nodiscard]] Course finish(Time end, std::span<const FaultSpan> faults);

 private:
  void begin(Time now);
  void note(const WorkerMark& mark);
  [[nodiscard]] Failure* open_failure(WorkerId worker);

  std::vector<std::string> queues_;
  TimelineOptions options_;
  bool begun_ = false;
  bool drifted_ = false;
  Time from_{};
  std::vector<SteppedSeries> fixed_;  // as kFixed has them
  std::vector<SteppedSeries> waiting_of_;
  std::vector<SteppedSeries> cpus_of_;
  std::vector<Failure> failures_;
  std::map<WorkerId, std::size_t> last_failure_;  // index, or that it is only counted
  std::map<JobId, std::size_t> lost_jobs_;        // that have not begun again
  std::uint64_t failures_in_all_ = 0;
  std::uint64_t losses_ = 0;
  std::uint64_t attempts_ = 0;
};

}  // namespace drydock::reports
