// A progress bar with the time left, on stderr, for people only: nothing is printed where stderr is not a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace drydock::cli {

class ProgressBar {
 public:
  // `unit`: what is counted ("runs").
  ProgressBar(bool visible, std::string_view unit);
  // Wipes the bar.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  struct State {
    std::size_t done = 0;
    std::size_t total = 0;
    double fraction = 0;  // of all the work, 0..1
  };
  void show(const State& state);

 private:
  using Clock = std::chrono::steady_clock;
  bool visible_;
  bool drawn_ = false;
  std::string_view unit_;
  Clock::time_point started_ = Clock::now();
};

}  // namespace drydock::cli
