// drydock replay JOURNAL
#include "policies/core/replay.hpp"

#include "cli/command.hpp"
#include "cli/journal_file.hpp"
#include "cli/shadow_choice.hpp"
#include "policies/catalog.hpp"
#include "policies/core/scheduler.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {
namespace {

class Replay final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("JOURNAL", path_, "A journal, binary or JSON Lines")->required();
    app.add_option("--shadow", shadow_,
                   "Let another placement decide along, at each recorded moment on the state as it was, and show where it "
                   "differs: easy, or '{\"type\": \"easy\", \"order\": \"sjf\"}'")
        ->type_name("PLACEMENT");
    app.add_option("--set", sets_,
                   "Show where the decisions would first differ under another /policies/placement, /policies/isolation, "
                   "/control_plane or priority, weight or capacity of a queue: /json/pointer=value; may be repeated")
        ->allow_extra_args(false)
        ->excludes("--shadow");
  }

  int run(const Terminal& terminal) override {
    for (const std::string& set : sets_) {
      if (!is_decided_anew(set)) return bad_input(why_not(set));
    }
    auto journal = open_journal(path_);
    if (!journal) return bad_input(journal.error().message);
    JournalReader& reader = *journal.value().reader;
    auto config = recorded_configuration(path_, reader.header(), sets_);
    if (!config) return bad_input(config.error().message);
    Scheduler scheduler(config.value(), make_policies(config.value()));
    std::optional<Shadow> shadow;
    if (shadow_) {
      const auto chosen = choose_shadow_placement(reader.header().scenario, config.value(), *shadow_);
      if (!chosen) return bad_input(chosen.error().message);
      shadow.emplace(scheduler, chosen.value().config, make_policies(chosen.value().config), chosen.value().name);
    }
    const auto report = replay(reader, scheduler, shadow ? &*shadow : nullptr);
    if (!report) return bad_input(fmt::format("{}: {}", path_, report.error().message));
    fmt::print("{}: {}\n", path_, describe(reader.header()));
    const int code = print(report.value(), terminal);
    if (shadow) fmt::print("shadow {}", shadow_text(shadow->report(), "  "));
    return code;
  }

 private:
  // Whether a replay can show what the change does: jobs, workers and what happens to them are recorded facts.
  static bool is_decided_anew(std::string_view set) {
    const std::string_view pointer = set.substr(0, set.find('='));
    const auto in = [&](std::string_view part) {
      return pointer.starts_with(part) && (pointer.size() == part.size() || pointer[part.size()] == '/');
    };
    const bool queue_setting =
        in("/queues") && (pointer.ends_with("/priority") || pointer.ends_with("/weight") || pointer.ends_with("/capacity"));
    return in("/policies/placement") || in("/policies/isolation") || in("/policies/retry") || in("/policies/session") ||
           in("/control_plane") || queue_setting;
  }
  static std::string why_not(std::string_view set) {
    return fmt::format(
        "--set {}: a replay feeds the recorded facts to another configuration of the scheduler; it can change "
        "/policies/placement, isolation, retry and session, /control_plane, and /queues/N/priority, weight or capacity. For "
        "anything else, use `drydock simulate`",
        scenarios::printable(set));
  }

  [[nodiscard]] int print(const ReplayReport& report, const Terminal& terminal) const {
    if (!report.difference) {
      fmt::print("{} steps, {} orders: {}\njournal hash {:016x}\n", report.steps, report.commands,
                 bold(terminal, sets_.empty() ? "identical" : "identical in spite of --set"), report.hash);
      return kDone;
    }
    std::string difference = *report.difference;
    while (difference.ends_with('\n')) difference.pop_back();
    fmt::print("{}: {}\n", bold(terminal, "first difference"), difference);
    if (sets_.empty()) return kCheckFailed;
    fmt::print(
        "From here on the recorded facts are about other decisions. `drydock simulate` shows what the change is worth.\n");
    return kDone;
  }

  std::string path_;
  std::vector<std::string> sets_;
  std::optional<std::string> shadow_;
};

}  // namespace

std::unique_ptr<Command> make_replay() { return std::make_unique<Replay>(); }

}  // namespace drydock::cli
