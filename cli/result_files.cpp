#include "cli/result_files.hpp"

#include "cli/version.hpp"
#include "reports/json.hpp"
#include "reports/table.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <sys/utsname.h>
#include <system_error>
#include <thread>

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

Result<std::filesystem::path> write_file(const std::filesystem::path& path, const std::string& text) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return Error{fmt::format("cannot write {}: {}", path.string(), std::strerror(errno))};
  return path;
}

}  // namespace

std::string outcome_json(const Outcome& outcome) {
  reports::ResultInput input;
  input.context = context();
  input.scenario_name = outcome.variants.front().name;
  input.scenario_description = outcome.variants.front().description;
  for (const auto& scenario : outcome.variants) input.variants.push_back({scenario.variant, scenario.json});
  input.runs = outcome.runs;
  input.partial = outcome.partial;
  return reports::render_json(input);
}

std::string outcome_table(const Outcome& outcome, const Terminal& terminal, bool plain) {
  std::vector<reports::RunResult> made;  // those left out say nothing one by one
  for (const auto& run : outcome.runs) {
    if (!(outcome.partial && run.error && run.metrics.empty() && run.steps == 0)) made.push_back(run);
  }
  std::string text;
  if (made.empty()) {
    text = "No run had begun.\n";
  } else {
    const auto& scenario = outcome.variants.front();
    const reports::TableInput input{scenario.name, scenario.description, made, outcome.metrics, outcome.random};
    text = reports::render_table(
        input, {.width = terminal.width, .colour = terminal.colour && !plain, .unicode = terminal.unicode});
  }
  if (outcome.partial) {
    const auto complete =
        std::count_if(made.begin(), made.end(), [](const auto& run) { return !run.partial && !run.error; });
    text += fmt::format("\nPARTIAL RESULT: interrupted; {} of {} runs are complete.\n", complete, outcome.runs.size());
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
  const std::filesystem::path probe = folder / kResultFile;
  errno = 0;
  if (!std::ofstream(probe, std::ios::app))
    return Error{fmt::format("--out: cannot write {}: {}", probe.string(), std::strerror(errno))};
  return folder;
}

Result<std::filesystem::path> write_files(const Outcome& outcome, const Terminal& terminal,
                                          const std::filesystem::path& folder) {
  auto json = write_file(folder / kResultFile, outcome_json(outcome));
  if (!json) return json;
  return write_file(folder / kSummaryFile, outcome_table(outcome, terminal, true));
}

}  // namespace drydock::cli
