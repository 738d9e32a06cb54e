// Random numbers as seeded values. Two generators: Rng, a sequence, for decisions that are taken in order; and counted(),
// a hash of (seed, stream, counter), where the order of draws must not matter (workloads, beat latencies), so that two
// policies compared under one seed see the same jobs and the same faults.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace drydock {

// SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014): a bijection of 64 bits.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

// A number for the name of a stream (FNV-1a).
[[nodiscard]] constexpr std::uint64_t stream_of(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return h;
}

// Uniform in [0, 1) with 53 bits.
[[nodiscard]] constexpr double unit_interval(std::uint64_t bits) { return static_cast<double>(bits >> 11U) * 0x1.0p-53; }

// The counter-th number of a stream: 64 uniform bits, the same whenever and however often it is asked for.
[[nodiscard]] constexpr std::uint64_t counted(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) {
  return mix64(mix64(mix64(seed) ^ stream) + counter * 0xd1342543de82ef95U);
}

// xoshiro256++ (Blackman, Vigna 2019).
class Rng {
 public:
  Rng(std::uint64_t seed, std::string_view stream);

  [[nodiscard]] std::uint64_t bits();                               // 64 uniform bits
  [[nodiscard]] double uniform() { return unit_interval(bits()); }  // [0, 1)
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);           // uniform in [0, bound); bound > 0; unbiased

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace drydock
