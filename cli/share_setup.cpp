#include "cli/share_setup.hpp"

#ifdef DRYDOCK_WITH_RUNTIME

#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"
#include "scenarios/units.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace drydock::cli {

namespace {

// Processes that look at each other's state do not all look at the same time: as in the simulation.
Duration phase_of(const ShareSetup& setup, std::string_view name, Duration period) {
  const std::uint64_t process = (std::uint64_t{setup.incarnation} << 32U) | setup.worker.value;
  const double part = unit_interval(counted(setup.seed, stream_of(name), process));
  return Duration{static_cast<std::int64_t>(part * static_cast<double>(nanos(period)))};
}

runtime::ShareDriverOptions driver_options(const scenarios::ServiceLimits& limits, const ShareSetup& setup,
                                           const ShareRules& rules) {
  runtime::ShareDriverOptions options{.agent = {.worker = setup.worker,
                                                .incarnation = setup.incarnation,
                                                .weight = setup.weight,
                                                .limits = limits.shares,
                                                .check_phase = {},
                                                .adjust_phase = {}},
                                      .limiter = {.total = limits.shares.total, .burst = limits.shares.total},
                                      .answer_timeout = limits.answer_timeout,
                                      .workers = setup.workers};
  for (const auto part : {&Share::requests_per_minute, &Share::tokens_per_minute}) {
    std::int64_t& burst = options.limiter.burst.*part;
    if (burst != kNoLimit) burst = scenarios::burst_of_rate(burst, limits.burst);
  }
  if (const auto* announced = std::get_if<AnnouncedShares>(&rules.protocol)) {
    options.agent.check_phase = phase_of(setup, "share-check", announced->check);
    options.agent.adjust_phase = phase_of(setup, "share-adjust", announced->adjust);
  } else if (const auto* adaptive = std::get_if<AdaptiveShares>(&rules.protocol)) {
    options.agent.adjust_phase = phase_of(setup, "share-adjust", adaptive->adjust);
  }
  return options;
}

}  // namespace

void declare_share_options(CLI::App& app, ShareArguments& arguments) {
  app.add_option("--share-state", arguments.state,
                 "Where workers of this machine see each other's state: a file that is replaced as a whole (default: Redis)")
      ->type_name("FILE");
  app.add_option("--share-name", arguments.name,
                 "Of what is shared, where there are several services in one Redis (default \"limits\")")
      ->type_name("NAME");
  app.add_option(
         "--on-share-change", arguments.on_change,
         "A command for /bin/sh, run when the share of this worker has changed; DRYDOCK_SHARE_CONCURRENT, _RPM and _TPM "
         "are in its environment, DRYDOCK_SHARE_BEFORE_CONCURRENT and so on, and DRYDOCK_WORKER")
      ->type_name("COMMAND");
}

void declare_worker_share_options(CLI::App& app, ShareArguments& arguments) {
  declare_share_options(app, arguments);
  app.add_option("--limits-of", arguments.limits_of,
                 "The scenario whose \"limits\" its jobs keep to (default: that of --config)")
      ->type_name("SCENARIO");
  app.add_option(
         "--limiter-listen", arguments.listen,
         "Where its limiter answers others too, with GET /scaling_status: 127.0.0.1:PORT or unix:/PATH (default: jobs "
         "alone, at the socket in their DRYDOCK_LIMITER)")
      ->type_name("PLACE");
}

Result<runtime::LimiterServer::Place> limiter_place(const std::string& given) {
  runtime::LimiterServer::Place place;
  std::string_view text = given;
  if (text.starts_with("unix://")) text.remove_prefix(7);
  else if (text.starts_with("unix:")) text.remove_prefix(5);
  if (text.starts_with('/')) {
    place.unix_socket = text;
    return place;
  }
  const std::size_t colon = text.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), place.port);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size() || place.port < 0 || place.port > 65535) {
    return Error{"expected 127.0.0.1:PORT or unix:/PATH"};
  }
  place.host = text.substr(0, colon) == "localhost" ? "127.0.0.1" : std::string(text.substr(0, colon));
  return place;
}

std::optional<WorkerShares> shares_of(const scenarios::Scenario& scenario, PoolId pool) {
  const bool takes_part = scenario.limits && index(pool) < scenario.pools.size() &&
                          scenarios::makes_requests(scenario, scenario.pools[index(pool)]);
  if (!takes_part) return std::nullopt;
  return WorkerShares{.limits = *scenario.limits,
                      .setup = {.weight = scenario.limits->weights[index(pool)],
                                .workers = scenarios::requesting_workers(scenario),
                                .seed = scenario.seed}};
}

std::optional<Error> Shares::serve_attempts(runtime::JobRunner& jobs) {
  if (auto wrong = jobs.executor().prepare()) return wrong;
  attempts_ = std::make_unique<runtime::AttemptLimiters>(*driver_, *server_, jobs.executor().facts().user);
  if (auto wrong = attempts_->prepare()) return wrong;
  jobs.use_limiters({.open = [this](AttemptId attempt) { return attempts_->open(attempt); },
                     .close = [this](AttemptId attempt) { attempts_->close(attempt); },
                     .shares = driver_.get()});
  return std::nullopt;
}

Shares::Shares(runtime::EventLoop& loop, const scenarios::ServiceLimits& limits, const ShareSetup& setup,
               const ShareArguments& arguments)
    : policy_(make_share(limits.policy)) {
  const runtime::ShareTerms terms{.limits = limits.shares, .policy = policy_.get()};
  const bool needs_store = !std::holds_alternative<AdaptiveShares>(policy_->rules().protocol);
  if (needs_store && !arguments.state.empty()) {
    store_ = std::make_unique<runtime::FileShareStore>(loop, arguments.state, terms, limits.answer_timeout / 2);
  } else if (setup.redis) {
    const std::string name = arguments.name.empty() ? "limits" : arguments.name;
    store_ = std::make_unique<runtime::RedisShareStore>(loop, *setup.redis, terms, name, setup.worker);
  }
  driver_ =
      std::make_unique<runtime::ShareDriver>(loop, driver_options(limits, setup, policy_->rules()), *policy_, store_.get());
  if (!arguments.on_change.empty()) {
    command_ = std::make_unique<runtime::ShareHook>(loop, arguments.on_change, limits.shares.total);
    driver_->on_share_change([this](const runtime::ShareChange& change) { command_->changed(change); });
  }
  server_ = std::make_unique<runtime::LimiterServer>(loop, *driver_);
}

std::string in_words(const Share& share, const Share& total) {
  const auto words = [&](std::int64_t Share::*part) {
    return total.*part == kNoLimit ? std::string("any") : std::to_string(share.*part);
  };
  return fmt::format("{} at a time, {} requests and {} tokens a minute", words(&Share::concurrency),
                     words(&Share::requests_per_minute), words(&Share::tokens_per_minute));
}

std::string introduced(const scenarios::ServiceLimits& limits, const ShareSetup& setup, const ShareArguments& arguments) {
  const bool alone = limits.policy.type == "aimd";
  const std::string where = alone                      ? std::string("by what the service refuses")
                            : !arguments.state.empty() ? fmt::format("by the file {}", arguments.state)
                                                       : std::string("by Redis");
  return fmt::format("worker {} shares {} with {} other{} by {}, {}", setup.worker.value,
                     in_words(limits.shares.total, limits.shares.total), setup.workers - 1, setup.workers == 2 ? "" : "s",
                     limits.policy.type, where);
}

}  // namespace drydock::cli

#endif
