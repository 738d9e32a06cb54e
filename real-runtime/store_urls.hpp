// Where the stores are, as people write it down. What is wrong with it is said without repeating it: it may hold a password.
#pragma once

#include "policies/core/result.hpp"
#include "real-runtime/redis_client.hpp"

#include <string>
#include <string_view>

namespace drydock::runtime {

// redis://[user[:password]@]host[:port][/database], unix:///path[?db=N], or a path. %40 stands for '@' in names and passwords.
[[nodiscard]] Result<RedisAddress> parse_redis_url(std::string_view url);

// What libpq understands: postgres://user@host:port/database?key=value, or key=value pairs. Returned as it is.
[[nodiscard]] Result<std::string> check_postgres_url(std::string_view url);

}  // namespace drydock::runtime
