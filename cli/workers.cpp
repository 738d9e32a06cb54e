// drydock workers
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#ifdef DRYDOCK_WITH_RUNTIME
#include "cli/worker_table.hpp"
#include "real-runtime/cluster_json.hpp"
#endif

namespace drydock::cli {
namespace {

struct WorkersArguments {
  StoreArguments stores;
  RealScenarioOptions choice;
  std::string format = "table";
};

#ifdef DRYDOCK_WITH_RUNTIME

void print_workers_json(const runtime::ClusterView& view, const std::vector<std::string>& pools) {
  using nlohmann::json;
  json all{{"schema", "drydock-workers/1"},
           {"workers", json::array()},
           {"unreadable", view.unreadable},
           {"orphans", json::array()}};
  for (const runtime::SeenWorker& worker : view.workers) all["workers"].push_back(to_json(worker, pools));
  for (const runtime::HeldByWorker& row : view.orphans) {
    all["orphans"].push_back({{"worker", row.worker}, {"allocations", row.allocations}});
  }
  fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
}

void print_workers(const runtime::ClusterView& view, const std::vector<std::string>& pools) {
  fmt::print("{}", worker_table(view.workers, pools));
  if (view.workers.empty()) fmt::print("There is no worker: `drydock worker` starts one.\n");
  for (const runtime::HeldByWorker& row : view.orphans) {
    fmt::print(
        "Worker {} holds {} allocation{} and is not in the registry: it is taken for dead when its lease has ended.\n",
        row.worker, row.allocations, row.allocations == 1 ? "" : "s");
  }
  if (view.unreadable > 0) {
    fmt::print("{} keys of the registry (worker:*) are none of this version's workers.\n", view.unreadable);
  }
}

int run_workers(const WorkersArguments& arguments) {
  const auto pools = pool_names(arguments.choice);
  if (!pools) return bad_input(pools.error().message);
  const auto redis = redis_options(arguments.stores);
  if (!redis) return bad_input(redis.error().message);
  const auto postgres = postgres_options(arguments.stores);
  if (!postgres) return bad_input(postgres.error().message);
  runtime::ApiStores stores({.redis = redis.value(), .postgres = postgres.value(), .connections = 1});
  int code = kDone;
  auto view = runtime::read_cluster(stores);
  if (!view) {
    // Who lives is known without PostgreSQL.
    code = no_store(view.error().message);
    view = stores.with_redis([](runtime::RedisClient& client) { return runtime::read_registry(client); });
    if (!view) return code;
  }
  if (arguments.format == "json") print_workers_json(view.value(), pools.value());
  else print_workers(view.value(), pools.value());
  return code;
}

#else

int run_workers(const WorkersArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

class Workers final : public Command {
 public:
  void declare(CLI::App& app) override {
    declare_redis(app, arguments_.stores);
    declare_postgres(app, arguments_.stores);
    declare_pool_names(app, arguments_.choice);
    app.add_option("--format", arguments_.format, "table (default) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.footer(
        std::string(
            "The workers that the registry in Redis knows, which are those that live: what each has, how much of it\n"
            "PostgreSQL has allocated, whether it is ready or draining (about to leave), and the time since its last beat.\n"
            "json is {\"schema\": \"drydock-workers/1\", \"workers\": [...]}, with workers as GET /api/v1/workers has "
            "them.\n") +
        std::string(kPasswords) +
        "\nExit code 3: a store could not be reached; without PostgreSQL the workers are listed all the same, without what\n"
        "is allocated.");
  }
  int run(const Terminal& /*terminal*/) override { return run_workers(arguments_); }

 private:
  WorkersArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_workers() { return std::make_unique<Workers>(); }

}  // namespace drydock::cli
