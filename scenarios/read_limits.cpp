// Sections: limits, policies/share, and the requests of workload entries.
#include "policies/catalog.hpp"
#include "policies/core/rate_limit.hpp"
#include "policies/core/share_policy.hpp"
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <utility>

namespace drydock::scenarios {
namespace {

constexpr std::int64_t kMostOfALimit = 1'000'000'000'000;
static_assert(kMostOfALimit < kNoLimit);

struct Amount {
  std::string_view key;
  std::int64_t Share::*part;
};
constexpr std::array<Amount, 3> kAmounts{{{"concurrency", &Share::concurrency},
                                          {"requests_per_minute", &Share::requests_per_minute},
                                          {"tokens_per_minute", &Share::tokens_per_minute}}};

// What is given; other parts stay as they are.
bool read_amounts(const ObjectReader& from, Share& share) {
  bool any = false;
  for (const auto& [key, part] : kAmounts) {
    const auto node = from.find(key);
    if (!node) continue;
    share.*part = node->count({1, kMostOfALimit});
    if (part != &Share::concurrency) {  // per minute of the scenario
      share.*part = std::llround(static_cast<double>(share.*part) * node->diagnostics().time_scale());
      if (share.*part > kMostOfALimit) node->fail(fmt::format("with \"time_scale\" this is more than {}", kMostOfALimit));
    }
    any = true;
  }
  return any;
}

void refuse_short_silence(const Node& node, const AnnouncedShares& rules) {
  if (rules.silence > rules.check) return;
  node.fail(
      fmt::format("\"silence\" is {} and \"check\" {}: a worker announces itself at each check, so that live workers would "
                  "be forgotten between two of them; make silence several checks long",
                  format_duration(rules.silence), format_duration(rules.check)));
}

void refuse_short_grants(const Node& node, const LeasedShares& rules, const ServiceLimits& limits) {
  if (rules.margin >= rules.lease) {
    node.fail(
        fmt::format("\"margin\" is {} and \"lease\" {}: a grant would be over before it is used; the margin is a "
                    "small part of the lease",
                    format_duration(rules.margin), format_duration(rules.lease)));
  } else if (rules.renew >= rules.lease - rules.margin) {
    node.fail(
        fmt::format("\"renew\" is {}, but a grant may be used for lease - margin = {}: workers would stop before each "
                    "renewal; a third of that leaves room for a lost message",
                    format_duration(rules.renew), format_duration(rules.lease - rules.margin)));
  } else if (limits.answer_timeout >= rules.lease - rules.margin) {
    node.fail(
        fmt::format("the answer to a renewal is awaited for {} (\"answer_timeout\" in \"limits\"), but a grant may be used "
                    "for lease - margin = {}: one lost message would stop a worker; shorten the one or lengthen the other",
                    format_duration(limits.answer_timeout), format_duration(rules.lease - rules.margin)));
  }
}

void check_policy(const Node& node, const ServiceLimits& limits) {
  const auto policy = make_share(limits.policy);
  const auto& protocol = policy->rules().protocol;
  if (const auto* announced = std::get_if<AnnouncedShares>(&protocol)) refuse_short_silence(node, *announced);
  if (const auto* leased = std::get_if<LeasedShares>(&protocol)) refuse_short_grants(node, *leased, limits);
  if (std::holds_alternative<AdaptiveShares>(protocol) && !limits.enforced) {
    node.fail(fmt::format("{} learns from refusals, but with \"enforced\": false in \"limits\" the service refuses nothing",
                          limits.policy.type));
  }
}

bool weighs(const PolicyConfig& policy) {
  const std::string& division = policy.type == "leased" ? policy.get<std::string>("division") : policy.type;
  return division == "max-min" || division == "drf";
}

void read_weights(const Node& node, const Scenario& scenario, ServiceLimits& limits) {
  if (!node.json().is_object()) {
    node.expected("an object of pools and weights, such as {\"main\": 2}");
    return;
  }
  if (!weighs(limits.policy)) {
    node.fail(
        fmt::format("{} gives all active workers the same: weights go with max-min and drf, and with leased where "
                    "its \"division\" is one of these",
                    limits.policy.type));
  }
  std::vector<std::string_view> names;
  for (const Pool& pool : scenario.pools) names.push_back(pool.name);
  for (const auto& [name, weight] : node.json().items()) {
    const auto pool = std::ranges::find(names, name);
    const Node value = node.member(name);
    if (pool == names.end()) value.fail(fmt::format("there is no pool \"{}\"{}", printable(name), suggestion(name, names)));
    else limits.weights[static_cast<std::size_t>(pool - names.begin())] = value.count({1, kLargestWeight});
  }
}

std::optional<Node> share_node(const ObjectReader& top) {
  const auto policies = top.find("policies");
  if (!policies || !policies->json().is_object() || !policies->json().contains("share")) return std::nullopt;
  return policies->member("share");
}

// Each worker gets the same at rest: what then fits into its token buckets?
void check_buckets(const Node& entry, const SyntheticSource& source, Scenario& scenario) {
  const ServiceLimits& limits = *scenario.limits;
  const std::int64_t workers = requesting_workers(scenario);
  const std::array<std::pair<std::int64_t Share::*, std::int64_t>, 2> needs{
      {{&Share::requests_per_minute, 1}, {&Share::tokens_per_minute, source.requests->tokens}}};
  for (const auto& [part, needed] : needs) {
    const std::int64_t total = limits.shares.total.*part;
    if (total == kNoLimit) continue;
    const char* what = part == &Share::tokens_per_minute ? "tokens" : "requests";
    const std::int64_t burst = burst_of_rate(total, limits.burst);
    if (needed > burst) {
      entry.fail(
          fmt::format("a request needs {} {}, but the bucket of all workers holds {} ({} a minute, \"burst\" {}): it "
                      "could never be made; lengthen \"burst\", or raise the limit",
                      needed, what, burst, total, format_duration(limits.burst)));
    } else if (needed > burst_of(total / workers, total, burst)) {
      scenario.notes.push_back(
          fmt::format("a request of \"{}\" needs {} {}, but where {} workers share the limit equally, the bucket of each "
                      "holds {}: while all are active none can make it; lengthen \"burst\" or use fewer workers",
                      source.name, needed, what, workers, burst_of(total / workers, total, burst)));
    }
  }
}

void note_few_requests_at_a_time(Scenario& scenario) {
  const std::int64_t total = scenario.limits->shares.total.concurrency;
  const std::int64_t workers = requesting_workers(scenario);
  if (total >= workers) return;
  scenario.notes.push_back(
      fmt::format("{} workers share {} requests at a time: while all are active, some may make none", workers, total));
}

void refuse_late_answers(const Node& node, const Scenario& scenario) {
  if (!scenario.registry_latency || scenario.limits->policy.type == "aimd") return;
  const Duration takes = duration_of_seconds(2 * mean_of(*scenario.registry_latency));
  if (takes <= scenario.limits->answer_timeout) return;
  node.fail(
      fmt::format("a question to the store and its answer take {} on average (\"latency\" of redis, twice), but a worker "
                  "waits for {} only: raise \"answer_timeout\"",
                  format_duration(takes), format_duration(scenario.limits->answer_timeout)));
}

}  // namespace

std::int64_t burst_of_rate(std::int64_t per_minute, Duration burst) {
  const auto amount = static_cast<long double>(per_minute) * static_cast<long double>(nanos(burst)) / 60e9L;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::min(amount, 1e15L)), 1, kNoLimit);
}

Requests read_requests(const Node& node) {
  const ObjectReader object(node, keys::kRequests);
  Requests requests;
  const Node count = object.require("count");
  if (count.json().is_object()) requests.count = read_number_distribution(count);
  else requests.count = Deterministic{static_cast<double>(count.count({1, kMostRequests}))};
  requests.duration = read_duration_distribution(object.require("duration"));
  requests.tokens = object.count("tokens", requests.tokens, {0, 1'000'000'000});
  requests.delay = object.duration("delay", requests.delay);
  requests.retry_delay = object.duration("retry_delay", requests.retry_delay, Duration{1});
  requests.retries = static_cast<std::uint32_t>(object.count("retries", requests.retries, {0, 1'000'000}));
  return requests;
}

void read_limits(const ObjectReader& top, Scenario& scenario) {
  const auto policy = share_node(top);
  const auto node = top.find("limits");
  if (!node) {
    if (policy) {
      policy->fail(
          "there is nothing to share: the top-level key \"limits\" is missing, such as \"limits\": {\"concurrency\": 40, "
          "\"requests_per_minute\": 800, \"tokens_per_minute\": 40000}");
    }
    return;
  }
  const ObjectReader object(*node, keys::kLimits);
  ServiceLimits limits;
  if (!read_amounts(object, limits.shares.total)) {
    node->fail("at least one of \"concurrency\", \"requests_per_minute\" and \"tokens_per_minute\" must be there");
  }
  if (const auto base = object.find("base")) (void)read_amounts(ObjectReader(*base, keys::kBaseShare), limits.shares.base);
  limits.burst = object.duration("burst", limits.burst, std::chrono::milliseconds{1});
  limits.enforced = object.boolean("enforced", limits.enforced);
  limits.answer_timeout = object.duration("answer_timeout", limits.answer_timeout, Duration{1});
  limits.policy = read_share_policy(node->diagnostics(), policy);
  if (node->diagnostics().failed()) return;
  limits.weights.assign(scenario.pools.size(), 1);
  if (const auto weights = object.find("weights")) read_weights(*weights, scenario, limits);
  check_policy(policy ? *policy : *node, limits);
  scenario.limits = std::move(limits);
}

void check_limits(const ObjectReader& top, Scenario& scenario) {
  if (!scenario.limits) return;
  const std::int64_t workers = requesting_workers(scenario);
  if (workers == 0) {
    top.node().member("limits").fail(
        "concern jobs that make requests, but there are none: give an entry of the workload \"requests\", such as "
        "\"requests\": {\"count\": 100, \"duration\": \"2s\"} instead of \"duration\", or leave \"limits\" out");
    return;
  }
  std::vector<Node> entries = top.node().member("workload").items();
  std::erase_if(entries, is_periodic);  // so that they lie as in scenario.workload
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto* source = std::get_if<SyntheticSource>(&scenario.workload[i]);
    if (source != nullptr && source->requests) check_buckets(entries[i].member("requests"), *source, scenario);
  }
  ShareLimits& shares = scenario.limits->shares;
  for (const auto& [key, part] : kAmounts) {
    if (shares.base.*part == 0) shares.base.*part = std::max<std::int64_t>(1, shares.total.*part / workers);
    if (shares.base.*part <= shares.total.*part) continue;
    top.node().member("limits").member("base").member(key).fail(
        fmt::format("is above the limit of all workers, {}", shares.total.*part));
  }
  refuse_late_answers(top.node().member("limits"), scenario);
  note_few_requests_at_a_time(scenario);
}

bool makes_requests(const Scenario& scenario, const Pool& pool) {
  return std::ranges::any_of(scenario.workload, [&](const Source& source) {
    const auto* synthetic = std::get_if<SyntheticSource>(&source);
    if (synthetic == nullptr || !synthetic->requests) return false;
    return std::ranges::count(pool.queues, scenario.scheduler.queues[index(synthetic->shape.queue)].name) > 0;
  });
}

std::int64_t requesting_workers(const Scenario& scenario) {
  std::int64_t workers = 0;
  for (const Pool& pool : scenario.pools) {
    if (!makes_requests(scenario, pool)) continue;
    for (const HostGroup& group : scenario.hosts) {
      if (std::ranges::count(pool.hosts, group.name) > 0) workers += group.count;
    }
  }
  return workers;
}

}  // namespace drydock::scenarios
