// Sections: general settings, cluster, control plane, queues, pools.
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <set>

namespace drydock::scenarios {
namespace {

constexpr std::int64_t kMostHosts = 10'000'000;

void refuse_twice(const Node& node, std::set<std::string>& seen, const std::string& name, std::string_view what) {
  if (!seen.insert(name).second)
    node.member("name").fail(fmt::format("there is another {} \"{}\"; names must differ", what, name));
}

HostGroup read_host(const Node& node) {
  const ObjectReader host(node, keys::kHost);
  HostGroup group;
  group.name = read_name(host);
  group.count = static_cast<std::uint32_t>(host.count("count", 1, {1, kMostHosts}));
  read_kind(host, group);
  if (const auto sessions = host.find("sessions")) group.sessions = read_sessions(*sessions);
  return group;
}

// "node-3" must not be the name of one host of a group and of another group.
void refuse_host_names_twice(const Node& hosts, const Scenario& scenario) {
  for (const HostGroup& group : scenario.hosts) {
    if (group.count == 1) continue;
    for (std::size_t i = 0; i < scenario.hosts.size(); ++i) {
      const std::string& other = scenario.hosts[i].name;
      if (!other.starts_with(group.name + "-")) continue;
      const std::string number = other.substr(group.name.size() + 1);
      const bool digits =
          !number.empty() && number.size() <= 8 && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
      if (digits && std::to_string(std::stoul(number)) == number && std::stoul(number) < group.count) {
        hosts.items()[i].member("name").fail(
            fmt::format("\"{}\" is also a host of the group \"{}\" ({} hosts, {}-0 and so on)", other, group.name,
                        group.count, group.name));
      }
    }
  }
}

void read_hosts(const ObjectReader& cluster, Scenario& scenario) {
  if (cluster.has("site")) cluster.node().member("site").fail("has an effect only with \"platform\"");
  const Node hosts = cluster.require("hosts");
  const std::vector<Node> items = hosts.items();
  if (items.empty()) hosts.expected("at least one host group");
  std::set<std::string> names;
  std::int64_t total = 0;
  for (const Node& item : items) {
    scenario.hosts.push_back(read_host(item));
    refuse_twice(item, names, scenario.hosts.back().name, "host group");
    total += scenario.hosts.back().count;
  }
  if (total > kMostHosts) hosts.fail(fmt::format("{} hosts in all; at most {} are allowed", total, kMostHosts));
  refuse_host_names_twice(hosts, scenario);
}

void read_network(const ObjectReader& cluster, Scenario& scenario) {
  const auto node = cluster.find("network");
  if (!node) return;
  const AsWritten as_written(node->diagnostics());
  const ObjectReader network(*node, keys::kNetwork);
  scenario.network.latency = network.duration("latency", Duration{0});
  if (const auto bandwidth = network.find("bandwidth")) scenario.network.bandwidth_bytes_per_s = bandwidth->bandwidth();
}

void read_stores(const ObjectReader& cluster, Scenario& scenario) {
  const auto node = cluster.find("stores");
  if (!node) return;
  const AsWritten as_written(node->diagnostics());
  const ObjectReader stores(*node, keys::kStores);
  const auto latency = [](const std::optional<Node>& store, const ObjectKeys& keys, std::string_view key) {
    const auto found = store ? ObjectReader(*store, keys).find(key) : std::nullopt;
    return found ? std::optional(read_duration_distribution(*found)) : std::nullopt;
  };
  scenario.registry_latency = latency(stores.find("redis"), keys::kRedis, "latency");
  scenario.commit_latency = latency(stores.find("postgres"), keys::kPostgres, "commit");
  scenario.query_latency = latency(stores.find("postgres"), keys::kPostgres, "query");
  scenario.database_latency = latency(stores.find("postgres"), keys::kPostgres, "latency");
  scenario.redis_service = latency(stores.find("redis"), keys::kRedis, "service");
  if (const auto postgres = stores.find("postgres")) {
    const ObjectReader database(*postgres, keys::kPostgres);
    scenario.database_connections = static_cast<std::uint32_t>(database.count("connections", 0, {1, 1'000'000}));
    scenario.commit_row = database.duration("commit_row", Duration{0});
  }
}

// Several schedulers have a lease: it must outlast the time to the next asking, and one that was lost.
void read_leadership(const ObjectReader& plane, Scenario& scenario) {
  scenario.schedulers = static_cast<std::uint32_t>(plane.count("schedulers", 1, {1, 100}));
  LeadershipConfig& config = scenario.scheduler.control_plane.leadership;
  const Duration least = std::chrono::milliseconds{1};
  const Duration lease = plane.duration("lease", std::chrono::seconds{15}, least);
  config.renew = plane.duration("renew", std::chrono::seconds{5}, least);
  config.margin = plane.duration("margin", std::chrono::seconds{1});
  scenario.scheduler_restart = plane.duration("restart", std::chrono::seconds{1}, Duration{1});
  if (scenario.schedulers > 1) config.lease = lease;
  for (const std::string_view key : {"lease", "renew", "margin", "restart"}) {
    if (plane.has(key) && scenario.schedulers == 1) {
      plane.node().member(key).fail("has an effect only with several \"schedulers\": with one nobody else could lead");
    }
  }
  if (plane.node().diagnostics().failed() || config.renew + config.margin < lease) return;
  plane.node().fail(fmt::format(
      "\"lease\" is {}, \"renew\" {} and \"margin\" {}: a leader gives up before it asks again; the lease must be "
      "longer than both together, better by another \"renew\", so that one answer may be lost",
      format_duration(lease), format_duration(config.renew), format_duration(config.margin)));
}

void read_statistics(const ObjectReader& plane, Scenario& scenario) {
  ControlPlaneConfig& config = scenario.scheduler.control_plane;
  config.statistics = plane.duration("statistics", Duration{0}, std::chrono::milliseconds{1});
  const auto node = plane.find("alerts");
  if (!node) return;
  if (!plane.has("statistics")) node->fail("has an effect only with \"statistics\": these are what is looked at");
  const ObjectReader alerts(*node, keys::kAlerts);
  scenario.alerts.utilization = alerts.number("utilization", scenario.alerts.utilization, {0, 1});
  scenario.alerts.counter = alerts.number("counter", scenario.alerts.counter, {0, 1000});
}

void read_control_plane(const ObjectReader& top, Scenario& scenario) {
  constexpr std::array<std::string_view, 3> kModes{"ideal", "cycle", "event"};
  const auto node = top.find("control_plane");
  if (!node) return;
  const ObjectReader plane(*node, keys::kControlPlane);
  ControlPlaneConfig& config = scenario.scheduler.control_plane;
  config.trigger = static_cast<PassTrigger>(plane.choice("mode", kModes, 0));
  const Duration cycle = plane.duration("cycle", std::chrono::seconds{5}, std::chrono::microseconds{1});
  const Duration debounce = plane.duration("debounce", Duration{0});
  const auto only_with = [&](std::string_view key, PassTrigger trigger, std::string_view mode) {
    if (plane.has(key) && config.trigger != trigger) {
      node->member(key).fail(fmt::format("has an effect only with \"mode\": \"{}\"", mode));
    }
  };
  constexpr std::array<std::string_view, 2> kBeats{"reregister", "expire-then-set"};
  if (plane.has("registry_reading")) {
    config.registry.reading = plane.duration("registry_reading", Duration{}, std::chrono::microseconds{1});
  }
  config.registry.guard = plane.boolean("mass_expiry_guard", true);
  config.registry.hold = plane.duration("mass_expiry_hold", Duration{0}, Duration{1});
  scenario.self_fencing = plane.boolean("self_fencing", true);
  scenario.fencing_margin = plane.duration("fencing_margin", Duration{0});
  scenario.safe_beat = plane.choice("beat", kBeats, 0) == 0;
  constexpr std::array<std::string_view, 2> kAdmissions{"per-worker", "aggregate"};
  config.aggregate = plane.choice("admission", kAdmissions, 0) == 1;
  config.lookahead = static_cast<std::uint32_t>(plane.count("lookahead", 0));
  scenario.scheduler.max_in_flight =
      static_cast<std::uint32_t>(plane.count("max_in_flight", scenario.scheduler.max_in_flight, {1, 1000}));
  read_statistics(plane, scenario);
  read_leadership(plane, scenario);
  read_overheads(plane, scenario);
  const auto only_where_read = [&](std::string_view key) {
    if (plane.has(key) && config.trigger != PassTrigger::cycle && !plane.has("registry_reading")) {
      node->member(key).fail("has an effect only with \"mode\": \"cycle\", or with \"registry_reading\"");
    }
  };
  only_with("cycle", PassTrigger::cycle, "cycle");
  for (const std::string_view key : {"mass_expiry_guard", "mass_expiry_hold", "self_fencing", "fencing_margin", "beat"}) {
    only_where_read(key);
  }
  only_with("admission", PassTrigger::cycle, "cycle");
  only_with("debounce", PassTrigger::event, "event");
  config.period = config.trigger == PassTrigger::cycle   ? cycle
                  : config.trigger == PassTrigger::event ? debounce
                                                         : Duration{0};
}

// Whether a queue is full can be told only of one that is held whole.
void refuse_beyond_lookahead(const Node& node, std::uint64_t capacity, std::uint32_t lookahead) {
  if (lookahead == 0 || capacity <= lookahead) return;
  node.fail(
      fmt::format("is {}, but the scheduler holds at most {} waiting jobs of a queue in memory, and one with a capacity is "
                  "held whole: raise control_plane.lookahead, or lower the capacity",
                  capacity, lookahead));
}

void read_queues(const ObjectReader& top, Scenario& scenario) {
  const auto node = top.find("queues");
  if (!node) {
    scenario.scheduler.queues.push_back({"default", 0, std::nullopt});
    return;
  }
  const std::vector<Node> items = node->items();
  if (items.empty()) node->expected("at least one queue (or leave \"queues\" out for one called \"default\")");
  std::set<std::string> names;
  for (const Node& item : items) {
    const ObjectReader queue(item, keys::kQueue);
    QueueConfig config;
    config.name = read_name(queue);
    refuse_twice(item, names, config.name, "queue");
    config.priority = static_cast<std::int32_t>(queue.count("priority", 0, {-1'000'000, 1'000'000}));
    if (const auto capacity = queue.find("capacity")) {
      config.capacity = static_cast<std::uint64_t>(capacity->count({0, 1'000'000'000'000}));
      refuse_beyond_lookahead(*capacity, *config.capacity, scenario.scheduler.control_plane.lookahead);
    }
    config.weight = queue.count("weight", 1, {1, 1'000'000});
    scenario.scheduler.queues.push_back(std::move(config));
  }
}

std::vector<std::string> host_groups(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const HostGroup& group : scenario.hosts) names.push_back(group.name);
  return names;
}
std::vector<std::string> queue_names(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const QueueConfig& queue : scenario.scheduler.queues) names.push_back(queue.name);
  return names;
}

// The names at `key`, each of which must be one of `known` and be there once; all of them when there is no such key.
std::vector<std::string> read_selection(const ObjectReader& pool, std::string_view key,
                                        const std::vector<std::string>& known, std::string_view what) {
  const auto node = pool.find(key);
  if (!node) return known;
  const std::vector<std::string_view> words(known.begin(), known.end());
  std::vector<std::string> chosen;
  for (const Node& item : node->items()) {
    std::string name = item.text();
    if (std::ranges::find(known, name) == known.end()) {
      item.fail(fmt::format("there is no {} \"{}\"{}", what, printable(name), suggestion(name, words)));
    } else if (std::ranges::find(chosen, name) != chosen.end()) {
      item.fail(fmt::format("the {} \"{}\" is named twice", what, name));
    }
    chosen.push_back(std::move(name));
  }
  if (chosen.empty()) node->expected(fmt::format("at least one {}", what));
  return chosen;
}

void read_slots(const ObjectReader& reader, Pool& pool) {
  const auto node = reader.find("slots_per_worker");
  if (!node) return;
  if (node->json().is_string() && node->json().get_ref<const std::string&>() == "unlimited") {
    pool.processor_sharing = true;
  } else if (node->json().is_number()) {
    pool.slots_per_worker = static_cast<std::uint32_t>(node->count({1, 1'000'000'000}));
  } else {
    node->expected(R"(a whole number, at least 1, or "unlimited" (tasks then share the cores))");
  }
}

void read_admission(const ObjectReader& reader, Pool& pool) {
  constexpr std::array<std::string_view, 2> kWords{"per-worker", "slots"};
  pool.admission = static_cast<Admission>(reader.choice("admission", kWords, 0));
  if (pool.admission == Admission::slots && !pool.slots_per_worker) {
    reader.node()
        .member("admission")
        .fail(R"(by slots alone a worker must have a number of them: give "slots_per_worker", such as 4)");
  }
}

void read_children(const ObjectReader& reader, Pool& pool) {
  if (const auto most = reader.find("max_tasks_per_child")) {
    pool.max_tasks_per_child = static_cast<std::uint64_t>(most->count({1, 1'000'000'000}));
    if (!pool.slots_per_worker) most->fail(R"(children have a slot each: give "slots_per_worker", such as 4)");
  }
  pool.child_restart = reader.duration("child_restart", std::chrono::seconds{1});
  if (reader.has("child_restart") && !pool.max_tasks_per_child) {
    reader.node().member("child_restart").fail("has an effect only with \"max_tasks_per_child\"");
  }
}

void read_delivery(const ObjectReader& reader, Pool& pool) {
  constexpr std::array<std::string_view, 2> kSenders{"thread", "main-loop"};
  if (reader.has("poll")) pool.poll = reader.duration("poll", Duration{0}, Duration{1});
  pool.beats_in_loop = reader.choice("heartbeats", kSenders, 0) == 1;
}

std::uint32_t read_prefetch(const ObjectReader& reader, const Pool& pool) {
  const auto depth = static_cast<std::uint32_t>(reader.count("prefetch", 0, {0, 1'000'000}));
  if (depth > 0 && pool.admission != Admission::slots) {
    reader.node()
        .member("prefetch")
        .fail(R"(a worker that takes jobs ahead does not look at what they need: it goes with "admission": "slots")");
  }
  return depth;
}

void read_pools(const ObjectReader& top, Scenario& scenario) {
  std::set<std::string> names;
  const std::vector<std::string> groups = host_groups(scenario);
  const std::vector<std::string> queues = queue_names(scenario);
  const auto node = top.find("pools");
  std::vector<std::uint32_t> prefetch;
  if (!node) {
    prefetch.push_back(0);
    scenario.pools.push_back({.name = "main", .hosts = groups, .queues = queues, .slots_per_worker = {}});
  } else {
    const std::vector<Node> items = node->items();
    if (items.empty())
      node->expected("at least one pool (or leave \"pools\" out for one of all hosts that serves all queues)");
    for (const Node& item : items) {
      const ObjectReader reader(item, keys::kPool);
      Pool pool;
      pool.name = read_name(reader);
      refuse_twice(item, names, pool.name, "pool");
      pool.hosts = read_selection(reader, "hosts", groups, "host group");
      pool.queues = read_selection(reader, "queues", queues, "queue");
      read_slots(reader, pool);
      read_admission(reader, pool);
      read_children(reader, pool);
      read_delivery(reader, pool);
      prefetch.push_back(read_prefetch(reader, pool));
      scenario.pools.push_back(std::move(pool));
    }
  }
  for (const Pool& pool : scenario.pools) {
    PoolConfig config{.name = pool.name, .queues = {}, .prefetch = prefetch[scenario.scheduler.pools.size()]};
    for (const std::string& name : pool.queues) {
      const auto at = std::ranges::find(queues, name) - queues.begin();
      config.queues.push_back(QueueId{static_cast<std::uint32_t>(at)});
    }
    scenario.scheduler.pools.push_back(std::move(config));
  }
}

void refuse_unserved_queues(const ObjectReader& top, const Scenario& scenario) {
  for (std::size_t q = 0; q < scenario.scheduler.queues.size(); ++q) {
    const std::string& name = scenario.scheduler.queues[q].name;
    const bool served =
        std::ranges::any_of(scenario.pools, [&](const Pool& pool) { return std::ranges::count(pool.queues, name) > 0; });
    if (served) continue;
    const Node queues = top.node().member("queues");
    queues.diagnostics().fail(
        fmt::format("{}/{}", queues.pointer(), q),
        fmt::format("the queue \"{}\" is served by no pool: its jobs would wait for ever; name it in the "
                    "\"queues\" of a pool",
                    name));
  }
}

}  // namespace

void read_general(const ObjectReader& top, Scenario& scenario) {
  (void)top.text("$schema");
  scenario.time_scale = top.number("time_scale", 1, {1, 1e6});
  top.node().diagnostics().set_time_scale(scenario.time_scale);
  scenario.name = top.has("name") ? read_name(top) : scenario.name;
  scenario.description = top.text("description");
  scenario.seed = static_cast<std::uint64_t>(top.count("seed", 1, {0, std::numeric_limits<std::int64_t>::max()}));
  if (const auto duration = top.find("duration")) scenario.duration = duration->duration(Duration{1});
  if (const auto by = top.find("must_end_by")) {
    scenario.must_end_by = by->duration(Duration{1});
    if (scenario.duration) by->fail("goes with runs that end when all jobs have ended: leave out \"duration\" or this");
  }
  if (const auto warmup = top.find("warmup")) {
    scenario.warmup.fraction = warmup->percent();
    if (scenario.warmup.fraction >= 1) warmup->fail("nothing would be measured: allowed are percentages below 100%");
  }
  if (const auto node = top.find("checkpoint")) {
    const ObjectReader checkpoint(*node, keys::kCheckpoint);
    (void)checkpoint.require("interval");
    scenario.checkpoint.interval = checkpoint.duration("interval", Duration{0}, Duration{1});
    scenario.checkpoint.cost = checkpoint.duration("cost", Duration{0});
    scenario.checkpoint.restart = checkpoint.duration("restart", Duration{0});
  }
}

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, allowed);
}

std::string read_name(const ObjectReader& object) {
  const Node node = object.require("name");
  std::string name = node.text();
  if (!is_name(name)) node.expected(kNameHelp);
  return name;
}

void read_kind(const ObjectReader& host, HostGroup& group) {
  group.cpus = static_cast<std::uint32_t>(host.count("cpus", 1, {1, kMostCores}));
  group.speed = host.number("speed", 1.0, {kLeastHostSpeed, kMostHostSpeed});
  group.memory_bytes = host.size("memory", 0);
  group.gpus = static_cast<std::uint32_t>(host.count("gpus", 0, {0, kMostGpus}));
  const double scale = host.node().diagnostics().time_scale();
  group.cost_per_hour = host.number("cost_per_hour", 0, {0, kMostCost}) * scale;
  group.cost_per_month = host.number("cost_per_month", 0, {0, kMostCost}) * scale;
}

void read_cluster(const ObjectReader& top, Scenario& scenario, PlatformFiles& platforms) {
  const ObjectReader cluster(top.require("cluster"), keys::kCluster);
  if (cluster.has("platform")) {
    read_platform(cluster, scenario, platforms);
  } else {
    read_hosts(cluster, scenario);
    read_network(cluster, scenario);
  }
  read_stores(cluster, scenario);
  read_control_plane(top, scenario);
}

void read_queues_and_pools(const ObjectReader& top, Scenario& scenario) {
  read_queues(top, scenario);
  read_pools(top, scenario);
  refuse_unserved_queues(top, scenario);
}

std::string host_name(const HostGroup& group, std::uint32_t number) {
  if (!group.names.empty()) return group.names[number];
  return group.count == 1 ? group.name : fmt::format("{}-{}", group.name, number);
}

}  // namespace drydock::scenarios
