#include "sim/shrink.hpp"

#include "scenarios/simpler.hpp"

#include <set>
#include <string>
#include <utility>

namespace drydock::sim {

Shrunk shrink(const Finding& finding, const HuntOptions& options, std::uint64_t most, const std::atomic<bool>& stop,
              const std::function<void(std::uint64_t)>& progress) {
  Shrunk shrunk{.finding = finding};
  const std::string symptom = symptom_of(finding.result);
  std::set<std::string> in_vain;
  for (bool again = true; again;) {
    again = false;
    for (const scenarios::Json& version : scenarios::simpler_scenarios(scenarios::Json::parse(shrunk.finding.scenario))) {
      std::string text = version.dump();
      if (in_vain.contains(text)) continue;
      if (stop.load() || shrunk.tries >= most) return shrunk;
      ++shrunk.tries;
      if (progress) progress(shrunk.tries);
      reports::RunResult result = try_scenario(text, options, stop);
      if (went_wrong(result) && !result.partial && symptom_of(result) == symptom) {
        shrunk.finding.scenario = std::move(text);
        shrunk.finding.result = std::move(result);
        again = true;
        break;
      }
      in_vain.insert(std::move(text));
    }
  }
  shrunk.smallest = true;
  return shrunk;
}

}  // namespace drydock::sim
