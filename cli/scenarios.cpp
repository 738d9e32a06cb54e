// drydock scenarios [NAME]
#include "cli/command.hpp"
#include "cli/suggest.hpp"
#include "scenarios/loader.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace drydock::cli {
namespace {

bool is_reference(const scenarios::BuiltIn& scenario) { return scenario.name.starts_with("reference/"); }

void print_group(bool references, const Terminal& terminal) {
  std::size_t longest = 0;
  for (const auto& scenario : scenarios::built_in_scenarios()) {
    if (is_reference(scenario) == references) longest = std::max(longest, scenario.name.size());
  }
  const std::size_t indent = longest + 2;
  for (const auto& scenario : scenarios::built_in_scenarios()) {
    if (is_reference(scenario) != references) continue;
    const std::string text = paragraph(scenario.description, terminal.width, indent);
    fmt::print("{}{}{}", bold(terminal, scenario.name), std::string(indent - scenario.name.size(), ' '),
               text.size() > indent ? text.substr(indent) : text);
  }
}

void print_scenarios(const Terminal& terminal) {
  print_group(false, terminal);
  fmt::print("\nWith known answers from queueing theory:\n");
  print_group(true, terminal);
  fmt::print("\nRun one with `drydock simulate NAME`; `drydock scenarios NAME > my.json` gives a file to start from.\n");
}

class Scenarios final : public Command {
 public:
  void declare(CLI::App& app) override { app.add_option("NAME", name_, "A built-in scenario, whose file is printed"); }

  int run(const Terminal& terminal) override {
    if (name_.empty()) {
      print_scenarios(terminal);
      return kDone;
    }
    std::vector<std::string_view> names;
    for (const auto& scenario : scenarios::built_in_scenarios()) {
      names.push_back(scenario.name);
      if (scenario.name != name_) continue;
      fmt::print("{}{}", scenario.text, scenario.text.ends_with('\n') ? "" : "\n");
      return kDone;
    }
    return bad_input(fmt::format("there is no built-in scenario \"{}\"{}; `drydock scenarios` lists all",
                                 scenarios::printable(name_), did_you_mean(name_, names)));
  }

 private:
  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_scenarios() { return std::make_unique<Scenarios>(); }

}  // namespace drydock::cli
