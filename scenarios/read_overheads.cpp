// Section control_plane.overheads, and what is said of where such figures are from.
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"

#include <fmt/format.h>

namespace drydock::scenarios {

void read_overheads(const ObjectReader& plane, Scenario& scenario) {
  const auto node = plane.find("overheads");
  if (!node) return;
  const AsWritten as_written(node->diagnostics());
  const ObjectReader overheads(*node, keys::kOverheads);
  const auto random = [&](std::string_view key) {
    const auto found = overheads.find(key);
    return found ? std::optional(read_duration_distribution(*found)) : std::nullopt;
  };
  scenario.overheads = {.dispatch = random("dispatch"),
                        .report = random("report"),
                        .process_start = random("process_start"),
                        .timer = random("timer"),
                        .step = overheads.duration("step", Duration{0}),
                        .event = overheads.duration("event", Duration{0})};
}

// The figures of a file were put where they belong before; a journal remembers only where they were from.
void read_calibrated(const ObjectReader& top, Scenario& scenario) {
  const auto node = top.find("calibration");
  if (!node) return;
  if (node->json().is_string()) {
    scenario.calibration = {.file = node->text(), .date = {}, .host = {}};
    return;
  }
  const ObjectReader calibrated(*node, keys::kCalibrated);
  scenario.calibration = {
      .file = calibrated.require("file").text(), .date = calibrated.text("date"), .host = calibrated.text("host")};
}

std::string origin_of_figures(const Scenario& scenario) {
  if (const auto& from = scenario.calibration) {
    return fmt::format("measured: {}{}{}", from->file, from->date.empty() ? "" : fmt::format(", {}", from->date),
                       from->host.empty() ? "" : fmt::format(", on {}", from->host));
  }
  const bool written = scenario.registry_latency || scenario.commit_latency || scenario.query_latency ||
                       scenario.redis_service || scenario.database_latency || scenario.commit_row > Duration{0} ||
                       scenario.overheads.any();
  return written ? "as written in the scenario" : "";
}

}  // namespace drydock::scenarios
