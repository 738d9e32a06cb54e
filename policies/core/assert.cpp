#include "policies/core/assert.hpp"

#include "policies/core/last_words.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace drydock {

namespace {

std::function<void()>& last_words() {
  static std::function<void()> save;
  return save;
}

}  // namespace

void check_failed(const char* expression, const char* file, int line, const char* why) {
  std::fprintf(stderr, "drydock: internal error at %s:%d: %s (expected %s)\n", file, line, why, expression);
  if (const auto save = std::exchange(last_words(), nullptr)) save();  // once, whatever happens in it
  std::abort();
}

LastWords::LastWords(std::function<void()> save) { last_words() = std::move(save); }
LastWords::~LastWords() { last_words() = nullptr; }

}  // namespace drydock
