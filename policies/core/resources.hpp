// What a task needs and a worker has: a vector of four amounts, compared and added by component.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <limits>

namespace drydock {

// Units: cpus in thousandths of a core, memory in bytes, gpus in whole devices, slots in tasks. Each task takes one slot.
struct Resources {
  using Amounts = Eigen::Array<std::int64_t, 4, 1>;
  enum Kind : Eigen::Index { kCpus, kMemory, kGpus, kSlots };

  Amounts amounts = Amounts::Zero();

  [[nodiscard]] std::int64_t cpus() const { return amounts[kCpus]; }
  [[nodiscard]] std::int64_t memory() const { return amounts[kMemory]; }
  [[nodiscard]] std::int64_t gpus() const { return amounts[kGpus]; }
  [[nodiscard]] std::int64_t slots() const { return amounts[kSlots]; }

  [[nodiscard]] bool fits_in(const Resources& room) const { return (amounts <= room.amounts).all(); }
  [[nodiscard]] bool non_negative() const { return (amounts >= 0).all(); }

  Resources& operator+=(const Resources& other) {
    amounts += other.amounts;
    return *this;
  }
  Resources& operator-=(const Resources& other) {
    amounts -= other.amounts;
    return *this;
  }
  friend Resources operator+(Resources a, const Resources& b) { return a += b; }
  friend Resources operator-(Resources a, const Resources& b) { return a -= b; }
  friend Resources operator*(Resources a, std::int64_t times) {
    a.amounts *= times;
    return a;
  }
  friend bool operator==(const Resources& a, const Resources& b) { return (a.amounts == b.amounts).all(); }
};

// An amount that never runs out, with room for sums. Workers with unlimited slots (processor sharing) have it as cpus.
inline constexpr std::int64_t kUnlimited = std::int64_t{1} << 52;

struct ResourceAmounts {
  std::int64_t cpus_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t gpus = 0;
  std::int64_t slots = 1;
};

[[nodiscard]] inline Resources make_resources(const ResourceAmounts& a) {
  return Resources{Resources::Amounts{a.cpus_milli, a.memory_bytes, a.gpus, a.slots}};
}

// How well a demand goes with what is free: the dot product of both, as parts of the capacity.
[[nodiscard]] inline double alignment(const Resources& demand, const Resources& room, const Resources& capacity) {
  double sum = 0;
  for (Eigen::Index k = 0; k < Resources::Amounts::SizeAtCompileTime; ++k) {
    const auto all = static_cast<double>(capacity.amounts[k]);
    if (all <= 0) continue;
    sum += static_cast<double>(demand.amounts[k]) / all * (static_cast<double>(room.amounts[k]) / all);
  }
  return sum;
}

// How many tasks of `demand` fit into `room` (0 when room is negative somewhere). Every demand has slots >= 1.
[[nodiscard]] inline std::int64_t fit_count(const Resources& demand, const Resources& room) {
  std::int64_t count = std::numeric_limits<std::int64_t>::max();
  for (Eigen::Index k = 0; k < Resources::Amounts::SizeAtCompileTime; ++k) {
    if (room.amounts[k] < demand.amounts[k]) return 0;
    if (demand.amounts[k] > 0) count = std::min(count, room.amounts[k] / demand.amounts[k]);
  }
  return count;
}

}  // namespace drydock
