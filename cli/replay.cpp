// drydock replay JOURNAL
#include "policies/core/replay.hpp"

#include "cli/command.hpp"
#include "cli/journal_file.hpp"
#include "policies/catalog.hpp"
#include "policies/core/scheduler.hpp"
#include "scenarios/loader.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace drydock::cli {
namespace {

class Replay final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("JOURNAL", path_, "A journal, binary or JSON Lines")->required();
    app.add_option("--set", sets_, "What if: change the scheduler's configuration, /json/pointer=value; may be repeated")
        ->allow_extra_args(false);
  }

  int run(const Terminal& terminal) override {
    auto journal = open_journal(path_);
    if (!journal) return bad_input(journal.error().message);
    JournalReader& reader = *journal.value().reader;
    auto config = configuration(reader.header());
    if (!config) return bad_input(config.error().message);
    Scheduler scheduler(config.value(), make_placement(config.value().placement));
    const auto report = replay(reader, scheduler);
    if (!report) return bad_input(fmt::format("{}: {}", path_, report.error().message));
    fmt::print("{}: {}\n", path_, describe(reader.header()));
    return print(report.value(), terminal);
  }

 private:
  // The scheduler's part of the recorded scenario, with --set applied.
  [[nodiscard]] Result<SchedulerConfig> configuration(const JournalHeader& header) const {
    const auto loaded =
        scenarios::load_text(header.scenario, path_ + " (scenario)", std::filesystem::path(path_).parent_path(),
                             {.sets = sets_, .read_traces = false});
    if (!loaded) return loaded.error();
    SchedulerConfig config = loaded.value().front().scheduler;
    config.seed = header.seed;
    return config;
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
};

}  // namespace

std::unique_ptr<Command> make_replay() { return std::make_unique<Replay>(); }

}  // namespace drydock::cli
