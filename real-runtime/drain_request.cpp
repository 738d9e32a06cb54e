#include "real-runtime/drain_request.hpp"

#include "policies/ports/worker_text.hpp"

#include <fmt/format.h>
#include <variant>

namespace drydock::runtime {

std::string drain_key(WorkerId worker) { return fmt::format("drain:{}", worker.value); }

Result<redis::Done> ask_to_drain(RedisClient& redis, WorkerId worker, std::uint32_t incarnation) {
  const auto asked = redis.run({"SET", redis.key(drain_key(worker)), std::to_string(incarnation), "PX",
                                std::to_string(redis::ttl_ms(kDrainRequestLasts))});
  if (!asked) return asked.error();
  const auto reply = redis.execute(redis::Push{mail_queue(worker), std::string(kDrainNotice)});
  if (std::holds_alternative<redis::Failed>(reply)) return Error{to_text(reply)};
  return redis::Done{};
}

Result<bool> drain_request_stands(RedisClient& redis, WorkerId worker, std::uint32_t incarnation) {
  const auto text = redis.run({"GET", redis.key(drain_key(worker))});
  if (!text) return text.error();
  return !text.value().empty() && text.value().front() == std::to_string(incarnation);
}

}  // namespace drydock::runtime
