// A hint to the processor, which changes no result.
#pragma once

#include <cstddef>

namespace drydock {

// Reads an object into the cache that will be needed a little later. It may be written meanwhile.
template <class T>
void bring_near(const T& object) {
  constexpr std::size_t kLine = 64;
  const char* const at = reinterpret_cast<const char*>(&object);
  for (std::size_t offset = 0; offset < sizeof(T); offset += kLine) __builtin_prefetch(at + offset, 1);
}

}  // namespace drydock
