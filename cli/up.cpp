// drydock up SCENARIO
#include "cli/command.hpp"
#include "cli/fault_record.hpp"
#include "cli/notes.hpp"
#include "cli/real_run.hpp"
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/shadow_choice.hpp"
#include "cli/version.hpp"
#include "policies/core/assert.hpp"
#include "scenarios/units.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace drydock::cli {
namespace {

using scenarios::Scenario;

struct UpOptions {
  RealScenarioOptions choice;
  std::optional<std::string> shadow;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> most_jobs;
  std::optional<std::string> duration;
  std::optional<std::string> restart;
  std::string out;
  std::string format = "table";
  std::string journal_format = "binary";
  bool in_process = false;
};

#ifdef DRYDOCK_WITH_RUNTIME

Result<std::optional<Duration>> duration_option(std::string_view name, const std::optional<std::string>& text) {
  if (!text) return std::optional<Duration>{};
  const auto parsed = scenarios::parse_duration(*text);
  if (!parsed) return Error{fmt::format("{}: {}", name, parsed.error().message)};
  return std::optional(parsed.value());
}

Result<RealRunOptions> run_options(const UpOptions& options, const Scenario& scenario) {
  RealRunOptions run;
  run.seed = options.seed.value_or(scenario.seed);
  run.most_jobs = options.most_jobs;
  const auto duration = duration_option("--duration", options.duration);
  if (!duration) return duration.error();
  if (duration.value() == Duration{0}) return Error{"--duration: expected a duration above 0s, such as \"20s\""};
  run.duration = duration.value();
  const auto restart = duration_option("--restart", options.restart);
  if (!restart) return restart.error();
  run.restart = restart.value().value_or(scenario.liveness.get<Duration>("ttl") * 2);
  run.in_process = options.in_process;
  run.json_lines = options.journal_format == "jsonl";
  if (options.out.empty()) return run;
  const std::filesystem::path folder(options.out);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Error{fmt::format("--out {}: cannot make this folder: {}", options.out, error.message())};
  run.journal = folder / (run.json_lines ? "up.jsonl" : "up.journal");
  return run;
}

double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::min(sorted.size(), std::max<std::size_t>(rank, 1)) - 1];
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double throughput(const RealRunResult& result) {
  return result.time_s > 0 ? static_cast<double>(result.jobs_completed) / result.time_s : 0;
}

std::string summary_json(const Scenario& scenario, const RealRunOptions& options, const RealRunResult& result) {
  const nlohmann::json metrics{{"jobs_submitted", result.jobs_submitted},
                               {"jobs_completed", result.jobs_completed},
                               {"jobs_failed", result.jobs_failed},
                               {"jobs_cancelled", result.jobs_cancelled},
                               {"jobs_rejected", result.jobs_rejected},
                               {"attempts", result.attempts},
                               {"attempts_lost", result.attempts_lost},
                               {"retries", result.retries},
                               {"preemptions", result.preemptions},
                               {"commits_in_doubt", result.commits_in_doubt},
                               {"workers_declared_dead", result.workers_declared_dead},
                               {"workers_started", result.workers_started},
                               {"time_s", result.time_s},
                               {"throughput_per_s", throughput(result)},
                               {"wait_s.mean", mean(result.waits_s)},
                               {"wait_s.p50", quantile(result.waits_s, 0.5)},
                               {"wait_s.p95", quantile(result.waits_s, 0.95)},
                               {"wait_s.p99", quantile(result.waits_s, 0.99)},
                               {"wait_s.max", quantile(result.waits_s, 1)}};
  nlohmann::json run{{"schema", "drydock-up/1"},  {"version", std::string(kVersion)},
                     {"scenario", scenario.name}, {"variant", scenario.variant},
                     {"seed", options.seed},      {"complete", result.complete},
                     {"metrics", metrics}};
  run["lookahead"] = scenario.scheduler.control_plane.lookahead;
  if (!result.faults.empty()) run["faults"] = faults_json(result.faults);
  if (result.error) run["error"] = *result.error;
  if (result.shadow) run["shadow"] = nlohmann::json::parse(to_json(*result.shadow));
  return run.dump(2) + "\n";
}

std::string summary_text(const Scenario& scenario, const RealRunOptions& options, const RealRunResult& result) {
  std::string text = fmt::format("{}{}{}, seed {}, for real\n", scenario.name, scenario.variant.empty() ? "" : ", variant ",
                                 scenario.variant, options.seed);
  text +=
      fmt::format("  jobs      {} submitted, {} completed, {} failed, {} rejected, {} cancelled\n", result.jobs_submitted,
                  result.jobs_completed, result.jobs_failed, result.jobs_rejected, result.jobs_cancelled);
  text += fmt::format("  attempts  {}; {} lost with a worker, {} retried, {} preempted\n", result.attempts,
                      result.attempts_lost, result.retries, result.preemptions);
  text += fmt::format("  waits     mean {:.3f} s, p50 {:.3f} s, p95 {:.3f} s, p99 {:.3f} s, max {:.3f} s\n",
                      mean(result.waits_s), quantile(result.waits_s, 0.5), quantile(result.waits_s, 0.95),
                      quantile(result.waits_s, 0.99), quantile(result.waits_s, 1));
  text += fmt::format("  workers   {} processes, {} declared dead\n", result.workers_started, result.workers_declared_dead);
  const std::uint32_t lookahead = scenario.scheduler.control_plane.lookahead;
  if (lookahead > 0) text += fmt::format("  lookahead {} waiting jobs of each queue\n", lookahead);
  text += fmt::format("  time      {:.3f} s, {:.1f} jobs/s, {} steps{}\n", result.time_s, throughput(result), result.steps,
                      result.complete ? "" : "; not all jobs have ended");
  if (result.shadow) text += "  shadow    " + shadow_text(*result.shadow, "            ");
  text += faults_text(result.faults);
  return text;
}

int run_up(const UpOptions& options) {
  std::vector<std::string> notes;
  RealScenarioOptions choice = options.choice;
  choice.trial = true;
  const auto scenario = real_scenario(choice, notes);
  if (!scenario) return bad_input(scenario.error().message);
  auto run = run_options(options, scenario.value());
  if (!run) return bad_input(run.error().message);
  if (options.shadow) {
    auto shadow = choose_shadow(choice.scenario, choice.sets, scenario.value(), *options.shadow, notes);
    if (!shadow) return bad_input(shadow.error().message);
    run.value().shadow = std::move(shadow).value();
  }
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);
  for (const LeftOutFault& left : faults_left_out(scenario.value(), options.in_process)) {
    const std::string_view type = type_of(scenario.value().faults[left.fault]);
    fmt::print(stderr, "note: fault {} ({}) is not carried out: {}\n", left.fault, type, left.reason);
  }
  const auto result = run_for_real(scenario.value(), run.value());
  if (!result) {
    (void)bad_input(result.error().message);
    return kNoStore;
  }
  const std::string as_json = summary_json(scenario.value(), run.value(), result.value());
  fmt::print("{}", options.format == "json" ? as_json : summary_text(scenario.value(), run.value(), result.value()));
  if (!options.out.empty()) {
    const std::filesystem::path file = std::filesystem::path(options.out) / "up.json";
    std::ofstream out(file);
    out << as_json;
    if (!out.flush()) return bad_input(fmt::format("cannot write {}", file.string()));
    if (options.format == "table") fmt::print("Written: {}, {}\n", file.string(), run.value().journal.string());
  }
  if (result.value().error) {
    (void)bad_input(*result.value().error);
    return kCheckFailed;
  }
  if (result.value().interrupted) return kInterrupted;
  return kDone;
}

#else

int run_up(const UpOptions& /*options*/) { return bad_input(kNoRuntime); }

#endif

class Up final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("SCENARIO", options_.choice.scenario, "A scenario file, or the name of a built-in scenario")->required();
    declare_choice(app, options_.choice);
    declare_shadow(app, options_.shadow);
    app.add_option("--seed", options_.seed, "Of the workload (default: the scenario's)");
    app.add_option("--most-jobs", options_.most_jobs, "Submit only so many jobs, from the first on")->type_name("N");
    app.add_option("--duration", options_.duration,
                   "End the run after this time (default: the scenario's, or when all jobs have ended)")
        ->type_name("DURATION");
    app.add_option("--restart", options_.restart, "Time until a worker that died is started again (default: two leases)")
        ->type_name("DURATION");
    app.add_option("--out", options_.out, "Folder for the journal (up.journal) and the summary (up.json)")->type_name("DIR");
    app.add_option("--journal-format", options_.journal_format, "binary (default) or jsonl (up.jsonl)")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"binary", "jsonl"}));
    app.add_option("--format", options_.format, "table (default) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.add_flag("--in-process", options_.in_process,
                 "Run the workers within this process instead of in processes of their own");
    app.footer(
        "Starts a private Redis and PostgreSQL, a scheduler, and a worker process for each worker of the scenario; submits "
        "its\n"
        "jobs at their times and lets them sleep as long as they take. Everything happens in real time. At the end the "
        "servers\n"
        "are gone, and the journal is the same as a simulation's.\n"
        "Periodic jobs are fired by a beat in it, whose time begins with the run; an entry with \"run\" runs that instead "
        "of sleeping.\n"
        "The scenario's faults are carried out as a simulation draws them; the summary says when, and what was left out "
        "and\n"
        "why. Of several schedulers (where a fault concerns them) each has a journal: up.journal, up-scheduler-1.journal, "
        "...\n"
        "The scheduler holds 10000 waiting jobs of each queue in memory, and the others in PostgreSQL alone;\n"
        "--set /control_plane/lookahead=N for more or fewer, 0 for all. With control_plane.statistics it prints what it "
        "knows.\n"
        "  drydock up my.json --out run && drydock check run/up.journal && drydock replay run/up.journal\n"
        "Exit code 3: Redis or PostgreSQL could not be started.");
  }

  int run(const Terminal& /*terminal*/) override { return run_up(options_); }

 private:
  UpOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_up() { return std::make_unique<Up>(); }

}  // namespace drydock::cli
