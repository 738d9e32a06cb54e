#include "real-runtime/api_jobs.hpp"

#include "real-runtime/api_text.hpp"
#include "real-runtime/cluster_view.hpp"
#include "real-runtime/job_json.hpp"
#include "real-runtime/job_reasons.hpp"
#include "real-runtime/job_request.hpp"
#include "real-runtime/json_text.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace drydock::runtime {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 8> kStates{"any",       "waiting", "running",   "ended",
                                                  "succeeded", "failed",  "cancelled", "quarantined"};
constexpr std::array<JobFilter::State, 8> kStateValues{
    JobFilter::State::any,       JobFilter::State::waiting, JobFilter::State::running,   JobFilter::State::ended,
    JobFilter::State::succeeded, JobFilter::State::failed,  JobFilter::State::cancelled, JobFilter::State::quarantined};
constexpr std::uint32_t kLimit = 50;
constexpr std::int64_t kMostLimit = 1000;
constexpr std::int64_t kMostNumber = std::numeric_limits<std::int64_t>::max();

// --- submitting ---

// An answer of the server says that there is nothing; else it is not certain, and only a key lets it be said again.
struct Submission {
  Result<SubmittedOnce> result;
  bool certain = true;
};

Submission submit(ApiStores& stores, const JobRequests& requests, const std::vector<postgres::Job>& jobs) {
  bool certain = true;
  std::int64_t bytes = 0;
  for (const postgres::Job& job : jobs) bytes += static_cast<std::int64_t>(job.payload.size());
  const auto more = std::chrono::seconds{bytes / ApiStores::kBytesPerSecond};
  const auto once = [&](PostgresClient& store) -> Result<SubmittedOnce> {
    if (more.count() > 0) {
      if (const auto set = store.set_reply_timeout(ApiStores::kReplyTimeout + more); !set) return set.error();
    }
    auto result = submit_once(store, requests.unique_key, requests.digest, jobs);
    certain = result.ok() || store.connected();
    if (more.count() > 0) (void)store.set_reply_timeout(ApiStores::kReplyTimeout);
    return result;
  };
  auto result = requests.unique_key.empty() ? stores.with_postgres_once(once) : stores.with_postgres(once);
  return {std::move(result), certain};
}

// Queues that a scheduler named a moment ago are found, too.
Result<std::vector<postgres::Job>> find_queues(ApiStores& stores, const JobRequests& requests,
                                               std::optional<Error>& no_store) {
  for (const bool anew : {false, true}) {
    const auto queues = stores.queues(anew);
    if (!queues) {
      no_store = queues.error();
      return queues.error();
    }
    auto jobs = in_queues(requests, queues.value());
    if (jobs || anew) return jobs;
  }
  return Error{};
}

HttpResponse accepted(const JobRequests& requests, const SubmittedOnce& ids) {
  json list = json::array();
  for (std::size_t i = 0; i < requests.jobs.size(); ++i) list.push_back(ids.first + i);
  json body{{"jobs", std::move(list)}, {"repeated", ids.repeated}};
  if (!requests.listed) body["id"] = ids.first;
  HttpResponse response = json_response(ids.repeated ? 200 : 201, body);
  if (!requests.listed) response.headers["Location"] = fmt::format("/api/v1/jobs/{}", ids.first);
  return response;
}

// The header counts where both are there and the same.
std::optional<std::string> take_key(const HttpRequest& request, JobRequests& requests) {
  if (!request.headers.contains("idempotency-key")) return std::nullopt;
  const std::string key = request.header("idempotency-key");
  if (const auto problem = problem_with_key(key)) return "the header Idempotency-Key: " + *problem;
  if (!requests.unique_key.empty() && requests.unique_key != key) {
    return "/unique_key: it is another one than that of the header Idempotency-Key";
  }
  requests.unique_key = key;
  return std::nullopt;
}

// --- telling ---

// `how`: what its worker left in Redis; empty: nothing.
std::string reason_of(const JobRow& job, const AttemptRow& attempt, const std::string& how) {
  const std::string where = fmt::format("attempt {} on worker {}", attempt.number, attempt.worker);
  if (attempt.outcome == "worker lost") return fmt::format("{} was lost with its worker", where);
  if (attempt.outcome != "failed" && attempt.outcome != "retried") return fmt::format("{}: {}", where, attempt.outcome);
  if (!how.empty()) return fmt::format("{} failed: {}", where, how);
  return fmt::format("{} failed: its result.json, in the folder {}-{} of that worker, says how", where, job.id.value,
                     attempt.number);
}

using Outcomes = std::map<std::size_t, AttemptOutcome>;

// As far as Redis has them and answers.
Outcomes outcomes_of(ApiStores& stores, const JobRow& job, const std::vector<AttemptRow>& attempts) {
  if (std::ranges::none_of(attempts, did_not_succeed)) return {};
  const auto outcomes = stores.with_redis([&](RedisClient& redis) -> Result<Outcomes> {
    auto found = outcomes_in_redis(redis, job.id, attempts);
    if (!redis.connected()) return Error{"Redis does not answer"};
    return found;
  });
  return outcomes ? outcomes.value() : Outcomes{};
}

// Why it is not running, or not well, where the stores know.
json reason_of(ApiStores& stores, const JobRow& job, const std::vector<AttemptRow>& attempts, const Outcomes& outcomes) {
  if (job.queue_is_gone) return kQueueIsGone;
  if (job.status == JobStatus::waiting) {
    const auto capacities = stores.capacities();
    const auto leader = read_leader(stores);
    const bool is_led = !leader || leader.value().left > Duration{0};
    if (const auto why = capacities ? why_it_waits(job, capacities.value(), is_led) : std::nullopt) return *why;
  }
  // Of the parts of the last attempt that ended, the one that says how.
  std::size_t last = attempts.size();
  for (std::size_t i = attempts.size(); i-- > 0;) {
    if (attempts[i].outcome.empty()) continue;
    if (last < attempts.size() && attempts[i].number != attempts[last].number) break;
    if (last == attempts.size() || outcomes.contains(i)) last = i;
  }
  if (last == attempts.size() || !did_not_succeed(attempts[last])) return {};
  return reason_of(job, attempts[last], outcomes.contains(last) ? outcomes.at(last).reason : std::string());
}
// Each job has one path.
std::optional<JobId> id_of(const std::string& text) {
  if (text.size() > 1 && text.starts_with('0')) return std::nullopt;
  const auto number = whole_number(text, 0, kMostNumber);
  if (!number) return std::nullopt;
  return JobId{static_cast<std::uint64_t>(*number)};
}

HttpResponse no_id(const HttpRequest& request, const std::string& text) {
  return error_response(request, 400,
                        fmt::format("{}: the id of a job is a number, without zeros before it", scenarios::printable(text)));
}

HttpResponse no_job(const HttpRequest& request, const std::string& id) {
  return error_response(request, 404, fmt::format("there is no job {}", id));
}

// The filter that a query asks for; else `wrong` is what is said of it.
std::optional<JobFilter> filter_of(ApiStores& stores, const HttpRequest& request, HttpResponse& wrong) {
  JobFilter filter{.limit = kLimit, .payloads = false};
  const auto refuse = [&](const std::string& message) {
    wrong = error_response(request, 400, message);
    return std::nullopt;
  };
  if (const auto at = request.query.find("state"); at != request.query.end()) {
    const auto state = std::ranges::find(kStates, at->second);
    if (state == kStates.end()) return refuse("?state: there is no such state" + scenarios::suggestion(at->second, kStates));
    filter.state = kStateValues.at(static_cast<std::size_t>(state - kStates.begin()));
  }
  if (const auto at = request.query.find("limit"); at != request.query.end()) {
    const auto limit = whole_number(at->second, 1, kMostLimit);
    if (!limit) return refuse(fmt::format("?limit: it is not a whole number between 1 and {}", kMostLimit));
    filter.limit = static_cast<std::uint32_t>(*limit);
  }
  if (const auto at = request.query.find("after"); at != request.query.end()) {
    filter.before = whole_number(at->second, 0, kMostNumber);
    if (!filter.before) return refuse("?after: it is not the \"next\" of a page");
  }
  if (const auto at = request.query.find("queue"); at != request.query.end()) {
    const auto queues = stores.queues();
    if (!queues) {
      wrong = store_response(request, queues.error());
      return std::nullopt;
    }
    const auto found = std::ranges::find(queues.value(), at->second, &NamedQueue::name);
    std::vector<std::string_view> names;
    for (const NamedQueue& queue : queues.value()) names.push_back(queue.name);
    if (found == queues.value().end())
      return refuse("?queue: there is no such queue" + scenarios::suggestion(at->second, names));
    filter.queue = found->number;
  }
  return filter;
}

}  // namespace

HttpResponse submit_jobs(ApiStores& stores, const HttpRequest& request) {
  if (auto wrong = unknown_parameter(request, {})) return *wrong;
  auto requests = read_job_requests(request.body);
  if (!requests) return error_response(request, 400, "the body: " + requests.error().message);
  if (const auto problem = take_key(request, requests.value())) return error_response(request, 400, *problem);
  std::optional<Error> no_store;
  auto jobs = find_queues(stores, requests.value(), no_store);
  if (no_store) return store_response(request, *no_store);
  if (!jobs) return error_response(request, 400, "the body: " + jobs.error().message);
  const auto [ids, certain] = submit(stores, requests.value(), jobs.value());
  if (!ids && certain) return store_response(request, Error{"nothing was submitted: " + ids.error().message});
  if (!ids) {
    return store_response(request,
                          Error{fmt::format("it is not certain whether this was accepted ({}): {}", ids.error().message,
                                            requests.value().unique_key.empty()
                                                ? "look for it before you repeat it, and use an Idempotency-Key"
                                                : "repeat it with the same key, which is safe")});
  }
  if (ids.value().same) return accepted(requests.value(), ids.value());
  return error_response(request, 422,
                        "this Idempotency-Key or unique_key was used for other jobs: take a new one for these");
}

HttpResponse list_jobs(ApiStores& stores, const HttpRequest& request) {
  constexpr std::array<std::string_view, 4> kNames{"state", "queue", "limit", "after"};
  if (auto wrong = unknown_parameter(request, kNames)) return *wrong;
  HttpResponse wrong;
  const auto filter = filter_of(stores, request, wrong);
  if (!filter) return wrong;
  const auto jobs = stores.with_postgres([&](PostgresClient& store) { return list_jobs(store, stores.schema(), *filter); });
  if (!jobs) return store_response(request, jobs.error());
  json body{{"jobs", json::array()}, {"next", nullptr}};
  for (const JobRow& job : jobs.value()) {
    json row = to_json(job);
    row.erase("payload");
    body["jobs"].push_back(std::move(row));
  }
  if (jobs.value().size() == filter->limit) body["next"] = std::to_string(jobs.value().back().arrival);
  return json_response(200, body);
}

HttpResponse show_job(ApiStores& stores, const HttpRequest& request, const std::string& id) {
  if (auto wrong = unknown_parameter(request, {})) return *wrong;
  const auto number = id_of(id);
  if (!number) return no_id(request, id);
  const auto found = stores.with_postgres([&](PostgresClient& store) { return find_job(store, stores.schema(), *number); });
  if (!found) return store_response(request, found.error());
  if (!found.value()) return no_job(request, id);
  const auto& [job, attempts] = *found.value();
  json body = to_json(job);
  if (auto payload = parse_json(job.payload)) body["payload"] = std::move(payload).value();
  body["allocations"] = to_json(attempts);
  const Outcomes outcomes = outcomes_of(stores, job, attempts);
  for (const auto& [place, outcome] : outcomes) {
    body["allocations"][place]["reason"] = outcome.reason;
    body["allocations"][place]["ended_as"] = name_of(outcome.kind);
  }
  body["reason"] = reason_of(stores, job, attempts, outcomes);
  return json_response(200, body);
}

HttpResponse cancel_job(ApiStores& stores, const HttpRequest& request, const std::string& id) {
  if (auto wrong = unknown_parameter(request, {})) return *wrong;
  const auto number = id_of(id);
  if (!number) return no_id(request, id);
  const auto verdict = stores.with_postgres(
      [&](PostgresClient& store) { return expected<postgres::Verdict>(store.execute(postgres::RequestCancel{*number})); });
  if (!verdict) return store_response(request, verdict.error());
  using Outcome = postgres::Verdict::Outcome;
  if (verdict.value().outcome == Outcome::unknown_job) return no_job(request, id);
  if (verdict.value().outcome == Outcome::job_ended) {
    return error_response(request, 409, fmt::format("job {} has ended: there is nothing to cancel", id));
  }
  return json_response(202, {{"id", number->value}, {"cancel_requested", true}});
}

}  // namespace drydock::runtime
