// Dividing limits fairly: pure functions. Those on whole units neither create nor lose any, and break ties by position, so
// that everybody who computes a division of the same list gets the same parts.
#pragma once

#include "policies/core/share.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace drydock {

inline constexpr std::int64_t kLargestWeight = 1'000'000;

// Divides `total` >= 0 units in proportion to weights (0 to kLargestWeight, not all 0 unless total is 0): everybody gets
// the whole part of the exact quota, and the units left over go to the largest remainders, among equals to the first.
// parts[i] is the part of weights[i]; they sum to `total`.
// Source: largest remainder (Hamilton 1792); Balinski, Young, Fair Representation, 1982.
void split(std::int64_t total, std::span<const std::int64_t> weights, std::span<std::int64_t> parts);

// Weighted max-min fairness of something divisible: nobody gets more than the demand, and nobody could get more without
// taking from one whose part per weight is no larger. Demands and capacity >= 0; weights > 0, one per demand, or none for
// equal ones. The parts sum to min(capacity, sum of demands).
// Source: water-filling; Bertsekas, Gallager, Data Networks, 1992, 6.5.2; weighted: Keshav, An Engineering Approach to
// Computer Networking, 1997.
[[nodiscard]] std::vector<double> water_fill(double capacity, std::span<const double> demands,
                                             std::span<const double> weights = {});

// The same in whole units: at most one unit per party away from the divisible solution; exact sum. Weights from 1.
void water_fill(std::int64_t capacity, std::span<const std::int64_t> demands, std::span<const std::int64_t> weights,
                std::span<std::int64_t> parts);

struct DrfUser {
  std::vector<std::int64_t> per_task;  // demand of one task of each resource, 0 to kNoLimit
  std::int64_t weight = 1;
  std::int64_t most_tasks = kNoLimit;  // it has no use for more
};

// Dominant resource fairness with indivisible tasks, by progressive filling: the user whose dominant share per weight is
// smallest runs one more task, among equals the first; one whose next task does not fit any more is left out, and the
// others go on (the paper's algorithm 1 ends there, which may leave resources unused). Returns the number of tasks of each
// user. capacity: of each resource, 0 to kNoLimit. Costs O(users x (users + log capacity)), however many tasks there are.
// Source: Ghodsi, Zaharia, Hindman, Konwinski, Shenker, Stoica, NSDI 2011.
[[nodiscard]] std::vector<std::int64_t> drf_tasks(std::span<const std::int64_t> capacity, std::span<const DrfUser> users);

// What idle workers hold while others are active.
enum class IdleHolds : std::uint8_t { nothing, base };
// Whether what idle workers hold is taken from what the active ones divide. The source system's rule does not.
enum class IdleCosts : std::uint8_t { nothing, its_share };

// Each of the following fills targets[i] for workers[i]. With nobody active everybody gets the base share (with
// IdleCosts::its_share less, if the total does not hold as many); idle workers get what `holds` says.

// The active ones get equal parts: one gets all, N get a whole N-th each, the units left over going to the first.
void divide_equally(const ShareLimits& limits, std::span<const WorkerReport> workers, IdleHolds holds, IdleCosts costs,
                    std::span<Share> targets);
// Water-filling of each part by load and weight; what nobody asks for is then divided by weight, so that all is given.
void divide_max_min(const ShareLimits& limits, std::span<const WorkerReport> workers, IdleHolds holds,
                    std::span<Share> targets);
// Dominant resource fairness, where a task is one request at a time with its part of the load's rates; what nobody asks for
// is then divided by weight.
void divide_drf(const ShareLimits& limits, std::span<const WorkerReport> workers, IdleHolds holds, std::span<Share> targets);

// Additive increase, multiplicative decrease of one share.
struct Aimd {
  double increase = 0.025;  // of the total, but at least one unit
  double decrease = 0.5;    // the factor that remains after a refusal
};
// What to hold after a period without refusals: more of each part that the load uses up, at most the total.
[[nodiscard]] Share aimd_raise(const Aimd& aimd, const Share& total, const Share& share, const Share& load);
// What to hold after a refusal by the service: less of everything, but at least one unit of what was held.
[[nodiscard]] Share aimd_cut(const Aimd& aimd, const Share& share);
// Source of both: Chiu, Jain, Computer Networks and ISDN Systems 17(1), 1989.

}  // namespace drydock
