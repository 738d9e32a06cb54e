#include "scenarios/faults/faults.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>
#include <vector>

namespace drydock::scenarios {

// The two ends, in any order.
void check_ends(const ObjectReader& fault) {
  const Node between = fault.require("between");
  constexpr std::array<std::string_view, 2> kEnds{"workers", "redis"};
  std::array<bool, 2> named{};
  const std::vector<Node> ends = between.items();
  for (const Node& end : ends) {
    const std::string word = end.word(kEnds);
    named[word == kEnds[0] ? 0 : 1] = true;
  }
  if (ends.size() != 2 || !named[0] || !named[1]) between.expected(R"(["workers", "redis"])");
}

MessageKinds read_message_kinds(const ObjectReader& fault, MessageKinds fallback) {
  const auto node = fault.find("kinds");
  if (!node) return fallback;
  constexpr std::array<std::string_view, 4> kKinds{"beats", "dispatches", "reports", "shares"};
  MessageKinds kinds{.beats = false, .dispatches = false, .reports = false, .shares = false};
  const std::array<bool*, 4> flags{&kinds.beats, &kinds.dispatches, &kinds.reports, &kinds.shares};
  const std::vector<Node> items = node->items();
  if (items.empty()) node->fail("names no kind of message: leave it out, or name one");
  for (const Node& item : items) {
    const std::string word = item.word(kKinds);
    const auto found = std::ranges::find(kKinds, word);
    if (found != kKinds.end()) *flags[static_cast<std::size_t>(found - kKinds.begin())] = true;
  }
  return kinds;
}

}  // namespace drydock::scenarios
