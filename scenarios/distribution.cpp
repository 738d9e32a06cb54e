// Random amounts: draws and means of the distributions of scenario.hpp.
#include "scenarios/draw.hpp"
#include "scenarios/workload.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace drydock::scenarios {

// Box and Muller (1958); one of the pair is enough here.
double Draws::normal() {
  const double radius = std::sqrt(2.0 * exponential());
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

// Marsaglia and Tsang (ACM TOMS 26(3), 2000); for shapes below 1 by the boost of their section 6.
double Draws::gamma(double shape) {
  if (shape < 1) {
    const double boosted = gamma(shape + 1);
    return boosted * std::pow(1.0 - uniform(), 1.0 / shape);
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  // Each try is accepted with a probability above 0.95.
  constexpr int kTries = 1000;
  for (int i = 0; i < kTries; ++i) {
    const double x = normal();
    const double v = (1.0 + c * x) * (1.0 + c * x) * (1.0 + c * x);
    if (v > 0 && std::log(1.0 - uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
  return d;
}

namespace {

struct Mean {
  double operator()(const Exponential& d) const { return d.mean; }
  double operator()(const Deterministic& d) const { return d.value; }
  double operator()(const Uniform& d) const { return (d.low + d.high) / 2; }
  double operator()(const Lognormal& d) const { return d.mean; }
  double operator()(const Weibull& d) const { return d.scale * std::tgamma(1 + 1 / d.shape); }
  double operator()(const Hyperexponential& d) const {
    return std::inner_product(d.means.begin(), d.means.end(), d.probabilities.begin(), 0.0);
  }
  double operator()(const BoundedPareto& d) const {
    const double ratio = d.low / d.high;
    const double mass = 1 - std::pow(ratio, d.shape);
    if (std::abs(d.shape - 1) < 1e-9) return d.low * -std::log(ratio) / mass;
    return d.low * d.shape / (d.shape - 1) * (1 - std::pow(ratio, d.shape - 1)) / mass;
  }
  double operator()(const Empirical& d) const {
    return std::accumulate(d.values.begin(), d.values.end(), 0.0) / static_cast<double>(d.values.size());
  }
};

struct Sample {
  Draws draws;

  double operator()(const Exponential& d) { return d.mean * draws.exponential(); }
  double operator()(const Deterministic& d) { return d.value; }
  double operator()(const Uniform& d) { return d.low + (d.high - d.low) * draws.uniform(); }
  double operator()(const Lognormal& d) {
    const double variance = std::log1p(d.cv * d.cv);
    return d.mean * std::exp(std::sqrt(variance) * draws.normal() - variance / 2);
  }
  double operator()(const Weibull& d) { return d.scale * std::pow(draws.exponential(), 1 / d.shape); }
  double operator()(const Hyperexponential& d) {
    double u = draws.uniform();
    std::size_t branch = 0;
    while (branch + 1 < d.means.size() && u >= d.probabilities[branch]) u -= d.probabilities[branch++];
    return d.means[branch] * draws.exponential();
  }
  double operator()(const BoundedPareto& d) {
    const double mass = 1 - std::pow(d.low / d.high, d.shape);
    return std::min(d.high, d.low * std::pow(1 - draws.uniform() * mass, -1 / d.shape));
  }
  double operator()(const Empirical& d) {
    const auto count = static_cast<double>(d.values.size());
    return d.values[std::min(d.values.size() - 1, static_cast<std::size_t>(draws.uniform() * count))];
  }
};

}  // namespace

double mean_of(const Distribution& distribution) { return std::visit(Mean{}, distribution); }

double sample_with(const Distribution& distribution, const Draws& draws) { return std::visit(Sample{draws}, distribution); }

double sample(const Distribution& distribution, std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) {
  return sample_with(distribution, DrawStream(seed, stream).at(counter));
}

}  // namespace drydock::scenarios
