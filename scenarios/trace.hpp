// Traces: tables of jobs that ran somewhere. A trace is read once into raw jobs, from which each variant takes its window.
#pragma once

#include "policies/core/result.hpp"
#include "scenarios/line_reader.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::scenarios {

enum class TraceFormat : std::uint8_t { swf, csv, batsim, journal };
[[nodiscard]] std::string_view name_of(TraceFormat format);
enum class TraceEstimate : std::uint8_t {
  runtime,    // the true duration
  requested,  // what the user asked for; the true duration where that is unknown
};

// A duration made from a column: value * factor_ns.
struct CsvTerm {
  std::string column;
  double factor_ns = 1e9;
};

// Which column of a CSV file means what; an empty name: there is none.
struct CsvColumns {
  std::string submit;  // seconds since any start, or times such as "2023-11-16 18:17:03.98"
  std::int64_t submit_unit_ns = 1'000'000'000;
  std::vector<CsvTerm> runtime;      // summed
  std::int64_t runtime_base_ns = 0;  // added to each job's sum
  std::string tasks;                 // nothing: 1
  std::string estimate;              // requested time
  std::int64_t estimate_unit_ns = 1'000'000'000;
  std::string queue;  // names, for the map of queues
  char delimiter = ',';
};

struct TraceOptions {
  TraceFormat format = TraceFormat::swf;
  CsvColumns csv = {};
  double flops_per_s = 1e9;                 // of Batsim: what a processor of speed 1 computes
  std::uint64_t first = 0;                  // valid jobs to leave out, in order of submission
  std::optional<std::uint64_t> count = {};  // to use after these; nothing: all
  bool rebase = true;                       // the first job used is submitted at 0; else times are as in the file
  double load = 1.0;                        // gaps between submissions are divided by this
  double time_scale = 1.0;                  // all times are
  TraceEstimate estimate = TraceEstimate::runtime;
  bool skip_oversized = false;  // else a job that is larger than its pool is an error
};

struct RawJob {
  std::int64_t submit_ns = 0;
  std::int64_t runtime_ns = 0;     // > 0
  std::int64_t requested_ns = -1;  // -1: unknown
  std::uint32_t tasks = 1;
  std::uint32_t queue = 0;  // index into RawTrace::queues
  std::uint64_t line = 0;   // of Batsim: its place in the list of jobs, from 1; of a journal: its id
};

// Lines of a kind: how many, and the first of them.
struct LineTally {
  std::uint64_t count = 0;
  std::vector<std::uint64_t> first_lines;  // at most 10
  void add(std::uint64_t line);
};

struct RawTrace {
  std::string path;                           // as shown to people
  std::deque<RawJob> jobs;                    // valid ones, by submission: in memory that grows without copies
  std::vector<std::string> queues;            // names or numbers of queues, as in the file
  std::uint64_t read = 0;                     // jobs in the file
  std::map<std::string, LineTally> skipped;   // by reason
  std::map<std::string, LineTally> remarks;   // used in spite of something, by what
  std::map<std::string, std::string> header;  // "MaxProcs" -> "128"
  std::vector<JobSpec> kinds = {};   // of a journal, for each of `queues`: what jobs are like, but for tasks and estimate
  double time_scale = 1.0;           // all times are those of what happened, divided by this
  std::string scenario = {};         // of a journal: what was recorded, as JSON text
  std::string_view counts = "line";  // what RawJob::line and the tallies count; else "job"
};
// "log.swf:17" or "log.json: job 17".
[[nodiscard]] std::string place_in(const RawTrace& raw, std::uint64_t line);

// Read whole; errors name path:line.
[[nodiscard]] Result<RawTrace> read_swf(std::unique_ptr<ByteSource> bytes, std::string path);
[[nodiscard]] Result<RawTrace> read_csv(std::unique_ptr<ByteSource> bytes, std::string path, const CsvColumns& columns);
// Communication is left out. Errors name path and JSON pointer.
[[nodiscard]] Result<RawTrace> read_batsim(std::unique_ptr<ByteSource> bytes, std::string path, double flops_per_s);
// Of what JournalWriter wrote: jobs that ended there, with what each asked for. Runtimes are from the dispatch to the end of the attempt
// that counted, at speed 1. Queues may be named several times, once for each kind of their jobs. Errors name path, and line or byte.
[[nodiscard]] Result<RawTrace> read_journal_jobs(std::unique_ptr<ByteSource> bytes, std::string path);
// From a file, of the format of `options`.
[[nodiscard]] Result<RawTrace> read_trace(const std::filesystem::path& file, std::string path, const TraceOptions& options);

// Where the jobs of a trace go: the queue, the most tasks that its pools can hold at once, and the most of one job that the
// policy can start, which are fewer where all must go to one worker. What is skipped depends on the former only, so that all
// variants have the same jobs.
struct TraceTarget {
  std::uint32_t queue = 0;
  std::int64_t most_tasks = 0;
  std::int64_t most_startable = std::numeric_limits<std::int64_t>::max();
};

struct TraceWindow {
  std::vector<TraceJob> jobs;
  LineTally oversized;         // skipped
  LineTally without_estimate;  // requested time unknown
};

// The jobs to use. `targets` is by index into raw.queues. An error when there are none, or one is too large.
[[nodiscard]] Result<TraceWindow> select_jobs(const RawTrace& raw, const TraceOptions& options,
                                              const std::vector<TraceTarget>& targets);

}  // namespace drydock::scenarios
