// drydock jobs, drydock job ID, drydock cancel ID...
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"
#include "cli/suggest.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/job_json.hpp"
#include "real-runtime/job_reasons.hpp"
#include "real-runtime/store_queries.hpp"
#endif

namespace drydock::cli {
namespace {

constexpr std::array<const char*, 8> kStates{"any",       "waiting", "running",   "ended",
                                             "succeeded", "failed",  "cancelled", "quarantined"};

struct JobsArguments {
  StoreArguments stores;
  std::string state = "any";
  std::string queue;
  std::optional<std::int64_t> before;
  std::uint32_t limit = 50;
  std::string format = "table";
};

struct OneJobArguments {
  StoreArguments stores;
  std::uint64_t id = 0;
  std::string format = "table";
};

struct CancelArguments {
  StoreArguments stores;
  std::vector<std::uint64_t> ids;
};

constexpr std::uint64_t kMostId = std::numeric_limits<std::int64_t>::max();

#ifdef DRYDOCK_WITH_RUNTIME

using nlohmann::json;
using runtime::JobRow;
using Store = std::unique_ptr<runtime::PostgresClient>;

// Null: `code` says how it ended.
Store open(const StoreArguments& stores, int& code) {
  auto options = postgres_options(stores);
  if (!options) {
    code = bad_input(options.error().message);
    return nullptr;
  }
  options.value().may_install = false;
  auto store = runtime::PostgresClient::connect(options.value());
  if (store) return std::move(store).value();
  code = no_store(store.error().message);
  return nullptr;
}

// Any bytes may be in a payload.
std::string dumped(const json& value) { return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; }

// The status, and what is to become of it.
std::string status_of(const JobRow& job) {
  const bool lives = job.status == runtime::JobStatus::waiting || job.status == runtime::JobStatus::running;
  const std::string_view more = lives && job.cancel_requested ? ", to be cancelled"
                                : job.queue_is_gone           ? ", queue is gone"
                                                              : "";
  return fmt::format("{}{}", to_string(job.status), more);
}

std::string cut(const std::string& text, std::size_t width) {
  std::string one_line = scenarios::printable(text);
  if (one_line.size() > width) one_line = one_line.substr(0, width - 3) + "...";
  return one_line;
}

std::string cores(std::int64_t milli) { return fmt::format("{:g}", static_cast<double>(milli) / 1000); }

Result<std::optional<std::uint32_t>> queue_number(runtime::PostgresClient& store, const JobsArguments& arguments) {
  if (arguments.queue.empty()) return std::optional<std::uint32_t>{};
  const auto queues = runtime::read_queues(store, arguments.stores.schema);
  if (!queues) return queues.error();
  const auto at = std::ranges::find(queues.value(), arguments.queue, &runtime::NamedQueue::name);
  if (at != queues.value().end()) return std::optional(at->number);
  std::vector<std::string_view> views;
  for (const runtime::NamedQueue& queue : queues.value()) views.push_back(queue.name);
  return Error{fmt::format("--queue: there is no queue {}{}; there are: {}", scenarios::printable(arguments.queue),
                           did_you_mean(arguments.queue, views), scenarios::listed(views))};
}

void print_table(const std::vector<JobRow>& jobs, const Terminal& terminal) {
  fmt::print("{:>10}  {:<12}  {:<26}  {:>6}  {:>5}  {:>8}  {:<24}  {}\n", "id", "queue", "status", "cpus", "tasks",
             "attempts", "submitted", "job");
  constexpr std::size_t kBefore = 106;
  const std::size_t width = std::max<std::size_t>(20, terminal.width > kBefore ? terminal.width - kBefore : 0);
  for (const JobRow& job : jobs) {
    fmt::print("{:>10}  {:<12}  {:<26}  {:>6}  {:>5}  {:>8}  {:<24}  {}\n", job.id.value, job.queue, status_of(job),
               cores(job.cpus_milli), job.tasks, job.attempts, job.submitted_at, cut(job.payload, width));
  }
}

int run_jobs(const JobsArguments& arguments, const Terminal& terminal) {
  int code = kDone;
  const Store store = open(arguments.stores, code);
  if (store == nullptr) return code;
  const auto queue = queue_number(*store, arguments);
  if (!queue) return bad_input(queue.error().message);
  const auto state = std::ranges::find(kStates, arguments.state);
  const runtime::JobFilter filter{.state = static_cast<runtime::JobFilter::State>(state - kStates.begin()),
                                  .queue = queue.value(),
                                  .before = arguments.before,
                                  .limit = arguments.limit};
  const auto jobs = runtime::list_jobs(*store, arguments.stores.schema, filter);
  if (!jobs) return no_store(jobs.error().message);
  const bool more = jobs.value().size() == arguments.limit;
  if (arguments.format == "json") {
    json all{{"schema", "drydock-jobs/1"}, {"jobs", json::array()}};
    for (const JobRow& job : jobs.value()) all["jobs"].push_back(to_json(job));
    all["next_before"] = more ? json(jobs.value().back().arrival) : json();
    fmt::print("{}", dumped(all));
    return kDone;
  }
  print_table(jobs.value(), terminal);
  if (more) fmt::print("For older ones: --before {}\n", jobs.value().back().arrival);
  return kDone;
}

// What Redis knows of a job beside the store.
struct FromRedis {
  std::map<std::size_t, runtime::AttemptOutcome> outcomes{};  // of attempts that did not succeed, by place in the list
  std::optional<std::string> why_it_waits{};
};

// Only what is to be known: a Redis that is not there is no error.
FromRedis ask_redis(const StoreArguments& stores, runtime::PostgresClient& store, const JobRow& job,
                    const std::vector<runtime::AttemptRow>& attempts) {
  const auto options = redis_options(stores);
  const bool ended_badly = std::ranges::any_of(attempts, runtime::did_not_succeed);
  const bool waits = job.status == runtime::JobStatus::waiting && !job.queue_is_gone;
  if (!options || !(ended_badly || waits)) return {};
  const auto redis = runtime::RedisClient::connect(options.value());
  if (!redis) {
    fmt::print(stderr, "note: why {} is not known: {}\n", ended_badly ? "attempts failed" : "it waits",
               redis.error().message);
    return {};
  }
  FromRedis known;
  if (ended_badly) known.outcomes = outcomes_in_redis(*redis.value(), job.id, attempts);
  if (waits) {
    const auto workers = runtime::read_capacities(*redis.value());
    const auto leader = runtime::read_leader(store);
    const bool is_led = !leader || leader.value().left > Duration{0};
    if (workers) known.why_it_waits = runtime::why_it_waits(job, workers.value(), is_led);
  }
  return known;
}

int run_job(const OneJobArguments& arguments) {
  int code = kDone;
  const Store store = open(arguments.stores, code);
  if (store == nullptr) return code;
  const auto found = runtime::find_job(*store, arguments.stores.schema, JobId{arguments.id});
  if (!found) return no_store(found.error().message);
  if (!found.value()) return bad_input(fmt::format("there is no job {}", arguments.id));
  const auto& [job, attempts] = *found.value();
  const auto [reasons, why_it_waits] = ask_redis(arguments.stores, *store, job, attempts);
  if (arguments.format == "json") {
    json all = to_json(job);
    all["schema"] = "drydock-job/1";
    all["allocations"] = to_json(attempts);
    if (why_it_waits) all["reason"] = *why_it_waits;
    for (const auto& [place, outcome] : reasons) {
      all["allocations"][place]["reason"] = outcome.reason;
      all["allocations"][place]["ended_as"] = name_of(outcome.kind);
    }
    fmt::print("{}", dumped(all));
    return kDone;
  }
  fmt::print("job {}: {}\n", job.id.value, status_of(job));
  if (job.queue_is_gone) fmt::print("  waits for a scheduler with its queue in the scenario: {}\n", runtime::kQueueIsGone);
  if (why_it_waits) fmt::print("  waits: {}\n", *why_it_waits);
  fmt::print("  queue      {}, priority {}\n", job.queue, job.priority);
  fmt::print("  asks for   {} x {} cpus, {} memory, {} gpus\n", job.tasks, cores(job.cpus_milli),
             scenarios::format_size(job.memory_bytes), job.gpus);
  fmt::print("  submitted  {}\n", job.submitted_at);
  fmt::print("  runs       {}\n", scenarios::printable(job.payload));
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const runtime::AttemptRow& row = attempts[i];
    fmt::print("  attempt {}: {} of its tasks on worker {}, assigned {}, {}\n", row.number, row.tasks, row.worker,
               row.assigned_at,
               row.outcome.empty() ? std::string("not ended") : fmt::format("{} {}", row.outcome, row.ended_at));
    if (const auto why = reasons.find(i); why != reasons.end() && !why->second.reason.empty()) {
      fmt::print("    {}\n", scenarios::printable(why->second.reason, 500));
    }
  }
  return kDone;
}

int run_cancel(const CancelArguments& arguments) {
  int code = kDone;
  const Store store = open(arguments.stores, code);
  if (store == nullptr) return code;
  for (const std::uint64_t id : arguments.ids) {
    const auto found = runtime::find_job(*store, arguments.stores.schema, JobId{id});
    if (!found) return no_store(found.error().message);
    if (!found.value()) return bad_input(fmt::format("there is no job {}; nothing was cancelled", id));
  }
  for (const std::uint64_t id : arguments.ids) {
    const auto reply = store->execute(postgres::RequestCancel{JobId{id}});
    const auto* verdict = std::get_if<postgres::Verdict>(&reply);
    if (verdict == nullptr) return no_store(to_text(reply));
    using Outcome = postgres::Verdict::Outcome;
    if (verdict->outcome == Outcome::unknown_job) {  // removed since it was looked for
      code = bad_input(fmt::format("there is no job {} any more", id));
    } else if (verdict->outcome == Outcome::job_ended) {
      fmt::print("{}: has ended\n", id);
    } else {
      fmt::print("{}: will be cancelled\n", id);
    }
  }
  return code;
}

#else

int run_jobs(const JobsArguments& /*arguments*/, const Terminal& /*terminal*/) { return bad_input(kNoRuntime); }
int run_job(const OneJobArguments& /*arguments*/) { return bad_input(kNoRuntime); }
int run_cancel(const CancelArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

void declare_format(CLI::App& app, std::string& format) {
  app.add_option("--format", format, "table (default) or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}));
}

class Jobs final : public Command {
 public:
  void declare(CLI::App& app) override {
    declare_postgres(app, arguments_.stores);
    app.add_option("--state", arguments_.state,
                   "any (default), waiting, running, ended, succeeded, failed, cancelled, quarantined")
        ->check(CLI::IsMember(std::vector<std::string>(kStates.begin(), kStates.end())));
    app.add_option("--queue", arguments_.queue, "Only of this queue")->type_name("NAME");
    app.add_option("--limit", arguments_.limit, "At most so many (default 50)")->check(CLI::Range(1, 100'000));
    app.add_option("--before", arguments_.before, "Only jobs that arrived before this one: the next page")
        ->type_name("ARRIVAL")
        ->check(CLI::NonNegativeNumber);
    declare_format(app, arguments_.format);
    app.footer("The newest jobs first, as PostgreSQL has them.\nExit code 3: PostgreSQL could not be reached.");
  }
  int run(const Terminal& terminal) override { return run_jobs(arguments_, terminal); }

 private:
  JobsArguments arguments_;
};

class OneJob final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("ID", arguments_.id, "Number of the job, as `drydock submit` printed it")
        ->required()
        ->check(CLI::Range(std::uint64_t{0}, kMostId));
    declare_postgres(app, arguments_.stores);
    declare_redis(app, arguments_.stores);
    declare_format(app, arguments_.format);
    app.footer(
        "Why an attempt failed (exit status, signal, limit) is shown where Redis is told (--redis or DRYDOCK_REDIS): its "
        "worker\n"
        "keeps that there for 24 hours (--keep-output of the worker), and in result.json of the attempt's folder for a "
        "week.\n"
        "`drydock logs ID` shows what it printed.\n"
        "Exit code 2: there is no such job; 3: PostgreSQL could not be reached.");
  }
  int run(const Terminal& /*terminal*/) override { return run_job(arguments_); }

 private:
  OneJobArguments arguments_;
};

class Cancel final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("ID", arguments_.ids, "Numbers of jobs")->required()->check(CLI::Range(std::uint64_t{0}, kMostId));
    declare_postgres(app, arguments_.stores);
    app.footer(
        "Writes down that these jobs are to end; whoever leads sees to it: one that waits ends at once, one that runs is\n"
        "stopped. Where there is no job of one of the numbers, none is cancelled.\nExit code 2: there is no such job; 3: "
        "PostgreSQL could not be reached.");
  }
  int run(const Terminal& /*terminal*/) override { return run_cancel(arguments_); }

 private:
  CancelArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_jobs() { return std::make_unique<Jobs>(); }
std::unique_ptr<Command> make_job() { return std::make_unique<OneJob>(); }
std::unique_ptr<Command> make_cancel() { return std::make_unique<Cancel>(); }

}  // namespace drydock::cli
