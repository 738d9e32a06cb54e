#include "policies/built_in.hpp"

#include <cstddef>
#include <vector>

namespace drydock {

namespace {

// The mean of the last `window` values.
class Window {
 public:
  explicit Window(std::size_t window) : most_(window) {}
  void add(Duration value) {
    sum_ += value;
    if (values_.size() < most_) {
      values_.push_back(value);
      return;
    }
    sum_ -= values_[oldest_];
    values_[oldest_] = value;
    oldest_ = (oldest_ + 1) % most_;
  }
  [[nodiscard]] Duration mean() const { return sum_ / static_cast<std::int64_t>(values_.size()); }

 private:
  std::size_t most_;
  std::size_t oldest_ = 0;
  std::vector<Duration> values_;
  Duration sum_{};
};

class NfdEObserver final : public BeatObserver {
 public:
  NfdEObserver(Duration heartbeat, Duration slack, std::size_t window)
      : heartbeat_(heartbeat), slack_(slack), delays_(window) {}

  Time observe(const Beat& beat) override {
    delays_.add(beat.arrived - beat.sent);
    if (beat.sent < newest_sent_) return until_;
    newest_sent_ = beat.sent;
    until_ = later(newest_sent_, heartbeat_ + delays_.mean() + slack_);
    return until_;
  }
  [[nodiscard]] Duration interval() const override { return heartbeat_; }

 private:
  Duration heartbeat_;
  Duration slack_;
  Window delays_;
  Time newest_sent_{};
  Time until_{};
};

class NfdE final : public LivenessPolicy {
 public:
  NfdE(Duration heartbeat, Duration slack, std::int64_t window)
      : heartbeat_(heartbeat), slack_(slack), window_(static_cast<std::size_t>(window)) {}
  [[nodiscard]] std::optional<Duration> interval() const override { return heartbeat_; }
  [[nodiscard]] Time trusted_until(const Beat& last) const override { return later(last.arrived, heartbeat_ + slack_); }
  [[nodiscard]] std::unique_ptr<BeatObserver> observer() const override {
    return std::make_unique<NfdEObserver>(heartbeat_, slack_, window_);
  }

 private:
  Duration heartbeat_;
  Duration slack_;
  std::size_t window_;
};

}  // namespace

BuiltInLiveness nfd_e_policy() {
  return {.info = {.family = PolicyFamily::liveness,
                   .type = "nfd-e",
                   .summary = "Like nfd-s, with the time at which a beat should come estimated from those that came",
                   .details = "The next beat is expected one heartbeat after the last was sent, plus the mean delay of the "
                              "last window beats; the worker is trusted until slack after that. Needs no clocks that agree: "
                              "what they differ by is part of the mean. Looks at every beat, so it is simulated beat by "
                              "beat.",
                   .source = "Chen, Toueg, Aguilera, IEEE TC 51(5), 2002: algorithm NFD-E",
                   .parameters = {heartbeat_parameter(),
                                  {.name = "slack",
                                   .default_value = Duration{std::chrono::seconds{35}},
                                   .help = "time allowed after the expected arrival of the next beat (alpha in the paper)",
                                   .minimum = 1e-3},
                                  {.name = "window",
                                   .default_value = std::int64_t{32},
                                   .help = "beats whose delays are averaged",
                                   .minimum = 1,
                                   .maximum = 100'000}}},
          .make = [](const PolicyConfig& config) -> std::unique_ptr<LivenessPolicy> {
            return std::make_unique<NfdE>(config.get<Duration>("heartbeat"), config.get<Duration>("slack"),
                                          config.get<std::int64_t>("window"));
          }};
}

}  // namespace drydock
