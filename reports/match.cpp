#include "reports/match.hpp"

#include "reports/phrases.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace drydock::reports {
namespace {

using ScenarioJson = nlohmann::json;

std::string quoted(const std::string& variant) { return variant.empty() ? "(no name)" : variant; }

std::string names_of(const Recorded& recorded) {
  std::vector<std::string> names;
  for (const RecordedVariant& variant : recorded.variants) names.push_back(quoted(variant.name));
  return join(names);
}

// The place of a variant, or nothing.
std::optional<std::size_t> find_variant(const Recorded& recorded, const std::string& name) {
  const auto found = std::ranges::find(recorded.variants, name, &RecordedVariant::name);
  if (found == recorded.variants.end()) return std::nullopt;
  return static_cast<std::size_t>(found - recorded.variants.begin());
}

std::vector<std::size_t> chosen_variants(const ChosenRun& run) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < run.recorded.variants.size(); ++i) {
    if (!run.variant || *run.variant == run.recorded.variants[i].name) chosen.push_back(i);
  }
  return chosen;
}

// The parts of two paths that tell them apart: "base" and "head" of out/base/result.json and out/head/result.json.
std::pair<std::string, std::string> short_labels(const std::string& a, const std::string& b) {
  if (a == b) return {a, b};
  const std::filesystem::path path_a(a);
  const std::filesystem::path path_b(b);
  std::vector<std::string> parts_a;
  std::vector<std::string> parts_b;
  for (const auto& part : path_a) parts_a.push_back(part.string());
  for (const auto& part : path_b) parts_b.push_back(part.string());
  if (parts_a.size() != parts_b.size()) return {a, b};
  std::pair<std::string, std::string> found;
  int apart = 0;
  for (std::size_t i = 0; i < parts_a.size(); ++i) {
    if (parts_a[i] == parts_b[i]) continue;
    found = {std::filesystem::path(parts_a[i]).stem().string(), std::filesystem::path(parts_b[i]).stem().string()};
    ++apart;
  }
  const bool clear = apart == 1 && found.first != found.second && !found.first.empty() && !found.second.empty();
  return clear ? found : std::pair(a, b);
}

Match make_match(const ChosenRun& base, std::size_t base_variant, const ChosenRun& other, std::size_t other_variant) {
  Match match{
      .base = {&base.recorded, base_variant}, .other = {&other.recorded, other_variant}, .title = {}, .base_title = {}};
  const std::string& base_name = match.base.which().name;
  const std::string& other_name = match.other.which().name;
  if (base.recorded.label == other.recorded.label && base_name != other_name) {
    match.base_title = quoted(base_name);
    match.title = quoted(other_name);
    return match;
  }
  auto [base_label, other_label] = short_labels(base.recorded.label, other.recorded.label);
  const auto with = [](const std::string& label, const std::string& name) {
    return name.empty() ? label : fmt::format("{}:{}", label, name);
  };
  match.base_title = with(base_label, base_name);
  match.title = with(other_label, other_name);
  if (match.title == match.base_title) match.title += " (again)";
  return match;
}

Error nothing_in_common(const ChosenRun& base, const ChosenRun& other) {
  return Error{
      fmt::format("no variant of {} has the name of one of {}: the former has {}, the latter {}. Name two that are to be "
                  "compared: {}:VARIANT {}:VARIANT",
                  other.recorded.label, base.recorded.label, names_of(other.recorded), names_of(base.recorded),
                  base.recorded.label, other.recorded.label)};
}

// Those of `other` with those of `base` of the same name, and a note about those without.
Result<bool> match_by_name(const ChosenRun& base, const ChosenRun& other, Matches& into) {
  const std::vector<std::size_t> of_base = chosen_variants(base);
  const std::vector<std::size_t> of_other = chosen_variants(other);
  const bool both_chosen = base.variant && other.variant;
  if (both_chosen || (of_base.size() == 1 && of_other.size() == 1)) {
    into.matches.push_back(make_match(base, of_base.front(), other, of_other.front()));
    return true;
  }
  std::vector<std::string> only_base;
  std::vector<std::string> only_other;
  const std::size_t before = into.matches.size();
  for (const std::size_t o : of_other) {
    const std::string& name = other.recorded.variants[o].name;
    const auto b = find_variant(base.recorded, name);
    if (b && (!base.variant || *base.variant == name)) into.matches.push_back(make_match(base, *b, other, o));
    else if (!base.variant) only_other.push_back(quoted(name));
  }
  if (into.matches.size() == before) return nothing_in_common(base, other);
  for (const std::size_t b : of_base) {
    if (!other.variant && !find_variant(other.recorded, base.recorded.variants[b].name))
      only_base.push_back(quoted(base.recorded.variants[b].name));
  }
  for (const auto& [names, where] : {std::pair{&only_base, &base}, std::pair{&only_other, &other}}) {
    if (!names->empty())
      into.notes.push_back(fmt::format("Only {} has {}: not compared.", where->recorded.label, join(*names)));
  }
  return true;
}

Result<bool> refuse_strangers(const ChosenRun& base, const ChosenRun& other, bool across) {
  if (across || base.recorded.scenario == other.recorded.scenario) return true;
  return Error{
      fmt::format("{} is of scenario \"{}\", {} of \"{}\": their figures are about different things. If they are to be "
                  "compared all the same, --across-scenarios does it",
                  base.recorded.label, base.recorded.scenario, other.recorded.label, other.recorded.scenario)};
}

void add_context_notes(const Recorded& base, const Recorded& other, std::vector<std::string>& notes) {
  if (base.real != other.real) {
    const Recorded& real = base.real ? base : other;
    notes.push_back(
        fmt::format("{} is of a run for real, {} of simulated ones.", real.label, (base.real ? other : base).label));
  }
  if (!base.version.empty() && !other.version.empty() && base.version != other.version)
    notes.push_back(fmt::format("Made by different versions: {} by drydock {}, {} by {}.", base.label, base.version,
                                other.label, other.version));
  if (base.scenario != other.scenario)
    notes.push_back(fmt::format("Different scenarios: {} is of \"{}\", {} of \"{}\".", base.label, base.scenario,
                                other.label, other.scenario));
}

void add_incomplete_note(const RecordedSide& side, std::set<std::string>& told, std::vector<std::string>& notes) {
  const std::size_t count = incomplete_runs(side);
  if (count == 0) return;
  const std::string text =
      fmt::format("{}{}{}: {} run{} failed or stopped before the end; left out.", side.of->label,
                  side.which().name.empty() ? "" : ":", side.which().name, count, count == 1 ? "" : "s");
  if (told.insert(text).second) notes.push_back(text);
}

// How the scenarios of two sides differ; nothing where they are the same or a file does not say.
std::optional<std::string> scenario_note(const Match& match) {
  constexpr std::size_t kMost = 4;
  const RecordedVariant& base = match.base.which();
  const RecordedVariant& other = match.other.which();
  if (base.hash.empty() || other.hash.empty())
    return fmt::format("Whether {} and {} ran the same scenario, their files do not say.", match.base_title, match.title);
  // The hash covers the variant's name, too.
  const std::vector<std::string> where = scenario_differences(base.scenario, other.scenario, kMost);
  if (where.empty()) return std::nullopt;
  return fmt::format("The scenarios of {} ({}) and {} ({}) differ in {}.", match.base_title, base.hash, match.title,
                     other.hash, join(where));
}

void add_notes(std::span<const ChosenRun> runs, Matches& result) {
  for (std::size_t i = 1; i < runs.size(); ++i) {
    if (runs[i].recorded.label != runs[0].recorded.label)
      add_context_notes(runs[0].recorded, runs[i].recorded, result.notes);
  }
  std::set<std::string> told;
  for (const Match& match : result.matches) {
    add_incomplete_note(match.base, told, result.notes);
    add_incomplete_note(match.other, told, result.notes);
  }
  for (const Match& match : result.matches) {
    // Variants of one result are meant to differ.
    if (match.base.of->label == match.other.of->label) continue;
    if (auto note = scenario_note(match)) result.notes.push_back(std::move(*note));
  }
}

Result<bool> check_runs(const ChosenRun& run) {
  if (!run.variant || find_variant(run.recorded, *run.variant)) return true;
  return Error{fmt::format("{} has no variant \"{}\"; it has {}", run.recorded.label, *run.variant, names_of(run.recorded))};
}

void collect(const ScenarioJson& base, const ScenarioJson& other, const std::string& pointer,
             std::vector<std::string>& found) {
  if (base == other) return;
  if (base.is_object() && other.is_object()) {
    std::set<std::string> keys;
    for (const auto& [key, value] : base.items()) keys.insert(key);
    for (const auto& [key, value] : other.items()) keys.insert(key);
    for (const std::string& key : keys) {
      const ScenarioJson nothing;
      collect(base.contains(key) ? base[key] : nothing, other.contains(key) ? other[key] : nothing,
              fmt::format("{}/{}", pointer, key), found);
    }
    return;
  }
  if (base.is_array() && other.is_array() && base.size() == other.size()) {
    for (std::size_t i = 0; i < base.size(); ++i) collect(base[i], other[i], fmt::format("{}/{}", pointer, i), found);
    return;
  }
  const auto shown = [](const ScenarioJson& value) {
    constexpr std::size_t kLongest = 40;
    if (value.is_null()) return std::string("nothing");
    std::string text = value.dump(-1, ' ', false, ScenarioJson::error_handler_t::replace);
    return text.size() > kLongest ? std::string(value.is_array()    ? "a list"
                                                : value.is_object() ? "an object"
                                                                    : "a text")
                                  : text;
  };
  found.push_back(fmt::format("{} ({} -> {})", pointer.empty() ? "/" : pointer, shown(base), shown(other)));
}

}  // namespace

std::vector<std::string> scenario_differences(const std::string& base, const std::string& other, std::size_t most) {
  const ScenarioJson of_base = ScenarioJson::parse(base, nullptr, false, true);
  const ScenarioJson of_other = ScenarioJson::parse(other, nullptr, false, true);
  std::vector<std::string> found;
  collect(of_base, of_other, "", found);
  if (found.size() <= most) return found;
  const std::size_t more = found.size() - most;
  found.resize(most);
  found.push_back(fmt::format("{} more places", more));
  return found;
}

Result<Matches> match_runs(std::span<const ChosenRun> runs, bool across) {
  Matches result;
  for (const ChosenRun& run : runs) {
    if (auto good = check_runs(run); !good) return good.error();
  }
  if (runs.size() == 1) {
    const std::vector<std::size_t> chosen = chosen_variants(runs[0]);
    for (std::size_t i = 1; i < chosen.size(); ++i)
      result.matches.push_back(make_match(runs[0], chosen[0], runs[0], chosen[i]));
  }
  for (std::size_t i = 1; i < runs.size(); ++i) {
    if (auto good = refuse_strangers(runs[0], runs[i], across); !good) return good.error();
    if (auto good = match_by_name(runs[0], runs[i], result); !good) return good.error();
  }
  for (const Match& match : result.matches) {
    for (const auto& [side, title] : {std::pair{match.base, match.base_title}, std::pair{match.other, match.title}}) {
      if (complete_runs(side).empty())
        return Error{fmt::format("{} has no complete run: there is nothing to compare; run it again", title)};
    }
  }
  add_notes(runs, result);
  return result;
}

}  // namespace drydock::reports
