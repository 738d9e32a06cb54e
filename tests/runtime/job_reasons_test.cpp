// What is said of jobs that no worker has room for.
#include "real-runtime/job_reasons.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::runtime::job_reasons_test {
namespace {

const std::vector<Resources> kWorkers{
    make_resources({.cpus_milli = 4000, .memory_bytes = 1 << 30, .gpus = 0, .slots = 4}),
    make_resources({.cpus_milli = 1500, .memory_bytes = 0, .gpus = 2, .slots = 1}),
};

struct Asked {
  JobStatus status = JobStatus::waiting;
  std::uint32_t tasks = 1;
  std::int64_t cpus_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t gpus = 0;
  std::int64_t slots = 1;
};

std::string said(const Asked& asked, const std::vector<Resources>& workers = kWorkers, bool is_led = true) {
  JobRow job;
  job.status = asked.status;
  job.tasks = asked.tasks;
  job.cpus_milli = asked.cpus_milli;
  job.memory_bytes = asked.memory_bytes;
  job.gpus = asked.gpus;
  job.slots = asked.slots;
  return why_it_waits(job, workers, is_led).value_or("");
}

TEST(WhyItWaits, NothingIsSaidWhereThereIsRoom) {
  EXPECT_EQ(said({.cpus_milli = 4000, .memory_bytes = 1 << 30}), "");
  EXPECT_EQ(said({.cpus_milli = 1000, .gpus = 2}), "");
  EXPECT_EQ(said({.tasks = 5, .cpus_milli = 1000}), "") << "four on one, one on the other";
  EXPECT_EQ(said({.slots = 0}), "");
  EXPECT_EQ(said({.status = JobStatus::running, .cpus_milli = 9000}), "") << "it has room";
  EXPECT_EQ(said({.status = JobStatus::failed}, {}), "");
}

TEST(WhyItWaits, WhatNoWorkerHasIsNamed) {
  EXPECT_EQ(said({}, {}), "no worker is registered");
  EXPECT_EQ(said({.cpus_milli = 64000}),
            "no registered worker has room for it: it asks for 64 cpus (the most that one has: 4 cpus)");
  EXPECT_EQ(said({.tasks = 2, .cpus_milli = 1000, .gpus = 3, .slots = 5}),
            "no registered worker has room for it: each of its tasks asks for 3 gpus (the most that one has: 2 gpus) and "
            "5 slots (the most that one has: 4 slots)");
  EXPECT_EQ(said({.cpus_milli = 2000, .gpus = 1}),
            "no registered worker has room for it: it asks for 2 cpus, 1 gpus, 1 slots on one");
  EXPECT_EQ(said({.tasks = 6, .cpus_milli = 1000}),
            "the registered workers have no room for it: there is room for 5 of its 6 tasks at the same time");
}

TEST(WhyItWaits, NobodyGivesItOutWithoutALeader) {
  EXPECT_EQ(said({.cpus_milli = 1000}, kWorkers, false), "no scheduler leads: start one (drydock scheduler)");
  EXPECT_EQ(said({.status = JobStatus::running, .cpus_milli = 1000}, kWorkers, false), "");
  EXPECT_NE(said({.cpus_milli = 64000}, kWorkers, false).find("no registered worker has room"), std::string::npos);
}

TEST(WhyItWaits, WorkersWithoutBoundsHaveRoom) {
  const std::vector<Resources> workers(
      3, make_resources({.cpus_milli = kUnlimited, .memory_bytes = kUnlimited, .gpus = 0, .slots = kUnlimited}));
  EXPECT_EQ(said({.tasks = 1'000'000, .cpus_milli = 1000, .memory_bytes = 1}, workers), "");
  EXPECT_EQ(said({.tasks = 1'000'000, .cpus_milli = 0, .slots = 0}, workers), "");
}

}  // namespace
}  // namespace drydock::runtime::job_reasons_test
