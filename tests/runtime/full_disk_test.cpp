// Disks and memory that are full: of Redis, of PostgreSQL, of the journal, of the jobs. Something says so; when there is room again,
// everything goes on, and nothing is lost.
#include "tests/runtime/processes.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/mount.h>
#include <unistd.h>
#include <vector>

namespace drydock::cli::full_disk_test {
namespace {

using nlohmann::json;

// A file system of its own, of this size, at this folder. Only root may make one.
class SmallDisk {
 public:
  SmallDisk(const std::string& folder, const char* size) : folder_(folder) {
    std::filesystem::create_directories(folder);
    const std::string options = fmt::format("mode=0755,size={}", size);
    mounted_ = ::mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
    if (!mounted_) problem_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // Writes until nothing more fits.
  void fill() const {
    std::ofstream file(folder_ + "/ballast", std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {}
  }
  void empty() const { std::filesystem::remove(folder_ + "/ballast"); }

 private:
  std::string folder_;
  bool mounted_ = false;
  std::string problem_;
};

const std::string kScenario = R"({
  "name": "real",
  "cluster": {"hosts": [{"name": "node", "count": 1, "cpus": 4}]},
  "queues": [{"name": "default"}],
  "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"]}],
  "control_plane": {"mode": "event", "schedulers": 2, "lease": "3s", "renew": "300ms", "margin": "300ms"},
  "workload": [{"queue": "default", "count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}],
  "policies": {"liveness": {"type": "ttl", "heartbeat": "300ms", "ttl": "10s"}, "accounting": {"type": "fenced-counter"}}
})";

class FullDisk : public OnGivenStores {
 protected:
  void start(const std::vector<std::string>& of_scheduler = {}, const std::vector<std::string>& of_worker = {}) {
    const std::string scenario = folder_.file("real.json", kScenario);
    std::vector<std::string> words{
        "scheduler", "--config", scenario, "--redis", redis_url(), "--postgres", postgres_->connection(), "--name", "a"};
    words.insert(words.end(), of_scheduler.begin(), of_scheduler.end());
    scheduler_ = std::make_unique<Process>(words);
    words = {"worker", "--config", scenario, "--redis", redis_url(), "--id", "0", "--parent", std::to_string(::getpid())};
    words.insert(words.end(), of_worker.begin(), of_worker.end());
    worker_ = std::make_unique<Process>(words);
    ASSERT_TRUE(until([&] { return run_binary({"jobs", "--postgres", postgres_->connection()}).code == 0; }));
  }
  Ran submit(std::vector<std::string> what) {
    what.insert(what.begin(), {"submit", "--postgres", postgres_->connection()});
    return run_binary(what);
  }
  std::size_t count(const std::string& state) {
    const Ran ran =
        run_binary({"jobs", "--state", state, "--limit", "1000", "--postgres", postgres_->connection(), "--format", "json"});
    const json listed = json::parse(ran.out, nullptr, false);
    return listed.is_object() ? listed["jobs"].size() : 0;
  }
  bool all_succeed(std::size_t jobs) {
    return until([&] { return count("succeeded") == jobs; });
  }

  std::unique_ptr<Process> scheduler_;
  std::unique_ptr<Process> worker_;
};

// With all of its memory used it refuses whatever might need more, over connections that stay.
TEST_F(FullDisk, ARedisThatRefusesWritesForAWhileStopsNothingForGood) {
  start();
  ASSERT_EQ(submit({"--sleep", "10ms", "--count", "8"}).code, 0);
  ASSERT_TRUE(all_succeed(8));
  auto redis = runtime::RedisClient::connect({.address = redis_->address()});
  ASSERT_TRUE(redis.ok());
  ASSERT_TRUE(redis.value()->run({"CONFIG", "SET", "maxmemory", "1"}).ok());
  ASSERT_EQ(submit({"--sleep", "10ms", "--count", "8"}).code, 0);
  ::usleep(2'000'000);  // for each of them to have been refused
  EXPECT_LT(count("succeeded"), 16U);
  ASSERT_TRUE(redis.value()->run({"CONFIG", "SET", "maxmemory", "0"}).ok());
  EXPECT_TRUE(all_succeed(16));
  EXPECT_EQ(worker_->end(SIGTERM).code, 0);
}

TEST_F(FullDisk, OfPostgresRefusesJobsAndTakesThemWhenThereIsRoom) {
  const SmallDisk disk(folder_.path("postgres"), "150M");
  if (!disk.problem().empty()) GTEST_SKIP() << "a small disk cannot be made: " << disk.problem();
  std::filesystem::permissions(folder_.path(""), std::filesystem::perms::others_exec, std::filesystem::perm_options::add);
  auto postgres = runtime::PrivatePostgres::start({.parent = folder_.path("postgres")});
  ASSERT_TRUE(postgres.ok()) << postgres.error().message;
  postgres_ = std::move(postgres).value();
  start();
  ASSERT_EQ(submit({"--sleep", "10ms", "--count", "8"}).code, 0);
  ASSERT_TRUE(all_succeed(8));
  disk.fill();
  const Ran refused = submit({"--sleep", "10ms", "--count", "20000"});
  EXPECT_EQ(refused.code, 3) << refused.out << refused.err;
  EXPECT_NE(refused.err.find("No space left on device"), std::string::npos) << refused.err;
  disk.empty();
  if (run_binary({"jobs", "--postgres", postgres_->connection()}).code != 0) {  // without room for its log it ends itself
    ASSERT_TRUE(postgres_->restart().ok());
  }
  const Ran listed = run_binary({"jobs", "--limit", "1", "--postgres", postgres_->connection(), "--format", "json"});
  ASSERT_EQ(listed.code, 0) << listed.err;
  ASSERT_EQ(submit({"--sleep", "10ms", "--count", "8"}).code, 0);
  EXPECT_TRUE(until([&] { return count("waiting") + count("running") == 0 && count("succeeded") >= 16; }));
}

TEST_F(FullDisk, OfAJournalIsToldAndDecidingGoesOn) {
  const SmallDisk disk(folder_.path("record"), "2M");
  if (!disk.problem().empty()) GTEST_SKIP() << "a small disk cannot be made: " << disk.problem();
  disk.fill();
  start({"--record", folder_.path("record"), "--record-format", "jsonl"});
  ASSERT_EQ(submit({"--sleep", "1ms", "--count", "100"}).code, 0);
  EXPECT_TRUE(all_succeed(100));
  const std::string told = "any more (its disk is full): what follows is not recorded";
  EXPECT_TRUE(until([&] { return scheduler_->errors().find(told) != std::string::npos; })) << scheduler_->errors();
  disk.empty();
  // Another segment has begun, from which the state can be followed.
  const std::string second = folder_.path("record");
  const auto segments = [&] {
    std::ptrdiff_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(second)) n += entry.file_size() > 0 ? 1 : 0;
    return n;
  };
  EXPECT_TRUE(until([&] { return segments() >= 1; }));
  ASSERT_EQ(submit({"--sleep", "1ms", "--count", "10"}).code, 0);
  EXPECT_TRUE(all_succeed(110));
  EXPECT_EQ(worker_->end(SIGTERM).code, 0);
  EXPECT_EQ(scheduler_->end(SIGTERM).code, 0);
}

TEST_F(FullDisk, OfJobsFailsThoseThatFillItAndNoOthers) {
  const SmallDisk disk(folder_.path("jobs"), "2M");
  if (!disk.problem().empty()) GTEST_SKIP() << "a small disk cannot be made: " << disk.problem();
  std::filesystem::permissions(folder_.path(""), std::filesystem::perms::others_exec, std::filesystem::perm_options::add);
  start({}, {"--jobs-folder", folder_.path("jobs")});
  ASSERT_EQ(submit({"--", "sh", "-c", "head -c 50000000 /dev/zero > results/big"}).code, 0);
  EXPECT_TRUE(until([&] { return count("failed") == 1; }));
  const Ran logs = run_binary({"logs", "1", "--postgres", postgres_->connection(), "--redis", redis_url()});
  EXPECT_NE(logs.err.find("No space left on device"), std::string::npos) << logs.out << logs.err;
  disk.fill();
  ASSERT_EQ(submit({"--", "true"}).code, 0);
  EXPECT_TRUE(until([&] { return count("failed") + count("succeeded") == 2; }));
  disk.empty();
  std::filesystem::remove_all(folder_.path("jobs") + "/1-1");
  const std::size_t before = count("succeeded");
  ASSERT_EQ(submit({"--", "true"}).code, 0);
  EXPECT_TRUE(all_succeed(before + 1));
}

}  // namespace
}  // namespace drydock::cli::full_disk_test
