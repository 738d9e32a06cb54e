#include "real-runtime/worker_driver.hpp"

#include "policies/ports/worker_text.hpp"
#include "real-runtime/drain_request.hpp"
#include "real-runtime/worker_place.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

constexpr Duration kWaitForMail = std::chrono::seconds{1};

// A request to another incarnation is another process's.
constexpr const char* kWithdrawDrain =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

// What a failed operation is for the core.
Answer answer_of(const redis::Reply& reply) {
  const auto* failed = std::get_if<redis::Failed>(&reply);
  if (failed == nullptr) return Answer::done;
  return failed->reason == redis::Failed::Reason::unknown ? Answer::unknown : Answer::failed;
}

WorkerAgentConfig with_capacity(WorkerAgentConfig config, const WorkerSpec& spec) {
  config.capacity = spec.capacity;
  return config;
}

// What fences itself must be gone when the margin is over: half of it is for asking kindly.
JobRunnerOptions job_options(const WorkerDriverOptions& options) {
  JobRunnerOptions jobs{.worker = options.agent.worker,
                        .speed = options.spec.speed,
                        .gpus = options.spec.capacity.gpus(),
                        .executor = options.executor,
                        .admission = options.admission};
  jobs.executor.stop_grace = std::min(jobs.executor.stop_grace, options.agent.margin / 2);
  return jobs;
}

}  // namespace

WorkerDriver::WorkerDriver(EventLoop& loop, WorkerDriverOptions options, std::function<void()> ended)
    : loop_(loop),
      options_(std::move(options)),
      ended_(std::move(ended)),
      machine_(this_machine()),
      process_(options_.life.empty() ? std::string() : this_process()),
      agent_(with_capacity(options_.agent, options_.spec)),
      step_timer_(loop, [this] { take_step(); }),
      runner_(
          loop, job_options(options_), [this](const WorkerFact& fact) { ran(fact); },
          [this](AttemptId attempt, const AttemptOutcome& outcome) { attempt_ended(attempt, outcome); }),
      beats_(loop, options_.redis, [this] { push(LinkRestored{}); }),
      redis_(loop, options_.redis),
      mail_(loop, options_.redis,
            [this] {
              // What was fetched over a connection that broke may not have arrived.
              const WorkerId self = options_.agent.worker;
              mail_.submit(redis::Requeue{mail_queue(self), worker_name(self)}, [](const redis::Reply&) {});
              push(LinkRestored{});
            }),
      output_(redis_, options_.redis.key_prefix, options_.agent.worker, options_.keep_output) {
  if (options_.wrap) {
    beats_way_ = options_.wrap(beats_);
    redis_way_ = options_.wrap(redis_);
    mail_way_ = options_.wrap(mail_);
  }
  step_timer_.start_soon();
}

void WorkerDriver::drain() { push(DrainAsked{}); }

void WorkerDriver::push(WorkerFact fact) {
  facts_.push_back(std::move(fact));
  step_timer_.start_soon();
}

void WorkerDriver::ran(const WorkerFact& fact) {
  if (on_end_) {
    if (const auto* ended = std::get_if<RunEnded>(&fact)) on_end_(ended->attempt);
    if (const auto* killed = std::get_if<RunKilled>(&fact)) on_end_(killed->attempt);
  }
  push(fact);
}

void WorkerDriver::take_step() {
  step_facts_.swap(facts_);
  facts_.clear();
  for (const WorkerOrder& order : agent_.step(loop_.now(), step_facts_)) carry_out(order);
  send_reports();
  if (facts_.empty()) step_timer_.start(agent_.next_wakeup());
  else step_timer_.start_soon();
}

template <class Report>
void WorkerDriver::report(RequestId request, const Report& report) {
  reports_.add(report);
  reported_.push_back(request);
  if (reports_.full()) send_reports();
}

void WorkerDriver::carry_out(const WorkerOrder& order) {
  struct Visitor {
    WorkerDriver& driver;
    void operator()(const SendBeat& o) const { driver.beat(o); }
    void operator()(const FetchMail& o) const { driver.fetch(o.request); }
    void operator()(const StartRun& o) const {
      ++driver.started_;
      if (driver.on_start_) driver.on_start_(o.attempt);
      driver.runner_.start(o);
    }
    void operator()(const KillRun& o) const { driver.runner_.kill(o.attempt); }
    void operator()(const SendReport& o) const { driver.report(o.request, o.report); }
    void operator()(const SendHeld& o) const { driver.report(o.request, o.report); }
    void operator()(const LeaveRegistry& o) const { driver.leave(o.request); }
    void operator()(const EndProcess& /*order*/) const {
      if (driver.ended_) driver.ended_();
    }
  };
  std::visit(Visitor{*this}, order);
}

void WorkerDriver::beat(const SendBeat& order) {
  BeatFields fields = beat_fields(options_.agent.worker, options_.spec, order, options_.host);
  fields.touched.merge(place_fields({.lease = options_.agent.lease,
                                     .machine = machine_,
                                     .process = process_,
                                     .jobs_folder = runner_.executor().facts().folder.string()}));
  // The key may be that of a process before, which had other resources, or was killed while it drained.
  if (!agent_.registered()) fields.touched.insert(fields.fields.begin(), fields.fields.end());
  // At first only a key that was looked at. Later a lower incarnation is what a Redis that came back from a snapshot remembers.
  redis::BeatWorker op{.worker = worker_name(options_.agent.worker),
                       .fields = std::move(fields.fields),
                       .touched = std::move(fields.touched),
                       .ttl = options_.agent.lease,
                       .life = options_.life,
                       .above = registered_ ? order.incarnation : options_.above};
  way(beats_way_, beats_).submit(std::move(op), [this, request = order.request](const redis::Reply& reply) {
    const auto* beat = std::get_if<redis::Beat>(&reply);
    if (beat != nullptr && beat->before == redis::Beat::Before::foreign) return push(BeatAnswered{request, Answer::refused});
    registered_ = registered_ || beat != nullptr;
    push(BeatAnswered{request, answer_of(reply), beat != nullptr && beat->before != redis::Beat::Before::missing});
  });
  if (!order.draining) look_for_drain();
}

void WorkerDriver::fetch(RequestId request) {
  const WorkerId self = options_.agent.worker;
  way(mail_way_, mail_)
      .pop({mail_queue(self), worker_name(self)}, kWaitForMail, [this, self, request](const redis::Reply& reply) {
        MailFetched fetched{.request = request, .answer = answer_of(reply)};
        const auto* popped = std::get_if<redis::Popped>(&reply);
        if (popped != nullptr && popped->payload) {
          MailReader reader;
          for (const std::string_view message : messages_of(*popped->payload)) {
            // What nobody can read was written by nobody of ours.
            if (message == kDrainNotice) look_for_drain();
            else if (auto mail = reader.read(message); mail.ok()) fetched.mails.push_back(std::move(mail).value());
          }
          redis_.submit(redis::Ack{mail_queue(self), worker_name(self), *popped->payload}, [](const redis::Reply&) {});
        }
        push(std::move(fetched));
      });
}

void WorkerDriver::send_reports() {
  if (reports_.empty()) return;
  way(redis_way_, redis_)
      .submit(redis::Push{std::string(kReportQueue), reports_.take()},
              [this, requests = std::exchange(reported_, {})](const redis::Reply& reply) {
                for (const RequestId request : requests) push(ReportSent{request, answer_of(reply)});
              });
}

void WorkerDriver::leave(RequestId request) {
  const std::string drain = options_.redis.key_prefix + drain_key(options_.agent.worker);
  beats_.run({"EVAL", kWithdrawDrain, "1", drain, std::to_string(agent_.incarnation())}, {});  // done
  beats_.submit(redis::DeleteWorker{worker_name(options_.agent.worker), options_.life},
                [this, request](const redis::Reply& reply) {
                  push(RegistryLeft{request, answer_of(reply)});
                });
}

// A request for another incarnation is for another process, or for what this one was before it was given up.
void WorkerDriver::look_for_drain() {
  beats_.run({"GET", options_.redis.key_prefix + drain_key(options_.agent.worker)},
             [this](const Result<std::vector<std::string>>& answer) {
               if (!answer || answer.value().empty()) return;
               if (answer.value().front() == std::to_string(agent_.incarnation())) drain();
             });
}

void WorkerDriver::attempt_ended(AttemptId attempt, const AttemptOutcome& outcome) {
  const std::filesystem::path jobs = runner_.executor().facts().folder;
  output_.attempt_ended(attempt, outcome, jobs.empty() ? jobs : jobs / attempt_folder_name(attempt));
  if (on_outcome_) on_outcome_(attempt, outcome);
}

}  // namespace drydock::runtime
