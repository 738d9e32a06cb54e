#include "scenarios/lublin.hpp"

#include "scenarios/units.hpp"

#include <algorithm>
#include <cmath>

namespace drydock::scenarios {
namespace {

// Logarithms above these are drawn again, as in the authors' program.
constexpr double kLongestRuntimeLog = 12;  // 45 hours
constexpr double kLongestGapLog = 13;      // 5 days
constexpr int kTries = 1000;

constexpr std::size_t kHalfHours = 48;
constexpr double kHalfHourSeconds = 1800;
constexpr std::size_t kDayStart = 11;  // the half hour with which the fitted day begins

constexpr LublinParameters kBatch{.serial = 0.2927,
                                  .power_of_two = 0.6686,
                                  .size_low = 1.2,
                                  .size_middle_below_high = 2,
                                  .size_high_below_nodes = 0,
                                  .small = 0.875,
                                  .shape1 = 6.57,
                                  .scale1 = 0.823,
                                  .shape2 = 639.1,
                                  .scale2 = 0.0156,
                                  .slope = -0.003,
                                  .offset = 0.6986,
                                  .gap_shape = 6.0415,
                                  .gap_scale = 0.8531,
                                  .all_to_rush = 1.0519,
                                  .day_shape = 6.1271,
                                  .day_scale = 5.2740};
constexpr LublinParameters kInteractive{.serial = 0.1541,
                                        .power_of_two = 0.625,
                                        .size_low = 1,
                                        .size_middle_below_high = 2.5,
                                        .size_high_below_nodes = 1.5,
                                        .small = 0.705,
                                        .shape1 = 3.8351,
                                        .scale1 = 0.6605,
                                        .shape2 = 7.073,
                                        .scale2 = 0.6856,
                                        .slope = -0.0118,
                                        .offset = 0.9156,
                                        .gap_shape = 6.5510,
                                        .gap_scale = 0.6621,
                                        .all_to_rush = 0.9797,
                                        .day_shape = 8.9186,
                                        .day_scale = 3.6680};
constexpr LublinParameters kAll{.serial = 0.244,
                                .power_of_two = 0.576,
                                .size_low = 0.8,
                                .size_middle_below_high = 2.5,
                                .size_high_below_nodes = 0,
                                .small = 0.86,
                                .shape1 = 4.2,
                                .scale1 = 0.94,
                                .shape2 = 312,
                                .scale2 = 0.03,
                                .slope = -0.0054,
                                .offset = 0.78,
                                .gap_shape = 10.2303,
                                .gap_scale = 0.4871,
                                .all_to_rush = 1.0225,
                                .day_shape = 8.1737,
                                .day_scale = 3.9631};

// Regularized lower incomplete gamma function P(shape, x), by its series (Abramowitz and Stegun 6.5.29): all terms are
// positive, and x stays below 20 here.
double gamma_cdf(double x, double shape) {
  if (x <= 0) return 0;
  double term = 1 / shape;
  double sum = term;
  for (int n = 1; n < kTries && term > sum * 1e-15; ++n) {
    term *= x / (shape + n);
    sum += term;
  }
  return std::min(1.0, sum * std::exp(shape * std::log(x) - x - std::lgamma(shape)));
}

double gamma_below(Draws& draws, double shape, double scale, double limit) {
  for (int i = 0; i < kTries; ++i) {
    const double value = draws.gamma(shape) * scale;
    if (value <= limit) return value;
  }
  return limit;
}

// Gaps are amounts of work that the hours of the day do at different speeds.
class LublinProcess : public ArrivalProcess {
 public:
  LublinProcess(const LublinArrivals& model, std::uint64_t seed, std::uint64_t stream)
      : parameters_(lublin_parameters(model.jobs)),
        day_(lublin_day(parameters_)),
        scale_(model.gap_scale),
        gaps_(seed, stream) {}

  std::int64_t next_ns() override {
    Draws draws = gaps_.at(jobs_++);
    const double shape = parameters_.gap_shape * parameters_.all_to_rush;
    double amount = std::exp(gamma_below(draws, shape, parameters_.gap_scale, kLongestGapLog)) * scale_;
    while (true) {
      const double weight = day_[half_hour_ % kHalfHours];
      const double room = (kHalfHourSeconds - into_) * weight;
      if (amount < room) {
        into_ += amount / weight;
        break;
      }
      amount -= room;
      into_ = 0;
      if (static_cast<double>(++half_hour_) * kHalfHourSeconds > seconds(kLongest)) return nanos(kLongest);
    }
    const auto begin = static_cast<std::int64_t>(half_hour_) * static_cast<std::int64_t>(kHalfHourSeconds) * 1'000'000'000;
    return begin + nanos(duration_of_seconds(into_));
  }

 private:
  const LublinParameters& parameters_;
  std::array<double, kHalfHours> day_;
  double scale_;
  DrawStream gaps_;
  std::uint64_t jobs_ = 0;
  std::uint64_t half_hour_ = 0;
  double into_ = 0;  // seconds of the half hour that have passed
};

}  // namespace

const LublinParameters& lublin_parameters(LublinJobs jobs) {
  switch (jobs) {
    case LublinJobs::batch: return kBatch;
    case LublinJobs::interactive: return kInteractive;
    case LublinJobs::all: break;
  }
  return kAll;
}

std::array<double, 48> lublin_day(const LublinParameters& parameters) {
  std::array<double, kHalfHours> day{};
  double sum = 0;
  for (std::size_t i = kDayStart; i < kHalfHours + kDayStart; ++i) {
    const auto at = static_cast<double>(i);
    double& weight = day[(i - 1) % kHalfHours];
    weight = gamma_cdf((at + 0.5) / parameters.day_scale, parameters.day_shape) -
             gamma_cdf((at - 0.5) / parameters.day_scale, parameters.day_shape);
    sum += weight;
  }
  for (double& weight : day) weight *= static_cast<double>(kHalfHours) / sum;
  return day;
}

std::uint32_t lublin_size(const LublinArrivals& model, Draws draws) {
  const LublinParameters& p = lublin_parameters(model.jobs);
  const double high = std::max(0.0, std::log2(static_cast<double>(model.nodes)) - p.size_high_below_nodes);
  const double kind = draws.uniform();
  if (kind < p.serial || high <= 0) return 1;
  const double low = std::min(p.size_low, high);
  const double middle = std::clamp(high - p.size_middle_below_high, low, high);
  const bool small = draws.uniform() < p.small;
  const double from = small ? low : middle;
  double exponent = from + draws.uniform() * ((small ? middle : high) - from);
  if (kind < p.serial + p.power_of_two) exponent = std::round(exponent);
  return std::clamp(static_cast<std::uint32_t>(std::lround(std::exp2(exponent))), 1U, model.nodes);
}

double lublin_runtime_s(const LublinArrivals& model, std::uint32_t size, Draws draws) {
  const LublinParameters& p = lublin_parameters(model.jobs);
  const bool first = draws.uniform() < p.slope * static_cast<double>(size) + p.offset;
  return std::exp(gamma_below(draws, first ? p.shape1 : p.shape2, first ? p.scale1 : p.scale2, kLongestRuntimeLog));
}

std::unique_ptr<ArrivalProcess> make_lublin_arrivals(const LublinArrivals& model, std::uint64_t seed, std::uint64_t stream) {
  return std::make_unique<LublinProcess>(model, seed, stream);
}

}  // namespace drydock::scenarios
