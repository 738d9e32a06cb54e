// drydock explain JOURNAL
#include "cli/command.hpp"
#include "cli/journal_file.hpp"
#include "cli/named_ids.hpp"
#include "policies/core/check.hpp"
#include "policies/core/replay_facts.hpp"
#include "reports/story.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace drydock::cli {
namespace {

using nlohmann::json;

// What is told of one job or worker.
struct Told {
  std::string who;
  std::string summary;
  std::vector<reports::StoryLine> lines;
};

class Explain final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("JOURNAL", path_, "A journal, binary or JSON Lines")->required();
    auto* job = app.add_option("--job", job_, "Tell what happened to this job, by its number")->type_name("ID");
    auto* worker = app.add_option("--worker", worker_, "Tell what happened to this worker, by its number")->type_name("ID");
    auto* violation =
        app.add_flag("--violation", violation_,
                     "Look for the first violated invariant, and tell what led to it: of the jobs and workers that "
                     "it names, or of the first job that has not ended");
    job->excludes(worker)->excludes(violation);
    worker->excludes(violation);
    app.add_option("--format", format_, "text (default) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"text", "json"}));
    app.footer(
        "Examples:\n"
        "  drydock simulate redis-flush --seeds 1 --journal run.journal && drydock explain run.journal --job 17\n"
        "  drydock explain hunt-1-115.journal --violation\n"
        "Exit codes: 0 told, 2 wrong usage or input, or there is no such job or worker in the journal.");
  }

  int run(const Terminal& terminal) override {
    if (!job_ && !worker_ && !violation_) return bad_input("explain: say what: --job ID, --worker ID or --violation");
    if (violation_) return tell_violation(terminal);
    const std::vector<std::uint64_t> jobs = job_ ? std::vector{*job_} : std::vector<std::uint64_t>{};
    const std::vector<std::uint32_t> workers = worker_ ? std::vector{*worker_} : std::vector<std::uint32_t>{};
    auto told = tell({.jobs = jobs, .workers = workers}, std::nullopt);
    if (!told) return bad_input(told.error().message);
    if (told.value().front().lines.empty()) return bad_input(fmt::format("{}: {}", path_, told.value().front().summary));
    print(told.value(), nullptr, terminal);
    return kDone;
  }

 private:
  // Calls `each` with every step. Gives the configuration's owner to keep alive: stories refer to it.
  template <class Each>
  Result<bool> read(const SchedulerConfig& config, JournalReader& reader, const Each& each) const {
    replay_detail::FactChecker facts(config);
    JournalStep step;
    for (std::uint64_t number = 1;; ++number) {
      const auto more = reader.next(step);
      if (!more) return Error{fmt::format("{}: {}", path_, more.error().message)};
      if (!more.value()) return true;
      if (const auto problem = facts.problem_with(step))
        return Error{fmt::format("{}: step {} holds a fact that cannot be: {}", path_, number, *problem)};
      if (!each(step)) return true;
    }
  }

  // Up to the step at `until`, if that is given.
  Result<std::vector<Told>> tell(const NamedIds& who, std::optional<Time> until) {
    auto journal = open_journal(path_);
    if (!journal) return journal.error();
    JournalReader& reader = *journal.value().reader;
    const auto config = recorded_configuration(path_, reader.header());
    if (!config) return config.error();
    title_ = describe(reader.header());
    std::vector<reports::JobStory> jobs;
    std::vector<reports::WorkerStory> workers;
    for (const std::uint64_t job : who.jobs) jobs.emplace_back(JobId{job}, config.value());
    for (const std::uint32_t worker : who.workers) workers.emplace_back(WorkerId{worker}, config.value());
    const auto done = read(config.value(), reader, [&](const JournalStep& step) {
      if (until && step.now > *until) return false;
      for (reports::JobStory& story : jobs) story.step(step.now, step.events, step.commands);
      for (reports::WorkerStory& story : workers) story.step(step.now, step.events, step.commands);
      return true;
    });
    if (!done) return done.error();
    std::vector<Told> told;
    for (std::size_t i = 0; i < jobs.size(); ++i)
      told.push_back({fmt::format("job {}", who.jobs[i]), jobs[i].summary(), jobs[i].lines()});
    for (std::size_t i = 0; i < workers.size(); ++i)
      told.push_back({fmt::format("worker {}", who.workers[i]), workers[i].summary(), workers[i].lines()});
    return told;
  }

  // The first violation; without one, the first job that has not ended.
  struct Culprit {
    std::optional<Violation> violation;
    std::optional<JobId> unended;
    std::size_t unended_jobs = 0;
  };
  Result<Culprit> find_culprit() {
    auto journal = open_journal(path_);
    if (!journal) return journal.error();
    JournalReader& reader = *journal.value().reader;
    const auto config = recorded_configuration(path_, reader.header());
    if (!config) return config.error();
    Checker checker({.limit = 1});
    std::map<JobId, bool> ended;
    const auto done = read(config.value(), reader, [&](const JournalStep& step) {
      checker.step(step.now, step.events, step.commands);
      note_ends(step, ended);
      return checker.violation_count() == 0;
    });
    if (!done) return done.error();
    if (checker.violation_count() == 0) checker.finish(reader.end() == JournalEnd::all_ended);
    Culprit culprit;
    if (checker.violation_count() > 0) culprit.violation = checker.violations().front();
    for (const auto& [job, over] : ended) {
      if (over) continue;
      ++culprit.unended_jobs;
      if (!culprit.unended) culprit.unended = job;
    }
    return culprit;
  }

  static void note_ends(const JournalStep& step, std::map<JobId, bool>& ended) {
    for (const Event& event : step.events) {
      if (const auto* submitted = std::get_if<JobSubmitted>(&event)) ended.emplace(submitted->job.id, false);
      if (const auto* cancelled = std::get_if<JobCancelled>(&event)) ended[cancelled->job] = true;
    }
    for (const drydock::Command& command : step.commands) {
      if (const auto* rejected = std::get_if<RejectJob>(&command)) ended[rejected->job] = true;
      const auto* commit = std::get_if<Commit>(&command);
      if (commit == nullptr) continue;
      for (const Release& row : commit->releases) {
        const bool over = row.reason != ReleaseReason::preempted && row.reason != ReleaseReason::drained &&
                          row.reason != ReleaseReason::worker_lost && row.reason != ReleaseReason::retried;
        if (over) ended[row.attempt.job] = true;
      }
    }
  }

  int tell_violation(const Terminal& terminal) {
    const auto culprit = find_culprit();
    if (!culprit) return bad_input(culprit.error().message);
    NamedIds who;
    std::optional<Time> until;
    if (culprit.value().violation) {
      who = ids_named_in(culprit.value().violation->what);
      until = culprit.value().violation->at;
    } else if (culprit.value().unended) {
      who.jobs.push_back(culprit.value().unended->value);
    }
    const auto told = tell(who, until);
    if (!told) return bad_input(told.error().message);
    json finding{{"violation", nullptr}, {"unended_jobs", culprit.value().unended_jobs}};
    if (const auto& v = culprit.value().violation)
      finding["violation"] = {{"invariant", v->invariant}, {"at_s", seconds(v->at)}, {"what", v->what}};
    print(told.value(), &finding, terminal);
    return kDone;
  }

  void print(const std::vector<Told>& told, const json* finding, const Terminal& terminal) const {
    if (format_ == "json") return print_json(told, finding);
    fmt::print("{}: {}\n", path_, title_);
    if (finding != nullptr) print_finding(*finding, terminal);
    for (const Told& one : told) {
      fmt::print("\n{}\n", bold(terminal, one.who));
      for (const reports::StoryLine& line : one.lines) {
        constexpr std::size_t kTime = 18;
        const std::string text = paragraph(line.what, terminal.width, kTime);
        fmt::print("{:>14.6f} s  {}", seconds(line.at), text.substr(kTime));
      }
      if (finding == nullptr) fmt::print("{}\n", one.summary);
    }
  }

  void print_finding(const json& finding, const Terminal& terminal) const {
    if (!finding["violation"].is_null()) {
      const int invariant = finding["violation"]["invariant"];
      fmt::print("at {:.9f} s: {}\n{}", finding["violation"]["at_s"].get<double>(),
                 bold(terminal, finding["violation"]["what"].get<std::string>()),
                 paragraph(fmt::format("breaks invariant {}: {}", invariant, invariant_text(invariant)), terminal.width, 4));
      return;
    }
    const auto unended = finding["unended_jobs"].get<std::size_t>();
    fmt::print(
        "no step of this journal breaks an invariant; what only the world can see (the counter at rest, shares, attempts "
        "that "
        "run twice) is told by the run itself\n");
    if (unended > 0) fmt::print("{} job{} not ended where it ends; the first:\n", unended, unended == 1 ? " has" : "s have");
  }

  void print_json(const std::vector<Told>& told, const json* finding) const {
    json text{{"schema", "drydock.explain/1"}, {"journal", path_}, {"stories", json::array()}};
    if (finding != nullptr) text.update(*finding);
    for (const Told& one : told) {
      json lines = json::array();
      for (const reports::StoryLine& line : one.lines) lines.push_back({{"at_s", seconds(line.at)}, {"what", line.what}});
      text["stories"].push_back({{"of", one.who}, {"summary", one.summary}, {"lines", std::move(lines)}});
    }
    fmt::print("{}\n", text.dump(2));
  }

  std::string path_;
  std::optional<std::uint64_t> job_;
  std::optional<std::uint32_t> worker_;
  bool violation_ = false;
  std::string format_ = "text";
  std::string title_;
};

}  // namespace

std::unique_ptr<Command> make_explain() { return std::make_unique<Explain>(); }

}  // namespace drydock::cli
