#include "real-runtime/job_layout.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace drydock::runtime {

namespace {

using nlohmann::json;

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string dumped(const json& object) { return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; }

json resources(const KeptAttempt& attempt) {
  return {{"cpus_milli", attempt.held.cpus()},
          {"memory_bytes", attempt.held.memory()},
          {"gpus", attempt.held.gpus()},
          {"gpu_devices", attempt.gpus}};
}

json optional_number(const std::optional<int>& number) { return number ? json(*number) : json(nullptr); }

json task_end(const TaskRecord& task) {
  return {{"exit_status", optional_number(task.exit_status)},
          {"signal", task.signal ? json(name_of_signal(*task.signal)) : json(nullptr)},
          {"stdout", {{"bytes", task.output_bytes}, {"cut", task.output_cut}}},
          {"stderr", {{"bytes", task.error_bytes}, {"cut", task.error_cut}}}};
}

}  // namespace

std::string task_json(const KeptAttempt& attempt, const KeeperSettings& settings) {
  return dumped({{"version", 1},
                 {"job", attempt.attempt.job.value},
                 {"attempt", attempt.attempt.number},
                 {"tasks", attempt.tasks},
                 {"worker", settings.worker},
                 {"resources", resources(attempt)},
                 {"progress_s", seconds(attempt.progress)},
                 {"results", kResultsFolder},
                 {"parameters", json::parse(attempt.payload.settings.parameters, nullptr, false)}});
}

// What the worker says itself comes last: nothing overrides it.
std::map<std::string, std::string> task_environment(const KeptAttempt& attempt, const KeeperSettings& settings,
                                                    std::uint32_t task, const std::string& work) {
  std::map<std::string, std::string> variables{{"PATH", kPath}, {"HOME", work}, {"TMPDIR", work}};
  for (const std::string& entry : settings.environment) {
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos) variables[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  for (const auto& [name, value] : attempt.payload.settings.environment) variables[name] = value;
  variables["DRYDOCK_JOB"] = std::to_string(attempt.attempt.job.value);
  variables["DRYDOCK_ATTEMPT"] = std::to_string(attempt.attempt.number);
  variables["DRYDOCK_TASK"] = std::to_string(task);
  variables["DRYDOCK_TASKS"] = std::to_string(attempt.tasks);
  variables["DRYDOCK_WORKER"] = settings.worker;
  variables["DRYDOCK_TASK_FILE"] = fmt::format("{}/{}", work, kTaskFile);
  variables["DRYDOCK_RESULTS"] = fmt::format("{}/{}", work, kResultsFolder);
  if (!attempt.limiter.empty()) {
    const bool contained = std::holds_alternative<ContainerPayload>(attempt.payload.what);
    variables["DRYDOCK_LIMITER"] = contained ? std::string(kLimiterInContainer) : attempt.limiter;
  }
  const std::string gpus = fmt::format("{}", fmt::join(attempt.gpus, ","));
  variables["CUDA_VISIBLE_DEVICES"] = gpus;
  variables["NVIDIA_VISIBLE_DEVICES"] = gpus;
  return variables;
}

std::string result_json(const KeptAttempt& attempt, const KeeperSettings& settings, const AttemptRecord& record) {
  json tasks = json::array();
  for (const TaskRecord& task : record.tasks) tasks.push_back(task_end(task));
  const bool contained = std::holds_alternative<ContainerPayload>(attempt.payload.what);
  const auto by = [&](LimitBy limit) { return contained ? std::string("the container engine") : in_words(limit); };
  const AttemptOutcome& outcome = record.outcome;
  return dumped(
      {{"version", 1},
       {"job", attempt.attempt.job.value},
       {"attempt", attempt.attempt.number},
       {"worker", settings.worker},
       {"outcome", name_of(outcome.kind)},
       {"reason", outcome.reason},
       {"exit_status", optional_number(outcome.exit_status)},
       {"signal", outcome.signal ? json(name_of_signal(*outcome.signal)) : json(nullptr)},
       {"tasks", tasks},
       {"started_at_unix_s", record.started_at_unix_s},
       {"wall_s", record.wall_s},
       {"cpu_s", record.cpu_s},
       {"max_rss_bytes", record.max_rss_bytes},
       {"resources", resources(attempt)},
       {"limits",
        {{"memory", by(settings.limits.memory)}, {"cpus", by(settings.limits.cpus)}, {"pids", by(settings.limits.pids)}}},
       {"results",
        {{"folder", record.collected.files > 0 ? json(attempt.results.string()) : json(nullptr)},
         {"files", record.collected.files},
         {"bytes", record.collected.bytes},
         {"left_out", record.collected.left_out}}},
       {"left_behind", record.left_behind}});
}

}  // namespace drydock::runtime
