// drydock faults [NAME]
#include "scenarios/faults/faults.hpp"

#include "cli/command.hpp"
#include "cli/suggest.hpp"
#include "scenarios/schema.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::cli {
namespace {

using scenarios::FaultKind;

void print_faults(const Terminal& terminal) {
  std::size_t longest = 0;
  for (const FaultKind& kind : scenarios::fault_kinds()) longest = std::max(longest, kind.type.size());
  for (const FaultKind& kind : scenarios::fault_kinds()) {
    const std::string text = paragraph(kind.summary, terminal.width, longest + 2);
    fmt::print("{}{}", bold(terminal, fmt::format("{:<{}}", kind.type, longest + 2)), text.substr(longest + 2));
  }
  fmt::print(
      "\n`drydock faults NAME` explains one; in a scenario: \"faults\": [{{\"type\": \"worker-crash\", \"at\": \"1h\"}}]\n");
}

// What the schema says of its keys.
void print_keys(const FaultKind& kind, const Terminal& terminal) {
  const auto schema = nlohmann::ordered_json::parse(scenarios::schema_text());
  const auto& definition = schema.at("definitions").at(std::string(kind.keys.definition));
  const auto required = definition.value("required", std::vector<std::string>{});
  for (const auto& [key, value] : definition.at("properties").items()) {
    if (key == "type") continue;
    const bool must = std::ranges::find(required, key) != required.end();
    std::string text = value.value("description", "");
    if (text.empty() && value.contains("$ref")) {
      const std::string reference = value.at("$ref");
      const auto& object = schema.at("definitions").at(reference.substr(reference.rfind('/') + 1));
      text = object.value("description", "");
      std::string members;
      const auto properties = object.value("properties", nlohmann::ordered_json::object());
      for (const auto& [name, member] : properties.items())
        members += fmt::format("{}\"{}\": {}", members.empty() ? " Keys: " : "; ", name, member.value("description", ""));
      text += members;
    }
    fmt::print("  {}{}\n{}", key, must ? " (required)" : "", paragraph(text, terminal.width, 6));
  }
}

class Faults final : public Command {
 public:
  void declare(CLI::App& app) override { app.add_option("NAME", name_, "A kind of fault: worker-crash"); }

  int run(const Terminal& terminal) override {
    if (name_.empty()) {
      print_faults(terminal);
      return kDone;
    }
    std::vector<std::string_view> names;
    for (const FaultKind& kind : scenarios::fault_kinds()) {
      names.push_back(kind.type);
      if (kind.type != name_) continue;
      fmt::print("{}: {}\n\n{}\n{}\n", bold(terminal, kind.type), kind.summary, paragraph(kind.details, terminal.width, 2),
                 bold(terminal, "Keys"));
      print_keys(kind, terminal);
      fmt::print("\n{}\n{}", bold(terminal, "Source"), paragraph(kind.source, terminal.width, 2));
      return kDone;
    }
    return bad_input(fmt::format("there is no fault \"{}\"{}; `drydock faults` lists all", scenarios::printable(name_),
                                 did_you_mean(name_, names)));
  }

 private:
  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_faults() { return std::make_unique<Faults>(); }

}  // namespace drydock::cli
