// The result of a sweep for people and spreadsheets: points as rows, parameters and metrics as columns.
#pragma once

#include "reports/sweep.hpp"
#include "reports/table.hpp"

#include <cstddef>
#include <string>

namespace drydock::reports {

// With heading and sentences. Of more than `rows` points those that are best by the first metric, and those on the front, are shown; 0: all.
[[nodiscard]] std::string sweep_table(const SweepResult& result, const TableStyle& style, std::size_t rows);
// A table and a list of findings; all points.
[[nodiscard]] std::string sweep_markdown(const SweepResult& result);
// One line for each point (RFC 4180, ended by LF): point, parameters, runs, on_front, and for each metric mean, low and high ends of its 95 %
// interval, in its own unit.
[[nodiscard]] std::string sweep_csv(const SweepResult& result);

}  // namespace drydock::reports
