#include "cli/stores.hpp"

#include "cli/command.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fmt/format.h>

#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/doctor.hpp"
#include "real-runtime/postgres_schema.hpp"
#include "real-runtime/store_urls.hpp"
#endif

namespace drydock::cli {

void declare_redis(CLI::App& app, StoreArguments& stores) {
  app.add_option("--redis", stores.redis,
                 "Redis: redis://[user:password@]host[:port][/database] or unix:///path (or DRYDOCK_REDIS)")
      ->type_name("URL");
  app.add_option("--key-prefix", stores.key_prefix, "Before every key in Redis: several installations in one")
      ->type_name("TEXT");
}

void declare_postgres(CLI::App& app, StoreArguments& stores) {
  app.add_option("--postgres", stores.postgres,
                 "PostgreSQL: postgres://[user@]host[:port]/database, or key=value pairs (or DRYDOCK_POSTGRES)")
      ->type_name("URL");
  app.add_option("--schema", stores.schema, "Schema in that database (default drydock): several installations in one")
      ->type_name("NAME");
}

int no_store(const std::string& message) {
  (void)bad_input(message);
  // Where the store answered, the message has what to do.
  if (message.find("start a scheduler") != std::string::npos) return kNoStore;
  std::string advice;
#ifdef DRYDOCK_WITH_RUNTIME
  advice = runtime::advice_on_passwords(message);
#endif
  if (advice.empty())
    advice = "Check that the server runs, that its address is right, and that it lets you in (`drydock doctor`)";
  fmt::print(stderr, "{}.\n", advice);
  return kNoStore;
}

#ifdef DRYDOCK_WITH_RUNTIME

namespace {

std::string or_environment(const std::string& value, const char* name) {
  if (!value.empty()) return value;
  const char* found = std::getenv(name);
  return found == nullptr ? std::string() : found;
}

}  // namespace

bool says_where_redis_is(const StoreArguments& stores) { return !or_environment(stores.redis, "DRYDOCK_REDIS").empty(); }

bool says_where_postgres_is(const StoreArguments& stores) {
  return !or_environment(stores.postgres, "DRYDOCK_POSTGRES").empty();
}

Result<runtime::RedisClientOptions> redis_options(const StoreArguments& stores) {
  const std::string url = or_environment(stores.redis, "DRYDOCK_REDIS");
  if (url.empty()) return Error{"where is Redis? Say --redis redis://host:6379, or set DRYDOCK_REDIS"};
  auto address = runtime::parse_redis_url(url);
  if (!address) return Error{"--redis: " + address.error().message};
  runtime::RedisClientOptions options{.address = std::move(address).value(), .key_prefix = stores.key_prefix};
  options.address.password = or_environment(options.address.password, "DRYDOCK_REDIS_PASSWORD");
  return options;
}

Result<runtime::PostgresClientOptions> postgres_options(const StoreArguments& stores) {
  const std::string url = or_environment(stores.postgres, "DRYDOCK_POSTGRES");
  if (url.empty())
    return Error{"where is PostgreSQL? Say --postgres postgres://user@host/database, or set DRYDOCK_POSTGRES"};
  const auto checked = runtime::check_postgres_url(url);
  if (!checked) return Error{"--postgres: " + checked.error().message};
  if (!runtime::is_schema_name(stores.schema)) {
    return Error{"--schema: a name has at most 20 of a-z, 0-9 and '_', begins with a letter, and not with pg_"};
  }
  return runtime::PostgresClientOptions{.connection = checked.value(), .schema = stores.schema};
}

#endif

}  // namespace drydock::cli
