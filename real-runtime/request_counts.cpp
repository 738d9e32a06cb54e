#include "real-runtime/request_counts.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace drydock::runtime {

void RequestCounts::add(const std::string& method, const std::string& route, int status, Duration took) {
  const double time = seconds(took);
  const auto bucket = std::ranges::lower_bound(kBuckets, time) - kBuckets.begin();
  const std::lock_guard lock(mutex_);
  ++ended_[{method, route, status}];
  ++took_.at(static_cast<std::size_t>(bucket));
  seconds_ += time;
}

std::string RequestCounts::text() const {
  const std::lock_guard lock(mutex_);
  std::string out =
      "# HELP drydock_http_requests_total Requests that were answered.\n# TYPE drydock_http_requests_total counter\n";
  for (const auto& [key, count] : ended_) {
    const auto& [method, route, status] = key;
    fmt::format_to(std::back_inserter(out), "drydock_http_requests_total{{method=\"{}\",route=\"{}\",status=\"{}\"}} {}\n",
                   method, route, status, count);
  }
  out +=
      "# HELP drydock_http_request_duration_seconds Time from a request's headers to its response.\n"
      "# TYPE drydock_http_request_duration_seconds histogram\n";
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < took_.size(); ++i) {
    sum += took_.at(i);
    const std::string end = i < kBuckets.size() ? fmt::format("{}", kBuckets.at(i)) : "+Inf";
    fmt::format_to(std::back_inserter(out), "drydock_http_request_duration_seconds_bucket{{le=\"{}\"}} {}\n", end, sum);
  }
  fmt::format_to(std::back_inserter(out),
                 "drydock_http_request_duration_seconds_sum {}\ndrydock_http_request_duration_seconds_count {}\n", seconds_,
                 sum);
  return out;
}

}  // namespace drydock::runtime
