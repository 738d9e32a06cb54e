// Section: faults.
#include "scenarios/faults/faults.hpp"
#include "scenarios/sections.hpp"

#include <algorithm>
#include <string_view>
#include <variant>
#include <vector>

namespace drydock::scenarios {

void read_faults(const ObjectReader& top, Scenario& scenario) {
  const auto node = top.find("faults");
  if (!node) return;
  std::vector<std::string_view> types;
  for (const FaultKind& kind : fault_kinds()) types.push_back(kind.type);
  std::size_t bursts = 0;
  for (const Node& item : node->items()) {
    if (!item.json().is_object() || !item.json().contains("type")) {
      const ObjectReader object(item, fault_kinds().front().keys);
      (void)object.require("type");
      return;
    }
    const std::string type = item.member("type").word(types);
    if (item.diagnostics().failed()) return;
    const FaultKind& kind = *std::ranges::find(fault_kinds(), type, &FaultKind::type);
    scenario.faults.push_back(kind.read(ObjectReader(item, kind.keys), scenario));
    const auto* loss = std::get_if<MessageLoss>(&scenario.faults.back());
    constexpr std::size_t kMostBursts = 32;
    if (loss != nullptr && loss->burst && ++bursts > kMostBursts) item.fail("more than 32 bursty message losses");
  }
}

}  // namespace drydock::scenarios
