// drydock submit
#include "cli/interrupt.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"
#include "scenarios/line_reader.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#ifdef DRYDOCK_WITH_RUNTIME
#include "cli/submit_file.hpp"
#include "real-runtime/job_payload.hpp"
#include "real-runtime/job_request.hpp"
#include "real-runtime/json_text.hpp"
#include "real-runtime/store_queries.hpp"
#endif

namespace drydock::cli {
namespace {

struct SubmitArguments {
  StoreArguments stores;
  std::string queue;
  double cpus = 1;
  std::string memory = "0B";
  std::int64_t gpus = 0;
  std::uint32_t tasks = 1;
  std::int32_t priority = 0;
  std::optional<std::string> estimate;
  std::optional<std::string> sleep;
  std::optional<std::string> payload;
  std::uint32_t count = 1;
  std::vector<std::string> words;
  std::string format = "table";
  std::optional<std::string> file;
  std::optional<std::string> key;
};

#ifdef DRYDOCK_WITH_RUNTIME

constexpr std::uint64_t kMostAtOnce = 1000;                       // jobs in a transaction
constexpr std::uint64_t kMostTransactions = 8;                    // on their way
constexpr std::uint64_t kMostPayloads = std::uint64_t{4} << 20U;  // of payloads, in a transaction and on their way
constexpr std::string_view kNoQueues = "no scheduler has said yet which queues there are: start one first";

// A file that says more than a command line can.
Result<nlohmann::json> payload_of(const std::string& file) {
  constexpr std::size_t kMostBytes = std::size_t{16} << 20U;
  const auto text = scenarios::read_file(file, kMostBytes);
  if (!text) return Error{"--payload: " + text.error().message};
  const auto json = runtime::parse_json(text.value());
  if (!json) return Error{fmt::format("{}: {}", file, json.error().message)};
  const auto payload = runtime::read_payload(json.value());
  if (!payload) return Error{fmt::format("{}: {}", file, payload.error().message)};
  return nlohmann::json::parse(to_json(payload.value()));
}

// As the HTTP API has it: there is one reader for both.
Result<nlohmann::json> described(const SubmitArguments& arguments) {
  nlohmann::json job = nlohmann::json::object();
  if (arguments.payload) {
    auto payload = payload_of(*arguments.payload);
    if (!payload) return payload.error();
    job = std::move(payload).value();
  } else if (arguments.sleep) {
    job["sleep"] = *arguments.sleep;
  } else {
    job["command"] = arguments.words;
  }
  job["cpus"] = arguments.cpus;
  job["memory"] = arguments.memory;
  job["gpus"] = arguments.gpus;
  job["tasks"] = arguments.tasks;
  job["priority"] = arguments.priority;
  if (arguments.estimate) job["estimate"] = *arguments.estimate;
  if (!arguments.queue.empty()) job["queue"] = arguments.queue;
  return job;
}

// "/memory: ..." is about --memory.
std::string about_option(const std::string& message) {
  return message.starts_with('/') ? "--" + message.substr(1) : message;
}

Result<runtime::JobRequests> requests_of(const SubmitArguments& arguments) {
  const auto job = described(arguments);
  if (!job) return job.error();
  auto requests = runtime::read_job_requests(runtime::to_line(job.value()));
  if (!requests) return Error{about_option(requests.error().message)};
  return requests;
}

Result<postgres::Job> queued(const runtime::JobRequests& requests, const std::vector<runtime::NamedQueue>& queues) {
  if (queues.empty()) return Error{std::string(kNoQueues)};
  auto jobs = runtime::in_queues(requests, queues);
  if (!jobs) return Error{about_option(jobs.error().message)};
  return std::move(jobs.value().front());
}

// Jobs that are handed in under ids that are theirs, and what became of them.
class Submission {
 public:
  Submission(runtime::PostgresClient& store, const postgres::Job& job, std::uint64_t first, std::uint64_t count)
      : store_(store), job_(job), next_(first), end_(first + count) {
    const std::uint64_t each = std::max<std::uint64_t>(1, job.payload.size());
    in_one_ = std::clamp<std::uint64_t>(kMostPayloads / each, 1, kMostAtOnce);
    on_the_way_ = in_one_ * std::clamp<std::uint64_t>(kMostPayloads / (in_one_ * each), 1, kMostTransactions);
  }

  [[nodiscard]] bool done() const { return next_ == end_ || !problems_.empty(); }

  // Several transactions are on their way at once. Returns the ids of those that are in the store for good: the first of each run of them, and
  // the one behind its last.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> go_on() {
    std::vector<postgres::Op> ops;
    std::vector<std::uint64_t> ends;
    const std::uint64_t first = next_;
    for (const std::uint64_t stop = std::min(end_, first + on_the_way_); next_ < stop;) {
      std::vector<postgres::Job> jobs(std::min(stop - next_, in_one_), job_);
      for (postgres::Job& job : jobs) job.spec.id = JobId{next_++};
      ends.push_back(next_);
      store_.submit(ops.emplace_back(postgres::SubmitJobs{std::move(jobs)}));
    }
    std::vector<postgres::Reply> replies = store_.collect();
    std::vector<std::pair<std::uint64_t, std::uint64_t>> accepted;
    bool connected = true;
    for (std::size_t i = 0; i < ops.size(); ++i) {
      const std::uint64_t from = i == 0 ? first : ends[i - 1];
      // A repetition adds nothing.
      if (std::holds_alternative<postgres::Failed>(replies[i]) && connected) {
        connected = store_.connected() || store_.reconnect().ok();
        if (connected) replies[i] = store_.execute(ops[i]);
      }
      if (!std::holds_alternative<postgres::Submitted>(replies[i])) note(from, ends[i], replies[i]);
      else if (!accepted.empty() && accepted.back().second == from) accepted.back().second = ends[i];
      else accepted.emplace_back(from, ends[i]);
    }
    return accepted;
  }

  // What is not in the store, or not certainly; empty where all is.
  [[nodiscard]] std::string problems() const {
    std::string text;
    for (const Problem& problem : problems_) {
      const std::string jobs = range(problem.first, problem.end);
      text += text.empty() ? "" : "; ";
      text += problem.certain ? fmt::format("{} not accepted: {}", jobs, problem.why)
                              : fmt::format("it is not certain whether {} accepted: {}", jobs, problem.why);
    }
    if (next_ < end_) text += fmt::format("{}{} not handed in", text.empty() ? "" : "; ", range(next_, end_));
    return text;
  }

 private:
  struct Problem {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    bool certain = false;  // it is not in the store
    std::string why;
  };

  static std::string range(std::uint64_t first, std::uint64_t end) {
    return end - first == 1 ? fmt::format("job {} was", first) : fmt::format("jobs {} to {} were", first, end - 1);
  }

  void note(std::uint64_t first, std::uint64_t end, const postgres::Reply& reply) {
    const auto* failed = std::get_if<postgres::Failed>(&reply);
    const bool certain = failed != nullptr && failed->reason != postgres::Failed::Reason::unknown;
    std::string why = certain ? failed->message.substr(0, failed->message.find('\n')) : to_text(reply);
    if (!problems_.empty() && problems_.back().end == first && problems_.back().certain == certain &&
        problems_.back().why == why) {
      problems_.back().end = end;
    } else {
      problems_.push_back({first, end, certain, std::move(why)});
    }
  }

  runtime::PostgresClient& store_;
  const postgres::Job& job_;
  std::uint64_t next_;
  std::uint64_t end_;
  std::uint64_t in_one_ = 1;      // jobs in a transaction
  std::uint64_t on_the_way_ = 1;  // jobs before any answer
  std::vector<Problem> problems_;
};

int run_submit_file(const SubmitArguments& arguments, const Terminal& terminal) {
  if (arguments.key && arguments.key->empty())
    return bad_input("--key: it is empty: each repetition would hand in the jobs again; leave it out if that is meant");
  if (const auto problem = arguments.key ? runtime::problem_with_key(*arguments.key) : std::nullopt)
    return bad_input("--key: " + *problem);
  auto options = postgres_options(arguments.stores);
  if (!options) return bad_input(options.error().message);
  options.value().may_install = false;
  const auto store = runtime::PostgresClient::connect(options.value());
  if (!store) return no_store(store.error().message);
  const auto queues = runtime::read_queues(*store.value(), arguments.stores.schema);
  if (!queues) return no_store(queues.error().message);
  if (queues.value().empty()) return bad_input(kNoQueues);
  return submit_file({.path = *arguments.file, .key = arguments.key.value_or(""), .format = arguments.format},
                     *store.value(), queues.value(), terminal);
}

int run_submit(const SubmitArguments& arguments, const Terminal& terminal) {
  if (arguments.file) return run_submit_file(arguments, terminal);
  const int said = int{!arguments.words.empty()} + int{arguments.sleep.has_value()} + int{arguments.payload.has_value()};
  if (said != 1) {
    return bad_input(
        fmt::format("submit: {}: one of -- COMMAND ARGUMENTS..., --payload FILE, --sleep DURATION and --jobs FILE",
                    said == 0 ? "what shall run? Say" : "several things to run; say"));
  }
  const auto requests = requests_of(arguments);
  if (!requests) return bad_input(requests.error().message);
  auto options = postgres_options(arguments.stores);
  if (!options) return bad_input(options.error().message);
  options.value().may_install = false;
  const auto store = runtime::PostgresClient::connect(options.value());
  if (!store) return no_store(store.error().message);
  const auto queues = runtime::read_queues(*store.value(), arguments.stores.schema);
  if (!queues) return no_store(queues.error().message);
  const auto job = queued(requests.value(), queues.value());
  if (!job) return bad_input(job.error().message);

  const auto reserved = store.value()->execute(postgres::ReserveIds{arguments.count});
  const auto* first = std::get_if<postgres::Count>(&reserved);
  if (first == nullptr) return no_store(to_text(reserved));
  const auto& stop = stop_on_interrupt();
  nlohmann::json ids = nlohmann::json::array();
  Submission submission(*store.value(), job.value(), static_cast<std::uint64_t>(first->value), arguments.count);
  while (!submission.done() && !stop.load()) {
    for (const auto& [from, end] : submission.go_on()) {
      for (std::uint64_t id = from; id < end; ++id) {
        if (arguments.format == "json") ids.push_back(id);
        else fmt::print("{}\n", id);
      }
    }
  }
  if (arguments.format == "json") {
    fmt::print("{}\n", nlohmann::json{{"schema", "drydock-submitted/1"}, {"jobs", std::move(ids)}}.dump());
  }
  const std::string problems = submission.problems();
  if (problems.empty()) return kDone;
  if (!stop.load()) return no_store(problems);
  (void)bad_input("interrupted: " + problems);
  return kInterrupted;
}

#else

int run_submit(const SubmitArguments& /*arguments*/, const Terminal& /*terminal*/) { return bad_input(kNoRuntime); }

#endif

// Other bytes would become U+FFFD in the JSON of a job. They are there where it matters whether they are left out or replaced.
bool is_utf8(const std::string& word) {
  using Errors = nlohmann::json::error_handler_t;
  const nlohmann::json text = word;
  return text.dump(-1, ' ', false, Errors::ignore) == text.dump(-1, ' ', false, Errors::replace);
}

class Submit final : public Command {
 public:
  void declare(CLI::App& app) override {
    declare_postgres(app, arguments_.stores);
    app.add_option("--queue", arguments_.queue, "Name of its queue (default: the scenario's first)")->type_name("NAME");
    app.add_option("--cpus", arguments_.cpus, "Cores for each task, to a thousandth (default 1)")
        ->check(CLI::Range(0.0, 1e6));
    app.add_option("--memory", arguments_.memory, "Memory for each task (default none is asked for)")->type_name("SIZE");
    app.add_option("--gpus", arguments_.gpus, "GPUs for each task (default 0)")->check(CLI::Range(0, 1'000'000));
    app.add_option("--tasks", arguments_.tasks, "Processes that start together or not at all (default 1)")
        ->check(CLI::Range(1, 1'000'000));
    app.add_option("--priority", arguments_.priority,
                   "Higher goes first within its queue, with placement policies that heed it (default 0)");
    app.add_option("--estimate", arguments_.estimate, "How long it will run at most, for the policies (default 1m)")
        ->type_name("DURATION");
    app.add_option("--sleep", arguments_.sleep, "Sleep so long instead of running a command")->type_name("DURATION");
    app.add_option(
           "--payload", arguments_.payload,
           "A file with what to run as JSON: a command, script or container, with files, environment, limits; or a sleep")
        ->type_name("FILE");
    app.add_option("--count", arguments_.count, "Submit so many of them (default 1)")->check(CLI::Range(1, 1'000'000));
    app.add_option("--format", arguments_.format, "table (default: an id on each line) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.add_option("COMMAND", arguments_.words, "What to run, behind --, and its arguments");
    app.add_option("--jobs", arguments_.file,
                   "A file (-: standard input) with a job on each line, as POST /api/v1/jobs/submit takes it: "
                   "{\"command\": [\"date\"], \"cpus\": 2}. May be gzipped")
        ->type_name("FILE");
    app.add_option("--key", arguments_.key,
                   "With --jobs: names this file for a day, in which a repetition adds only what is missing (default: a new "
                   "one)")
        ->type_name("KEY");
    for (const char* name : {"--queue", "--cpus", "--memory", "--gpus", "--tasks", "--priority", "--estimate", "--sleep",
                             "--payload", "--count", "COMMAND"})
      of_one_job_.push_back(app.get_option(name));
    app.footer(
        std::string(
            "Writes jobs into PostgreSQL, and prints their numbers when they are there for good; the leader finds\n"
            "them within a moment:\n"
            "  drydock submit --cpus 2 --estimate 10m -- sh -c 'nproc; date'\n"
            "  drydock submit --jobs jobs.jsonl --key nightly-2026-01-31\n"
            "A file is read once before anything of it is submitted, and then sent in transactions of at most 1000 jobs.\n"
            "Where it is interrupted it says what had been submitted, and the key to go on with. A repetition is compared\n"
            "with that transaction by transaction: it ends where one differs, and those before it stay. Lines behind the\n"
            "last one of before are added where its transaction was full.\n") +
        std::string(kPasswords) + "\nExit code 3: PostgreSQL could not be reached.");
  }

  int run(const Terminal& terminal) override {
    if (!arguments_.file && arguments_.key) return bad_input("submit: --key names a file of jobs: say --jobs FILE");
    for (const CLI::Option* option : of_one_job_) {
      if (arguments_.file && option->count() > 0)
        return bad_input(fmt::format("submit: --jobs FILE says it of each job: leave out {}", option->get_name()));
    }
    for (std::size_t i = 0; i < arguments_.words.size(); ++i) {
      if (is_utf8(arguments_.words[i])) continue;
      return bad_input(fmt::format(
          "submit: word {} of the command, {}, is not UTF-8, as the text of a job is: put such bytes into a file of "
          "the job (\"files\" with \"base64\", --payload FILE)",
          i + 1, scenarios::printable(arguments_.words[i])));
    }
    return run_submit(arguments_, terminal);
  }

 private:
  SubmitArguments arguments_;
  std::vector<CLI::Option*> of_one_job_;
};

}  // namespace

std::unique_ptr<Command> make_submit() { return std::make_unique<Submit>(); }

}  // namespace drydock::cli
