// A pool as it would be after some attempts had ended: how many tasks of one demand would find room.
#pragma once

#include "policies/core/cluster.hpp"

#include <cstdint>
#include <vector>

namespace drydock {

class Outlook {
 public:
  // Starts from what is free now. Costs one look-up per task that fits now.
  void begin(const Cluster& cluster, PoolId pool, const Resources& demand);
  // As if this attempt had ended. Costs one step per placement.
  void release(const Job& job);
  void take_back(const Job& job);  // undoes it
  // Their room, as it is before something starts there that will have ended by then.
  void keep(std::span<const Placement> placements);
  // As if these workers had been given that much more to do.
  void take(std::span<const Placement> placements, const Resources& per_task);
  void undo_take(std::span<const Placement> placements, const Resources& per_task);

  // Tasks of the demand that would fit.
  [[nodiscard]] std::int64_t fitting() const { return fitting_; }
  // How many fewer, if this worker were given that much more to do.
  [[nodiscard]] std::int64_t loss(WorkerId worker, const Resources& amount) const;

 private:
  void change(WorkerId worker, const Resources& amount);

  const Cluster* cluster_ = nullptr;
  PoolId pool_;
  Resources demand_;
  std::int64_t fitting_ = 0;
  std::uint64_t epoch_ = 0;
  std::vector<Resources> rooms_;  // by worker, valid where seen_ is the epoch
  std::vector<std::uint64_t> seen_;
};

}  // namespace drydock
