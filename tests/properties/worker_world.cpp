#include "tests/properties/worker_world.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <set>
#include <utility>

namespace drydock::properties {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTick = 1ms;
constexpr Duration kInterval = 100ms;
constexpr Duration kLease = 300ms;
constexpr Duration kMargin = 40ms;
constexpr Duration kKillTakes = 20ms;  // at most
constexpr Duration kReading = 50ms;
constexpr Duration kMostDelay = 15ms;
constexpr std::uint32_t kWorkers = 3;
constexpr std::uint64_t kJobs = 40;
constexpr std::int64_t kCores = 4000;

struct Job {
  std::uint32_t number = 0;
  std::optional<std::uint32_t> worker{};  // that the scheduler believes it runs on
  std::uint32_t incarnation = 0;
  std::int64_t cpus = 1000;
  Duration work{};
  Time arrives{};
  bool stopping = false;
  bool ended = false;
};

struct Run {
  Time ends{};
  Time killed_at = kNever;
  std::int64_t cpus = 0;
};

struct Process {
  std::unique_ptr<WorkerAgent> agent;
  std::vector<WorkerFact> facts;
  std::map<AttemptId, Run> runs;
  std::optional<RequestId> fetching;
  Time fetch_until{};
  Time back_at = kNever;  // a crashed one
  Time paused_until{};
  std::set<AttemptId> reported;
};

struct Key {
  std::uint32_t incarnation = 0;
  Time until{};
};

class World {
 public:
  explicit World(const WorkerWorldConfig& config)
      : config_(config),
        rng_(config.seed, "worker-world"),
        dispatcher_({.epoch = 1, .resend = 100ms, .resend_longest = kLease}) {
    for (std::uint64_t i = 0; i < kJobs; ++i) {
      Job& job = jobs_.emplace_back();
      job.cpus = std::int64_t{1000} * static_cast<std::int64_t>(1 + rng_.below(3));
      job.work = milliseconds(5, 1500);
      job.arrives = later(Time{}, milliseconds(0, 15'000));
    }
    for (std::uint32_t w = 0; w < kWorkers; ++w) start(w);
  }

  WorkerWorldResult run() {
    const Time healed = later(Time{}, config_.troubled);
    const Time end = later(healed, config_.healing);
    for (now_ = Time{}; now_ <= end; now_ += kTick) {
      troubled_ = now_ < healed;
      if (troubled_) make_trouble();
      happen();
      for (std::uint32_t w = 0; w < kWorkers; ++w) work(w);
      if (nanos(now_) % nanos(kReading) == 0) read_registry();
      schedule();
      send_mail();
      if (result_.wrong.size() > 3) break;
      if (!troubled_ && result_.ended == kJobs && quiet()) return result_;
    }
    if (result_.ended < kJobs) wrong(fmt::format("{} of {} jobs have not ended", kJobs - result_.ended, kJobs));
    else wrong(fmt::format("{} attempts are never over and done with", dispatcher_.attempts()));
    return result_;
  }

 private:
  [[nodiscard]] Duration milliseconds(std::uint64_t from, std::uint64_t to) {
    return std::chrono::milliseconds{from + rng_.below(to - from + 1)};
  }
  [[nodiscard]] bool chance(double p) { return rng_.uniform() < p; }
  [[nodiscard]] bool lost() { return troubled_ && chance(config_.loss); }
  [[nodiscard]] bool has(WorkerBug bug) const { return config_.bug == bug; }
  void wrong(std::string what) { result_.wrong.push_back(fmt::format("at {} ms: {}", nanos(now_) / 1'000'000, what)); }
  void at(Duration delay, std::function<void()> what) { events_.emplace(later(now_, delay), std::move(what)); }
  [[nodiscard]] bool quiet() const {
    return dispatcher_.attempts() == 0 && std::ranges::all_of(processes_, [](const auto& entry) {
             return entry.second.runs.empty() && entry.second.agent != nullptr && entry.second.agent->attempts() == 0;
           });
  }

  // --- trouble ---

  void make_trouble() {
    if (config_.crashes && chance(0.0003)) crash(static_cast<std::uint32_t>(rng_.below(kWorkers)));
    if (config_.pauses && chance(0.0003)) {
      processes_[static_cast<std::uint32_t>(rng_.below(kWorkers))].paused_until = later(now_, milliseconds(50, 1500));
    }
    if (config_.flushes && chance(0.0002)) {
      keys_.clear();
      mailboxes_.clear();
      flushed_ = true;
    }
    if (config_.evictions && chance(0.0005)) keys_.erase(static_cast<std::uint32_t>(rng_.below(kWorkers)));
    if (chance(0.002)) stop_one();
  }

  void stop_one() {
    for (std::uint64_t id = 0; id < jobs_.size(); ++id) {
      Job& job = jobs_[id];
      if (!job.worker || job.stopping || !chance(0.2)) continue;
      job.stopping = true;
      ++result_.stops;
      dispatcher_.stop(now_, {JobId{id}, job.number});
      return;
    }
  }

  void crash(std::uint32_t w) {
    Process& process = processes_[w];
    if (process.agent == nullptr) return;
    incarnations_[w] = std::max(incarnations_[w], process.agent->incarnation());
    process = Process{};
    process.back_at = later(now_, milliseconds(10, 2000));
  }

  void start(std::uint32_t w) {
    processes_[w] = Process{};
    processes_[w].agent = std::make_unique<WorkerAgent>(WorkerAgentConfig{
        .worker = WorkerId{w},
        .incarnation = ++incarnations_[w],
        .capacity = make_resources({.cpus_milli = kCores, .memory_bytes = 0, .gpus = 0, .slots = kUnlimited}),
        .interval = kInterval,
        .lease = kLease,
        .margin = kMargin,
        .report_again = 60ms});
  }

  void happen() {
    while (!events_.empty() && events_.begin()->first <= now_) {
      const auto what = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      what();
    }
  }

  // --- workers ---

  void work(std::uint32_t w) {
    Process& process = processes_[w];
    if (process.agent == nullptr) {
      if (now_ >= process.back_at) start(w);
      return;
    }
    const bool awake = now_ >= process.paused_until;
    for (auto run = process.runs.begin(); run != process.runs.end();) {
      const bool killed = run->second.killed_at <= now_;
      if (!killed && run->second.ends > now_) {
        ++run;
        continue;
      }
      process.facts.push_back(killed ? WorkerFact(RunKilled{run->first, {}})
                                     : WorkerFact(RunEnded{run->first, Ending::succeeded}));
      run = process.runs.erase(run);
    }
    if (!awake) return;
    fetch(w, process);
    if (process.facts.empty() && process.agent->next_wakeup() > now_) return;
    const std::vector<WorkerFact> facts = std::exchange(process.facts, {});
    const auto orders = process.agent->step(now_, facts);
    process.agent->sanity_check();
    for (const WorkerOrder& order : orders) {
      std::visit([&](const auto& o) { carry_out(w, o); }, order);
    }
    check(w);
  }

  void fetch(std::uint32_t w, Process& process) {
    if (!process.fetching) return;
    auto& mailbox = mailboxes_[w];
    if (mailbox.empty() && now_ < process.fetch_until) return;
    MailFetched fetched{.request = *std::exchange(process.fetching, std::nullopt)};
    if (lost()) {
      fetched.answer = Answer::unknown;
      if (!mailbox.empty() && chance(0.5)) mailbox.pop_front();
    } else if (!mailbox.empty()) {
      fetched.mails.push_back(mailbox.front());
      mailbox.pop_front();
    }
    process.facts.emplace_back(fetched);
  }

  // The answer to what a process asked, if it still lives then.
  void answer(std::uint32_t w, WorkerFact fact) {
    const WorkerAgent* agent = processes_[w].agent.get();
    at(milliseconds(0, 5), [this, w, agent, fact = std::move(fact)] {
      if (processes_[w].agent.get() == agent) processes_[w].facts.push_back(fact);
    });
  }

  void carry_out(std::uint32_t w, const SendBeat& order) {
    if (lost()) return answer(w, BeatAnswered{order.request, Answer::failed});
    const bool answer_lost = lost();
    const bool never_arrives = answer_lost && chance(0.5);
    const WorkerAgent* agent = processes_[w].agent.get();
    at(milliseconds(0, nanos(kMostDelay) / 1'000'000), [=, this] {
      bool was_there = false;
      if (!never_arrives) {
        Key& key = keys_[w];
        was_there = key.incarnation != 0 && key.until >= now_;
        key = {std::max(key.incarnation, order.incarnation), later(now_, kLease)};
      }
      if (processes_[w].agent.get() != agent) return;
      const bool counts = !answer_lost || has(WorkerBug::lost_beats_count);
      answer(w, BeatAnswered{order.request, counts ? Answer::done : Answer::unknown, was_there});
    });
  }
  void carry_out(std::uint32_t w, const FetchMail& order) {
    processes_[w].fetching = order.request;
    processes_[w].fetch_until = later(now_, 200ms);
  }
  void carry_out(std::uint32_t w, const StartRun& order) {
    Process& process = processes_[w];
    const Job& job = jobs_[order.attempt.job.value];
    if (process.runs.contains(order.attempt)) wrong(text(order.attempt) + " was started while it ran");
    if (!started_.insert({order.attempt, w}).second) wrong(text(order.attempt) + " was started twice on one worker");
    ++result_.started;
    process.runs[order.attempt] = {.ends = later(now_, job.work), .cpus = job.cpus};
  }
  void carry_out(std::uint32_t w, const KillRun& order) {
    if (has(WorkerBug::kills_are_forgotten) && processes_[w].agent->fence_at() == kNever) {
      processes_[w].facts.emplace_back(RunKilled{order.attempt, {}});
      return;
    }
    const auto run = processes_[w].runs.find(order.attempt);
    if (run != processes_[w].runs.end()) run->second.killed_at = later(now_, milliseconds(0, nanos(kKillTakes) / 1'000'000));
  }
  void carry_out(std::uint32_t /*w*/, const SendHeld& order) {
    if (!lost()) at(milliseconds(0, 10), [this, report = order.report] { dispatcher_.take(now_, report); });
  }
  void carry_out(std::uint32_t w, const SendReport& order) {
    const bool is_end = order.report.kind != ReportKind::accepted;
    const bool again = is_end && !processes_[w].reported.insert(order.report.attempt).second;
    const bool dropped = lost() || (again && has(WorkerBug::reports_are_said_once));
    if (!dropped) at(milliseconds(0, 10), [this, report = order.report] { dispatcher_.take(now_, report); });
    if (is_end && has(WorkerBug::reports_are_taken_early)) {
      mailboxes_[w].push_back(
          {.epoch = 1, .incarnation = order.report.incarnation, .body = ReportTaken{order.report.attempt}});
    }
    answer(w, ReportSent{order.request, dropped && chance(0.5) ? Answer::failed : Answer::done});
  }
  void carry_out(std::uint32_t w, const LeaveRegistry& order) {
    keys_.erase(w);
    answer(w, RegistryLeft{order.request});
  }
  void carry_out(std::uint32_t /*w*/, const EndProcess& /*order*/) {}

  // --- what must never be ---

  void check(std::uint32_t w) {
    std::int64_t cpus = 0;
    for (const auto& [attempt, run] : processes_[w].runs) {
      cpus += run.cpus;
      // What a stopped process started cannot be ended by it, nor what one runs that knows of nothing.
      if (config_.pauses || config_.evictions) continue;
      for (std::uint32_t other = 0; other < kWorkers; ++other) {
        for (const auto& [theirs, its] : processes_[other].runs) {
          if (theirs.job != attempt.job || theirs == attempt) continue;
          wrong(fmt::format("{} and {} run at the same time", text(attempt), text(theirs)));
        }
      }
    }
    if (cpus > kCores) wrong(fmt::format("worker {} runs {} thousandths of a core; it has {}", w, cpus, kCores));
  }

  static std::string text(AttemptId id) { return fmt::format("attempt {} of job {}", id.number, id.job.value); }

  // --- the scheduler ---

  void read_registry() {
    if (lost()) return;
    if (std::exchange(flushed_, false)) {
      held_until_ = later(now_, kLease + kInterval);
      dispatcher_.mail_lost(now_);
    }
    for (std::uint32_t w = 0; w < kWorkers; ++w) {
      const auto key = keys_.find(w);
      const bool there = key != keys_.end() && key->second.until >= now_;
      std::uint32_t& live = live_[w];
      if (there && !has(WorkerBug::superseded_is_not_heard)) dispatcher_.seen(now_, WorkerId{w}, key->second.incarnation);
      if (there && key->second.incarnation > known_[w]) {
        if (live != 0) give_up(w, live);
        live = known_[w] = key->second.incarnation;
      } else if (!there && live != 0 && now_ >= held_until_) {
        give_up(w, live);
        live = 0;
      }
    }
  }

  void give_up(std::uint32_t w, std::uint32_t incarnation) {
    ++result_.lost;
    dispatcher_.declared_dead(now_, WorkerId{w}, incarnation);
    for (std::uint64_t id = 0; id < jobs_.size(); ++id) {
      if (jobs_[id].worker == w) release(id);
    }
  }

  // The attempt is over; the store takes a while to hear of it.
  void release(std::uint64_t id) {
    Job& job = jobs_[id];
    const AttemptId attempt{JobId{id}, job.number};
    job.worker.reset();
    job.stopping = false;
    at(milliseconds(0, 20), [this, attempt] { dispatcher_.released(now_, attempt); });
  }

  void schedule() {
    for (const Event& fact : dispatcher_.take_facts()) {
      const auto* finished = std::get_if<AttemptFinished>(&fact);
      const AttemptId attempt = finished != nullptr ? finished->attempt : std::get<AttemptStopped>(fact).attempt;
      Job& job = jobs_[attempt.job.value];
      if (job.number != attempt.number || !job.worker) continue;  // stale
      if (finished != nullptr) {
        if (std::exchange(job.ended, true)) wrong(fmt::format("job {} ended twice", attempt.job.value));
        ++result_.ended;
      }
      release(attempt.job.value);
    }
    for (std::uint32_t w = 0; w < kWorkers; ++w) {
      if (live_[w] != 0) fill(w);
    }
  }

  void fill(std::uint32_t w) {
    std::int64_t room = kCores;
    for (const Job& job : jobs_) room -= job.worker == w ? job.cpus : 0;
    for (std::uint64_t id = 0; id < jobs_.size(); ++id) {
      Job& job = jobs_[id];
      if (job.ended || job.worker || job.arrives > now_ || job.cpus > room) continue;
      room -= job.cpus;
      job.worker = w;
      job.incarnation = live_[w];
      const AttemptId attempt{JobId{id}, ++job.number};
      const Resources held = make_resources({.cpus_milli = job.cpus});
      dispatcher_.run(now_, attempt, {{.worker = WorkerId{w}, .incarnation = live_[w], .tasks = 1, .held = held}}, {});
    }
  }

  void send_mail() {
    for (const OutgoingMail& mail : dispatcher_.take_mail(now_)) {
      const std::uint32_t w = mail.worker.value;
      if (has(WorkerBug::superseded_is_not_heard) && std::holds_alternative<Superseded>(mail.mail.body)) continue;
      const auto* run = std::get_if<RunAttempt>(&mail.mail.body);
      const bool again = run != nullptr && !ordered_.insert({run->attempt, w}).second;
      if (again && has(WorkerBug::orders_are_said_once)) continue;
      if (lost()) continue;
      WorkerMail letter = mail.mail;
      if (run != nullptr && chance(0.1)) mailboxes_[w].push_back(letter);  // repeated on the way
      mailboxes_[w].push_back(letter);
      if (run != nullptr && again && has(WorkerBug::starts_are_repeated)) {
        carry_out(w, StartRun{.attempt = run->attempt, .tasks = 1});
      }
      if (run != nullptr && run->attempt.number > 1 && has(WorkerBug::numbers_are_forgotten)) {
        carry_out(w, StartRun{.attempt = {run->attempt.job, run->attempt.number - 1}, .tasks = 1});
      }
    }
  }

  WorkerWorldConfig config_;
  Rng rng_;
  Dispatcher dispatcher_;
  WorkerWorldResult result_;
  Time now_{};
  bool troubled_ = true;
  std::vector<Job> jobs_;
  std::map<std::uint32_t, Process> processes_;
  std::map<std::uint32_t, std::uint32_t> incarnations_;
  std::map<std::uint32_t, std::deque<WorkerMail>> mailboxes_;
  std::map<std::uint32_t, Key> keys_;
  std::map<std::uint32_t, std::uint32_t> live_;   // as the scheduler knows them; 0: dead
  std::map<std::uint32_t, std::uint32_t> known_;  // the highest incarnation that it has seen
  std::multimap<Time, std::function<void()>> events_;
  std::set<std::pair<AttemptId, std::uint32_t>> started_;
  std::set<std::pair<AttemptId, std::uint32_t>> ordered_;
  bool flushed_ = false;
  Time held_until_{};
};

}  // namespace

WorkerWorldResult run_worker_world(const WorkerWorldConfig& config) { return World(config).run(); }

}  // namespace drydock::properties
