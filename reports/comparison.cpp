#include "reports/comparison.hpp"

#include <algorithm>
#include <utility>

namespace drydock::reports {
namespace {

bool complete(const RunResult& run) { return !run.partial && !run.error; }

std::vector<std::string> variant_names(std::span<const RunResult> runs) {
  std::vector<std::string> names;
  for (const RunResult& run : runs) {
    if (std::find(names.begin(), names.end(), run.variant) == names.end()) names.push_back(run.variant);
  }
  return names;
}

// One variant's values of a metric by seed, from complete runs.
struct Series {
  std::string variant;
  std::map<std::uint64_t, double> by_seed;
  Estimate value;
};

std::vector<Series> series_of(std::span<const RunResult> runs, std::string_view metric) {
  std::vector<Series> all;
  for (const std::string& name : variant_names(runs)) {
    Series series{name, {}, {}};
    for (const RunResult& run : runs) {
      if (run.variant != name || !complete(run)) continue;
      const auto found = run.metrics.find(std::string(metric));
      if (found != run.metrics.end()) series.by_seed.emplace(run.seed, found->second);
    }
    std::vector<double> values;
    for (const auto& [seed, value] : series.by_seed) values.push_back(value);
    series.value = estimate(values, kConfidence);
    if (!values.empty()) all.push_back(std::move(series));
  }
  return all;
}

Rival compare(const Series& leader, const Series& other, Better better, double confidence) {
  std::vector<double> leads;
  std::vector<double> values;
  for (const auto& [seed, value] : leader.by_seed) {
    const auto paired = other.by_seed.find(seed);
    if (paired == other.by_seed.end()) continue;
    values.push_back(paired->second);
    leads.push_back(better == Better::lower ? paired->second - value : value - paired->second);
  }
  Rival rival{other.variant, estimate(values, kConfidence), estimate(leads, confidence), false, false};
  rival.equal = !leads.empty() && std::all_of(leads.begin(), leads.end(), [](double d) { return d == 0; });
  rival.shown = rival.lead.low() > 0 && rival.lead.excludes_zero();
  return rival;
}

std::optional<Verdict> compare_all(const Series& leader, const std::vector<Series>& all, const MetricInfo& info,
                                   std::string_view metric) {
  if (all.size() < 2) return std::nullopt;
  Verdict verdict;
  verdict.metric = std::string(metric);
  verdict.better = info.better();
  verdict.confidence = 1 - (1 - kConfidence) / static_cast<double>(all.size() - 1);
  verdict.leader = leader.variant;
  verdict.leader_value = leader.value;
  for (const Series& other : all) {
    if (&other == &leader) continue;
    verdict.rivals.push_back(compare(leader, other, verdict.better, verdict.confidence));
    if (verdict.rivals.back().lead.n == 0) return std::nullopt;  // no seed that both completed
  }
  std::stable_sort(verdict.rivals.begin(), verdict.rivals.end(),
                   [](const Rival& a, const Rival& b) { return a.lead.mean < b.lead.mean; });
  verdict.best = std::all_of(verdict.rivals.begin(), verdict.rivals.end(), [](const Rival& r) { return r.shown; });
  verdict.all_equal = std::all_of(verdict.rivals.begin(), verdict.rivals.end(), [](const Rival& r) { return r.equal; });
  return verdict;
}

}  // namespace

std::vector<VariantSummary> summarise(std::span<const RunResult> runs) {
  std::vector<VariantSummary> summaries;
  for (const std::string& name : variant_names(runs)) {
    VariantSummary summary;
    summary.variant = name;
    for (const RunResult& run : runs) {
      if (run.variant != name) continue;
      ++summary.runs;
      if (run.error) ++summary.failed;
      else if (run.partial) ++summary.partial;
    }
    std::map<std::string, std::vector<double>> values;
    for (const RunResult& run : runs) {
      if (run.variant != name || run.error || (run.partial && !summary.only_partial())) continue;
      for (const auto& [metric, value] : run.metrics) values[metric].push_back(value);
    }
    for (const auto& [metric, list] : values) {
      Estimate estimated = estimate(list, kConfidence);
      // Runs cut off at different moments are no sample of anything.
      if (summary.only_partial()) estimated.half_width.reset();
      summary.metrics.emplace(metric, estimated);
    }
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

namespace {

// Where a time limit ended some of the runs, their last end says nothing.
bool is_cut_short(std::span<const RunResult> runs, std::string_view metric) {
  return metric == "makespan_s" && std::ranges::any_of(runs, [](const RunResult& run) {
           const auto found = run.metrics.find("jobs_unfinished");
           return found != run.metrics.end() && found->second != 0;
         });
}

}  // namespace

std::optional<Verdict> judge(std::span<const RunResult> runs, std::string_view metric) {
  const auto info = is_cut_short(runs, metric) ? std::nullopt : describe(metric);
  if (!info || info->better() == Better::neither) return std::nullopt;
  const std::vector<Series> all = series_of(runs, metric);
  const bool lower = info->better() == Better::lower;
  const auto leader = std::min_element(all.begin(), all.end(), [&](const Series& a, const Series& b) {
    return lower ? a.value.mean < b.value.mean : a.value.mean > b.value.mean;
  });
  if (leader == all.end()) return std::nullopt;
  return compare_all(*leader, all, *info, metric);
}

std::optional<Verdict> compare_with(std::string_view variant, std::span<const RunResult> runs, std::string_view metric) {
  const auto info = describe(metric);
  if (!info || info->better() == Better::neither) return std::nullopt;
  const std::vector<Series> all = series_of(runs, metric);
  const auto found = std::find_if(all.begin(), all.end(), [&](const Series& s) { return s.variant == variant; });
  if (found == all.end()) return std::nullopt;
  return compare_all(*found, all, *info, metric);
}

}  // namespace drydock::reports
