// drydock drain WORKER...
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"
#include "scenarios/units.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/cluster_view.hpp"
#include "real-runtime/drain_request.hpp"
#endif

namespace drydock::cli {
namespace {

struct DrainArguments {
  StoreArguments stores;
  std::vector<std::uint32_t> workers;
  bool wait = false;
  std::string timeout = "0";
};

#ifdef DRYDOCK_WITH_RUNTIME

using SteadyClock = std::chrono::steady_clock;

// A worker that was asked to end, and what was last seen of it.
struct Leaving {
  WorkerId worker;
  std::uint32_t incarnation = 0;
  SteadyClock::time_point seen_at{};
  std::optional<Duration> ttl{};
};

std::string known_workers(const runtime::ClusterView& view) {
  if (view.workers.empty()) return "it knows none";
  constexpr std::size_t kMostNamed = 20;
  std::vector<std::uint32_t> ids;
  for (const auto& worker : view.workers) ids.push_back(worker.entry.worker.value);
  const std::size_t named = std::min(ids.size(), kMostNamed);
  const std::string rest = ids.size() > named ? fmt::format(" and {} more (`drydock workers`)", ids.size() - named) : "";
  return fmt::format("there are {}{}", fmt::join(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(named), ", "), rest);
}

// All of them, or none where one is not there.
Result<std::vector<const runtime::SeenWorker*>> workers_to_drain(const std::vector<std::uint32_t>& ids,
                                                                 const runtime::ClusterView& view) {
  std::vector<const runtime::SeenWorker*> found;
  for (const std::uint32_t id : ids) {
    const runtime::SeenWorker* worker = view.find(WorkerId{id});
    if (worker == nullptr) {
      return Error{fmt::format("the registry knows no worker {}: {}; nobody was asked to end", id, known_workers(view))};
    }
    if (std::ranges::find(found, worker) == found.end()) found.push_back(worker);
  }
  return found;
}

// Whether it is gone; says how. Its key goes with it, or else when nothing was heard of it for its whole lease.
bool has_left(const Leaving& leaving, const runtime::ClusterView& view, runtime::RedisClient& redis, bool& well) {
  const runtime::SeenWorker* now = view.find(leaving.worker);
  if (now != nullptr && now->entry.incarnation == leaving.incarnation) return false;
  const auto unseen = std::chrono::duration_cast<Duration>(SteadyClock::now() - leaving.seen_at);
  const Result<bool> stands =
      now == nullptr ? false : runtime::drain_request_stands(redis, leaving.worker, leaving.incarnation);
  if (now == nullptr && leaving.ttl && unseen >= *leaving.ttl) {
    fmt::print("{}: its key has expired: it was killed, or lost Redis, before it had ended by itself\n",
               leaving.worker.value);
    well = false;
  } else if (now != nullptr && stands && stands.value()) {
    fmt::print("{}: it was killed, or lost Redis, before it had ended by itself; another process of that worker has come\n",
               leaving.worker.value);
    well = false;
  } else if (now != nullptr) {
    fmt::print("{}: has left; another process of that worker has come (incarnation {})\n", leaving.worker.value,
               now->entry.incarnation);
  } else {
    fmt::print("{}: has left\n", leaving.worker.value);
  }
  (void)std::fflush(stdout);
  return true;
}

int wait_until_left(runtime::RedisClient& redis, std::vector<Leaving> leaving, Duration timeout) {
  constexpr std::chrono::milliseconds kPause{200};
  const auto started = SteadyClock::now();
  bool well = true;
  while (!leaving.empty()) {
    std::this_thread::sleep_for(kPause);
    const auto view = runtime::read_registry(redis);
    if (!view) return no_store(view.error().message);
    std::erase_if(leaving, [&](const Leaving& one) { return has_left(one, view.value(), redis, well); });
    for (Leaving& one : leaving) {
      one.seen_at = SteadyClock::now();
      one.ttl = view.value().find(one.worker)->ttl;
    }
    if (leaving.empty() || timeout == Duration{0} || SteadyClock::now() - started < timeout) continue;
    for (const Leaving& one : leaving) {
      const bool drains = view.value().find(one.worker)->entry.draining;
      fmt::print(
          "{}: {}\n", one.worker.value,
          drains ? "still finishes what it runs" : "does not say that it drains: is it stuck, or of an older version?");
    }
    return kCheckFailed;
  }
  return well ? kDone : kCheckFailed;
}

int run_drain(const DrainArguments& arguments) {
  const auto timeout = scenarios::parse_duration(arguments.timeout);
  if (!timeout) return bad_input("--timeout: " + timeout.error().message);
  const auto options = redis_options(arguments.stores);
  if (!options) return bad_input(options.error().message);
  const auto redis = runtime::RedisClient::connect(options.value());
  if (!redis) return no_store(redis.error().message);
  const auto view = runtime::read_registry(*redis.value());
  if (!view) return no_store(view.error().message);
  const auto workers = workers_to_drain(arguments.workers, view.value());
  if (!workers) return bad_input(workers.error().message);
  std::vector<Leaving> leaving;
  for (const runtime::SeenWorker* worker : workers.value()) {
    const WorkerId id = worker->entry.worker;
    leaving.push_back({id, worker->entry.incarnation, SteadyClock::now(), worker->ttl});
    if (worker->entry.draining) {
      fmt::print("{}: drains already\n", id.value);
      continue;
    }
    const auto asked = runtime::ask_to_drain(*redis.value(), id, worker->entry.incarnation);
    if (!asked) return no_store(asked.error().message);
    fmt::print("{}: asked to end\n", id.value);
  }
  (void)std::fflush(stdout);
  return arguments.wait ? wait_until_left(*redis.value(), std::move(leaving), timeout.value()) : kDone;
}

#else

int run_drain(const DrainArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

class Drain final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("WORKER", arguments_.workers, "Numbers of workers, as `drydock workers` lists them")
        ->required()
        ->check(CLI::NonNegativeNumber);
    declare_redis(app, arguments_.stores);
    CLI::Option* wait = app.add_flag("--wait", arguments_.wait, "Wait until they have left");
    app.add_option("--timeout", arguments_.timeout, "With --wait: give up after that long (default 0: never)")
        ->needs(wait)
        ->type_name("DURATION");
    app.footer(
        std::string("Asks workers to end, as SIGTERM does on their machine: each says so in the registry, takes nothing "
                    "more, finishes\n"
                    "what it runs, hands back what it has not begun, and leaves. Nothing is lost or counted as a failure.\n"
                    "The request is for the process that runs now: one that is started later under that number, also by a "
                    "supervisor\n"
                    "that starts it again when it has ended, is not asked. It lapses after an hour. Where one of the "
                    "numbers is not in\n"
                    "the registry, nobody is asked.\n"
                    "  drydock drain 0 1 --wait && echo both have left\n") +
        std::string(kPasswords) +
        "\nExit code 1: with --wait, one has died instead, or the time was over; 2: there is no such worker; 3: Redis "
        "could\n"
        "not be reached.");
  }
  int run(const Terminal& /*terminal*/) override { return run_drain(arguments_); }

 private:
  DrainArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_drain() { return std::make_unique<Drain>(); }

}  // namespace drydock::cli
