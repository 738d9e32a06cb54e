// Jobs that keep to their worker's share: those that ask its limiter, and those that make requests here.
#include "policies/catalog.hpp"
#include "real-runtime/attempt_limiters.hpp"
#include "real-runtime/private_server.hpp"
#include "tests/runtime/http_call.hpp"
#include "tests/runtime/job_world.hpp"

#include <future>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace drydock::runtime::share_jobs_test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// A share of two at a time that needs nobody: additive increase has not begun within a test.
class SharedJobs {
 public:
  explicit SharedJobs(std::int64_t tokens = kNoLimit)
      : policy_(make_share(configure(*find_policy(PolicyFamily::share, "aimd"), {{"adjust", Duration{1h}}}))),
        shares_(world_.loop(),
                {.agent = {.worker = WorkerId{0},
                           .limits = {.total = {8, kNoLimit, tokens}, .base = {2, kNoLimit, tokens}},
                           .check_phase = {},
                           .adjust_phase = 1h},
                 .limiter = {.total = {8, kNoLimit, tokens}, .burst = {8, kNoLimit, tokens}},
                 .workers = 4},
                *policy_, nullptr),
        server_(world_.loop(), shares_) {
    EXPECT_FALSE(world_.runner().executor().prepare());
    attempts_ = std::make_unique<AttemptLimiters>(shares_, server_, world_.runner().executor().facts().user);
    const auto wrong = attempts_->prepare();
    EXPECT_FALSE(wrong) << wrong->message;
    world_.runner().use_limiters({.open = [this](AttemptId attempt) { return attempts_->open(attempt); },
                                  .close = [this](AttemptId attempt) { attempts_->close(attempt); },
                                  .shares = &shares_});
  }
  ~SharedJobs() { world_.end_runner(); }
  SharedJobs(const SharedJobs&) = delete;
  SharedJobs& operator=(const SharedJobs&) = delete;

  JobWorld& operator*() { return world_; }
  JobWorld* operator->() { return &world_; }
  [[nodiscard]] const ShareLimiter& limiter() const { return shares_.limiter(); }
  [[nodiscard]] HttpReply post(const std::string& socket, const std::string& path, const std::string& body) {
    std::future<HttpReply> reply = std::async(
        std::launch::async, [=] { return http_call("unix://" + socket, {.method = "POST", .target = path, .body = body}); });
    EXPECT_TRUE(world_.run_until([&] { return reply.wait_for(0s) == std::future_status::ready; }));
    return reply.get();
  }

 private:
  JobWorld world_;
  std::unique_ptr<SharePolicy> policy_;
  ShareDriver shares_;
  LimiterServer server_;
  std::unique_ptr<AttemptLimiters> attempts_;
};

const std::string kSayWhere = "echo \"$DRYDOCK_LIMITER\" > results/new; mv results/new results/socket; ";

std::string socket_of(JobWorld& world, std::uint64_t job) {
  const fs::path said = world.folder(job) / "work" / "results" / "socket";
  EXPECT_TRUE(world.run_until([&] { return fs::exists(said); }));
  std::string text = text_of(said);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

TEST(JobsThatAsk, WhatAKilledJobHeldIsGivenBack) {
  SharedJobs jobs;
  jobs->start(1, JobWorld::script(kSayWhere + "sleep 600"));
  jobs->start(2, JobWorld::script(kSayWhere + "sleep 600"));
  const std::string first = socket_of(*jobs, 1);
  const std::string second = socket_of(*jobs, 2);
  struct stat facts {};
  ASSERT_EQ(::stat(first.c_str(), &facts), 0) << first;
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  const auto user = jobs->runner().executor().facts().user;
  EXPECT_EQ(facts.st_uid, user ? user->uid : ::geteuid());

  HttpReply reply = jobs.post(first, "/acquire", R"({"wait_s": 100})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const std::string permit = reply.json().at("permit").dump();
  EXPECT_EQ(jobs.post(second, "/acquire", R"({"wait_s": 100})").status, 200);
  EXPECT_EQ(jobs.post(second, "/release", "{\"permit\": " + permit + "}").status, 404) << "it is another's";
  EXPECT_EQ(jobs.post(first, "/acquire", "{}").json().at("reason"), "concurrency");
  EXPECT_EQ(jobs.limiter().running(), 2);
  jobs->kill(1);
  (void)jobs->end_of(1);
  EXPECT_EQ(jobs.limiter().running(), 1);
  EXPECT_FALSE(fs::exists(first));
  EXPECT_TRUE(fs::exists(second));
}

TEST(JobsThatAsk, CurlIsEnough) {
  if (find_program("curl").empty()) GTEST_SKIP() << "curl is not here";
  SharedJobs jobs;
  const AttemptOutcome outcome = jobs->run(
      1, JobWorld::script(
             "curl -sf --unix-socket \"$DRYDOCK_LIMITER\" http://limiter/acquire -d '{\"wait_s\": 60, \"tokens\": 7}'"));
  EXPECT_EQ(outcome.kind, AttemptOutcome::Kind::succeeded) << outcome.reason;
  EXPECT_EQ(nlohmann::json::parse(jobs->output(1)).at("granted"), true) << jobs->output(1);
  EXPECT_EQ(jobs.limiter().running(), 0);
}

TEST(JobsThatAsk, WithoutLimitsTheyAreToldOfNoLimiter) {
  JobWorld world;
  world.run(1, JobWorld::script("echo \"<${DRYDOCK_LIMITER-none}>\""));
  EXPECT_EQ(world.output(1), "<none>\n");
}

// --- requests that are made here ---

JobPayload requests(std::size_t count, Duration each) {
  return RequestsPayload{.durations = std::vector<Duration>(count, each), .tokens = 10, .delay = 1ms};
}

TEST(JobsThatMakeRequests, KeepToTheShare) {
  SharedJobs jobs;
  std::int64_t most = 0;
  jobs->start(1, requests(5, 5ms), 4);
  jobs->start(2, requests(5, 5ms), 4);
  bool ended = false;
  EXPECT_TRUE(jobs->run_until([&] {
    most = std::max(most, jobs.limiter().running());
    ended = jobs->runner().running() == 0;
    return ended;
  }));
  EXPECT_EQ(most, 2);
  EXPECT_EQ(jobs.limiter().granted(), 2U * 4 * 5);
  EXPECT_EQ(jobs.limiter().running(), 0);
}

TEST(JobsThatMakeRequests, AreNotHeldBackWithoutLimits) {
  JobWorld world;
  world.start(1, requests(3, 1ms), 50);
  EXPECT_TRUE(world.run_until([&] { return world.runner().running() == 0; }));
  EXPECT_EQ(std::get<RunEnded>(world.facts().back()).ending, Ending::succeeded);
}

TEST(JobsThatMakeRequests, OneThatIsStoppedKeepsWholeRequestsAndGivesBackTheRest) {
  SharedJobs jobs;
  JobPayload payload = RequestsPayload{.durations = {1ms, 1ms, 1h}, .tokens = 0, .delay = 2ms};
  jobs->start(1, payload);
  EXPECT_TRUE(jobs->run_until([&] { return jobs.limiter().granted() == 3; }));
  jobs->kill(1);
  EXPECT_TRUE(jobs->run_until([&] { return jobs->runner().running() == 0; }));
  EXPECT_EQ(std::get<RunKilled>(jobs->facts().back()).progress, 4ms) << "two requests and the delay between them";
  EXPECT_EQ(jobs.limiter().running(), 0);

  const std::string text = to_json(payload);
  jobs->runner().start({.attempt = {JobId{1}, 2}, .tasks = 1, .progress = 4ms, .payload = text});
  EXPECT_TRUE(jobs->run_until([&] { return jobs.limiter().granted() == 4; }));
  EXPECT_EQ(jobs.limiter().running(), 1) << "it goes on with the third";
}

TEST(JobsThatMakeRequests, OneThatIsTooLargeFails) {
  SharedJobs jobs;
  JobWorld& world = *jobs;
  world.start(1, requests(1, 1ms));
  EXPECT_TRUE(world.run_until([&] { return world.runner().running() == 0; }));
  EXPECT_EQ(std::get<RunEnded>(world.facts().back()).ending, Ending::succeeded) << "tokens are not limited here";
}

}  // namespace
}  // namespace drydock::runtime::share_jobs_test
