#include "policies/built_in.hpp"

#include <algorithm>

namespace drydock {

namespace {

struct AdaptiveConfig {
  Duration shortest{};
  Duration longest{};
  Duration step{};
  Duration margin{};
  std::int64_t misses = 1;
};

class AdaptiveObserver final : public BeatObserver {
 public:
  explicit AdaptiveObserver(const AdaptiveConfig& config) : config_(config), interval_(config.shortest) {}

  Time observe(const Beat& beat) override {
    if (beat.sequence > 0 && beat.sequence <= newest_) return until_;
    if (beat.sequence > 0) {
      const bool missed = beat.sequence != newest_ + 1;
      const bool held_up = beat.arrived - beat.sent > config_.margin;
      interval_ = missed || held_up ? std::max(config_.shortest, interval_ / 2)
                                    : std::min(config_.longest, interval_ + config_.step);
    }
    newest_ = beat.sequence;
    until_ = later(later(beat.arrived, interval_ * (config_.misses + 1)), config_.margin);
    return until_;
  }
  [[nodiscard]] Duration interval() const override { return interval_; }

 private:
  AdaptiveConfig config_;
  Duration interval_;
  std::uint64_t newest_ = 0;
  Time until_{};
};

class Adaptive final : public LivenessPolicy {
 public:
  explicit Adaptive(const AdaptiveConfig& config) : config_(config) {}
  [[nodiscard]] std::optional<Duration> interval() const override { return config_.shortest; }
  [[nodiscard]] Time trusted_until(const Beat& last) const override { return observer()->observe(last); }
  [[nodiscard]] std::unique_ptr<BeatObserver> observer() const override {
    return std::make_unique<AdaptiveObserver>(config_);
  }

 private:
  AdaptiveConfig config_;
};

}  // namespace

BuiltInLiveness adaptive_policy() {
  return {
      .info = {.family = PolicyFamily::liveness,
               .type = "adaptive",
               .summary = "Workers whose beats arrive beat less and less often; trouble makes them beat faster at once",
               .details =
                   "Each beat that comes in order and in time lengthens the interval to the next by step, up to longest; "
                   "one that was overdue, or that follows a lost one, halves it, down to shortest. A worker is dead "
                   "margin after misses + 1 intervals without a beat, so a crash of a quiet worker takes longer to be "
                   "seen and costs fewer beats before. Looks at every beat, so it is simulated beat by beat.",
               .source = "Additive increase, multiplicative decrease: Chiu, Jain, Computer Networks 17(1), 1989, applied to "
                         "the time between heartbeats",
               .parameters = {{.name = "shortest",
                               .default_value = Duration{std::chrono::seconds{5}},
                               .help = "time between two beats at first, and after trouble",
                               .minimum = 1e-3},
                              {.name = "longest",
                               .default_value = Duration{std::chrono::seconds{30}},
                               .help = "time between two beats when all is well; not below shortest",
                               .minimum = 1e-3},
                              {.name = "step",
                               .default_value = Duration{std::chrono::seconds{1}},
                               .help = "added to the interval after each good beat",
                               .minimum = 0},
                              {.name = "misses",
                               .default_value = std::int64_t{1},
                               .help = "beats in a row that may be lost",
                               .minimum = 0,
                               .maximum = 1000},
                              {.name = "margin",
                               .default_value = Duration{std::chrono::seconds{5}},
                               .help = "time that a beat may take",
                               .minimum = 1e-3}}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<LivenessPolicy> {
        return std::make_unique<Adaptive>(AdaptiveConfig{.shortest = config.get<Duration>("shortest"),
                                                         .longest = config.get<Duration>("longest"),
                                                         .step = config.get<Duration>("step"),
                                                         .margin = config.get<Duration>("margin"),
                                                         .misses = config.get<std::int64_t>("misses")});
      }};
}

}  // namespace drydock
