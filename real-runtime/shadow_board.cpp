#include "real-runtime/shadow_board.hpp"

#include <fmt/format.h>

namespace drydock::runtime {

Result<std::optional<ShadowReport>> read_shadow(RedisClient& redis) {
  const auto texts = redis.run({"GET", redis.key(kShadowKey)});
  if (!texts) return texts.error();
  if (texts.value().empty()) return std::optional<ShadowReport>{};
  auto report = parse_shadow_report(texts.value().front());
  if (!report) return Error{fmt::format("what Redis has under {} cannot be read: {}", kShadowKey, report.error().message)};
  return std::optional(std::move(report).value());
}

}  // namespace drydock::runtime
