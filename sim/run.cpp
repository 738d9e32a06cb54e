#include "sim/run.hpp"

#include "policies/core/journal.hpp"
#include "policies/core/last_words.hpp"
#include "sim/run_child.hpp"
#include "sim/world.hpp"

#include <cerrno>
#include <cstring>
#include <deque>
#include <exception>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <sys/resource.h>
#include <utility>

namespace drydock::sim {
namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

double peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;  // kept in KiB
}

std::string cannot_write(const std::string& path) {
  return fmt::format("the journal {} cannot be written: {}", path, std::strerror(errno));
}
std::string not_in_full(const std::string& path) {
  return fmt::format("the journal {} could not be written in full: is the disk full?", path);
}

reports::RunResult failed(std::string why) {
  reports::RunResult result;
  result.error = std::move(why);
  return result;
}

// A file for each scheduler process, beside the path that was asked for: run.journal, run.scheduler-0-1.journal.
class FileShelf final : public JournalShelf {
 public:
  FileShelf(const RunRequest& request, JournalHeader header) : request_(request), header_(std::move(header)) {}

  JournalWriter& open(std::uint32_t scheduler, std::uint32_t start) override {
    const std::filesystem::path& base = *request_.options.journal;
    const std::string name =
        fmt::format("{}.scheduler-{}-{}{}", base.stem().string(), scheduler, start, base.extension().string());
    Entry& entry = entries_.emplace_back();
    entry.path = (base.parent_path() / name).string();
    entry.file.open(entry.path, std::ios::binary | std::ios::trunc);
    if (!entry.file) throw std::runtime_error(cannot_write(entry.path));
    const JournalFormat format = request_.options.json_lines ? JournalFormat::json_lines : JournalFormat::binary;
    entry.writer = std::make_unique<JournalWriter>(entry.file, format, header_);
    return *entry.writer;
  }

  void flush() {
    for (Entry& entry : entries_) entry.writer->flush();
  }
  // What is wrong with the files, once all are written.
  [[nodiscard]] std::optional<std::string> close() {
    for (Entry& entry : entries_) {
      entry.writer.reset();
      entry.file.close();
      if (!entry.file) return not_in_full(entry.path);
    }
    return std::nullopt;
  }

 private:
  struct Entry {
    std::string path;
    std::ofstream file;
    std::unique_ptr<JournalWriter> writer;
  };
  const RunRequest& request_;
  JournalHeader header_;
  std::deque<Entry> entries_;
};

reports::RunResult run_several(SimGridEngine& engine, const RunRequest& request, WorldOptions options) {
  const scenarios::Scenario& scenario = *request.scenario;
  FileShelf shelf(request, {DRYDOCK_VERSION, scenario.json, scenario.variant, request.seed});
  if (request.options.journal) options.journals = &shelf;
  const LastWords save([&shelf] { shelf.flush(); });
  reports::RunResult result = World(scenario, request.seed, options, engine).run();
  if (const auto problem = shelf.close(); problem && !result.error) result.error = *problem;
  return result;
}

reports::RunResult run_world(SimGridEngine& engine, const RunRequest& request, const std::atomic<bool>& stop,
                             std::atomic<double>* progress) {
  const scenarios::Scenario& scenario = *request.scenario;
  WorldOptions options{.eager = request.options.eager,
                       .check = request.options.check,
                       .interposer = request.options.interposer,
                       .find_warmup = request.options.find_warmup,
                       .warmup_jobs = request.options.warmup_jobs,
                       .progress = progress,
                       .stop = &stop};
  if (scenario.schedulers > 1) return run_several(engine, request, options);
  std::ofstream file;
  std::unique_ptr<JournalWriter> journal;
  const std::string path = request.options.journal ? request.options.journal->string() : std::string();
  if (request.options.journal) {
    file.open(*request.options.journal, std::ios::binary | std::ios::trunc);
    if (!file) return failed(cannot_write(path));
    const JournalFormat format = request.options.json_lines ? JournalFormat::json_lines : JournalFormat::binary;
    journal = std::make_unique<JournalWriter>(file, format,
                                              JournalHeader{DRYDOCK_VERSION, scenario.json, scenario.variant, request.seed});
    options.journal = journal.get();
  }
  const LastWords save([&journal] {
    if (journal) journal->flush();
  });
  reports::RunResult result = World(scenario, request.seed, options, engine).run();
  if (journal) {
    journal.reset();
    file.close();
    if (!file && !result.error) result.error = not_in_full(path);
  }
  return result;
}

}  // namespace

reports::RunResult run_on(SimGridEngine& engine, const RunRequest& request, const std::atomic<bool>& stop,
                          std::atomic<double>* progress) {
  const double began = cpu_seconds();
  reports::RunResult result;
  try {
    result = run_world(engine, request, stop, progress);
  } catch (const std::bad_alloc&) {
    result = failed("the run needs more memory than there is");
  } catch (const std::exception& error) {
    result = failed(fmt::format("the run was broken off: {}", error.what()));
  }
  result.variant = request.scenario->variant;
  result.seed = request.seed;
  result.cpu_s = cpu_seconds() - began;
  result.peak_rss_bytes = peak_rss_bytes();
  return result;
}

reports::RunResult run_one(const scenarios::Scenario& scenario, std::uint64_t seed, const RunOptions& options,
                           const std::atomic<bool>& stop) {
  SimGridEngine engine(scenario);
  return run_on(engine, RunRequest{.scenario = &scenario, .seed = seed, .options = options}, stop, nullptr);
}

}  // namespace drydock::sim
