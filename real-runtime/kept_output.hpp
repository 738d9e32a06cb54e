// What a worker leaves in Redis of attempts that have ended, for people on other machines: how, where it was no success, and the end of what
// they printed. Only of attempts that printed something or failed; for a time, and within a number of bytes for each worker, above which
// the oldest go first. The whole of it stays in the attempt's folder (job_folder.hpp).
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/async_redis.hpp"
#include "real-runtime/attempt_outcome.hpp"
#include "real-runtime/redis_client.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime {

struct KeepOutputOptions {
  std::uint64_t most_of_stream = 16U << 10U;       // bytes of each stream of each task; 0: nothing is kept
  std::uint64_t most_of_worker = 1U << 20U;        // of all that one process keeps, at least most_of_attempt
  Duration for_how_long = std::chrono::hours{24};  // > 0

  [[nodiscard]] std::uint64_t most_of_attempt() const { return most_of_worker / 4; }
};

struct KeptOutput {
  AttemptOutcome outcome;
  struct Stream {
    std::string end;          // its last bytes; such as are no UTF-8 are U+FFFD
    std::uint64_t bytes = 0;  // that the file of it has
  };
  std::map<std::string, Stream, std::less<>> streams{};  // by file: "stdout", "stderr-1"
  std::uint32_t left_out = 0;                            // streams beyond most_of_attempt
};

class OutputKeeper {
 public:
  // `key_prefix` as in RedisClientOptions. The connection outlives this.
  OutputKeeper(AsyncRedis& redis, std::string key_prefix, WorkerId worker, KeepOutputOptions options);

  // Reads the ends of its files, and sends them. What cannot be sent is lost: jobs are more important.
  void attempt_ended(AttemptId attempt, const AttemptOutcome& outcome, const std::filesystem::path& folder);

 private:
  struct Sent {
    std::string key;
    std::uint64_t bytes = 0;
  };
  AsyncRedis& redis_;
  std::string key_prefix_;
  WorkerId worker_;
  KeepOutputOptions options_;
  std::deque<Sent> sent_;  // the oldest first
  std::uint64_t bytes_ = 0;
};

// None: nothing is kept, or not any more.
[[nodiscard]] Result<std::optional<KeptOutput>> read_kept_output(RedisClient& redis, AttemptId attempt, WorkerId worker);

// The files of an attempt's folder with what it printed, "stderr", "stdout" or "stderr-0", ..., by name. Empty where there are none, or they
// cannot be looked at.
[[nodiscard]] std::vector<std::string> output_files(const std::filesystem::path& folder);

}  // namespace drydock::runtime
