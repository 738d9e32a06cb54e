#include "real-runtime/container_engine.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <sstream>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

constexpr std::string_view kWorkerLabel = "drydock.worker";
constexpr std::string_view kProcessLabel = "drydock.process";

void add_limits(const ContainerRun& run, Words& words) {
  const std::int64_t memory = run.what.memory_bytes.value_or(run.memory_bytes);
  if (memory > 0) words.push_back(fmt::format("--memory={}b", memory));
  const std::int64_t cpus = run.what.cpus_milli.value_or(run.cpus_milli);
  if (cpus > 0) words.push_back(fmt::format("--cpus={}.{:03}", cpus / 1000, cpus % 1000));
  if (run.pids > 0) words.push_back(fmt::format("--pids-limit={}", run.pids));
}

void add_gpus(const ContainerEngine& engine, const ContainerRun& run, Words& words) {
  if (run.gpus.empty()) return;
  if (!engine.is_podman) {
    // Quoted once more: the option is a line of CSV.
    words.push_back(fmt::format("--gpus=\"device={}\"", fmt::join(run.gpus, ",")));
    return;
  }
  for (const int gpu : run.gpus) words.push_back(fmt::format("--device=nvidia.com/gpu={}", gpu));
}

std::string_view pull_word(ContainerPayload::Pull pull) {
  switch (pull) {
    case ContainerPayload::Pull::missing: return "missing";
    case ContainerPayload::Pull::never: return "never";
    case ContainerPayload::Pull::always: return "always";
  }
  return {};
}

}  // namespace

std::optional<ContainerEngine> find_container_engine(const std::string& name) {
  const Words names = name.empty() ? Words{"docker", "podman"} : Words{name};
  for (const std::string& candidate : names) {
    std::string program = find_program(candidate);
    if (program.empty()) continue;
    const bool is_podman = std::filesystem::path(program).filename().string().starts_with("podman");
    return ContainerEngine{
        .program = std::move(program), .is_podman = is_podman, .is_rootless = is_podman && ::geteuid() != 0};
  }
  return std::nullopt;
}

std::string container_name(AttemptId attempt, std::string_view worker) {
  return fmt::format("drydock-{}-{}-{}", attempt.job.value, attempt.number, worker);
}

Words create_words(const ContainerEngine& engine, const ContainerRun& run) {
  Words words{engine.program,
              "create",
              fmt::format("--name={}", container_name(run.attempt, run.worker)),
              fmt::format("--label={}={}", kWorkerLabel, run.worker),
              fmt::format("--label={}={}", kProcessLabel, run.process),
              fmt::format("--pull={}", pull_word(run.what.pull)),
              fmt::format("--volume={}:{}", run.work, kWorkInContainer),
              fmt::format("--workdir={}", kWorkInContainer),
              fmt::format("--user={}:{}", run.user.uid, run.user.gid),
              "--security-opt=no-new-privileges",
              "--cap-drop=ALL"};
  if (!run.limiter.empty()) words.push_back(fmt::format("--volume={}:{}", run.limiter, kLimiterInContainer));
  if (engine.is_rootless) words.emplace_back("--userns=keep-id");
  add_limits(run, words);
  add_gpus(engine, run, words);
  if (!run.what.network.empty()) words.push_back(fmt::format("--network={}", run.what.network));
  for (const auto& [name, value] : run.environment) words.push_back(fmt::format("--env={}={}", name, value));
  words.push_back(run.what.image);
  words.insert(words.end(), run.what.words.begin(), run.what.words.end());
  return words;
}

Words start_words(const ContainerEngine& engine, const std::string& name) {
  return {engine.program, "start", "--attach", name};
}

Words stop_words(const ContainerEngine& engine, const std::string& name, Duration grace) {
  return {engine.program, "stop", "-t", fmt::format("{}", std::chrono::ceil<std::chrono::seconds>(grace).count()), name};
}

Words inspect_words(const ContainerEngine& engine, const std::string& name) {
  return {engine.program, "container", "inspect", "--format={{.State.ExitCode}} {{.State.OOMKilled}}", name};
}

Words remove_words(const ContainerEngine& engine, const std::string& name) {
  return {engine.program, "rm", "--force", name};
}

Words list_words(const ContainerEngine& engine, const std::string& worker) {
  return {engine.program, "ps", "--all", fmt::format("--filter=label={}={}", kWorkerLabel, worker),
          fmt::format(R"(--format={{{{.Names}}}} {{{{.Label "{}"}}}})", kProcessLabel)};
}

std::optional<ContainerEnd> parse_container_end(std::string_view text) {
  std::istringstream stream{std::string(text)};
  ContainerEnd end;
  std::string killed;
  if (!(stream >> end.exit_status >> killed) || (killed != "true" && killed != "false")) return std::nullopt;
  end.out_of_memory = killed == "true";
  return end;
}

Words stale_containers(std::string_view text, std::string_view own_process) {
  std::istringstream stream{std::string(text)};
  Words names;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string name;
    std::string process;
    if (words >> name >> process && process != own_process) names.push_back(name);
  }
  return names;
}

}  // namespace drydock::runtime
