// What is wrong, or may go wrong, with the stores and the machine that an installation runs on. Facts are collected in one place and judged
// in another, without I/O.
#pragma once

#include "policies/core/result.hpp"
#include "real-runtime/cluster_view.hpp"
#include "real-runtime/installation_claim.hpp"
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/redis_client.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime {

struct Finding {
  enum class Level : std::uint8_t { ok, warning, error };
  Level level = Level::ok;
  std::string check;     // what was looked at, "redis eviction"
  std::string text;      // what is so
  std::string advice{};  // what to do; empty where it is ok
};
[[nodiscard]] std::string_view to_string(Finding::Level level);

// --- facts ---

using Settings = std::map<std::string, std::string, std::less<>>;

// How far the clock of a server is ahead of this machine's, and how sure that is.
struct ClockReading {
  double ahead_s = 0;
  double unsure_s = 0;  // half of the time that the question took
};

struct RedisFacts {
  Settings info;  // the lines of INFO
  ClockReading clock;
};
[[nodiscard]] Result<RedisFacts> look_at(RedisClient& redis);
// "name:value" lines; others are left out.
[[nodiscard]] Settings parse_info(std::string_view text);

struct PostgresFacts {
  Settings settings;  // of pg_settings, for new sessions
  int version = 0;    // 150004
  std::int64_t connections = 0;
  bool in_recovery = false;
  bool may_create = false;  // schemas in this database
  bool superuser = false;
  ClockReading clock;
};
[[nodiscard]] Result<PostgresFacts> look_at(PostgresClient& store);

// --- judgements ---

[[nodiscard]] std::vector<Finding> judge(const RedisFacts& facts);
[[nodiscard]] std::vector<Finding> judge(const PostgresFacts& facts);
[[nodiscard]] std::vector<Finding> judge(const ClusterView& cluster, const postgres::Lease& leader);
// Whose the keys in Redis are. `claim`: what was read there; nothing: nobody's.
[[nodiscard]] Finding judge(const std::optional<KeysClaim>& claim, const Installation& own, const RedisClientOptions& redis);

// Why a store could not be reached, as one finding with what to do. `store`: "redis" or "postgres".
[[nodiscard]] Finding unreachable(std::string_view store, const std::string& message);

// What to do about a store that does not let us in; empty: it is not that.
[[nodiscard]] std::string advice_on_passwords(std::string_view message);

// This machine as one for workers, whose jobs folder may be empty (a temporary one) and whose jobs run as that user where it is root. Makes
// and removes a control group and, in the folder, a file.
[[nodiscard]] std::vector<Finding> look_at_machine(const std::string& jobs_folder, const std::string& run_as);

}  // namespace drydock::runtime
