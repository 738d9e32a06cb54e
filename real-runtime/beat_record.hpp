// What the store knows of periodic jobs, for a beat that begins to lead: one call of PostgreSQL. No I/O.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/ports/postgres.hpp"
#include "real-runtime/postgres_encode.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace drydock::runtime {

struct BeatRecord {
  struct Job {
    std::int64_t known_since_us = 0;          // when a leading beat first had it; one that none had meanwhile is new again
    std::optional<std::int64_t> last_due_ns;  // that fired; none: it never did
    JobId last_job;                           // of that firing
    bool waits = false;                       // nobody has started that job yet
  };
  std::int64_t now_us = 0;            // by the server's clock, since 1970
  std::vector<Job> jobs;              // in the order asked for, likewise below
  std::vector<std::uint32_t> queues;  // their numbers; those that had none have one now
};

// From now on these are the periodic jobs. Statement lead_beat, whose answer is read by beat_record_in().
[[nodiscard]] PostgresCall encode_beat(const postgres::Fence& fence, const std::vector<std::string>& jobs,
                                       const std::vector<std::string>& queues);
// Nothing: the fence's epoch is not the one that stands, or the answer has another shape.
[[nodiscard]] std::optional<BeatRecord> beat_record_in(const std::vector<std::string>& row);

}  // namespace drydock::runtime
