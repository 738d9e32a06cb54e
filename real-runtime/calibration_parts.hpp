// What calibrate() is made of. Each part fills in its figures, and returns early where it is told to stop or a store goes away.
#pragma once

#include "real-runtime/calibration.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime::calibration {

// What all parts share.
struct Bench {
  EventLoop& loop;
  const CalibrationOptions& options;
  scenarios::Calibration& result;
  std::optional<std::string> problem{};  // with a store

  [[nodiscard]] bool stopped() const { return options.stop != nullptr && options.stop->load(std::memory_order_relaxed); }
  [[nodiscard]] bool over() const { return stopped() || problem.has_value(); }
  void tell(std::string_view what) const {
    if (options.progress) options.progress(what);
  }
  // Runs the loop until it is so; false: it is over, or was not so after this time.
  [[nodiscard]] bool run_until(const std::function<bool()>& so, Duration longest) {
    return run_whatever([&] { return so() || over(); }, longest) && so();
  }
  // Likewise, also when it is over.
  [[nodiscard]] bool run_whatever(const std::function<bool()>& so, Duration longest);
  void keep(std::string name, std::vector<double> seconds) const {
    if (!seconds.empty()) result.figures[std::move(name)] = scenarios::figure_of(std::move(seconds));
  }
};

struct SeriesLimits {
  std::size_t width = 1;  // orders on their way at a time
  std::size_t most = 1;
  Duration longest{};
};
struct Series {
  std::vector<double> took;  // s, of each
  double busy = 0;           // s between two answers, on average
};
// Sends orders until so many were answered, or so long; `send` sends one and has `answered` called with what went wrong, if anything did.
using Answered = std::function<void(std::optional<std::string>)>;
[[nodiscard]] Series run_series(Bench& bench, const SeriesLimits& limits, const std::function<void(Answered)>& send);

void measure_timers(Bench& bench);
void measure_redis(Bench& bench);
void measure_postgres(Bench& bench);
void measure_attempts(Bench& bench);  // dispatch, report, process_start
void measure_cpu(Bench& bench);

}  // namespace drydock::runtime::calibration
