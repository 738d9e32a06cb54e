// What `drydock doctor` says of Redis, PostgreSQL and what lives between them.
#include "real-runtime/doctor.hpp"
#include "real-runtime/postgres_schema.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <nlohmann/json.hpp>

namespace drydock::runtime {

namespace {

using Level = Finding::Level;

std::string setting(const Settings& settings, std::string_view name) {
  const auto at = settings.find(name);
  return at == settings.end() ? std::string() : at->second;
}

std::int64_t number_in(const std::string& text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

double unix_now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// `ask` gives the server's time, in seconds since 1970.
Result<ClockReading> read_clock(const std::function<Result<double>()>& ask) {
  const double before = unix_now();
  const auto there = ask();
  const double after = unix_now();
  if (!there) return there.error();
  return ClockReading{.ahead_s = there.value() - (before + after) / 2, .unsure_s = (after - before) / 2};
}

Finding judge_clock(std::string check, std::string_view server, const ClockReading& clock) {
  constexpr double kMostApart = 1;  // second
  const std::string text = fmt::format("{} is {:+.3f} s from this machine (to within {:.3f} s)", server, clock.ahead_s,
                                       std::max(clock.unsure_s, 0.001));
  if (std::abs(clock.ahead_s) - clock.unsure_s <= kMostApart) return {Level::ok, std::move(check), text};
  return {
      Level::warning, std::move(check), text,
      "run NTP (chrony, systemd-timesyncd) on all machines: leases are judged by one clock each and stay safe, but times in "
      "lists are wrong, and a worker that is started again may need a TTL to come back"};
}

Finding judge_memory(const Settings& info) {
  const std::int64_t most = number_in(setting(info, "maxmemory"));
  const std::string policy = setting(info, "maxmemory_policy");
  const std::string used = setting(info, "used_memory_human");
  if (most == 0) return {Level::ok, "redis eviction", fmt::format("{} used, no maxmemory: nothing is evicted", used)};
  const std::string text = fmt::format("{} of {} used, maxmemory-policy {}", used, setting(info, "maxmemory_human"), policy);
  if (policy != "noeviction") {
    return {Level::warning, "redis eviction", text,
            "CONFIG SET maxmemory-policy noeviction (and in redis.conf): else keys of workers, mail and the counter go when "
            "memory "
            "is short, which costs false deaths and repeated work"};
  }
  if (number_in(setting(info, "used_memory")) > most / 5 * 4) {
    return {Level::warning, "redis eviction", text, "raise maxmemory: when it is full, Redis refuses heartbeats and mail"};
  }
  return {Level::ok, "redis eviction", text};
}

Finding judge_persistence(const Settings& info) {
  const bool log = setting(info, "aof_enabled") == "1";
  const bool failed = setting(info, "rdb_last_bgsave_status") == "err" || setting(info, "aof_last_write_status") == "err";
  if (failed) {
    return {Level::error, "redis persistence", "the last write to its disk failed",
            "look into Redis' log and at its disk: with stop-writes-on-bgsave-error it refuses all writes until that works"};
  }
  return {Level::ok, "redis persistence",
          log ? "append-only file"
              : "no append-only file: after a restart it is empty or as at the last snapshot. Nothing is lost: workers come "
                "back, "
                "mail and counter are made again from PostgreSQL"};
}

Finding judge_evictions(const Settings& info) {
  const std::int64_t evicted = number_in(setting(info, "evicted_keys"));
  if (evicted == 0) return {Level::ok, "redis evicted keys", "none since it started"};
  return {Level::warning, "redis evicted keys", fmt::format("{} since it started", evicted),
          "give Redis more memory and maxmemory-policy noeviction, or an instance of its own"};
}

Finding judge_connections(const PostgresFacts& facts) {
  const std::int64_t most = number_in(setting(facts.settings, "max_connections"));
  const std::string text = fmt::format("{} of max_connections {} used", facts.connections, most);
  constexpr std::int64_t kReserve = 10;
  if (facts.connections + kReserve <= most) return {Level::ok, "postgres connections", text};
  return {Level::warning, "postgres connections", text,
          "raise max_connections, or end what holds them: each scheduler needs 2, each API server 4 (--connections), each "
          "command 1"};
}

Finding judge_commits(const PostgresFacts& facts) {
  const std::string commit = setting(facts.settings, "synchronous_commit");
  const std::string fsync = setting(facts.settings, "fsync");
  const std::string text = fmt::format("synchronous_commit {}, fsync {}", commit, fsync);
  if (fsync == "off") {
    return {Level::error, "postgres commits", text, "fsync = on: a crash of that machine can destroy the database"};
  }
  if (commit == "off") {
    return {Level::warning, "postgres commits", text,
            "synchronous_commit = on: a crash of the server loses the last commits, which were acknowledged: jobs that were "
            "submitted, and ends of jobs, which then run again"};
  }
  return {Level::ok, "postgres commits", text};
}

Finding judge_rights(const PostgresFacts& facts) {
  if (facts.in_recovery) {
    return {Level::error, "postgres writes", "it is a standby: it takes no writes", "give the address of the primary"};
  }
  if (setting(facts.settings, "default_transaction_read_only") == "on") {
    return {Level::error, "postgres writes", "default_transaction_read_only is on",
            "ALTER ROLE ... SET default_transaction_read_only = off"};
  }
  if (facts.superuser) {
    return {
        Level::warning, "postgres role", "the role is a superuser",
        "use a role of its own that owns the database: CREATE ROLE drydock LOGIN; CREATE DATABASE drydock OWNER drydock"};
  }
  return {Level::ok, "postgres writes",
          facts.may_create ? "allowed; the role may make schemas"
                           : "allowed; the role may make no schemas, which only the first start needs"};
}

}  // namespace

std::string_view to_string(Finding::Level level) {
  switch (level) {
    case Level::ok: return "ok";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "";
}

Settings parse_info(std::string_view text) {
  Settings info;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (line.starts_with('#') || colon == std::string_view::npos) continue;
    info.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  return info;
}

Result<RedisFacts> look_at(RedisClient& redis) {
  RedisFacts facts;
  const auto info = redis.run({"INFO"});
  if (!info) return info.error();
  if (!info.value().empty()) facts.info = parse_info(info.value().front());
  const auto clock = read_clock([&]() -> Result<double> {
    const auto time = redis.run({"TIME"});
    if (!time) return time.error();
    if (time.value().size() != 2) return Error{"Redis answered TIME in another shape than expected"};
    return static_cast<double>(number_in(time.value()[0])) + static_cast<double>(number_in(time.value()[1])) / 1e6;
  });
  if (!clock) return clock.error();
  facts.clock = clock.value();
  return facts;
}

Result<PostgresFacts> look_at(PostgresClient& store) {
  const auto text = store.run(
      "select json_build_object('version', current_setting('server_version_num')::int, "
      "'settings', (select json_object_agg(name, coalesce(reset_val, setting)) from pg_settings where name in ("
      "'synchronous_commit', 'fsync', 'max_connections', 'autovacuum', 'default_transaction_read_only', 'server_version')), "
      "'connections', (select count(*) from pg_stat_activity where backend_type = 'client backend'), "
      "'in_recovery', pg_is_in_recovery(), "
      "'may_create', has_database_privilege(current_database(), 'create'), "
      "'superuser', (select rolsuper from pg_roles where rolname = current_user))");
  if (!text) return text.error();
  const auto row = nlohmann::json::parse(text.value(), nullptr, false);
  if (!row.is_object()) return Error{"PostgreSQL answered in another shape than this program expects"};
  PostgresFacts facts{.settings = row.at("settings").get<Settings>(),
                      .version = row.at("version").get<int>(),
                      .connections = row.at("connections").get<std::int64_t>(),
                      .in_recovery = row.at("in_recovery").get<bool>(),
                      .may_create = row.at("may_create").get<bool>(),
                      .superuser = row.at("superuser").get<bool>(),
                      .clock = {}};
  const auto clock = read_clock([&]() -> Result<double> {
    const auto time = store.run("select extract(epoch from clock_timestamp())");
    if (!time) return time.error();
    double value = 0;
    std::from_chars(time.value().data(), time.value().data() + time.value().size(), value);
    return value;
  });
  if (!clock) return clock.error();
  facts.clock = clock.value();
  return facts;
}

std::vector<Finding> judge(const RedisFacts& facts) {
  std::vector<Finding> findings;
  const std::string version = setting(facts.info, "redis_version");
  if (number_in(version) >= 7) {
    findings.push_back({Level::ok, "redis version", version});
  } else {
    findings.push_back({Level::error, "redis version", version, "Drydock needs Redis 7 or later"});
  }
  if (setting(facts.info, "role") == "slave") {
    findings.push_back(
        {Level::error, "redis writes", "it is a replica: it takes no writes", "give the address of its master"});
  }
  findings.push_back(judge_memory(facts.info));
  findings.push_back(judge_evictions(facts.info));
  findings.push_back(judge_persistence(facts.info));
  findings.push_back(judge_clock("redis clock", "Redis", facts.clock));
  return findings;
}

std::vector<Finding> judge(const PostgresFacts& facts) {
  std::vector<Finding> findings;
  findings.push_back({Level::ok, "postgres version", setting(facts.settings, "server_version")});
  findings.push_back({Level::ok, "postgres schema", fmt::format("version {}, as this program needs it", kSchemaVersion)});
  findings.push_back(judge_rights(facts));
  findings.push_back(judge_commits(facts));
  findings.push_back(judge_connections(facts));
  if (setting(facts.settings, "autovacuum") == "off") {
    findings.push_back({Level::warning, "postgres autovacuum", "off",
                        "autovacuum = on: without it tables grow for ever, and decisions get slower"});
  }
  findings.push_back(judge_clock("postgres clock", "PostgreSQL", facts.clock));
  return findings;
}

std::vector<Finding> judge(const ClusterView& cluster, const postgres::Lease& leader) {
  std::vector<Finding> findings;
  if (leader.left > Duration{0}) {
    findings.push_back({Level::ok, "scheduler", fmt::format("{} leads, epoch {}", leader.holder, leader.epoch)});
  } else {
    findings.push_back({Level::warning, "scheduler", "none leads: jobs wait", "start one: drydock scheduler"});
  }
  const std::string workers = fmt::format("{} live, {} of them about to leave", cluster.workers.size(), cluster.draining());
  if (cluster.workers.size() > cluster.draining()) findings.push_back({Level::ok, "workers", workers});
  else findings.push_back({Level::warning, "workers", workers + ": jobs wait", "start some: drydock worker"});
  if (cluster.unreadable > 0) {
    findings.push_back({Level::warning, "registry",
                        fmt::format("{} keys worker:* are no workers of this version", cluster.unreadable),
                        "give each installation in this Redis its own --key-prefix, or end workers of other versions"});
  }
  return findings;
}

Finding judge(const std::optional<KeysClaim>& claim, const Installation& own, const RedisClientOptions& redis) {
  if (!claim) return {Level::ok, "redis keys", "no scheduler has claimed them yet"};
  if (claim->of.id == own.id) return {Level::ok, "redis keys", fmt::format("of this installation, {}", own.place)};
  return {
      Level::error, "redis keys",
      fmt::format("of another installation, {} (scheduler {}); this is {}", claim->of.place, claim->of.scheduler, own.place),
      fmt::format("give this one another --key-prefix (now \"{}\"), or end the schedulers of the other", redis.key_prefix)};
}

Finding unreachable(std::string_view store, const std::string& message) {
  std::string advice = advice_on_passwords(message);
  if (advice.empty()) {
    advice =
        message.find("start a scheduler") != std::string::npos
            ? "start a scheduler of this version once, then ask again"
            : fmt::format("check that it runs, that --{} (or DRYDOCK_{}) is its address, and that no firewall is between",
                          store, store == "redis" ? "REDIS" : "POSTGRES");
  }
  return {Level::error, fmt::format("{} reachable", store), message, std::move(advice)};
}

std::string advice_on_passwords(std::string_view message) {
  const auto says = [&](std::string_view part) { return message.find(part) != std::string_view::npos; };
  if (says("NOAUTH") || says("WRONGPASS") || says("does not let")) {
    return "Redis wants another password: set DRYDOCK_REDIS_PASSWORD, and with access lists name the user, "
           "redis://user@host";
  }
  if (says("NOPERM"))
    return "the user of Redis may not do that: give it all commands on the keys of this installation (ACL SETUSER)";
  if (says("password")) return "PostgreSQL wants another password: set PGPASSWORD, or write it into ~/.pgpass";
  if (says("no pg_hba.conf entry"))
    return "pg_hba.conf of PostgreSQL does not let this user in from this machine: add a line there";
  return {};
}

}  // namespace drydock::runtime
