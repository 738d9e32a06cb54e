// What each path of the API does, between a real Redis and a real PostgreSQL, without a server around it.
#include "real-runtime/api.hpp"

#include "policies/ports/share_text.hpp"
#include "policies/ports/worker_text.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "real-runtime/scheduler_driver.hpp"
#include "real-runtime/shadow_board.hpp"
#include "real-runtime/share_store.hpp"

#include <atomic>
#include <fmt/format.h>
#include <future>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace drydock::runtime::api_test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class ApiOnStores : public testing::Test {
 protected:
  void SetUp() override {
    auto redis = PrivateRedis::start({});
    ASSERT_TRUE(redis.ok()) << redis.error().message;
    redis_ = std::move(redis).value();
    auto postgres = PrivatePostgres::start({.durable = false});
    ASSERT_TRUE(postgres.ok()) << postgres.error().message;
    postgres_ = std::move(postgres).value();
    auto store = PostgresClient::connect({.connection = postgres_->connection()});  // makes the schema
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_ = std::move(store).value();
    ASSERT_TRUE(set_queues(*store_, {"default", "other"}).ok());
    auto client = RedisClient::connect({.address = redis_->address()});
    ASSERT_TRUE(client.ok());
    registry_ = std::move(client).value();
    api_ = std::make_unique<Api>(ApiOptions{.stores = {.redis = {.address = redis_->address()},
                                                       .postgres = {.connection = postgres_->connection()},
                                                       .connections = 3},
                                            .guard = {},
                                            .pools = {"main"}});
  }

  HttpResponse ask(const std::string& method, const std::string& path, const std::string& body = {},
                   const std::map<std::string, std::string>& headers = {}) {
    HttpRequest request{.method = method, .path = path, .headers = headers, .body = body, .id = "r-1"};
    if (const std::size_t mark = path.find('?'); mark != std::string::npos) {
      request.path = path.substr(0, mark);
      const std::size_t end = path.size();
      for (std::size_t at = mark + 1; at < end;) {
        const std::size_t next = std::min(path.find('&', at), end);
        const std::string pair = path.substr(at, next - at);
        request.query[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
        at = next + 1;
      }
    }
    return api_->answer(request);
  }
  json get(const std::string& path, int status = 200) {
    const HttpResponse response = ask("GET", path);
    EXPECT_EQ(response.status, status) << path << ": " << response.body;
    return json::parse(response.body, nullptr, false);
  }
  HttpResponse submit(const std::string& body, const std::map<std::string, std::string>& headers = {}) {
    return ask("POST", "/api/v1/jobs/submit", body, headers);
  }
  static json body_of(const HttpResponse& response) { return json::parse(response.body, nullptr, false); }
  static std::string message_of(const HttpResponse& response) {
    return body_of(response)["error"]["message"].get<std::string>();
  }
  std::string value(const std::string& sql) {
    const auto result = store_->run(sql);
    return result.ok() ? result.value() : result.error().message;
  }
  void add_worker(std::uint32_t number, std::int64_t cores, bool draining = false) {
    const WorkerSpec spec{
        .pool = PoolId{0},
        .capacity = make_resources({.cpus_milli = cores * 1000, .memory_bytes = 1000, .gpus = 2, .slots = 4})};
    const BeatFields fields =
        beat_fields(WorkerId{number}, spec, SendBeat{.request = {}, .incarnation = 1, .draining = draining}, "here");
    (void)registry_->execute(redis::BeatWorker{std::to_string(number), fields.fields, fields.touched, 60s});
  }
  void lead() {
    const auto reply =
        store_->execute(postgres::AcquireLease{.lease = std::string(SchedulerDriver::kLease), .holder = "me", .ttl = 60s});
    ASSERT_TRUE(std::holds_alternative<postgres::Lease>(reply)) << to_text(reply);
  }
  void commit(postgres::CommitBatch batch) {
    batch.fence = {.lease = std::string(SchedulerDriver::kLease), .epoch = 1};
    batch.request = RequestId{++batches_};
    const auto reply = store_->execute(batch);
    const auto* verdict = std::get_if<postgres::Verdict>(&reply);
    ASSERT_TRUE(verdict != nullptr && verdict->outcome == postgres::Verdict::Outcome::applied) << to_text(reply);
  }
  void assign(std::uint64_t job, std::uint32_t attempt = 1) {
    commit({.assignments = {
                {.attempt = {JobId{job}, attempt},
                 .shares = {{WorkerId{0}, 1, make_resources({.cpus_milli = 4000, .memory_bytes = 100, .gpus = 1})}}}}});
  }

  std::unique_ptr<PrivateRedis> redis_;
  std::unique_ptr<PrivatePostgres> postgres_;
  std::unique_ptr<PostgresClient> store_;
  std::unique_ptr<RedisClient> registry_;
  std::unique_ptr<Api> api_;
  std::uint64_t batches_ = 0;
};

TEST_F(ApiOnStores, AJobIsSubmittedShownAndCancelled) {
  const HttpResponse accepted = submit(R"({"script": "sleep 60", "cpus": 4, "queue": "other", "memory": "1GiB"})");
  ASSERT_EQ(accepted.status, 201) << accepted.body;
  const json body = body_of(accepted);
  const std::string path = accepted.headers.at("Location");
  EXPECT_EQ(path, "/api/v1/jobs/" + body["id"].dump());
  EXPECT_EQ(body["jobs"], json::array({body["id"]}));
  EXPECT_EQ(body["repeated"], false);

  const json job = get(path);
  EXPECT_EQ(job["status"], "waiting");
  EXPECT_EQ(job["queue"], "other");
  EXPECT_EQ(job["cpus"], 4);
  EXPECT_EQ(job["memory_bytes"], 1 << 30);
  EXPECT_EQ(job["payload"], json({{"script", "sleep 60"}}));
  EXPECT_EQ(job["allocations"], json::array());
  EXPECT_EQ(job["reason"], "no worker is registered");

  EXPECT_EQ(ask("DELETE", path).status, 202);
  EXPECT_EQ(ask("DELETE", path).status, 202) << "asked before";
  EXPECT_EQ(get(path)["cancel_requested"], true);
  lead();
  const auto ended = store_->execute(postgres::CommitBatch{.fence = {.lease = "scheduler", .epoch = 1},
                                                           .request = RequestId{1},
                                                           .endings = {{JobId{body["id"].get<std::uint64_t>()}}}});
  ASSERT_TRUE(std::holds_alternative<postgres::Verdict>(ended));
  EXPECT_EQ(get(path)["status"], "cancelled");
  EXPECT_EQ(ask("DELETE", path).status, 409);
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/77").status, 404);
  get("/api/v1/jobs/77", 404);
  get("/api/v1/jobs/seven", 400);
  get("/api/v1/jobs/0" + body["id"].dump(), 400);
  get("/api/v1/jobs/99999999999999999999", 400);
}

TEST_F(ApiOnStores, ManyAreSubmittedAtOnceOrNone) {
  json many{{"jobs", json::array()}};
  for (int i = 0; i < 10'000; ++i) many["jobs"].push_back({{"sleep", "1s"}});
  const HttpResponse accepted = submit(many.dump());
  ASSERT_EQ(accepted.status, 201) << accepted.body;
  const auto ids = body_of(accepted)["jobs"].get<std::vector<std::uint64_t>>();
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 10'000U);
  EXPECT_EQ(value("select count(*) from drydock.jobs"), "10000");
  many["jobs"].push_back({{"sleep", "1s"}});
  EXPECT_EQ(submit(many.dump()).status, 400);
  EXPECT_EQ(submit(R"({"jobs": [{"sleep": "1s"}, {"sleep": "1s", "queue": "none"}]})").status, 400);
  EXPECT_EQ(value("select count(*) from drydock.jobs"), "10000");
}

TEST_F(ApiOnStores, ARepetitionGetsTheSameJobs) {
  const std::string body = R"({"jobs": [{"script": "a"}, {"script": "b"}]})";
  const HttpResponse first = submit(body, {{"idempotency-key", "k1"}});
  ASSERT_EQ(first.status, 201) << first.body;
  const HttpResponse second = submit(R"({"unique_key": "k1", "jobs": [{"script":"a"},{"script":"b"}]})");
  EXPECT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(body_of(second)["jobs"], body_of(first)["jobs"]);
  EXPECT_EQ(body_of(second)["repeated"], true);
  EXPECT_EQ(value("select count(*) from drydock.jobs"), "2");
  EXPECT_EQ(submit(R"({"script": "c"})", {{"idempotency-key", "k1"}}).status, 422);
  EXPECT_EQ(submit(body, {{"idempotency-key", "k2"}}).status, 201);
  EXPECT_EQ(submit(R"({"script": "c", "unique_key": "x"})", {{"idempotency-key", "y"}}).status, 400);
  EXPECT_EQ(submit(R"({"script": "c"})", {{"idempotency-key", std::string(300, 'k')}}).status, 400);
  EXPECT_EQ(submit(R"({"script": "c"})", {{"idempotency-key", ""}}).status, 400) << "somebody forgot to fill it in";
  EXPECT_EQ(submit(R"({"script": "c"})", {{"idempotency-key", "it's \\ quoted"}}).status, 201);
  EXPECT_EQ(submit(R"({"script": "c"})", {{"idempotency-key", "it's \\ quoted"}}).status, 200);
}

// The ids were reserved, and then the API died: the repetition finishes it.
TEST_F(ApiOnStores, WhatWasInterruptedIsFinishedByARepetition) {
  const HttpResponse first = submit(R"({"script": "a", "unique_key": "k"})");
  ASSERT_EQ(first.status, 201);
  ASSERT_EQ(value("delete from drydock.jobs returning 'gone'"), "gone");
  const HttpResponse second = submit(R"({"script": "a", "unique_key": "k"})");
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(body_of(second)["id"], body_of(first)["id"]);
  EXPECT_EQ(get("/api/v1/jobs/" + body_of(first)["id"].dump())["status"], "waiting");
}

// What leads keeps house.
TEST_F(ApiOnStores, KeysAreKeptForADay) {
  const HttpResponse first = submit(R"({"script": "a", "unique_key": "old"})");
  ASSERT_EQ(submit(R"({"script": "a", "unique_key": "new"})").status, 201);
  ASSERT_EQ(
      value("update drydock.submissions set submitted_at = now() - interval '25 hours' where key = 'old' returning key"),
      "old");
  lead();
  (void)store_->execute(postgres::RaiseMark{{.lease = std::string(SchedulerDriver::kLease), .epoch = 1}});
  EXPECT_EQ(submit(R"({"script": "a", "unique_key": "new"})").status, 200);
  const HttpResponse again = submit(R"({"script": "a", "unique_key": "old"})");
  EXPECT_EQ(again.status, 201);
  EXPECT_NE(body_of(again)["id"], body_of(first)["id"]);
}

// A submission is one transaction: neither ids without jobs nor a key without both.
TEST_F(ApiOnStores, WhatFailsLeavesNothing) {
  ASSERT_EQ(submit(R"({"script": "a"})").status, 201);
  ASSERT_EQ(value("alter table drydock.jobs add constraint small check (cpus < 5000); select 'done'"), "done");
  const HttpResponse refused = submit(R"({"script": "a", "cpus": 6, "unique_key": "k"})");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(message_of(refused).find("nothing was submitted"), std::string::npos);
  EXPECT_EQ(value("select count(*) from drydock.submissions"), "0");
  EXPECT_EQ(value("select next_id from drydock.intake"), "2");
  ASSERT_EQ(value("alter table drydock.jobs drop constraint small; select 'done'"), "done");
  EXPECT_EQ(submit(R"({"script": "a", "cpus": 6, "unique_key": "k"})").status, 201);
}

// A connection that the server ended is found before anything is sent on it, and one that broke in the middle of a submission without a
// key is not used again for it.
TEST_F(ApiOnStores, NothingIsSubmittedTwice) {
  ASSERT_EQ(submit(R"({"script": "a"})").status, 201);
  const std::string others = " from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'";
  ASSERT_EQ(value("select count(pg_terminate_backend(pid)) > 0" + others), "t");
  while (value("select count(*)" + others) != "0") std::this_thread::sleep_for(1ms);
  const HttpResponse again = submit(R"({"script": "a"})");
  EXPECT_EQ(again.status, 201) << again.body;
  ASSERT_EQ(value("create function drydock.cut() returns trigger language plpgsql as $$ begin "
                  "perform pg_terminate_backend(pg_backend_pid()); return new; end $$; "
                  "create trigger cut before insert on drydock.jobs execute function drydock.cut(); select 'done'"),
            "done");
  const HttpResponse cut = submit(R"({"script": "a"})");
  EXPECT_EQ(cut.status, 503);
  EXPECT_NE(message_of(cut).find("it is not certain"), std::string::npos) << message_of(cut);
  EXPECT_EQ(value("select count(*) from drydock.jobs"), "2");
}

// What took too long once is not begun again.
TEST_F(ApiOnStores, ATimeoutIsNotRepeated) {
  ASSERT_EQ(submit(R"({"script": "a"})").status, 201);
  ASSERT_EQ(
      value("create sequence drydock.tries; create function drydock.slow() returns trigger language plpgsql as $$ begin "
            "perform nextval('drydock.tries'); perform pg_sleep(60); return new; end $$; "
            "create trigger slow before insert on drydock.jobs execute function drydock.slow(); select 'done'"),
      "done");
  EXPECT_EQ(submit(R"({"script": "a", "unique_key": "k"})").status, 503);
  EXPECT_EQ(value("select last_value from drydock.tries"), "1");
  EXPECT_EQ(value("select count(*) from drydock.jobs"), "1");
}

TEST_F(ApiOnStores, ManyWithOneKeyAreOneJob) {
  std::vector<std::future<HttpResponse>> asked;
  for (int i = 0; i < 8; ++i) {
    asked.push_back(std::async(std::launch::async, [this] { return submit(R"({"script": "a", "unique_key": "k"})"); }));
  }
  std::map<int, int> by_status;
  std::set<json> ids;
  for (auto& each : asked) {
    const HttpResponse response = each.get();
    ++by_status[response.status];
    ids.insert(body_of(response)["id"]);
  }
  EXPECT_EQ(by_status, (std::map<int, int>{{200, 7}, {201, 1}}));
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(value("select count(*) from drydock.jobs"), "1");
}

TEST_F(ApiOnStores, PagesGoOnWhereTheLastOneEnded) {
  for (int i = 0; i < 25; ++i) ASSERT_EQ(submit(R"({"sleep": "1s", "queue": "other"})").status, 201);
  ASSERT_EQ(submit(R"({"sleep": "1s"})").status, 201);
  std::set<std::uint64_t> seen;
  std::string next;
  int pages = 0;
  do {
    const json page = get("/api/v1/jobs?queue=other&limit=10" + (next.empty() ? "" : "&after=" + next));
    for (const json& job : page["jobs"]) {
      EXPECT_TRUE(seen.insert(job["id"].get<std::uint64_t>()).second);
      EXPECT_FALSE(job.contains("payload"));
    }
    next = page["next"].is_null() ? "" : page["next"].get<std::string>();
    if (++pages == 1) {
      ASSERT_EQ(submit(R"({"sleep": "1s", "queue": "other"})").status, 201) << "newer ones do not disturb it";
    }
  } while (!next.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(seen.size(), 25U);
  EXPECT_EQ(get("/api/v1/jobs?state=waiting&limit=1000")["jobs"].size(), 27U);
  EXPECT_EQ(get("/api/v1/jobs?state=failed")["jobs"].size(), 0U);
  for (const char* wrong :
       {"?state=lost", "?limit=0", "?limit=1001", "?limit=ten", "?after=x", "?after=-1", "?queue=none", "?stat=any"}) {
    get(std::string("/api/v1/jobs") + wrong, 400);
  }
  EXPECT_NE(message_of(ask("GET", "/api/v1/jobs?stat=any")).find("did you mean \"state\""), std::string::npos);
}

TEST_F(ApiOnStores, WhatCannotBeIsSaid) {
  const HttpResponse wrong = submit(R"({"script": "a", "cpus": "four"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(body_of(wrong)["error"]["status"], 400);
  EXPECT_EQ(body_of(wrong)["error"]["request_id"], "r-1");
  EXPECT_NE(message_of(wrong).find("/cpus"), std::string::npos);
  EXPECT_EQ(submit("").status, 400);
  EXPECT_EQ(submit("{\"script\": \"\xc3\x28\"}").status, 400);
  EXPECT_NE(message_of(submit(R"({"script": "a", "queue": "othr"})")).find("did you mean \"other\""), std::string::npos);
  get("/api/v1/nothing", 404);
  get("/api/v1/jobs/1/2", 404);
  const HttpResponse method = ask("POST", "/api/v1/jobs");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.headers.at("Allow"), "GET");
  const HttpResponse verb = ask("GET", "/api/v1/jobs/submit");
  EXPECT_EQ(verb.status, 405);
  EXPECT_EQ(verb.headers.at("Allow"), "POST");
  EXPECT_EQ(value("select count(*) from drydock.jobs"), "0");
}

TEST_F(ApiOnStores, TheWholeIsShown) {
  add_worker(0, 96);
  add_worker(1, 32, true);
  (void)registry_->execute(redis::SetWorker{"stranger", {{"cpus", "5"}}});
  lead();
  const HttpResponse accepted = submit(R"({"jobs": [{"sleep": "1s", "cpus": 4}, {"sleep": "1s", "queue": "other"}]})");
  const auto ids = body_of(accepted)["jobs"].get<std::vector<std::uint64_t>>();
  assign(ids.at(0));
  (void)registry_->execute(redis::SetCounter{3500});

  const json shown = get("/api/v1/dashboard");
  const json& resources = shown["resources"];
  EXPECT_EQ(resources["total_cpus"], 128);
  EXPECT_EQ(resources["allocated_cpus"], 4);
  EXPECT_EQ(resources["available_cpus"], 124);
  EXPECT_EQ(resources["truth_cpus"], 4);
  EXPECT_EQ(resources["counter_cpus"], 3.5) << "side by side: here it is wrong";
  EXPECT_EQ(resources["total_gpus"], 4);
  EXPECT_EQ(resources["allocated_gpus"], 1);
  EXPECT_EQ(resources["allocated_memory_bytes"], 100);
  EXPECT_EQ(resources["workers_alive"], 2);
  EXPECT_EQ(resources["workers_draining"], 1);
  EXPECT_EQ(resources["workers_unreadable"], 1);
  EXPECT_EQ(resources["jobs_waiting"], 1);
  EXPECT_EQ(resources["jobs_running"], 1);
  EXPECT_EQ(shown["leader"]["name"], "me");

  const json workers = get("/api/v1/workers")["workers"];
  ASSERT_EQ(workers.size(), 2U);
  EXPECT_EQ(workers[0]["cpus"], 96);
  EXPECT_EQ(workers[0]["pool"], "main");
  EXPECT_EQ(workers[0]["allocated"]["cpus"], 4);
  EXPECT_EQ(workers[1]["status"], "draining");
  const double ttl = workers[0]["ttl_s"].get<double>();
  EXPECT_TRUE(ttl > 0 && ttl <= 60) << ttl;
  const json queues = get("/api/v1/queues")["queues"];
  EXPECT_EQ(queues, json({{{"name", "default"}, {"served", true}, {"waiting", 0}, {"running", 1}},
                          {{"name", "other"}, {"served", true}, {"waiting", 1}, {"running", 0}}}));
  const json job = get("/api/v1/jobs/" + std::to_string(ids.at(0)));
  EXPECT_EQ(job["status"], "running");
  EXPECT_EQ(job["allocations"][0]["worker"], 0);
}

// Attempts begin and end all the time: what is shown of the job and of them is of one moment.
TEST_F(ApiOnStores, AJobAndItsAttemptsAreOfOneMoment) {
  lead();
  const auto id = body_of(submit(R"({"sleep": "1s"})"))["id"].get<std::uint64_t>();
  std::atomic<bool> done{false};
  std::thread changing([&] {
    for (std::uint32_t attempt = 1; attempt <= 100 && !HasFailure(); ++attempt) {
      assign(id, attempt);
      commit({.releases = {{.attempt = {JobId{id}, attempt}, .reason = ReleaseReason::preempted}}});
    }
    done = true;
  });
  while (!done) {
    const json job = get("/api/v1/jobs/" + std::to_string(id));
    const json& attempts = job["allocations"];
    const bool held = !attempts.empty() && attempts.back()["ended_at"].is_null();
    EXPECT_EQ(job["status"], held ? "running" : "waiting") << job;
    EXPECT_EQ(job["attempts"], attempts.empty() ? json(0) : attempts.back()["attempt"]) << job;
  }
  changing.join();
}

TEST_F(ApiOnStores, IsReadyWhenSomebodyLeads) {
  get("/healthz");
  EXPECT_NE(get("/readyz", 503)["error"]["message"].get<std::string>().find("no scheduler leads"), std::string::npos);
  lead();
  get("/readyz");
  ASSERT_EQ(value("update drydock.meta set version = version + 1 returning 'newer'"), "newer");
  EXPECT_NE(get("/readyz", 503)["error"]["message"].get<std::string>().find("version"), std::string::npos);
}

// Each line is a comment or a sample, and each sample has its family before it.
TEST_F(ApiOnStores, MetricsAreWhatPrometheusReads) {
  add_worker(0, 96);
  ASSERT_EQ(submit(R"({"sleep": "1s"})").status, 201);
  api_->answered({.method = "GET", .path = "/api/v1/jobs/17"}, 404, 3ms);
  api_->answered({.method = "GET", .path = "/etc/passwd\"}"}, 404, 3ms);
  const HttpResponse response = ask("GET", "/metrics");
  ASSERT_EQ(response.status, 200);
  EXPECT_TRUE(response.content_type.starts_with("text/plain; version=0.0.4"));
  for (const char* line : {"drydock_store_up{store=\"postgres\"} 1\n", "drydock_store_up{store=\"redis\"} 1\n",
                           "drydock_workers{status=\"ready\"} 1\n", "drydock_worker_cpus 96\n", "drydock_has_leader 0\n",
                           "drydock_jobs{queue=\"default\",state=\"waiting\"} 1\n",
                           "drydock_jobs{queue=\"other\",state=\"waiting\"} 0\n", "drydock_jobs_all_counted 1\n",
                           "drydock_http_requests_total{method=\"GET\",route=\"/api/v1/jobs/{id}\",status=\"404\"} 1\n",
                           "drydock_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1\n",
                           "drydock_http_request_duration_seconds_bucket{le=\"0.005\"} 2\n"}) {
    EXPECT_NE(response.body.find(line), std::string::npos) << line << response.body;
  }
  std::istringstream lines(response.body);
  std::string line;
  std::set<std::string> families;
  while (std::getline(lines, line)) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(families.insert(line.substr(7, line.find(' ', 7) - 7)).second) << line;
    }
    if (line.starts_with('#')) continue;
    std::string name = line.substr(0, line.find_first_of("{ "));
    for (const char* end : {"_bucket", "_sum", "_count"}) {
      if (name.ends_with(end)) name.resize(name.size() - std::string(end).size());
    }
    EXPECT_TRUE(families.contains(name)) << line;
  }
}

TEST_F(ApiOnStores, MetricsTellOfTheLeadersShadow) {
  EXPECT_EQ(ask("GET", "/metrics").body.find("drydock_shadow"), std::string::npos);
  ShadowReport report{.name = "easy", .equal = 7, .different = 2};
  report.starts = {.same = 5, .shadow_only = 3};
  report.later = 2;
  report.later_by = Duration{std::chrono::milliseconds{1'500}};
  const auto redis = RedisClient::connect({.address = redis_->address()});
  ASSERT_TRUE(redis.ok()) << redis.error().message;
  ASSERT_TRUE(redis.value()->run({"SET", std::string(kShadowKey), to_json(report)}).ok());
  const std::string text = ask("GET", "/metrics").body;
  for (const char* line : {"# TYPE drydock_shadow_decisions_total counter\n", "drydock_shadow_up{shadow=\"easy\"} 1\n",
                           "drydock_shadow_moments_total{shadow=\"easy\",result=\"equal\"} 7\n",
                           "drydock_shadow_decisions_total{shadow=\"easy\",decision=\"start\",result=\"shadow_only\"} 3\n",
                           "drydock_shadow_started_later_seconds_total{shadow=\"easy\"} 1.5\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  ASSERT_TRUE(redis.value()->run({"SET", std::string(kShadowKey), "of another version"}).ok());
  EXPECT_EQ(ask("GET", "/metrics").body.find("drydock_shadow"), std::string::npos);
}

TEST_F(ApiOnStores, MetricsHaveNoNumberForWithoutLimit) {
  add_worker(0, kUnlimited / 1000 + 1);
  const std::string text = ask("GET", "/metrics").body;
  EXPECT_NE(text.find("drydock_worker_cpus +Inf\n"), std::string::npos) << text;
}

// Who asks for health uses connections of its own.
// What two workers show, of which one has all: as one, and of each.
TEST_F(ApiOnStores, ScalingStatusIsThatOfOneWorkerOrOfAllAsOne) {
  EXPECT_NE(message_of(ask("GET", "/scaling_status")).find("nobody shares anything that is called \"limits\""),
            std::string::npos);
  const auto status = [](std::uint32_t worker, std::int64_t share, double ratio) {
    const json base{{"concurrent", 10}, {"rpm", 200}, {"tpm", nullptr}};
    const json current{{"concurrent", share}, {"rpm", share * 20}, {"tpm", nullptr}};
    return json{{"worker_id", worker},
                {"total_workers", 4},
                {"active_workers", 1},
                {"active_worker_ids", {0}},
                {"is_scaling_enabled", true},
                {"base_allocation", base},
                {"current_allocation", current},
                {"utilization_ratio", {{"concurrent", ratio}, {"rpm", ratio}, {"tpm", nullptr}, {"workers", 0.25}}}};
  };
  const WorkerReport idle{.worker = WorkerId{1}, .load = {}};
  const WorkerReport busy{.worker = WorkerId{0}, .active = true, .load = {}};
  const ShareLedgerState state{
      .store = StoreIdentity{1}, .holders = {}, .published = {{busy, kTimeZero}, {idle, kTimeZero}}};
  ASSERT_TRUE(registry_->run({"HSET", "share:limits", "token", "t", "state", to_json(state)}).ok());
  ASSERT_TRUE(registry_->run({"SET", share_status_key("limits", WorkerId{0}), status(0, 40, 1.0).dump()}).ok());
  ASSERT_TRUE(registry_->run({"SET", share_status_key("limits", WorkerId{1}), status(1, 0, 0.0).dump()}).ok());

  EXPECT_EQ(get("/scaling_status?worker=0"), status(0, 40, 1.0));
  EXPECT_EQ(get("/scaling_status?worker=1"), status(1, 0, 0.0));
  json all = status(0, 40, 1.0);
  all["worker_id"] = nullptr;
  EXPECT_EQ(get("/scaling_status"), all);
  EXPECT_NE(message_of(ask("GET", "/scaling_status?worker=7")).find("worker 7 shares nothing"), std::string::npos);
  get("/scaling_status?worker=x", 400);
  get("/scaling_status?worke=1", 400);
  get("/scaling_status?name=other", 404);
}

TEST_F(ApiOnStores, ProbesDoNotWaitForTheOthers) {
  lead();
  std::vector<std::future<HttpResponse>> waiting;
  const auto other = PostgresClient::connect({.connection = postgres_->connection()});
  ASSERT_TRUE(other.ok()) << other.error().message;
  ASSERT_EQ(other.value()->run("begin; select 'locked' from drydock.intake for update").value(), "locked");
  for (int i = 0; i < 3; ++i)
    waiting.push_back(std::async(std::launch::async, [this] { return submit(R"({"sleep": "1s"})"); }));
  while (value("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") != "3")
    std::this_thread::sleep_for(1ms);
  get("/readyz");
  EXPECT_NE(ask("GET", "/metrics").body.find("drydock_store_up{store=\"postgres\"} 1\n"), std::string::npos);
  ASSERT_TRUE(other.value()->run("commit").ok());
  for (auto& each : waiting) EXPECT_EQ(each.get().status, 201);
}

TEST_F(ApiOnStores, AStoreThatIsAwayIsTemporary) {
  lead();
  ASSERT_EQ(submit(R"({"sleep": "1s"})").status, 201);
  get("/api/v1/dashboard");
  store_.reset();
  postgres_->kill();
  const HttpResponse away = submit(R"({"sleep": "1s"})");
  EXPECT_EQ(away.status, 503);
  EXPECT_EQ(away.headers.at("Retry-After"), "1");
  for (const char* path : {"/api/v1/jobs", "/api/v1/jobs/1", "/api/v1/dashboard", "/api/v1/workers", "/readyz"})
    get(path, 503);
  get("/healthz");
  EXPECT_NE(ask("GET", "/metrics").body.find("drydock_store_up{store=\"postgres\"} 0"), std::string::npos);
  ASSERT_TRUE(postgres_->restart().ok());
  const auto back = [&](const char* path) {
    for (int tries = 0; tries < 600; ++tries) {
      if (ask("GET", path).status == 200) return true;
      std::this_thread::sleep_for(50ms);
    }
    return false;
  };
  EXPECT_TRUE(back("/api/v1/jobs"));
  EXPECT_EQ(submit(R"({"sleep": "1s"})").status, 201);

  ASSERT_TRUE(redis_->restart().ok());
  EXPECT_TRUE(back("/api/v1/workers"));
  redis_->kill();
  get("/api/v1/workers", 503);
  get("/api/v1/jobs");
  EXPECT_EQ(submit(R"({"sleep": "1s"})").status, 201) << "submitting needs PostgreSQL alone";
}

TEST(ApiDescription, HasEveryRouteAndNoOther) {
  const json description = json::parse(openapi());
  std::set<std::string> described;
  for (const auto& [path, item] : description["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      if (method == "parameters") continue;
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      described.insert(fmt::format("{} {}", upper, path));
      const bool open = operation.contains("security") && operation["security"].empty();
      const auto route = std::ranges::find_if(
          Api::routes(), [&](const Api::Route& each) { return each.path == path && each.method == upper; });
      ASSERT_NE(route, Api::routes().end()) << upper << " " << path;
      EXPECT_EQ(route->open, open) << path;
      EXPECT_EQ(operation["responses"].contains("401"), !open) << path;
    }
  }
  std::set<std::string> served;
  for (const Api::Route& route : Api::routes()) served.insert(std::string(route.method) + " " + std::string(route.path));
  EXPECT_EQ(described, served);
}

// What any request may be told.
TEST(ApiDescription, SaysHowRequestsAreRefused) {
  const json description = json::parse(openapi());
  for (const auto& [path, item] : description["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      if (method == "parameters") continue;
      for (const char* status : {"403", "429", "default"}) {
        EXPECT_TRUE(operation["responses"].contains(status)) << method << " " << path << " " << status;
      }
    }
  }
  const json submitting = description["paths"]["/api/v1/jobs/submit"]["post"]["responses"];
  for (const char* status : {"413", "415", "422"}) EXPECT_TRUE(submitting.contains(status)) << status;
  EXPECT_TRUE(submitting["201"]["headers"].contains("Location"));
}

// Every "$ref" leads somewhere.
TEST(ApiDescription, RefersToWhatIsThere) {
  const json description = json::parse(openapi());
  const json flat = description.flatten();
  int references = 0;
  for (const auto& [place, target] : flat.items()) {
    if (!place.ends_with("/$ref")) continue;
    ++references;
    const auto text = target.get<std::string>();
    ASSERT_TRUE(text.starts_with("#/"));
    EXPECT_TRUE(description.contains(json::json_pointer(text.substr(1)))) << place << ": " << text;
  }
  EXPECT_GT(references, 30);
}

}  // namespace
}  // namespace drydock::runtime::api_test
