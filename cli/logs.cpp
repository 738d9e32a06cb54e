// drydock logs JOB
#include "cli/log_printer.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <list>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/cluster_view.hpp"
#include "real-runtime/job_folder.hpp"
#include "real-runtime/kept_output.hpp"
#include "real-runtime/log_reader.hpp"
#endif

namespace drydock::cli {
namespace {

struct LogsArguments {
  StoreArguments stores;
  std::uint64_t job = 0;
  std::optional<std::uint32_t> attempt;
  bool only_output = false;
  bool only_errors = false;
  std::optional<std::uint64_t> tail;
  bool follow = false;
  std::string jobs_folder;
};

#ifdef DRYDOCK_WITH_RUNTIME

namespace fs = std::filesystem;

void log_note(const std::string& text) { fmt::print(stderr, "note: {}\n", text); }

// One log that is read, of one task.
struct OpenLog {
  OpenLog(std::string name, std::string heading, const fs::path& folder)
      : stream(std::move(name)), source(std::move(heading)), reader(folder / stream) {}
  std::string stream;
  std::string source;
  runtime::LogReader reader;
};

// The folder of an attempt on this machine.
class FolderLogs {
 public:
  // `worker`: said in headings; empty: there is only one.
  FolderLogs(fs::path folder, std::string worker) : folder_(std::move(folder)), worker_(std::move(worker)) {}

  // Prints what is new. False: nothing is.
  bool print_more(LogPrinter& printer) {
    find_more(printer);
    bool some = false;
    for (OpenLog& log : logs_) {
      while (true) {
        const std::string text = log.reader.read_more();
        if (text.empty()) break;
        some = true;
        printer.print(log.stream, log.source, text);
      }
      printer.flush(log.stream, log.source);
    }
    return some;
  }
  [[nodiscard]] bool ended() const {
    std::error_code ignored;
    return fs::exists(folder_ / runtime::kResultFile, ignored);
  }

 private:
  void find_more(const LogPrinter& printer) {
    for (const std::string& stream : runtime::output_files(folder_)) {
      if (!printer.wants(stream) || std::ranges::find(logs_, stream, &OpenLog::stream) != logs_.end()) continue;
      std::string source = worker_;
      if (stream.find('-') != std::string::npos) source += (source.empty() ? "" : ": ") + stream;
      logs_.emplace_back(stream, std::move(source), folder_);
    }
  }

  fs::path folder_;
  std::string worker_;
  std::list<OpenLog> logs_;  // readers stay where they are
};

// --- from a folder alone ---

// The number of the job's last attempt in the folder.
std::optional<std::uint32_t> last_attempt_in(const fs::path& jobs, std::uint64_t job) {
  std::optional<std::uint32_t> last;
  const std::string front = fmt::format("{}-", job);
  std::error_code error;
  for (fs::directory_iterator at(jobs, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(front) || name.size() > front.size() + 9) continue;
    const std::string rest = name.substr(front.size());
    if (rest.empty() || rest.find_first_not_of("0123456789") != std::string::npos) continue;
    last = std::max(last.value_or(0), static_cast<std::uint32_t>(std::stoul(rest)));
  }
  return last;
}

constexpr std::chrono::milliseconds kBetweenLooks{200};

int logs_in_folder(const LogsArguments& arguments, LogPrinter& printer) {
  const fs::path jobs = arguments.jobs_folder;
  const auto number = arguments.attempt ? arguments.attempt : last_attempt_in(jobs, arguments.job);
  const fs::path folder = jobs / runtime::attempt_folder_name({JobId{arguments.job}, number.value_or(0)});
  std::error_code error;
  if (!number || !fs::is_directory(folder, error)) {
    return bad_input(
        fmt::format("{} has no {} of job {}: is it the --jobs-folder of the worker that ran it, and may you "
                    "read it? Folders of ended attempts go after a week (--keep-jobs)",
                    jobs.string(), arguments.attempt ? fmt::format("attempt {}", *number) : "attempt", arguments.job));
  }
  if (::access(folder.c_str(), R_OK) != 0) {
    return bad_input(fmt::format("{} is not readable for you: it belongs to the worker's user", folder.string()));
  }
  FolderLogs logs(folder, "");
  while (true) {
    const bool ended = logs.ended();
    const bool some = logs.print_more(printer);
    if (!arguments.follow || (ended && !some)) return kDone;
    if (!some) std::this_thread::sleep_for(kBetweenLooks);
  }
}

// --- from wherever it is ---

// What is known of an attempt's part on one worker.
struct Part {
  WorkerId worker;
  bool ended = false;
  std::optional<FolderLogs> here{};  // its folder is on this machine
  std::string elsewhere{};           // where it is, for people
};

struct Attempt {
  std::uint32_t number = 0;
  bool ended = false;
  std::vector<Part> parts;
};

class LogSearch {
 public:
  LogSearch(const LogsArguments& arguments, runtime::ApiStores& stores) : arguments_(arguments), stores_(stores) {}

  // Nothing: there is none yet. The code says what is wrong where something is.
  std::optional<Attempt> find(int& code) {
    const auto found = stores_.with_postgres(
        [&](runtime::PostgresClient& store) { return runtime::find_job(store, stores_.schema(), JobId{arguments_.job}); });
    if (!found) return failed(code, found.error());
    if (!found.value()) {
      code = bad_input(fmt::format("there is no job {}", arguments_.job));
      return std::nullopt;
    }
    status_ = found.value()->job.status;
    const std::vector<runtime::AttemptRow>& rows = found.value()->attempts;
    if (rows.empty()) return std::nullopt;
    const std::uint32_t number = arguments_.attempt.value_or(rows.back().number);
    Attempt attempt{.number = number, .ended = true, .parts = {}};
    for (const runtime::AttemptRow& row : rows) {
      if (row.number != number) continue;
      attempt.parts.push_back({.worker = WorkerId{row.worker}, .ended = !row.outcome.empty()});
      attempt.ended = attempt.ended && !row.outcome.empty();
    }
    if (attempt.parts.empty()) {
      const std::uint32_t last = rows.back().number;
      if (number > last && arguments_.follow) return std::nullopt;
      code = bad_input(fmt::format("job {} has no attempt {}: it has {}", arguments_.job, number,
                                   last == 1 ? "only attempt 1" : fmt::format("attempts 1 to {}", last)));
      return std::nullopt;
    }
    if (!locate(attempt, code)) return std::nullopt;
    return attempt;
  }

  // Of the job, when find() last looked and found no fault.
  [[nodiscard]] runtime::JobStatus status() const { return status_; }

  // What is kept of it where its folder is not here. False: `code` says why it could not be asked.
  bool print_kept(const Attempt& attempt, const Part& part, LogPrinter& printer, int& code) {
    const auto kept = stores_.with_redis([&](runtime::RedisClient& redis) {
      return runtime::read_kept_output(redis, {JobId{arguments_.job}, attempt.number}, part.worker);
    });
    if (!kept) {
      code = no_store(kept.error().message);
      return false;
    }
    if (!kept.value()) {
      log_note(fmt::format(
          "Redis has no output of attempt {} on worker {}: it printed nothing, or too long ago, or its worker was killed{}",
          attempt.number, part.worker.value, part.elsewhere));
      return true;
    }
    for (const auto& [stream, text] : kept.value()->streams) print_stream(attempt, part, stream, text, printer);
    if (kept.value()->left_out > 0) {
      log_note(fmt::format("{} more of its streams are not kept in Redis{}", kept.value()->left_out, part.elsewhere));
    }
    return true;
  }

 private:
  std::nullopt_t failed(int& code, const Error& error) {
    code = no_store(error.message);
    return std::nullopt;
  }

  bool locate(Attempt& attempt, int& code) {
    const auto view = stores_.with_redis([](runtime::RedisClient& redis) { return runtime::read_registry(redis); });
    if (!view) {
      failed(code, view.error());
      return false;
    }
    const std::string name = runtime::attempt_folder_name({JobId{arguments_.job}, attempt.number});
    for (Part& part : attempt.parts) {
      const runtime::SeenWorker* worker = view.value().find(part.worker);
      if (worker == nullptr || worker->place.jobs_folder.empty()) continue;
      const fs::path folder = fs::path(worker->place.jobs_folder) / name;
      const bool is_here = worker->place.machine == runtime::this_machine();
      const bool readable = ::access(folder.c_str(), R_OK | X_OK) == 0;
      const bool missing = !readable && errno == ENOENT;  // not yet, or not any more
      if (is_here && (readable || (missing && !part.ended))) {
        part.here.emplace(folder, attempt.parts.size() > 1 ? fmt::format("worker {}", part.worker.value) : "");
      } else if (!is_here || !missing) {
        part.elsewhere = fmt::format("; all that there is of it is in {} {}", folder.string(),
                                     is_here ? "here, which you may not read" : fmt::format("on host {}", worker->host));
      }
    }
    return true;
  }

  void print_stream(const Attempt& attempt, const Part& part, const std::string& stream,
                    const runtime::KeptOutput::Stream& text, LogPrinter& printer) const {
    if (!printer.wants(stream)) return;
    std::string source = attempt.parts.size() > 1 ? fmt::format("worker {}", part.worker.value) : "";
    if (stream.find('-') != std::string::npos) source += (source.empty() ? "" : ": ") + stream;
    if (text.bytes > text.end.size()) {
      log_note(fmt::format("of {} the last {} of {} bytes are kept in Redis{}", stream, text.end.size(), text.bytes,
                           part.elsewhere));
    }
    printer.print(stream, source, text.end);
    printer.flush(stream, source);
  }

  const LogsArguments& arguments_;
  runtime::ApiStores& stores_;
  runtime::JobStatus status_{};
};

// Prints what there is of all its parts; with --follow until it has ended.
int print_attempt(const LogsArguments& arguments, LogSearch& search, Attempt attempt, LogPrinter& printer) {
  int code = kDone;
  constexpr int kLooksBetweenQuestions = 5;
  for (int look = 1;; ++look) {
    bool some = false;
    bool all_here_ended = true;
    for (Part& part : attempt.parts) {
      if (!part.here) continue;
      all_here_ended = (part.here->ended() || attempt.ended) && all_here_ended;
      some = part.here->print_more(printer) || some;
    }
    const bool all_here = std::ranges::all_of(attempt.parts, [](const Part& part) { return part.here.has_value(); });
    if (!arguments.follow || (!some && all_here_ended && (all_here || attempt.ended))) break;
    if (some) continue;
    std::this_thread::sleep_for(kBetweenLooks);
    if (look % kLooksBetweenQuestions != 0) continue;
    auto again = search.find(code);
    if (!again) return code;
    attempt.ended = again->ended;
    for (std::size_t i = 0; i < attempt.parts.size() && i < again->parts.size(); ++i) {
      if (!attempt.parts[i].here && again->parts[i].here) attempt.parts[i].here = std::move(again->parts[i].here);
    }
  }
  for (const Part& part : attempt.parts) {
    if (part.here) continue;
    if (!attempt.ended) {
      log_note(fmt::format("attempt {} has not ended on worker {}: its output is in Redis when it has (--follow waits){}",
                           attempt.number, part.worker.value, part.elsewhere));
      code = kCheckFailed;
    } else if (!search.print_kept(attempt, part, printer, code)) {
      return code;
    }
  }
  return code;
}

int logs_from_stores(const LogsArguments& arguments, LogPrinter& printer) {
  const auto postgres = postgres_options(arguments.stores);
  if (!postgres) return bad_input(postgres.error().message);
  const auto redis = redis_options(arguments.stores);
  if (!redis) return bad_input(redis.error().message);
  runtime::ApiStores stores({.redis = redis.value(), .postgres = postgres.value(), .connections = 1});
  LogSearch search(arguments, stores);
  int code = kDone;
  while (true) {
    if (auto attempt = search.find(code)) return print_attempt(arguments, search, std::move(*attempt), printer);
    if (code != kDone) return code;
    const runtime::JobStatus status = search.status();
    if (status != runtime::JobStatus::waiting && status != runtime::JobStatus::running) {
      log_note(
          fmt::format("job {} has ended ({}) without an attempt that printed anything", arguments.job, to_string(status)));
      return kDone;
    }
    if (!arguments.follow) {
      log_note(fmt::format("job {} has not begun: --follow waits for it", arguments.job));
      return kDone;
    }
    std::this_thread::sleep_for(5 * kBetweenLooks);
  }
}

int run_logs(const LogsArguments& arguments) {
  LogPrinter printer({.output = arguments.only_output || !arguments.only_errors,
                      .errors = arguments.only_errors || !arguments.only_output,
                      .tail = arguments.tail});
  return arguments.jobs_folder.empty() ? logs_from_stores(arguments, printer) : logs_in_folder(arguments, printer);
}

#else

int run_logs(const LogsArguments& /*arguments*/) { return bad_input(kNoRuntime); }

#endif

class Logs final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("JOB", arguments_.job, "Number of the job, as `drydock submit` printed it")
        ->required()
        ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{std::numeric_limits<std::int64_t>::max()}));
    app.add_option("--attempt", arguments_.attempt, "Of this attempt (default: the last one)")
        ->check(CLI::Range(1, std::numeric_limits<int>::max()));
    app.add_flag("--stdout", arguments_.only_output, "Only what it printed to stdout");
    app.add_flag("--stderr", arguments_.only_errors, "Only what it printed to stderr, to stdout here");
    app.add_option("--tail", arguments_.tail, "Of each stream only the last N lines")
        ->type_name("N")
        ->check(CLI::Range(0, std::numeric_limits<int>::max()));
    app.add_flag("-f,--follow", arguments_.follow, "Go on until the attempt has ended");
    app.add_option("--jobs-folder", arguments_.jobs_folder, "Look in this --jobs-folder of a worker, and ask no store")
        ->type_name("DIR");
    declare_redis(app, arguments_.stores);
    declare_postgres(app, arguments_.stores);
    app.footer(
        std::string(
            "What a job printed: its stdout to stdout here, its stderr to stderr. Of several tasks or workers each part has "
            "a\n"
            "heading.\n"
            "The whole of it, but for what --output-limit of the worker cuts from the middle, is in the worker's jobs "
            "folder\n"
            "until the worker removes it (--keep-jobs, a week). On that machine it is read there, also while the attempt "
            "runs.\n"
            "On other machines there is what the worker leaves in Redis when an attempt has ended: of each stream the last\n"
            "16 KiB for 24 hours (--keep-output, --keep-output-for of the worker), at most 1 MiB for each worker, of which "
            "the\n"
            "oldest go first. There --follow prints that at the end.\n"
            "  drydock logs 17 --follow\n"
            "  drydock logs 17 --stderr --tail 20\n") +
        std::string(kPasswords) +
        "\nExit code 1: it runs on another machine and has not ended; 2: there is no such job or attempt; 3: a store could\n"
        "not be reached.");
  }
  int run(const Terminal& /*terminal*/) override { return run_logs(arguments_); }

 private:
  LogsArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_logs() { return std::make_unique<Logs>(); }

}  // namespace drydock::cli
