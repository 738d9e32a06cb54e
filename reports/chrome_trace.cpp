#include "reports/chrome_trace.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <ostream>

namespace drydock::reports {
namespace {

using TraceJson = nlohmann::ordered_json;

constexpr int kScheduler = 1;    // process of the scheduler, its queues and the faults
constexpr int kFirstWorker = 2;  // of worker 0

// Microseconds, as the format has them.
double micros(Time t) { return static_cast<double>(nanos(t)) / 1e3; }
double micros(Duration d) { return static_cast<double>(d.count()) / 1e3; }

std::string text_of_event(const TraceJson& event) { return event.dump(-1, ' ', false, TraceJson::error_handler_t::replace); }

TraceJson instant(const std::string& name, const char* category, Time at, std::uint64_t process) {
  return {{"name", name}, {"cat", category}, {"ph", "i"}, {"s", "p"}, {"ts", micros(at)}, {"pid", process}, {"tid", 1}};
}

TraceJson naming(const char* what, const std::string& name, std::uint64_t process, std::uint64_t thread) {
  return {{"name", what}, {"ph", "M"}, {"pid", process}, {"tid", thread}, {"args", {{"name", name}}}};
}

std::uint64_t process_of(WorkerId worker) { return std::uint64_t{worker.value} + kFirstWorker; }

}  // namespace

ChromeTrace::ChromeTrace(std::ostream& out, ChromeTraceOptions options) : out_(out), options_(std::move(options)) {
  out_ << "{\"displayTimeUnit\": \"ms\",\n\"traceEvents\": [\n";
  write(text_of_event(naming("process_name", "scheduler", kScheduler, 1)));
  write(text_of_event(naming("thread_name", "faults", kScheduler, 1)));
}

void ChromeTrace::step(Time now, const Happenings& all) {
  for (const Stretch& stretch : all.ended()) attempt(stretch);
  for (const WorkerMark& one : all.marks()) mark(one);
  counter(now, "jobs waiting", all.waiting(), waiting_);
  counter(now, "attempts running", all.running(), running_);
  counter(now, "workers live", all.workers_live(), workers_);
}

void ChromeTrace::finish(Time end, const Happenings& all, std::span<const FaultSpan> faults) {
  for (const Stretch& stretch : all.ended()) attempt(stretch);
  for (std::size_t i = 0; i < faults.size(); ++i) fault(faults[i], i, end);
  TraceJson about{{"title", options_.title}, {"events", events_}, {"left_out", left_out_}};
  if (full_since_) {
    about["note"] =
        fmt::format("full: of what happened after {:.6f} s, {} events are left out", seconds(*full_since_), left_out_);
  }
  out_ << "\n],\n\"otherData\": " << text_of_event(about) << "}\n";
}

// Faults overlap as they like, which complete events of one thread may not: so those that last are asynchronous ones. Whoever calls has
// few of them: they are there whether there is room or not.
void ChromeTrace::fault(const FaultSpan& fault, std::size_t number, Time end) {
  if (fault.from > end) return;
  const std::string name = fault.target.empty() ? fault.type : fmt::format("{}: {}", fault.type, fault.target);
  TraceJson event = instant(name, "fault", fault.from, kScheduler);
  event["s"] = "g";
  write(text_of_event(event));
  ++events_;
  if (!fault.to && !fault.lasts) return;
  const Time to = std::min(fault.to.value_or(end), end);
  for (const auto& [phase, at] : {std::pair{"b", fault.from}, std::pair{"e", to}}) {
    write(text_of_event({{"name", name},
                         {"cat", "fault"},
                         {"ph", phase},
                         {"id", std::to_string(number)},
                         {"ts", micros(at)},
                         {"pid", kScheduler},
                         {"tid", 1}}));
    ++events_;
  }
}

bool ChromeTrace::room(Time now) {
  if (events_ < options_.most_events) {
    ++events_;
    return true;
  }
  if (!full_since_) full_since_ = now;
  ++left_out_;
  return false;
}

void ChromeTrace::write(const std::string& event) {
  if (!first_) out_ << ",\n";
  first_ = false;
  out_ << event;
}

// Names are no events: there are as many as lanes.
void ChromeTrace::name_worker(WorkerId worker, std::uint32_t lane) {
  const std::uint64_t process = process_of(worker);
  if (named_.emplace(worker, ~std::uint32_t{0}).second) {
    const bool known = index(worker) < options_.hosts.size() && !options_.hosts[index(worker)].empty();
    write(text_of_event(naming("process_name",
                               known ? fmt::format("worker {} ({})", worker.value, options_.hosts[index(worker)])
                                     : fmt::format("worker {}", worker.value),
                               process, 1)));
    write(text_of_event(
        {{"name", "process_sort_index"}, {"ph", "M"}, {"pid", process}, {"tid", 1}, {"args", {{"sort_index", process}}}}));
  }
  if (named_.emplace(worker, lane).second)
    write(text_of_event(naming("thread_name", fmt::format("lane {}", lane + 1), process, lane + 1)));
}

void ChromeTrace::attempt(const Stretch& stretch) {
  if (!room(stretch.to)) return;
  name_worker(stretch.worker, stretch.lane);
  const std::size_t queue = index(stretch.queue);
  TraceJson arguments{{"job", stretch.attempt.job.value},
                      {"attempt", stretch.attempt.number},
                      {"tasks", stretch.tasks},
                      {"end", std::string(name_of(stretch.end))}};
  if (queue < options_.queues.size()) arguments["queue"] = options_.queues[queue];
  write(text_of_event({{"name", fmt::format("job {}", stretch.attempt.job.value)},
                       {"cat", "attempt"},
                       {"ph", "X"},
                       {"ts", micros(stretch.from)},
                       {"dur", micros(stretch.to - stretch.from)},
                       {"pid", process_of(stretch.worker)},
                       {"tid", stretch.lane + 1},
                       {"args", std::move(arguments)}}));
}

void ChromeTrace::mark(const WorkerMark& mark) {
  if (!room(mark.at)) return;
  name_worker(mark.worker, 0);
  TraceJson event = instant(std::string(name_of(mark.kind)), "worker", mark.at, process_of(mark.worker));
  event["args"] = {{"incarnation", mark.incarnation}, {"attempts_lost", mark.lost}};
  write(text_of_event(event));
}

void ChromeTrace::counter(Time now, const char* name, std::uint64_t value, std::optional<std::uint64_t>& last) {
  if (last == value || !room(now)) return;
  last = value;
  write(
      text_of_event({{"name", name}, {"ph", "C"}, {"ts", micros(now)}, {"pid", kScheduler}, {"args", {{"value", value}}}}));
}

}  // namespace drydock::reports
