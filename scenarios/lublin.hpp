// The workload model of Uri Lublin and Dror Feitelson, "The workload on parallel supercomputers: modeling the
// characteristics of rigid jobs", JPDC 63(11), 2003: sizes, runtimes and arrivals fitted to logs of the nineties.
#pragma once

#include "scenarios/arrivals.hpp"
#include "scenarios/draw.hpp"
#include "scenarios/scenario.hpp"

#include <array>
#include <cstdint>
#include <memory>

namespace drydock::scenarios {

// The constants that the authors published for each kind of job, for a machine of 2^size_high nodes.
struct LublinParameters {
  // Sizes: a job is serial with probability `serial`; others have log2(size) from a two-stage uniform distribution, on
  // [low, middle] with probability `small` and else on [middle, high]; it is rounded to a whole number, which makes the size
  // a power of two, with probability `power_of_two` (of all jobs).
  double serial;
  double power_of_two;
  double size_low;
  double size_middle_below_high;  // middle = high - this
  double size_high_below_nodes;   // high = log2(nodes) - this
  double small;
  // Runtimes: ln(seconds) is from gamma(shape1, scale1) with probability p, else from gamma(shape2, scale2), where
  // p = slope * size + offset.
  double shape1, scale1, shape2, scale2;
  double slope, offset;
  // Gaps: ln(seconds at the mean rate) is from gamma(gap_shape * all_to_rush, gap_scale), where the published shape is that
  // of rush hours; the rate in each half hour follows gamma(day_shape, day_scale), in half hours from 05:30 on.
  double gap_shape, gap_scale, all_to_rush;
  double day_shape, day_scale;
};
[[nodiscard]] const LublinParameters& lublin_parameters(LublinJobs jobs);

// Mean weight 1 for each half hour of the day, from midnight.
[[nodiscard]] std::array<double, 48> lublin_day(const LublinParameters& parameters);

[[nodiscard]] std::uint32_t lublin_size(const LublinArrivals& model, Draws draws);
// Seconds; at most exp(12), which is 45 hours, as in the model.
[[nodiscard]] double lublin_runtime_s(const LublinArrivals& model, std::uint32_t size, Draws draws);
[[nodiscard]] std::unique_ptr<ArrivalProcess> make_lublin_arrivals(const LublinArrivals& model, std::uint64_t seed,
                                                                   std::uint64_t stream);

}  // namespace drydock::scenarios
