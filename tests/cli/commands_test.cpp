// Each command as a user meets it.
#include "tests/cli/binary.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

namespace drydock::cli::commands_test {
namespace {

using Json = nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// Two variants whose order is clear: shortest jobs first waits less. `count` jobs.
std::string small_scenario(const Folder& folder, long count = 2000) {
  Json scenario = Json::parse(R"({
    "name": "small", "seed": 5,
    "cluster": {"hosts": [{"name": "node", "count": 2, "cpus": 1, "cost_per_hour": 0.04}]},
    "queues": [{"name": "default"}],
    "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"], "slots_per_worker": 1}],
    "workload": [{"name": "w", "queue": "default", "arrivals": {"poisson": {"rate": "0.9/s"}},
                  "duration": {"exponential": {"mean": "2s"}}}],
    "policies": {"placement": {"type": "fcfs"}},
    "variants": [{"name": "fcfs"}, {"name": "sjf", "set": {"/policies/placement": {"type": "sjf"}}}]
  })");
  scenario["workload"][0]["count"] = count;
  return folder.file("small.json", scenario.dump());
}

TEST(Help, AloneAndByCommand) {
  const Ran alone = run_binary({});
  EXPECT_EQ(alone.code, 0);
  EXPECT_TRUE(has(alone.out, "Usage:"));
  EXPECT_TRUE(has(alone.out, "drydock simulate "));
  EXPECT_EQ(run_binary({"--help"}).code, 0);
  for (const char* command :
       {"simulate", "validate", "scenarios", "policies", "import",  "replay", "check", "explain", "compare",
        "hunt",     "up",       "scheduler", "worker",   "submit",  "jobs",   "job",   "cancel",  "logs",
        "workers",  "drain",    "status",    "doctor",   "limiter", "sweep",  "prune", "version"}) {
    EXPECT_TRUE(has(alone.out, command));
    const Ran help = run_binary({command, "--help"});
    EXPECT_EQ(help.code, 0) << command;
    EXPECT_TRUE(has(help.out, "Usage: drydock " + std::string(command))) << help.out;
    EXPECT_EQ(run_binary({"help", command}).out, help.out);
  }
}

TEST(Version, SaysWhatItIs) {
  EXPECT_TRUE(run_binary({"version"}).out.starts_with("drydock "));
  EXPECT_TRUE(has(run_binary({"version"}).out, "SimGrid"));
  EXPECT_TRUE(run_binary({"--version"}).out.starts_with("drydock "));
}

TEST(Policies, AreListedAndExplained) {
  const Ran list = run_binary({"policies"});
  EXPECT_EQ(list.code, 0);
  for (const char* name : {"placement", "liveness", "fcfs", "easy", "conservative", "ttl"})
    EXPECT_TRUE(has(list.out, name)) << name;
  const Ran one = run_binary({"policies", "ttl"});
  EXPECT_TRUE(has(one.out, "heartbeat: a duration"));
  EXPECT_TRUE(has(one.out, "default 30s"));
  EXPECT_TRUE(has(one.out, "Source"));
  EXPECT_EQ(run_binary({"policies", "liveness/ttl"}).out, one.out);
}

TEST(Policies, OfAllFamiliesCanBeUsedInScenarios) {
  EXPECT_FALSE(has(run_binary({"policies"}).out, "not in scenarios"));
  for (const char* name : {"share/leased", "equal-active", "easy", "ttl"}) {
    const Ran one = run_binary({"policies", name});
    EXPECT_EQ(one.code, 0);
    EXPECT_FALSE(has(one.out, "not in scenarios")) << name;
  }
}

TEST(Scenarios, EachBuiltInOneIsPrintedAndValid) {
  const Ran list = run_binary({"scenarios"});
  EXPECT_EQ(list.code, 0);
  std::string name = list.out.substr(0, list.out.find(' '));
  const Ran text = run_binary({"scenarios", name});
  EXPECT_EQ(text.code, 0);
  EXPECT_TRUE(Json::parse(text.out, nullptr, true, true).is_object());
  EXPECT_EQ(run_binary({"validate", name}).code, 0);
}

TEST(Simulate, TableNamesTheBest) {
  const Folder folder;
  const Ran ran = run_binary({"simulate", small_scenario(folder), "--seeds", "1..8"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_TRUE(has(ran.out, "small: 2 variants, 8 seeds each"));
  EXPECT_TRUE(has(ran.out, "sjf has the shortest mean wait")) << ran.out;
  EXPECT_FALSE(has(ran.out, "\x1b["));
}

TEST(Simulate, JsonIsTheSameTwiceButForTheMachine) {
  const Folder folder;
  const std::string file = small_scenario(folder);
  const auto result = [&](const std::string& jobs) {
    const Ran ran = run_binary({"simulate", file, "--seeds", "1..3", "--format", "json", "--jobs", jobs});
    EXPECT_EQ(ran.code, 0) << ran.err;
    Json json = Json::parse(ran.out);
    for (auto& run : json["runs"]) run.erase("resources");
    return json;
  };
  const Json one = result("1");
  EXPECT_EQ(one, result("4"));
  ASSERT_EQ(one["runs"].size(), 6U);
  EXPECT_EQ(one["runs"][0]["variant"], "fcfs");
  EXPECT_EQ(one["runs"][5]["variant"], "sjf");
  EXPECT_EQ(one["runs"][5]["seed"], 3);
  EXPECT_EQ(one["runs"][0]["metrics"]["jobs_completed"], 2000);
  EXPECT_NE(one["runs"][0]["journal_hash"], one["runs"][1]["journal_hash"]);
  EXPECT_EQ(one["partial"], false);
}

TEST(Simulate, OptionsChooseSeedsVariantsMetricsAndValues) {
  const Folder folder;
  const std::string file = small_scenario(folder, 100);
  const Ran ran = run_binary(
      {"simulate", file, "--variant", "sjf", "--seeds", "7", "--set", "/workload/0/count=50", "--format", "json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  ASSERT_EQ(json["runs"].size(), 1U);
  EXPECT_EQ(json["runs"][0]["variant"], "sjf");
  EXPECT_EQ(json["runs"][0]["seed"], 7);
  EXPECT_EQ(json["runs"][0]["metrics"]["jobs_completed"], 50);
  const Ran rows = run_binary({"simulate", file, "--metrics", "utilization"});
  EXPECT_TRUE(has(rows.out, "utilization"));
  EXPECT_FALSE(has(rows.out, "makespan"));
  EXPECT_EQ(Json::parse(run_binary({"simulate", file, "--format", "json"}).out)["runs"].size(),
            20U);  // ten seeds by default
}

TEST(Simulate, MetricsAreListedWithoutSimulating) {
  const Folder folder;
  const Ran list =
      run_binary({"simulate", small_scenario(folder, 400'000'000), "--metrics", "list", "--out", folder.path("o")});
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_TRUE(has(list.out, "per_queue.default.wait_s.mean ")) << list.out;
  EXPECT_TRUE(has(list.out, "per_pool.main.utilization ")) << list.out;
  EXPECT_FALSE(std::filesystem::exists(folder.path("o")));
  EXPECT_EQ(run_binary({"simulate", folder.path("none.json"), "--metrics", "list"}).code, 2);
  EXPECT_TRUE(has(run_binary({"simulate", "--help"}).out, "--metrics list"));
}

TEST(Simulate, TheHeadingTellsOfAWarmUp) {
  const Folder folder;
  const std::string file = small_scenario(folder, 100);
  const std::string none = run_binary({"simulate", file, "--seeds", "1"}).out;
  EXPECT_FALSE(has(none, "not measured")) << none;
  const std::string some = run_binary({"simulate", file, "--seeds", "1", "--set", "/warmup=10%"}).out;
  EXPECT_TRUE(has(some, "seed 1, first 10 % of the jobs not measured")) << some;
}

// In columns: a character of several bytes is one.
std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::size_t used = 0;
  for (const char c : text) {
    if ((c & 0xC0) != 0x80) ++used;
    if (c == '\n') used = 0;
    longest = std::max(longest, used);
  }
  return longest;
}

TEST(Columns, SetTheWidthOfTablesAndHelp) {
  const Folder folder;
  const std::string file = small_scenario(folder, 100);
  const std::string narrow = run_binary({"simulate", file, "--seeds", "1..3"}, "60").out;
  EXPECT_LE(longest_line(narrow), 60U) << narrow;
  EXPECT_LT(longest_line(narrow), longest_line(run_binary({"simulate", file, "--seeds", "1..3"}, "300").out));
  const std::string help = run_binary({"simulate", "--help"}, "60").out;
  EXPECT_TRUE(has(help, "Ctrl-C ends the runs and writes what there is, marked as\npartial")) << help;
  const std::string broad = run_binary({"simulate", "--help"}, "200").out;
  EXPECT_TRUE(has(broad, "Ctrl-C ends the runs and writes what there is, marked as partial (exit code 130).")) << broad;
  EXPECT_EQ(run_binary({"--help"}, "nonsense").out, run_binary({"--help"}).out);
}

TEST(Simulate, OutWritesResultAndSummary) {
  const Folder folder;
  const Ran ran = run_binary({"simulate", small_scenario(folder, 100), "--out", folder.path("a/b"), "--check"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "Written: "));
  const Json json = Json::parse(text_of(folder.path("a/b/result.json")));
  EXPECT_EQ(json["schema"], "drydock.result/1");
  EXPECT_EQ(json["runs"][0]["checked"], true);
  EXPECT_TRUE(has(text_of(folder.path("a/b/summary.txt")), "wait, mean"));
}

TEST(Journal, IsReplayedAndCheckedInBothFormats) {
  const Folder folder;
  const std::string file = small_scenario(folder, 300);
  for (const char* format : {"binary", "jsonl"}) {
    // The name of the file says which, too.
    const std::string journal = folder.path(std::string("one.") + format);
    const Ran ran =
        run_binary({"simulate", file, "--variant", "sjf", "--seeds", "3", "--journal", journal, "--format", "json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(text_of(journal).starts_with('{'), journal.ends_with(".jsonl"));
    const std::string hash = Json::parse(ran.out)["runs"][0]["journal_hash"];
    const Ran replayed = run_binary({"replay", journal});
    EXPECT_EQ(replayed.code, 0) << replayed.out << replayed.err;
    EXPECT_TRUE(has(replayed.out, "identical"));
    EXPECT_TRUE(has(replayed.out, hash));
    EXPECT_TRUE(has(replayed.out, "small, variant sjf, seed 3"));
    const Ran checked = run_binary({"check", journal});
    EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
    EXPECT_TRUE(has(checked.out, "0 violations\n")) << checked.out;
    const Ran what_if = run_binary({"replay", journal, "--set", "/policies/placement/type=fcfs"});
    EXPECT_EQ(what_if.code, 0) << what_if.err;
    EXPECT_TRUE(has(what_if.out, "first difference")) << what_if.out;
  }
}

TEST(Journal, ReplayRefusesWhatItCannotShow) {
  const Folder folder;
  const std::string journal = folder.path("one.journal");
  ASSERT_EQ(
      run_binary({"simulate", small_scenario(folder, 50), "--variant", "sjf", "--seeds", "3", "--journal", journal}).code,
      0);
  for (const char* set :
       {"/cluster/hosts/0/count=9", "/seed=9", "/policies/liveness=oracle", "/workload/0/count=3", "/queues"}) {
    const Ran ran = run_binary({"replay", journal, "--set", set});
    EXPECT_EQ(ran.code, 2) << set << ran.out;
    EXPECT_TRUE(has(ran.err, "use `drydock simulate`")) << ran.err;
  }
  EXPECT_EQ(run_binary({"replay", journal, "--set", "/queues/0/capacity=1"}).code, 0);
}

TEST(Journal, CheckRefusesFactsThatCannotBeAndFindsChangedOnes) {
  const Folder folder;
  const std::string journal = folder.path("one.jsonl");
  ASSERT_EQ(run_binary({"simulate", small_scenario(folder, 50), "--variant", "sjf", "--seeds", "3", "--journal", journal,
                        "--journal-format", "jsonl"})
                .code,
            0);
  const std::string text = text_of(journal);
  const auto check_with = [&](const std::string& old_part, const std::string& new_part) {
    std::string changed = text;
    const std::size_t at = changed.find(old_part);
    EXPECT_NE(at, std::string::npos) << old_part;
    changed.replace(at, old_part.size(), new_part);
    return run_binary({"check", folder.file("changed.jsonl", changed)});
  };
  const Ran speed = check_with(R"("speed":1)", R"("speed":-1)");
  EXPECT_EQ(speed.code, 2);
  EXPECT_TRUE(has(speed.err, "step 1 holds a fact that cannot be: worker 0 has speed -1")) << speed.err;
  const Ran priority = check_with(R"("priority":0)", R"("priority":1)");
  EXPECT_EQ(priority.code, 1) << priority.out << priority.err;
  EXPECT_TRUE(has(priority.out, "is not what was recorded")) << priority.out;
  const Ran scenario = check_with(R"("scenario":"{)", R"("scenario":"[)");
  EXPECT_EQ(scenario.code, 2) << scenario.out;
}

TEST(Journal, VariantsOfLikeNamesDoNotShareAFile) {
  const Folder folder;
  Json scenario = Json::parse(text_of(small_scenario(folder, 20)));
  scenario["variants"] = {{{"name", "a/b"}}, {{"name", "a_b"}}, {{"name", "a b"}}};
  const std::string file = folder.file("names.json", scenario.dump());
  ASSERT_EQ(run_binary({"simulate", file, "--seeds", "1", "--journal", folder.path("journals")}).code, 0);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path("journals"))) {
    EXPECT_EQ(run_binary({"replay", entry.path().string()}).code, 0) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 3U);
}

TEST(Simulate, EmptySeedsAreRefused) {
  const Folder folder;
  const Ran ran = run_binary({"simulate", small_scenario(folder, 20), "--seeds", ""});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(has(ran.err, "--seeds")) << ran.err;
}

TEST(Notes, TellOfOverriddenSetsLeftOutJobsAndOverload) {
  const Folder folder;
  const std::string file = small_scenario(folder, 50);
  const Ran partly = run_binary({"validate", file, "--set", "/policies/placement=saf"});
  EXPECT_EQ(partly.code, 0);
  EXPECT_TRUE(has(partly.err, "note: --set /policies/placement does not change sjf, which has")) << partly.err;
  EXPECT_EQ(run_binary({"validate", file, "--set", "/seed=4"}).err, "");

  const Ran overload =
      run_binary({"validate", small_scenario(folder, 2000), "--set", "/workload/0/arrivals/poisson/rate=9/s"});
  EXPECT_TRUE(has(overload.err, "ask for 900 % of the core time")) << overload.err;

  folder.file("log.swf",
              "1 0 0 10 2 -1 -1 2 20 -1 1 1 1 1 1 1 -1 -1\n2 5 0 -1 2 -1 -1 2 20 -1 1 1 1 1 1 1 -1 -1\n"
              "3 9 0 10 8 -1 -1 8 20 -1 1 1 1 1 1 1 -1 -1\n");
  const std::string trace = folder.file("trace.json", R"({"cluster": {"hosts": [{"name": "n", "count": 4}]},
    "workload": [{"trace": {"format": "swf", "path": "log.swf", "oversized": "skip"}}]})");
  const Ran simulated = run_binary({"simulate", trace});
  EXPECT_EQ(simulated.code, 0) << simulated.err;
  EXPECT_TRUE(has(simulated.err, "jobs left out: 1 ") && has(simulated.err, "1 larger than the pools (line 3)"))
      << simulated.err;
}

TEST(Journal, SeveralRunsGoIntoAFolder) {
  const Folder folder;
  const Ran ran =
      run_binary({"simulate", small_scenario(folder, 50), "--seeds", "1..2", "--journal", folder.path("journals")});
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const char* name : {"fcfs-seed1", "fcfs-seed2", "sjf-seed1", "sjf-seed2"}) {
    EXPECT_EQ(run_binary({"replay", folder.path(std::string("journals/") + name + ".journal")}).code, 0) << name;
  }
}

TEST(Journal, CutOffOneIsRefusedAndTamperedOneDiffers) {
  const Folder folder;
  const std::string journal = folder.path("one.jsonl");
  const Ran ran = run_binary({"simulate", small_scenario(folder, 100), "--variant", "fcfs", "--seeds", "1", "--journal",
                              journal, "--journal-format", "jsonl"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string text = text_of(journal);
  const std::string half = folder.file("cut.jsonl", text.substr(0, text.size() / 2));
  const Ran cut = run_binary({"replay", half});
  EXPECT_EQ(cut.code, 2);
  EXPECT_TRUE(has(cut.err, "cut.jsonl")) << cut.err;
  const Ran checked_half = run_binary({"check", half});
  EXPECT_EQ(checked_half.code, 2);
  EXPECT_TRUE(has(checked_half.out, "steps checked, 0 violations")) << checked_half.out;

  // The first job is said to have been sent to the other worker, whose slot stays in use elsewhere in the journal.
  std::string tampered = text;
  const std::size_t dispatch = tampered.find("\"type\":\"Dispatch\"");
  const std::size_t worker = tampered.find("\"worker\":0", dispatch);
  ASSERT_NE(worker, std::string::npos);
  tampered.replace(worker, 10, "\"worker\":1");
  const std::string file = folder.file("tampered.jsonl", tampered);
  const Ran differs = run_binary({"replay", file});
  EXPECT_EQ(differs.code, 1) << differs.out << differs.err;
  EXPECT_TRUE(has(differs.out, "first difference"));
  const Ran violated = run_binary({"check", file});
  EXPECT_EQ(violated.code, 1) << violated.out << violated.err;
  EXPECT_TRUE(has(violated.out, "breaks invariant")) << violated.out;
}

TEST(Import, SaysWhatWasSkippedAndWritesAScenarioThatRuns) {
  const Folder folder;
  const std::string trace = folder.file("small.swf",
                                        "; MaxProcs: 4\n"
                                        "1 0 0 10 2 -1 -1 2 20 -1 1 1 1 1 1 1 -1 -1\n"
                                        "2 5 0 -1 2 -1 -1 2 20 -1 1 1 1 1 1 1 -1 -1\n"
                                        "3 9 0 30 1 -1 -1 1 60 -1 1 1 1 1 1 1 -1 -1\n");
  const Ran text = run_binary({"import", "swf", trace, "--out", folder.path("imported.json")});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_TRUE(has(text.out, "3 jobs read")) << text.out;
  EXPECT_TRUE(has(text.out, "skipped"));
  EXPECT_TRUE(has(text.out, "3")) << text.out;
  const Ran ran = run_binary({"simulate", folder.path("imported.json"), "--format", "json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json["runs"].size(), 2U);  // nothing is random: one seed
  EXPECT_EQ(json["runs"][0]["metrics"]["jobs_completed"], 2);
  EXPECT_EQ(Json::parse(run_binary({"import", "swf", trace, "--format", "json"}).out)["read"], 3);
}

TEST(Import, KeepsQueuesUnitsAndOtherPeoplesFiles) {
  const Folder folder;
  const std::string trace = folder.file("jobs.csv", "at,took,class\n0,1500,web app\n1000,500,batch\n");
  const std::string out = folder.file("mine.json", "precious");
  const std::vector<std::string> import{"import",      "csv", trace,   "--columns", "submit=at,runtime=took,queue=class",
                                        "--time-unit", "ms",  "--out", out};
  const Ran refused = run_binary(import);
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(has(refused.err, "--force")) << refused.err;
  EXPECT_EQ(text_of(out), "precious");
  std::vector<std::string> forced = import;
  forced.emplace_back("--force");
  const Ran text = run_binary(forced);
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_TRUE(has(text.out, "assumed")) << text.out;
  const Ran ran = run_binary({"simulate", out, "--variant", "fcfs", "--format", "json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json metrics = Json::parse(ran.out)["runs"][0]["metrics"];
  EXPECT_EQ(metrics["per_queue.web-app.response_s.mean"], 1.5);
  EXPECT_EQ(metrics["per_queue.batch.jobs_completed"], 1);
  // A slip in the map of queues would send the jobs elsewhere.
  const Ran slip = run_binary({"validate", out, "--set", R"(/workload/0/trace/queues={"btach": "batch"})"});
  EXPECT_EQ(slip.code, 2);
  EXPECT_TRUE(has(slip.err, "did you mean \"batch\"?")) << slip.err;
}

TEST(Faults, ListsAndExplains) {
  const Ran list = run_binary({"faults"});
  EXPECT_EQ(list.code, 0);
  EXPECT_TRUE(has(list.out, "worker-crash"));
  EXPECT_TRUE(has(list.out, "message-loss"));
  const Ran one = run_binary({"faults", "message-loss"});
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_TRUE(has(one.out, "between (required)")) << one.out;
  EXPECT_TRUE(has(one.out, "\"leave\": Probability that the good state follows")) << one.out;
  EXPECT_EQ(run_binary({"faults", "worker-crash"}).code, 0);
  const Ran unknown = run_binary({"faults", "mesage-loss"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_TRUE(has(unknown.err, "message-loss")) << unknown.err;
}

TEST(Import, CsvNeedsItsColumns) {
  const Folder folder;
  const std::string trace = folder.file("jobs.csv", "when,took,width\n0,10,1\n4,5.5,2\n");
  const Ran without = run_binary({"import", "csv", trace});
  EXPECT_EQ(without.code, 2);
  EXPECT_TRUE(has(without.err, "--columns"));
  EXPECT_EQ(run_binary({"import", "csv", trace, "--columns", "submit=when,runtime=tok"}).code, 2);
  EXPECT_EQ(run_binary({"import", "csv", trace, "--columns", "submt=when,runtime=took"}).code, 2);
  EXPECT_EQ(run_binary({"import", "csv", trace, "--columns", "submit=when"}).code, 2);
  const Ran ran = run_binary(
      {"import", "csv", trace, "--columns", "submit=when,runtime=took,tasks=width", "--out", folder.path("c.json")});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(run_binary({"simulate", folder.path("c.json")}).code, 0);
}

Json first_run(const Folder& folder, const std::string& scenario) {
  const Ran ran = run_binary({"simulate", folder.file("s.json", scenario), "--format", "json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  return Json::parse(ran.out)["runs"][0];
}

// Memory that was given back is overwritten in these tests, so that the engine may not look at transfers that have ended.
TEST(Simulate, ManyTransfers) {
  const Folder folder;
  const Json run = first_run(folder, R"({
    "cluster": {"hosts": [{"name": "n", "count": 3, "cpus": 4}], "network": {"latency": "1ms"}},
    "workload": [{"count": 500, "arrivals": {"at-once": {}}, "duration": "5s", "input": "1MB", "output": "2MB", "tasks": 2}],
    "faults": [{"type": "worker-crash", "mtbf": "1m", "mttr": "10s"}]
  })");
  EXPECT_EQ(run["metrics"]["jobs_completed"], 500);
}

// The work that a preemption kept is lost in a crash on a slower host: it counts with the core time that it took on the fast one.
TEST(Simulate, WasteIsCountedWhereItWasDone) {
  const Folder folder;
  const Json run = first_run(folder, R"({
    "cluster": {"hosts": [{"name": "fast", "speed": 4}, {"name": "slow"}]},
    "policies": {"placement": {"type": "priority", "preemptive": true}},
    "workload": [
      {"name": "kept", "count": 1, "arrivals": {"at-once": {}}, "duration": "100s"},
      {"name": "short", "count": 1, "arrivals": {"at-once": {"at": "1s"}}, "duration": "5s", "priority": 1},
      {"name": "long", "count": 1, "arrivals": {"at-once": {"at": "5s"}}, "duration": "1000s", "priority": 1}
    ],
    "faults": [{"type": "worker-crash", "target": "slow", "at": "11s", "for": "1s"}]
  })");
  // 5 s on the fast host; then, from 6 s on, 5 s on the slow one.
  EXPECT_DOUBLE_EQ(run["metrics"]["wasted_cpu_s"], 10);
}

// A gang's faster part is done earlier: its core is free then, however the slots are counted.
TEST(Simulate, UtilizationOfAGangOverUnequalHosts) {
  const Folder folder;
  for (const char* slots : {"2", "\"unlimited\""}) {
    const Json run = first_run(folder, R"({
      "cluster": {"hosts": [{"name": "fast", "speed": 10, "memory": "1GiB"}, {"name": "slow", "memory": "1GiB"}]},
      "pools": [{"name": "main", "slots_per_worker": )" +
                                           std::string(slots) + R"(}],
      "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "10s", "tasks": 2, "memory": "1GiB"}]
    })");
    EXPECT_DOUBLE_EQ(run["metrics"]["response_s.mean"], 10) << slots;
    EXPECT_DOUBLE_EQ(run["metrics"]["utilization"], 0.55) << slots;
  }
}

// What a shell says of the program with these redirections.
int code_of(const std::string& arguments) {
  const std::string command = DRYDOCK_BINARY " " + arguments;
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Output, ThatIsLostIsNoSuccess) {
  EXPECT_EQ(code_of("version >&- 2>&-"), 2);
  EXPECT_EQ(code_of("version >/dev/full 2>/dev/full"), 2);
  EXPECT_EQ(code_of("version 2>&- >/dev/null"), 0);
  const Folder folder;
  const std::string simulate = "simulate " + small_scenario(folder, 50) + " --format json 2>" + folder.path("err");
  for (const char* lost : {" >&-", " >/dev/full"}) {
    EXPECT_EQ(code_of(simulate + lost), 2) << lost;
    EXPECT_EQ(text_of(folder.path("err")), "drydock: the output could not be written completely\n") << lost;
  }
}

// Starts `drydock simulate` and interrupts it once; the folder for its results appears when runs are about to begin.
Ran interrupted(std::vector<std::string> arguments, const std::string& out, int signal = SIGINT) {
  arguments.insert(arguments.begin(), "simulate");
  arguments.insert(arguments.end(), {"--format", "json", "--out", out});
  const Started started(arguments);
  while (!std::filesystem::exists(out)) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  started.interrupt(signal);
  return started.wait();
}

// 300 000 jobs at once, each given a reservation before anything else happens.
TEST(Interrupt, OnceIsEnoughWithinOneInstant) {
  const Folder folder;
  const std::string file = folder.file("once.json", R"({
    "cluster": {"hosts": [{"name": "node", "count": 64}]},
    "workload": [{"count": 300000, "arrivals": {"at-once": {}}, "duration": {"exponential": {"mean": "10m"}},
                  "tasks": {"uniform": {"low": 1, "high": 32}}}],
    "policies": {"placement": "conservative"}
  })");
  const Ran ran = interrupted({file, "--seeds", "1..2", "--jobs", "1"}, folder.path("out"));
  EXPECT_EQ(ran.code, 130) << ran.err;
  const Json runs = Json::parse(ran.out)["runs"];
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["error"], "not finished: interrupted before it could say what there was");
  EXPECT_EQ(runs[1]["error"], "not run: the program was interrupted before");
}

// timeout(1) signals its child and then the group.
TEST(Interrupt, TwoSignalsInOneMomentAreOneRequest) {
  const Folder folder;
  const Started started({"simulate", small_scenario(folder, 400'000'000), "--seeds", "1", "--jobs", "1", "--format", "json",
                         "--out", folder.path("out")});
  while (!std::filesystem::exists(folder.path("out"))) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  started.interrupt(SIGTERM);
  started.interrupt(SIGHUP);
  const Ran ran = started.wait();
  EXPECT_EQ(ran.code, 130) << ran.signal << ran.err;
  EXPECT_EQ(Json::parse(ran.out)["partial"], true);
}

class Interrupted : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(By, Interrupted, testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST_P(Interrupted, LeavesMarkedPartialResults) {
  const Folder folder;
  const Ran ran =
      interrupted({small_scenario(folder, 400'000'000), "--seeds", "1..3", "--jobs", "1"}, folder.path("out"), GetParam());
  EXPECT_EQ(ran.code, 130) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json["partial"], true);
  ASSERT_EQ(json["runs"].size(), 6U);
  EXPECT_EQ(json["runs"][0]["partial"], true);
  EXPECT_GT(json["runs"][0]["metrics"].value("jobs_completed", 0.0), 0) << json["runs"][0];
  EXPECT_EQ(Json::parse(text_of(folder.path("out/result.json")))["partial"], true);
  EXPECT_TRUE(has(text_of(folder.path("out/summary.txt")), "PARTIAL"));
  EXPECT_TRUE(has(ran.err, "stopping"));
}

TEST(Interrupt, NoVariantVanishesFromTheTable) {
  const Folder folder;
  const Started started({"simulate", small_scenario(folder, 400'000'000), "--seeds", "1", "--jobs", "1", "--metrics",
                         "wait_s", "--out", folder.path("out")});
  while (!std::filesystem::exists(folder.path("out"))) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  started.interrupt();
  const Ran ran = started.wait();
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_TRUE(has(ran.out, "small: 2 variants")) << ran.out;
  EXPECT_TRUE(has(ran.out, "fcfs (partial)")) << ran.out;
  EXPECT_TRUE(has(ran.out, "sjf (no result)")) << ran.out;
}

}  // namespace
}  // namespace drydock::cli::commands_test
