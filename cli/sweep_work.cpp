#include "cli/sweep_work.hpp"

#include "cli/metric_choice.hpp"
#include "cli/result_files.hpp"
#include "cli/run_checker.hpp"
#include "cli/scenario_choice.hpp"
#include "cli/seeds.hpp"
#include "cli/version.hpp"
#include "reports/json.hpp"
#include "reports/metric_info.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/vary.hpp"
#include "scenarios/wording.hpp"
#include "sim/simgrid_platform.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <map>
#include <utility>

namespace drydock::cli {
namespace {

using scenarios::GridPoint;
using scenarios::Scenario;
using scenarios::Vary;

constexpr std::uint64_t kMostShards = 100'000;
constexpr std::size_t kMostRuns = 2'000'000;

Result<reports::SweepShard> parse_shard(const std::string& text) {
  reports::SweepShard shard;
  const std::size_t slash = text.find('/');
  const auto number = [](std::string_view part, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return error == std::errc() && end == part.data() + part.size();
  };
  const bool good = slash != std::string::npos && number(std::string_view(text).substr(0, slash), shard.number) &&
                    number(std::string_view(text).substr(slash + 1), shard.of) && shard.number >= 1 &&
                    shard.number <= shard.of && shard.of <= kMostShards;
  if (good) return shard;
  return Error{
      fmt::format("--shard {}: is no shard; write I/N with I from 1 to N, such as 2/8", scenarios::printable(text))};
}

// What of a scenario is drawn at random or listed.
struct Dimensions {
  std::vector<Vary> varies;
  std::vector<GridPoint> points;
};

Result<Dimensions> read_dimensions(const SweepOptions& options, std::size_t variants) {
  Dimensions dimensions;
  for (const std::string& text : options.varies) {
    auto vary = scenarios::parse_vary(text, options.random.has_value());
    if (!vary) return Error{vary.error().message};
    dimensions.varies.push_back(std::move(vary).value());
  }
  if (dimensions.varies.empty() && variants < 2) {
    return Error{
        "nothing is varied: give --vary /json/pointer=VALUE,VALUE (several times, for several values), or a scenario with "
        "variants"};
  }
  if (dimensions.varies.empty() && options.random) return Error{"--random: there is no --vary to draw from"};
  auto points = options.random ? scenarios::draw_points(dimensions.varies, *options.random, options.random_seed)
                               : scenarios::grid_of(dimensions.varies);
  if (!points) return Error{points.error().message};
  dimensions.points = std::move(points).value();
  if (dimensions.points.size() * variants > scenarios::kMostPoints)
    return Error{fmt::format(
        "--vary: with {} variants these are more than {} points; take fewer values, or name variants with --variant",
        variants, scenarios::kMostPoints)};
  return dimensions;
}

// Of all that traces say, since scenarios name only their files.
std::string hash_traces(const std::vector<Scenario>& all) {
  std::map<const void*, std::uint64_t> hashes;
  std::uint64_t whole = 0xcbf29ce484222325U;
  const auto mix = [](std::uint64_t& hash, std::uint64_t value) { hash = (hash ^ value) * 0x100000001b3U; };
  for (const Scenario& scenario : all) {
    for (const scenarios::Source& source : scenario.workload) {
      const auto* trace = std::get_if<scenarios::TraceSource>(&source);
      if (trace == nullptr || trace->jobs == nullptr) continue;
      const auto [found, fresh] = hashes.try_emplace(trace->jobs.get(), 0xcbf29ce484222325U);
      for (std::size_t i = 0; fresh && i < trace->jobs->size(); ++i) {
        const scenarios::TraceJob& job = (*trace->jobs)[i];
        for (const std::int64_t value :
             {job.submit_ns, job.work_ns, job.estimate_ns, std::int64_t{job.tasks}, std::int64_t{job.queue}})
          mix(found->second, static_cast<std::uint64_t>(value));
      }
      mix(whole, found->second);
    }
  }
  return hashes.empty() ? "" : fmt::format("{:016x}", whole);
}

std::string hash_all(const std::vector<Scenario>& all) {
  std::vector<reports::VariantScenario> texts;
  for (const Scenario& scenario : all) texts.push_back({scenario.variant, scenario.json});
  if (std::string traces = hash_traces(all); !traces.empty()) texts.push_back({"traces", std::move(traces)});
  return reports::scenario_hash(texts);
}

std::vector<reports::SweepParameter> parameters_of(const std::vector<Scenario>& variants, const Dimensions& dimensions) {
  std::vector<reports::SweepParameter> parameters;
  if (variants.size() > 1) {
    reports::SweepParameter& parameter = parameters.emplace_back();
    parameter.name = "variant";
    for (const Scenario& variant : variants) parameter.levels.push_back(variant.variant);
    parameter.given = fmt::format("{}", fmt::join(parameter.levels, ","));
  }
  for (const Vary& vary : dimensions.varies) {
    reports::SweepParameter parameter{.name = vary.pointer, .given = vary.given, .levels = vary.values};
    if (vary.range) {
      const std::string middle = scenarios::value_at(*vary.range, 0.5);
      parameter.levels = {fmt::format("{}..{}", scenarios::value_at(*vary.range, 0), middle),
                          fmt::format("{}..{}", middle, scenarios::value_at(*vary.range, 1))};
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

std::vector<std::vector<scenarios::Setting>> settings_of(const Dimensions& dimensions) {
  std::vector<std::vector<scenarios::Setting>> all;
  for (const GridPoint& point : dimensions.points) {
    all.emplace_back();
    for (std::size_t i = 0; i < point.values.size(); ++i)
      all.back().push_back({dimensions.varies[i].pointer, point.values[i]});
  }
  return all;
}

// Variant by variant, within each point by point.
Result<bool> add_points(const SweepOptions& options, const std::vector<Scenario>& variants, const Dimensions& dimensions,
                        SweepWork& work) {
  const scenarios::PointOptions how{.load = {.sets = options.sets,
                                             .read_traces = true,
                                             .read_platform = sim::read_platform,
                                             .check_run = problem_with_run},
                                    .variants = options.variants};
  auto loaded = scenarios::load_points(options.scenario, settings_of(dimensions), how);
  if (!loaded) return Error{loaded.error().message};
  for (std::size_t v = 0; v < variants.size(); ++v) {
    for (std::size_t p = 0; p < dimensions.points.size(); ++p) {
      reports::SweepPoint point{dimensions.points[p].values, dimensions.points[p].levels};
      if (variants.size() > 1) {
        point.values.insert(point.values.begin(), variants[v].variant);
        point.levels.insert(point.levels.begin(), v);
      }
      Scenario& scenario = loaded.value()[p][v];
      if (v == 0 && !work.plan.own && scenario.json == variants[v].json) work.plan.own = work.plan.points.size();
      work.plan.points.push_back(std::move(point));
      work.scenarios.push_back(std::move(scenario));
    }
  }
  return true;
}

// Their metrics must be named in full.
Result<bool> check_precision(const std::vector<reports::SweepPrecision>& all, const std::vector<std::string>& names) {
  for (const reports::SweepPrecision& one : all) {
    auto choice = choose_metrics(one.metric, names, "--precision");
    if (!choice) return Error{choice.error().message};
    if (choice.value().names != std::vector<std::string>{one.metric})
      return Error{fmt::format("--precision: \"{}\" is several metrics: {}; name one", scenarios::printable(one.metric),
                               fmt::join(choice.value().names, ", "))};
  }
  return true;
}

}  // namespace

Result<reports::SweepView> read_view(const SweepOptions& options, const std::vector<std::string>& names,
                                     std::size_t points) {
  reports::SweepView view;
  if (options.metrics) {
    auto choice = choose_metrics(*options.metrics, names);
    if (!choice) return Error{choice.error().message};
    view.metrics = std::move(choice.value().names);
  }
  if (options.pareto) {
    auto choice = choose_metrics(*options.pareto, names, "--pareto");
    if (!choice) return Error{choice.error().message};
    view.pareto = std::move(choice.value().names);
    for (const std::string& metric : view.pareto) {
      const auto info = reports::describe(metric);
      if (!info || info->better() == reports::Better::neither)
        return Error{fmt::format("--pareto: of {} neither more nor less is better", metric)};
    }
    if (view.pareto.size() < 2) return Error{"--pareto: a front needs at least two metrics, such as wait_s.mean,cost_usd"};
  }
  if (options.baseline) {
    if (*options.baseline < 1 || *options.baseline > points)
      return Error{fmt::format("--baseline {}: there are points 1 to {}", *options.baseline, points)};
    view.baseline = *options.baseline - 1;
  }
  return view;
}

Result<SweepWork> prepare_sweep(const SweepOptions& options) {
  SweepWork work;
  reports::SweepPlan& plan = work.plan;
  if (options.seeds) {  // before the scenario, whose traces may take a moment
    auto seeds = parse_seeds(*options.seeds);
    if (!seeds) return Error{seeds.error().message};
    plan.seeds = std::move(seeds).value();
  }
  if (options.precision) {
    auto precision = reports::parse_precision(*options.precision);
    if (!precision) return Error{precision.error().message};
    plan.precision = std::move(precision).value();
  }
  if (options.shard) {
    const auto shard = parse_shard(*options.shard);
    if (!shard) return Error{shard.error().message};
    plan.shard = shard.value();
    if (options.out.empty()) return Error{"--shard: needs --out DIR: it is what --merge reads"};
  }
  auto loaded = scenarios::load(
      options.scenario,
      {.sets = options.sets, .read_traces = false, .read_platform = sim::read_platform, .check_run = problem_with_run});
  if (!loaded) return Error{loaded.error().message};
  const auto variants = choose_variants(std::move(loaded).value(), options.variants, options.scenario);
  if (!variants) return Error{variants.error().message};
  const auto dimensions = read_dimensions(options, variants.value().size());
  if (!dimensions) return Error{dimensions.error().message};
  if (auto added = add_points(options, variants.value(), dimensions.value(), work); !added)
    return Error{added.error().message};

  plan.version = kVersion;
  plan.scenario = work.scenarios.front().name;
  plan.description = work.scenarios.front().description;
  plan.scenario_hash = hash_all(work.scenarios);
  plan.parameters = parameters_of(variants.value(), dimensions.value());
  if (options.random) plan.draw = options.random_seed;
  if (plan.seeds.empty()) plan.seeds = default_seeds(work.scenarios);
  plan.random = std::ranges::any_of(work.scenarios, [](const Scenario& scenario) { return is_random(scenario); });
  plan.mser5 = options.warmup == "mser5";
  plan.unmeasured = unmeasured_part(work.scenarios);
  if (plan.points.size() * plan.seeds.size() > kMostRuns)
    return Error{
        fmt::format("{} points and {} seeds are more than {} runs", plan.points.size(), plan.seeds.size(), kMostRuns)};
  const std::vector<std::string> names = possible_metrics(work.scenarios);
  if (auto checked = check_precision(plan.precision, names); !checked) return Error{checked.error().message};
  auto view = read_view(options, names, plan.points.size());
  if (!view) return Error{view.error().message};
  plan.view = std::move(view).value();
  return work;
}

}  // namespace drydock::cli
