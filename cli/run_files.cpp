#include "cli/run_files.hpp"

#include "reports/json.hpp"
#include "scenarios/document.hpp"
#include "scenarios/reader.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

namespace drydock::cli {
namespace {

namespace fs = std::filesystem;
using reports::Recorded;
using reports::RunResult;
using scenarios::Diagnostics;
using scenarios::Document;
using scenarios::Node;

constexpr std::string_view kUpSchema = "drydock-up/1";
constexpr const char* kResultName = "result.json";
constexpr const char* kUpName = "up.json";
constexpr std::uintmax_t kBytesMost = 1U << 30U;
constexpr std::string_view kWanted =
    "expected the result.json of `drydock simulate --out DIR`, what `simulate --format json` printed, or the up.json of "
    "`drydock up --out DIR`";

bool there(const Node& node) { return !node.json().is_null(); }

std::uint64_t read_seed(const Node& node) {
  if (node.json().is_number_unsigned()) return node.json().get<std::uint64_t>();
  node.expected("a seed: a whole number, at least 0");
  return 0;
}

// Numbers of either sign, as figures are.
double read_figure(const Node& node) {
  if (node.json().is_number() && std::isfinite(node.json().get<double>())) return node.json().get<double>();
  node.expected("a number");
  return 0;
}

std::uint64_t read_hash(const Node& node) {
  const std::string text = node.text();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size() || text.size() != 16)
    node.fail(fmt::format("expected 16 hexadecimal digits, found \"{}\"", scenarios::printable(text)));
  return value;
}

void read_metrics(const Node& node, RunResult& run) {
  if (!node.json().is_object()) {
    node.expected("an object of metrics");
    return;
  }
  for (const auto& [name, value] : node.json().items())
    run.metrics.emplace(
        name, read_figure(Node(value, node.pointer() + "/" + scenarios::escape_pointer(name), node.diagnostics())));
}

void read_distributions(const Node& node, RunResult& run) {
  if (!there(node)) return;
  if (!node.json().is_object()) {
    node.expected("an object of distributions");
    return;
  }
  for (const auto& [name, value] : node.json().items()) {
    const Node one(value, node.pointer() + "/" + scenarios::escape_pointer(name), node.diagnostics());
    if (!value.is_object()) {
      one.expected("an object with \"at\" and \"up_to\"");
      return;
    }
    reports::Distribution distribution;
    for (const Node& item : one.member("at").items()) distribution.at.push_back(read_figure(item));
    for (const Node& item : one.member("up_to").items()) distribution.up_to.push_back(read_seed(item));
    if (const std::string wrong = reports::distribution_error(distribution); !wrong.empty()) one.fail(wrong);
    run.distributions.emplace(name, std::move(distribution));
  }
}

void read_violations(const Node& node, RunResult& run) {
  const Node count = node.member("violation_count");
  if (there(count)) run.violation_count = read_seed(count);
  const Node list = node.member("violations");
  if (!there(list)) return;
  for (const Node& item : list.items()) {
    if (!item.json().is_object()) {
      item.expected("an object");
      return;
    }
    Violation& violation = run.violations.emplace_back();
    violation.invariant = static_cast<int>(item.member("invariant").count());
    const Node what = item.member("what");
    violation.what = what.json().is_string() ? what.json().get<std::string>() : "";
  }
}

RunResult read_run_of(const Node& node) {
  RunResult run;
  if (!node.json().is_object()) {
    node.expected("an object: one run");
    return run;
  }
  run.variant = node.member("variant").text();
  run.seed = read_seed(node.member("seed"));
  run.partial = node.member("partial").boolean();
  const Node error = node.member("error");
  if (error.json().is_string()) run.error = error.json().get<std::string>();
  read_metrics(node.member("metrics"), run);
  read_distributions(node.member("distributions"), run);
  const Node checked = node.member("checked");
  run.checked = there(checked) && checked.boolean();
  read_violations(node, run);
  const Node hash = node.member("journal_hash");
  if (there(hash)) run.journal_hash = read_hash(hash);
  return run;
}

void read_variants(const Node& node, Recorded& recorded) {
  for (const Node& item : node.items()) {
    if (!item.json().is_object()) {
      item.expected("an object: one variant");
      return;
    }
    reports::RecordedVariant& variant = recorded.variants.emplace_back();
    variant.name = item.member("variant").text();
    const Node hash = item.member("hash");
    if (there(hash)) variant.hash = hash.text();
    const Node scenario = item.member("scenario");
    if (there(scenario)) variant.scenario = scenario.json().dump();
    const auto same = std::ranges::count(recorded.variants, variant.name, &reports::RecordedVariant::name);
    if (same > 1) item.fail(fmt::format("the variant \"{}\" is there twice", scenarios::printable(variant.name)));
  }
}

// Each run is of a variant that there is, and once.
void check_runs_of(const Node& runs, Recorded& recorded) {
  std::set<std::pair<std::string, std::uint64_t>> seen;
  const std::vector<Node> items = runs.items();
  for (std::size_t i = 0; i < recorded.runs.size() && i < items.size(); ++i) {
    const RunResult& run = recorded.runs[i];
    if (!seen.emplace(run.variant, run.seed).second)
      items[i].fail(fmt::format("the run of variant \"{}\" under seed {} is there twice", scenarios::printable(run.variant),
                                run.seed));
    const bool known =
        std::ranges::find(recorded.variants, run.variant, &reports::RecordedVariant::name) != recorded.variants.end();
    if (!known)
      items[i].fail(fmt::format("there is no variant \"{}\" in /scenario/variants", scenarios::printable(run.variant)));
  }
}

void read_result(const Node& root, Recorded& recorded) {
  const Node version = root.member("version");
  if (there(version)) recorded.version = version.text();
  recorded.partial = root.member("partial").boolean();
  const Node world = root.member("world");
  if (there(world)) recorded.real = world.text() == "real";
  const Node cautions = root.member("cautions");
  if (there(cautions)) {
    for (const Node& caution : cautions.items()) recorded.cautions.push_back(caution.text());
  }
  const Node scenario = root.member("scenario");
  if (!scenario.json().is_object()) {
    scenario.expected("an object");
    return;
  }
  recorded.scenario = scenario.member("name").text();
  const Node random = scenario.member("random");
  if (there(random)) recorded.random = random.boolean();
  read_variants(scenario.member("variants"), recorded);
  const Node runs = root.member("runs");
  for (const Node& item : runs.items()) recorded.runs.push_back(read_run_of(item));
  if (!root.diagnostics().failed()) check_runs_of(runs, recorded);
}

void read_up(const Node& root, Recorded& recorded) {
  recorded.real = true;
  recorded.scenario = root.member("scenario").text();
  const Node version = root.member("version");
  if (there(version)) recorded.version = version.text();
  reports::RecordedVariant& variant = recorded.variants.emplace_back();
  variant.name = root.member("variant").text();
  RunResult& run = recorded.runs.emplace_back();
  run.variant = variant.name;
  run.seed = read_seed(root.member("seed"));
  run.partial = !root.member("complete").boolean();
  const Node error = root.member("error");
  if (error.json().is_string()) run.error = error.json().get<std::string>();
  read_metrics(root.member("metrics"), run);
}

Result<std::string> file_text(const fs::path& path) {
  std::error_code error;
  if (const auto size = fs::file_size(path, error); !error && size > kBytesMost)
    return Error{fmt::format("{} has {} bytes: too many for a result", path.string(), size)};
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{fmt::format("cannot read {}", path.string())};
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return Error{fmt::format("cannot read all of {}", path.string())};
  return text;
}

// By how one begins, binary or as JSON lines.
bool is_journal(std::string_view text) { return text.starts_with("\216DRY") || text.starts_with("{\"drydock_journal\""); }

Result<Recorded> read_file(const fs::path& path, const std::string& label) {
  const auto text = file_text(path);
  if (!text) return text.error();
  if (is_journal(text.value()))
    return Error{
        fmt::format("{0} is a journal, not a result: write `drydock report --journal {0}`, or make a workload of it "
                    "(`drydock import journal {0}`)",
                    path.string())};
  auto recorded = read_recorded(text.value(), path.string());
  if (!recorded) return recorded;
  recorded.value().label = label;
  return recorded;
}

// The up.json files of the folders in a folder, as runs of one.
Result<Recorded> read_together(const std::vector<fs::path>& files, const std::string& label) {
  auto first = read_file(files.front(), label);
  if (!first) return first;
  Recorded all = std::move(first).value();
  std::set<std::uint64_t> seeds{all.runs.front().seed};
  for (std::size_t i = 1; i < files.size(); ++i) {
    const auto next = read_file(files[i], label);
    if (!next) return next;
    const Recorded& one = next.value();
    if (one.scenario != all.scenario || one.variants.front().name != all.variants.front().name)
      return Error{fmt::format("{} is of another scenario or variant than {}: name folders of one alone", files[i].string(),
                               files.front().string())};
    if (!seeds.insert(one.runs.front().seed).second)
      return Error{fmt::format("{} has seed {}, as another run in {} has: choose other seeds (up --seed)", files[i].string(),
                               one.runs.front().seed, label)};
    all.runs.push_back(one.runs.front());
  }
  return all;
}

Result<Recorded> read_path(const fs::path& path, const std::string& label) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return read_file(path, label);
  for (const char* name : {kResultName, kUpName}) {
    if (fs::exists(path / name, error)) return read_file(path / name, label);
  }
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    if (fs::exists(entry.path() / kUpName, error)) files.push_back(entry.path() / kUpName);
  }
  std::ranges::sort(files);
  if (!files.empty()) return read_together(files, label);
  return Error{fmt::format("{} has neither {} nor {}: {}", path.string(), kResultName, kUpName, kWanted)};
}

std::string without_slash(std::string_view named) {
  while (named.size() > 1 && named.ends_with('/')) named.remove_suffix(1);
  return std::string(named);
}

}  // namespace

Result<Recorded> read_recorded(std::string_view text, const std::string& label) {
  const auto document = Document::parse(text, label);
  if (!document) return document.error();
  Diagnostics diagnostics(document.value());
  const Node root(document.value().root(), "", diagnostics);
  Recorded recorded;
  recorded.label = label;
  const bool object = root.json().is_object();
  const std::string schema = object && root.json().contains("schema") && root.json()["schema"].is_string()
                                 ? root.json()["schema"].get<std::string>()
                                 : "";
  if (schema == reports::kResultSchema) read_result(root, recorded);
  else if (schema == kUpSchema) read_up(root, recorded);
  else if (schema.starts_with("drydock.result/") || schema.starts_with("drydock-up/"))
    return Error{
        fmt::format("{}: schema \"{}\" is not known to this version, which reads \"{}\" and \"{}\": a newer drydock made "
                    "it, compare with that",
                    label, scenarios::printable(schema), reports::kResultSchema, kUpSchema)};
  else return Error{fmt::format("{}: no result of drydock: {}", label, kWanted)};
  if (diagnostics.failed()) return diagnostics.error();
  if (recorded.variants.empty() || recorded.runs.empty()) return Error{fmt::format("{}: it has no runs", label)};
  return recorded;
}

Result<reports::ChosenRun> read_run(std::string_view named) {
  std::string path = without_slash(named);
  std::optional<std::string> variant;
  std::error_code error;
  if (!fs::exists(path, error)) {
    const std::size_t colon = path.rfind(':');
    const std::string before = colon == std::string::npos ? "" : without_slash(path.substr(0, colon));
    if (before.empty() || !fs::exists(before, error))
      return Error{fmt::format("there is no {}: {}",
                               before.empty() ? scenarios::printable(path, 300) : scenarios::printable(before, 300),
                               kWanted)};
    variant = path.substr(colon + 1);
    path = before;
  }
  auto recorded = read_path(path, path);
  if (!recorded) return recorded.error();
  return reports::ChosenRun{std::move(recorded).value(), std::move(variant)};
}

}  // namespace drydock::cli
