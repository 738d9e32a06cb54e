// drydock status
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <thread>
#include <vector>

#ifdef DRYDOCK_WITH_RUNTIME
#include "cli/columns.hpp"
#include "cli/worker_table.hpp"
#include "real-runtime/status_view.hpp"
#endif

namespace drydock::cli {
namespace {

struct StatusArguments {
  StoreArguments stores;
  RealScenarioOptions choice;
  bool once = false;
  std::string format = "table";
};

#ifdef DRYDOCK_WITH_RUNTIME

using runtime::StatusView;

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string core_text(std::int64_t milli) {
  return milli >= kUnlimited ? std::string("any") : fmt::format("{:g}", static_cast<double>(milli) / 1000);
}

std::string rate_text(double per_s, bool complete) { return fmt::format("{}{:.1f}/s", complete ? "" : ">= ", per_s); }

// The name that --name gave it; behind that stands which of its processes it is.
std::string leader_name(const StatusView& view) {
  return scenarios::printable(view.leader.holder.substr(0, view.leader.holder.find(' ')));
}

std::string leader_text(const StatusView& view) {
  if (view.leader.left <= Duration{0}) return "no scheduler leads: jobs wait";
  return fmt::format("{} leads, epoch {}, lease {:.1f} s", leader_name(view), view.leader.epoch, seconds(view.leader.left));
}

std::string shadow_line(const StatusView& view) {
  return view.shadow ? fmt::format("shadow  {}\n", scenarios::printable(summary_of(*view.shadow), 1'000)) : "";
}

std::string queue_table(const StatusView& view) {
  std::vector<std::vector<std::string>> rows{{"queue", "waiting", "running"}};
  bool all_served = true;
  for (const runtime::QueueCount& queue : view.tally.queues) {
    rows.push_back({scenarios::printable(queue.name, 40) + (queue.is_served ? "" : " *"), std::to_string(queue.waiting),
                    std::to_string(queue.running)});
    all_served = all_served && queue.is_served;
  }
  if (view.tally.queues.empty()) return {};
  return in_columns(rows, "lrr") + (all_served ? "" : fmt::format("* {}: jobs wait\n", runtime::kQueueIsGone));
}

// Those with the most jobs first: a screen has no room for thousands.
std::string busiest_workers(const StatusView& view, const std::vector<std::string>& pools) {
  constexpr std::size_t kMostShown = 20;
  std::vector<runtime::SeenWorker> workers = view.cluster.workers;
  if (workers.empty()) return "There is no worker.\n";
  if (workers.size() <= kMostShown) return worker_table(workers, pools);
  std::ranges::stable_sort(workers, std::ranges::greater{},
                           [](const runtime::SeenWorker& worker) { return worker.held ? worker.held->allocations : 0; });
  return worker_table(std::span(workers).first(kMostShown), pools) +
         fmt::format("and {} more: `drydock workers`\n", workers.size() - kMostShown);
}

std::string whole_view(const StatusView& view, const std::vector<std::string>& pools) {
  const std::string oldest =
      view.oldest ? fmt::format("; the oldest that waits is {}, for {:.1f} s", view.oldest->job.value, view.oldest->age_s)
                  : "";
  return fmt::format("{}  {}\n", utc_now(), leader_text(view)) +
         fmt::format("cpus  {} of {} allocated, {} by the counter\n", core_text(view.cluster.truth.cpus),
                     core_text(view.cluster.capacity().cpus()),
                     view.cluster.counter_cpus_milli ? core_text(*view.cluster.counter_cpus_milli) : "not known") +
         fmt::format("jobs  {}{} wait, {} run; {} completed, {} failed attempts in the last {} s{}\n",
                     view.tally.complete ? "" : "of the newest: ", view.waiting(), view.running(),
                     rate_text(view.rates.completed_per_s, view.rates.complete),
                     rate_text(view.rates.failed_per_s, view.rates.complete), StatusView::kRateSeconds, oldest) +
         shadow_line(view) + "\n" + queue_table(view) + "\n" + busiest_workers(view, pools);
}

// For a file or a pipe: one line a second that tools can read too.
std::string one_line(const StatusView& view) {
  return fmt::format(
      "{} leader={} epoch={} workers={} draining={} cpus={}/{} waiting={} running={} completed_per_s={:.1f} "
      "failed_per_s={:.1f} "
      "oldest_waiting_s={}{}\n",
      utc_now(), view.leader.left > Duration{0} ? leader_name(view) : "-", view.leader.epoch, view.cluster.workers.size(),
      view.cluster.draining(), core_text(view.cluster.truth.cpus), core_text(view.cluster.capacity().cpus()), view.waiting(),
      view.running(), view.rates.completed_per_s, view.rates.failed_per_s,
      view.oldest ? fmt::format("{:.1f}", view.oldest->age_s) : "-",
      view.shadow ? fmt::format(" shadow={} shadow_equal={} shadow_different={}",
                                scenarios::printable(view.shadow->name, 100), view.shadow->equal, view.shadow->different)
                  : "");
}

std::string status_text(const StatusArguments& arguments, const Result<StatusView>& view,
                        const std::vector<std::string>& pools, bool live) {
  if (arguments.format == "json") {
    if (!view)
      return nlohmann::json{{"schema", "drydock-status/1"}, {"error", view.error().message}}.dump(
                 -1, ' ', false, nlohmann::json::error_handler_t::replace) +
             "\n";
    return to_json(view.value(), pools).dump(arguments.once ? 2 : -1, ' ', false, nlohmann::json::error_handler_t::replace) +
           "\n";
  }
  if (!view) return fmt::format("{}  {}\n", utc_now(), view.error().message);
  return arguments.once || live ? whole_view(view.value(), pools) : one_line(view.value());
}

int run_status(const StatusArguments& arguments, const Terminal& terminal) {
  const auto pools = pool_names(arguments.choice);
  if (!pools) return bad_input(pools.error().message);
  const auto redis = redis_options(arguments.stores);
  if (!redis) return bad_input(redis.error().message);
  const auto postgres = postgres_options(arguments.stores);
  if (!postgres) return bad_input(postgres.error().message);
  runtime::ApiStores stores({.redis = redis.value(), .postgres = postgres.value(), .connections = 1});
  const bool live = terminal.out_is_terminal && !arguments.once && arguments.format != "json";
  constexpr const char* kClear = "\x1b[H\x1b[2J\x1b[3J";
  for (bool first = true;; first = false) {
    const auto view = read_status(stores);
    if (!view && first) return no_store(view.error().message);
    fmt::print("{}{}", live ? kClear : "", status_text(arguments, view, pools.value(), live));
    if (std::fflush(stdout) != 0) return kBadInput;  // nobody reads it any more
    if (arguments.once) return kDone;
    std::this_thread::sleep_for(std::chrono::seconds{1});
  }
}

#else

int run_status(const StatusArguments& /*arguments*/, const Terminal& /*terminal*/) { return bad_input(kNoRuntime); }

#endif

class Status final : public Command {
 public:
  void declare(CLI::App& app) override {
    declare_redis(app, arguments_.stores);
    declare_postgres(app, arguments_.stores);
    declare_pool_names(app, arguments_.choice);
    app.add_flag("--once", arguments_.once, "Show it once");
    app.add_option("--format", arguments_.format, "table (default) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.footer(
        std::string("Who leads, what is allocated, the queues, how fast jobs end, the job that waits longest, and "
                    "the workers with the\n"
                    "most jobs; and where the leader has a shadow (`drydock scheduler --shadow`), how often it would "
                    "decide otherwise. On a terminal it is drawn anew each second until Ctrl-C; elsewhere it is a line each "
                    "second, and with\n"
                    "--format json an object on each line, {\"schema\": \"drydock-status/1\", ...}. While a store is "
                    "away it says so (\"error\") and\n"
                    "goes on. Rates are of the last 10 s, by the attempts of the 20 000 newest jobs: \">=\" where "
                    "that is not all.\n") +
        std::string(kPasswords) + "\nExit code 3: a store could not be reached at the start.");
  }
  int run(const Terminal& terminal) override { return run_status(arguments_, terminal); }

 private:
  StatusArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_status() { return std::make_unique<Status>(); }

}  // namespace drydock::cli
