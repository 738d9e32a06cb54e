// Random draws by number, not by order: counted() of policies/core/rng.hpp with what stays the same worked out once.
#pragma once

#include "policies/core/rng.hpp"

#include <cmath>
#include <cstdint>

namespace drydock::scenarios {

// The draws of one thing of one job, as many as it takes: the first is counted(seed, stream, counter), the others follow
// from it.
class Draws {
 public:
  explicit Draws(std::uint64_t first) : first_(first) {}
  [[nodiscard]] std::uint64_t bits() {
    const std::uint64_t n = used_++;
    return n == 0 ? first_ : mix64(first_ + n * 0x9e3779b97f4a7c15U);
  }
  [[nodiscard]] double uniform() { return unit_interval(bits()); }           // [0, 1)
  [[nodiscard]] double exponential() { return -std::log(1.0 - uniform()); }  // mean 1
  [[nodiscard]] double normal();                                             // mean 0, sd 1
  [[nodiscard]] double gamma(double shape);                                  // scale 1

 private:
  std::uint64_t first_;
  std::uint64_t used_ = 0;
};

// A stream of such draws.
class DrawStream {
 public:
  DrawStream(std::uint64_t seed, std::uint64_t stream) : base_(mix64(mix64(seed) ^ stream)) {}
  [[nodiscard]] Draws at(std::uint64_t counter) const { return Draws(mix64(base_ + counter * 0xd1342543de82ef95U)); }

 private:
  std::uint64_t base_;
};

}  // namespace drydock::scenarios
