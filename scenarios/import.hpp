// What `drydock import` tells about a trace: what was read, what was left out and why, by line number, and how busy the
// machine would be. Also a scenario that runs it.
#pragma once

#include "policies/core/result.hpp"
#include "scenarios/trace.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace drydock::scenarios {

struct ImportReport {
  std::string path;  // as given
  TraceFormat format = TraceFormat::swf;
  std::string_view counts;                      // what the tallies list: lines or jobs
  std::uint64_t read = 0;                       // jobs in the file
  std::uint64_t valid = 0;                      // of these, usable
  std::uint64_t used = 0;                       // of these, in the window of the options
  std::map<std::string, LineTally> skipped;     // by reason
  std::map<std::string, LineTally> remarks;     // used in spite of something: extra columns, unsorted, no request, ...
  std::map<std::string, std::string> header;    // of SWF: MaxProcs, UnixStartTime, ...; empty: there is none
  std::map<std::string, std::uint64_t> queues;  // valid jobs by queue of the trace
  double first_submit_s = 0;                    // of the jobs used, as in the file
  double period_s = 0;                          // from the first to the last submission used
  double work_s = 0;                            // runtime x tasks, of the jobs used
  double mean_runtime_s = 0;
  double max_runtime_s = 0;
  std::uint64_t max_tasks = 0;      // of one job
  std::uint64_t processors = 0;     // as the header says; else enough for the largest job and a load of 80 %
  bool assumed_processors = false;  // the latter
  std::optional<double> mean_load;  // work / (period x processors); nothing for a single instant
  std::string scenario = {};        // of a journal: what was recorded, as JSON text
};

// Jobs that are larger than the machine of the header count as skipped. Errors name path:line.
[[nodiscard]] Result<ImportReport> import_trace(const std::filesystem::path& path, TraceOptions options);

// For people: some lines, the last one ended.
[[nodiscard]] std::string import_text(const ImportReport& report);
// The same as JSON, indented.
[[nodiscard]] std::string import_json(const ImportReport& report);

// A scenario file that runs the trace as it is described by `options`, on a machine of its size, under FCFS and EASY; of a
// journal: the recorded scenario with the jobs that came there, under its own policies, FCFS and EASY.
// `trace_path` is written into it: relative to where the file will be.
[[nodiscard]] std::string scenario_for(const ImportReport& report, const TraceOptions& options,
                                       const std::string& trace_path);

}  // namespace drydock::scenarios
