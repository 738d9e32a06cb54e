#include "real-runtime/job_request.hpp"

#include "real-runtime/job_payload.hpp"
#include "real-runtime/json_text.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace drydock::runtime {

namespace {

using nlohmann::json;

constexpr std::int64_t kMostInAll = std::int64_t{1} << 53U;  // of a resource, as journals have it
constexpr std::array<std::string_view, 7> kOptions{"queue", "cpus", "memory", "gpus", "tasks", "priority", "estimate"};
constexpr std::array<std::string_view, 13> kPayload{"command",  "script",       "container", "sleep", "environment",
                                                    "files",    "time_limit_s", "grace_s",   "pids",  "parameters",
                                                    "sleep_ns", "keeps",        "version"};
constexpr std::string_view kKey = "unique_key";
constexpr Duration kEstimate = std::chrono::minutes{1};
constexpr double kMostCpus = 1e6;
constexpr std::int64_t kMostGpus = 1'000'000;
constexpr std::int64_t kMostTasks = 1'000'000;
constexpr std::int64_t kMostMemory = std::int64_t{1} << 50;

template <class Words>
bool has(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// One job. Reads on after a mistake, as if it were not there; the first one counts.
class JobReader {
 public:
  // `place` is that of the job: "" or "/jobs/3".
  explicit JobReader(std::string place) : place_(std::move(place)) {}

  // Takes out of the object what it reads.
  Result<JobRequest> read(json object) {
    JobRequest request;
    if (!object.is_object()) {
      refuse("", "it is not an object that describes a job");
    } else {
      check_names(object);
      read_options(object, request);
      const bool estimated = object.contains("estimate");
      if (const auto payload = take_payload(std::move(object))) {
        request.job.payload = to_json(*payload);
        if (!estimated) request.job.spec.estimate = usual_estimate(*payload);
      }
    }
    if (problem_) return Error{*problem_};
    return request;
  }

 private:
  void refuse(std::string_view place, std::string_view what) {
    if (problem_) return;
    const std::string whole = place_ + std::string(place);
    problem_ = whole.empty() ? std::string(what) : fmt::format("{}: {}", whole, what);
  }

  void check_names(const json& object) {
    std::vector<std::string_view> names(kOptions.begin(), kOptions.end());
    names.insert(names.end(), kPayload.begin(), kPayload.end());
    if (place_.empty()) names.push_back(kKey);
    for (const auto& [name, value] : object.items()) {
      if (has(names, name)) continue;
      if (name == kKey) return refuse("/unique_key", "it belongs beside \"jobs\": it is the key of all of them together");
      return refuse("/" + scenarios::printable(name), "there is no such field" + scenarios::suggestion(name, names));
    }
  }

  void read_options(const json& object, JobRequest& request) {
    JobSpec& spec = request.job.spec;
    ResourceAmounts amounts{.cpus_milli = 1000};
    if (const auto at = object.find("queue"); at != object.end()) {
      if (!at->is_string() || at->get_ref<const std::string&>().empty()) refuse("/queue", "it is not the name of a queue");
      else request.queue = at->get<std::string>();
    }
    if (const auto at = object.find("cpus"); at != object.end()) {
      const double cpus = at->is_number() ? at->get<double>() : std::nan("");
      if (!(cpus >= 0 && cpus <= kMostCpus)) refuse("/cpus", fmt::format("it is not a number between 0 and {}", kMostCpus));
      else if (cpus > 0 && cpus < 0.001) refuse("/cpus", "cores are given in thousandths: 0, or 0.001 and more");
      else amounts.cpus_milli = std::llround(cpus * 1000);
    }
    if (const auto at = object.find("memory"); at != object.end()) amounts.memory_bytes = memory(*at);
    amounts.gpus = whole(object, "gpus", 0, 0, kMostGpus);
    spec.tasks = static_cast<std::uint32_t>(whole(object, "tasks", 1, 1, kMostTasks));
    spec.priority = static_cast<std::int32_t>(
        whole(object, "priority", 0, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
    spec.per_task = make_resources(amounts);
    if ((spec.per_task.amounts > kMostInAll / spec.tasks).any()) {
      refuse("/tasks", fmt::format("{} of them ask for more in all than can be counted", spec.tasks));
    }
    if (const auto at = object.find("estimate"); at != object.end()) {
      spec.estimate = duration(*at, "/estimate");
      if (spec.estimate <= Duration{0}) refuse("/estimate", "it must be more than 0");
    }
  }

  static Duration usual_estimate(const JobPayload& payload) {
    const auto* sleep = std::get_if<SleepPayload>(&payload.what);
    return sleep == nullptr ? kEstimate : std::max(Duration{1}, sleep->work);
  }

  std::optional<JobPayload> take_payload(json object) {
    for (const std::string_view name : kOptions) object.erase(std::string(name));
    object.erase(std::string(kKey));
    if (object.empty()) {
      refuse("", "what shall run? Say one of command, script, container and sleep");
      return std::nullopt;
    }
    const auto parsed = runtime::read_payload(object);
    if (parsed) return parsed.value();
    constexpr std::string_view kPrefix = "the payload of the job: ";
    std::string_view message = parsed.error().message;
    if (message.starts_with(kPrefix)) message.remove_prefix(kPrefix.size());
    const std::size_t end = message.starts_with('/') ? message.find(": ") : std::string_view::npos;
    if (end == std::string_view::npos) refuse("", message);
    else refuse(message.substr(0, end), message.substr(end + 2));
    return std::nullopt;
  }

  std::int64_t whole(const json& object, const char* name, std::int64_t otherwise, std::int64_t least, std::int64_t most) {
    const auto at = object.find(name);
    if (at == object.end()) return otherwise;
    const bool fits =
        at->is_number_integer() && (!at->is_number_unsigned() || std::cmp_less_equal(at->get<std::uint64_t>(), most));
    const std::int64_t number = fits ? at->get<std::int64_t>() : otherwise;
    if (fits && number >= least && number <= most) return number;
    refuse(fmt::format("/{}", name), fmt::format("it is not a whole number between {} and {}", least, most));
    return otherwise;
  }

  std::int64_t memory(const json& value) {
    if (value.is_string()) {
      const auto size = scenarios::parse_size(value.get_ref<const std::string&>());
      if (!size) refuse("/memory", size.error().message);
      else if (size.value() <= kMostMemory) return size.value();
    } else if (value.is_number_unsigned() && std::cmp_less_equal(value.get<std::uint64_t>(), kMostMemory)) {
      return value.get<std::int64_t>();
    }
    refuse("/memory", R"(it is not a size between 0 and 1024TiB, such as "512MiB" or 536870912)");
    return 0;
  }

  Duration duration(const json& value, const std::string& place) {
    if (!value.is_string()) {
      refuse(place, "it is not " + std::string(scenarios::kDurationHelp));
      return {};
    }
    const auto parsed = scenarios::parse_duration(value.get_ref<const std::string&>());
    if (parsed) return parsed.value();
    refuse(place, parsed.error().message);
    return {};
  }

  std::string place_;
  std::optional<std::string> problem_;
};

// Two FNV-1a of 64 bits with different beginnings: against mistakes, not against enemies, who could only fool themselves. Of what was
// understood, not of how it was written.
class Digest {
 public:
  void add(std::string_view text) {
    add_number(static_cast<std::int64_t>(text.size()));
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
  }
  void add_number(std::int64_t number) {
    for (const char c : std::to_string(number)) add_byte(static_cast<unsigned char>(c));
    add_byte('/');
  }
  [[nodiscard]] std::string text() const { return fmt::format("{:016x}{:016x}", a_, b_); }

 private:
  void add_byte(unsigned char byte) {
    constexpr std::uint64_t kPrime = 0x100000001b3;
    a_ = (a_ ^ byte) * kPrime;
    b_ = (b_ ^ byte) * kPrime;
  }
  std::uint64_t a_ = 0xcbf29ce484222325;
  std::uint64_t b_ = 0x9ae16a3b2f90404f;
};

std::optional<Error> read_list(json& object, JobRequests& requests) {
  for (const auto& [name, value] : object.items()) {
    if (name != "jobs" && name != kKey) {
      return Error{
          fmt::format("/{}: there is no such field beside \"jobs\", but for unique_key", scenarios::printable(name))};
    }
  }
  json& list = object["jobs"];
  if (!list.is_array() || list.empty() || list.size() > kMostJobsAtOnce) {
    return Error{fmt::format("/jobs: it is not a list of 1 to {} jobs", kMostJobsAtOnce)};
  }
  for (json& item : list) {
    auto request = JobReader(fmt::format("/jobs/{}", requests.jobs.size())).read(std::move(item));
    if (!request) return request.error();
    requests.jobs.push_back(std::move(request).value());
  }
  requests.listed = true;
  return std::nullopt;
}

}  // namespace

std::string digest_of(const JobRequests& requests) {
  Digest digest;
  digest.add_number(requests.listed ? 1 : 0);
  for (const JobRequest& request : requests.jobs) {
    const JobSpec& spec = request.job.spec;
    digest.add(request.queue);
    for (const std::int64_t number : {std::int64_t{spec.priority}, std::int64_t{spec.tasks}, spec.per_task.cpus(),
                                      spec.per_task.memory(), spec.per_task.gpus(), std::int64_t{nanos(spec.estimate)}}) {
      digest.add_number(number);
    }
    digest.add(request.job.payload);
  }
  return digest.text();
}

std::optional<std::string> problem_with_key(std::string_view key) {
  const bool plain = std::ranges::all_of(key, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!key.empty() && key.size() <= kMostKeyBytes && plain) return std::nullopt;
  return fmt::format("it is not a key: 1 to {} printable ASCII characters", kMostKeyBytes);
}

Result<JobRequests> read_job_requests(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return parsed.error();
  json object = std::move(parsed).value();
  if (!object.is_object()) return Error{R"(it is not an object, such as {"script": "sleep 60", "cpus": 4})"};
  JobRequests requests;
  if (const auto at = object.find(kKey); at != object.end()) {
    if (!at->is_string()) return Error{"/unique_key: it is not a text"};
    requests.unique_key = at->get<std::string>();
    if (const auto problem = problem_with_key(requests.unique_key)) return Error{"/unique_key: " + *problem};
    object.erase(at);
  }
  if (object.contains("jobs")) {
    if (const auto problem = read_list(object, requests)) return *problem;
  } else {
    auto request = JobReader("").read(std::move(object));
    if (!request) return request.error();
    requests.jobs.push_back(std::move(request).value());
  }
  requests.digest = digest_of(requests);
  return requests;
}

Result<JobRequest> read_job_request(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return parsed.error();
  if (!parsed.value().is_object()) return Error{R"(it is not an object, such as {"script": "sleep 60", "cpus": 4})"};
  if (parsed.value().contains("jobs")) return Error{"/jobs: it is one job on each line, and not a list of them"};
  if (parsed.value().contains(kKey))
    return Error{"/unique_key: there is one key for all of them together, and not one for each"};
  return JobReader("").read(std::move(parsed).value());
}

Result<postgres::Job> in_queue(const JobRequest& request, const std::vector<NamedQueue>& queues) {
  const auto at = std::ranges::find_if(queues, [&](const NamedQueue& queue) {
    return queue.is_served && (request.queue.empty() || queue.name == request.queue);
  });
  if (at == queues.end()) {
    std::vector<std::string_view> names;
    for (const NamedQueue& queue : queues) {
      if (queue.is_served) names.push_back(queue.name);
    }
    return Error{fmt::format("/queue: there is no queue {}{}", scenarios::printable(request.queue),
                             scenarios::suggestion(request.queue, names))};
  }
  postgres::Job job = request.job;
  job.spec.queue = QueueId{at->number};
  return job;
}

Result<std::vector<postgres::Job>> in_queues(const JobRequests& requests, const std::vector<NamedQueue>& queues) {
  std::vector<postgres::Job> jobs;
  jobs.reserve(requests.jobs.size());
  for (const JobRequest& request : requests.jobs) {
    auto job = in_queue(request, queues);
    if (!job) return Error{(requests.listed ? fmt::format("/jobs/{}", jobs.size()) : "") + job.error().message};
    jobs.push_back(std::move(job).value());
  }
  return jobs;
}

}  // namespace drydock::runtime
