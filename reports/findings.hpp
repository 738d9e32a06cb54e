// What a comparison found, in sentences.
#pragma once

#include "reports/comparison.hpp"
#include "reports/numbers.hpp"

#include <span>
#include <string>
#include <vector>

namespace drydock::reports {

// One sentence on one metric: who is best and by how much, or between whom no difference is shown. `random`: whether the
// results depend on the seed at all.
[[nodiscard]] std::string say(const Verdict& verdict, const ShownUnits& units, bool random);

// At most six sentences: on the first three of `metrics` that can be judged, on what the shortest mean wait costs others
// where that is among them, and on what remains open.
[[nodiscard]] std::vector<std::string> say_findings(std::span<const RunResult> runs, std::span<const std::string> metrics,
                                                    const ShownUnits& units, bool random);

}  // namespace drydock::reports
