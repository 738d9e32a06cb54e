// What a server's answer to an operation means. No I/O: for the blocking client and for an asynchronous one.
#pragma once

#include "policies/ports/redis.hpp"

struct redisReply;

namespace drydock::runtime {

// Whether the server does not know the script of EVALSHA: it did nothing; load the script and send again.
[[nodiscard]] bool is_noscript(const redisReply& reply);

// The answer to `op`. An error of the server becomes Failed; so does an answer of a shape that the operation never has.
[[nodiscard]] redis::Reply decode(const redis::Op& op, const redisReply& reply);

}  // namespace drydock::runtime
