#include "scenarios/loader.hpp"

#include "scenarios/calibration.hpp"
#include "scenarios/embedded.hpp"
#include "scenarios/keys.hpp"
#include "scenarios/line_reader.hpp"
#include "scenarios/schema.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <set>

namespace drydock::scenarios {
namespace {

constexpr std::size_t kLargestFile = std::size_t{64} << 20;

// A variant as written: what to set where.
struct Variant {
  std::string name;
  std::vector<std::pair<std::string, Json>> sets;  // pointer and value
  std::string pointer;                             // of the map of sets, in the document
};

// What is no JSON is taken as text, so that nobody must quote twice.
Json value_of(const std::string& text) {
  auto parsed = Document::parse(text, "--set");
  return parsed ? parsed.value().root() : Json(text);
}

Result<bool> apply_set(Document& document, const std::string& set) {
  const std::size_t equals = set.find('=');
  const auto fail = [&](std::string_view why) {
    return Error{fmt::format("--set {}: {}; write --set /json/pointer=value, such as --set /policies/placement=easy",
                             printable(set), why)};
  };
  if (equals == std::string::npos) return fail("there is no =");
  const std::string pointer = set.substr(0, equals);
  auto done = document.set(pointer, value_of(set.substr(equals + 1)), "from --set");
  if (!done) return fail(done.error().message);
  return true;
}

// Two pointers of which one contains the other would depend on their order.
void refuse_overlap(const Node& sets, const std::vector<std::string>& pointers) {
  for (const std::string& a : pointers) {
    for (const std::string& b : pointers) {
      if (a.size() < b.size() && b.starts_with(a) && b[a.size()] == '/') {
        sets.member(b).fail(
            fmt::format("is inside \"{}\", which this variant sets too; write one value for both", printable(a)));
      }
    }
  }
}

Variant read_variant(const Node& node, std::set<std::string>& names) {
  const ObjectReader object(node, keys::kVariant);
  Variant variant;
  const Node name = object.require("name");
  variant.name = name.text();
  if (variant.name.empty() || variant.name.size() > 100 || printable(variant.name, 200) != variant.name) {
    name.expected("a name of 1 to 100 printable characters");
  }
  if (!names.insert(variant.name).second)
    name.fail(fmt::format("there is another variant \"{}\"; names must differ", variant.name));
  const auto sets = object.find("set");
  if (!sets) return variant;
  variant.pointer = sets->pointer();
  if (!sets->json().is_object()) {
    sets->expected(R"(an object of JSON pointers and values, such as {"/policies/placement": "easy"})");
    return variant;
  }
  std::vector<std::string> pointers;
  for (const auto& [pointer, value] : sets->json().items()) {
    if (pointer == "/variants" || pointer.starts_with("/variants/")) {
      sets->member(pointer).fail("a variant cannot change the variants");
    }
    pointers.push_back(pointer);
    variant.sets.emplace_back(pointer, value);
  }
  refuse_overlap(*sets, pointers);
  return variant;
}

Result<std::vector<Variant>> read_variants(const Document& document) {
  Diagnostics diagnostics(document);
  const Node top(document.root(), "", diagnostics);
  if (!document.root().is_object()) {
    top.expected("a scenario: an object in { }");
    return diagnostics.error();
  }
  if (!document.root().contains("variants")) return std::vector<Variant>{};
  const Node node = top.member("variants");
  const std::vector<Node> items = node.items();
  if (items.empty()) node.expected("at least one variant (or leave \"variants\" out)");
  std::vector<Variant> variants;
  std::set<std::string> names;
  for (const Node& item : items) variants.push_back(read_variant(item, names));
  if (diagnostics.failed()) return diagnostics.error();
  return variants;
}

// The document of one variant.
Result<Document> resolve(const Document& document, const Variant& variant) {
  Document resolved = document;
  for (const auto& [pointer, value] : variant.sets) {
    const std::string source = fmt::format("{}/{}", variant.pointer, escape_pointer(pointer));
    auto done = resolved.set(pointer, value, fmt::format("set at {}", variant.pointer), source);
    if (!done)
      return Error{fmt::format("{}: {} (in variant \"{}\")", document.place(source), done.error().message, variant.name)};
  }
  resolved.erase("variants");
  return resolved;
}

// 2.0 and 1e6 are whole numbers for people, and for JSON Schema; not so for its validator.
void make_whole_numbers_integers(Json& value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (value.is_structured()) {
    for (Json& part : value) make_whole_numbers_integers(part);
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::trunc(number) == number && std::abs(number) < kExact) value = static_cast<std::int64_t>(number);
  }
}

// What a scenario refers to.
struct Files {
  Files(const std::filesystem::path& folder, const LoadOptions& options)
      : base(folder),
        read(options.read_traces),
        platforms(folder, options.read_platform),
        traces(folder, options.read_traces),
        check_run(options.check_run) {}
  std::filesystem::path base;
  bool read;
  PlatformFiles platforms;
  TraceCache traces;
  const RunChecker& check_run;
};

// The scenario as a journal keeps it: with what was in its platform file.
Json recorded(Json whole, const Scenario& scenario) {
  Json& cluster = whole["cluster"];
  if (scenario.platform && cluster["platform"].is_string())
    cluster["platform"] = {{"file", cluster["platform"]}, {"hosts", record_of(scenario.hosts)}};
  return whole;
}

Result<Scenario> read_scenario(const Document& written, const std::string& variant, const std::string& name, Files& files) {
  Document document = written;
  if (const auto filled = fill_in(document, files.base, files.read); !filled) return filled.error();
  Diagnostics diagnostics(document, variant.empty() ? "" : fmt::format("in variant \"{}\"", variant));
  Scenario scenario;
  scenario.name = name;
  scenario.variant = variant;
  using Section = void (*)(const ObjectReader&, Scenario&);
  constexpr std::array<Section, 5> kSections{read_queues_and_pools, read_policies, read_limits, read_faults,
                                             read_checkpoint_policy};
  const ObjectReader top(Node(document.root(), "", diagnostics), keys::kScenario);
  if (!diagnostics.failed()) read_general(top, scenario);
  if (!diagnostics.failed()) read_calibrated(top, scenario);
  if (!diagnostics.failed()) read_cluster(top, scenario, files.platforms);
  for (const Section section : kSections) {
    if (!diagnostics.failed()) section(top, scenario);
  }
  if (!diagnostics.failed()) read_workload(top, scenario, files.traces, files.check_run);
  if (!diagnostics.failed()) {
    refuse_unknown_jobs(top, scenario);
    refuse_paused_requests(top, scenario);
    refuse_overloaded_redis(top, scenario);
  }
  if (!diagnostics.failed()) check_limits(top, scenario);
  if (!diagnostics.failed()) {
    note_overload(scenario);
    note_long_jobs(scenario);
    note_hopeless_jobs(scenario);
    note_shared_hosts(scenario);
    note_crowded_host(scenario);
    note_idle_faults(scenario);
    note_starved_heartbeats(scenario);
    note_lookahead(scenario);
    note_time_scale(scenario);
  }
  if (diagnostics.failed()) return diagnostics.error();
  Json whole = recorded(document.root(), scenario);
  make_whole_numbers_integers(whole);
  const auto valid = validate_against_schema(whole);
  if (!valid) return Error{fmt::format("{}: breaks the schema at {}", document.file(), valid.error().message)};
  // Bytes from the command line may be no UTF-8.
  scenario.json = whole.dump(-1, ' ', false, Json::error_handler_t::replace);
  return scenario;
}

// The same, for a variant; an error that the scenario has without the variant is told without it.
Result<Scenario> read_variant_scenario(const Document& document, const Variant& variant, const std::string& name,
                                       Files& files) {
  auto resolved = resolve(document, variant);
  if (!resolved) return Error{resolved.error().message};
  auto scenario = read_scenario(resolved.value(), variant.name, name, files);
  if (scenario) return scenario;
  Document plain = document;
  plain.erase("variants");
  const auto without = read_scenario(plain, "", name, files);
  if (!without && scenario.error().message.starts_with(without.error().message)) return Error{without.error().message};
  return scenario;
}

std::string say_settings(std::span<const Setting> settings) {
  std::vector<std::string> parts;
  for (const Setting& setting : settings) parts.push_back(fmt::format("{}={}", setting.pointer, printable(setting.value)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

// One variant (nothing: the scenario has none) with settings over it.
Result<Scenario> read_point(const Document& document, const Variant* variant, std::span<const Setting> settings,
                            const std::string& name, Files& files) {
  Document changed = document;
  if (variant != nullptr) {
    auto resolved = resolve(document, *variant);
    if (!resolved) return Error{resolved.error().message};
    changed = std::move(resolved).value();
  }
  for (const Setting& setting : settings) {
    auto done = changed.set(setting.pointer, value_of(setting.value), "from --vary");
    if (!done) return Error{fmt::format("{}: {}", setting.pointer, done.error().message)};
  }
  return read_scenario(changed, variant == nullptr ? "" : variant->name, name, files);
}

struct ScenarioText {
  std::string text;
  std::filesystem::path base;
};

// Variants go over --set: what they set themselves it does not change.
std::string override_note(const std::string& set, const std::vector<Variant>& variants) {
  const std::string pointer = set.substr(0, set.find('='));
  std::vector<std::string> names;
  for (const Variant& variant : variants) {
    const bool overrides = std::ranges::any_of(
        variant.sets, [&](const auto& own) { return pointer == own.first || pointer.starts_with(own.first + "/"); });
    if (overrides) names.push_back(variant.name);
  }
  if (names.empty()) return "";
  if (names.size() == variants.size())
    return fmt::format("--set {} changes nothing: every variant has a value of its own there", printable(pointer));
  return fmt::format("--set {} does not change {}, which {} a value of {} own there", printable(pointer),
                     fmt::join(names, ", "), names.size() == 1 ? "has" : "have", names.size() == 1 ? "its" : "their");
}

// A name for a scenario that has none: that of its file.
std::string name_from(std::string_view label) {
  std::string name = std::filesystem::path(label).stem().string();
  for (char& c : name) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!good) c = '-';
  }
  return name.empty() ? "scenario" : name;
}

Error no_such(std::string_view where) {
  std::vector<std::string_view> names;
  for (const BuiltIn& built_in : built_in_scenarios()) names.push_back(built_in.name);
  std::vector<std::string_view> close = close_to(std::filesystem::path(where).stem().string(), names, 3);
  std::string message =
      fmt::format("{}: there is no such file, and no built-in scenario of this name", printable(where, 300));
  if (!close.empty()) message += fmt::format("; did you mean {}?", fmt::join(close, ", "));
  return Error{message + "; \"drydock scenarios\" lists the built-in ones"};
}

}  // namespace

namespace {

// The document with --set.
Result<Document> read_document(std::string_view text, std::string_view label, const LoadOptions& options) {
  if (text.size() > kLargestFile)
    return Error{fmt::format("{}: has more than {} bytes: this is no scenario", label, kLargestFile)};
  auto parsed = Document::parse(text, label);
  if (!parsed) return Error{parsed.error().message};
  for (const std::string& set : options.sets) {
    if (auto done = apply_set(parsed.value(), set); !done) return Error{done.error().message};
  }
  return parsed;
}

// The text of a file, or of a built-in scenario.
Result<ScenarioText> find_text(std::string_view where) {
  const std::filesystem::path path(where);
  std::error_code code;
  if (!where.empty() && std::filesystem::exists(path, code)) {
    auto text = read_file(path, kLargestFile);
    if (!text) return Error{text.error().message};
    return ScenarioText{std::move(text).value(), path.parent_path()};
  }
  const auto built_ins = built_in_scenarios();
  const auto it = std::ranges::find(built_ins, where, &BuiltIn::name);
  if (it == built_ins.end()) return no_such(where);
  return ScenarioText{it->text, ""};
}

}  // namespace

Result<std::vector<Scenario>> load_text(std::string_view text, std::string_view label, const std::filesystem::path& base,
                                        const LoadOptions& options) {
  const auto read = read_document(text, label, options);
  if (!read) return Error{read.error().message};
  const Document& document = read.value();
  const auto variants = read_variants(document);
  if (!variants) return Error{variants.error().message};
  Files files(base, options);
  const std::string name = name_from(label);
  std::vector<Scenario> scenarios;
  if (variants.value().empty()) {
    auto scenario = read_scenario(document, "", name, files);
    if (!scenario) return Error{scenario.error().message};
    scenarios.push_back(std::move(scenario).value());
  }
  for (const Variant& variant : variants.value()) {
    auto scenario = read_variant_scenario(document, variant, name, files);
    if (!scenario) return Error{scenario.error().message};
    scenarios.push_back(std::move(scenario).value());
  }
  for (const std::string& set : options.sets) {
    if (std::string note = override_note(set, variants.value()); !note.empty())
      scenarios.front().notes.push_back(std::move(note));
  }
  return scenarios;
}

Result<std::vector<Scenario>> load(std::string_view where, const LoadOptions& options) {
  const auto found = find_text(where);
  if (!found) return Error{found.error().message};
  return load_text(found.value().text, where, found.value().base, options);
}

Result<std::vector<std::vector<Scenario>>> load_points(std::string_view where, std::span<const std::vector<Setting>> points,
                                                       const PointOptions& options) {
  const auto found = find_text(where);
  if (!found) return Error{found.error().message};
  const auto document = read_document(found.value().text, where, options.load);
  if (!document) return Error{document.error().message};
  const auto variants = read_variants(document.value());
  if (!variants) return Error{variants.error().message};
  std::vector<const Variant*> wanted;
  for (const Variant& variant : variants.value()) {
    const auto& names = options.variants;
    if (names.empty() || std::ranges::find(names, variant.name) != names.end()) wanted.push_back(&variant);
  }
  if (variants.value().empty()) wanted.push_back(nullptr);
  Files files(found.value().base, options.load);
  const std::string name = name_from(where);
  std::vector<std::vector<Scenario>> all;
  for (const std::vector<Setting>& settings : points) {
    all.emplace_back();
    for (const Variant* variant : wanted) {
      auto scenario = read_point(document.value(), variant, settings, name, files);
      if (!scenario) return Error{fmt::format("the point {}: {}", say_settings(settings), scenario.error().message)};
      all.back().push_back(std::move(scenario).value());
    }
  }
  return all;
}

std::span<const BuiltIn> built_in_scenarios() {
  static const std::vector<BuiltIn> kAll = [] {
    std::vector<BuiltIn> all;
    for (const EmbeddedFile& file : embedded_files()) {
      if (file.name.ends_with(".schema")) continue;
      const auto document = Document::parse(file.text, file.name);
      DRYDOCK_CHECK(document.ok(), "a built-in scenario is not valid JSON");
      all.push_back({std::string(file.name), document.value().root().value("description", ""), std::string(file.text)});
    }
    return all;
  }();
  return kAll;
}

}  // namespace drydock::scenarios
