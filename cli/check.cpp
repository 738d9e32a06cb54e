// drydock check JOURNAL...
#include "policies/core/check.hpp"

#include "cli/command.hpp"
#include "cli/journal_file.hpp"
#include "policies/core/check_leaders.hpp"
#include "policies/core/replay_facts.hpp"
#include "policies/core/step_hash.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::cli {
namespace {

class Check final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("JOURNAL", paths_, "A journal, binary or JSON Lines; several: those of the schedulers of one run")
        ->required();
    app.add_option("--limit", limit_, "Violations to print (default 100); all are counted")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}));
  }

  int run(const Terminal& terminal) override {
    int worst = kDone;
    if (const auto problem = why_not_together()) return bad_input(*problem);
    for (const std::string& path : paths_) {
      path_ = path;
      hash_ = first_changed_ = 0;
      leaders_.begin(path);
      const int code = check_one(terminal);
      if (code == kBadInput) return code;
      worst = std::max(worst, code);
    }
    const std::vector<Violation> together = leaders_.finish();
    print(together, terminal);
    if (paths_.size() > 1) {
      fmt::print("{} journals together: {} violation{}\n", paths_.size(), together.size(), together.size() == 1 ? "" : "s");
    }
    return together.empty() ? worst : kCheckFailed;
  }

 private:
  // Journals of one run have one seed and one variant, and are different files.
  [[nodiscard]] std::optional<std::string> why_not_together() const {
    std::optional<JournalHeader> first;
    std::set<std::string_view> named;
    for (std::size_t i = 0; i < paths_.size() && paths_.size() > 1; ++i) {
      if (!named.insert(paths_[i]).second) return fmt::format("{}: is named twice; name each journal once", paths_[i]);
      const auto journal = open_journal(paths_[i]);
      if (!journal) return journal.error().message;
      const JournalHeader& header = journal.value().reader->header();
      if (!first) first = header;
      if (header.variant != first->variant || header.seed != first->seed)
        return fmt::format(
            "{} and {} are of different runs ({}; {}): several journals are those of the schedulers of one; check them one "
            "by one",
            paths_.front(), paths_[i], describe(*first), describe(header));
    }
    return std::nullopt;
  }

  [[nodiscard]] int check_one(const Terminal& terminal) {
    auto journal = open_journal(path_);
    if (!journal) return bad_input(journal.error().message);
    JournalReader& reader = *journal.value().reader;
    const auto config = recorded_configuration(path_, reader.header());
    if (!config) return bad_input(config.error().message);
    replay_detail::FactChecker facts(config.value());
    Checker checker({.limit = limit_,
                     .per_worker = !config.value().control_plane.aggregate,
                     .holds_all = config.value().control_plane.lookahead == 0});
    JournalStep step;
    std::uint64_t steps = 0;
    while (true) {
      const auto more = reader.next(step);
      if (!more) return unreadable(checker, reader, steps, more.error().message, terminal);
      if (!more.value()) break;
      ++steps;
      if (const auto problem = facts.problem_with(step)) {
        return unreadable(checker, reader, steps - 1,
                          fmt::format("step {} holds a fact that cannot be: {}", steps, *problem), terminal);
      }
      hash_ = hash_step(hash_, step.now, step.events, step.commands);
      if (hash_ != step.hash && first_changed_ == 0) first_changed_ = steps;
      hash_ = step.hash;
      checker.step(step.now, step.events, step.commands);
      leaders_.step(step.now, step.events, step.commands);
    }
    checker.finish(reader.end() == JournalEnd::all_ended);
    fmt::print("{}: {}\n", path_, describe(reader.header()));
    return report(checker, steps, reader.end(), terminal);
  }

  // What was found before the place where the journal breaks off is worth knowing, too.
  [[nodiscard]] int unreadable(Checker& checker, const JournalReader& reader, std::uint64_t steps, const std::string& why,
                               const Terminal& terminal) const {
    checker.finish(false);
    fmt::print("{}: {}\n", path_, describe(reader.header()));
    (void)report(checker, steps, JournalEnd::missing, terminal);
    return bad_input(fmt::format("{}: {}", path_, why));
  }

  [[nodiscard]] int report(const Checker& checker, std::uint64_t steps, JournalEnd end, const Terminal& terminal) const {
    if (first_changed_ > 0)
      fmt::print("step {} is not what was recorded: its hash is that of other facts or orders\n", first_changed_);
    print(checker.violations(), terminal);
    const std::uint64_t count = checker.violation_count();
    if (count > checker.violations().size()) fmt::print("and {} more\n", count - checker.violations().size());
    std::string_view how;
    switch (end) {
      case JournalEnd::missing: how = "; the journal has no end, so what was left over was not judged"; break;
      case JournalEnd::stopped: how = "; the run was stopped early, so what was left over was not judged"; break;
      case JournalEnd::all_ended: break;
    }
    fmt::print("{} steps checked, {} violation{}{}\n", steps, count, count == 1 ? "" : "s", how);
    return count == 0 && first_changed_ == 0 ? kDone : kCheckFailed;
  }

  static void print(const std::vector<Violation>& violations, const Terminal& terminal) {
    for (const Violation& violation : violations) {
      fmt::print("at {:.9f} s: {}\n{}", seconds(violation.at), bold(terminal, violation.what),
                 paragraph(fmt::format("breaks invariant {}: {}", violation.invariant, invariant_text(violation.invariant)),
                           terminal.width, 4));
    }
  }

  std::vector<std::string> paths_;
  LeaderChecker leaders_;
  std::string path_;  // of the journal that is being checked
  std::size_t limit_ = 100;
  std::uint64_t hash_ = 0;           // of the steps so far
  std::uint64_t first_changed_ = 0;  // the first step whose hash is not that of its contents; 0: none
};

}  // namespace

std::unique_ptr<Command> make_check() { return std::make_unique<Check>(); }

}  // namespace drydock::cli
