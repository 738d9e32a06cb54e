// What one variant of recorded runs changes against another: each metric with its mean on both sides, the difference with intervals, how
// large that is, and what may be said of it.
//
// Runs are paired by seed where they share seeds: under one seed both saw the same jobs and faults, as long as the scenario says the same
// of these. A difference is called shown where Student's test, with Holm's correction over all metrics and matches of the report, rejects
// that there is none; so a report of twenty metrics is wrong about any of them in at most 5 % of cases.
#pragma once

#include "reports/bootstrap.hpp"
#include "reports/contrast.hpp"
#include "reports/kolmogorov.hpp"
#include "reports/match.hpp"
#include "reports/metric_info.hpp"
#include "reports/statistics.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::reports {

struct DifferenceOptions {
  double confidence = 0.95;
  double margin = 0.05;       // differences that are shown to be below this part of the base's mean count as none
  std::uint64_t seed = 1;     // of the resampling
  std::size_t resamples = 0;  // of the bootstrap; 0: usual_resamples()
};

// How the runs of two sides belong together.
struct Samples {
  Pairing pairing = Pairing::paired;
  std::vector<const RunResult*> base;  // when paired, base[i] has the seed of other[i]
  std::vector<const RunResult*> other;
  std::size_t left_out = 0;    // of both, because the other side lacks their seeds
  bool exact = false;          // one run each, in which nothing is random
  std::size_t same_steps = 0;  // pairs that took the same decisions (hashes of their journals)
};
// Paired by the seeds that both have, if these are at least half of the smaller side's and there are two of them, or there is one run on
// either side; otherwise unpaired, with all runs.
[[nodiscard]] Samples samples_of(const RecordedSide& base, const RecordedSide& other);

// Values of a metric in the order of the runs; pairs of which one lacks it are left out when paired.
struct SampledValues {
  std::vector<double> base;
  std::vector<double> other;
};
[[nodiscard]] SampledValues values_of(const Samples& samples, std::string_view metric);
// An estimate of mean(other) - factor * mean(base), with what these samples allow to say of it.
[[nodiscard]] Contrast contrast_of(const Samples& samples, const SampledValues& values, double factor = 1);

enum class Finding {
  better,
  worse,
  different,  // shown, of a metric where neither direction is better
  equal,      // the same value in each pair
  not_shown,
  unknown,  // too few runs to say
};

struct Difference {
  std::string metric;
  Better better = Better::neither;
  Estimate base;
  Estimate other;
  std::size_t n = 0;  // pairs; or runs of the smaller side
  double change = 0;  // other - base
  std::optional<Interval> student;
  std::optional<Interval> bootstrap;       // BCa
  std::optional<double> relative;          // change / base
  std::optional<Interval> relative_range;  // Fieller
  std::optional<double> p;                 // by itself
  std::optional<double> p_holm;            // corrected
  std::optional<double> cohens_d;          // of pairs: mean difference / its standard deviation
  std::optional<double> cliffs_delta;
  bool equivalent =
      false;  // shown to be within the margin of the base (two one-sided tests, each with the confidence asked for)
  Finding finding = Finding::unknown;
};

struct DistributionDifference {
  std::string metric;  // "wait_s"
  KsResult ks;
  std::optional<double> p_holm;  // over the distributions of the report
  double base_count = 0;         // values in all
  double other_count = 0;
};

struct SideDifferences {
  const Match* match = nullptr;
  Samples samples;
  std::vector<Difference> metrics;
  std::vector<DistributionDifference> distributions;
};

struct DifferenceReport {
  DifferenceOptions options;
  std::vector<std::string> metrics;  // those compared, in order
  std::size_t tests = 0;             // that the correction is over
  std::size_t distribution_tests = 0;
  std::vector<SideDifferences> sides;  // one for each match
};

// Of these metrics, or of default_metrics(). A metric that a match has on neither side is left out there.
[[nodiscard]] DifferenceReport find_differences(std::span<const Match> matches, std::span<const std::string> metrics,
                                                const DifferenceOptions& options);

// Whether the change is for the better (worse), if it is any and that can be said.
[[nodiscard]] bool is_shown(Finding finding);

}  // namespace drydock::reports
