// What a client sends for an operation. No I/O: for the blocking client and for an asynchronous one.
#pragma once

#include "policies/ports/redis.hpp"
#include "real-runtime/redis_scripts.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime {

struct RedisCommand {
  // None: `arguments` is the whole command. Else they follow EVALSHA and the SHA of this script (number of keys, keys, arguments).
  std::optional<RedisScript> script;
  std::vector<std::string> arguments;
};

// `prefix` stands before all keys.
[[nodiscard]] RedisCommand encode(const redis::Op& op, std::string_view prefix);

}  // namespace drydock::runtime
