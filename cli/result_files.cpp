#include "cli/result_files.hpp"

#include "cli/real_outcome.hpp"
#include "cli/version.hpp"
#include "reports/json.hpp"
#include "reports/table.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <set>
#include <sys/utsname.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace drydock::cli {
namespace {

constexpr const char* kResultFile = "result.json";
constexpr const char* kSummaryFile = "summary.txt";

reports::ResultContext context() {
  reports::ResultContext context{std::string(kVersion), {}};
  context.facts.emplace_back("compiler", kCompiler);
  context.facts.emplace_back("build_type", kBuildType);
  if (!kSanitizers.empty()) context.facts.emplace_back("sanitizers", kSanitizers);
  context.facts.emplace_back("simgrid", kSimgridVersion);
  utsname system{};
  if (uname(&system) == 0)
    context.facts.emplace_back("system", fmt::format("{} {} {}", system.sysname, system.release, system.machine));
  context.facts.emplace_back("processors", std::to_string(std::thread::hardware_concurrency()));
  return context;
}

bool never_begun(const Outcome& outcome, const reports::RunResult& run) {
  return outcome.partial && run.error && run.metrics.empty() && run.steps == 0;
}

// Those that were never begun say nothing one by one; but no variant may vanish from the table.
std::vector<reports::RunResult> told_runs(const Outcome& outcome) {
  std::set<std::string> begun;
  for (const auto& run : outcome.runs) {
    if (!never_begun(outcome, run)) begun.insert(run.variant);
  }
  std::vector<reports::RunResult> told;
  for (const auto& run : outcome.runs) {
    if (!never_begun(outcome, run) || begun.insert(run.variant).second) told.push_back(run);
  }
  return told;
}

// Variant by variant, where they differ; empty where stores and overheads take no time in any.
std::string origin_of_figures(std::span<const scenarios::Scenario> variants) {
  std::set<std::string> origins;
  for (const auto& scenario : variants) origins.insert(scenarios::origin_of_figures(scenario));
  if (origins.size() == 1) return *origins.begin();
  std::string text;
  for (const auto& scenario : variants) {
    const std::string origin = scenarios::origin_of_figures(scenario);
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", scenario.variant, origin.empty() ? "none" : origin);
  }
  return text;
}

reports::ResultInput input_of(const Outcome& outcome) {
  reports::ResultInput input;
  input.context = context();
  input.scenario_name = outcome.variants.front().name;
  input.scenario_description = outcome.variants.front().description;
  for (const auto& scenario : outcome.variants) input.variants.push_back({scenario.variant, scenario.json});
  input.runs = outcome.runs;
  input.partial = outcome.partial;
  input.random = outcome.random;
  return input;
}

}  // namespace

Result<std::filesystem::path> write_whole_file(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path draft = fmt::format("{}.{}.tmp", path.string(), getpid());
  errno = 0;
  std::ofstream file(draft, std::ios::binary);
  file << text;
  file.close();
  if (file && std::rename(draft.c_str(), path.c_str()) == 0) return path;
  const std::string why = std::strerror(errno);
  std::error_code ignored;
  std::filesystem::remove(draft, ignored);
  return Error{fmt::format("cannot write {}: {}", path.string(), why)};
}

std::string unmeasured_part(std::span<const scenarios::Scenario> variants) {
  double least = 1;
  double most = 0;
  for (const auto& scenario : variants) {
    least = std::min(least, scenario.warmup.fraction);
    most = std::max(most, scenario.warmup.fraction);
  }
  if (most == 0) return {};
  const std::string from = least < most ? fmt::format("{:g} to ", least * 100) : "";
  return fmt::format("first {}{:g} % of the jobs not measured", from, most * 100);
}

std::string outcome_json(const Outcome& outcome) {
  reports::ResultInput input = input_of(outcome);
  if (const std::string origin = origin_of_figures(outcome.variants); !origin.empty())
    input.context.facts.emplace_back("store_figures", origin);
  return reports::render_json(input);
}

std::string real_outcome_json(const Outcome& outcome, const std::vector<std::string>& cautions) {
  reports::ResultInput input = input_of(outcome);
  input.real = true;
  input.cautions = cautions;
  return reports::render_json(input);
}

std::string outcome_table(const Outcome& outcome, const Terminal& terminal, bool plain) {
  const std::vector<reports::RunResult> made = told_runs(outcome);
  std::string text;
  if (std::all_of(outcome.runs.begin(), outcome.runs.end(), [&](const auto& run) { return never_begun(outcome, run); })) {
    text = "No run had begun.\n";
  } else {
    const auto& scenario = outcome.variants.front();
    const reports::TableInput input{.title = scenario.name,
                                    .description = scenario.description,
                                    .runs = made,
                                    .metrics = outcome.metrics.names,
                                    .random = outcome.random,
                                    .if_measured = outcome.metrics.by_pattern,
                                    .unmeasured = unmeasured_part(outcome.variants)};
    const std::string origin = origin_of_figures(outcome.variants);
    if (!origin.empty())
      text = paragraph(fmt::format("Times of stores and overheads: {}", origin), terminal.width, 0) + "\n";
    text += reports::render_table(
        input, {.width = terminal.width, .colour = terminal.colour && !plain, .unicode = terminal.unicode});
  }
  if (outcome.partial) {
    const auto complete =
        std::count_if(made.begin(), made.end(), [](const auto& run) { return !run.partial && !run.error; });
    text += fmt::format("\nPARTIAL RESULT: interrupted; {} of {} runs are complete.\n", complete,
                        std::max(outcome.planned, outcome.runs.size()));
  }
  return text;
}

Result<std::filesystem::path> prepare_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder)) {
    return Error{fmt::format("--out {}: cannot make this folder: {}", folder.string(),
                             error ? error.message() : "there is a file of that name")};
  }
  if (std::filesystem::is_directory(folder / kResultFile))
    return Error{fmt::format("--out: cannot write {}: there is a folder of that name", (folder / kResultFile).string())};
  if (auto probe = write_whole_file(folder / ".drydock-probe", ""); !probe) return Error{"--out: " + probe.error().message};
  std::filesystem::remove(folder / ".drydock-probe", error);
  return folder;
}

Result<std::filesystem::path> write_files(const Outcome& outcome, const Terminal& terminal,
                                          const std::filesystem::path& folder) {
  auto json = write_whole_file(folder / kResultFile, outcome_json(outcome));
  if (!json) return json;
  return write_whole_file(folder / kSummaryFile, outcome_table(outcome, terminal, true));
}

}  // namespace drydock::cli
