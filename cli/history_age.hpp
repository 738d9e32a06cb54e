// How old jobs must be before they are removed.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "scenarios/units.hpp"

#include <string>

namespace drydock::cli {

// "30d"; an hour at least: a mistaken unit must not take what people still look at.
[[nodiscard]] inline Result<Duration> history_age(const std::string& text) {
  auto age = scenarios::parse_duration(text);
  if (age && age.value() < std::chrono::hours{1}) return Error{"must be an hour (1h) at least"};
  return age;
}

}  // namespace drydock::cli
