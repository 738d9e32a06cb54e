#include "tests/toy/share_schedule.hpp"

#include <algorithm>
#include <string>

namespace drydock::toy {

namespace {

using What = ShareHappening::What;

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : rng_(seed, "share schedule") {}
  std::int64_t number(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(high - low + 1)));
  }
  Duration time(Duration low, Duration high) { return Duration{number(nanos(low), nanos(high))}; }
  bool coin() { return rng_.below(2) == 0; }
  template <class T, std::size_t n>
  T one_of(const T (&values)[n]) {
    return values[rng_.below(n)];
  }

 private:
  Rng rng_;
};

Share some_load(Draw& draw, const Share& total) {
  Share load;
  for (const auto part : kShareParts) load.*part = draw.number(1, std::max<std::int64_t>(1, total.*part * 3 / 2));
  return load;
}

ShareHappening some_happening(Draw& draw, const ShareWorldConfig& config, Duration lease) {
  // Loads change most often, since grants move only then.
  constexpr What kKinds[] = {What::load, What::load,    What::load,    What::load,    What::load,     What::load,
                             What::load, What::pause,   What::pause,   What::cut,     What::cut,      What::flush,
                             What::swap, What::restore, What::restart, What::restart, What::snapshot, What::clock_back};
  ShareHappening h;
  h.what = draw.one_of(kKinds);
  h.at = time_at(draw.number(0, nanos(config.healed_at)));
  h.worker = static_cast<std::uint32_t>(draw.number(0, static_cast<std::int64_t>(config.workers.size()) - 1));
  h.lasting = std::min(draw.time({}, h.what == What::clock_back ? lease : 3 * lease), config.healed_at - h.at);
  if (h.what == What::load && draw.number(0, 2) > 0) h.load = some_load(draw, config.limits.total);
  return h;
}

std::unique_ptr<SharePolicy> some_policy(Draw& draw, Duration lease, std::int64_t drift_ppm, Duration settle) {
  constexpr const char* kDivisions[] = {"equal-active", "max-min", "drf"};
  // What the docstring of LeasedShares asks for, and no more: stopping takes no time here.
  const Duration margin{nanos(lease) / 1'000'000 * 2 * drift_ppm + 1000};
  return make_share(configure(*find_policy(PolicyFamily::share, "leased"),
                              {{"division", std::string(draw.one_of(kDivisions))},
                               {"idle_after", draw.time({}, lease)},
                               {"idle_share", std::string(draw.coin() ? "nothing" : "base")},
                               {"lease", lease},
                               {"margin", margin},
                               {"renew", Duration{lease / 3}},
                               {"retry", Duration{lease / 10}},
                               {"settle", settle},
                               {"after_loss", std::string(draw.coin() ? "keep" : "refuse")}}));
}

}  // namespace

ShareSchedule random_share_schedule(std::uint64_t seed) {
  Draw draw(seed);
  ShareSchedule schedule;
  ShareWorldConfig& config = schedule.config;
  const Duration lease = draw.time(std::chrono::milliseconds{500}, std::chrono::seconds{3});
  constexpr std::int64_t kDrifts[] = {0, 200, 20'000};
  const std::int64_t drift = draw.one_of(kDrifts);
  config.seed = seed;
  config.longest_request = draw.time({}, lease);
  config.requests_outlive_pauses = draw.coin();
  const Duration settle =
      config.requests_outlive_pauses ? config.longest_request + Duration{nanos(config.longest_request) / 40} : Duration{};
  schedule.policy = some_policy(draw, lease, drift, settle);
  config.policy = schedule.policy.get();

  const auto some_clock = [&] {
    return ToyClock{draw.time(std::chrono::hours{0}, std::chrono::hours{2}), draw.number(-drift, drift)};
  };
  const std::int64_t workers = draw.number(2, 5);
  for (std::int64_t w = 0; w < workers; ++w) config.workers.push_back({.weight = draw.number(1, 3), .clock = some_clock()});
  config.store_clock = some_clock();
  config.limits.total = {draw.number(1, 40), draw.number(1, 800), draw.number(1, 40'000)};
  for (const auto part : kShareParts) config.limits.base.*part = config.limits.total.*part / draw.number(1, workers + 1);

  config.messages = {.delay_min = {},
                     .delay_max = draw.time({}, lease / 8),
                     .straggler = 3 * lease,
                     .stragglers = static_cast<std::uint64_t>(draw.number(0, 100)),
                     .lost = static_cast<std::uint64_t>(draw.number(0, 200)),
                     .repeated = static_cast<std::uint64_t>(draw.number(0, 200))};
  config.answer_time_out = draw.time(lease / 4, 3 * lease / 2);
  config.healed_at = kTimeZero + 12 * lease;
  const std::int64_t happenings = draw.number(6, 30);
  Duration back{};
  for (std::int64_t i = 0; i < happenings; ++i) {
    const ShareHappening h = some_happening(draw, config, lease);
    if (h.what == What::clock_back) back += h.lasting;
    config.happenings.push_back(h);
  }
  for (std::int64_t w = 0; w < workers; ++w) {
    const bool active = w == 0 || draw.coin();
    config.happenings.push_back({.at = config.healed_at,
                                 .what = What::load,
                                 .worker = static_cast<std::uint32_t>(w),
                                 .load = active ? some_load(draw, config.limits.total) : Share{}});
  }
  // Idle at last, the last lease and a ledger's closed time over, what the store's clock stood still for, some rounds.
  config.end = config.healed_at + back + 2 * (lease + settle) + 4 * lease + config.longest_request;
  return schedule;
}

}  // namespace drydock::toy
