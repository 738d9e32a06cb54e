#include "real-runtime/attempt_times.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <unistd.h>

namespace drydock::runtime {

Duration shared_time() { return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()); }

AttemptTimes::~AttemptTimes() {
  if (file_ >= 0) ::close(file_);
}

std::optional<Error> AttemptTimes::open(const std::filesystem::path& file) {
  file_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file_ >= 0) return std::nullopt;
  return Error{fmt::format("cannot write {}: {}", file.string(), std::system_category().message(errno))};
}

// In one call, so that lines of several processes do not mix, and nothing is lost when one is killed.
void AttemptTimes::write(AttemptId attempt, char what) {
  if (file_ < 0) return;
  const std::string line = fmt::format("{} {} {} {}\n", what, attempt.job.value, attempt.number, nanos(shared_time()));
  [[maybe_unused]] const auto written = ::write(file_, line.data(), line.size());
}

std::vector<AttemptTime> read_attempt_times(const std::filesystem::path& file) {
  std::vector<AttemptTime> times;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    char what = 0;
    std::uint64_t job = 0;
    std::uint32_t number = 0;
    std::int64_t at = 0;
    if (!(words >> what >> job >> number >> at) || (what != 'b' && what != 'e')) continue;
    times.push_back({.attempt = {JobId{job}, number}, .ended = what == 'e', .at = Duration{at}});
  }
  return times;
}

}  // namespace drydock::runtime
