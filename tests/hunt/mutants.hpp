// Planted bugs: schedulers and ledgers that are wrong in one way each. The product has none of them; hunting must find them all.
#pragma once

#include "sim/interposer.hpp"

#include <memory>
#include <span>
#include <string_view>

namespace drydock::hunt {

struct MutantInfo {
  std::string_view name;
  std::unique_ptr<sim::Interposer> (*make)();
};

[[nodiscard]] std::span<const MutantInfo> mutants();

}  // namespace drydock::hunt
