// JSON as text that people can read, too. For sources only: headers of this folder need no JSON library.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace drydock::reports {

// Indented by two; lists of numbers stand on one line. Broken UTF-8 is replaced. No newline at the end.
[[nodiscard]] std::string json_text(const nlohmann::ordered_json& json);

// A whole number without ".0"; null for what JSON cannot say.
[[nodiscard]] nlohmann::ordered_json json_number(double value);

}  // namespace drydock::reports
