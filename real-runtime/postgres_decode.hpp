// What a server's answers to the calls of an operation mean. No I/O: for the blocking client and for an asynchronous one.
#pragma once

#include "policies/ports/postgres.hpp"

#include <span>

struct pg_result;

namespace drydock::runtime {

// `results`: one for each call of encode(op), up to the first that is an error. An error of the server becomes Failed; so does an answer of
// a shape that the operation never has. TakeHints has no calls: its answer is not made here.
[[nodiscard]] postgres::Reply decode(const postgres::Op& op, std::span<const pg_result* const> results);

}  // namespace drydock::runtime
