#include "reports/share_metrics.hpp"

#include <cmath>
#include <string_view>

namespace drydock::reports {
namespace {

constexpr std::array<std::string_view, 3> kLimits{"concurrency", "requests_per_minute", "tokens_per_minute"};

void put_excess(const std::string& name, const std::optional<ExcessFigures>& excess, std::map<std::string, double>& into) {
  if (!excess) return;
  if (std::isfinite(excess->max_ratio)) into[name + ".max_ratio"] = excess->max_ratio;
  into[name + ".seconds"] = excess->seconds;
  into[name + ".longest_s"] = excess->longest_s;
}

void put_use(const std::string& name, const UseFigures& use, std::map<std::string, double>& into) {
  into[name + ".mean"] = use.mean;
  into[name + ".max"] = use.max;
}

}  // namespace

void put_figures(const ShareFigures& figures, std::map<std::string, double>& into) {
  put_excess("share_excess", figures.any_excess, into);
  for (std::size_t i = 0; i < kLimits.size(); ++i) {
    put_excess("share_excess." + std::string(kLimits[i]), figures.excess[i], into);
  }
  into["requests_made"] = static_cast<double>(figures.requests_made);
  into["requests_refused"] = static_cast<double>(figures.requests_refused);
  into["requests_stopped"] = static_cast<double>(figures.requests_stopped);
  into["throttled_s"] = figures.throttled_s;
  if (figures.task_s > 0) into["throttled_fraction"] = figures.throttled_s / figures.task_s;
  put_use("requests_in_flight", figures.in_flight, into);
  put_use("requests_per_minute", figures.requests_per_minute, into);
  put_use("tokens_per_minute", figures.tokens_per_minute, into);
}

}  // namespace drydock::reports
