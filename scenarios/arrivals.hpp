// When the jobs of one synthetic source come.
#pragma once

#include "scenarios/scenario.hpp"

#include <cstdint>
#include <memory>

namespace drydock::scenarios {

// Gives the time of the next job at each call, never falling. Times end at kLongest: what would come later comes then.
class ArrivalProcess {
 public:
  virtual ~ArrivalProcess() = default;
  [[nodiscard]] virtual std::int64_t next_ns() = 0;
};

// `stream` is this source's own; streams derived from it are used, too.
[[nodiscard]] std::unique_ptr<ArrivalProcess> make_arrivals(const Arrivals& arrivals, const std::optional<Cycle>& cycle,
                                                            std::uint64_t seed, std::uint64_t stream);

// Mean jobs per second over the long run, as far as the parameters tell; nothing for AtOnce and LublinArrivals.
[[nodiscard]] std::optional<double> mean_rate(const Arrivals& arrivals, const std::optional<Cycle>& cycle);

}  // namespace drydock::scenarios
