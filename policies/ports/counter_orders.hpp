// How the core's questions to the counter are carried out by Redis, the same in every world.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/ports/redis.hpp"

#include <cstdint>

namespace drydock {

// `epoch`: of the leader that asks.
[[nodiscard]] redis::Op counter_op(const AskCounter& order, std::int64_t epoch);

[[nodiscard]] CounterAnswered counter_answer(RequestId request, const redis::Reply& reply);

}  // namespace drydock
