// What the shortest mean wait costs: others in a queue of theirs, or the unluckiest job.
#pragma once

#include "reports/comparison.hpp"
#include "reports/numbers.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::reports {

inline constexpr std::string_view kMeanWait = "wait_s.mean";

// At most `room` sentences to follow the one on the mean wait, whose verdict is `wait`. Only what the paired tests show.
// `said`: metrics that have a sentence or a row of their own anyway.
[[nodiscard]] std::vector<std::string> say_trade_offs(const Verdict& wait, std::span<const RunResult> runs,
                                                      std::span<const std::string> said, const ShownUnits& units,
                                                      std::size_t room);

}  // namespace drydock::reports
