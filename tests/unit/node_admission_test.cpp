// Whether a node takes one more attempt: by what is measured, by its limits, and for how long it is asked again.
#include "policies/core/node_admission.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::node_admission_test {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

AdmissionFacts idle() {
  AdmissionFacts facts;
  facts.reading = {.cpu_busy = 0.5,
                   .memory_total = 100 * kGiB,
                   .memory_available = 50 * kGiB,
                   .disk_total = 100 * kGiB,
                   .disk_free = 50 * kGiB};
  facts.demand = make_resources({.cpus_milli = 1000, .memory_bytes = kGiB});
  return facts;
}

std::string said(const NodeAdmissionConfig& config, const AdmissionFacts& facts) {
  const auto verdict = judge(config, facts);
  if (const auto* wait = std::get_if<NotNow>(&verdict)) return "not now: " + wait->reason;
  if (const auto* refused = std::get_if<Refused>(&verdict)) return "refused: " + refused->reason;
  return "admitted";
}

TEST(NodeAdmission, AnIdleNodeTakesIt) { EXPECT_EQ(said({}, idle()), "admitted"); }

TEST(NodeAdmission, BusyProcessors) {
  AdmissionFacts facts = idle();
  facts.reading.cpu_busy = 0.9;
  EXPECT_EQ(said({}, facts), "admitted") << "above 90 %, not at it";
  facts.reading.cpu_busy = 0.93;
  EXPECT_EQ(said({}, facts), "not now: the processors are 93 % busy, above 90 %");
}

TEST(NodeAdmission, ShortMemory) {
  AdmissionFacts facts = idle();
  facts.reading.memory_available = 6 * kGiB;
  EXPECT_EQ(said({}, facts), "admitted") << "1 GiB, and 5 % of 100 to spare";
  facts.reading.memory_available = 6 * kGiB - 1;
  EXPECT_EQ(said({}, facts), "not now: 6144 MiB of memory are available: not 1024 and 5120 to spare");
  facts.demand = make_resources({.memory_bytes = kUnlimited});
  EXPECT_EQ(said({}, facts), "admitted") << "what is unlimited says nothing of what it needs";
  facts.reading.memory_total = 0;
  facts.reading.memory_available = 0;
  EXPECT_EQ(said({}, facts), "admitted") << "what is not known is not judged";
}

TEST(NodeAdmission, FullDisk) {
  AdmissionFacts facts = idle();
  facts.reading.disk_free = 10 * kGiB;
  EXPECT_EQ(said({}, facts), "admitted");
  facts.reading.disk_free = 9 * kGiB;
  EXPECT_EQ(said({}, facts), "not now: 9.0 % of the disk are free, below 10 %");
}

TEST(NodeAdmission, LimitsOfTheNode) {
  AdmissionFacts facts = idle();
  facts.running = make_resources({.cpus_milli = 3000, .memory_bytes = 3 * kGiB, .slots = 2});
  EXPECT_EQ(said({.most_cpus_milli = 4000, .most_memory = 4 * kGiB, .most_tasks = 3}, facts), "admitted");
  EXPECT_EQ(said({.most_cpus_milli = 3999}, facts), "not now: 3000 of 3999 thousandths of a core are taken");
  EXPECT_EQ(said({.most_memory = 4 * kGiB - 1}, facts), "not now: 3072 of 4096 MiB of memory are taken");
  EXPECT_EQ(said({.most_tasks = 2}, facts), "not now: 2 of 2 tasks run");
  facts.jobs_disk = 5 * kGiB;
  EXPECT_EQ(said({.most_disk = 5 * kGiB}, facts), "not now: the jobs' folders take 5120 of 5120 MiB");
  EXPECT_EQ(said({.most_disk = 6 * kGiB}, facts), "admitted");
}

TEST(NodeAdmission, WhatCanNeverRunIsRefusedAtOnce) {
  const AdmissionFacts facts = idle();
  EXPECT_EQ(said({.most_cpus_milli = 999}, facts),
            "refused: it needs 1000 thousandths of a core, and this node gives at most 999");
  EXPECT_EQ(said({.most_memory = kGiB / 2}, facts), "refused: it needs 1024 MiB of memory, and this node gives at most 512");
  AdmissionFacts wide = idle();
  wide.demand = make_resources({.slots = 3});
  EXPECT_EQ(said({.most_tasks = 2}, wide), "refused: it has 3 tasks, and this node runs at most 2");
}

// 300 s in steps of 10 s, the last one shorter, then no more.
TEST(NodeAdmission, WaitsInStepsAndNotForEver) {
  AdmissionFacts facts = idle();
  facts.reading.cpu_busy = 1;
  for (const auto& [waited, again] : {std::pair{0s, 10s}, {290s, 10s}, {295s, 5s}}) {
    facts.waited = waited;
    const auto verdict = judge({}, facts);
    const auto* wait = std::get_if<NotNow>(&verdict);
    ASSERT_NE(wait, nullptr);
    EXPECT_EQ(wait->again_after, Duration{again});
  }
  facts.waited = 300s;
  EXPECT_EQ(said({}, facts), "refused: no room within 300 s: the processors are 100 % busy, above 90 %");
  facts.reading.cpu_busy = 0;
  EXPECT_EQ(said({}, facts), "admitted") << "there is room at the last moment";
}

TEST(NodeHealth, IsIllAboveItsBounds) {
  NodeReading reading = idle().reading;
  EXPECT_EQ(ill_health(reading), "");
  reading.cpu_busy = 0.96;
  EXPECT_EQ(ill_health(reading), "the processors are 96 % busy");
  reading = idle().reading;
  reading.memory_available = 4 * kGiB;
  EXPECT_EQ(ill_health(reading), "96 % of the memory are used");
  reading = idle().reading;
  reading.disk_free = 9 * kGiB;
  EXPECT_EQ(ill_health(reading), "91 % of the disk are used");
  EXPECT_EQ(ill_health({}), "") << "what is not known is not judged";
}

}  // namespace
}  // namespace drydock::node_admission_test
