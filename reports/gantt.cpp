#include "reports/gantt.hpp"

#include <algorithm>
#include <utility>

namespace drydock::reports {
namespace {

constexpr Duration kFinestGap{std::int64_t{1} << 20U};  // about a millisecond

int badness(StretchEnd end) {
  switch (end) {
    case StretchEnd::succeeded: return 0;
    case StretchEnd::unended: return 1;
    case StretchEnd::stopped: return 2;
    case StretchEnd::failed: return 3;
    case StretchEnd::lost: return 4;
  }
  return 0;
}

// Whether two neighbours are too short, and too close, to be told apart. Those that ended otherwise, or are of another queue, stay apart
// for longer, but not for ever: there must be an end to the number of bars.
bool belong_together(const GanttBar& a, const GanttBar& b, Duration together) {
  const auto [shorter, longer] = std::minmax({a.to - a.from, b.to - b.from});
  if (b.from - a.to > together) return false;
  return a.queue == b.queue && a.end == b.end ? shorter <= together : longer <= together / 4;
}

void take_in(GanttBar& bar, const GanttBar& next) {
  bar.to = next.to;
  bar.attempts += next.attempts;
  bar.busy += next.busy;
  if (badness(next.end) > badness(bar.end)) bar.end = next.end;
}

}  // namespace

std::vector<WorkerId> choose_workers(std::span<const std::uint32_t> losses, std::size_t most) {
  std::vector<WorkerId> chosen;
  for (std::uint32_t w = 0; w < losses.size(); ++w) chosen.push_back(WorkerId{w});
  if (chosen.size() <= most) return chosen;
  std::ranges::stable_sort(chosen, [&](WorkerId a, WorkerId b) { return losses[index(a)] > losses[index(b)]; });
  const auto harmless = std::ranges::find_if(chosen, [&](WorkerId w) { return losses[index(w)] == 0; });
  const std::size_t lossy = std::min(static_cast<std::size_t>(harmless - chosen.begin()), (most + 1) / 2);
  std::vector<WorkerId> picked(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(lossy));
  std::vector<WorkerId> others(chosen.begin() + static_cast<std::ptrdiff_t>(lossy), chosen.end());
  std::ranges::sort(others);
  const std::size_t wanted = most - lossy;
  for (std::size_t i = 0; i < wanted; ++i) picked.push_back(others[i * others.size() / wanted]);
  std::ranges::sort(picked);
  return picked;
}

Gantt::Gantt(std::span<const WorkerId> workers, const GanttOptions& options) : options_(options) {
  for (const WorkerId worker : workers) rows_[worker];
}

void Gantt::add(const Stretch& stretch) {
  const auto row = rows_.find(stretch.worker);
  if (row == rows_.end()) return;
  if (stretch.lane >= options_.lanes) {
    ++beyond_lanes_;
    return;
  }
  ++drawn_;
  std::vector<GanttBar>& bars = row->second[stretch.lane];
  const GanttBar bar{.from = stretch.from,
                     .to = stretch.to,
                     .lane = stretch.lane,
                     .queue = stretch.queue,
                     .end = stretch.end,
                     .attempts = 1,
                     .first = stretch.attempt,
                     .busy = stretch.to - stretch.from};
  if (together_ > Duration{} && !bars.empty() && belong_together(bars.back(), bar, together_)) {
    take_in(bars.back(), bar);
    return;
  }
  bars.push_back(bar);
  ++bars_;
  while (bars_ > options_.bars) thin();
}

// Joins what is twice as far apart as before.
void Gantt::thin() {
  together_ = together_ == Duration{} ? kFinestGap : together_ * 2;
  bars_ = 0;
  for (auto& [worker, lanes] : rows_) {
    for (auto& [lane, bars] : lanes) {
      std::size_t kept = 0;
      for (std::size_t i = 1; i < bars.size(); ++i) {
        if (belong_together(bars[kept], bars[i], together_)) take_in(bars[kept], bars[i]);
        else bars[++kept] = bars[i];
      }
      bars.resize(kept + 1);
      bars_ += bars.size();
    }
  }
}

Gantt::Chart Gantt::finish() const {
  Chart chart{.rows = {}, .together = together_, .drawn = drawn_, .beyond_lanes = beyond_lanes_};
  for (const auto& [worker, lanes] : rows_) {
    GanttRow row{.worker = worker, .bars = {}, .lanes = 0};
    for (const auto& [lane, bars] : lanes) {
      row.bars.insert(row.bars.end(), bars.begin(), bars.end());
      row.lanes = std::max(row.lanes, lane + 1);
    }
    chart.rows.push_back(std::move(row));
  }
  return chart;
}

}  // namespace drydock::reports
