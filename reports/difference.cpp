#include "reports/difference.hpp"

#include "policies/core/rng.hpp"
#include "reports/effect_size.hpp"
#include "reports/holm.hpp"
#include "reports/table.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace drydock::reports {
namespace {

const double* value_in(const RunResult& run, std::string_view metric) {
  const auto found = run.metrics.find(std::string(metric));
  return found == run.metrics.end() ? nullptr : &found->second;
}

// Whether the true value of mean(other) is shown to lie within a part `margin` of mean(base): two one-sided tests (Schuirmann 1987).
bool is_equivalent(const Samples& samples, const SampledValues& values, const DifferenceOptions& options) {
  const Contrast above = contrast_of(samples, values, 1 + options.margin);
  const Contrast below = contrast_of(samples, values, 1 - options.margin);
  if (!above.has_interval() || !below.has_interval()) return false;
  return above.upper(options.confidence) <= 0 && below.lower(options.confidence) >= 0;
}

std::optional<Interval> bootstrap_of(const Samples& samples, const SampledValues& values, const DifferenceOptions& options,
                                     std::string_view metric) {
  if (values.base.size() < 2 || values.other.size() < 2) return std::nullopt;
  BootstrapOptions how{
      .confidence = options.confidence, .seed = mix64(options.seed ^ stream_of(metric)), .resamples = options.resamples};
  if (how.resamples == 0) how.resamples = usual_resamples(values.base.size() + values.other.size());
  if (samples.pairing == Pairing::unpaired) return bootstrap_difference(values.base, values.other, how).bca;
  std::vector<double> differences(values.base.size());
  for (std::size_t i = 0; i < differences.size(); ++i) differences[i] = values.other[i] - values.base[i];
  return bootstrap(
             differences, [](std::span<const double> sample) { return estimate(sample).mean; }, how)
      .bca;
}

bool all_equal(const Samples& samples, const SampledValues& values) {
  return samples.pairing == Pairing::paired && !values.base.empty() && values.base == values.other;
}

std::optional<double> effect_of(const Samples& samples, const SampledValues& values) {
  if (samples.pairing == Pairing::unpaired) return cohens_d(values.base, values.other);
  std::vector<double> differences(values.base.size());
  for (std::size_t i = 0; i < differences.size(); ++i) differences[i] = values.other[i] - values.base[i];
  return cohens_d_paired(differences);
}

std::optional<Difference> difference_of(const Samples& samples, const std::string& metric,
                                        const DifferenceOptions& options) {
  const SampledValues values = values_of(samples, metric);
  if (values.base.empty() || values.other.empty()) return std::nullopt;
  Difference result;
  result.metric = metric;
  if (const auto info = describe(metric)) result.better = info->better();
  result.base = estimate(values.base, options.confidence);
  result.other = estimate(values.other, options.confidence);
  result.n = std::min(values.base.size(), values.other.size());
  const Contrast change = contrast_of(samples, values);
  result.change = change.mean;
  if (result.base.mean != 0) result.relative = change.mean / std::abs(result.base.mean);
  result.p = change.p_value();
  result.cliffs_delta = cliffs_delta(values.base, values.other);
  if (all_equal(samples, values)) {
    result.finding = Finding::equal;
    result.equivalent = change.has_interval();
    return result;
  }
  if (!change.has_interval()) return result;
  result.finding = Finding::not_shown;
  result.equivalent = is_equivalent(samples, values, options);
  if (samples.exact) return result;
  result.student = change.interval(options.confidence);
  result.bootstrap = bootstrap_of(samples, values, options, metric);
  result.relative_range = relative_change(values.base, values.other, samples.pairing, options.confidence);
  result.cohens_d = effect_of(samples, values);
  return result;
}

std::vector<DistributionDifference> distributions_of(const Samples& samples, const DifferenceOptions& options) {
  std::set<std::string> names;
  for (const RunResult* run : samples.base) {
    for (const auto& [name, distribution] : run->distributions) names.insert(name);
  }
  std::vector<DistributionDifference> all;
  for (const std::string& name : names) {
    std::vector<const Distribution*> base;
    std::vector<const Distribution*> other;
    const auto find = [&](const RunResult& run) -> const Distribution* {
      const auto found = run.distributions.find(name);
      return found == run.distributions.end() ? nullptr : &found->second;
    };
    if (samples.pairing == Pairing::paired) {
      for (std::size_t i = 0; i < samples.base.size(); ++i) {
        const Distribution* of_base = find(*samples.base[i]);
        const Distribution* of_other = find(*samples.other[i]);
        if (of_base == nullptr || of_other == nullptr) continue;
        base.push_back(of_base);
        other.push_back(of_other);
      }
    } else {
      for (const RunResult* run : samples.base) {
        if (const Distribution* one = find(*run)) base.push_back(one);
      }
      for (const RunResult* run : samples.other) {
        if (const Distribution* one = find(*run)) other.push_back(one);
      }
    }
    if (base.empty() || other.empty()) continue;
    DistributionDifference& difference = all.emplace_back();
    difference.metric = name;
    difference.ks = ks_compare(base, other, samples.pairing, mix64(options.seed ^ stream_of(name)));
    for (const Distribution* one : base) difference.base_count += static_cast<double>(one->count());
    for (const Distribution* one : other) difference.other_count += static_cast<double>(one->count());
  }
  return all;
}

Finding finding_of(const Difference& difference, double significant) {
  if (difference.finding != Finding::not_shown || !difference.p_holm || *difference.p_holm >= significant)
    return difference.finding;
  if (difference.better == Better::neither) return Finding::different;
  return (difference.change < 0) == (difference.better == Better::lower) ? Finding::better : Finding::worse;
}

// Raises the p values of all of them together.
template <class Item>
std::size_t correct(const std::vector<Item*>& items) {
  std::vector<double> p_values;
  for (const Item* item : items) {
    if constexpr (std::is_same_v<Item, Difference>) p_values.push_back(*item->p);
    else p_values.push_back(*item->ks.p);
  }
  const std::vector<double> raised = holm(p_values);
  for (std::size_t i = 0; i < items.size(); ++i) items[i]->p_holm = raised[i];
  return items.size();
}

void correct_all(DifferenceReport& report) {
  std::vector<Difference*> metrics;
  std::vector<DistributionDifference*> distributions;
  for (SideDifferences& side : report.sides) {
    for (Difference& one : side.metrics) {
      if (one.p) metrics.push_back(&one);
    }
    for (DistributionDifference& one : side.distributions) {
      if (one.ks.p) distributions.push_back(&one);
    }
  }
  report.tests = correct(metrics);
  report.distribution_tests = correct(distributions);
  for (Difference* one : metrics) one->finding = finding_of(*one, 1 - report.options.confidence);
}

std::vector<std::string> metrics_of(std::span<const Match> matches, std::span<const std::string> wanted) {
  if (!wanted.empty()) return {wanted.begin(), wanted.end()};
  std::vector<RunResult> runs;
  for (const Match& match : matches) {
    for (const RecordedSide& side : {match.base, match.other}) {
      for (const RunResult* run : complete_runs(side)) {
        RunResult& slim = runs.emplace_back();
        slim.metrics = run->metrics;
      }
    }
  }
  return default_metrics(runs);
}

}  // namespace

Samples samples_of(const RecordedSide& base, const RecordedSide& other) {
  Samples samples;
  const std::vector<const RunResult*> of_base = complete_runs(base);
  const std::vector<const RunResult*> of_other = complete_runs(other);
  std::map<std::uint64_t, const RunResult*> by_seed;
  for (const RunResult* run : of_base) by_seed.emplace(run->seed, run);
  for (const RunResult* run : of_other) {
    const auto pair = by_seed.find(run->seed);
    if (pair == by_seed.end()) continue;
    samples.base.push_back(pair->second);
    samples.other.push_back(run);
    const bool told = run->journal_hash != 0 && pair->second->journal_hash != 0;
    if (told && run->journal_hash == pair->second->journal_hash) ++samples.same_steps;
  }
  const std::size_t smaller = std::min(of_base.size(), of_other.size());
  const bool enough = samples.base.size() >= 2 && 2 * samples.base.size() >= smaller;
  if (enough || (smaller == 1 && samples.base.size() == 1)) {
    samples.left_out = of_base.size() + of_other.size() - 2 * samples.base.size();
    samples.exact = of_base.size() == 1 && of_other.size() == 1 && !base.of->random && !other.of->random;
    return samples;
  }
  samples = {};
  samples.pairing = Pairing::unpaired;
  samples.base = of_base;
  samples.other = of_other;
  samples.exact = smaller == 1 && of_base.size() == of_other.size() && !base.of->random && !other.of->random;
  return samples;
}

SampledValues values_of(const Samples& samples, std::string_view metric) {
  SampledValues values;
  if (samples.pairing == Pairing::paired) {
    for (std::size_t i = 0; i < samples.base.size(); ++i) {
      const double* base = value_in(*samples.base[i], metric);
      const double* other = value_in(*samples.other[i], metric);
      if (base == nullptr || other == nullptr) continue;
      values.base.push_back(*base);
      values.other.push_back(*other);
    }
    return values;
  }
  for (const RunResult* run : samples.base) {
    if (const double* value = value_in(*run, metric)) values.base.push_back(*value);
  }
  for (const RunResult* run : samples.other) {
    if (const double* value = value_in(*run, metric)) values.other.push_back(*value);
  }
  return values;
}

Contrast contrast_of(const Samples& samples, const SampledValues& values, double factor) {
  if (samples.exact && values.base.size() == 1 && values.other.size() == 1)
    return exact_contrast(values.base.front(), values.other.front(), factor);
  if (samples.pairing == Pairing::paired) return paired_contrast(values.base, values.other, factor);
  return welch_contrast(values.base, values.other, factor);
}

DifferenceReport find_differences(std::span<const Match> matches, std::span<const std::string> metrics,
                                  const DifferenceOptions& options) {
  DifferenceReport report;
  report.options = options;
  report.metrics = metrics_of(matches, metrics);
  for (const Match& match : matches) {
    SideDifferences& side = report.sides.emplace_back();
    side.match = &match;
    side.samples = samples_of(match.base, match.other);
    for (const std::string& metric : report.metrics) {
      if (auto difference = difference_of(side.samples, metric, options)) side.metrics.push_back(std::move(*difference));
    }
    side.distributions = distributions_of(side.samples, options);
  }
  correct_all(report);
  return report;
}

bool is_shown(Finding finding) {
  return finding == Finding::better || finding == Finding::worse || finding == Finding::different;
}

}  // namespace drydock::reports
