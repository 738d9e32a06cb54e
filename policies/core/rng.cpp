#include "policies/core/rng.hpp"

#include "policies/core/assert.hpp"

#include <bit>

namespace drydock {

Rng::Rng(std::uint64_t seed, std::string_view stream) {
  const std::uint64_t start = mix64(seed) ^ stream_of(stream);
  for (std::uint64_t i = 0; i < state_.size(); ++i) state_[i] = mix64(start + i * 0x9e3779b97f4a7c15U);
}

std::uint64_t Rng::bits() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t t = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Rng::below(std::uint64_t bound) {
  DRYDOCK_CHECK(bound > 0, "a random number below 0 was asked for");
  const std::uint64_t reject_under = (0 - bound) % bound;  // 2^64 mod bound: the part that would bias
  while (true) {
    const std::uint64_t x = bits();
    if (x >= reject_under) return x % bound;
  }
}

}  // namespace drydock
