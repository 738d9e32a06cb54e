#include "scenarios/simpler.hpp"

#include "scenarios/units.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace drydock::scenarios {
namespace {

using Pointer = Json::json_pointer;

class Simplifier {
 public:
  explicit Simplifier(const Json& scenario) : scenario_(scenario) {}

  std::vector<Json> all() {
    fewer("/faults", 0);
    each("/faults", [this](const Pointer& entry) { surely_alone(entry); });
    fewer("/workload", 1);
    fewer("/cluster/hosts", 1);
    for (const auto* path : {"/cluster/stores", "/checkpoint", "/limits", "/policies"}) without(Pointer(path));
    without_members(Pointer("/cluster/stores"));
    without_members(Pointer("/policies"));
    each("/workload", [this](const Pointer& entry) { simplify_work(entry); });
    each("/cluster/hosts", [this](const Pointer& entry) { smaller_count(entry / "count"); });
    each("/faults", [this](const Pointer& entry) { simplify_fault(entry); });
    return std::move(versions_);
  }

 private:
  template <class Change>
  void offer(const Change& change) {
    Json version = scenario_;
    change(version);
    if (version != scenario_) versions_.push_back(std::move(version));
  }

  template <class Visit>
  void each(const char* path, const Visit& visit) {
    const Pointer list(path);
    if (!scenario_.contains(list)) return;
    for (std::size_t i = 0; i < scenario_[list].size(); ++i) visit(list / i);
  }

  void without(const Pointer& part) {
    if (!scenario_.contains(part)) return;
    offer([&](Json& json) { json[part.parent_pointer()].erase(part.back()); });
  }

  void without_members(const Pointer& object) {
    if (!scenario_.contains(object)) return;
    for (const auto& [key, value] : scenario_[object].items()) without(object / key);
  }

  // Delta debugging's chunks (Zeller and Hildebrandt, IEEE TSE 28(2), 2002): all, then halves, single ones last.
  void fewer(const char* path, std::size_t least) {
    const Pointer list(path);
    if (!scenario_.contains(list)) return;
    const std::size_t size = scenario_[list].size();
    for (std::size_t chunk = size; chunk > 0; chunk = chunk == 1 ? 0 : (chunk + 1) / 2) {
      for (std::size_t from = 0; from < size; from += chunk) {
        const std::size_t to = std::min(size, from + chunk);
        if (size - (to - from) < least) continue;
        offer([&](Json& json) {
          const auto begin = json[list].begin();
          json[list].erase(begin + static_cast<std::ptrdiff_t>(from), begin + static_cast<std::ptrdiff_t>(to));
        });
      }
    }
  }

  // What a fault strikes depends on its place in the list, unless it strikes for sure.
  void surely_alone(const Pointer& entry) {
    if (!scenario_.contains(entry / "probability")) return;
    offer([&](Json& json) {
      Json fault = json[entry];
      fault["probability"] = 1;
      json[entry.parent_pointer()] = Json::array({std::move(fault)});
    });
  }

  void smaller_count(const Pointer& place) {
    if (!scenario_.contains(place) || !scenario_[place].is_number_integer()) return;
    const auto now = scenario_[place].get<std::int64_t>();
    for (const std::int64_t smaller : {std::int64_t{1}, now / 2, now - 1}) {
      if (smaller >= 1 && smaller < now) offer([&](Json& json) { json[place] = smaller; });
    }
  }

  void simplify_work(const Pointer& entry) {
    smaller_count(entry / "count");
    constexpr std::array<std::string_view, 6> kNeeded{"name", "queue", "count", "arrivals", "duration", "requests"};
    for (const auto& [key, value] : scenario_[entry].items()) {
      if (std::ranges::find(kNeeded, key) == kNeeded.end()) without(entry / key);
    }
  }

  void simplify_fault(const Pointer& entry) {
    for (const auto* key : {"burst", "snapshot_age", "applied", "grace", "direction", "kinds", "lag", "rate"}) {
      without(entry / key);
    }
    earlier(entry / "at", Duration{0});
    earlier(entry / "for", std::chrono::milliseconds{1});
    const Pointer probability = entry / "probability";
    if (scenario_.contains(probability)) offer([&](Json& json) { json[probability] = 1; });
  }

  // Nothing, half of it, then rounder figures.
  void earlier(const Pointer& place, Duration least) {
    if (!scenario_.contains(place)) return;
    const auto now = parse_duration(scenario_[place].get<std::string>());
    if (!now) return;
    const auto put = [&](Duration time) {
      if (time >= least && time < now.value()) offer([&](Json& json) { json[place] = format_duration(time); });
    };
    put(least);
    put(now.value() / 2 / std::chrono::milliseconds{1} * std::chrono::milliseconds{1});
    for (const Duration grain : {Duration{std::chrono::seconds{10}}, Duration{std::chrono::seconds{1}},
                                 Duration{std::chrono::milliseconds{100}}, Duration{std::chrono::milliseconds{10}}}) {
      put(now.value() / grain * grain);
    }
  }

  const Json& scenario_;
  std::vector<Json> versions_;
};

}  // namespace

std::vector<Json> simpler_scenarios(const Json& scenario) { return Simplifier(scenario).all(); }

}  // namespace drydock::scenarios
