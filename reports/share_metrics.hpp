// Figures about the limits of a service and how workers shared them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace drydock::reports {

// What workers with work could use together, against the limit: their shares, and the requests that still ran beyond them.
struct ExcessFigures {
  double max_ratio = 0;  // to the limit; above 1 is an excess
  double seconds = 0;    // above the limit, in all
  double longest_s = 0;  // at a stretch
};

struct UseFigures {
  double mean = 0;
  double max = 0;
};

// Of a whole run.
struct ShareFigures {
  // Of each limit that there is: concurrency, requests per minute, tokens per minute; and of any of them.
  std::array<std::optional<ExcessFigures>, 3> excess;
  std::optional<ExcessFigures> any_excess;
  std::uint64_t requests_made = 0;     // that the service began to serve
  std::uint64_t requests_refused = 0;  // by it
  std::uint64_t requests_stopped = 0;  // before their answer, because their worker's share was over
  double throttled_s = 0;              // time of tasks that were ready to make a request and had to wait
  double task_s = 0;                   // time of tasks that make requests, from start to end
  UseFigures in_flight;                // requests at a time
  UseFigures requests_per_minute;      // the mean over the run; the most within a minute
  UseFigures tokens_per_minute;
};

// Adds the figures under their names.
void put_figures(const ShareFigures& figures, std::map<std::string, double>& into);

}  // namespace drydock::reports
