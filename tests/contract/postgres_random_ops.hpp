// Random operations on the PostgreSQL port that collide often: few jobs, workers, leases and names. Most follow what the answers so
// far say of the store, so that they are carried out; the rest do not, so that they are refused.
#pragma once

#include "policies/core/rng.hpp"
#include "policies/ports/postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drydock::postgres {

class RandomPostgresOps {
 public:
  explicit RandomPostgresOps(std::uint64_t seed) : rng_(seed, "postgres-operations") {}

  Op next();
  // Learns from the answer.
  void heard(const Op& op, const Reply& reply);
  // Between batches; mostly none.
  std::vector<AdminOp> faults();

 private:
  // What it believes of a job.
  struct Believed {
    std::uint32_t attempts = 0;
    bool held = false;
    bool ended = false;
  };

  [[nodiscard]] bool chance(std::uint64_t percent) { return rng_.below(100) < percent; }
  [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high);
  [[nodiscard]] std::string number(std::uint64_t bound) { return std::to_string(rng_.below(bound)); }
  [[nodiscard]] std::string lease() { return "lease" + number(2); }
  [[nodiscard]] std::string holder() { return "holder" + number(3); }
  [[nodiscard]] std::string channel() { return chance(50) ? std::string(kJobsChannel) : "channel" + number(2); }
  [[nodiscard]] ReleaseReason reason() { return static_cast<ReleaseReason>(rng_.below(7)); }
  [[nodiscard]] std::uint32_t limit() { return static_cast<std::uint32_t>(between(1, 20)); }
  [[nodiscard]] Duration progress() { return Duration{between(0, 1'000'000'000'000)}; }
  [[nodiscard]] Resources amounts();
  [[nodiscard]] JobId any_job();
  // One that is believed to wait (or to be held) if there is one.
  [[nodiscard]] JobId job_that(bool held);
  [[nodiscard]] JobId job_for_batch();
  void believe(std::uint64_t id, Believed what);
  [[nodiscard]] Job new_job();
  [[nodiscard]] Fence fence();
  [[nodiscard]] RequestId request(const Fence& fence);
  [[nodiscard]] std::vector<Share> shares();
  [[nodiscard]] Op submission();
  [[nodiscard]] CommitBatch batch();
  [[nodiscard]] FinishAttempt finish();

  Rng rng_;
  std::uint64_t last_job_ = 0;
  std::map<std::uint64_t, Believed> jobs_;
  std::set<std::uint64_t> waiting_;
  std::set<std::uint64_t> held_;
  std::optional<JobId> to_read_;                   // what was refused: it believed wrongly
  std::map<std::string, std::int64_t> epochs_;     // by lease
  std::map<std::string, std::uint64_t> requests_;  // by lease
};

}  // namespace drydock::postgres
