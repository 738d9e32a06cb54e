// Journals as traces: what the jobs of a recorded run asked for, when they came, and how long they took there.
#include "policies/core/journal.hpp"
#include "scenarios/document.hpp"
#include "scenarios/trace.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <tuple>
#include <utility>
#include <variant>

namespace drydock::scenarios {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 31U;

// As the scenario names them; "default" where it names none.
std::vector<std::string> queue_names(const Json& scenario) {
  std::vector<std::string> names;
  if (scenario.is_object() && scenario.contains("queues") && scenario["queues"].is_array()) {
    for (const Json& queue : scenario["queues"]) {
      const bool named = queue.is_object() && queue.contains("name") && queue["name"].is_string();
      names.push_back(named ? queue["name"].get<std::string>() : "");
    }
  }
  if (names.empty()) names.emplace_back("default");
  return names;
}

class JournalJobs {
 public:
  JournalJobs(std::string path, const JournalHeader& header) {
    const Json scenario = Json::parse(header.scenario, nullptr, false, true);
    queue_names_ = queue_names(scenario);
    trace_.path = std::move(path);
    trace_.counts = "job";
    trace_.scenario = header.scenario;
    const auto scale = scenario.is_object() ? scenario.find("time_scale") : scenario.end();
    if (scale != scenario.end() && scale->is_number() && scale->get<double>() >= 1) trace_.time_scale = scale->get<double>();
    if (!header.variant.empty()) trace_.header["Variant"] = printable(header.variant);
    trace_.header["Seed"] = std::to_string(header.seed);
  }

  void take(const JournalStep& step) {
    now_ = std::clamp(step.now, kTimeZero, later(kTimeZero, kLongest));
    for (const Event& event : step.events) std::visit([this](const auto& e) { on(e); }, event);
    for (const Command& command : step.commands) std::visit([this](const auto& c) { on(c); }, command);
  }

  Result<RawTrace> finish() {
    for (const auto& [id, job] : jobs_) use(job);
    if (trace_.read == 0) return Error{fmt::format("{}: no job was submitted in this journal", trace_.path)};
    std::ranges::stable_sort(trace_.jobs, {}, &RawJob::submit_ns);
    begin_at_zero();
    return std::move(trace_);
  }

 private:
  enum class State : std::uint8_t { waiting, running, succeeded, failed, rejected };
  struct Seen {
    JobSpec spec;
    Time submitted{};
    State state = State::waiting;
    bool cancelled = false;
    std::uint32_t attempt = 0;  // the last one that was dispatched
    Time dispatched{};
    double speed = 1;     // of its slowest worker
    Duration progress{};  // from earlier attempts, at speed 1
    Duration took{};      // at speed 1, with that; 0: no attempt ended
  };

  // --- what happened ---
  template <class Other>
  void on(const Other& /*no news of how long jobs take*/) {}
  void on(const WorkerRegistered& event) { speeds_[event.worker] = event.spec.speed; }
  void on(const JobSubmitted& event) { jobs_.try_emplace(event.job.id, Seen{.spec = event.job, .submitted = now_}); }
  void on(const JobLoaded& event) {
    jobs_.try_emplace(event.job.id, Seen{.spec = event.job, .submitted = event.submitted, .progress = event.progress});
  }
  void on(const JobCancelled& event) {
    if (const auto job = jobs_.find(event.job); job != jobs_.end()) job->second.cancelled = true;
  }
  void on(const AttemptHeld& event) {
    if (Seen* const job = last(event.attempt, true))
      begin(*job, event.attempt, now_ - std::clamp(event.age, Duration{0}, kLongest), speed_of(event.worker));
  }
  void on(const AttemptFinished& event) {
    Seen* const job = last(event.attempt, false);
    if (job == nullptr || job->state != State::running) return;
    job->took = done_by_now(*job);
    job->state = event.ending == Ending::succeeded ? State::succeeded : State::failed;
  }
  void on(const AttemptStopped& event) {
    Seen* const job = last(event.attempt, false);
    if (job == nullptr || job->state != State::running) return;
    job->took = done_by_now(*job);
    job->progress = event.progress;
    job->state = State::waiting;
  }

  // --- what was ordered ---
  void on(const Dispatch& order) {
    double slowest = 0;
    for (const Placement& place : order.placements) {
      const double speed = speed_of(place.worker);
      slowest = slowest == 0 ? speed : std::min(slowest, speed);
    }
    if (Seen* const job = last(order.attempt, true)) begin(*job, order.attempt, now_, slowest);
  }
  void on(const Commit& order) {
    for (const Release& release : order.releases) {
      Seen* const job = last(release.attempt, false);
      if (job != nullptr && job->state == State::running) job->state = State::waiting;  // lost
    }
  }
  void on(const RejectJob& order) {
    const auto job = jobs_.find(order.job);
    if (job != jobs_.end() && order.reason != RejectReason::duplicate_id) job->second.state = State::rejected;
  }

  [[nodiscard]] double speed_of(WorkerId worker) const {
    const auto found = speeds_.find(worker);
    return found == speeds_.end() || !(found->second > 0) ? 1 : found->second;
  }
  // The job, where the attempt is its last, or (`newer`) a later one.
  [[nodiscard]] Seen* last(AttemptId attempt, bool newer) {
    const auto job = jobs_.find(attempt.job);
    if (job == jobs_.end()) return nullptr;
    const bool good = newer ? attempt.number >= job->second.attempt : attempt.number == job->second.attempt;
    return good ? &job->second : nullptr;
  }
  static void begin(Seen& job, AttemptId attempt, Time at, double speed) {
    job.attempt = attempt.number;
    job.dispatched = at;
    job.speed = speed > 0 ? speed : 1;
    job.state = State::running;
  }
  [[nodiscard]] Duration done_by_now(const Seen& job) const {
    const double ns = static_cast<double>(nanos(now_ - job.dispatched)) * job.speed;
    const double all = static_cast<double>(nanos(job.progress)) + std::round(ns);
    return Duration{static_cast<std::int64_t>(std::clamp(all, 1.0, static_cast<double>(nanos(kLongest))))};
  }

  // --- what is made of it ---
  static bool possible(const Seen& job) {
    const Resources& needs = job.spec.per_task;
    return job.spec.tasks > 0 && job.spec.estimate > Duration{0} && job.spec.estimate <= kLongest && needs.non_negative() &&
           (needs.amounts <= kUnlimited).all() && job.submitted >= kTimeZero - kLongest &&
           job.submitted <= later(kTimeZero, kLongest);
  }
  void use(const Seen& job) {
    ++trace_.read;
    const std::uint64_t id = job.spec.id.value;
    const auto skip = [&](const char* why) { trace_.skipped[why].add(id); };
    if (!possible(job)) return skip("nothing that a scheduler would have written");
    if (job.state == State::rejected) return skip("rejected there: nobody knows how long it would have taken");
    if (job.cancelled && job.state != State::succeeded) {
      if (job.took == Duration{0}) return skip("cancelled there before an attempt had ended");
      trace_.remarks["cancelled there: takes as long here as until then"].add(id);
    } else if (job.state == State::running) {
      return skip("still running where the journal ends");
    } else if (job.state == State::waiting) {
      return skip("waiting where the journal ends, or lost with its workers");
    } else if (job.state == State::failed) {
      trace_.remarks["failed there: takes as long here, and succeeds"].add(id);
    }
    if (job.attempt > 1) trace_.remarks["several attempts there: takes as long here as the last one"].add(id);
    if (job.spec.input_bytes > 0 || job.spec.output_bytes > 0)
      trace_.remarks["moved data there: that is part of the runtime, and not simulated once more"].add(id);
    trace_.jobs.push_back({.submit_ns = nanos(job.submitted),
                           .runtime_ns = nanos(job.took),
                           .requested_ns = nanos(job.spec.estimate),
                           .tasks = job.spec.tasks,
                           .queue = kind_of(job.spec),
                           .line = id});
  }

  // Jobs that a leader took over may have come before the time that its process counts from.
  void begin_at_zero() {
    if (trace_.jobs.empty() || trace_.jobs.front().submit_ns >= 0) return;
    const std::int64_t before = trace_.jobs.front().submit_ns;
    trace_.remarks["times are from the first job on, which came before the journal's own time"].add(
        trace_.jobs.front().line);
    for (RawJob& job : trace_.jobs) job.submit_ns -= before;
  }

  std::uint32_t kind_of(const JobSpec& job) {
    const Resources& needs = job.per_task;
    const auto [place, is_new] =
        kinds_.try_emplace({job.queue.value, job.priority, needs.cpus(), needs.memory(), needs.gpus(),
                            static_cast<int>(job.on_failure), static_cast<int>(job.on_preemption)},
                           static_cast<std::uint32_t>(trace_.kinds.size()));
    if (is_new) {
      JobSpec kind = job;
      kind.id = JobId{};
      kind.tasks = 1;
      kind.input_bytes = kind.output_bytes = 0;
      trace_.kinds.push_back(kind);
      const std::size_t queue = index(job.queue);
      trace_.queues.push_back(queue < queue_names_.size() ? queue_names_[queue] : "");
    }
    return place->second;
  }

  RawTrace trace_;
  std::vector<std::string> queue_names_;
  Time now_{};
  std::map<JobId, Seen> jobs_;
  std::map<WorkerId, double> speeds_;
  std::map<std::tuple<std::uint32_t, std::int32_t, std::int64_t, std::int64_t, std::int64_t, int, int>, std::uint32_t>
      kinds_;
};

}  // namespace

Result<RawTrace> read_journal_jobs(std::unique_ptr<ByteSource> bytes, std::string path) {
  auto text = read_all(std::move(bytes), kMostBytes);
  if (!text) return Error{fmt::format("{}: {}", path, text.error().message)};
  std::istringstream stream(std::move(text).value());
  const auto reader = JournalReader::open(stream);
  if (!reader) return Error{fmt::format("{}: {}", path, reader.error().message)};
  JournalJobs jobs(path, reader.value()->header());
  JournalStep step;
  while (true) {
    const auto more = reader.value()->next(step);
    if (!more) return Error{fmt::format("{}: {}", path, more.error().message)};
    if (!more.value()) break;
    jobs.take(step);
  }
  return jobs.finish();
}

}  // namespace drydock::scenarios
