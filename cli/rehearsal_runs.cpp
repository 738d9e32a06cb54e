#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/rehearsal_runs.hpp"

#include "cli/interrupt.hpp"
#include "cli/journal_measure.hpp"
#include "cli/journal_paths.hpp"
#include "reports/phrases.hpp"
#include "scenarios/units.hpp"
#include "sim/run.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>
#include <variant>

namespace drydock::cli {
namespace {

using scenarios::Scenario;

// Beyond this, waiting for it is no small part of the time.
constexpr double kBusy = 0.7;
constexpr double kShortJob = 0.1;

std::filesystem::path journal_of(const RehearsalPlan& plan, const char* world, const Scenario& scenario,
                                 std::uint64_t seed) {
  return journal_path({.path = plan.folder / world, .runs = 2}, scenario.variant, seed);
}

// Those of several schedulers lie beside the path that was asked for.
std::vector<std::filesystem::path> simulated_journals(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return {path};
  std::vector<std::filesystem::path> found;
  const std::string begin = path.stem().string() + ".scheduler-";
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), error)) {
    if (entry.path().filename().string().starts_with(begin)) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

// What only a journal tells of a simulated run, beside the figures of the simulation itself.
void add_phases(const Scenario& scenario, const std::filesystem::path& path, reports::RunResult& run) {
  if (run.error) return;
  const std::vector<std::filesystem::path> journals = simulated_journals(path);
  const reports::Observations nothing;
  const auto measured = measure_journals({.scenario = scenario, .seed = run.seed, .journals = journals, .seen = nothing});
  if (!measured) return;
  for (const auto& [name, value] : measured.value().metrics) {
    if (name.starts_with("phase_") || name == "commit_busy_fraction") run.metrics.emplace(name, value);
  }
}

void predict(const RehearsalPlan& plan, const std::atomic<bool>& stop, RehearsalRuns& runs) {
  std::vector<sim::RunRequest> requests;
  for (const TrialScenario& variant : plan.variants) {
    for (const std::uint64_t seed : plan.seeds) {
      sim::RunRequest& request = requests.emplace_back();
      request.scenario = &variant.simulated;
      request.seed = seed;
      request.options.journal = journal_of(plan, "predicted", variant.simulated, seed);
    }
  }
  runs.predicted = sim::run_all(requests, 1, stop, [](const sim::Progress&) {});
  for (std::size_t i = 0; i < requests.size(); ++i) {
    add_phases(*requests[i].scenario, *requests[i].options.journal, runs.predicted[i]);
  }
}

Result<RehearsedRun> run_one_for_real(const RehearsalPlan& plan, const Scenario& scenario, std::uint64_t seed,
                                      const std::function<void(const RealProgress&)>& progress) {
  RealRunOptions options;
  options.seed = seed;
  options.whole = true;
  options.restart = scenario.liveness.get<Duration>("ttl") * 2;
  options.in_process = plan.in_process;
  options.journal = journal_of(plan, "real", scenario, seed);
  options.progress = progress;
  auto made = run_for_real(scenario, options);
  if (!made) return made.error();
  RealRunResult& real = made.value();
  RehearsedRun run{.result = {}, .faults = real.faults, .time_s = real.time_s, .workers_started = real.workers_started};
  run.result.variant = scenario.variant;
  run.result.seed = seed;
  if (!real.journals.empty()) {
    auto measured = measure_journals({.scenario = scenario,
                                      .seed = seed,
                                      .journals = real.journals,
                                      .seen = real.seen,
                                      .ended = real.ended,
                                      .check = !real.interrupted && !real.error});
    if (!measured) return measured.error();
    run.result = std::move(measured).value();
  }
  run.result.partial = real.interrupted;
  run.result.error = real.error;
  run.result.cpu_s = real.cpu_s;
  return run;
}

std::string say_variants(const std::set<std::string>& names) {
  if (names.size() == 1 && names.begin()->empty()) return "";
  return fmt::format(" ({})", reports::join({names.begin(), names.end()}));
}

bool is_calibrated(const Scenario& scenario) {
  const auto document = nlohmann::json::parse(scenario.json, nullptr, false);
  return document.is_object() && document.contains("calibration");
}

// Whether an entry of the workload has this key.
bool any_job_has(const Scenario& scenario, const char* key) {
  const auto document = nlohmann::json::parse(scenario.json, nullptr, false);
  if (!document.is_object() || !document.contains("workload") || !document["workload"].is_array()) return false;
  return std::ranges::any_of(document["workload"],
                             [key](const auto& entry) { return entry.is_object() && entry.contains(key); });
}

// What the simulation does and the runtime does not, beside faults.
std::vector<std::string> only_simulated(const Scenario& scenario) {
  std::vector<std::string> what = limits_of_real_run(scenario, Duration{0}).notes;
  if (std::ranges::any_of(scenario.pools, [](const auto& pool) { return pool.max_tasks_per_child.has_value(); }))
    what.emplace_back("\"max_tasks_per_child\" is for simulations: for real no child process is replaced");
  if (any_job_has(scenario, "input") || any_job_has(scenario, "output"))
    what.emplace_back("\"input\" and \"output\" take time in the simulation alone: for real nothing is moved");
  return what;
}

void caution_about_scenario(const RehearsalPlan& plan, std::vector<std::string>& cautions) {
  std::set<std::string> commands;
  std::set<std::string> left_out;
  for (const TrialScenario& variant : plan.variants) {
    if (any_job_has(variant.real, "run")) commands.insert(variant.real.variant);
    for (const std::string& what : only_simulated(variant.real)) left_out.insert(what);
    for (const LeftOutFault& left : faults_left_out(variant.real, plan.in_process)) {
      left_out.insert(fmt::format("fault {} ({}) is simulated, but not carried out: {}", left.fault,
                                  type_of(variant.real.faults[left.fault]), left.reason));
    }
  }
  if (!is_calibrated(plan.variants.front().simulated)) {
    cautions.emplace_back(
        "there is no calibration: what stores, dispatch and reports take in the simulation is what the scenario says, "
        "nothing where it says nothing.");
  }
  for (const std::string& what : left_out) cautions.push_back(what + ".");
  if (!commands.empty())
    cautions.push_back("some jobs run commands" + say_variants(commands) +
                       ": the simulation goes by \"duration\", not by what they take.");
}

void caution_about_runs(const RehearsalPlan& plan, const RehearsalRuns& runs, std::vector<std::string>& cautions) {
  std::set<std::string> one_leads;
  for (const TrialScenario& variant : plan.variants) {
    if (variant.simulated.schedulers == 1) one_leads.insert(variant.simulated.variant);
  }
  std::set<std::string> led_by_others;
  std::set<std::string> store;
  std::set<std::string> process;
  std::set<std::string> short_jobs;
  for (const RehearsedRun& run : runs.real) {
    const auto figure = [&](const char* name) {
      const auto found = run.result.metrics.find(name);
      return found == run.result.metrics.end() ? 0.0 : found->second;
    };
    if (plan.predict && figure("leader_changes") > 0 && one_leads.contains(run.result.variant))
      led_by_others.insert(run.result.variant);
    if (figure("commit_busy_fraction") > kBusy) store.insert(run.result.variant);
    if (run.time_s > 0 && run.result.cpu_s > kBusy * run.time_s) process.insert(run.result.variant);
    const double served = figure("response_s.mean") - figure("wait_s.mean");
    if (figure("jobs_completed") > 0 && served < kShortJob) short_jobs.insert(run.result.variant);
  }
  if (!led_by_others.empty())
    cautions.push_back("another scheduler took over" + say_variants(led_by_others) +
                       ": the simulation has one scheduler, which never stands still. Ask for two of them "
                       "(/control_plane/schedulers) to have both sides alike.");
  if (!store.empty())
    cautions.push_back(
        fmt::format("a commit was on its way for more than {:.0f} % of the time{}: the store is near "
                    "saturation, which a simulation without calibration does not show.",
                    kBusy * 100, say_variants(store)));
  if (!process.empty())
    cautions.push_back(
        fmt::format("the process of the scheduler was busy for more than {:.0f} % of the time{}: it is near "
                    "saturation.",
                    kBusy * 100, say_variants(process)));
  if (!short_jobs.empty())
    cautions.push_back(
        fmt::format("jobs take less than {:g} s{}: what the runtime needs for each is no small part of that. "
                    "Scale less.",
                    kShortJob, say_variants(short_jobs)));
}

}  // namespace

Result<RehearsalRuns> make_rehearsal_runs(const RehearsalPlan& plan, const RehearsalProgress& progress) {
  const std::atomic<bool>& stop = stop_on_interrupt();
  RehearsalRuns runs;
  if (plan.predict) predict(plan, stop, runs);
  const std::size_t total = plan.variants.size() * plan.seeds.size();
  // Seed by seed, so that an interrupted comparison has whole pairs.
  for (const std::uint64_t seed : plan.seeds) {
    for (const TrialScenario& variant : plan.variants) {
      if (stop) break;
      auto run = run_one_for_real(plan, variant.real, seed,
                                  [&](const RealProgress& now) { progress(runs.real.size(), total, now); });
      if (!run) return run.error();
      runs.real.push_back(std::move(run).value());
    }
  }
  const auto place = [&](const RehearsedRun& run) {
    return std::ranges::find(plan.variants, run.result.variant, [](const TrialScenario& v) { return v.real.variant; }) -
           plan.variants.begin();
  };
  std::ranges::stable_sort(runs.real, {}, place);
  runs.interrupted = stop;
  return runs;
}

std::vector<std::string> rehearsal_cautions(const RehearsalPlan& plan, const RehearsalRuns& runs) {
  std::vector<std::string> cautions;
  if (plan.predict) caution_about_scenario(plan, cautions);
  caution_about_runs(plan, runs, cautions);
  return cautions;
}

}  // namespace drydock::cli

#endif
