// Clusters that SimGrid platform files describe: what is read of them, and what runs on them take.
#include "scenarios/loader.hpp"
#include "sim/platform.hpp"
#include "sim/platform_xml.hpp"
#include "sim/run.hpp"
#include "sim/simgrid_platform.hpp"
#include "tests/unit/sim_support.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

namespace drydock::sim::sim_platform_file_test {
namespace {

using scenarios::HostGroup;
using scenarios::Scenario;

const std::atomic<bool> kGoOn{false};
const std::filesystem::path kFolder = std::filesystem::path(DRYDOCK_SOURCE_DIR) / "tests/platforms";

// A folder with a file "p.xml" in it.
class PlatformFolder {
 public:
  explicit PlatformFolder(const std::string& content) {
    std::string name = (std::filesystem::temp_directory_path() / "drydock-platform-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
    write(content);
  }
  ~PlatformFolder() { std::filesystem::remove_all(path); }
  PlatformFolder(const PlatformFolder&) = delete;
  PlatformFolder& operator=(const PlatformFolder&) = delete;

  void write(const std::string& content) const {
    std::ofstream(path / "p.xml")
        << "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
        << "<platform version=\"4.1\">\n"
        << content << "\n</platform>\n";
  }

  std::filesystem::path path;
};

Result<Scenario> load(const std::filesystem::path& folder, const std::string& cluster, const std::string& rest,
                      scenarios::PlatformReader reader = read_platform) {
  auto loaded = scenarios::load_text(fmt::format("{{\"cluster\": {{{}}}, {}}}", cluster, rest), "s.json", folder,
                                     {.sets = {}, .read_traces = true, .read_platform = std::move(reader)});
  if (!loaded) return loaded.error();
  return std::move(loaded.value().front());
}

const std::string kOneJob = R"("workload": [{"count": 1, "arrivals": {"at-once": {"at": "0s"}}, "duration": "10s"}])";
const std::string kOnFile = R"("platform": "p.xml", "site": "s")";

std::string refusal(const std::string& content, const std::string& cluster = kOnFile) {
  const PlatformFolder folder(content);
  const auto loaded = load(folder.path, cluster, kOneJob);
  return loaded ? "none" : loaded.error().message;
}

// A zone with the site s and a worker w, one link between.
std::string pair_with(const std::string& link, const std::string& worker = R"(<host id="w" speed="1Gf"/>)") {
  return fmt::format(R"(<zone id="z" routing="Full"><host id="s" speed="1Gf"/>{}{}
    <route src="s" dst="w"><link_ctn id="l"/></route></zone>)",
                     worker, link);
}
const std::string kLink = R"(<link id="l" bandwidth="1GBps" latency="1ms"/>)";

double metric(const Scenario& scenario, const std::string& name) {
  return std::stod(in_child([&] {
    const auto result = run_one(scenario, 1, {.check = true, .journal = {}}, kGoOn);
    EXPECT_FALSE(result.error) << *result.error;
    EXPECT_EQ(result.violation_count, 0U);
    return fmt::format("{}", result.metrics.at(name));
  }));
}

TEST(PlatformFile, HostsAreGroupedByZoneAndKind) {
  const auto loaded = load(kFolder, R"("platform": "grid.xml", "site": "frontend")", kOneJob);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const std::vector<HostGroup>& groups = loaded.value().hosts;
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].name, "fast");
  EXPECT_EQ(groups[0].names, (std::vector<std::string>{"fast-0.grid", "fast-1.grid", "fast-2.grid", "fast-7.grid"}));
  EXPECT_EQ(groups[0].count, 4U);
  EXPECT_EQ(groups[0].cpus, 4U);
  EXPECT_EQ(groups[0].speed, 2);
  EXPECT_EQ(groups[0].memory_bytes, std::int64_t{16} << 30U);
  EXPECT_EQ(groups[0].cost_per_hour, 0.25);
  EXPECT_EQ(groups[1].name, "old");
  EXPECT_EQ(groups[1].names, (std::vector<std::string>{"zeta", "beta"}));
  EXPECT_EQ(groups[1].cpus, 2U);
  EXPECT_EQ(groups[1].speed, 0.5);
  EXPECT_EQ(groups[1].gpus, 0U);
  EXPECT_EQ(groups[2].name, "old-2");
  EXPECT_EQ(groups[2].names, std::vector<std::string>{"alpha"});
  EXPECT_EQ(groups[2].gpus, 1U);
  EXPECT_EQ(loaded.value().platform->path, kFolder / "grid.xml");
  EXPECT_EQ(loaded.value().pools[0].hosts, (std::vector<std::string>{"fast", "old", "old-2"}));
}

TEST(PlatformFile, ItsNamesAreThoseOfTheHosts) {
  const auto loaded = load(kFolder, R"("platform": "grid.xml", "site": "frontend")", kOneJob);
  ASSERT_TRUE(loaded);
  const Platform platform(loaded.value());
  EXPECT_EQ(platform.resolve("fast-7.grid"), std::vector<HostIndex>{3});
  EXPECT_EQ(platform.resolve("beta"), std::vector<HostIndex>{5});
  EXPECT_EQ(platform.resolve("old"), (std::vector<HostIndex>{4, 5}));
  EXPECT_TRUE(platform.resolve("fast-0").empty());
  EXPECT_TRUE(platform.resolve("frontend").empty());
  const auto targeted = [](const std::string& target) {
    return load(kFolder, R"("platform": "grid.xml", "site": "frontend")",
                kOneJob + fmt::format(R"(, "faults": [{{"type": "worker-crash", "target": "{}", "at": "1s"}}])", target));
  };
  EXPECT_TRUE(targeted("alpha"));
  EXPECT_TRUE(targeted("fast"));
  EXPECT_NE(targeted("fast-3.grid").error().message.find("there are: fast, fast-0.grid ... fast-7.grid, old, zeta ... beta"),
            std::string::npos)
      << targeted("fast-3.grid").error().message;
  EXPECT_FALSE(targeted("frontend"));
}

TEST(PlatformFile, GroupsGetNamesThatNothingElseHas) {
  // A zone called like its host, and one called like the second kind of another.
  const PlatformFolder folder(R"(<zone id="g" routing="Full">
    <zone id="a" routing="Full"><host id="s" speed="1Gf"/><host id="x" speed="1Gf"/><host id="y" speed="3Gf"/>
      <link id="l" bandwidth="1GBps" latency="0"/>
      <route src="s" dst="x"><link_ctn id="l"/></route><route src="s" dst="y"><link_ctn id="l"/></route></zone>
    <zone id="a-2" routing="Full"><host id="a-3" speed="1Gf"/></zone>
    <zoneRoute src="a" dst="a-2" gw_src="s" gw_dst="a-3"><link_ctn id="l"/></zoneRoute></zone>)");
  const auto loaded = load(folder.path, kOnFile, kOneJob);
  ASSERT_TRUE(loaded) << loaded.error().message;
  std::string names;
  for (const HostGroup& group : loaded.value().hosts) names += group.name + ":" + group.names.front() + " ";
  EXPECT_EQ(names, "a:x a-4:y a-2:a-3 ");
}

TEST(PlatformFile, AHostComputesWithTheSpeedThatTheFileGives) {
  const PlatformFolder folder(pair_with(kLink, R"(<host id="w" speed="1Gf,2.5Gf" pstate="1" core="2"/>)"));
  const auto loaded = load(folder.path, kOnFile, kOneJob);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded.value().hosts[0].speed, 2.5);
  EXPECT_NEAR(metric(loaded.value(), "makespan_s"), 4, 1e-9);
}

// All links of the route are paid for: latency, and bytes by the slowest.
TEST(PlatformFile, DataGoAlongTheRoutesOfTheFile) {
  const auto makespan = [](const std::string& pool, const std::string& job) {
    const auto loaded = load(kFolder, R"("platform": "grid.xml", "site": "frontend")",
                             fmt::format(R"("pools": [{{"name": "p", "hosts": ["{}"]}}],
               "workload": [{{"count": 1, "arrivals": {{"at-once": {{"at": "0s"}}}}, "duration": "10s", {}}}])",
                                         pool, job));
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded ? metric(loaded.value(), "makespan_s") : 0;
  };
  // fast: uplink 3 ms, backbone 2 ms and 250 MB/s, its own 1 ms. 10 s of work at speed 2.
  EXPECT_NEAR(makespan("fast", R"("input": "500MB", "output": "1GB")"), 0.006 + 2 + 5 + 0.006 + 4, 1e-6);
  // alpha: 10 ms and 100 MB/s, and 1 ms within the zone. Speed 0.5.
  EXPECT_NEAR(makespan("old-2", R"("input": "50MB")"), 0.011 + 0.5 + 20, 1e-6);
  // Two tasks on two hosts have half of it each: the backbone is shared, the way out of it is not what limits.
  EXPECT_NEAR(makespan("fast", R"("input": "500MB", "tasks": 8)"), 0.006 + 2 + 5, 1e-6);
}

TEST(PlatformFile, DecidesWhatTheSameClusterInJsonDoes) {
  const PlatformFolder folder(R"(<zone id="g" routing="Full">
    <zone id="data" routing="Full"><host id="s" speed="1Gf"/></zone>
    <cluster id="node" prefix="node-" suffix="" radical="0-3" speed="1.5Gf" core="2" bw="100MBps" lat="1ms"
             sharing_policy="SHARED" router_id="r"/>
    <link id="site" bandwidth="100MBps" latency="1ms"/>
    <zoneRoute src="data" dst="node" gw_src="s" gw_dst="r"><link_ctn id="site"/></zoneRoute></zone>)");
  const std::string rest =
      R"("workload": [{"count": 300, "arrivals": {"poisson": {"rate": "0.3/s"}}, "duration": {"exponential": {"mean": "20s"}},
         "input": "80MB", "output": "20MB", "on_failure": "restart"}],
         "faults": [{"type": "worker-crash", "target": "node-2", "at": "100s", "for": "1m"},
                    {"type": "worker-crash", "mtbf": "5m", "mttr": "20s"}])";
  const auto in_xml = load(folder.path, kOnFile, rest);
  const auto in_json = load(folder.path,
                            R"("hosts": [{"name": "node", "count": 4, "cpus": 2, "speed": 1.5}],
                               "network": {"latency": "1ms", "bandwidth": "100MB/s"})",
                            rest);
  ASSERT_TRUE(in_xml) << in_xml.error().message;
  ASSERT_TRUE(in_json) << in_json.error().message;
  const auto hash = [](const Scenario& scenario) {
    return in_child([&] {
      const auto result = run_one(scenario, 3, {}, kGoOn);
      EXPECT_FALSE(result.error);
      EXPECT_GT(result.metrics.at("attempts_lost"), 0);
      return std::to_string(result.journal_hash);
    });
  };
  EXPECT_EQ(hash(in_xml.value()), hash(in_json.value()));
}

TEST(PlatformFile, RunsOfOneFileShareThePlatform) {
  const auto first = load(kFolder, R"("platform": "grid.xml", "site": "frontend")", kOneJob);
  ASSERT_TRUE(first);
  EXPECT_TRUE(same_platform(first.value(), first.value()));
  Scenario moved = first.value();
  moved.platform->site = "beta";
  EXPECT_FALSE(same_platform(first.value(), moved));
  moved = first.value();
  moved.platform->path = "elsewhere.xml";
  EXPECT_FALSE(same_platform(first.value(), moved));
  moved.platform.reset();
  EXPECT_FALSE(same_platform(first.value(), moved));
}

// What a journal keeps needs no file to be read, and the file as it was to be run.
TEST(PlatformFile, IsRecordedInTheScenario) {
  const PlatformFolder folder(pair_with(kLink, R"(<host id="w" speed="2Gf" core="3">
    <prop id="memory" value="1000B"/><prop id="gpus" value="2"/><prop id="cost_per_month" value="1.5"/></host>)"));
  const auto loaded = load(folder.path, kOnFile, kOneJob);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto again = [&](scenarios::PlatformReader reader) {
    return scenarios::load_text(loaded.value().json, "journal", folder.path,
                                {.sets = {}, .read_traces = false, .read_platform = std::move(reader)});
  };
  const auto unread = [](const auto&, const auto&) -> Result<std::vector<scenarios::PlatformHost>> {
    return Error{"is read"};
  };
  EXPECT_NE(again(unread).error().message.find("/cluster/platform/file: is read"), std::string::npos);
  for (const auto& recorded : {again(nullptr), again(read_platform)}) {
    ASSERT_TRUE(recorded) << recorded.error().message;
    const HostGroup& group = recorded.value().front().hosts.at(0);
    EXPECT_EQ(group.names, std::vector<std::string>{"w"});
    EXPECT_EQ(group.cpus, 3U);
    EXPECT_EQ(group.speed, 2);
    EXPECT_EQ(group.memory_bytes, 1000);
    EXPECT_EQ(group.gpus, 2U);
    EXPECT_EQ(group.cost_per_month, 1.5);
    EXPECT_EQ(recorded.value().front().json, loaded.value().json);
  }
  folder.write(pair_with(kLink, R"(<host id="w" speed="3Gf" core="3"/>)"));
  EXPECT_TRUE(again(nullptr));
  EXPECT_NE(again(read_platform).error().message.find("has other hosts now"), std::string::npos);
  const auto error = [](const Scenario& scenario) {
    const RunRequest request{.scenario = &scenario, .seed = 1, .options = {}};
    return run_all({&request, 1}, 1, kGoOn, {})[0].error.value_or("none");
  };
  EXPECT_NE(error(loaded.value()).find("the host \"w\" is another one now"), std::string::npos) << error(loaded.value());
  folder.write(R"(<cluster id="s" prefix="s" suffix="" radical="0" speed="2Gf" bw="1GBps" lat="0"/>)");
  EXPECT_NE(error(loaded.value()).find("there is no host \"w\" any more"), std::string::npos) << error(loaded.value());
  std::filesystem::remove(folder.path / "p.xml");
  EXPECT_NE(error(loaded.value()).find("there is no such file"), std::string::npos) << error(loaded.value());
}

struct Refused {
  std::string name;
  std::string content;
  std::vector<std::string> parts;
};
void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }

class RefusedPlatforms : public testing::TestWithParam<Refused> {};

TEST_P(RefusedPlatforms, WithOneLineThatSaysWhereAndWhy) {
  const std::string message = refusal(GetParam().content);
  EXPECT_TRUE(message.starts_with("s.json:1: /cluster/platform: /")) << message;
  for (const std::string& part : GetParam().parts) EXPECT_NE(message.find(part), std::string::npos) << message;
  for (const char* never : {"\n", "Backtrace", "libsimgrid", "xbt", ".cpp"})
    EXPECT_EQ(message.find(never), std::string::npos) << message;
}

std::string worker(const std::string& attributes, const std::string& inside = "") {
  return pair_with(kLink, fmt::format(R"(<host id="w" {}>{}</host>)", attributes, inside));
}

INSTANTIATE_TEST_SUITE_P(
    Sim, RefusedPlatforms,
    testing::Values(
        Refused{"BrokenXml", R"(<zone id="z" routing="Full"><host id="s")", {"p.xml: line ", "Invalid XML"}},
        Refused{"NoZone", "", {"no zone"}}, Refused{"NoHost", R"(<zone id="z" routing="Full"></zone>)", {"no host in it"}},
        Refused{"OnlyTheSite", R"(<zone id="z" routing="Full"><host id="s" speed="1Gf"/></zone>)", {"beside the site"}},
        Refused{"UnknownSite",
                R"(<cluster id="c" prefix="c-" suffix="" radical="0-20" speed="1Gf" bw="1GBps" lat="0"/>)",
                {"there is no host \"s\"", "c-0, c-1, c-2", "(21 hosts)"}},
        Refused{"NoRoute",
                R"(<zone id="z" routing="Full"><host id="s" speed="1Gf"/><host id="w" speed="1Gf"/></zone>)",
                {"no route from \"s\" to \"w\""}},
        Refused{"NoWayBack",
                R"(<zone id="z" routing="Full"><host id="s" speed="1Gf"/><host id="w" speed="1Gf"/>)" + kLink +
                    R"(<route src="s" dst="w" symmetrical="NO"><link_ctn id="l"/></route></zone>)",
                {"no route from \"w\" to \"s\""}},
        Refused{"NoBandwidth", pair_with(R"(<link id="l" bandwidth="0Bps" latency="1ms"/>)"), {"\"l\" has no bandwidth"}},
        Refused{"NoSpeed", worker(R"(speed="0f")"), {"\"w\"", "its speed is 0 flop/s", "1000 to 1e+15"}},
        Refused{"InfiniteSpeed", worker(R"(speed="infGf")"), {"\"w\"", "speed"}},
        Refused{"TooFast", worker(R"(speed="2000Pf")"), {"\"w\"", "its speed is 2e+18 flop/s"}},
        Refused{"NoCore", worker(R"(speed="1Gf" core="0")"), {"at least one core"}},
        Refused{"NoSuchUnit", worker(R"(speed="1apple")"), {"line 4", "apple"}},
        Refused{"NoSuchPstate", worker(R"(speed="1Gf" pstate="4")"), {"pstate 4"}},
        Refused{"NoSuchRouting", R"(<zone id="z" routing="Fool"><host id="s" speed="1Gf"/></zone>)", {"SimGrid cannot use"}},
        Refused{"NameWithBlank",
                R"(<zone id="z" routing="Full"><host id="s" speed="1Gf"/><host id="w 1" speed="1Gf"/>)" + kLink +
                    R"(<route src="s" dst="w 1"><link_ctn id="l"/></route></zone>)",
                {"the host \"w 1\"", "letters, digits"}},
        Refused{"TwiceTheSameHost",
                R"(<zone id="z" routing="Full"><host id="s" speed="1Gf"/><host id="s" speed="1Gf"/></zone>)",
                {"second host named 's'"}},
        Refused{"WrongMemory",
                worker(R"(speed="1Gf")", R"(<prop id="memory" value="much"/>)"),
                {"\"w\"", "\"memory\"", "\"much\"", "16GiB"}},
        Refused{"WrongGpus", worker(R"(speed="1Gf")", R"(<prop id="gpus" value="1.5"/>)"), {"\"gpus\"", "\"1.5\""}},
        Refused{
            "WrongCost", worker(R"(speed="1Gf")", R"(<prop id="cost_per_hour" value="-1"/>)"), {"\"cost_per_hour\"", "USD"}},
        Refused{
            "Profile", worker(R"(speed="1Gf" speed_file="load.trace")"), {"line 4", "speed_file of \"w\"", "worker-slow"}},
        Refused{"StateOfALink",
                pair_with(R"(<link id="l" bandwidth="1GBps" latency="1ms" state_file="x"/>)"),
                {"state_file of \"l\""}},
        Refused{"ConnectedTrace",
                R"(<trace id="t" periodicity="1">0 1</trace>)" + pair_with(kLink) +
                    R"(<trace_connect kind="SPEED" trace="t" element="w"/>)",
                {"<trace_connect> of \"w\""}},
        Refused{"Wifi",
                pair_with(R"(<link id="l" bandwidth="54Mbps,36Mbps" latency="0" sharing_policy="WIFI"/>)"),
                {"\"l\" is a WIFI"}},
        Refused{"Config",
                R"(<config><prop id="network/model" value="LV08"/></config>)" + pair_with(kLink),
                {"line 4: <config>"}},
        Refused{"Actor", pair_with(kLink) + R"(<actor host="w" function="f"/>)", {"<actor>", "leave it out"}},
        Refused{"TooManyHosts",
                R"(<cluster id="c" prefix="c-" suffix="" radical="0-2147483647" speed="1Gf" bw="1GBps" lat="0"/>)",
                {"\"c\" has too many hosts", "1000000"}}),
    [](const auto& tested) { return tested.param.name; });

TEST(PlatformFile, WhatIsHarmlessIsIgnored) {
  EXPECT_EQ(refusal(R"(<!-- <config> speed_file="x" --><trace id="t" periodicity="1">0 1</trace>)" +
                    pair_with(kLink, R"(<host id="w" speed="1Gf" speed_file="">
                      <disk id="d" read_bw="1GBps" write_bw="1GBps"/><prop id="radical" value="0-9999999"/></host>)")),
            "none");
}

TEST(PlatformFile, KeysThatDoNotGoTogether) {
  const std::string good = pair_with(kLink);
  EXPECT_EQ(refusal(good), "none");
  const auto expect = [&](const std::string& cluster, const std::string& part) {
    EXPECT_NE(refusal(good, cluster).find(part), std::string::npos) << refusal(good, cluster);
  };
  expect(kOnFile + R"(, "hosts": [{"name": "node"}])", "/cluster/hosts: the file at \"platform\"");
  expect(kOnFile + R"(, "network": {"latency": "1ms"})", "/cluster/network: the file at \"platform\"");
  expect(R"("platform": "p.xml")", "\"site\" names the host where the stores and the input data are; there are: s, w");
  expect(R"("hosts": [{"name": "node"}], "site": "s")", "/cluster/site: has an effect only with \"platform\"");
  expect(R"("platform": "q.xml", "site": "s")", "q.xml: there is no such file");
  expect(R"("platform": "p.so", "site": "s")", "ends in .xml");
  expect(R"("platform": {"file": "p.so", "hosts": [{"name": "z", "names": ["w"]}]}, "site": "s")", "ends in .xml");
  expect(R"("platform": {"file": "p.xml", "hosts": [{"name": "z", "names": ["w", "w"]}]}, "site": "s")",
         "\"w\" is there twice");
  expect(R"("platform": {"file": "p.xml", "hosts": [{"name": "z", "names": ["w"]}]})", "\"site\" names the host");
  expect(R"("platform": 3, "site": "s")", "expected text");
  const PlatformFolder folder(good);
  EXPECT_NE(load(folder.path, R"("platform": {"file": "p.xml", "hosts": [{"name": "z", "names": ["w"]}]})", kOneJob, nullptr)
                .error()
                .message.find("\"site\" is missing"),
            std::string::npos);
  EXPECT_NE(load(folder.path, kOnFile, kOneJob, nullptr).error().message.find("cannot be read here"), std::string::npos);
}

TEST(PlatformXml, LooksAtTagsAlone) {
  EXPECT_FALSE(refused_in_platform(""));
  EXPECT_FALSE(refused_in_platform("no XML"));
  EXPECT_FALSE(refused_in_platform("<zone id='<config>' a = \"<actor \"/>"));
  EXPECT_FALSE(refused_in_platform("<zone><"));
  EXPECT_FALSE(refused_in_platform("<zone><host state_file"));
  EXPECT_FALSE(refused_in_platform("<zone><host state_file='"));
  EXPECT_EQ(refused_in_platform("<zone>\n<!--\n--><host\n id='a'\tstate_file = 'x'/>").value_or("").substr(0, 26),
            "line 3: state_file of \"a\":");
  const auto too_many = [](const std::string& radical) {
    return refused_in_platform("<cluster radical=\"" + radical + "\"/>").has_value();
  };
  EXPECT_FALSE(too_many("0-999999"));
  EXPECT_TRUE(too_many("0-1000000"));
  EXPECT_TRUE(too_many("0-499999,500000-999999,7"));
  EXPECT_TRUE(too_many("0-99999999999999999999999999"));
  EXPECT_FALSE(too_many("9-1,x,-,,3-"));
}

}  // namespace
}  // namespace drydock::sim::sim_platform_file_test
