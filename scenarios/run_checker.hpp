// What the runtime knows of what jobs run, and scenarios do not.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace drydock::scenarios {

// Says what is wrong with what a job is to run for real ("run", as JSON): "/files/0/name: ..."; nothing: it is right.
using RunChecker = std::function<std::optional<std::string>(const std::string& json)>;

}  // namespace drydock::scenarios
