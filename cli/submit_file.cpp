#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/submit_file.hpp"

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/job_lines.hpp"
#include "cli/progress.hpp"
#include "cli/stores.hpp"
#include "real-runtime/random_text.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace drydock::cli {

namespace {

using runtime::PostgresClient;

// PostgreSQL may be away for so long on the way.
constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::milliseconds kTryAgain{500};

// Where it is not known how many there will be.
class ProgressLine {
 public:
  ProgressLine(bool visible, std::string_view what) : visible_(visible), what_(what) {}
  ~ProgressLine() {
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(std::uint64_t jobs) {
    if (!visible_) return;
    drawn_ = true;
    fmt::print(stderr, "\r{} jobs {}\x1b[K", jobs, what_);
    std::fflush(stderr);
  }

 private:
  bool visible_;
  bool drawn_ = false;
  std::string_view what_;
};

class JobFile {
 public:
  JobFile(const JobFileArguments& arguments, PostgresClient& store, const std::vector<runtime::NamedQueue>& queues,
          const Terminal& terminal)
      : arguments_(arguments),
        key_(arguments.key.empty() ? "auto-" + runtime::random_text(8) : arguments.key),
        store_(store),
        queues_(queues),
        stop_(stop_on_interrupt()),
        on_terminal_(terminal.err_is_terminal) {}

  int run() {
    std::optional<Stop> stop = check_first();
    if (!stop) stop = submit_all();
    if (!stop || jobs_ > 0) tell(!stop.has_value());
    if (!stop) return kDone;
    if (stop->code == kNoStore) return no_store(stop->message);
    (void)bad_input(stop->message);
    return stop->code;
  }

 private:
  // Why it does not go on.
  struct Stop {
    int code = kBadInput;
    std::string message;
  };

  // A file that can be read twice is read once before anything is submitted: a mistake at its end costs nothing.
  std::optional<Stop> check_first() {
    std::error_code error;
    if (arguments_.path == "-" || !std::filesystem::is_regular_file(arguments_.path, error)) return std::nullopt;
    const auto lines = JobLines::open(arguments_.path, queues_, stop_);
    if (!lines) return Stop{kBadInput, lines.error().message};
    ProgressLine progress(on_terminal_, "checked");
    while (true) {
      const auto batch = lines.value()->next();
      if (stop_.load()) return interrupted();
      if (!batch) return Stop{kBadInput, batch.error().message + "; nothing was submitted"};
      if (!batch.value()) return std::nullopt;
      total_ += batch.value()->jobs.size();
      progress.show(total_);
    }
  }

  std::optional<Stop> submit_all() {
    const auto lines = JobLines::open(arguments_.path, queues_, stop_);
    if (!lines) return Stop{kBadInput, lines.error().message};
    ProgressBar bar(on_terminal_ && total_ > 0, "jobs");
    ProgressLine progress(on_terminal_ && total_ == 0, "submitted");
    while (true) {
      const auto batch = lines.value()->next();
      if (stop_.load()) return interrupted();
      if (!batch)
        return Stop{kBadInput, fmt::format("{}; {}", batch.error().message, so_far("mend it, and repeat all of it"))};
      if (!batch.value()) break;
      if (auto stop = submit(*batch.value())) return stop;
      bar.show({.done = jobs_, .total = total_, .fraction = static_cast<double>(jobs_) / static_cast<double>(total_ + 1)});
      progress.show(jobs_);
    }
    if (jobs_ == 0) return Stop{kBadInput, fmt::format("--jobs {}: there is no job in it", arguments_.path)};
    return std::nullopt;
  }

  // Under a key of its own, so that an answer that was lost can be asked for again.
  std::optional<Stop> submit(const JobBatch& batch) {
    // No key of a client has a tab.
    const std::string key = fmt::format("{}\tbatch {}", key_, batch.number);
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (true) {
      const auto ids = submit_once(store_, key, batch.digest, batch.jobs);
      if (ids && ids.value().same) {
        note(batch, ids.value());
        return std::nullopt;
      }
      if (ids) {
        return Stop{
            kBadInput,
            fmt::format("lines {} to {} are not what was submitted under the key \"{}\" before, which stands for one "
                        "file: take another key for other jobs; {}",
                        batch.first_line, batch.last_line, key_, so_far("the same file may be repeated"))};
      }
      if (stop_.load()) return interrupted();
      if (store_.connected() || std::chrono::steady_clock::now() > give_up) {
        return Stop{kNoStore, fmt::format("{}; whether lines {} to {} were accepted is not certain; {}", ids.error().message,
                                          batch.first_line, batch.last_line, so_far("repeat it"))};
      }
      std::this_thread::sleep_for(kTryAgain);
      (void)store_.reconnect();
    }
  }

  void note(const JobBatch& batch, const runtime::SubmittedOnce& ids) {
    const std::uint64_t count = batch.jobs.size();
    jobs_ += count;
    if (ids.repeated) repeated_ += count;
    last_line_ = batch.last_line;
    if (!ranges_.empty() && ranges_.back().second + 1 == ids.first) ranges_.back().second += count;
    else ranges_.emplace_back(ids.first, ids.first + count - 1);
  }

  // What is in the store, and how to go on.
  [[nodiscard]] std::string so_far(std::string_view advice) const {
    const std::string done =
        jobs_ == 0 ? "nothing had been submitted before it"
                   : fmt::format("{} jobs had been submitted before it, those of lines 1 to {}", jobs_, last_line_);
    return fmt::format("{}: {} with --key {}, which adds only what is missing", done, advice, key_);
  }

  [[nodiscard]] Stop interrupted() const {
    if (jobs_ == 0 && total_ == 0) return {kInterrupted, "interrupted: nothing was submitted"};
    return {kInterrupted, "interrupted: " + so_far("repeat it")};
  }

  void tell(bool complete) const {
    if (arguments_.format == "json") {
      fmt::print("{}\n", nlohmann::json{{"schema", "drydock-submitted-file/1"},
                                        {"key", key_},
                                        {"complete", complete},
                                        {"jobs", jobs_},
                                        {"there_before", repeated_},
                                        {"ranges", ranges_}}
                             .dump());
      return;
    }
    constexpr std::size_t kMostShown = 10;
    std::string text = fmt::format("{} jobs submitted", jobs_ - repeated_);
    if (repeated_ > 0) text += fmt::format(", {} were there before", repeated_);
    for (std::size_t i = 0; i < std::min(kMostShown, ranges_.size()); ++i)
      text += fmt::format("{}{} to {}", i == 0 ? ": " : ", ", ranges_[i].first, ranges_[i].second);
    if (ranges_.size() > kMostShown) text += fmt::format(", and {} more: --format json", ranges_.size() - kMostShown);
    fmt::print("{}\n", text);
  }

  const JobFileArguments& arguments_;
  std::string key_;
  PostgresClient& store_;
  const std::vector<runtime::NamedQueue>& queues_;
  const std::atomic<bool>& stop_;
  bool on_terminal_;
  std::uint64_t total_ = 0;  // jobs; 0: not known
  std::uint64_t jobs_ = 0;   // in the store, likewise below
  std::uint64_t repeated_ = 0;
  std::uint64_t last_line_ = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges_;  // of ids
};

}  // namespace

int submit_file(const JobFileArguments& arguments, PostgresClient& store, const std::vector<runtime::NamedQueue>& queues,
                const Terminal& terminal) {
  return JobFile(arguments, store, queues, terminal).run();
}

}  // namespace drydock::cli

#endif
