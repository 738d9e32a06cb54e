// Mapping of independent jobs to workers of different speed, in batches: what min-min, max-min and sufferage have in common. At
// each event the first jobs that wait are mapped to workers, one after the other; only those whose worker has room now start.
#pragma once

#include "policies/core/candidates.hpp"
#include "policies/core/placement_policy.hpp"
#include "policies/core/policy_info.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace drydock {

// When each job of a batch would end on each worker, by all estimates and by what has been mapped so far.
class Mapping {
 public:
  // Where a job would run, whole, and when.
  struct Place {
    std::uint32_t worker = 0;  // among those of the mapping, which are in the order of the pool
    Time start{};
    Time end{};
  };

  // Nothing is mapped yet. Some worker of the pool could run each of the jobs, of which there is at least one. Costs jobs x workers, and a
  // step for each attempt that runs in the pool.
  void begin(const PassContext& pass, std::span<const JobRef> jobs);

  // The place where a job, by its number in the batch and not mapped yet, would end first; of equal ones the first worker.
  [[nodiscard]] Place best(std::size_t job);
  // How much later it would end if that worker were not there; the longest time there is if no other could run it.
  [[nodiscard]] Duration sufferage(std::size_t job);
  // Maps it to its best place. Whatever is mapped to that worker later does not start before it.
  void map(std::size_t job);

  [[nodiscard]] WorkerId id_of(const Place& place) const { return stations_[place.worker].id; }
  // False when no job of the batch that is not mapped yet would start now.
  [[nodiscard]] bool has_room_now() const { return with_room_ > 0; }

 private:
  struct Release {
    Time at{};
    Resources amount;
  };
  // A worker: its room at the start of what was mapped to it last, and what comes back after that.
  struct Station {
    WorkerId id;
    Resources room;
    Time from{};                    // that start; now where nothing is mapped
    std::vector<Release> releases;  // by time; all later than now
    std::size_t released = 0;       // the first of them, which are in `room`
    std::uint32_t mapped = 0;       // jobs
  };
  struct Offer {
    Place place;
    std::uint32_t mapped =
        0;  // Station::mapped when it was made; once that has changed the job would end later there, or as then
  };
  struct Entry {
    JobRef ref;
    Resources demand;
    std::vector<Offer> offers;  // a heap with the best in front
  };

  static bool is_better(const Offer& a, const Offer& b);
  static bool is_worse(const Offer& a, const Offer& b) { return is_better(b, a); }
  void add_station(WorkerId id);
  void make_offers(Entry& entry, std::size_t most);
  [[nodiscard]] Place place_on(std::uint32_t worker, const Entry& entry) const;
  void renew(const Entry& entry, std::span<Offer> offers) const;
  [[nodiscard]] bool has_room_now(const Station& station) const {
    return station.from == now_ && least_.fits_in(station.room);
  }

  const Cluster* cluster_ = nullptr;
  Time now_{};
  Resources least_;            // of each kind the least that any job of the batch asks for
  std::size_t with_room_ = 0;  // stations that have room for that now
  std::vector<Station> stations_;
  std::size_t station_count_ = 0;  // further ones are kept for their memory
  std::vector<Entry> entries_;
  std::vector<Offer> all_offers_;  // scratch
};

class BatchMapping : public PlacementPolicy {
 public:
  explicit BatchMapping(const PolicyConfig& config);

  // A job that waits for its worker beside another with room must not be taken by who sees that room alone: hence plans_ahead.
  [[nodiscard]] PlacementTraits traits() const final { return {.one_worker = true, .plans_ahead = true}; }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& cluster) const final;
  void plan(const PassContext& pass, Plan& plan) final;
  [[nodiscard]] Time next_wakeup(PoolId pool) const final;

 protected:
  // Appends to `chosen` which jobs are mapped next, each to its best place: one or more, no two of them to the same worker. `unmapped`,
  // which is not empty, has those that are not mapped yet, in the order in which they wait.
  virtual void choose(Mapping& mapping, std::span<const std::size_t> unmapped, std::vector<std::size_t>& chosen) const = 0;

 private:
  struct Outcome {
    bool started = false;  // something
    Time wakeup = kNever;  // where nothing started
  };

  [[nodiscard]] bool choose_batch(const PassContext& pass);
  Outcome map_batch(const PassContext& pass, Plan& plan);
  bool map_chosen(const PassContext& pass, Plan& plan, Outcome& outcome);

  std::size_t window_;
  std::vector<Time> wakeups_;  // by pool
  Candidates candidates_;
  Mapping mapping_;
  std::vector<JobRef> batch_;
  std::vector<std::size_t> unmapped_;
  std::vector<std::size_t> chosen_;
};

// The parameter "window".
[[nodiscard]] ParameterInfo window_parameter();

}  // namespace drydock
