// A sweep: a scenario at many points, under the same seeds. What was to be run, what came out, and which of it counts.
#pragma once

#include "policies/core/result.hpp"
#include "reports/statistics.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::reports {

struct SweepParameter {
  std::string name;   // JSON pointer into the scenario, or "variant"
  std::string given;  // its values as the command line has them
  std::vector<std::string>
      levels;  // that its effect is told by: its values, or the two halves of a range that was drawn from
};

struct SweepPoint {
  std::vector<std::string> values;  // by parameter
  std::vector<std::size_t> levels;  // likewise
};

// A point has seeds enough when the half-width of the metric's 95 % interval is at most `most`, or that part of the mean.
struct SweepPrecision {
  std::string metric;
  double most = 0;
  bool relative = true;
  friend bool operator==(const SweepPrecision&, const SweepPrecision&) = default;
};
// "wait_s.mean=5%" or "detection_s.mean=0.5", several separated by commas.
[[nodiscard]] Result<std::vector<SweepPrecision>> parse_precision(std::string_view text);

struct SweepShard {
  std::uint64_t number = 1;  // from 1 on
  std::uint64_t of = 1;
  [[nodiscard]] bool has(std::size_t point) const { return point % of == number - 1; }
  friend bool operator==(const SweepShard&, const SweepShard&) = default;
};

// How results are to be shown.
struct SweepView {
  std::vector<std::string>
      metrics;  // the first with a better direction is what is recommended for; empty: chosen by what there is
  std::vector<std::string> pareto;      // metrics whose front is wanted
  std::optional<std::size_t> baseline;  // point that the others are compared with
};

// All that says which runs there are to be, and what a reader must know of them.
struct SweepPlan {
  std::string version;   // of the program
  std::string scenario;  // name
  std::string description;
  std::string scenario_hash;  // 16 hex digits, of every point's scenario
  std::vector<SweepParameter> parameters;
  std::vector<SweepPoint> points;
  std::optional<std::size_t> own;     // the point that is the scenario as it is written
  std::optional<std::uint64_t> draw;  // seed that the points were drawn from; nothing: a grid
  std::vector<std::uint64_t> seeds;
  bool random = true;  // results depend on the seed
  std::vector<SweepPrecision> precision;
  bool mser5 = false;      // the warm-up of each run is found by MSER-5
  std::string unmeasured;  // what the figures leave out
  SweepShard shard;
  SweepView view;
};

[[nodiscard]] std::string write_plan(const SweepPlan& plan);
[[nodiscard]] Result<SweepPlan> read_plan(std::string_view text, std::string_view label);
// Why runs of one are not runs of the other; nothing where they are. `view`, and unless told so the shard, do not matter.
[[nodiscard]] std::optional<std::string> plan_difference(const SweepPlan& there, const SweepPlan& here, bool same_shard);

// A finished run.
struct SweepRun {
  std::size_t point = 0;
  std::uint64_t seed = 0;
  std::map<std::string, double> metrics;
  std::uint64_t violations = 0;
  std::uint64_t deleted = 0;  // jobs that MSER-5 found to be warm-up
  bool settled = true;        // MSER-5 found an end of it
};
// One line, without its end; with a checksum, so that a line that was cut off is known.
[[nodiscard]] std::string write_run(const SweepRun& run);
[[nodiscard]] std::optional<SweepRun> read_run(std::string_view line);

// Runs by point and seed.
class SweepRuns {
 public:
  explicit SweepRuns(const SweepPlan& plan);

  // The first of a point and seed counts. False for one that the plan does not have.
  bool add(SweepRun run);
  // It has given no result, and is not tried again.
  void failed(std::size_t point, std::uint64_t seed, std::string why);

  // Seeds of the point that are to be run now: all that are missing, or of a plan with a precision those of the next block, unless the
  // blocks so far are precise enough. Blocks have kBlock seeds, so that what runs at the same time decides nothing.
  [[nodiscard]] std::vector<std::uint64_t> wanted(std::size_t point) const;
  // Runs that count, in the order of seeds: of a plan with a precision, those of the blocks that were needed.
  [[nodiscard]] std::vector<const SweepRun*> counted(std::size_t point) const;
  [[nodiscard]] const std::map<std::pair<std::size_t, std::uint64_t>, std::string>& failures() const { return failures_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  static constexpr std::size_t kBlock = 5;

 private:
  [[nodiscard]] std::size_t needed(std::size_t point) const;
  [[nodiscard]] bool precise(std::size_t point, std::size_t seeds) const;

  const SweepPlan& plan_;
  std::map<std::uint64_t, std::size_t> place_of_;           // of a seed
  std::vector<std::vector<std::optional<SweepRun>>> runs_;  // by point and place of the seed
  std::map<std::pair<std::size_t, std::uint64_t>, std::string> failures_;
  std::size_t size_ = 0;
};

// What came out, for those who write about it.
struct SweepResult {
  const SweepPlan& plan;
  std::vector<std::vector<const SweepRun*>> runs;  // that count, by point
  std::vector<std::string> metrics;                // to be shown
  std::map<std::pair<std::size_t, std::uint64_t>, std::string> failures;
  bool partial = false;  // not all that the plan wants

  [[nodiscard]] std::optional<double> value(std::size_t point, std::uint64_t seed, const std::string& metric) const;
  [[nodiscard]] Estimate estimate_of(std::size_t point, const std::string& metric) const;
  // a - b, paired by seed.
  [[nodiscard]] Estimate difference(std::size_t a, std::size_t b, const std::string& metric, double confidence) const;
  // Whether such a difference is more than chance: its interval excludes 0, or nothing is random.
  [[nodiscard]] bool shown(const Estimate& difference) const;
};
[[nodiscard]] SweepResult make_result(const SweepPlan& plan, const SweepRuns& runs);

// "heartbeat", or with more of the pointer where that would fit two parameters.
[[nodiscard]] std::vector<std::string> short_names(std::span<const SweepParameter> parameters);
// "point 3 (heartbeat 10s, ttl 35s)"; points are counted from 1 for people.
[[nodiscard]] std::string say_point(const SweepPlan& plan, std::size_t point);

}  // namespace drydock::reports
