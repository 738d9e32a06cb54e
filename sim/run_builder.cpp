#include "sim/run_builder.hpp"

#include "policies/core/assert.hpp"
#include "sim/isolated.hpp"
#include "sim/result_wire.hpp"
#include "sim/run_child.hpp"
#include "sim/simgrid_engine.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <new>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace drydock::sim {
namespace {

static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<double>::is_always_lock_free,
              "shared between processes");

std::string with_run(std::uint64_t run, const std::string& result) {
  std::string message(sizeof run, '\0');
  std::memcpy(message.data(), &run, sizeof run);
  return message + result;
}

reports::RunResult failure(const RunRequest& request, std::string why) {
  reports::RunResult result;
  result.variant = request.scenario->variant;
  result.seed = request.seed;
  result.error = std::move(why);
  return result;
}

// Lives in the builder process.
class Building {
 public:
  Building(std::span<const RunRequest> requests, const SharedRuns& shared, int parent)
      : requests_(requests), shared_(shared), parent_(parent) {}

  [[noreturn]] void serve();

 private:
  struct Run {
    std::uint64_t index = 0;
    pid_t pid = -1;
    Descriptor socket;
    MessageReader reader;
    std::string result;
  };

  void take_orders();
  void build(const scenarios::Scenario& scenario);
  void start(std::uint64_t index);
  [[noreturn]] void be_run(std::uint64_t index, int socket);
  [[nodiscard]] reports::RunResult run_of(const RunRequest& request, std::uint64_t index);
  [[nodiscard]] reports::RunResult without_warmup(std::uint64_t index);
  [[nodiscard]] bool listen(Run& run);
  void finish(Run& run);
  void report(std::uint64_t index, const std::string& result);

  std::span<const RunRequest> requests_;
  const SharedRuns& shared_;
  int parent_;
  MessageReader orders_;
  bool dismissed_ = false;
  std::unique_ptr<SimGridEngine> engine_;
  std::optional<std::string> build_error_;
  std::vector<Run> runs_;
};

void Building::serve() {
  while (!dismissed_ || !runs_.empty()) {
    std::vector<pollfd> watched;
    for (const Run& run : runs_) watched.push_back({.fd = run.socket.get(), .events = POLLIN, .revents = 0});
    if (!dismissed_) watched.push_back({.fd = parent_, .events = POLLIN, .revents = 0});
    if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) break;
    const bool has_orders = !dismissed_ && watched.back().revents != 0;
    std::vector<Run> still_running;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      if (watched[i].revents == 0 || listen(runs_[i])) still_running.push_back(std::move(runs_[i]));
      else finish(runs_[i]);
    }
    runs_ = std::move(still_running);
    if (has_orders) take_orders();
  }
  _exit(0);
}

void Building::take_orders() {
  dismissed_ = !orders_.fill(parent_);
  while (const std::optional<std::string> order = orders_.next()) {
    std::uint64_t index = 0;
    std::memcpy(&index, order->data(), sizeof index);
    try {
      start(index);
    } catch (const std::exception& error) {
      report(index, encode_result(failure(requests_[index], fmt::format("the run could not be started: {}", error.what()))));
    }
  }
}

// A second try after a failure would find SimGrid half built.
void Building::build(const scenarios::Scenario& scenario) {
  if (build_error_) throw std::runtime_error(*build_error_);
  if (engine_ != nullptr) return;
  try {
    engine_ = std::make_unique<SimGridEngine>(scenario);
  } catch (const std::exception& error) {
    build_error_ = fmt::format("the platform cannot be built: {}", error.what());
    throw std::runtime_error(*build_error_);
  }
}

void Building::start(std::uint64_t index) {
  build(*requests_[index].scenario);
  auto [mine, its] = connected_pair();
  const pid_t self = getpid();
  const pid_t pid = fork_child();
  if (pid == 0) {
    become_helper(self);
    close(parent_);
    mine.reset();
    be_run(index, its.get());
  }
  runs_.push_back({.index = index, .pid = pid, .socket = std::move(mine), .reader = {}, .result = {}});
}

void Building::be_run(std::uint64_t index, int socket) {
  const reports::RunResult result =
      requests_[index].options.find_warmup ? without_warmup(index) : run_of(requests_[index], index);
  const bool sent = send_message(socket, encode_result(result));
  _exit(sent ? 0 : 1);  // without destructors: SimGrid's take long and free what the system frees anyway
}

reports::RunResult Building::run_of(const RunRequest& request, std::uint64_t index) {
  return run_on(*engine_, request, shared_.stop(), &shared_.progress(index));
}

// The same run twice, the first time in a child: this process has only one engine.
reports::RunResult Building::without_warmup(std::uint64_t index) {
  reports::RunResult pilot = run_isolated([&] { return run_of(requests_[index], index); }, shared_.stop());
  pilot.variant = requests_[index].scenario->variant;
  pilot.seed = requests_[index].seed;
  if (pilot.error || pilot.partial || !pilot.settling) return pilot;
  RunRequest request = requests_[index];
  request.options.find_warmup = false;
  request.options.warmup_jobs = pilot.settling->deleted;
  reports::RunResult result = run_of(request, index);
  result.settling = pilot.settling;
  return result;
}

// False once the run has sent everything.
bool Building::listen(Run& run) {
  if (!run.reader.fill(run.socket.get())) return false;
  if (auto message = run.reader.next()) run.result = std::move(*message);
  return true;
}

void Building::finish(Run& run) {
  const std::string end = wait_for_end(run.pid);
  if (decode_result(run.result)) {
    report(run.index, run.result);
    return;
  }
  const std::string how = end.empty() ? "ended without a result" : end;
  report(run.index, encode_result(failure(requests_[run.index], fmt::format("the process of this run {}", how))));
}

void Building::report(std::uint64_t index, const std::string& result) {
  if (!send_message(parent_, with_run(index, result))) _exit(1);
}

}  // namespace

SharedRuns::SharedRuns(std::size_t runs) : bytes_(sizeof(double) * (runs + 1)) {
  new (bytes_.data()) std::atomic<bool>(false);
  for (std::size_t i = 0; i < runs; ++i) new (bytes_.data() + sizeof(double) * (i + 1)) std::atomic<double>(0.0);
}

std::atomic<bool>& SharedRuns::stop() const { return *std::launder(reinterpret_cast<std::atomic<bool>*>(bytes_.data())); }

std::atomic<double>& SharedRuns::progress(std::size_t run) const {
  return *std::launder(reinterpret_cast<std::atomic<double>*>(bytes_.data() + sizeof(double) * (run + 1)));
}

RunBuilder::RunBuilder(std::span<const RunRequest> requests, const SharedRuns& shared, std::span<const int> others) {
  auto [mine, its] = connected_pair();
  const pid_t self = getpid();
  pid_ = fork_child();
  if (pid_ == 0) {
    become_helper(self);
    for (const int other : others) close(other);
    mine.reset();
    Building(requests, shared, its.get()).serve();
  }
  socket_ = std::move(mine);
}

RunBuilder::~RunBuilder() { dismiss(); }

void RunBuilder::give(std::uint64_t run) {
  outstanding_.push_back(run);
  std::string order(sizeof run, '\0');
  std::memcpy(order.data(), &run, sizeof run);
  static_cast<void>(send_message(socket_.get(), order));  // a dead process shows when its answers are collected
}

std::vector<std::uint64_t> RunBuilder::collect(std::span<reports::RunResult> results) {
  if (!reader_.fill(socket_.get())) return lost(results);
  std::vector<std::uint64_t> collected;
  while (const std::optional<std::string> message = reader_.next()) {
    std::uint64_t run = 0;
    std::memcpy(&run, message->data(), sizeof run);
    std::optional<reports::RunResult> result = decode_result(std::string_view(*message).substr(sizeof run));
    DRYDOCK_CHECK(result && std::erase(outstanding_, run) == 1, "a process sent something else than the result of its run");
    results[run] = std::move(*result);
    collected.push_back(run);
  }
  return collected;
}

// Its runs need not be named: the system kills them when it is gone (become_helper). Their numbers may be other processes' by
// now, while this one's stays its own until somebody waits for it.
void RunBuilder::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
  killed_ = true;
}

std::vector<std::uint64_t> RunBuilder::lost(std::span<reports::RunResult> results) {
  const std::string end = wait_for_end(pid_);
  pid_ = -1;
  for (const std::uint64_t run : outstanding_) {
    results[run].partial = killed_;
    results[run].error = killed_ ? "not finished: interrupted before it could say what there was"
                                 : fmt::format("the process that builds the platform {}", end.empty() ? "ended early" : end);
  }
  return std::exchange(outstanding_, {});
}

void RunBuilder::dismiss() {
  socket_.reset();
  if (pid_ > 0) static_cast<void>(wait_for_end(pid_));
  pid_ = -1;
}

}  // namespace drydock::sim
