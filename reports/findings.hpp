// What a comparison found, in sentences.
#pragma once

#include "reports/comparison.hpp"

#include <string>

namespace drydock::reports {

// One sentence on one metric: who is best and by how much, or between whom no difference is shown. `random`: whether the
// results depend on the seed at all.
[[nodiscard]] std::string say(const Verdict& verdict, bool random);

}  // namespace drydock::reports
