// One interface over the simulated and the real Redis, for the tests that both must pass.
#pragma once

#include "policies/core/time.hpp"
#include "policies/ports/redis.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace drydock::redis {

class RedisUnderTest {
 public:
  virtual ~RedisUnderTest() = default;
  virtual std::vector<Reply> apply(std::span<const Op> ops) = 0;
  virtual void apply(const AdminOp& op) = 0;
  // Lets time go on: virtual time, or by sleeping.
  virtual void pass(Duration time) = 0;
};

// Empty and without a snapshot's data, but for what the tests before left in the run id.
std::unique_ptr<RedisUnderTest> make_simulated_redis();
// Null, with a failure recorded, if no server can be started.
std::unique_ptr<RedisUnderTest> make_real_redis();

using Maker = std::unique_ptr<RedisUnderTest> (*)();
struct World {
  std::string name;
  Maker make;
};
inline void PrintTo(const World& world, std::ostream* out) { *out << world.name; }  // GoogleTest calls it
// The real one is there if the runtime was built.
std::vector<World> redis_worlds();

// Fixture of the conformance suite.
class RedisContract : public testing::TestWithParam<World> {
 protected:
  void SetUp() override {
    redis_ = GetParam().make();
    ASSERT_NE(redis_, nullptr);
  }

  Reply ask(const Op& op) { return redis_->apply(std::span(&op, 1)).front(); }
  // The reply, if it is of the kind that belongs to the operation.
  template <class Expected>
  Expected ask(const Op& op) {
    Reply reply = ask(op);
    if (auto* expected = std::get_if<Expected>(&reply)) return std::move(*expected);
    ADD_FAILURE() << to_text(op) << " was answered: " << to_text(reply);
    return {};
  }
  void admin(const AdminOp& op) { redis_->apply(op); }
  void pass(Duration time) { redis_->pass(time); }
  // Lets time pass in small steps until it is so; false if it never is.
  bool soon(const std::function<bool()>& is_so) {
    constexpr int kSteps = 6000;  // 30 s
    for (int step = 0; step < kSteps; ++step) {
      if (is_so()) return true;
      pass(std::chrono::milliseconds{5});
    }
    return false;
  }

  std::unique_ptr<RedisUnderTest> redis_;
};

inline std::string world_name(const testing::TestParamInfo<World>& world) { return world.param.name; }

// Instantiates the tests of a file for both.
#define DRYDOCK_FOR_BOTH_REDIS(Suite) INSTANTIATE_TEST_SUITE_P(Worlds, Suite, testing::ValuesIn(redis_worlds()), world_name)

}  // namespace drydock::redis
