// `drydock limiter` from outside: processes that share by a file, without scheduler and stores.
#include "tests/cli/binary.hpp"
#include "tests/runtime/http_call.hpp"
#include "tests/runtime/processes.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::cli::limiter_process_test {
namespace {

TEST(LimiterCommand, SaysWhatIsMissingOrWrong) {
  const auto problem = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "limiter");
    const Ran ran = run_binary(arguments);
    EXPECT_EQ(ran.code, 2) << ran.err;
    return ran.err;
  };
  EXPECT_NE(problem({"--worker", "0"}).find("what is shared, and by how many?"), std::string::npos);
  EXPECT_NE(problem({"--worker", "0", "--workers", "2", "--concurrency", "4"}).find("or --share-state FILE"),
            std::string::npos);
  EXPECT_NE(problem({"--worker", "9", "--workers", "4", "--concurrency", "4", "--share-state", "/tmp/x"})
                .find("--worker 9: the workers have the numbers 0 to 3"),
            std::string::npos);
  EXPECT_NE(problem({"--worker", "0", "--config", "mm1"}).find("it has no \"limits\""), std::string::npos);
  EXPECT_NE(problem({"--worker", "0", "--config", "dynamic-share", "--variant", "high-load", "--concurrency", "4"})
                .find("--config has limits and policy"),
            std::string::npos);
  EXPECT_NE(
      problem({"--worker", "0", "--workers", "2", "--concurrency", "4", "--listen", "0.0.0.0:0", "--share-state", "/tmp/x"})
          .find("127.0.0.1, or on a Unix socket, alone"),
      std::string::npos);
  EXPECT_NE(problem({"--worker", "0", "--workers", "2", "--concurrency", "4", "--policy", "leasd"}).find("leased"),
            std::string::npos);
}

// False: it was not so for long.
bool until(const std::function<bool()>& so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{90};
  while (!so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return true;
}

TEST(LimiterCommand, ProcessesOfOneMachineShareByAFile) {
  const Folder folder;
  const std::string policy =
      R"({"type": "equal-active", "check": "50ms", "adjust": "100ms", "silence": "2s", "idle_after": "300ms"})";
  const auto words = [&](const std::string& worker) {
    return std::vector<std::string>{"limiter",
                                    "--worker",
                                    worker,
                                    "--workers",
                                    "4",
                                    "--concurrency",
                                    "40",
                                    "--requests-per-minute",
                                    "800",
                                    "--tokens-per-minute",
                                    "40000",
                                    "--policy",
                                    policy,
                                    "--share-state",
                                    folder.path("shares.json"),
                                    "--listen",
                                    "unix:" + folder.path(worker + ".sock"),
                                    "--on-share-change",
                                    "echo $DRYDOCK_SHARE_RPM >> " + folder.path(worker + ".told")};
  };
  const auto address = [&](const std::string& worker) { return "unix://" + folder.path(worker + ".sock"); };
  const auto rpm = [&](const std::string& worker) {
    const auto reply = runtime::http_call(address(worker), {.method = "GET", .target = "/scaling_status"});
    return reply.status == 200 ? reply.json().at("current_allocation").at("rpm").get<int>() : -1;
  };
  const auto hold = [&](const std::string& worker) {
    return runtime::http_call(
        address(worker),
        {.method = "POST", .target = "/acquire", .body = R"({"requests": 0, "concurrency": 1, "wait_s": 60})"});
  };
  Process first(words("0"));
  Process second(words("1"));
  EXPECT_TRUE(until([&] { return rpm("0") == 200 && rpm("1") == 200; })) << "nobody is active: the base share";
  EXPECT_EQ(hold("0").status, 200);
  EXPECT_TRUE(until([&] { return rpm("0") == 800 && rpm("1") == 0; })) << "one is active: it has all";
  EXPECT_EQ(hold("1").status, 200);
  EXPECT_TRUE(until([&] { return rpm("0") == 400 && rpm("1") == 400; })) << "two are: half each";
  EXPECT_TRUE(until([&] { return text_of(folder.path("0.told")).ends_with("400\n"); })) << text_of(folder.path("0.told"));
  (void)second.end(SIGKILL);
  EXPECT_TRUE(until([&] { return rpm("0") == 800; })) << "what was killed gives back its share";
  Process third(words("1"));
  EXPECT_TRUE(until([&] { return rpm("1") >= 0; })) << "the socket of the one before is replaced";
  const Ran ended = first.end(SIGTERM);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.err.find("worker 0 shares 40 at a time, 800 requests and 40000 tokens a minute"), std::string::npos)
      << ended.err;
  EXPECT_FALSE(std::filesystem::exists(folder.path("0.sock")));
}

}  // namespace
}  // namespace drydock::cli::limiter_process_test
