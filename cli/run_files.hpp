// Recorded runs, as the command line names them: FILE, FOLDER, FILE:variant.
#pragma once

#include "policies/core/result.hpp"
#include "reports/match.hpp"

#include <string>
#include <string_view>

namespace drydock::cli {

// Reads the result.json of `simulate --out` or what `simulate --format json` printed; the up.json of `up --out`; a folder of these, or one
// whose folders each have an up.json of the same scenario and variant: runs under several seeds. What comes behind the last colon is a
// variant, unless there is a file or folder of the whole name. Errors name the file and the place in it.
[[nodiscard]] Result<reports::ChosenRun> read_run(std::string_view named);

// The same from the text of a file; `label` stands for it in messages and reports.
[[nodiscard]] Result<reports::Recorded> read_recorded(std::string_view text, const std::string& label);

}  // namespace drydock::cli
