// What ran where and when, thinned to what can be drawn: of chosen workers, with neighbours drawn together where there are too many.
#pragma once

#include "reports/happenings.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace drydock::reports {

struct GanttBar {
  Time from{};
  Time to{};
  std::uint32_t lane = 0;
  QueueId queue;
  StretchEnd end = StretchEnd::unended;  // the worst of those drawn together
  std::uint64_t attempts = 1;            // that are drawn together
  AttemptId first;
  Duration busy{};  // of the time between, what attempts really took
};

struct GanttRow {
  WorkerId worker;
  std::vector<GanttBar> bars;  // by lane, then time
  std::uint32_t lanes = 0;
};

struct GanttOptions {
  std::size_t workers = 60;
  std::size_t bars = 20'000;  // in all rows
  std::uint32_t lanes = 32;   // of a worker; what runs in others is only counted
};

// Which workers to draw: those that lost most, and between them others evenly, by number. `losses`: attempts lost, by worker.
[[nodiscard]] std::vector<WorkerId> choose_workers(std::span<const std::uint32_t> losses, std::size_t most);

class Gantt {
 public:
  explicit Gantt(std::span<const WorkerId> workers, const GanttOptions& options = {});
  void add(const Stretch& stretch);

  struct Chart {
    std::vector<GanttRow> rows;      // by worker
    Duration together{};             // gaps and bars up to this were drawn together with their neighbours; 0: none were
    std::uint64_t drawn = 0;         // attempts
    std::uint64_t beyond_lanes = 0;  // likewise, that are not
  };
  [[nodiscard]] Chart finish() const;

 private:
  void thin();

  GanttOptions options_;
  std::map<WorkerId, std::map<std::uint32_t, std::vector<GanttBar>>> rows_;  // by lane
  std::size_t bars_ = 0;
  Duration together_{};
  std::uint64_t drawn_ = 0;
  std::uint64_t beyond_lanes_ = 0;
};

}  // namespace drydock::reports
