#include "cli/report_sources.hpp"

#include "cli/run_files.hpp"
#include "cli/version.hpp"
#include "reports/difference_json.hpp"
#include "reports/sweep_json.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

namespace drydock::cli {
namespace {

namespace fs = std::filesystem;
using SourceJson = nlohmann::json;

// A recorded comparison or sweep.
struct RecordedText {
  std::string path;
  std::string schema;
  std::string text;
};

// The file that a name stands for: in a folder, what drydock writes there.
fs::path file_of(const std::string& named) {
  std::error_code error;
  if (!fs::is_directory(named, error)) return named;
  for (const char* name : {"result.json", "comparison.json"}) {
    if (fs::exists(fs::path(named) / name, error)) return fs::path(named) / name;
  }
  return named;
}

// Nothing for what is no such document: read_run() says what that is. All that drydock writes begins with its schema.
Result<std::optional<RecordedText>> read_document(const std::string& named) {
  const fs::path path = file_of(named);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::optional<RecordedText>{};
  std::ifstream file(path, std::ios::binary);
  std::array<char, 200> beginning{};
  file.read(beginning.data(), beginning.size());
  const std::string_view head(beginning.data(), static_cast<std::size_t>(file.gcount()));
  for (const std::string_view schema : {reports::kCompareSchema, reports::kSweepSchema}) {
    if (head.find(fmt::format("\"{}\"", schema)) == std::string_view::npos) continue;
    file.clear();
    file.seekg(0);
    std::string text(std::istreambuf_iterator<char>(file), {});
    return std::optional<RecordedText>({path.string(), std::string(schema), std::move(text)});
  }
  return std::optional<RecordedText>{};
}

bool is_text(const SourceJson& json, const char* key) { return json.contains(key) && json[key].is_string(); }
bool is_list(const SourceJson& json, const char* key) { return json.contains(key) && json[key].is_array(); }
bool is_object(const SourceJson& json, const char* key) { return json.contains(key) && json[key].is_object(); }

bool is_difference(const SourceJson& row) {
  if (!row.is_object() || !is_text(row, "metric") || !is_text(row, "finding")) return false;
  for (const char* side : {"base", "other"}) {
    if (!is_object(row, side) || !row[side].contains("mean") || !row[side]["mean"].is_number()) return false;
  }
  const bool keys = std::ranges::all_of(std::array{"student", "relative", "p_holm", "cliffs_delta"},
                                        [&](const char* key) { return row.contains(key); });
  return keys && row.contains("change") && row["change"].is_number();
}

bool is_match(const SourceJson& match) {
  if (!match.is_object() || !is_list(match, "metrics")) return false;
  for (const char* side : {"base", "other"}) {
    if (!is_object(match, side) || !is_text(match[side], "title")) return false;
  }
  return std::ranges::all_of(match["metrics"], is_difference);
}

bool is_point(const SourceJson& point) {
  if (!point.is_object() || !point.contains("point") || !point["point"].is_number_unsigned() ||
      !is_object(point, "values") || !is_object(point, "metrics"))
    return false;
  const bool texts = std::ranges::all_of(point["values"], [](const SourceJson& value) { return value.is_string(); });
  return texts && std::ranges::all_of(point["metrics"], [](const SourceJson& value) {
           return value.is_object() && value.contains("mean") && value.contains("ci95") && value.contains("n") &&
                  value["n"].is_number_unsigned();
         });
}

bool is_parameter(const SourceJson& parameter) { return parameter.is_object() && is_text(parameter, "name"); }

// As far as a report looks at it.
bool is_whole(const RecordedText& document) {
  const auto json = SourceJson::parse(document.text, nullptr, false);
  if (!json.is_object()) return false;
  if (document.schema == reports::kCompareSchema)
    return is_list(json, "comparisons") && std::ranges::all_of(json["comparisons"], is_match);
  return is_list(json, "points") && is_list(json, "parameters") && is_list(json, "metrics") && is_object(json, "scenario") &&
         std::ranges::all_of(json["points"], is_point) && std::ranges::all_of(json["parameters"], is_parameter) &&
         std::ranges::all_of(json["metrics"], [](const SourceJson& name) { return name.is_string(); });
}

// Those of what was rehearsed, first what came of it for real.
std::vector<std::string> spread(std::span<const std::string> named) {
  std::vector<std::string> all;
  for (const std::string& one : named) {
    const fs::path real = fs::path(one) / "real";
    const fs::path predicted = fs::path(one) / "predicted";
    std::error_code error;
    if (fs::exists(real / "result.json", error) && fs::exists(predicted / "result.json", error)) {
      all.push_back(real.string());
      all.push_back(predicted.string());
    } else {
      all.push_back(one);
    }
  }
  return all;
}

Result<std::string> compared_json(const std::vector<reports::ChosenRun>& runs, bool across) {
  const auto matches = reports::match_runs(runs, across);
  if (!matches) return matches.error();
  const reports::DifferenceReport report = reports::find_differences(matches.value().matches, {}, {});
  const reports::DifferenceTableInput input{
      .title = {}, .notes = matches.value().notes, .report = &report, .gate = {}, .details = false};
  return reports::render_difference_json(input, kVersion);
}

// Only its runs of that variant, where one was named.
reports::Recorded chosen(reports::ChosenRun run) {
  reports::Recorded recorded = std::move(run.recorded);
  if (!run.variant) return recorded;
  std::erase_if(recorded.runs, [&](const auto& one) { return one.variant != *run.variant; });
  std::erase_if(recorded.variants, [&](const auto& one) { return one.name != *run.variant; });
  return recorded;
}

}  // namespace

Result<ReportSources> read_sources(std::span<const std::string> given, bool across_scenarios) {
  const std::vector<std::string> named = spread(given);
  ReportSources sources;
  std::vector<reports::ChosenRun> runs;
  for (const std::string& one : named) {
    auto document = read_document(one);
    if (!document) return document.error();
    if (document.value()) {
      const RecordedText& found = *document.value();
      if (!is_whole(found))
        return Error{fmt::format("{}: no whole {}: it was changed, or cut off", found.path, found.schema)};
      if (named.size() > 1)
        return Error{fmt::format("{} is {}: a report on one has nothing else in it", found.path,
                                 found.schema == reports::kSweepSchema ? "a sweep" : "a comparison")};
      (found.schema == reports::kSweepSchema ? sources.sweep : sources.comparison) = found.text;
      return sources;
    }
    auto run = read_run(one);
    if (!run) return run.error();
    runs.push_back(std::move(run).value());
  }
  for (const reports::ChosenRun& run : runs) {
    const auto& variants = run.recorded.variants;
    if (run.variant && std::ranges::find(variants, *run.variant, &reports::RecordedVariant::name) == variants.end())
      return Error{fmt::format("{} has no variant \"{}\"", run.recorded.label, *run.variant)};
  }
  if (runs.size() > 1) {
    auto compared = compared_json(runs, across_scenarios);
    if (!compared) return compared.error();
    sources.comparison = std::move(compared).value();
  }
  for (reports::ChosenRun& run : runs) sources.results.push_back(chosen(std::move(run)));
  return sources;
}

}  // namespace drydock::cli
