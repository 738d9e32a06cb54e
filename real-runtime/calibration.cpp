#include "real-runtime/calibration.hpp"

#include "real-runtime/calibration_parts.hpp"
#include "real-runtime/doctor.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>
#include <utility>

namespace drydock::runtime {

namespace calibration {

constexpr Duration kLookAgain = std::chrono::milliseconds{1};

bool Bench::run_whatever(const std::function<bool()>& so, Duration longest) {
  const Time end = later(loop.now(), longest);
  bool reached = false;
  EventLoop::Timer* again = nullptr;
  EventLoop::Timer timer(loop, [&] {
    reached = so();
    if (reached || loop.now() >= end) loop.stop();
    else again->start(later(loop.now(), kLookAgain));
  });
  again = &timer;
  timer.start_soon();
  loop.run();
  return reached;
}

Series run_series(Bench& bench, const SeriesLimits& limits, const std::function<void(Answered)>& send) {
  Series series;
  if (bench.over()) return series;
  EventLoop& loop = bench.loop;
  const Time begin = loop.now();
  const Time end = later(begin, limits.longest);
  std::size_t sent = 0;
  std::size_t on_the_way = 0;
  Time last = begin;
  std::function<void()> next = [&] {
    ++sent;
    ++on_the_way;
    const Time before = loop.now();
    send([&, before](const std::optional<std::string>& wrong) {
      last = loop.now();
      --on_the_way;
      series.took.push_back(seconds(last - before));
      if (wrong && !bench.problem) bench.problem = wrong;
      if (!bench.over() && last < end && sent < limits.most) next();
      if (on_the_way == 0) loop.stop();
    });
  };
  for (std::size_t i = 0; i < std::min(limits.width, limits.most); ++i) next();
  if (on_the_way > 0) loop.run();
  if (!series.took.empty()) series.busy = seconds(last - begin) / static_cast<double>(series.took.size());
  return series;
}

// Random moments: whatever a timer rounds to, they are not in step with it.
void measure_timers(Bench& bench) {
  bench.tell("timers");
  std::vector<double> late;
  EventLoop& loop = bench.loop;
  Time due{};
  EventLoop::Timer* again = nullptr;
  const auto next = [&] {
    due = later(loop.now(), std::chrono::microseconds{500 + 7919 * static_cast<std::int64_t>(late.size()) % 5000});
    again->start(due);
  };
  EventLoop::Timer timer(loop, [&] {
    late.push_back(std::max(0.0, seconds(loop.now() - due)));
    if (late.size() >= bench.options.size.timers || bench.over()) loop.stop();
    else next();
  });
  again = &timer;
  next();
  loop.run();
  bench.keep("timer", std::move(late));
}

}  // namespace calibration

namespace {

using calibration::Bench;

// What the stores say of themselves; and that they are there.
Result<bool> introduce(const CalibrationOptions& options, scenarios::Calibration& result) {
  const auto redis = RedisClient::connect(options.redis);
  if (!redis) return redis.error();
  const auto redis_facts = look_at(*redis.value());
  if (!redis_facts) return redis_facts.error();
  if (const auto version = redis_facts.value().info.find("redis_version"); version != redis_facts.value().info.end())
    result.context["redis"] = version->second;
  const auto store = PostgresClient::connect(options.postgres);  // it makes the schema
  if (!store) return store.error();
  const auto facts = look_at(*store.value());
  if (!facts) return facts.error();
  for (const char* name : {"server_version", "fsync", "synchronous_commit"}) {
    const auto setting = facts.value().settings.find(name);
    if (setting == facts.value().settings.end()) continue;
    result.context[name == std::string_view("server_version") ? "postgres" : fmt::format("postgres_{}", name)] =
        setting->second;
  }
  result.clock_ahead = facts.value().clock.ahead_s;
  result.clock_unsure = facts.value().clock.unsure_s;
  return true;
}

// All of it is in a schema and under a prefix of its own. A few hundred keys at a time, so that nobody else waits.
void clear_up(const CalibrationOptions& options) {
  constexpr const char* kRemove =
      "local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500) "
      "for _, key in ipairs(found[2]) do redis.call('DEL', key) end return found[1]";
  if (auto store = PostgresClient::connect(options.postgres))
    (void)store.value()->run(fmt::format("DROP SCHEMA IF EXISTS {} CASCADE", options.postgres.schema));
  auto redis = RedisClient::connect(options.redis);
  std::string cursor = "0";
  while (redis) {
    const auto next = redis.value()->run({"EVAL", kRemove, "0", cursor, options.redis.key_prefix + "*"});
    if (!next || next.value().empty() || next.value().front() == "0") return;
    cursor = next.value().front();
  }
}

}  // namespace

CalibrationSize quick_calibration() {
  return {.series = std::chrono::milliseconds{250},
          .most = 5000,
          .commits = 8,
          .timers = 100,
          .processes = 30,
          .attempts = 3000};
}

Result<scenarios::Calibration> calibrate(EventLoop& loop, const CalibrationOptions& options) {
  scenarios::Calibration result;
  if (const auto there = introduce(options, result); !there) return there.error();
  Bench bench{.loop = loop, .options = options, .result = result};
  using Part = void (*)(Bench&);
  constexpr std::array<Part, 5> kParts{calibration::measure_timers, calibration::measure_redis,
                                       calibration::measure_postgres, calibration::measure_attempts,
                                       calibration::measure_cpu};
  for (const Part part : kParts) {
    if (!bench.over()) part(bench);
  }
  clear_up(options);
  if (bench.problem) return Error{*bench.problem};
  result.complete = !bench.stopped();
  return result;
}

}  // namespace drydock::runtime
