// drydock submit
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"
#include "cli/suggest.hpp"
#include "scenarios/line_reader.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/job_payload.hpp"
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
};

#ifdef DRYDOCK_WITH_RUNTIME

constexpr Duration kEstimate = std::chrono::minutes{1};
constexpr std::uint32_t kMostAtOnce = 1000;

// A file that says more than a command line can.
Result<runtime::JobPayload> payload_of(const std::string& file) {
  constexpr std::size_t kMostBytes = std::size_t{16} << 20U;
  const auto text = scenarios::read_file(file, kMostBytes);
  if (!text) return Error{"--payload: " + text.error().message};
  auto payload = runtime::parse_payload(text.value());
  if (!payload) return Error{fmt::format("{}: {}", file, payload.error().message)};
  return payload;
}

Result<postgres::Job> job_of(const SubmitArguments& arguments) {
  postgres::Job job;
  std::optional<Duration> estimate;
  if (arguments.sleep) {
    const auto work = scenarios::parse_duration(*arguments.sleep);
    if (!work) return Error{"--sleep: " + work.error().message};
    job.payload = to_json(runtime::JobPayload{runtime::SleepPayload{.work = work.value()}});
    estimate = work.value();
  } else if (arguments.payload) {
    const auto payload = payload_of(*arguments.payload);
    if (!payload) return payload.error();
    job.payload = to_json(payload.value());
  } else {
    runtime::CommandPayload command;
    command.words = arguments.words;
    job.payload = to_json(runtime::JobPayload{command});
  }
  if (arguments.estimate) {
    const auto given = scenarios::parse_duration(*arguments.estimate);
    if (!given) return Error{"--estimate: " + given.error().message};
    if (given.value() <= Duration{0}) return Error{"--estimate: must be more than 0"};
    estimate = given.value();
  }
  const auto memory = scenarios::parse_size(arguments.memory);
  if (!memory) return Error{"--memory: " + memory.error().message};
  job.spec.priority = arguments.priority;
  job.spec.tasks = arguments.tasks;
  job.spec.estimate = std::max(Duration{1}, estimate.value_or(kEstimate));
  job.spec.per_task = make_resources({.cpus_milli = std::llround(arguments.cpus * 1000),
                                      .memory_bytes = memory.value(),
                                      .gpus = arguments.gpus,
                                      .slots = 1});
  return job;
}

Result<QueueId> queue_of(const std::string& name, const std::vector<std::string>& names) {
  if (names.empty()) return Error{"no scheduler has said yet which queues there are: start one first"};
  if (name.empty()) return QueueId{0};
  const auto at = std::ranges::find(names, name);
  if (at != names.end()) return QueueId{static_cast<std::uint32_t>(at - names.begin())};
  const std::vector<std::string_view> views(names.begin(), names.end());
  return Error{fmt::format("--queue: there is no queue {}{}; there are: {}", scenarios::printable(name),
                           did_you_mean(name, views), scenarios::listed(views))};
}

// Jobs that were said to be submitted are in the store. A repetition adds nothing, since their ids are theirs.
Result<postgres::Done> submit(runtime::PostgresClient& store, const postgres::Job& job, std::uint64_t first,
                              std::uint32_t count) {
  std::vector<postgres::Job> jobs(count, job);
  for (std::uint32_t i = 0; i < count; ++i) jobs[i].spec.id = JobId{first + i};
  const postgres::Op op = postgres::SubmitJobs{std::move(jobs)};
  auto reply = store.execute(op);
  if (std::holds_alternative<postgres::Failed>(reply) && store.reconnect()) reply = store.execute(op);
  if (std::holds_alternative<postgres::Submitted>(reply)) return postgres::Done{};
  return Error{
      fmt::format("it is not certain whether jobs {} to {} were accepted: {}", first, first + count - 1, to_text(reply))};
}

int run_submit(const SubmitArguments& arguments) {
  const int said = int{!arguments.words.empty()} + int{arguments.sleep.has_value()} + int{arguments.payload.has_value()};
  if (said != 1) {
    return bad_input(fmt::format("submit: {}: one of -- COMMAND ARGUMENTS..., --payload FILE and --sleep DURATION",
                                 said == 0 ? "what shall run? Say" : "several things to run; say"));
  }
  auto job = job_of(arguments);
  if (!job) return bad_input(job.error().message);
  auto options = postgres_options(arguments.stores);
  if (!options) return bad_input(options.error().message);
  options.value().may_install = false;
  const auto store = runtime::PostgresClient::connect(options.value());
  if (!store) return no_store(store.error().message);
  const auto queues = runtime::read_queues(*store.value(), arguments.stores.schema);
  if (!queues) return no_store(queues.error().message);
  const auto queue = queue_of(arguments.queue, queues.value());
  if (!queue) return bad_input(queue.error().message);
  job.value().spec.queue = queue.value();

  const auto reserved = store.value()->execute(postgres::ReserveIds{arguments.count});
  const auto* first = std::get_if<postgres::Count>(&reserved);
  if (first == nullptr) return no_store(to_text(reserved));
  nlohmann::json ids = nlohmann::json::array();
  for (std::uint32_t done = 0; done < arguments.count;) {
    const std::uint32_t some = std::min(kMostAtOnce, arguments.count - done);
    const std::uint64_t from = static_cast<std::uint64_t>(first->value) + done;
    if (const auto submitted = submit(*store.value(), job.value(), from, some); !submitted) {
      return no_store(submitted.error().message);
    }
    for (std::uint64_t id = from; id < from + some; ++id) {
      if (arguments.format == "json") ids.push_back(id);
      else fmt::print("{}\n", id);
    }
    done += some;
  }
  if (arguments.format == "json") {
    fmt::print("{}\n", nlohmann::json{{"schema", "drydock-submitted/1"}, {"jobs", std::move(ids)}}.dump());
  }
  return kDone;
}

#else

int run_submit(const SubmitArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

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
    app.add_option("--priority", arguments_.priority, "Higher goes first within its queue (default 0)");
    app.add_option("--estimate", arguments_.estimate, "How long it will run at most, for the policies (default 1m)")
        ->type_name("DURATION");
    app.add_option("--sleep", arguments_.sleep, "Sleep so long instead of running a command")->type_name("DURATION");
    app.add_option("--payload", arguments_.payload,
                   "A file with what to run as JSON: a command, script or container, with files, environment, limits")
        ->type_name("FILE");
    app.add_option("--count", arguments_.count, "Submit so many of them (default 1)")->check(CLI::Range(1, 1'000'000));
    app.add_option("--format", arguments_.format, "table (default: an id on each line) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.add_option("COMMAND", arguments_.words, "What to run, behind --, and its arguments");
    app.footer(
        std::string("Writes jobs into PostgreSQL, and prints their numbers when they are there for good; the leader finds\n"
                    "them within a moment:\n"
                    "  drydock submit --cpus 2 --estimate 10m -- sh -c 'nproc; date'\n") +
        std::string(kPasswords) + "\nExit code 3: PostgreSQL could not be reached.");
  }

  int run(const Terminal& /*terminal*/) override { return run_submit(arguments_); }

 private:
  SubmitArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_submit() { return std::make_unique<Submit>(); }

}  // namespace drydock::cli
