#include "sim/hunt.hpp"

#include "scenarios/loader.hpp"
#include "scenarios/random_course.hpp"
#include "scenarios/units.hpp"
#include "sim/isolated.hpp"
#include "sim/processes.hpp"
#include "sim/result_wire.hpp"
#include "sim/run.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <exception>
#include <fmt/format.h>
#include <new>
#include <poll.h>
#include <unistd.h>
#include <vector>

namespace drydock::sim {
namespace {

constexpr int kLookMs = 100;
constexpr std::chrono::seconds kGrace{2};

// What the lanes and their parent see together. One slot for each lane.
struct Lanes {
  explicit Lanes(std::size_t lanes) : bytes(sizeof(std::uint64_t) * (lanes + 2)) {
    for (std::size_t i = 0; i < lanes + 2; ++i) new (bytes.data() + sizeof(std::uint64_t) * i) std::atomic<std::uint64_t>(0);
  }
  [[nodiscard]] std::atomic<std::uint64_t>& at(std::size_t place) const {
    return *std::launder(reinterpret_cast<std::atomic<std::uint64_t>*>(bytes.data() + sizeof(std::uint64_t) * place));
  }
  [[nodiscard]] std::atomic<std::uint64_t>& stop() const { return at(0); }
  // No run from this one on is needed; 0: all are.
  [[nodiscard]] std::atomic<std::uint64_t>& enough() const { return at(1); }
  [[nodiscard]] std::atomic<std::uint64_t>& done(std::size_t lane) const { return at(lane + 2); }

  SharedBytes bytes;
};

// A variant as it is run: judged, and with the time in which faults begin.
struct Prey {
  scenarios::Scenario scenario;
  Duration course{};
};

reports::RunResult run_scenario(const scenarios::Scenario& scenario, const HuntOptions& options,
                                const std::atomic<bool>& stop,
                                const std::optional<std::filesystem::path>& journal = std::nullopt) {
  const std::unique_ptr<Interposer> planted = options.plant ? options.plant() : nullptr;
  const RunOptions run{.check = true, .journal = journal, .interposer = planted.get()};
  reports::RunResult result = run_one(scenario, scenario.seed, run, stop);
  result.variant = scenario.variant;
  return result;
}

reports::RunResult refused(const std::string& why) {
  reports::RunResult result;
  result.error = why;
  return result;
}

Result<scenarios::Scenario> read(const std::string& json, const std::filesystem::path& base) {
  auto loaded = scenarios::load_text(json, "hunt", base);
  if (!loaded) return loaded.error();
  return std::move(loaded.value().front());
}

// The scenario of a run. Where the drawn one makes no sense (a job that needs the hosts that are gone), the next draw counts.
Result<scenarios::Scenario> draw(const Prey& prey, const HuntOptions& options, std::uint64_t run) {
  constexpr std::uint64_t kDraws = 20;
  Result<scenarios::Scenario> last = Error{};
  for (std::uint64_t n = 0; n < kDraws; ++n) {
    const scenarios::RandomCourse random{prey.course, options.seed, run + (n << 48U)};
    last = read(scenarios::draw_course(prey.scenario, random).dump(), options.base);
    if (last) break;
  }
  return last;
}

// Lives in a process of its own and makes every run whose number fits.
class Lane {
 public:
  Lane(std::span<const Prey> prey, const HuntOptions& options, const Lanes& lanes, std::size_t number, int parent)
      : prey_(prey), options_(options), lanes_(lanes), number_(number), parent_(parent) {}

  [[noreturn]] void work() {
    const std::uint64_t end = options_.first + options_.runs;
    for (std::uint64_t run = options_.first + number_; run < end; run += options_.jobs) {
      const std::uint64_t enough = lanes_.enough().load();
      if (lanes_.stop().load() != 0 || (enough != 0 && run >= enough)) break;
      if (!make(run)) break;
      ++lanes_.done(number_);
    }
    _exit(0);
  }

 private:
  // False when it went wrong, which the parent is told.
  bool make(std::uint64_t run) {
    const Prey& prey = prey_[run % prey_.size()];
    auto scenario = draw(prey, options_, run);
    reports::RunResult result;
    if (!scenario) {
      result = refused(fmt::format("the drawn scenario cannot be run: {}", scenario.error().message));
    } else {
      static const std::atomic<bool> kGoOn{false};
      result = run_isolated([&] { return run_scenario(scenario.value(), options_, kGoOn); }, kGoOn);
    }
    if (!went_wrong(result)) return true;
    std::string message(sizeof run, '\0');
    std::memcpy(message.data(), &run, sizeof run);
    (void)send_message(parent_, message);
    (void)send_message(parent_, scenario ? scenario.value().json : prey.scenario.json);
    (void)send_message(parent_, encode_result(result));
    return false;
  }

  std::span<const Prey> prey_;
  const HuntOptions& options_;
  const Lanes& lanes_;
  std::size_t number_;
  int parent_;
};

// The parent's side.
class Hunter {
 public:
  Hunter(std::span<const Prey> prey, const HuntOptions& options, const std::atomic<bool>& stop)
      : prey_(prey), options_(options), stop_(stop), shared_(options.jobs) {}

  HuntResult run(const std::function<void(const HuntProgress&)>& progress) {
    for (std::size_t lane = 0; lane < options_.jobs; ++lane) start(lane);
    while (std::ranges::any_of(lanes_, &Handle::open)) {
      if (stop_.load(std::memory_order_relaxed)) stop_early();
      listen();
      if (progress) progress({.runs_done = done(), .runs_total = options_.runs});
    }
    for (const Handle& lane : lanes_) {
      const std::string end = wait_for_end(lane.pid);
      if (!end.empty() && !stop_.load()) result_.error = fmt::format("a process that makes the runs {}", end);
    }
    result_.runs_done = done() + (result_.finding ? 1 : 0);
    result_.interrupted = stop_.load() && !result_.finding && result_.runs_done < options_.runs;
    return std::move(result_);
  }

 private:
  struct Handle {
    pid_t pid = -1;
    Descriptor socket;
    MessageReader reader;
    std::vector<std::string> messages;
    bool open = true;
  };

  void start(std::size_t number) {
    auto [mine, its] = connected_pair();
    const pid_t self = getpid();
    const pid_t pid = fork_child();
    if (pid == 0) {
      become_helper(self);
      for (Handle& other : lanes_) other.socket.reset();
      mine.reset();
      try {
        Lane(prey_, options_, shared_, number, its.get()).work();
      } catch (const std::exception&) {
        _exit(1);
      }
    }
    lanes_.push_back({.pid = pid, .socket = std::move(mine), .reader = {}, .messages = {}});
  }

  // A lane looks between two runs. One whose run takes long is killed, and its run with it.
  void stop_early() {
    shared_.stop().store(1);
    const auto now = std::chrono::steady_clock::now();
    if (!patience_ends_) patience_ends_ = now + kGrace;
    if (now < *patience_ends_) return;
    for (const Handle& lane : lanes_) {
      if (lane.open) kill(lane.pid, SIGKILL);
    }
  }

  void listen() {
    std::vector<pollfd> watched;
    for (const Handle& lane : lanes_)
      watched.push_back({.fd = lane.open ? lane.socket.get() : -1, .events = POLLIN, .revents = 0});
    if (poll(watched.data(), watched.size(), kLookMs) <= 0) return;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (watched[i].revents != 0) hear(lanes_[i]);
    }
  }

  void hear(Handle& lane) {
    lane.open = lane.reader.fill(lane.socket.get());
    while (auto message = lane.reader.next()) lane.messages.push_back(std::move(*message));
    constexpr std::size_t kWhole = 3;
    if (lane.messages.size() < kWhole) return;
    Finding finding;
    std::memcpy(&finding.run, lane.messages[0].data(), sizeof finding.run);
    finding.scenario = std::move(lane.messages[1]);
    finding.result = decode_result(lane.messages[2]).value_or(refused("the result was lost"));
    lane.messages.clear();
    if (result_.finding && result_.finding->run < finding.run) return;
    shared_.enough().store(finding.run);
    result_.finding = std::move(finding);
  }

  [[nodiscard]] std::uint64_t done() const {
    std::uint64_t sum = 0;
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) sum += shared_.done(lane).load();
    return sum;
  }

  std::span<const Prey> prey_;
  const HuntOptions& options_;
  const std::atomic<bool>& stop_;
  Lanes shared_;
  std::vector<Handle> lanes_;
  std::optional<std::chrono::steady_clock::time_point> patience_ends_;  // set by a request to stop
  HuntResult result_;
};

}  // namespace

bool went_wrong(const reports::RunResult& result) { return result.error || result.violation_count > 0; }

std::string symptom_of(const reports::RunResult& result) {
  if (result.violation_count > 0) return fmt::format("invariant {}", result.violations.front().invariant);
  const std::string error = result.error.value_or("");
  if (error.find("can never run") != std::string::npos || error.find("not ended by") != std::string::npos) {
    return "jobs that do not end";
  }
  std::string words;
  for (const char c : error) {
    if (c < '0' || c > '9') words += c;
  }
  return words;
}

reports::RunResult try_scenario(const std::string& scenario, const HuntOptions& options, const std::atomic<bool>& stop,
                                const std::optional<std::filesystem::path>& journal) {
  auto read_back = read(scenario, options.base);
  if (!read_back) return refused(read_back.error().message);
  return run_isolated([&] { return run_scenario(read_back.value(), options, stop, journal); }, stop);
}

HuntResult hunt(std::span<const scenarios::Scenario> variants, const HuntOptions& options, const std::atomic<bool>& stop,
                const std::function<void(const HuntProgress&)>& progress) {
  std::vector<Prey> prey;
  for (const scenarios::Scenario& variant : variants) {
    Prey& next = prey.emplace_back(Prey{variant});
    const reports::RunResult plain = try_scenario(variant.json, options, stop);
    if (stop.load()) return {.runs_done = 0, .finding = {}, .interrupted = true};
    if (went_wrong(plain)) return {.runs_done = 0, .finding = Finding{0, variant.json, plain}};
    const double makespan = plain.metrics.contains("makespan_s") ? plain.metrics.at("makespan_s") : 0;
    next.course = variant.duration.value_or(duration_of_seconds(std::clamp(std::ceil(makespan), 1.0, 1e9)));
    if (variant.duration || variant.must_end_by) continue;
    scenarios::Json json = scenarios::Json::parse(variant.json);
    json["must_end_by"] = scenarios::format_duration(20 * next.course + std::chrono::hours{1});
    auto judged = read(json.dump(), options.base);
    if (!judged) return {.runs_done = 0, .finding = Finding{0, variant.json, refused(judged.error().message)}};
    judged.value().variant = variant.variant;
    next.scenario = std::move(judged.value());
  }
  return Hunter(prey, options, stop).run(progress);
}

}  // namespace drydock::sim
