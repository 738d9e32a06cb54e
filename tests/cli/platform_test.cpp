// Scenarios on a SimGrid platform file, from end to end.
#include "tests/cli/binary.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace drydock::cli::platform_test {
namespace {

using Json = nlohmann::json;

// A folder with tests/platforms in it, to change what is there.
class Grid {
 public:
  Grid() {
    for (const char* name : {"grid.xml", "grid.json"})
      folder.file(name, text_of(DRYDOCK_SOURCE_DIR "/tests/platforms/" + std::string(name)));
  }
  [[nodiscard]] std::string scenario() const { return folder.path("grid.json"); }

  Folder folder;
};

void expect_refused(const Ran& ran, const std::vector<std::string>& parts) {
  EXPECT_EQ(ran.signal, 0);
  EXPECT_EQ(ran.code, 2) << ran.out << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(ran.err.starts_with("drydock: ")) << ran.err;
  EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
  for (const std::string& part : parts)
    EXPECT_NE(ran.err.find(part), std::string::npos) << "no \"" << part << "\" in: " << ran.err;
}

TEST(Platform, ValidateSaysWhatIsInIt) {
  const Grid grid;
  const Ran ran = run_binary({"validate", grid.scenario()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("7 hosts, 22 cores, 1 GPU, 2 pools, 44 jobs"), std::string::npos) << ran.out;
}

TEST(Platform, RunsAreCheckedAndTheSameTwice) {
  const Grid grid;
  const auto runs = [&](const char* jobs) {
    const Ran ran =
        run_binary({"simulate", grid.scenario(), "--seeds", "1..3", "--jobs", jobs, "--check", "--format", "json"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    Json all = Json::parse(ran.out).at("runs");
    for (Json& run : all) {
      EXPECT_EQ(run["metrics"]["jobs_completed"], 44);
      run.erase("resources");
    }
    EXPECT_EQ(all.size(), 6U);
    return all;
  };
  EXPECT_EQ(runs("1"), runs("3"));
}

// A journal is whole: what reads it needs no platform file.
TEST(Platform, JournalsNeedNoFile) {
  const Grid grid;
  const std::string journal = grid.folder.path("run.journal");
  ASSERT_EQ(run_binary({"simulate", grid.scenario(), "--variant", "easy", "--seeds", "1", "--journal", journal}).code, 0);
  std::filesystem::remove(grid.folder.path("grid.xml"));
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"replay", journal},
                                             {"check", journal},
                                             {"explain", journal, "--job", "1"},
                                             {"explain", journal, "--worker", "3"}}) {
    const Ran ran = run_binary(command);
    EXPECT_EQ(ran.code, 0) << command.front() << ran.out << ran.err;
  }
  expect_refused(run_binary({"simulate", grid.scenario()}), {"/cluster/platform", "grid.xml", "no such file"});
}

// Workers for real are those of the simulation.
TEST(Platform, WorkersAreFoundByItsGroups) {
  const Grid grid;
  const auto worker = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"worker", "--config", grid.scenario(),      "--variant",
                                   "fcfs",   "--redis",  "redis://127.0.0.1:1"};
    words.insert(words.end(), more.begin(), more.end());
    return run_binary(words);
  };
  const Ran beyond = worker({"--id", "99"});
  if (beyond.err.find("without its real runtime") != std::string::npos) GTEST_SKIP() << beyond.err;
  expect_refused(beyond, {"--id 99", "workers 0 to 6"});
  expect_refused(worker({"--id", "0", "--pool", "quick", "--host-group", "old"}),
                 {"--pool quick --host-group fast; --pool patient --host-group old; --pool patient --host-group old-2"});
}

TEST(Platform, HuntDrawsFaultsOfItsHosts) {
  const Grid grid;
  const Ran ran = run_binary({"hunt", grid.scenario(), "--runs", "20", "--jobs", "1", "--format", "json"});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_EQ(Json::parse(ran.out)["runs_done"], 20);
}

// What is found says where the file is, and repeats from any folder.
TEST(Platform, FoundScenariosFindTheFile) {
  const Grid grid;
  const Folder found;
  const Ran ran = run_binary(
      {"hunt", grid.scenario(), "--variant", "easy", "--set", "/must_end_by=1s", "--runs", "2", "--out", found.path("out")});
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_NE(ran.out.find("7 hosts"), std::string::npos) << ran.out;
  const Ran again = run_binary({"simulate", found.path("out/hunt-1-0.json")});
  EXPECT_EQ(again.code, 1) << again.err;
  EXPECT_NE(again.err.find("not ended by 1 s"), std::string::npos) << again.err;
}

TEST(Platform, MistakesAreOneMessageEach) {
  const Grid grid;
  const auto with = [&](const std::string& set) { return run_binary({"simulate", grid.scenario(), "--set", set}); };
  expect_refused(with("/cluster/site=fronted"), {"/cluster/platform", "\"fronted\"", "frontend, fast-0.grid"});
  expect_refused(with("/cluster/platform=none.xml"), {"/cluster/platform", "none.xml", "no such file"});
  expect_refused(with(R"(/cluster/hosts=[{"name": "node"}])"), {"/cluster/hosts", "leave one of them out"});
  expect_refused(with(R"(/cluster/network={"latency": "1ms"})"), {"/cluster/network", "leave one of them out"});
  expect_refused(with("/pools/0/hosts/0=fats"), {"/pools/0/hosts/0", "did you mean \"fast\"?"});
  grid.folder.file("broken.xml", "<?xml version='1.0'?><platform");
  expect_refused(with("/cluster/platform=broken.xml"), {"broken.xml: line 1", "Invalid XML"});
  grid.folder.file("torus.xml", R"(<?xml version='1.0'?>
    <!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
    <platform version="4.1"><cluster id="t" prefix="n" suffix="" radical="0-2" speed="1Gf" bw="1GBps" lat="1ms"
      topology="TORUS" topo_parameters="2,2"/></platform>)");
  expect_refused(with("/cluster/platform=torus.xml"),
                 {"torus.xml: SimGrid cannot use it", "Insufficient number of radicals"});
  for (const char* command : {"validate", "hunt"})
    expect_refused(run_binary({command, grid.scenario(), "--set", "/cluster/platform=broken.xml"}), {"broken.xml"});
}

}  // namespace
}  // namespace drydock::cli::platform_test
