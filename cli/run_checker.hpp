// What a scenario's jobs run for real, checked as whatever else jobs run.
#pragma once

#include <optional>
#include <string>

namespace drydock::cli {

// For scenarios::LoadOptions. A command, script or container: "duration" is the only sleep.
[[nodiscard]] std::optional<std::string> problem_with_run(const std::string& json);

}  // namespace drydock::cli
