// 100 000 random operations and faults sent to the simulated and the real PostgreSQL store: every answer must be the same.
//
// Real time passes while the real server works, and the simulated clock stands still. So leases last for hours and what is left of
// them is compared within kTolerance; postgres_lease_cases.cpp lets short ones run out.

#include "tests/contract/postgres_random_ops.hpp"
#include "tests/contract/postgres_under_test.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace drydock::postgres::postgres_random_test {
namespace {

constexpr Duration kTolerance = std::chrono::minutes{20};
#if defined(__SANITIZE_THREAD__)
constexpr std::size_t kOperations = 20'000;
#else
constexpr std::size_t kOperations = 100'000;
#endif
constexpr std::size_t kBatch = 100;

// The operations before the difference, the last ones first.
std::string history(const std::vector<std::string>& log) {
  constexpr std::size_t kMost = 15;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, log.size()); ++i) text += "\n  before: " + log[log.size() - 1 - i];
  return text;
}

class Comparison {
 public:
  Comparison(std::uint64_t seed, std::unique_ptr<PostgresUnderTest> simulated, std::unique_ptr<PostgresUnderTest> real)
      : ops_(seed), simulated_(std::move(simulated)), real_(std::move(real)) {}

  // False at the first difference, which is a failure.
  bool batch() {
    // The simulated store goes first, one by one, since what comes next depends on what was answered.
    std::vector<Op> batch;
    std::vector<Reply> simulated;
    for (std::size_t i = 0; i < kBatch; ++i) {
      batch.push_back(ops_.next());
      simulated.push_back(simulated_->apply(std::span(&batch.back(), 1), 0).front());
      ops_.heard(batch.back(), simulated.back());
    }
    const std::vector<Reply> real = real_->apply(batch, 0);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!equal_within(real[i], simulated[i], kTolerance)) {
        ADD_FAILURE() << "operation " << log_.size() << ", " << to_text(batch[i]) << "\n  real:      " << to_text(real[i])
                      << "\n  simulated: " << to_text(simulated[i]) << history(log_);
        return false;
      }
      ++kinds_[std::string(name_of(batch[i]))];
      if (const auto* verdict = std::get_if<Verdict>(&real[i])) ++outcomes_[verdict->outcome];
      if (const auto* failed = std::get_if<Failed>(&real[i])) ++failures_[failed->reason];
      log_.push_back(to_text(batch[i]) + " -> " + to_text(simulated[i]));
    }
    return true;
  }
  void faults() {
    for (const AdminOp& fault : ops_.faults()) {
      real_->apply(fault);
      simulated_->apply(fault);
      log_.push_back(to_text(fault));
    }
  }
  // That the operations reached what they are to compare.
  void expect_coverage() const {
    EXPECT_EQ(kinds_.size(), std::variant_size_v<Op>);
    EXPECT_EQ(outcomes_.size(), 10U);
    for (const auto& [outcome, count] : outcomes_) {
      EXPECT_GT(count, kOperations / 2000) << to_text(Reply(Verdict{.outcome = outcome}));
    }
    EXPECT_GT(failures_.at(Failed::Reason::aborted), 10U);
    EXPECT_GT(failures_.at(Failed::Reason::unknown), 10U);
  }

 private:
  RandomPostgresOps ops_;
  std::unique_ptr<PostgresUnderTest> simulated_;
  std::unique_ptr<PostgresUnderTest> real_;
  std::vector<std::string> log_;
  std::map<std::string, std::size_t> kinds_;
  std::map<Verdict::Outcome, std::size_t> outcomes_;
  std::map<Failed::Reason, std::size_t> failures_;
};

TEST(PostgresDifferential, RandomOperationsHaveTheSameAnswers) {
  if (!real_postgres_is_here()) GTEST_SKIP() << "no PostgreSQL, or built without the real runtime (DRYDOCK_BUILD_RUNTIME)";
  constexpr std::uint64_t kSeed = 1;
  auto real = make_real_postgres();
  ASSERT_NE(real, nullptr);
  Comparison comparison(kSeed, make_simulated_postgres(), std::move(real));
  for (std::size_t done = 0; done < kOperations; done += kBatch) {
    ASSERT_TRUE(comparison.batch()) << "seed " << kSeed;
    comparison.faults();
  }
  comparison.expect_coverage();
}

}  // namespace
}  // namespace drydock::postgres::postgres_random_test
