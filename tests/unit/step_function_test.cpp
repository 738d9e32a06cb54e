#include "policies/step_function.hpp"

#include "policies/core/rng.hpp"
#include "tests/properties/seeds.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace drydock::step_function_test {
namespace {

using Steps = StepFunction<2>;
using Amounts = Steps::Amounts;

struct BothAtLeast {
  std::int64_t least = 0;
  [[nodiscard]] bool may(const Amounts& /*lowest*/, const Amounts& highest) const { return is(highest); }
  [[nodiscard]] bool is(const Amounts& level) const { return (level >= least).all(); }
};

// Times are whole nanoseconds below kEnd: enough for many blocks of steps.
constexpr std::int64_t kEnd = 1'500;

TEST(StepFunction, IsWhatAnArrayIs) {
  properties::for_each_seed(40, "", [](std::uint64_t seed) {
    Rng rng(seed, "steps");
    const auto below = [&](std::uint64_t bound) { return static_cast<std::int64_t>(rng.below(bound)); };
    Steps steps(Amounts{1, 2});
    std::vector<Amounts> levels(kEnd, Amounts{1, 2});
    std::vector<std::vector<std::int64_t>> added;
    std::int64_t now = 0;
    for (int i = 0; i < 1'200; ++i) {
      // What was added is often taken away again, so that steps come and go.
      std::vector<std::int64_t> change{now + below(static_cast<std::uint64_t>(kEnd - now)), below(kEnd), below(5) - 2,
                                       below(5) - 2};
      if (rng.below(3) == 0) change[1] = change[0] + below(20);
      if (!added.empty() && (i > 800 || rng.below(3) == 0)) {
        const auto at = added.begin() + below(added.size());
        change = {(*at)[0], (*at)[1], -(*at)[2], -(*at)[3]};
        added.erase(at);
      } else {
        added.push_back(change);
      }
      const Amounts amount{change[2], change[3]};
      steps.add(time_at(change[0]), change[1] >= kEnd ? kNever : time_at(change[1]), amount);
      for (std::int64_t t = change[0]; t < std::min(change[1], kEnd); ++t) levels[static_cast<std::size_t>(t)] += amount;
      if (rng.below(20) == 0 && now < kEnd / 2) steps.forget_before(time_at(now += below(30)));

      const BothAtLeast wanted{below(8) - 2};
      const auto is = [&](std::int64_t t) { return wanted.is(levels[static_cast<std::size_t>(t)]); };
      const std::int64_t from = now + below(static_cast<std::uint64_t>(kEnd - now));
      std::int64_t first = from;
      while (first < kEnd && !is(first)) ++first;
      const Time found = std::max(time_at(from), steps.begin(steps.first(steps.at(time_at(from)), wanted)));
      ASSERT_EQ(nanos(found), first < kEnd ? first : nanos(kNever));
      std::int64_t last = from;
      while (last > now && !is(last - 1)) --last;
      ASSERT_EQ(nanos(std::max(time_at(now), steps.end_of_last(time_at(from), wanted))), last);
    }
  });
}

}  // namespace
}  // namespace drydock::step_function_test
