#include "scenarios/faults/faults.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/units.hpp"

#include <string>

namespace drydock::scenarios {
namespace {

// A mean ("20d": exponential) or a distribution.
Distribution read_time_between(const Node& node) {
  if (node.json().is_object()) return read_duration_distribution(node);
  return Exponential{seconds(node.duration(Duration{1}))};
}

}  // namespace

FaultTimes read_times(const ObjectReader& fault, Lasting lasting) {
  const bool once = fault.has("at");
  if (once == fault.has("mtbf")) {
    fault.node().fail(lasting == Lasting::nothing
                          ? "needs either \"at\" (once) or \"mtbf\" (again and again)"
                          : "needs either \"at\" (once; with \"for\", over after that time) or \"mtbf\" and \"mttr\" (again "
                            "and again)");
    return WorkerCrash::Once{};
  }
  if (lasting == Lasting::nothing) {
    if (once) return WorkerCrash::Once{fault.duration("at", Duration{0}), Duration{0}};
    return WorkerCrash::Repeated{read_time_between(fault.require("mtbf")), Deterministic{0}};
  }
  if (!once) {
    if (fault.has("for")) fault.node().member("for").fail("goes with \"at\"; with \"mtbf\", say \"mttr\"");
    return WorkerCrash::Repeated{read_time_between(fault.require("mtbf")), read_time_between(fault.require("mttr"))};
  }
  if (fault.has("mttr")) fault.node().member("mttr").fail("goes with \"mtbf\"; with \"at\", say \"for\"");
  WorkerCrash::Once when{fault.duration("at", Duration{0}), std::nullopt};
  if (fault.has("for")) when.lasting = fault.duration("for", Duration{0}, Duration{1});
  else if (lasting == Lasting::must_end) fault.node().fail("says when it begins, but not how long it lasts: add \"for\"");
  return when;
}

Duration read_offset(const Node& node) {
  const std::string text = node.json().is_string() ? node.text() : "";
  const bool negative = text.starts_with('-');
  const auto length = parse_duration(negative ? text.substr(1) : text);
  const Duration scaled = length ? node.diagnostics().scaled(length.value()) : Duration{0};
  if (length) return negative ? -scaled : scaled;
  node.expected("a duration such as \"90s\" or \"-90s\"");
  return Duration{0};
}

OrderFault read_order_fault(const ObjectReader& fault, OrderFault::Kind kind) {
  OrderFault result{.kind = kind};
  result.probability = fault.require("probability").number({0, 1});
  result.at = fault.duration("at", Duration{0});
  if (fault.has("for")) result.lasting = fault.duration("for", Duration{0}, Duration{1});
  return result;
}

Json draw_order_fault(FaultDice& dice) {
  return {{"probability", dice.probability()}, {"at", dice.moment()}, {"for", dice.span()}};
}

}  // namespace drydock::scenarios
