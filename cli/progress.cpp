#include "cli/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <string>

namespace drydock::cli {
namespace {

constexpr std::size_t kBarWidth = 30;
constexpr double kQuietSeconds = 0.4;  // short work needs no bar

std::string say_time(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace

ProgressBar::ProgressBar(bool visible, std::string_view unit) : visible_(visible), unit_(unit) {}

ProgressBar::~ProgressBar() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressBar::show(const State& state) {
  const double elapsed = std::chrono::duration<double>(Clock::now() - started_).count();
  if (!visible_ || elapsed < kQuietSeconds) return;
  drawn_ = true;
  const double fraction = std::clamp(state.fraction, 0.0, 1.0);
  const auto filled = static_cast<std::size_t>(fraction * static_cast<double>(kBarWidth));
  std::string line =
      fmt::format("[{}{}] {:4.{}f} %  {} of {} {}", std::string(filled, '='), std::string(kBarWidth - filled, ' '),
                  fraction * 100, fraction < 0.1 ? 1 : 0, state.done, state.total, unit_);
  // Too early an estimate misleads more than none.
  if (fraction > 0.02 && elapsed > 1) line += fmt::format("  {} left", say_time(elapsed * (1 - fraction) / fraction));
  fmt::print(stderr, "\r{}\x1b[K", line);
  std::fflush(stderr);
}

}  // namespace drydock::cli
