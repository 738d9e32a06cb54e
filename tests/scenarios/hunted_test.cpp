// What `drydock hunt` found in the product once, and must not find again: the files in hunted/, each of which says what it was.
#include "scenarios/loader.hpp"
#include "sim/hunt.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace drydock::scenarios::hunted_test {
namespace {

TEST(Hunted, StaysFixed) {
  const std::atomic<bool> stop{false};
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DRYDOCK_SOURCE_DIR "/tests/scenarios/hunted")) {
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto result = sim::try_scenario(text, {}, stop);
    EXPECT_TRUE(result.checked) << entry.path();
    EXPECT_FALSE(sim::went_wrong(result)) << entry.path() << ": " << result.error.value_or("")
                                          << (result.violations.empty() ? "" : result.violations.front().what);
    ++files;
  }
  EXPECT_GE(files, 5U);
}

}  // namespace
}  // namespace drydock::scenarios::hunted_test
