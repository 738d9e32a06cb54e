// drydock policies [NAME]
#include "cli/command.hpp"
#include "cli/suggest.hpp"
#include "policies/catalog.hpp"
#include "scenarios/schema.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace drydock::cli {
namespace {

std::string full_name(const PolicyInfo& info) { return fmt::format("{}/{}", to_string(info.family), info.type); }

std::string show(const ParameterValue& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, Duration>) return scenarios::format_duration(v);
        else if constexpr (std::is_same_v<T, std::string>) return fmt::format("\"{}\"", v);
        else return fmt::format("{}", v);
      },
      value);
}

std::string kind_of(const ParameterInfo& parameter) {
  struct Names {
    std::string_view operator()(const Duration&) const { return "a duration"; }
    std::string_view operator()(const double&) const { return "a number"; }
    std::string_view operator()(const std::int64_t&) const { return "a whole number"; }
    std::string_view operator()(const bool&) const { return "true or false"; }
    std::string_view operator()(const std::string&) const { return "a word"; }
  };
  return std::string(std::visit(Names{}, parameter.default_value));
}

// "from 1 to 1000000", or the words allowed.
std::string range_of(const ParameterInfo& parameter) {
  if (!parameter.choices.empty()) return fmt::format("one of {}", scenarios::listed(parameter.choices));
  const bool duration = std::holds_alternative<Duration>(parameter.default_value);
  if (!duration && !std::holds_alternative<double>(parameter.default_value) &&
      !std::holds_alternative<std::int64_t>(parameter.default_value)) {
    return {};
  }
  const auto bound = [&](double v) {
    return duration ? scenarios::format_duration(duration_of_seconds(v)) : fmt::format("{}", v);
  };
  const bool bounded = parameter.maximum < (duration ? seconds(scenarios::kLongest) : 1e18);
  return bounded ? fmt::format("from {} to {}", bound(parameter.minimum), bound(parameter.maximum))
                 : fmt::format("at least {}", bound(parameter.minimum));
}

// Some families are only in the library yet: a scenario can name what its schema describes.
bool scenarios_can_name(PolicyFamily family) {
  static const scenarios::Json kSchema = scenarios::Json::parse(scenarios::schema_text());
  return kSchema.at("definitions").contains(std::string(to_string(family)));
}
constexpr std::string_view kNotInScenarios = "not in scenarios yet, only for programs that link the library";

void print_policies(const Terminal& terminal) {
  std::size_t longest = 0;
  for (const PolicyInfo& info : policy_catalog()) longest = std::max(longest, info.type.size());
  const std::string_view* heading = nullptr;
  std::string_view family;
  for (const PolicyInfo& info : policy_catalog()) {
    if (heading == nullptr || family != to_string(info.family)) {
      if (heading != nullptr) fmt::print("\n");
      family = to_string(info.family);
      heading = &family;
      fmt::print("{}{}\n", bold(terminal, family),
                 scenarios_can_name(info.family) ? "" : fmt::format(" ({})", kNotInScenarios));
    }
    const std::string origin = info.plugin.empty() ? "" : fmt::format(" ({})", info.plugin);
    const std::string text = paragraph(std::string(info.summary) + origin, terminal.width, longest + 4);
    fmt::print("  {:<{}}  {}", info.type, longest, text.substr(longest + 4));
  }
  fmt::print(
      "\n`drydock policies NAME` explains one; in a scenario: \"policies\": {{\"placement\": {{\"type\": \"easy\"}}}}\n");
}

void print_one(const PolicyInfo& info, const Terminal& terminal) {
  fmt::print("{}: {}\n\n", bold(terminal, full_name(info)), info.summary);
  if (!scenarios_can_name(info.family)) fmt::print("  ({})\n\n", kNotInScenarios);
  fmt::print("{}", paragraph(info.details, terminal.width, 2));
  fmt::print("\n{}\n", bold(terminal, "Parameters"));
  if (info.parameters.empty()) fmt::print("  none\n");
  for (const ParameterInfo& parameter : info.parameters) {
    const std::string range = range_of(parameter);
    fmt::print("  {}: {}{}{}; default {}\n", parameter.name, kind_of(parameter), range.empty() ? "" : ", ", range,
               show(parameter.default_value));
    fmt::print("{}", paragraph(parameter.help, terminal.width, 6));
  }
  const std::string origin = info.plugin.empty() ? "" : fmt::format("{}: ", info.plugin);
  fmt::print("\n{}\n{}", bold(terminal, "Source"), paragraph(origin + std::string(info.source), terminal.width, 2));
}

class Policies final : public Command {
 public:
  void declare(CLI::App& app) override { app.add_option("NAME", name_, "A policy: easy, or placement/easy"); }

  int run(const Terminal& terminal) override {
    if (name_.empty()) {
      print_policies(terminal);
      return kDone;
    }
    bool found = false;
    std::vector<std::string> names;
    for (const PolicyInfo& info : policy_catalog()) {
      names.emplace_back(info.type);
      names.push_back(full_name(info));
      if (name_ != info.type && name_ != full_name(info)) continue;
      if (found) fmt::print("\n");
      print_one(info, terminal);
      found = true;
    }
    if (found) return kDone;
    const std::vector<std::string_view> views(names.begin(), names.end());
    return bad_input(fmt::format("there is no policy \"{}\"{}; `drydock policies` lists all", scenarios::printable(name_),
                                 did_you_mean(name_, views)));
  }

 private:
  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_policies() { return std::make_unique<Policies>(); }

}  // namespace drydock::cli
