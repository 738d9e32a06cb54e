// drydock limiter
#include "cli/command.hpp"
#include "cli/real_scenario.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/share_setup.hpp"
#include "cli/stores.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

#ifdef DRYDOCK_WITH_RUNTIME
#include "scenarios/units.hpp"
#include "sim/platform.hpp"

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#endif

namespace drydock::cli {
namespace {

struct LimiterArguments {
  RealScenarioOptions choice;
  StoreArguments stores;
  std::string listen = "127.0.0.1:8090";
  std::string mode = "600";
  std::uint32_t worker = 0;
  std::optional<std::int64_t> workers;
  std::optional<std::uint32_t> incarnation;
  // Instead of a scenario.
  std::optional<std::int64_t> concurrency;
  std::optional<std::int64_t> requests;
  std::optional<std::int64_t> tokens;
  std::optional<std::string> burst;
  std::optional<std::string> policy;
#ifdef DRYDOCK_WITH_RUNTIME
  ShareArguments shares;
#endif
};

#ifdef DRYDOCK_WITH_RUNTIME

Result<runtime::LimiterServer::Place> place_of_limiter(const LimiterArguments& arguments) {
  auto place = limiter_place(arguments.listen);
  if (!place) return Error{fmt::format("--listen {}: {}", arguments.listen, place.error().message)};
  unsigned mode = 0;
  const std::string& digits = arguments.mode;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
  if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size() || digits.empty() || mode > 0777) {
    return Error{fmt::format("--socket-mode {}: expected octal digits, such as 660", digits)};
  }
  place.value().mode = mode;
  return place;
}

// Rises from one process to the next, if they begin at least a second apart.
std::uint32_t limiter_incarnation(const LimiterArguments& arguments) {
  if (arguments.incarnation) return *arguments.incarnation;
  constexpr std::chrono::seconds kOrigin{1'735'689'600};
  const auto clock = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return static_cast<std::uint32_t>(std::max(std::int64_t{1}, std::int64_t{(clock - kOrigin).count()}));
}

// The base share follows the number of workers where the scenario does not say it.
scenarios::ServiceLimits limits_for(const scenarios::Scenario& scenario, std::int64_t workers) {
  scenarios::ServiceLimits limits = *scenario.limits;
  const std::int64_t before = scenarios::requesting_workers(scenario);
  for (const auto part : kShareParts) {
    const auto nth = [&](std::int64_t n) { return std::max<std::int64_t>(1, limits.shares.total.*part / n); };
    if (limits.shares.base.*part == nth(before)) limits.shares.base.*part = nth(workers);
  }
  return limits;
}

// Of the scenario's worker of this number, or of one more like those that share the limits.
Result<std::int64_t> weight_of(const scenarios::Scenario& scenario, std::uint32_t worker, std::int64_t sharing) {
  const sim::Platform platform(scenario);
  const auto workers = platform.workers();
  const auto numbers = std::max(static_cast<std::int64_t>(workers.size()), sharing);
  if (worker < workers.size()) return scenario.limits->weights[index(workers[worker].spec.pool)];
  if (worker < numbers) return std::int64_t{1};
  return Error{fmt::format("--worker {}: the workers have the numbers 0 to {}; say one of these, or more with --workers",
                           worker, numbers - 1)};
}

// Where no scenario is named: the built-in one with these limits, this policy, and so many workers.
Result<RealScenarioOptions> choice_of(const LimiterArguments& arguments) {
  const bool has_limits = arguments.concurrency || arguments.requests || arguments.tokens;
  const bool has_any = has_limits || arguments.burst || arguments.policy;
  if (!arguments.choice.scenario.empty()) {
    if (!has_any) return arguments.choice;
    return Error{"--config has limits and policy: say --set /limits/concurrency=40 and the like to change them"};
  }
  if (!has_limits || !arguments.workers) {
    return Error{
        "what is shared, and by how many? Say --config SCENARIO, or --workers N with one or more of --concurrency, "
        "--requests-per-minute and --tokens-per-minute"};
  }
  nlohmann::json limits{{"enforced", arguments.policy && arguments.policy->find("aimd") != std::string::npos}};
  if (arguments.concurrency) limits["concurrency"] = *arguments.concurrency;
  if (arguments.requests) limits["requests_per_minute"] = *arguments.requests;
  if (arguments.tokens) limits["tokens_per_minute"] = *arguments.tokens;
  if (arguments.burst) limits["burst"] = *arguments.burst;
  RealScenarioOptions choice{.scenario = "dynamic-share", .variant = "high-load", .sets = {}};
  choice.sets = {"/limits=" + limits.dump(), "/workload/0/requests/tokens=0",
                 fmt::format("/cluster/hosts/0/count={}", *arguments.workers)};
  if (arguments.policy) choice.sets.push_back("/policies/share=" + *arguments.policy);
  choice.sets.insert(choice.sets.end(), arguments.choice.sets.begin(), arguments.choice.sets.end());
  return choice;
}

int run_limiter(const LimiterArguments& arguments) {
  const auto choice = choice_of(arguments);
  if (!choice) return bad_input(choice.error().message);
  const auto scenario = share_scenario(choice.value());
  if (!scenario) return bad_input(scenario.error().message);
  if (!scenario.value().limits) {
    return bad_input(
        fmt::format("{}: there is nothing to share: it has no \"limits\", such as \"limits\": {{\"concurrency\": 40, "
                    "\"requests_per_minute\": 800, \"tokens_per_minute\": 40000}}; `drydock scenarios dynamic-share` prints "
                    "one that has",
                    choice.value().scenario));
  }
  const auto place = place_of_limiter(arguments);
  if (!place) return bad_input(place.error().message);
  const std::int64_t workers = arguments.workers.value_or(scenarios::requesting_workers(scenario.value()));
  const scenarios::ServiceLimits limits = limits_for(scenario.value(), workers);
  const auto weight = weight_of(scenario.value(), arguments.worker, workers);
  if (!weight) return bad_input(weight.error().message);
  ShareSetup setup{.worker = WorkerId{arguments.worker},
                   .incarnation = limiter_incarnation(arguments),
                   .weight = weight.value(),
                   .workers = workers,
                   .seed = scenario.value().seed};
  if (arguments.shares.state.empty() && limits.policy.type != "aimd") {
    const auto redis = redis_options(arguments.stores);
    if (!redis) return bad_input(redis.error().message + "; or --share-state FILE, for workers of one machine");
    setup.redis = redis.value();
    const auto client = runtime::RedisClient::connect(redis.value());
    if (!client) return no_store(client.error().message);
  }
  runtime::EventLoop loop;
  Shares shares(loop, limits, setup, arguments.shares);
  if (const auto wrong = shares.server().listen(place.value())) return bad_input(wrong->message);
  const std::string where = place.value().unix_socket.empty()
                                ? fmt::format("http://{}:{}", place.value().host, shares.server().port())
                                : place.value().unix_socket.string();
  fmt::print(stderr, "{}\nlistening on {}\n", introduced(limits, setup, arguments.shares), where);
  shares.driver().on_share_change([&](const runtime::ShareChange& change) {
    fmt::print(stderr, "worker {}: the share is now {}\n", change.worker.value, in_words(change.to, limits.shares.total));
  });
  const runtime::EventLoop::Signal terminate(loop, SIGTERM, [&] { loop.stop(); });
  const runtime::EventLoop::Signal interrupt(loop, SIGINT, [&] { loop.stop(); });
  loop.run();
  return kDone;
}

#else

int run_limiter(const LimiterArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

class LimiterCommand final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("--config", arguments_.choice.scenario, "A scenario with \"limits\" and \"policies\"/\"share\"")
        ->type_name("SCENARIO");
    constexpr std::int64_t kMost = 1'000'000'000'000;
    app.add_option("--concurrency", arguments_.concurrency,
                   "Instead of --config: requests at a time, of all workers together")
        ->check(CLI::Range(std::int64_t{1}, kMost))
        ->type_name("N");
    app.add_option("--requests-per-minute", arguments_.requests, "Likewise")
        ->check(CLI::Range(std::int64_t{1}, kMost))
        ->type_name("N");
    app.add_option("--tokens-per-minute", arguments_.tokens, "Likewise")
        ->check(CLI::Range(std::int64_t{1}, kMost))
        ->type_name("N");
    app.add_option("--burst", arguments_.burst, "So much of the rates as this time brings may be used at once (default 1m)")
        ->type_name("DURATION");
    app.add_option("--policy", arguments_.policy,
                   "Likewise instead of --config: of the family share, by its name or as JSON (default equal-active)")
        ->type_name("POLICY");
    declare_choice(app, arguments_.choice);
    declare_redis(app, arguments_.stores);
    app.add_option("--worker", arguments_.worker, "Number of this worker, 0, 1, 2, ...: no other process has it")
        ->required();
    app.add_option("--workers", arguments_.workers, "How many share the limits (default: those of the scenario)")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000}))
        ->type_name("N");
    app.add_option("--listen", arguments_.listen,
                   "127.0.0.1:PORT (0: any that is free) or unix:/PATH (default 127.0.0.1:8090)")
        ->type_name("PLACE");
    app.add_option("--socket-mode", arguments_.mode, "Who may connect to a Unix socket, as chmod has it (default 600)")
        ->type_name("OCTAL");
    app.add_option("--incarnation", arguments_.incarnation,
                   "Higher than that of every earlier process of this worker (default: by the clock)")
        ->check(CLI::Range(std::uint32_t{1}, std::numeric_limits<std::uint32_t>::max() / 2));
#ifdef DRYDOCK_WITH_RUNTIME
    declare_share_options(app, arguments_.shares);
#endif
    app.footer(
        "Holds the requests of one worker to its share of the limits, without a scheduler: one limiter beside each worker,\n"
        "which find each other in Redis or, on one machine, in a file.\n"
        "  drydock limiter --worker 0 --workers 4 --concurrency 40 --requests-per-minute 800 --tokens-per-minute 40000 \\\n"
        "    --share-state /tmp/shares.json --listen unix:/tmp/limiter.sock\n"
        "  curl --unix-socket /tmp/limiter.sock http://limiter/acquire -d '{\"tokens\": 4096, \"wait_s\": 30}'\n"
        "  curl --unix-socket /tmp/limiter.sock http://limiter/release -d '{\"permit\": 1}'\n"
        "  curl --unix-socket /tmp/limiter.sock http://limiter/scaling_status\n"
        "/acquire answers {\"granted\": true, \"permit\": 1, ...}, or 429 with \"retry_after_s\" and the reason. With "
        "\"wait_s\" it\n"
        "waits so long for it. What is granted is given back by /release, or by itself after \"hold_s\" (default 300), or, "
        "with\n"
        "\"until_close\": true, with the connection. POST /throttled tells that the service refused a request (for aimd).\n"
        "Exit code 3: Redis could not be reached at the start; later it is waited for.");
  }

  int run(const Terminal& /*terminal*/) override { return run_limiter(arguments_); }

 private:
  LimiterArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_limiter() { return std::make_unique<LimiterCommand>(); }

}  // namespace drydock::cli
