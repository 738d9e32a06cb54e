// Random cases by seed. DRYDOCK_SEED=7 in the environment repeats case 7 alone; a failure says so, also one that aborts.
// DRYDOCK_SEEDS=10000 runs that many cases of each test instead of the usual number.
#pragma once

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

namespace drydock::properties {

namespace detail {

inline std::string& running_case() {
  static std::string text;
  return text;
}

// After an abort (a failed DRYDOCK_CHECK) GoogleTest cannot tell which case it was.
inline void print_running_case(int /*signal*/) { std::fputs(running_case().c_str(), stderr); }

}  // namespace detail

// Runs check(seed) for seeds 1..count, or for DRYDOCK_SEED alone; stops after the first one that fails. `variant` tells apart
// the cases of one test, such as the name of a policy.
template <class Check>
void for_each_seed(std::uint64_t count, const std::string& variant, const Check& check) {
  const char* only = std::getenv("DRYDOCK_SEED");
  const char* many = std::getenv("DRYDOCK_SEEDS");
  const std::uint64_t first = only == nullptr ? 1 : std::strtoull(only, nullptr, 10);
  const std::uint64_t last = only != nullptr ? first : many != nullptr ? std::strtoull(many, nullptr, 10) : count;
  const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const std::string text = "seed " + std::to_string(seed) + " " + variant +
                             "; to repeat: env DRYDOCK_SEED=" + std::to_string(seed) +
                             " <this program> --gtest_filter=" + test->test_suite_name() + "." + test->name() + "\n";
    detail::running_case() = text;
    std::signal(SIGABRT, detail::print_running_case);
    SCOPED_TRACE(text);
    check(seed);
    std::signal(SIGABRT, SIG_DFL);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace drydock::properties
