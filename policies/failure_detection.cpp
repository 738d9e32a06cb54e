#include "policies/failure_detection.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace drydock {
namespace {

// Simpson's rule on equal parts.
double integral(const std::function<double(double)>& f, double low, double high) {
  constexpr int kParts = 2000;
  const double h = (high - low) / kParts;
  double sum = f(low) + f(high);
  for (int i = 1; i < kParts; ++i) sum += f(low + i * h) * (i % 2 == 1 ? 4 : 2);
  return sum * h / 3;
}

// The point of [low, high] at which an increasing function reaches `target`.
double inverse(const std::function<double(double)>& increasing, double target, double low, double high) {
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (increasing(middle) < target ? low : high) = middle;
  }
  return high;
}

double lost_or_late(double loss, const Tail& exceeds, double slack) {
  return loss + (1 - loss) * (slack < 0 ? 1.0 : exceeds(slack));
}

}  // namespace

DetectorQuality nfd_s_quality(double interval, double shift, double loss, const Tail& exceeds) {
  const auto last = static_cast<int>(std::ceil(shift / interval));
  // No beat that counts has come by x after a freshness point.
  const auto none_by = [&](double x) {
    double u = 1;
    for (int j = 0; j <= last; ++j) u *= lost_or_late(loss, exceeds, shift + x - j * interval);
    return u;
  };
  const double in_time = (1 - loss) * (1 - exceeds(shift + interval));
  const double mistakes_per_point = in_time * none_by(0);
  const double suspected = integral(none_by, 0, interval);
  DetectorQuality quality;
  quality.detection_bound_s = interval + shift;
  quality.mistake_recurrence_s = interval / mistakes_per_point;
  quality.mistake_duration_s = suspected / mistakes_per_point;
  quality.query_accuracy = 1 - suspected / interval;
  return quality;
}

std::optional<DetectorParameters> configure_nfd_s(const DetectorDemand& demand, double loss, const Tail& exceeds) {
  const double bound = demand.detection_s;
  const double in_time = (1 - loss) * (1 - exceeds(bound));
  const double longest = std::min(in_time * demand.mistake_duration_s, bound);
  if (!(longest > 0)) return std::nullopt;
  const auto recurrence = [&](double interval) {
    double f = interval / in_time;
    for (int j = 1; j < static_cast<int>(std::ceil(bound / interval)); ++j)
      f /= lost_or_late(loss, exceeds, bound - j * interval);
    return f;
  };
  // Between two divisors of the bound the recurrence falls as the interval grows, up to its own linear factor: look from
  // above, then narrow down.
  constexpr int kPartsPerSegment = 1000;
  constexpr int kMostBeatsInBound = 10'000;
  for (int beats = 1; beats < kMostBeatsInBound; ++beats) {
    const double high = std::min(longest, bound / beats);
    const double low = bound / (beats + 1);
    if (low >= longest) continue;
    double above = high;
    for (int part = 0; part <= kPartsPerSegment; ++part) {
      const double interval = high - (high - low) * part / kPartsPerSegment;
      if (recurrence(interval) < demand.mistake_recurrence_s) {
        above = interval;
        continue;
      }
      const auto misses = [&](double x) { return recurrence(x) < demand.mistake_recurrence_s ? 1.0 : 0.0; };
      const double found = part == 0 ? interval : std::max(interval, inverse(misses, 0.5, interval, above) - 1e-9);
      return DetectorParameters{.interval = found, .shift = bound - found};
    }
  }
  return std::nullopt;
}

double ttl_false_expiries_per_hour(double interval, double ttl, double loss, const Tail& difference_exceeds) {
  constexpr int kMostInARow = 10'000;
  double sum = 0;
  double losses = 1;  // loss^m
  for (int m = 0; m < kMostInARow && losses > 1e-18; ++m, losses *= loss)
    sum += losses * difference_exceeds(ttl - (m + 1) * interval);
  return 3600 / interval * (1 - loss) * (1 - loss) * sum;
}

Tail exponential_difference(double mean) {
  return [mean](double x) { return x >= 0 ? 0.5 * std::exp(-x / mean) : 1 - 0.5 * std::exp(x / mean); };
}

double probability_of_losses_in_a_row(std::uint32_t beats, std::uint32_t length, double loss) {
  if (length == 0) return 1;
  std::vector<double> in_a_row(length, 0.0);  // by how many were lost last
  in_a_row[0] = 1;
  double reached = 0;
  for (std::uint32_t beat = 0; beat < beats; ++beat) {
    reached += in_a_row[length - 1] * loss;
    double received = 0;
    for (const double p : in_a_row) received += p;
    for (std::uint32_t lost = length - 1; lost > 0; --lost) in_a_row[lost] = in_a_row[lost - 1] * loss;
    in_a_row[0] = received * (1 - loss);
  }
  return reached;
}

double phi_normal_quantile(double phi) {
  // P(Z > z) = erfc(z / sqrt 2) / 2 is exact far out, where 1 - P(Z <= z) is not.
  return inverse([](double z) { return -std::log10(0.5 * std::erfc(z / std::sqrt(2.0))); }, phi, -30, 37);
}

double phi_logistic_quantile(double phi) {
  const double odds = std::log(std::pow(10.0, phi) - 1);  // of having come by then
  return inverse([](double y) { return y * (1.5976 + 0.070566 * y * y); }, odds, -40, 40);
}

double phi_exponential_quantile(double phi) { return phi * std::log(10.0); }

double swim_first_detection_periods(double live) { return 1 / (1 - std::exp(-live)); }

}  // namespace drydock
