#include "scenarios/workload.hpp"

#include "scenarios/arrivals.hpp"
#include "scenarios/lublin.hpp"
#include "scenarios/sampling.hpp"
#include "scenarios/units.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>

namespace drydock::scenarios {
namespace {

constexpr std::int64_t kEnded = std::numeric_limits<std::int64_t>::max();

// One stream per source and purpose.
std::uint64_t stream_for(std::size_t source, std::string_view purpose) { return mix64(stream_of(purpose) + source); }

Duration work_of(double s) { return std::clamp(duration_of_seconds(s), Duration{1}, kLongest); }

// At most kLongest.
Duration times(Duration duration, std::int64_t n) { return n > 0 && duration > kLongest / n ? kLongest : duration * n; }

// The jobs of one source, in order.
class SourceCursor {
 public:
  virtual ~SourceCursor() = default;
  // Submission of the next job, kEnded after the last.
  [[nodiscard]] virtual std::int64_t peek_ns() const = 0;
  // Fills all but the id and the time, and goes on.
  virtual void take(Arrival& arrival) = 0;
  // Goes on without making the job.
  virtual void skip() = 0;
};

// What is random about the jobs of a synthetic source, by their number.
class JobDraws {
 public:
  // `index`: of the source, for the jobs to name.
  JobDraws(SyntheticSource source, std::size_t index, std::uint64_t seed,
           const std::function<std::uint64_t(std::string_view)>& stream)
      : source_(std::move(source)),
        lublin_(std::get_if<LublinArrivals>(&source_.arrivals)),
        durations_(seed, stream("duration")),
        tasks_(seed, stream("tasks")),
        estimates_(seed, stream("estimate")),
        requests_(seed, stream("requests")),
        seed_(seed),
        index_(static_cast<std::uint32_t>(index)) {}
  JobDraws(const JobDraws&) = delete;
  JobDraws& operator=(const JobDraws&) = delete;

  void fill(Arrival& arrival, std::uint64_t n) const {
    arrival.job = source_.shape;
    if (source_.tasks) {
      const double tasks = std::round(sample_with(*source_.tasks, tasks_.at(n)));
      arrival.job.tasks = static_cast<std::uint32_t>(std::clamp(tasks, 1.0, static_cast<double>(source_.most_tasks)));
    } else if (lublin_ != nullptr) {
      arrival.job.tasks = lublin_size(*lublin_, tasks_.at(n));
    }
    const Draws draws = durations_.at(n);
    arrival.requests = {};
    if (source_.requests) take_requests(arrival, n);
    else if (source_.duration) arrival.work = work_of(sample_with(*source_.duration, draws));
    else arrival.work = work_of(lublin_ != nullptr ? lublin_runtime_s(*lublin_, arrival.job.tasks, draws) : 0);
    arrival.job.estimate = arrival.work;
    if (source_.estimate_factor) {
      arrival.job.estimate = work_of(seconds(arrival.work) * sample_with(*source_.estimate_factor, estimates_.at(n)));
    }
  }
  [[nodiscard]] const SyntheticSource& source() const { return source_; }

 private:
  void take_requests(Arrival& arrival, std::uint64_t n) const {
    const Requests& requests = *source_.requests;
    const double count = std::round(sample_with(requests.count, requests_.at(n)));
    arrival.requests = {.count = static_cast<std::uint32_t>(std::clamp(count, 1.0, static_cast<double>(kMostRequests))),
                        .source = index_,
                        .number = n};
    Duration work = times(requests.delay, arrival.requests.count - 1);
    if (std::holds_alternative<Deterministic>(requests.duration)) {
      work += times(request_duration(requests, seed_, arrival.requests, 0), arrival.requests.count);
    } else {
      for (std::uint32_t i = 0; i < arrival.requests.count && work < kLongest; ++i) {
        work += request_duration(requests, seed_, arrival.requests, i);
      }
    }
    arrival.work = std::clamp(work, Duration{1}, kLongest);
  }

  SyntheticSource source_;
  const LublinArrivals* lublin_;
  DrawStream durations_;
  DrawStream tasks_;
  DrawStream estimates_;
  DrawStream requests_;
  std::uint64_t seed_;
  std::uint32_t index_;
};

class SyntheticCursor : public SourceCursor {
 public:
  SyntheticCursor(const SyntheticSource& source, std::size_t index, std::int64_t end_ns, std::uint64_t seed)
      : draws_(source, index, seed, [index](std::string_view purpose) { return stream_for(index, purpose); }),
        arrivals_(make_arrivals(source.arrivals, source.cycle, seed, stream_for(index, "arrivals"))),
        end_ns_(end_ns) {
    find_next();
  }

  std::int64_t peek_ns() const override { return next_ns_; }
  void take(Arrival& arrival) override {
    draws_.fill(arrival, jobs_ - 1);
    find_next();
  }
  void skip() override { find_next(); }

 private:
  void find_next() {
    const std::optional<std::uint64_t>& count = draws_.source().count;
    next_ns_ = !count || jobs_ < *count ? arrivals_->next_ns() : kEnded;
    if (next_ns_ >= end_ns_) next_ns_ = kEnded;
    ++jobs_;
  }

  JobDraws draws_;
  std::unique_ptr<ArrivalProcess> arrivals_;
  std::int64_t end_ns_;
  std::int64_t next_ns_ = 0;
  std::uint64_t jobs_ = 0;  // the number of the next job, plus 1
};

class TraceCursor : public SourceCursor {
 public:
  TraceCursor(const TraceSource& source, std::int64_t end_ns) : source_(source), end_ns_(end_ns) {}

  std::int64_t peek_ns() const override {
    if (!source_.jobs || at_ == source_.jobs->size()) return kEnded;
    const std::int64_t submit = (*source_.jobs)[at_].submit_ns;
    return submit >= end_ns_ ? kEnded : submit;
  }
  void take(Arrival& arrival) override {
    const TraceJob& job = (*source_.jobs)[at_++];
    arrival.requests = {};
    if (source_.kinds.empty()) {
      arrival.job = source_.shape;
      arrival.job.queue = QueueId{job.queue};
    } else {
      arrival.job = source_.kinds[job.queue];
    }
    arrival.job.tasks = job.tasks;
    arrival.work = Duration{job.work_ns};
    arrival.job.estimate = Duration{job.estimate_ns};
  }
  void skip() override { ++at_; }

 private:
  TraceSource source_;
  std::int64_t end_ns_;
  std::size_t at_ = 0;
};

using Cursors = std::vector<std::unique_ptr<SourceCursor>>;

Cursors make_cursors(const std::vector<Source>& sources, std::int64_t end_ns, std::uint64_t seed) {
  Cursors cursors;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (const auto* synthetic = std::get_if<SyntheticSource>(&sources[i])) {
      cursors.push_back(std::make_unique<SyntheticCursor>(*synthetic, i, end_ns, seed));
    } else {
      cursors.push_back(std::make_unique<TraceCursor>(std::get<TraceSource>(sources[i]), end_ns));
    }
  }
  return cursors;
}

// Jobs of a source whose number does not depend on when they come.
std::optional<std::uint64_t> known_count(const Source& source, bool bounded) {
  if (bounded) return std::nullopt;
  if (const auto* trace = std::get_if<TraceSource>(&source)) return trace->jobs ? trace->jobs->size() : 0;
  return std::get<SyntheticSource>(source).count;
}

}  // namespace

struct Workload::Impl {
  std::vector<Source> sources;
  std::int64_t end_ns = kEnded;
  std::uint64_t seed = 1;
  Cursors cursors;
  std::vector<std::int64_t> next;  // peek_ns() of each cursor
  std::uint64_t given = 0;
  std::uint64_t periodic = 0;  // due times before the end
  mutable std::optional<std::uint64_t> total;
};

Workload::Workload(const Scenario& scenario, std::uint64_t seed) : impl_(std::make_unique<Impl>()) {
  impl_->sources = scenario.workload;
  impl_->seed = seed;
  if (scenario.duration) impl_->end_ns = nanos(*scenario.duration);
  for (const PeriodicSource& source : scenario.periodic)
    impl_->periodic += due_times_before(source.schedule, time_at(impl_->end_ns));
  impl_->cursors = make_cursors(impl_->sources, impl_->end_ns, seed);
  for (const auto& cursor : impl_->cursors) impl_->next.push_back(cursor->peek_ns());
}

Workload::~Workload() = default;
Workload::Workload(Workload&&) noexcept = default;
Workload& Workload::operator=(Workload&&) noexcept = default;

bool Workload::next(Arrival& arrival) {
  Impl& impl = *impl_;
  const auto first = std::ranges::min_element(impl.next);
  if (first == impl.next.end() || *first == kEnded) return false;
  SourceCursor& cursor = *impl.cursors[static_cast<std::size_t>(first - impl.next.begin())];
  arrival.at = time_at(*first);
  cursor.take(arrival);
  arrival.source = static_cast<std::uint32_t>(first - impl.next.begin());
  arrival.job.id = JobId{impl.given++};
  *first = cursor.peek_ns();
  return true;
}

std::uint64_t Workload::total() const {
  if (impl_->total) return *impl_->total;
  std::uint64_t sum = impl_->periodic;
  const bool bounded = impl_->end_ns != kEnded;
  const Cursors cursors = bounded ? make_cursors(impl_->sources, impl_->end_ns, impl_->seed) : Cursors{};
  for (std::size_t i = 0; i < impl_->sources.size(); ++i) {
    if (const auto known = known_count(impl_->sources[i], bounded)) {
      sum += *known;
    } else if (i < cursors.size()) {
      for (; cursors[i]->peek_ns() != kEnded; cursors[i]->skip()) ++sum;
    }
  }
  impl_->total = sum;
  return sum;
}

std::optional<double> expected_jobs(const Scenario& scenario) {
  if (!scenario.duration) return std::nullopt;
  double sum = 0;
  for (const Source& source : scenario.workload) {
    const auto* jobs = std::get_if<SyntheticSource>(&source);
    const std::optional<double> rate = jobs == nullptr ? std::nullopt : mean_rate(jobs->arrivals, jobs->cycle);
    if (!rate) return std::nullopt;
    const double arriving = *rate * seconds(*scenario.duration);
    sum += jobs->count ? std::min(arriving, static_cast<double>(*jobs->count)) : arriving;
  }
  for (const PeriodicSource& source : scenario.periodic) {
    sum += static_cast<double>(due_times_before(source.schedule, kTimeZero + *scenario.duration));
  }
  return sum;
}

Duration request_duration(const Requests& requests, std::uint64_t seed, const JobRequests& job, std::uint32_t i) {
  if (const auto* fixed = std::get_if<Deterministic>(&requests.duration)) return work_of(fixed->value);
  const DrawStream draws(seed, mix64(stream_for(job.source, "request-duration") ^ mix64(job.number)));
  return work_of(sample_with(requests.duration, draws.at(i)));
}

Arrival periodic_arrival(const Scenario& scenario, PeriodicId source, std::uint64_t seed, std::uint64_t n) {
  const auto stream = [&](std::string_view purpose) {
    return stream_for(source.value, std::string("periodic ").append(purpose));
  };
  Arrival arrival;
  const std::size_t index = scenario.workload.size() + source.value;
  arrival.source = static_cast<std::uint32_t>(index);
  JobDraws(scenario.periodic[source.value].jobs, index, seed, stream).fill(arrival, n);
  return arrival;
}

}  // namespace drydock::scenarios
