// That the conformance suite can fail: stores with one planted bug each, which at least one of its cases must catch.

#include "tests/contract/postgres_under_test.hpp"

#include <gtest/gtest-spi.h>
#include <map>
#include <set>
#include <tuple>

namespace drydock::postgres::postgres_planted_test {
namespace {

using Outcome = Verdict::Outcome;

// A correct store whose questions and answers a bug may change.
class BuggyPostgres : public PostgresUnderTest {
 public:
  std::vector<Reply> apply(std::span<const Op> ops, std::uint32_t session) override {
    std::vector<Reply> replies;
    for (const Op& op : ops) replies.push_back(answer(op, session));
    return replies;
  }
  void apply(const AdminOp& op) override { store_->apply(op); }
  void pass(Duration time) override { store_->pass(time); }

 protected:
  virtual Reply answer(const Op& op, std::uint32_t session) { return really(op, session); }
  Reply really(const Op& op, std::uint32_t session = 0) { return store_->apply(std::span(&op, 1), session).front(); }
  void really(const AdminOp& op) { store_->apply(op); }
  // The reply; an empty one while the store is down.
  template <class Expected>
  Expected read(const Op& op) {
    Reply reply = really(op);
    const auto* expected = std::get_if<Expected>(&reply);
    return expected == nullptr ? Expected{} : *expected;
  }
  // The epoch that stands.
  std::int64_t epoch(const std::string& lease) { return read<Lease>(ReadLease{lease}).epoch; }
  static Outcome outcome(const Reply& reply) {
    const auto* verdict = std::get_if<Verdict>(&reply);
    return verdict == nullptr ? Outcome::applied : verdict->outcome;
  }

 private:
  std::unique_ptr<PostgresUnderTest> store_ = make_simulated_postgres();
};

// --- bugs of commits ---

class ForgottenFence : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    const auto* batch = std::get_if<CommitBatch>(&op);
    if (batch == nullptr) return really(op, session);
    CommitBatch changed = *batch;
    if (const std::int64_t stands = epoch(batch->fence.lease); stands > 0) changed.fence.epoch = stands;
    return really(Op(changed));
  }
};

class FenceAcceptsHigherEpochs : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    const auto* batch = std::get_if<CommitBatch>(&op);
    if (batch == nullptr || batch->fence.epoch <= epoch(batch->fence.lease)) return really(op, session);
    CommitBatch changed = *batch;
    changed.fence.epoch = epoch(batch->fence.lease);
    return changed.fence.epoch == 0 ? really(op) : really(Op(changed));
  }
};

class HalfABatch : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    const auto* batch = std::get_if<CommitBatch>(&op);
    if (batch == nullptr || outcome(reply) < Outcome::stale_attempt || batch->releases.empty()) return reply;
    CommitBatch half = *batch;
    half.releases.resize(1);
    half.endings.clear();
    half.assignments.clear();
    (void)really(Op(half));
    return reply;
  }
};

class StaleReleaseAccepted : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    const auto* batch = std::get_if<CommitBatch>(&op);
    if (batch == nullptr) return really(op, session);
    CommitBatch changed = *batch;
    for (ReleasedAttempt& row : changed.releases) {
      const auto view = read<JobView>(ReadJob{row.attempt.job});
      if (view.state == JobState::held) row.attempt.number = view.attempts;
    }
    return really(Op(changed));
  }
};

class StaleResultAccepted : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    const auto* finish = std::get_if<FinishAttempt>(&op);
    if (finish == nullptr) return really(op, session);
    FinishAttempt changed = *finish;
    const auto view = read<JobView>(ReadJob{finish->attempt.job});
    if (view.state == JobState::held) changed.attempt.number = view.attempts;
    return really(Op(changed));
  }
};

class RepeatedBatchForgotten : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    const auto* batch = std::get_if<CommitBatch>(&op);
    if (batch == nullptr || outcome(reply) != Outcome::repeated) return reply;
    CommitBatch again = *batch;
    again.request = RequestId{1'000'000 + ++extra_};
    return really(Op(again));
  }
  std::uint64_t extra_ = 0;
};

class SettledBatchNotVoided : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    if (const auto* settle = std::get_if<SettleBatch>(&op)) {
      const bool there = done_.contains({settle->fence.epoch, settle->request});
      return there ? really(op, session) : Reply(Verdict{.outcome = Outcome::voided});
    }
    Reply reply = really(op, session);
    const auto* batch = std::get_if<CommitBatch>(&op);
    if (batch != nullptr && outcome(reply) == Outcome::applied) done_.insert({batch->fence.epoch, batch->request});
    return reply;
  }
  std::set<std::pair<std::int64_t, RequestId>> done_;
};

class SettledRequestsComeAgain : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    const auto* batch = std::get_if<CommitBatch>(&op);
    if (batch == nullptr) return really(op, session);
    CommitBatch changed = *batch;
    changed.settled_below = {};
    return really(Op(changed));
  }
};

class VersionStandsStill : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    if (auto* verdict = std::get_if<Verdict>(&reply)) verdict->version = std::min<std::int64_t>(verdict->version, 1);
    if (auto* totals = std::get_if<Totals>(&reply)) totals->version = std::min<std::int64_t>(totals->version, 1);
    return reply;
  }
};

class LostRelease : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    const auto* batch = std::get_if<CommitBatch>(&op);
    if (batch == nullptr || batch->releases.empty() || batch->assignments.empty()) return really(op, session);
    CommitBatch changed = *batch;
    changed.releases.pop_back();
    Reply reply = really(Op(changed));
    return outcome(reply) == Outcome::held ? Reply(Verdict{Outcome::applied, 0, 2, 1000}) : reply;
  }
};

class DoubleCountedRelease : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    if (std::holds_alternative<FinishAttempt>(op)) ++finished_;
    if (auto* totals = std::get_if<Totals>(&reply); totals != nullptr && std::holds_alternative<ReadTotals>(op)) {
      totals->cpus -= 1000 * finished_;
    }
    return reply;
  }
  std::int64_t finished_ = 0;
};

// --- faults that are not survived ---

class AbortedCommitStays : public BuggyPostgres {
  void apply(const AdminOp& op) override {
    armed_ = std::holds_alternative<AbortNextCommit>(op);
    if (!armed_) really(op);
  }
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    if (!std::holds_alternative<CommitBatch>(op) || !std::exchange(armed_, false)) return reply;
    return Failed{Failed::Reason::aborted, {}};
  }
  bool armed_ = false;
};

class RestartForgetsLeases : public BuggyPostgres {
  void apply(const AdminOp& op) override {
    really(op);
    if (!std::holds_alternative<Restart>(op)) return;
    const auto lease = read<Lease>(ReadLease{"scheduler"});
    (void)really(Op(ReleaseLease{"scheduler", lease.holder, lease.epoch}));
  }
};

// --- bugs of loading ---

class OverwrittenJob : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    if (const auto* submit = std::get_if<SubmitJobs>(&op)) {
      for (const Job& job : submit->jobs) last_[job.spec.id] = job;
    }
    Reply reply = really(op, session);
    if (auto* jobs = std::get_if<Jobs>(&reply)) {
      for (LoadedJob& loaded : jobs->jobs) loaded.job = last_[loaded.job.spec.id];
    }
    return reply;
  }
  std::map<JobId, Job> last_;
};

class ArrivalsInOrderOfIds : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    const auto* submit = std::get_if<SubmitJobs>(&op);
    if (submit == nullptr) return really(op, session);
    SubmitJobs changed = *submit;
    std::sort(changed.jobs.begin(), changed.jobs.end(), [](const Job& a, const Job& b) { return a.spec.id < b.spec.id; });
    return really(Op(changed));
  }
};

class LookaheadOfAllQueuesTogether : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    const auto* load = std::get_if<LoadState>(&op);
    if (auto* state = std::get_if<State>(&reply)) {
      state->waiting.resize(std::min<std::size_t>(state->waiting.size(), load->limit_per_queue));
    }
    return reply;
  }
};

class TakeoverForgetsWhatIsHeld : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    if (auto* state = std::get_if<State>(&reply)) state->held.clear();
    return reply;
  }
};

class NextPlaceIncludesTheLast : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    const auto* load = std::get_if<LoadWaiting>(&op);
    if (load == nullptr || !load->after || load->after->job.value == 0) return really(op, session);
    LoadWaiting changed = *load;
    --changed.after->job.value;
    return really(Op(changed));
  }
};

class MarkPassesWhatIsHeld : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    auto* verdict = std::get_if<Verdict>(&reply);
    if (!std::holds_alternative<RaiseMark>(op) || verdict->outcome != Outcome::applied) return reply;
    const auto waiting = read<Jobs>(LoadArrived{0, 1}).jobs;
    if (!waiting.empty()) verdict->detail = waiting.front().arrival;
    return reply;
  }
};

// --- bugs of leases, due times and hints ---

class LeaseNeverLapses : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    auto* lease = std::get_if<Lease>(&reply);
    if (lease == nullptr) return reply;
    const bool released = std::holds_alternative<ReadLease>(op) && lease->holder.empty();
    if (released && last_.epoch == lease->epoch) return last_;
    last_ = *lease;
    return reply;
  }
  Lease last_;
};

class SameHolderKeepsItsEpoch : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    const auto* acquire = std::get_if<AcquireLease>(&op);
    auto* lease = std::get_if<Lease>(&reply);
    if (acquire == nullptr || lease->holder != acquire->holder) return reply;
    const auto [at, added] = epochs_.emplace(std::pair(acquire->lease, acquire->holder), lease->epoch);
    if (!added && acquire->epoch_min <= at->second) lease->epoch = at->second;
    return reply;
  }
  std::map<std::pair<std::string, std::string>, std::int64_t> epochs_;
};

class AnybodyReleasesALease : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    const auto* release = std::get_if<ReleaseLease>(&op);
    if (release == nullptr) return really(op, session);
    ReleaseLease changed = *release;
    changed.holder = read<Lease>(ReadLease{release->lease}).holder;
    return changed.holder.empty() ? really(op) : really(Op(changed));
  }
};

class DueFiresTwice : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    const auto* fire = std::get_if<FireDue>(&op);
    if (fire == nullptr || outcome(reply) != Outcome::repeated) return reply;
    FireDue again = *fire;
    again.name += "'";
    return really(Op(again));
  }
};

class DueFiresWithoutItsJob : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    const auto* fire = std::get_if<FireDue>(&op);
    if (fire == nullptr || outcome(reply) != Outcome::duplicate_job) return reply;
    FireDue again = *fire;
    again.job.spec.id.value += 1'000'000;
    (void)really(Op(again));
    return reply;
  }
};

class HintsAreNotTaken : public BuggyPostgres {
  Reply answer(const Op& op, std::uint32_t session) override {
    Reply reply = really(op, session);
    const auto* take = std::get_if<TakeHints>(&op);
    if (take == nullptr) return reply;
    std::int64_t& total = heard_[{session, take->channel}];
    total += std::get<Count>(reply).value;
    return Count{total};
  }
  std::map<std::pair<std::uint32_t, std::string>, std::int64_t> heard_;
};

// --- the test ---

template <class Bug>
PostgresWorld planted(std::string name) {
  return {std::move(name), [] { return std::unique_ptr<PostgresUnderTest>(std::make_unique<Bug>()); }};
}

std::vector<PostgresWorld> planted_bugs() {
  return {planted<ForgottenFence>("ForgottenFence"),
          planted<FenceAcceptsHigherEpochs>("FenceAcceptsHigherEpochs"),
          planted<HalfABatch>("HalfABatch"),
          planted<StaleReleaseAccepted>("StaleReleaseAccepted"),
          planted<StaleResultAccepted>("StaleResultAccepted"),
          planted<RepeatedBatchForgotten>("RepeatedBatchForgotten"),
          planted<SettledBatchNotVoided>("SettledBatchNotVoided"),
          planted<SettledRequestsComeAgain>("SettledRequestsComeAgain"),
          planted<VersionStandsStill>("VersionStandsStill"),
          planted<LostRelease>("LostRelease"),
          planted<DoubleCountedRelease>("DoubleCountedRelease"),
          planted<AbortedCommitStays>("AbortedCommitStays"),
          planted<RestartForgetsLeases>("RestartForgetsLeases"),
          planted<OverwrittenJob>("OverwrittenJob"),
          planted<ArrivalsInOrderOfIds>("ArrivalsInOrderOfIds"),
          planted<LookaheadOfAllQueuesTogether>("LookaheadOfAllQueuesTogether"),
          planted<TakeoverForgetsWhatIsHeld>("TakeoverForgetsWhatIsHeld"),
          planted<NextPlaceIncludesTheLast>("NextPlaceIncludesTheLast"),
          planted<MarkPassesWhatIsHeld>("MarkPassesWhatIsHeld"),
          planted<LeaseNeverLapses>("LeaseNeverLapses"),
          planted<SameHolderKeepsItsEpoch>("SameHolderKeepsItsEpoch"),
          planted<AnybodyReleasesALease>("AnybodyReleasesALease"),
          planted<DueFiresTwice>("DueFiresTwice"),
          planted<DueFiresWithoutItsJob>("DueFiresWithoutItsJob"),
          planted<HintsAreNotTaken>("HintsAreNotTaken")};
}

// How many failures the suite records on it.
int failures(const PostgresWorld& world) {
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter capture(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    for (const PostgresCase& which : all_postgres_cases()) run_case(which, world.make);
  }
  return results.size();
}

class PostgresPlantedBug : public testing::TestWithParam<PostgresWorld> {};

TEST_P(PostgresPlantedBug, IsCaught) { EXPECT_GT(failures(GetParam()), 0); }

std::string name_of_bug(const testing::TestParamInfo<PostgresWorld>& bug) { return bug.param.name; }
INSTANTIATE_TEST_SUITE_P(Bugs, PostgresPlantedBug, testing::ValuesIn(planted_bugs()), name_of_bug);

TEST(PostgresPlantedBugs, WithoutOneNothingIsCaught) { EXPECT_EQ(failures(planted<BuggyPostgres>("None")), 0); }

}  // namespace
}  // namespace drydock::postgres::postgres_planted_test
