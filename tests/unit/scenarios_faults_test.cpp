// Keys of faults of workers, messages, clocks and Redis: good values, and bad ones with their advice.
#include "scenarios/faults/faults.hpp"
#include "scenarios/loader.hpp"

#include <gtest/gtest.h>
#include <string>
#include <variant>

namespace drydock::scenarios::scenarios_faults_test {
namespace {

using namespace std::chrono_literals;

std::string with(const std::string& fault, const std::string& plane = R"({"mode": "cycle"})",
                 const std::string& liveness = R"({"type": "ttl", "heartbeat": "30s", "ttl": "60s"})") {
  return R"({"cluster": {"hosts": [{"name": "n", "count": 2}]}, "control_plane": )" + plane +
         R"(, "policies": {"liveness": )" + liveness + R"(}, "faults": [)" + fault +
         R"(], "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}]})";
}

template <class Kind>
Kind read(const std::string& fault) {
  const auto loaded = load_text(with(fault), "good.json", "");
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  if (!loaded) return {};
  const auto* kind = std::get_if<Kind>(&loaded.value().front().faults.front());
  EXPECT_NE(kind, nullptr);
  return kind == nullptr ? Kind{} : *kind;
}

void expect_told(const std::string& text, const std::string& where, const std::string& what) {
  const auto loaded = load_text(text, "bad.json", "");
  const std::string message = loaded.ok() ? "accepted" : loaded.error().message;
  EXPECT_NE(message.find(where), std::string::npos) << message;
  EXPECT_NE(message.find(what), std::string::npos) << message;
}

TEST(WorkerStopKeys, AreRead) {
  const auto stop = read<WorkerStop>(R"({"type": "worker-stop", "target": "n-1", "grace": "30s", "at": "1m", "for": "5s"})");
  EXPECT_EQ(stop.target, "n-1");
  EXPECT_EQ(stop.grace, Duration{30s});
  EXPECT_EQ(std::get<WorkerCrash::Once>(stop.when).lasting, Duration{5s});
  EXPECT_FALSE(read<WorkerStop>(R"({"type": "worker-stop", "at": "1m"})").grace);
  expect_told(with(R"({"type": "worker-stop", "at": "1m", "grace": "-1s"})"), "/faults/0/grace", "");
}

TEST(WorkerCutKeys, AreRead) {
  const auto both = read<WorkerCut>(R"({"type": "worker-cut", "at": "1m", "for": "5s"})");
  EXPECT_TRUE(both.to_redis && both.from_redis);
  const auto to = read<WorkerCut>(R"({"type": "worker-cut", "direction": "to-redis", "mtbf": "1h", "mttr": "1m"})");
  EXPECT_TRUE(to.to_redis && !to.from_redis);
  const auto from = read<WorkerCut>(R"({"type": "worker-cut", "direction": "from-redis", "at": "1m", "for": "5s"})");
  EXPECT_TRUE(!from.to_redis && from.from_redis);
  expect_told(with(R"({"type": "worker-cut", "at": "1m"})"), "/faults/0", "add \"for\"");
  expect_told(with(R"({"type": "worker-cut", "at": "1m", "for": "5s", "direction": "to-rediss"})"), "/faults/0/direction",
              "to-redis");
}

TEST(MessageKeys, AreRead) {
  const auto loss = read<MessageLoss>(R"({"type": "message-loss", "between": ["redis", "workers"], "probability": 0.1})");
  EXPECT_TRUE(loss.kinds.beats && loss.kinds.shares && !loss.kinds.dispatches && !loss.kinds.reports);
  const auto delay = read<MessageDelay>(
      R"({"type": "message-delay", "between": ["workers", "redis"], "kinds": ["reports"], "delay": "2s", "at": "1m", "for": "9s"})");
  EXPECT_FALSE(delay.repeats);
  EXPECT_TRUE(!delay.kinds.beats && !delay.kinds.shares && !delay.kinds.dispatches && delay.kinds.reports);
  EXPECT_EQ(delay.at, Duration{1min});
  EXPECT_EQ(delay.lasting, Duration{9s});
  EXPECT_EQ(std::get<Deterministic>(delay.delay).value, 2);
  const auto repeat =
      read<MessageDelay>(R"({"type": "message-repeat", "between": ["workers", "redis"], "probability": 0.5})");
  EXPECT_TRUE(repeat.repeats);
  EXPECT_TRUE(repeat.kinds.beats && repeat.kinds.dispatches && repeat.kinds.reports && !repeat.kinds.shares);
  EXPECT_EQ(repeat.probability, 0.5);
}

TEST(MessageKeys, BadValuesAreRefused) {
  const auto fault = [](const std::string& type, const std::string& rest) {
    return with(R"({"type": ")" + type + R"(", "between": ["workers", "redis"])" + rest + "}");
  };
  expect_told(fault("message-delay", ""), "/faults/0", "\"delay\"");
  expect_told(fault("message-delay", R"(, "delay": "1s", "kinds": ["beat"])"), "/faults/0/kinds/0", "beats");
  expect_told(fault("message-repeat", R"(, "kinds": ["shares"])"), "/faults/0/kinds", "");
  expect_told(with(R"({"type": "message-repeat", "between": ["workers", "workers"]})"), "/faults/0/between", "redis");
}

TEST(ClockSkewKeys, AreRead) {
  const auto worker = read<ClockSkew>(R"({"type": "clock-skew", "target": "n-0", "offset": "-90s", "rate": 0.99})");
  EXPECT_EQ(worker.offset, -Duration{90s});
  EXPECT_EQ(worker.rate, 0.99);
  EXPECT_FALSE(worker.scheduler);
  EXPECT_TRUE(read<ClockSkew>(R"({"type": "clock-skew", "of": "schedulers", "offset": "2m"})").scheduler);
  expect_told(with(R"({"type": "clock-skew"})"), "/faults/0", "needs \"offset\", \"rate\", or both");
  expect_told(with(R"({"type": "clock-skew", "offset": "soon"})"), "/faults/0/offset", "\"-90s\"");
  expect_told(with(R"({"type": "clock-skew", "of": "schedulers", "rate": 2})"), "/faults/0", "clocks of workers");
}

TEST(RedisFailoverKeys, AreRead) {
  const auto failover = read<StoreFault>(R"({"type": "redis-failover", "at": "1m", "for": "5s", "lag": "2s"})");
  EXPECT_EQ(failover.kind, StoreFault::Kind::redis_failover);
  EXPECT_EQ(failover.lag, Duration{2s});
  EXPECT_EQ(read<StoreFault>(R"({"type": "redis-failover", "at": "1m", "for": "5s"})").lag, Duration{1s});
  expect_told(with(R"({"type": "redis-failover", "at": "1m"})"), "/faults/0", "add \"for\"");
}

TEST(FencingMargin, LiesWithinTheLease) {
  const auto loaded = load_text(with("", R"({"mode": "cycle", "fencing_margin": "6s"})"), "good.json", "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded.value().front().fencing_margin, Duration{6s});
  expect_told(with("", R"({"mode": "cycle", "fencing_margin": "60s"})"), "/control_plane/fencing_margin", "shorter than");
  expect_told(with("", R"({"fencing_margin": "6s"})"), "/control_plane/fencing_margin", "has an effect only with");
}

// What it draws must be survived: a clock that is too slow, or compared with another, is not.
TEST(ClockSkewDice, DrawWhatTheSafeDesignSurvives) {
  const auto draws = [](const std::string& plane, const std::string& liveness) {
    const auto loaded = load_text(with("", plane, liveness), "prey.json", "");
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    std::vector<Json> drawn;
    for (std::uint64_t i = 0; loaded && i < 200; ++i) {
      FaultDice dice(loaded.value().front(), Duration{60s}, Draws(i * 0x9e3779b97f4a7c15U));
      if (Json skew = clock_skew_kind().draw(dice); !skew.is_null()) drawn.push_back(std::move(skew));
    }
    return drawn;
  };
  const std::string ttl = R"({"type": "ttl", "heartbeat": "20s", "ttl": "60s")";
  const auto any = [](const std::vector<Json>& drawn, const char* key) {
    return std::ranges::any_of(drawn, [&](const Json& skew) { return skew.contains(key); });
  };
  const auto plain = draws(R"({"mode": "cycle"})", ttl + "}");
  EXPECT_TRUE(any(plain, "offset"));
  EXPECT_FALSE(any(plain, "rate"));
  const auto margin = draws(R"({"mode": "cycle", "fencing_margin": "6s"})", ttl + "}");
  EXPECT_TRUE(any(margin, "rate"));
  for (const Json& skew : margin) EXPECT_GE(skew.value("rate", 1.0), 0.9);
  EXPECT_TRUE(draws(R"({"mode": "cycle"})", ttl + R"(, "expiry": "wall-clock"})").empty());
  EXPECT_TRUE(draws(R"({"mode": "cycle"})", R"({"type": "nfd-s", "heartbeat": "20s"})").empty());
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_faults_test
