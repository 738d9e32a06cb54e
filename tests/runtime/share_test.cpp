// Limits divided among processes, in a real Redis and in a file. No assertion on elapsed time: short intervals, and waiting until it is so.
#include "policies/ports/share_text.hpp"
#include "real-runtime/redis_client.hpp"
#include "real-runtime/share_hook.hpp"
#include "tests/runtime/share_world.hpp"

#include <atomic>
#include <fstream>
#include <sys/wait.h>
#include <thread>

namespace drydock::runtime::share_test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const Share kAll = kSourceLimits.total;
const Share kHalf{20, 400, 20'000};
const Share kQuarter = kSourceLimits.base;
constexpr Share kNone{};

// The source system's rule with its intervals in hundredths.
const ShareWorld::Overrides kQuick{{"check", Duration{50ms}}, {"adjust", Duration{100ms}}, {"idle_after", Duration{300ms}}};
// Silence as long as it takes a busy machine not to forget who lives.
ShareWorld::Overrides quick(Duration silence = 5s) {
  ShareWorld::Overrides overrides = kQuick;
  overrides["silence"] = silence;
  return overrides;
}
const ShareWorld::Overrides kQuickLease{{"division", std::string("equal-active")},
                                        {"lease", Duration{3s}},
                                        {"margin", Duration{500ms}},
                                        {"renew", Duration{200ms}},
                                        {"retry", Duration{50ms}},
                                        {"idle_after", Duration{300ms}}};

class SharedIn : public testing::TestWithParam<std::string> {
 protected:
  void begin(ShareWorld& world, std::uint32_t workers) const {
    if (GetParam() == "redis") {
      ASSERT_TRUE(world.start_redis());
    }
    for (std::uint32_t worker = 0; worker < workers; ++worker) world.start(worker);
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, SharedIn, testing::Values("redis", "file"), [](const auto& store) { return store.param; });

// 40 at a time, 800 requests and 40 000 tokens a minute for four workers.
TEST_P(SharedIn, OneActiveOfFourHasAllAndSeveralHaveEqualParts) {
  ShareWorld world("equal-active", quick());
  begin(world, 4);
  EXPECT_TRUE(world.run_until_shares({{0, kQuarter}, {1, kQuarter}, {2, kQuarter}, {3, kQuarter}}))
      << "nobody is active: the base share";
  world.begin(2);
  EXPECT_TRUE(world.run_until_shares({{0, kNone}, {1, kNone}, {2, kAll}, {3, kNone}}));
  world.begin(0);
  EXPECT_TRUE(world.run_until_shares({{0, kHalf}, {1, kNone}, {2, kHalf}, {3, kNone}}));
  world.begin(1);
  world.begin(3);
  EXPECT_TRUE(world.run_until_shares({{0, kQuarter}, {1, kQuarter}, {2, kQuarter}, {3, kQuarter}}));
  for (const std::uint32_t worker : {0U, 1U, 3U}) world.end(worker);
  EXPECT_TRUE(world.run_until_shares({{0, kNone}, {1, kNone}, {2, kAll}, {3, kNone}}));
}

TEST_P(SharedIn, TheShareOfAKilledWorkerComesBack) {
  ShareWorld world("equal-active", quick(1s));
  begin(world, 2);
  world.begin(0);
  world.begin(1);
  EXPECT_TRUE(world.run_until_shares({{0, kHalf}, {1, kHalf}}));
  world.kill(1);
  EXPECT_TRUE(world.run_until_shares({{0, kAll}}));
}

TEST_P(SharedIn, LeasedSharesNeverSumToMoreThanTheLimit) {
  ShareWorld world("leased", kQuickLease);
  begin(world, 4);
  const auto never_more = [&] { ASSERT_TRUE(fits(world.sum(), kAll)); };
  world.begin(0);
  EXPECT_TRUE(world.run_until_shares({{0, kAll}}, never_more));
  for (const std::uint32_t worker : {1U, 2U, 3U}) world.begin(worker);
  EXPECT_TRUE(world.run_until_shares({{0, kQuarter}, {1, kQuarter}, {2, kQuarter}, {3, kQuarter}}, never_more));
  for (const std::uint32_t worker : {0U, 1U}) world.end(worker);
  EXPECT_TRUE(world.run_until_shares({{0, kNone}, {1, kNone}, {2, kHalf}, {3, kHalf}}, never_more));
  world.kill(3);
  EXPECT_TRUE(world.run_until_shares({{2, kAll}}, never_more));
  world.start(3);
  world.begin(3);
  EXPECT_TRUE(world.run_until_shares({{2, kHalf}, {3, kHalf}}, never_more));
}

TEST_P(SharedIn, AStatusHasTheFieldsOfTheSourceSystem) {
  ShareWorld world("equal-active", quick());
  begin(world, 4);
  world.begin(2);
  EXPECT_TRUE(world.run_until_shares({{0, kNone}, {2, kAll}}));
  const HttpReply reply = world.call(2, {.method = "GET", .target = "/scaling_status"});
  EXPECT_EQ(reply.status, 200);
  const auto allocation = [](int concurrent, int rpm, int tpm) {
    return nlohmann::json{{"concurrent", concurrent}, {"rpm", rpm}, {"tpm", tpm}};
  };
  EXPECT_EQ(reply.json(),
            (nlohmann::json{{"worker_id", 2},
                            {"total_workers", 4},
                            {"active_workers", 1},
                            {"active_worker_ids", {2}},
                            {"is_scaling_enabled", true},
                            {"base_allocation", allocation(10, 200, 10'000)},
                            {"current_allocation", allocation(40, 800, 40'000)},
                            {"utilization_ratio", {{"concurrent", 1.0}, {"rpm", 1.0}, {"tpm", 1.0}, {"workers", 0.25}}}}))
      << reply.body;
}

// --- the store is away, or lost ---

TEST(SharesInRedis, WhileRedisIsAwayEverybodyKeepsWhatItHasAndLeasesEnd) {
  ShareWorld announced("equal-active", quick());
  ASSERT_TRUE(announced.start_redis());
  announced.start(0);
  announced.begin(0);
  EXPECT_TRUE(announced.run_until_shares({{0, kAll}}));
  announced.redis().kill();
  EXPECT_TRUE(announced.run_until([&] { return !announced.at(0).store->problem().empty(); }));
  EXPECT_EQ(announced.at(0).driver->limiter().share(), kAll);
  ASSERT_TRUE(announced.redis().restart().ok());
  EXPECT_TRUE(announced.run_until([&] { return announced.at(0).store->problem().empty(); }));

  ShareWorld leased("leased", kQuickLease);
  ASSERT_TRUE(leased.start_redis());
  leased.start(0);
  leased.begin(0);
  EXPECT_TRUE(leased.run_until_shares({{0, kAll}}));
  leased.redis().kill();
  EXPECT_TRUE(leased.run_until_shares({{0, kNone}})) << "nobody knows whether others have it";
  ASSERT_TRUE(leased.redis().restart().ok());
  EXPECT_TRUE(leased.run_until_shares({{0, kAll}}));
}

TEST(SharesInRedis, AFlushGivesNobodyMoreForOneLease) {
  ShareWorld world("leased", kQuickLease);
  ASSERT_TRUE(world.start_redis());
  for (const std::uint32_t worker : {0U, 1U}) {
    world.start(worker);
    world.begin(worker);
  }
  EXPECT_TRUE(world.run_until_shares({{0, kHalf}, {1, kHalf}}));
  auto client = RedisClient::connect({.address = world.redis().address()});
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client.value()->execute(redis::AdminOp{redis::Flush{}}).ok());
  world.start(2);
  world.begin(2);
  const auto never_more = [&] { ASSERT_TRUE(fits(world.sum(), kAll)); };
  EXPECT_TRUE(world.run_until([&] { return world.at(2).driver->limiter().share() != kNone; }, never_more));
}

TEST(SharesInRedis, AKeyOfAnotherIsNotTouched) {
  ShareWorld world("equal-active", quick());
  ASSERT_TRUE(world.start_redis());
  auto client = RedisClient::connect({.address = world.redis().address()});
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client.value()->run({"HSET", "share:limits", "token", "x", "state", "[]"}).ok());
  world.start(0);
  EXPECT_TRUE(world.run_until([&] {
    return world.at(0).store->problem().find("share:limits in Redis is no state of shares") != std::string::npos;
  })) << world.at(0).store->problem();
  EXPECT_EQ(client.value()->run({"HGET", "share:limits", "state"}).value().front(), "[]");
}

// --- the file ---

TEST(SharesInAFile, ManyProcessesWriteItAndNothingIsLost) {
  ShareWorld::Overrides for_long = kQuickLease;
  for_long["lease"] = Duration{1h};  // of who is done before the others
  ShareWorld world("leased", for_long);
  constexpr int kProcesses = 4;
  constexpr int kTurns = 100;
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = ::fork();
    if (child == 0) {
      int done = 0;
      for (std::uint64_t turn = 1; done < kTurns;) {
        const WorkerReport report{.worker = WorkerId{static_cast<std::uint32_t>(process)}, .active = true, .load = {}};
        const auto reply =
            take_file_turn(world.file(), world.terms(),
                           RenewGrant{.incarnation = 1, .number = RequestId{turn}, .report = report, .holding = {}});
        if (!reply) ::_exit(1);
        if (!reply.value()) continue;  // another one has the lock
        if (std::get<GrantReply>(*reply.value()).verdict == GrantVerdict::refused_stale) ::_exit(2);
        ++turn;
        ++done;
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const nlohmann::json document = nlohmann::json::parse(std::ifstream(world.file()));
  const auto state = parse_ledger(document.at("state").dump());
  ASSERT_TRUE(state.ok());
  ASSERT_EQ(state.value().holders.size(), std::size_t{kProcesses});
  for (const ShareHolder& holder : state.value().holders) EXPECT_EQ(holder.number.value, std::uint64_t{kTurns});
}

TEST(SharesInAFile, ACopyCountsAsLost) {
  ShareWorld world("leased", kQuickLease);
  const auto ask = [&](std::uint64_t number) {
    const WorkerReport report{.worker = WorkerId{1}, .active = true, .load = {}};
    auto reply =
        take_file_turn(world.file(), world.terms(),
                       RenewGrant{.incarnation = 1, .number = RequestId{number}, .report = report, .holding = kHalf});
    return std::get<GrantReply>(*reply.value());
  };
  EXPECT_EQ(ask(1).amount, kHalf) << "in the first lease what one says that it has, and no more";
  fs::copy_file(world.file(), world.file().string() + ".old");
  EXPECT_EQ(ask(2).verdict, GrantVerdict::granted);
  EXPECT_EQ(ask(1).verdict, GrantVerdict::refused_stale);
  fs::remove(world.file());
  fs::rename(world.file().string() + ".old", world.file());
  EXPECT_EQ(ask(1).verdict, GrantVerdict::granted) << "it knows nothing";
}

TEST(SharesInAFile, AnotherFileIsNotTouchedAndTheMessageSaysWhatToDo) {
  ShareWorld world("equal-active", quick());
  const auto problem = [&] {
    const auto turn = take_file_turn(world.file(), world.terms(), ReadReports{});
    return turn.ok() ? std::string() : turn.error().message;
  };
  EXPECT_EQ(problem(), "");
  std::ofstream(world.file()) << "{\"mine\": 1}";
  EXPECT_NE(problem().find("is another file: give a name of its own, or remove it"), std::string::npos) << problem();
  std::ofstream(world.file()) << R"({"drydock_shares":1,"machine":"elsewhere/1","store":"a","inode":1,"state":{}})";
  EXPECT_NE(problem().find("belongs to the machine elsewhere"), std::string::npos) << problem();
  EXPECT_EQ(take_file_turn("/nowhere/shares.json", world.terms(), ReadReports{}).ok(), false);
}

// --- who is told ---

TEST(ShareChanges, WhoThrowsIsCaughtAndTheOthersAreTold) {
  ShareWorld world("equal-active", quick());
  world.start(0);
  int told = 0;
  world.at(0).driver->on_share_change([](const ShareChange&) { throw std::runtime_error("not today"); });
  world.at(0).driver->on_share_change([](const ShareChange&) { throw 7; });
  world.at(0).driver->on_share_change([&](const ShareChange&) { ++told; });
  EXPECT_TRUE(world.run_until_shares({{0, kQuarter}}));
  world.begin(0);
  EXPECT_TRUE(world.run_until_shares({{0, kAll}}));
  EXPECT_EQ(told, 2);
  const auto& changes = world.at(0).changes;
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[1].from, kQuarter);
  EXPECT_EQ(changes[1].to, kAll);
}

TEST(ShareChanges, ACommandHasTheShareInItsEnvironment) {
  ShareWorld world("equal-active", quick());
  world.start(3);
  const fs::path out = world.file().string() + ".told";
  const std::string line =
      "echo $DRYDOCK_WORKER: $DRYDOCK_SHARE_BEFORE_RPM to $DRYDOCK_SHARE_CONCURRENT $DRYDOCK_SHARE_RPM $DRYDOCK_SHARE_TPM";
  ShareHook command(world.loop(),
                    line + " > " + out.string() + ".new; mv " + out.string() + ".new " + out.string() + "; exit 3", kAll);
  world.at(3).driver->on_share_change([&](const ShareChange& change) { command.changed(change); });
  const auto told = [&] {
    std::ifstream in(out);
    std::string text;
    std::getline(in, text);
    return text;
  };
  EXPECT_TRUE(world.run_until([&] { return told() == "3: 0 to 10 200 10000"; })) << told();
  world.begin(3);
  EXPECT_TRUE(world.run_until([&] { return told() == "3: 200 to 40 800 40000"; })) << told();
}

// --- the limiter over HTTP ---

TEST(LimiterServer, GivesAndTakesBackPermits) {
  ShareWorld world("equal-active", quick());
  world.start(0);
  HttpReply reply = world.post(0, "/acquire", {{"wait_s", 100}});
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json().at("granted"), true);
  EXPECT_EQ(reply.json().at("hold_s"), 300);
  const auto permit = reply.json().at("permit");
  EXPECT_EQ(world.at(0).driver->limiter().running(), 1);
  reply = world.post(0, "/release", {{"permit", permit}});
  EXPECT_EQ(reply.json(), (nlohmann::json{{"released", true}})) << reply.body;
  EXPECT_EQ(world.at(0).driver->limiter().running(), 0);
  EXPECT_EQ(world.post(0, "/release", {{"permit", permit}}).status, 404);
}

TEST(LimiterServer, SaysHowLongToWaitAndWhy) {
  ShareWorld world("equal-active", quick());
  world.start(0);
  world.begin(0);
  EXPECT_TRUE(world.run_until_shares({{0, kAll}}));
  // The bucket is hours from so many.
  HttpReply reply = world.post(0, "/acquire", {{"tokens", 40'000}});
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.json().at("granted"), false);
  EXPECT_EQ(reply.json().at("reason"), "tokens");
  EXPECT_GT(reply.json().at("retry_after_s").get<double>(), 0);
  EXPECT_TRUE(reply.headers.contains("retry-after"));
  EXPECT_EQ(world.post(0, "/acquire", {{"concurrency", 40}, {"requests", 0}}).json().at("reason"), "concurrency");
  reply = world.post(0, "/acquire", {{"tokens", 40'001}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_NE(reply.message().find("at once there can be 40 requests at a time, 800 requests and 40000 tokens"),
            std::string::npos)
      << reply.message();
  reply = world.post(0, "/acquire", {{"concurrency", 40}, {"requests", 0}, {"wait_s", 0.05}});
  EXPECT_EQ(reply.status, 429) << "when it has waited so long";
  EXPECT_EQ(world.at(0).driver->limiter().waiting(), 0U);
}

TEST(LimiterServer, RefusesWhatMakesNoSense) {
  ShareWorld world("equal-active", quick());
  world.start(0);
  const auto message = [&](const std::string& path, const std::string& body) {
    const HttpReply reply = world.call(0, {.method = "POST", .target = path, .body = body});
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.message();
  };
  EXPECT_NE(message("/acquire", "{\"token\": 1}").find("there is no \"token\"; there are: requests, tokens"),
            std::string::npos);
  EXPECT_NE(message("/acquire", "{\"tokens\": -1}").find("\"tokens\": expected a whole number from 0"), std::string::npos);
  EXPECT_NE(message("/acquire", "{\"wait_s\": 601}").find("from 0 to 600"), std::string::npos);
  EXPECT_NE(message("/acquire", "[1]").find("expected a JSON object"), std::string::npos);
  EXPECT_NE(message("/release", "{}").find("\"permit\" is missing"), std::string::npos);
  EXPECT_EQ(world.call(0, {.method = "GET", .target = "/acquire"}).status, 405);
  EXPECT_EQ(world.call(0, {.method = "GET", .target = "/"}).status, 404);
  EXPECT_EQ(world.call(0, {.method = "POST", .target = "/acquire", .body = std::string(5000, ' ')}).status, 413);
  EXPECT_EQ(world.call(0, {.method = "GET", .target = "/scaling_status", .headers = {{"Origin", "http://evil"}}}).status,
            403);
  EXPECT_EQ(world.at(0).server->connections(), 0U);
}

TEST(LimiterServer, AConnectionThatEndsHoldsAndWaitsForNothing) {
  ShareWorld world("equal-active", quick());
  Sharer& sharer = world.start(0);
  const auto request = [](const std::string& body) {
    return "POST /acquire HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  const auto& limiter = sharer.driver->limiter();
  {
    const OpenCall holds(sharer.address);
    holds.send(request(R"({"requests": 0, "concurrency": 1, "wait_s": 100, "until_close": true})"));
    EXPECT_TRUE(world.run_until([&] { return limiter.running() == 1; }));
    EXPECT_TRUE(world.run_until_shares({{0, kAll}}));
    const OpenCall waits(sharer.address);
    waits.send(request(R"({"requests": 0, "concurrency": 40, "wait_s": 100})"));
    EXPECT_TRUE(world.run_until([&] { return limiter.waiting() == 1; }));
  }
  EXPECT_TRUE(world.run_until([&] { return limiter.running() == 0 && limiter.waiting() == 0; }));
}

TEST(LimiterServer, AnAttemptThatEndsHoldsNothing) {
  ShareWorld world("equal-active", quick());
  Sharer& sharer = world.start(0);
  const HolderId attempt = sharer.driver->new_holder();
  const fs::path socket = world.file().string() + ".sock";
  ASSERT_FALSE(sharer.server->listen({.unix_socket = socket}, attempt));
  const std::string address = std::exchange(sharer.address, "unix://" + socket.string());
  const HttpReply reply = world.post(0, "/acquire", {{"requests", 0}, {"concurrency", 1}, {"wait_s", 100}});
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json().at("hold_s"), nullptr) << "as long as the attempt";
  sharer.address = address;
  HttpReply others = world.post(0, "/acquire", {{"requests", 0}, {"concurrency", 1}, {"wait_s", 100}});
  EXPECT_EQ(sharer.driver->limiter().running(), 2);
  sharer.server->close(attempt);
  EXPECT_EQ(sharer.driver->limiter().running(), 1);
  EXPECT_FALSE(fs::exists(socket));
}

TEST(LimiterServer, OneMoreConnectionThanThereMayBeIsToldSo) {
  ShareWorld world("equal-active", quick());
  Sharer& sharer = world.start(0);
  LimiterServer small(world.loop(), *sharer.driver, {.connections = 1});
  const fs::path socket = world.file().string() + ".small";
  ASSERT_FALSE(small.listen({.unix_socket = socket}));
  const std::string address = std::exchange(sharer.address, "unix://" + socket.string());
  {
    const OpenCall first("unix://" + socket.string());
    EXPECT_TRUE(world.run_until([&] { return small.connections() == 1; }));
    EXPECT_EQ(world.call(0, {.method = "GET", .target = "/scaling_status"}).status, 503);
  }
  EXPECT_TRUE(world.run_until([&] { return small.connections() == 0; }));
  EXPECT_EQ(world.call(0, {.method = "GET", .target = "/scaling_status"}).status, 200);
  sharer.address = address;
}

TEST(LimiterServer, PlacesThatAreTakenOrOpenToOthersAreRefused) {
  ShareWorld world("equal-active", quick());
  Sharer& sharer = world.start(0);
  const auto problem = [&](const LimiterServer::Place& place) {
    const auto wrong = sharer.server->listen(place);
    return wrong ? wrong->message : std::string();
  };
  EXPECT_NE(problem({.unix_socket = sharer.address.substr(7)}).find("another process does"), std::string::npos);
  EXPECT_NE(problem({.unix_socket = "/" + std::string(200, 'a')}).find("at most 107 bytes"), std::string::npos);
  EXPECT_NE(problem({.host = "0.0.0.0"}).find("127.0.0.1, or on a Unix socket, alone"), std::string::npos);
  EXPECT_EQ(problem({.host = "127.0.0.1"}), "");
  EXPECT_GT(sharer.server->port(), 0);
}

}  // namespace
}  // namespace drydock::runtime::share_test
