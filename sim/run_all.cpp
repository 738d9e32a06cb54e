#include "sim/platform.hpp"
#include "sim/run.hpp"
#include "sim/run_builder.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <poll.h>

namespace drydock::sim {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLookMs = 100;
// What a run has after a request to stop to hand in what there is, from the request or from the last result that came in.
constexpr Clock::duration kGrace = std::chrono::seconds{3};

// Which requests share a platform: for each the index of the first one with the same.
std::vector<std::size_t> group(std::span<const RunRequest> requests) {
  std::vector<std::size_t> group_of(requests.size());
  std::vector<std::size_t> leaders;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto leader = std::ranges::find_if(leaders, [&](std::size_t l) {
      return requests[l].scenario == requests[i].scenario || same_platform(*requests[l].scenario, *requests[i].scenario);
    });
    group_of[i] = leader == leaders.end() ? leaders.emplace_back(i) : *leader;
  }
  return group_of;
}

class Dispatcher {
 public:
  Dispatcher(std::span<const RunRequest> requests, unsigned jobs, const std::atomic<bool>& stop,
             const std::function<void(const Progress&)>& progress, const RunFinished& finished)
      : requests_(requests),
        jobs_(std::max(1U, jobs)),
        stop_(stop),
        progress_(progress),
        finished_(finished),
        shared_(requests.size()),
        group_of_(group(requests)),
        order_(requests.size()),
        results_(requests.size()) {
    // Runs of one platform together, so that few platforms are alive at a time.
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::ranges::stable_sort(order_, {}, [this](std::size_t i) { return group_of_[i]; });
    for (std::size_t i = 0; i < requests.size(); ++i) {
      results_[i].variant = requests[i].scenario->variant;
      results_[i].seed = requests[i].seed;
    }
  }

  std::vector<reports::RunResult> run() {
    while (next_ < order_.size() || running() > 0) {
      if (stop_.load(std::memory_order_relaxed)) stop_early();
      while (next_ < order_.size() && running() < jobs_) start_next();
      listen();
      report_progress();
      dismiss_the_done();
    }
    report_progress();
    return std::move(results_);
  }

 private:
  [[nodiscard]] std::size_t running() const {
    std::size_t count = 0;
    for (const auto& [leader, builder] : builders_) count += builder->outstanding().size();
    return count;
  }

  void start_next() {
    const std::size_t run = order_[next_++];
    try {
      builder_of(group_of_[run]).give(run);
    } catch (const std::exception& error) {
      results_[run].error = fmt::format("the run could not be started: {}", error.what());
    }
  }

  RunBuilder& builder_of(std::size_t leader) {
    const auto found = builders_.find(leader);
    if (found != builders_.end() && found->second->alive()) return *found->second;
    std::vector<int> others;
    for (const auto& [other, builder] : builders_) others.push_back(builder->socket());
    return *(builders_[leader] = std::make_unique<RunBuilder>(requests_, shared_, others));
  }

  void listen() {
    std::vector<pollfd> watched;
    std::vector<RunBuilder*> watching;
    for (const auto& [leader, builder] : builders_) {
      if (builder->outstanding().empty()) continue;
      watched.push_back({.fd = builder->socket(), .events = POLLIN, .revents = 0});
      watching.push_back(builder.get());
    }
    if (watched.empty() || poll(watched.data(), watched.size(), kLookMs) <= 0) return;
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (watched[i].revents == 0) continue;
      for (const std::uint64_t run : watching[i]->collect(results_)) {
        if (finished_) finished_(run, results_[run]);
      }
    }
  }

  // The builders of platforms that no run to come needs.
  void dismiss_the_done() {
    std::erase_if(builders_, [this](const auto& entry) {
      const bool needed = next_ < order_.size() && group_of_[order_[next_]] == entry.first;
      return entry.second->outstanding().empty() && !needed;
    });
  }

  // A run sees the request between two decisions. One that is within a long decision, or has not begun to make any, is killed
  // after a while.
  void stop_early() {
    shared_.stop().store(true);
    if (!patience_ends_ || running() < running_before_) patience_ends_ = Clock::now() + kGrace;
    running_before_ = running();
    if (Clock::now() > *patience_ends_) {
      for (const auto& [leader, builder] : builders_) builder->kill();
    }
    for (; next_ < order_.size(); ++next_) {
      results_[order_[next_]].partial = true;
      results_[order_[next_]].error = "not run: the program was interrupted before";
    }
  }

  void report_progress() {
    if (!progress_) return;
    Progress now{.runs_done = next_ - running(), .runs_total = requests_.size(), .fraction = 0};
    double sum = static_cast<double>(now.runs_done);
    for (const auto& [leader, builder] : builders_) {
      for (const std::uint64_t run : builder->outstanding()) sum += std::clamp(shared_.progress(run).load(), 0.0, 1.0);
    }
    if (now.runs_total > 0) now.fraction = sum / static_cast<double>(now.runs_total);
    progress_(now);
  }

  std::span<const RunRequest> requests_;
  std::size_t jobs_;
  const std::atomic<bool>& stop_;
  const std::function<void(const Progress&)>& progress_;
  const RunFinished& finished_;
  SharedRuns shared_;
  std::vector<std::size_t> group_of_;
  std::vector<std::size_t> order_;
  std::size_t next_ = 0;
  std::map<std::size_t, std::unique_ptr<RunBuilder>> builders_;  // by the group's first request; those that are needed
  std::optional<Clock::time_point> patience_ends_;               // set by a request to stop
  std::size_t running_before_ = 0;                               // when the request was looked at last
  std::vector<reports::RunResult> results_;
};

}  // namespace

std::vector<reports::RunResult> run_all(std::span<const RunRequest> requests, unsigned jobs, const std::atomic<bool>& stop,
                                        const std::function<void(const Progress&)>& progress, const RunFinished& finished) {
  return Dispatcher(requests, jobs, stop, progress, finished).run();
}

}  // namespace drydock::sim
