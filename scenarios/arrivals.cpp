#include "scenarios/arrivals.hpp"

#include "scenarios/lublin.hpp"
#include "scenarios/sampling.hpp"
#include "scenarios/units.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace drydock::scenarios {
namespace {

constexpr std::int64_t kEnd = nanos(kLongest);

std::int64_t after(std::int64_t now_ns, double gap_ns) {
  return gap_ns < static_cast<double>(kEnd - now_ns) ? now_ns + static_cast<std::int64_t>(gap_ns + 0.5) : kEnd;
}

double mean_factor(const Cycle& cycle) {
  return std::accumulate(cycle.factors.begin(), cycle.factors.end(), 0.0) / static_cast<double>(cycle.factors.size());
}

// The parts of a cycle as one goes through time.
class CycleWalk {
 public:
  explicit CycleWalk(Cycle cycle) : cycle_(std::move(cycle)) { enter(0); }
  [[nodiscard]] double factor() const { return cycle_.factors[part_]; }
  [[nodiscard]] std::int64_t end_ns() const { return end_; }
  void advance() { enter(part_ + 1); }

 private:
  void enter(std::size_t part) {
    const std::size_t parts = cycle_.factors.size();
    if (part == parts) {
      part = 0;
      begin_ += nanos(cycle_.period);
    }
    part_ = part;
    // Ends of parts as whole nanoseconds that add up to the period.
    const double share = static_cast<double>(part + 1) / static_cast<double>(parts);
    end_ = part + 1 == parts ? begin_ + nanos(cycle_.period)
                             : begin_ + static_cast<std::int64_t>(static_cast<double>(nanos(cycle_.period)) * share);
  }

  Cycle cycle_;
  std::size_t part_ = 0;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
};

Cycle flat() { return {kLongest, {1.0}}; }

// Poisson with a rate that changes from state to state (MMPP) and through a cycle. Each job uses up one unit-exponential
// amount of intensity: exact, with one draw per job.
class PoissonProcess : public ArrivalProcess {
 public:
  PoissonProcess(MmppArrivals states, const std::optional<Cycle>& cycle, std::uint64_t seed, std::uint64_t stream)
      : states_(std::move(states)),
        cycle_(cycle.value_or(flat())),
        gaps_(seed, stream),
        sojourns_(seed, stream ^ stream_of("mmpp")) {
    enter(0);
  }

  std::int64_t next_ns() override {
    double amount = gaps_.at(jobs_++).exponential();
    while (now_ < kEnd) {
      const double per_ns = states_.rates[state_] * cycle_.factor() * 1e-9;
      const std::int64_t end = std::min({state_end_, cycle_.end_ns(), kEnd});
      const double room = per_ns * static_cast<double>(end - now_);
      if (amount < room) return now_ = std::min(end, after(now_, amount / per_ns));
      amount -= room;
      now_ = end;
      if (end == cycle_.end_ns()) cycle_.advance();
      if (end == state_end_) enter((state_ + 1) % states_.rates.size());
    }
    return kEnd;
  }

 private:
  void enter(std::size_t state) {
    state_ = state;
    const bool only_one = states_.rates.size() == 1;
    state_end_ =
        only_one
            ? kEnd
            : std::max(now_ + 1, after(now_, sojourns_.at(changes_++).exponential() * states_.mean_sojourns[state] * 1e9));
  }

  MmppArrivals states_;
  CycleWalk cycle_;
  DrawStream gaps_;
  DrawStream sojourns_;
  std::size_t state_ = 0;
  std::int64_t state_end_ = 0;
  std::int64_t now_ = 0;
  std::uint64_t jobs_ = 0;
  std::uint64_t changes_ = 0;
};

// Plain Poisson: the common case, without the walk through states.
class HomogeneousPoisson : public ArrivalProcess {
 public:
  HomogeneousPoisson(double rate, std::uint64_t seed, std::uint64_t stream) : mean_ns_(1e9 / rate), gaps_(seed, stream) {}
  std::int64_t next_ns() override { return now_ = after(now_, gaps_.at(jobs_++).exponential() * mean_ns_); }

 private:
  double mean_ns_;
  DrawStream gaps_;
  std::int64_t now_ = 0;
  std::uint64_t jobs_ = 0;
};

class Regular : public ArrivalProcess {
 public:
  explicit Regular(RegularArrivals arrivals) : next_(nanos(arrivals.first)), interval_(nanos(arrivals.interval)) {}
  std::int64_t next_ns() override {
    const std::int64_t now = next_;
    next_ = now < kEnd - interval_ ? now + interval_ : kEnd;
    return now;
  }

 private:
  std::int64_t next_;
  std::int64_t interval_;
};

class Renewal : public ArrivalProcess {
 public:
  Renewal(Distribution gap, std::uint64_t seed, std::uint64_t stream) : gap_(std::move(gap)), gaps_(seed, stream) {}
  std::int64_t next_ns() override { return now_ = after(now_, sample_with(gap_, gaps_.at(jobs_++)) * 1e9); }

 private:
  Distribution gap_;
  DrawStream gaps_;
  std::int64_t now_ = 0;
  std::uint64_t jobs_ = 0;
};

class Together : public ArrivalProcess {
 public:
  explicit Together(AtOnce arrivals) : at_(nanos(arrivals.at)) {}
  std::int64_t next_ns() override { return at_; }

 private:
  std::int64_t at_;
};

// Any process with a cycle: its clock runs at the speed of the factor, so that where the factor is 2, gaps are half as long.
class Warped : public ArrivalProcess {
 public:
  Warped(std::unique_ptr<ArrivalProcess> inner, Cycle cycle) : inner_(std::move(inner)), cycle_(std::move(cycle)) {}
  std::int64_t next_ns() override {
    const auto target = static_cast<double>(inner_->next_ns());
    while (now_ < kEnd) {
      const double room = cycle_.factor() * static_cast<double>(cycle_.end_ns() - now_);
      if (target < inner_now_ + room) {
        const std::int64_t at = after(now_, (target - inner_now_) / cycle_.factor());
        return std::min(at, cycle_.end_ns());
      }
      inner_now_ += room;
      now_ = cycle_.end_ns();
      cycle_.advance();
    }
    return kEnd;
  }

 private:
  std::unique_ptr<ArrivalProcess> inner_;
  CycleWalk cycle_;
  std::int64_t now_ = 0;  // where the current part of the cycle begins
  double inner_now_ = 0;  // the inner clock there, in ns
};

struct Make {
  const std::optional<Cycle>& cycle;
  std::uint64_t seed;
  std::uint64_t stream;

  using Process = std::unique_ptr<ArrivalProcess>;
  Process operator()(const PoissonArrivals& a) const {
    if (!cycle) return std::make_unique<HomogeneousPoisson>(a.rate, seed, stream);
    return std::make_unique<PoissonProcess>(MmppArrivals{{a.rate}, {1.0}}, cycle, seed, stream);
  }
  Process operator()(const MmppArrivals& a) const { return std::make_unique<PoissonProcess>(a, cycle, seed, stream); }
  Process operator()(const RegularArrivals& a) const { return warped(std::make_unique<Regular>(a)); }
  Process operator()(const RenewalArrivals& a) const { return warped(std::make_unique<Renewal>(a.gap, seed, stream)); }
  Process operator()(const AtOnce& a) const { return std::make_unique<Together>(a); }
  Process operator()(const LublinArrivals& a) const { return make_lublin_arrivals(a, seed, stream); }

  [[nodiscard]] Process warped(Process inner) const {
    if (!cycle) return inner;
    return std::make_unique<Warped>(std::move(inner), *cycle);
  }
};

}  // namespace

std::unique_ptr<ArrivalProcess> make_arrivals(const Arrivals& arrivals, const std::optional<Cycle>& cycle,
                                              std::uint64_t seed, std::uint64_t stream) {
  return std::visit(Make{cycle, seed, stream}, arrivals);
}

std::optional<double> mean_rate(const Arrivals& arrivals, const std::optional<Cycle>& cycle) {
  double rate = cycle ? mean_factor(*cycle) : 1.0;
  if (const auto* poisson = std::get_if<PoissonArrivals>(&arrivals)) return rate * poisson->rate;
  if (const auto* regular = std::get_if<RegularArrivals>(&arrivals)) return rate / seconds(regular->interval);
  if (const auto* renewal = std::get_if<RenewalArrivals>(&arrivals)) return rate / mean_of(renewal->gap);
  if (const auto* mmpp = std::get_if<MmppArrivals>(&arrivals)) {
    const double jobs = std::inner_product(mmpp->rates.begin(), mmpp->rates.end(), mmpp->mean_sojourns.begin(), 0.0);
    return rate * jobs / std::accumulate(mmpp->mean_sojourns.begin(), mmpp->mean_sojourns.end(), 0.0);
  }
  return std::nullopt;
}

}  // namespace drydock::scenarios
