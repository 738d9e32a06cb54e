// What `drydock calibrate` measured of stores, workers and a machine: the file, and what a scenario takes from it. The format is
// calibration.schema.json.
#pragma once

#include "policies/core/result.hpp"
#include "scenarios/document.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drydock::scenarios {

inline constexpr std::string_view kCalibrationSchema = "drydock-calibration/1";
// Of a figure: the values at the middle of so many equal parts of all that was measured, at most.
inline constexpr std::size_t kMostFigurePoints = 100;

// Times in seconds.
struct Figure {
  std::uint64_t n = 0;  // measurements, at least 1
  double mean = 0;
  double least = 0;
  double most = 0;
  std::vector<double> points{};  // rising, each as likely as the others
};
// Of measurements in any order; at least one.
[[nodiscard]] Figure figure_of(std::vector<double> seconds);

// base + per_row x rows, by least squares.
struct CommitCost {
  double base = 0;
  double per_row = 0;
  double r2 = 1;  // the part of the variance that it explains
};
struct CommitPoint {
  std::uint64_t rows = 0;
  double mean = 0;  // s
};
// At least two points of different rows. Neither part is negative.
[[nodiscard]] CommitCost fit(const std::vector<CommitPoint>& points);

struct Calibration {
  std::map<std::string, std::string> context;          // date, host, cpu, versions, ...
  bool complete = true;                                // it was not interrupted
  std::map<std::string, Figure, std::less<>> figures;  // by name; the schema lists them
  std::vector<CommitPoint> commit_points;              // from a commit to its answer, one at a time
  std::vector<CommitPoint> busy_points;  // between two answers, when others are behind it: the server's own time
  double step = 0;                       // s of CPU of a scheduler for a step; 0: not measured, likewise below
  double event = 0;                      // for each fact, order and row
  double attempt = 0;                    // of a worker for an attempt that does nothing
  double stretch = 1;      // time that passes while a busy thread gets a second of CPU: above 1 where others want it, too
  double clock_ahead = 0;  // s, of PostgreSQL before this machine
  double clock_unsure = 0;
};

[[nodiscard]] std::string to_json(const Calibration& calibration);
// Errors name file, line and place, and what to do. `label` stands for the file.
[[nodiscard]] Result<Calibration> parse_calibration(std::string_view text, std::string_view label);

// What a scenario takes from it where it says nothing itself: JSON pointers, and what to put there.
[[nodiscard]] std::vector<std::pair<std::string, Json>> for_scenario(const Calibration& calibration);

// Puts what is in the file that the document's "calibration" names, relative to `base`, where the document says nothing itself, and who
// measured it when in place of the name. Nothing happens where there is no such key, or it is no name. With `read` false no file is touched.
[[nodiscard]] Result<bool> fill_in(Document& document, const std::filesystem::path& base, bool read);

}  // namespace drydock::scenarios
