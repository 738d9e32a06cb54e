// Measures what a simulation has to know of stores, workers and this machine: through the clients and drivers that run jobs for real, so
// that what is measured is what runs.
#pragma once

#include "policies/core/result.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/redis_client.hpp"
#include "scenarios/calibration.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace drydock::runtime {

// How much is measured. What takes longest is bounded by time, all else by number.
struct CalibrationSize {
  Duration series = std::chrono::seconds{2};  // of each operation of a store
  std::size_t most = 20'000;                  // measurements of it
  std::size_t commits = 40;                   // of each number of rows
  std::size_t timers = 500;
  std::size_t processes = 200;    // attempts that run `true`, one after another
  std::size_t attempts = 20'000;  // that do nothing, in each of two drains
};
[[nodiscard]] CalibrationSize quick_calibration();

struct CalibrationOptions {
  // A schema of this name is made and removed, as are all keys with this prefix: they must be of nobody else.
  RedisClientOptions redis{};
  PostgresClientOptions postgres{};
  CalibrationSize size{};
  std::function<void(std::string_view)> progress{};  // what is measured next
  const std::atomic<bool>* stop = nullptr;           // ends it early once it is true
};

// Where it is stopped, what was measured until then is returned, and is not complete. Errors: a store cannot be reached, or goes away. The
// context has what the stores say of themselves.
[[nodiscard]] Result<scenarios::Calibration> calibrate(EventLoop& loop, const CalibrationOptions& options);

}  // namespace drydock::runtime
