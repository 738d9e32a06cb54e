#include "policies/batch_mapping.hpp"

#include "policies/core/assert.hpp"
#include "policies/order.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

namespace drydock {

namespace {

// Jobs that no worker of the pool could ever run do not count for the window; a pass looks at no more of them than that.
constexpr std::size_t kMostPassedOver = 1'000;

// An attempt that has outlived its estimate is expected to go on for as long again as it has by now.
Time expected_end(const Job& job, Time now) {
  if (job.estimated_end > now) return job.estimated_end;
  return later(now, std::max(Duration{1}, now - job.estimated_end));
}

Resources whole_demand(const Job& job) { return job.spec.per_task * job.spec.tasks; }

bool could_ever_hold(const Pool& pool, const Resources& demand) {
  return std::ranges::any_of(pool.kinds,
                             [&](const WorkerKind& kind) { return !kind.workers.empty() && demand.fits_in(kind.capacity); });
}

bool holds_now(const Pool& pool, const Resources& demand) {
  bool found = false;
  pool.fits.for_each_fitting(demand, [&](std::uint32_t, const Resources&) {
    found = true;
    return false;
  });
  return found;
}

}  // namespace

// --- the arithmetic ---

void Mapping::begin(const PassContext& pass, std::span<const JobRef> jobs) {
  cluster_ = &pass.cluster;
  now_ = pass.now;
  least_ = whole_demand(cluster_->job(jobs.front()));
  for (const JobRef ref : jobs) least_.amounts = least_.amounts.min(whole_demand(cluster_->job(ref)).amounts);
  station_count_ = 0;
  with_room_ = 0;
  for (const WorkerId id : cluster_->pool(pass.pool).workers) {
    if (cluster_->worker(id).serves(pass.pool)) add_station(id);
  }
  entries_.resize(jobs.size());
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    entries_[j].ref = jobs[j];
    entries_[j].demand = whole_demand(cluster_->job(jobs[j]));
    // Until it is mapped itself all others may be, each to one of them: two are then still as they are now, and better than the rest.
    make_offers(entries_[j], jobs.size() + 1);
  }
}

void Mapping::add_station(WorkerId id) {
  if (stations_.size() == station_count_) stations_.emplace_back();
  Station& station = stations_[station_count_++];
  const Worker& worker = cluster_->worker(id);
  station.id = id;
  station.room = worker.free;
  station.from = now_;
  station.released = 0;
  station.mapped = 0;
  station.releases.clear();
  for (const Held& held : worker.held) {
    const Job& job = cluster_->job(held.job);
    station.releases.push_back({expected_end(job, now_), job.spec.per_task * job.placements[held.placement].tasks});
  }
  std::ranges::sort(station.releases, {}, &Release::at);
  if (has_room_now(station)) ++with_room_;
}

// The best ones, at most so many.
void Mapping::make_offers(Entry& entry, std::size_t most) {
  all_offers_.clear();
  for (std::uint32_t s = 0; s < station_count_; ++s) {
    if (!entry.demand.fits_in(cluster_->worker(stations_[s].id).spec.capacity)) continue;
    all_offers_.push_back({.place = place_on(s, entry)});
  }
  if (all_offers_.size() > most) {
    const auto end = all_offers_.begin() + static_cast<std::ptrdiff_t>(most);
    std::ranges::nth_element(all_offers_, end, is_better);
    all_offers_.erase(end, all_offers_.end());
  }
  std::ranges::make_heap(all_offers_, is_worse);
  entry.offers.assign(all_offers_.begin(), all_offers_.end());
}

bool Mapping::is_better(const Offer& a, const Offer& b) {
  return std::tie(a.place.end, a.place.worker) < std::tie(b.place.end, b.place.worker);
}

Mapping::Place Mapping::place_on(std::uint32_t worker, const Entry& entry) const {
  const Station& station = stations_[worker];
  Place place{.worker = worker, .start = station.from, .end = {}};
  Resources room = station.room;
  for (std::size_t r = station.released; !entry.demand.fits_in(room); ++r) {
    DRYDOCK_CHECK(r < station.releases.size(), "what a worker has free, and gets back, is all that it can hold");
    room += station.releases[r].amount;
    place.start = station.releases[r].at;
  }
  const Placement there{station.id, 1};
  place.end = cluster_->estimated_end(cluster_->job(entry.ref), {&there, 1}, place.start);
  return place;
}

// Until the one in front is as it says.
void Mapping::renew(const Entry& entry, std::span<Offer> offers) const {
  while (offers.front().mapped != stations_[offers.front().place.worker].mapped) {
    std::ranges::pop_heap(offers, is_worse);
    const std::uint32_t worker = offers.back().place.worker;
    offers.back() = {place_on(worker, entry), stations_[worker].mapped};
    std::ranges::push_heap(offers, is_worse);
  }
}

Mapping::Place Mapping::best(std::size_t job) {
  Entry& entry = entries_[job];
  renew(entry, entry.offers);
  return entry.offers.front().place;
}

Duration Mapping::sufferage(std::size_t job) {
  Entry& entry = entries_[job];
  const Time first = best(job).end;
  if (entry.offers.size() == 1) return Duration::max();
  std::ranges::pop_heap(entry.offers, is_worse);
  const std::span<Offer> others(entry.offers.data(), entry.offers.size() - 1);
  renew(entry, others);
  const Time second = others.front().place.end;
  std::ranges::push_heap(entry.offers, is_worse);
  return second - first;
}

void Mapping::map(std::size_t job) {
  const Place place = best(job);
  Station& station = stations_[place.worker];
  const bool had_room = has_room_now(station);
  std::vector<Release>& releases = station.releases;
  for (; station.released < releases.size() && releases[station.released].at <= place.start; ++station.released) {
    station.room += releases[station.released].amount;
  }
  const auto rest = releases.begin() + static_cast<std::ptrdiff_t>(station.released);
  releases.insert(std::ranges::upper_bound(rest, releases.end(), place.end, {}, &Release::at),
                  {place.end, entries_[job].demand});
  station.room -= entries_[job].demand;
  station.from = place.start;
  ++station.mapped;
  if (had_room && !has_room_now(station)) --with_room_;
}

// --- the policy around it ---

BatchMapping::BatchMapping(const PolicyConfig& config)
    : window_(static_cast<std::size_t>(config.get<std::int64_t>("window"))) {}

Rank BatchMapping::rank(const Job& job, const Cluster& /*cluster*/) const { return rank_fcfs(job); }

Time BatchMapping::next_wakeup(PoolId pool) const { return index(pool) < wakeups_.size() ? wakeups_[index(pool)] : kNever; }

// What starts makes room in the batch for others: again until nothing does.
void BatchMapping::plan(const PassContext& pass, Plan& plan) {
  if (wakeups_.size() <= index(pass.pool)) wakeups_.resize(index(pass.pool) + 1, kNever);
  wakeups_[index(pass.pool)] = kNever;
  while (choose_batch(pass)) {
    const Outcome outcome = map_batch(pass, plan);
    if (plan.error()) return;
    if (outcome.started) continue;
    wakeups_[index(pass.pool)] = outcome.wakeup;
    return;
  }
}

// Whether any job of it would find room now.
bool BatchMapping::choose_batch(const PassContext& pass) {
  const Pool& pool = pass.cluster.pool(pass.pool);
  batch_.clear();
  if (pool.free.slots() == 0) return false;
  bool any_would = false;
  std::size_t passed_over = 0;
  candidates_.begin(pass.cluster, pass.pool, Candidates::By::policy_order);
  while (batch_.size() < window_ && passed_over < kMostPassedOver) {
    const std::optional<JobRef> ref = candidates_.next([](const LeastDemand&) { return true; });
    if (!ref) break;
    const Resources demand = whole_demand(pass.cluster.job(*ref));
    if (could_ever_hold(pool, demand)) {
      batch_.push_back(*ref);
      any_would = any_would || holds_now(pool, demand);
    } else {
      ++passed_over;
    }
  }
  return any_would;
}

// Queue by queue where they have different turns.
BatchMapping::Outcome BatchMapping::map_batch(const PassContext& pass, Plan& plan) {
  const auto order_of = [&](std::size_t job) {
    return pass.cluster.turn(pass.pool, pass.cluster.job(batch_[job]).spec.queue).order;
  };
  Outcome outcome;
  mapping_.begin(pass, batch_);
  for (std::size_t next = 0; next < batch_.size();) {
    unmapped_.clear();
    const std::int64_t order = order_of(next);
    for (; next < batch_.size() && order_of(next) == order; ++next) unmapped_.push_back(next);
    while (!unmapped_.empty()) {
      if (!map_chosen(pass, plan, outcome)) return outcome;
    }
  }
  return outcome;
}

// False when nothing more can start in this mapping.
bool BatchMapping::map_chosen(const PassContext& pass, Plan& plan, Outcome& outcome) {
  chosen_.clear();
  choose(mapping_, unmapped_, chosen_);
  for (const std::size_t job : chosen_) {
    const Mapping::Place place = mapping_.best(job);
    mapping_.map(job);
    if (place.start > pass.now) {
      // When it is late by a tenth of its length; from then on other workers look better and better.
      const Duration grace = std::max(Duration{1}, (place.end - place.start) / 10);
      outcome.wakeup = std::min(outcome.wakeup, later(place.start, grace));
      continue;
    }
    const Placement placement{mapping_.id_of(place), pass.cluster.job(batch_[job]).spec.tasks};
    if (!plan.start(batch_[job], {&placement, 1})) return false;
    outcome.started = true;
  }
  std::erase_if(unmapped_, [&](std::size_t job) { return std::ranges::find(chosen_, job) != chosen_.end(); });
  return !outcome.started || mapping_.has_room_now();
}

ParameterInfo window_parameter() {
  return {.name = "window",
          .default_value = std::int64_t{64},
          .help = "waiting jobs that are mapped together; those behind them wait",
          .minimum = 1,
          .maximum = 1'000};
}

}  // namespace drydock
