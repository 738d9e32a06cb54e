// How many requests there were, how they ended and how long they took.
#pragma once

#include "policies/core/time.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

namespace drydock::runtime {

// For several threads.
class RequestCounts {
 public:
  // Upper ends of the buckets of times, in seconds; the last one has none.
  static constexpr std::array<double, 7> kBuckets{0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10};

  // `route`: its pattern, so that there are few.
  void add(const std::string& method, const std::string& route, int status, Duration took);

  // As Prometheus reads them.
  [[nodiscard]] std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, std::uint64_t> ended_;  // by method, route and status
  std::array<std::uint64_t, kBuckets.size() + 1> took_{};
  double seconds_ = 0;
};

}  // namespace drydock::runtime
