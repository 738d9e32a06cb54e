// What a server's answer to an operation means. No I/O: for the blocking client and for an asynchronous one.
#pragma once

#include "policies/core/result.hpp"
#include "policies/ports/redis.hpp"

#include <string>
#include <vector>

struct redisReply;

namespace drydock::runtime {

// Whether the server does not know the script of EVALSHA: it did nothing; load the script and send again.
[[nodiscard]] bool is_noscript(const redisReply& reply);

// The answer to `op`. An error of the server becomes Failed; so does an answer of a shape that the operation never has.
[[nodiscard]] redis::Reply decode(const redis::Op& op, const redisReply& reply);

// The texts of any answer, in order: none for nil, several for an array; numbers in decimal. An error of the server is one.
[[nodiscard]] Result<std::vector<std::string>> texts_of(const redisReply& reply);

}  // namespace drydock::runtime
