// What a job is, for the workers that run it: kept in PostgreSQL beside it, and sent along with the order to run it.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace drydock::runtime {

// Sleeps for this time on a worker of speed 1, and for less on a faster one.
struct SleepPayload {
  Duration work{};
  bool keeps = true;  // what was done when it is stopped need not be done again
  friend bool operator==(const SleepPayload&, const SleepPayload&) = default;
};
// Makes requests one after another, in each of its tasks: each when the worker's limiter grants it, if it has one. There is no service: a
// request takes its time and has succeeded. For trials.
struct RequestsPayload {
  std::vector<Duration> durations;  // from a request to its answer, of each; 1 to kMostRequestsOfAJob
  std::int64_t tokens = 0;          // that each uses
  Duration delay{};                 // from an answer to the next request
  friend bool operator==(const RequestsPayload&, const RequestsPayload&) = default;
};
inline constexpr std::size_t kMostRequestsOfAJob = 10'000;
// A program (looked for in PATH) and its arguments; it succeeds with exit status 0.
struct CommandPayload {
  std::vector<std::string> words;
  friend bool operator==(const CommandPayload&, const CommandPayload&) = default;
};
// Run by /bin/sh, or by what its first line says ("#!...").
struct ScriptPayload {
  std::string text;
  friend bool operator==(const ScriptPayload&, const ScriptPayload&) = default;
};
struct ContainerPayload {
  enum class Pull : std::uint8_t { missing, never, always };
  std::string image;
  std::vector<std::string> words{};            // empty: what the image runs by itself
  std::optional<std::int64_t> memory_bytes{};  // instead of what the attempt holds
  std::optional<std::int64_t> cpus_milli{};    // likewise
  std::string network{};                       // empty: the engine's default, a network namespace of its own
  Pull pull = Pull::missing;
  friend bool operator==(const ContainerPayload&, const ContainerPayload&) = default;
};

// A file that is there before the job starts. Its name is a path within the working directory, checked to stay there.
struct InputFile {
  struct Inline {
    std::string bytes;
    friend bool operator==(const Inline&, const Inline&) = default;
  };
  // A file of the worker's machine, read with the rights of the job; linked: by a symbolic link.
  struct Local {
    std::string path;
    bool linked = false;
    friend bool operator==(const Local&, const Local&) = default;
  };
  std::string name;
  std::variant<Inline, Local> content;
  bool executable = false;
  friend bool operator==(const InputFile&, const InputFile&) = default;
};

// Of no use to a sleep, which may have parameters for those who look at it.
struct JobSettings {
  std::map<std::string, std::string> environment{};
  std::vector<InputFile> files{};
  std::optional<Duration> time_limit{};  // none: the worker's
  std::optional<Duration> grace{};       // between SIGTERM and SIGKILL at the time limit; none: the worker's
  std::optional<std::int64_t> pids{};    // most processes and threads; none: the worker's
  std::string parameters = "{}";         // JSON, handed on in task.json
  friend bool operator==(const JobSettings&, const JobSettings&) = default;
};

struct JobPayload {
  using What = std::variant<SleepPayload, RequestsPayload, CommandPayload, ScriptPayload, ContainerPayload>;
  template <class T>
    requires std::constructible_from<What, T>
  JobPayload(T work, JobSettings how = {})  // NOLINT(google-explicit-constructor): a payload without settings is one
      : what(std::move(work)), settings(std::move(how)) {}

  What what;
  JobSettings settings;
  friend bool operator==(const JobPayload&, const JobPayload&) = default;
};

// Version 1, which is meant where "version" is absent. One of
//   "sleep": "1s"; written as "sleep_ns": 1000000000, "keeps": true
//   "requests": {"durations_ns": [2900000000, ...], "tokens": 50, "delay_ns": 100000000}
//   "command": ["/bin/echo", "a"]
//   "script": "sleep 60"
//   "container": {"image": "alpine", "command": ["true"], "memory": "512MiB" or bytes, "cpus": 1.5, "network": "none",
//                 "pull": "missing" | "never" | "always"}
// and, but for requests and, except for parameters, sleeps, any of
//   "environment": {"NAME": "value"}
//   "files": [{"name": "in/a.txt", "text": "..."} | {"name": ..., "base64": "..."} | {"name": ..., "path": "/data/x", "mode": "copy" | "link"}],
//            each with "executable": true where it is a program
//   "time_limit_s": 3600, "grace_s": 10, "pids": 100, "parameters": {...}
[[nodiscard]] std::string to_json(const JobPayload& payload);
// Anything else is refused, with its place: "the payload of the job: /files/0/name: ...".
[[nodiscard]] Result<JobPayload> parse_payload(std::string_view text);
// The same of what is parsed already, and is nested no deeper than kMostNested (json_text.hpp).
[[nodiscard]] Result<JobPayload> read_payload(const nlohmann::json& object);

inline constexpr std::size_t kMostInputFiles = 10'000;
// Names in the working directory that are not for input files.
inline constexpr std::string_view kTaskFile = "task.json";
inline constexpr std::string_view kScriptFile = "script.sh";
inline constexpr std::string_view kResultsFolder = "results";

}  // namespace drydock::runtime
