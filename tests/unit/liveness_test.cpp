#include "policies/catalog.hpp"
#include "policies/failure_detection.hpp"

#include <gtest/gtest.h>
#include <map>
#include <string>

namespace drydock::liveness_test {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<LivenessPolicy> make(std::string_view type,
                                     const std::map<std::string, ParameterValue, std::less<>>& parameters = {}) {
  return make_liveness(configure(*find_policy(PolicyFamily::liveness, type), parameters));
}

Beat beat(std::uint64_t sequence, Duration sent, Duration delay = 0s) {
  return {.sequence = sequence, .sent = kTimeZero + sent, .arrived = kTimeZero + sent + delay};
}

TEST(Liveness, OnlyThoseThatNeedAllBeatsObserveThem) {
  for (const std::string_view type : {"oracle", "ttl", "nfd-s"}) EXPECT_EQ(make(type)->observer(), nullptr) << type;
  for (const std::string_view type : {"nfd-e", "phi-normal", "phi-exponential", "adaptive"})
    EXPECT_NE(make(type)->observer(), nullptr) << type;
}

TEST(NfdS, FreshnessDoesNotDependOnTheDelay) {
  const auto policy = make("nfd-s", {{"heartbeat", Duration{10s}}, {"shift", Duration{12s}}});
  EXPECT_EQ(policy->trusted_until(beat(3, 30s)), kTimeZero + 52s);
  EXPECT_EQ(policy->trusted_until(beat(3, 30s, 9s)), kTimeZero + 52s);
}

TEST(NfdE, ExpectsTheNextBeatAfterTheMeanDelay) {
  const auto observer =
      make("nfd-e", {{"heartbeat", Duration{10s}}, {"slack", Duration{5s}}, {"window", std::int64_t{2}}})->observer();
  EXPECT_EQ(observer->observe(beat(0, 0s)), kTimeZero + 15s);
  EXPECT_EQ(observer->observe(beat(1, 10s, 4s)), kTimeZero + 27s);   // mean of 0 and 4 s
  EXPECT_EQ(observer->observe(beat(2, 20s, 2s)), kTimeZero + 38s);   // of 4 and 2 s
  EXPECT_EQ(observer->observe(beat(1, 10s, 14s)), kTimeZero + 38s);  // overtaken: says nothing new
}

TEST(PhiNormal, ReachesTheThresholdWhereAkkaDoes) {
  const auto observer = make("phi-normal", {{"heartbeat", Duration{1s}}})->observer();
  Time until{};
  for (std::uint64_t i = 0; i < 3000; ++i) until = observer->observe(beat(i, i * 1s));
  EXPECT_NEAR(seconds(until - (kTimeZero + 2999s)), 4.5226, 1e-3);  // 1 s + 3 s pause + 5.226 x 0.1 s
}

TEST(PhiNormal, BeginsWithAQuarterOfTheHeartbeatAsDeviation) {
  const auto observer = make("phi-normal", {{"heartbeat", Duration{40s}}, {"pause", Duration{0s}}})->observer();
  EXPECT_NEAR(seconds(observer->observe(beat(0, 0s))), 40 + 10 * phi_logistic_quantile(8), 1e-6);
}

TEST(PhiNormal, DoesNotLearnFromTheGapOfASuspicion) {
  const auto observer = make("phi-normal", {{"heartbeat", Duration{1s}}})->observer();
  for (std::uint64_t i = 0; i < 2000; ++i) (void)observer->observe(beat(i, i * 1s));
  const Time back = kTimeZero + 3000s;
  EXPECT_NEAR(seconds(observer->observe(beat(3000, 3000s)) - back), 4.5226, 1e-3);
}

TEST(PhiExponential, AllowsEighteenMeansAsCassandra) {
  const auto observer = make("phi-exponential", {{"heartbeat", Duration{1s}}})->observer();
  Time until{};
  for (std::uint64_t i = 0; i < 50; ++i) until = observer->observe(beat(i, i * 1s));
  EXPECT_NEAR(seconds(until - (kTimeZero + 49s)), 18.420681, 1e-5);
  until = observer->observe(beat(50, 59s));  // a gap of 10 s: the mean of 51 rises to 60/51
  EXPECT_NEAR(seconds(until - (kTimeZero + 59s)), 18.420681 * 60 / 51, 1e-4);
}

TEST(Adaptive, BeatsLessOftenUntilSomethingIsWrong) {
  const auto observer = make("adaptive", {{"shortest", Duration{4s}},
                                          {"longest", Duration{7s}},
                                          {"step", Duration{1s}},
                                          {"misses", std::int64_t{1}},
                                          {"margin", Duration{2s}}})
                            ->observer();
  EXPECT_EQ(observer->observe(beat(0, 0s)), kTimeZero + 10s);
  EXPECT_EQ(observer->interval(), 4s);
  EXPECT_EQ(observer->observe(beat(1, 4s)), kTimeZero + 4s + 12s);
  for (std::uint64_t i = 2; i < 8; ++i) (void)observer->observe(beat(i, i * 7s));
  EXPECT_EQ(observer->interval(), 7s);
  (void)observer->observe(beat(9, 63s));  // number 8 is missing
  EXPECT_EQ(observer->interval(), 4s);    // 3.5 s is below the shortest
  (void)observer->observe(beat(10, 67s));
  EXPECT_EQ(observer->interval(), 5s);
  (void)observer->observe(beat(11, 72s, 3s));  // held up
  EXPECT_EQ(observer->interval(), 4s);
}

TEST(Formulas, SayWhenNoDetectorMeetsTheDemand) {
  const Tail never_late = [](double x) { return x < 0 ? 1.0 : 0.0; };
  EXPECT_FALSE(configure_nfd_s({10, 1e6, 60}, 1.0, never_late));
  const auto easy = configure_nfd_s({10, 1, 60}, 0, never_late);
  ASSERT_TRUE(easy);
  EXPECT_DOUBLE_EQ(easy->interval, 10);
}

TEST(Formulas, TheConfiguredDetectorKeepsWhatWasDemanded) {
  const Tail late = [](double x) { return x < 0 ? 1 : std::exp(-x / 0.5); };
  for (const double loss : {0.001, 0.02, 0.1}) {
    for (const double bound : {10.0, 30.0, 60.0}) {
      const auto found = configure_nfd_s({bound, 1e5, 30}, loss, late);
      ASSERT_TRUE(found) << loss << " " << bound;
      const DetectorQuality quality = nfd_s_quality(found->interval, found->shift, loss, late);
      EXPECT_NEAR(quality.detection_bound_s, bound, 1e-9);
      EXPECT_GE(quality.mistake_recurrence_s, 1e5 * (1 - 1e-6)) << loss << " " << bound;
      EXPECT_LE(quality.mistake_duration_s, 30) << loss << " " << bound;
      EXPECT_NEAR(1 - quality.query_accuracy, quality.mistake_duration_s / quality.mistake_recurrence_s, 1e-9);
    }
  }
}

}  // namespace
}  // namespace drydock::liveness_test
