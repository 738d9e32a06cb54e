// The options that say where Redis and PostgreSQL are, and what is said when they cannot be reached.
#pragma once

#include "policies/core/result.hpp"

#include <memory>
#include <string>

#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/redis_client.hpp"
#endif

namespace CLI {
class App;
}

namespace drydock::cli {

struct StoreArguments {
  std::string redis;
  std::string postgres;
  std::string key_prefix;
  std::string schema = "drydock";
};

void declare_redis(CLI::App& app, StoreArguments& stores);
void declare_postgres(CLI::App& app, StoreArguments& stores);

inline constexpr std::string_view kPasswords =
    "Passwords are better in the environment than on a command line, which others can read: DRYDOCK_REDIS_PASSWORD, and\n"
    "PGPASSWORD or a ~/.pgpass file for PostgreSQL. DRYDOCK_REDIS and DRYDOCK_POSTGRES stand for the options.";

// "drydock: <message>" on stderr, and what to do. Returns kNoStore.
[[nodiscard]] int no_store(const std::string& message);

#ifdef DRYDOCK_WITH_RUNTIME
// Whether options or environment say it.
[[nodiscard]] bool says_where_redis_is(const StoreArguments& stores);
[[nodiscard]] bool says_where_postgres_is(const StoreArguments& stores);
// With DRYDOCK_REDIS and DRYDOCK_REDIS_PASSWORD where the options say nothing.
[[nodiscard]] Result<runtime::RedisClientOptions> redis_options(const StoreArguments& stores);
// With DRYDOCK_POSTGRES likewise. The rest of the environment is read by libpq.
[[nodiscard]] Result<runtime::PostgresClientOptions> postgres_options(const StoreArguments& stores);
#endif

}  // namespace drydock::cli
