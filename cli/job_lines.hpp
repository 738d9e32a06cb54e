// A file of jobs, one JSON object on each line (JSON Lines), in memory that does not grow with it.
#pragma once

#ifdef DRYDOCK_WITH_RUNTIME

#include "policies/core/result.hpp"
#include "real-runtime/job_request.hpp"
#include "real-runtime/store_queries.hpp"
#include "scenarios/line_reader.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {

// Jobs of lines that follow one another.
struct JobBatch {
  std::uint64_t number = 0;  // in the file, from 0
  std::uint64_t first_line = 0;
  std::uint64_t last_line = 0;
  std::vector<postgres::Job> jobs{};
  std::string digest{};  // the same for whatever describes the same jobs
};

class JobLines {
 public:
  // How a file is cut: it depends on what is in it alone, so that a repetition has the same batches.
  static constexpr std::size_t kMostInBatch = 1000;
  static constexpr std::size_t kMostBytesInBatch = std::size_t{4} << 20U;  // of payloads; then the batch is full
  static constexpr std::size_t kLongestLine = std::size_t{16} << 20U;

  // A path, or "-": standard input. Reading ends early when `stop` becomes true. May be gzipped.
  static Result<std::unique_ptr<JobLines>> open(const std::string& path, const std::vector<runtime::NamedQueue>& queues,
                                                const std::atomic<bool>& stop);

  // The next jobs; nothing: there are no more, or it was stopped. Empty lines are none. Errors say where:
  // "jobs.jsonl:17: /cpus: it is not a number between 0 and 1000000".
  [[nodiscard]] Result<std::optional<JobBatch>> next();

 private:
  JobLines(std::string label, std::unique_ptr<scenarios::ByteSource> source, const std::vector<runtime::NamedQueue>& queues);
  [[nodiscard]] Error at_line(std::uint64_t line, const std::string& message) const;

  std::string label_;
  scenarios::LineReader reader_;
  const std::vector<runtime::NamedQueue>& queues_;
  std::uint64_t batches_ = 0;
};

}  // namespace drydock::cli

#endif
