// The JSON schema (draft-07) of scenario files: for editors, for other tools, and as a backstop behind the loader's own
// checks.
#pragma once

#include "policies/core/result.hpp"
#include "scenarios/document.hpp"

#include <string>

namespace drydock::scenarios {

// scenario.schema.json with the parts about policies made anew from the catalog. The file in the repository must be equal
// to this; a test compares them, and DRYDOCK_UPDATE=1 in its environment rewrites the file.
[[nodiscard]] std::string schema_text();

// Likewise, of a file that `drydock calibrate` wrote.
[[nodiscard]] Result<bool> validate_calibration(const Json& calibration);

// The first way in which `scenario` breaks the schema, as "/json/pointer: what", or true.
[[nodiscard]] Result<bool> validate_against_schema(const Json& scenario);

}  // namespace drydock::scenarios
