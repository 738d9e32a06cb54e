// How docker and podman are asked, by their command lines, to run an attempt in a container. Words only: nothing is started here.
//
// A container is created, then started with its output attached, then inspected for how it ended, then removed in any case. (`run --rm`
// would lose how it ended, and `run` cannot tell an engine that fails from a program that does.)
#pragma once

#include "policies/core/ids.hpp"
#include "real-runtime/job_payload.hpp"
#include "real-runtime/private_server.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime {

using Words = std::vector<std::string>;

struct ContainerEngine {
  std::string program;  // its path
  bool is_podman = false;
  bool is_rootless = false;  // podman maps users; files are to keep their owner
};
// The one of that name or path; with an empty name docker, or else podman. Nothing: it is not there.
[[nodiscard]] std::optional<ContainerEngine> find_container_engine(const std::string& name);

// "drydock-7-2-0": with the worker, since the tasks of an attempt may run on several workers of one machine.
[[nodiscard]] std::string container_name(AttemptId attempt, std::string_view worker);

struct ContainerRun {
  AttemptId attempt;
  std::string worker;   // whose containers are told apart by these two labels
  std::string process;  // of the worker
  ContainerPayload what;
  std::map<std::string, std::string> environment;
  std::string work;               // the folder that is /work in it
  std::string limiter{};          // the socket that is kLimiterInContainer in it; empty: none
  std::int64_t memory_bytes = 0;  // 0: no limit
  std::int64_t cpus_milli = 0;
  std::int64_t pids = 0;
  std::vector<int> gpus{};
  User user;  // within it
};

[[nodiscard]] Words create_words(const ContainerEngine& engine, const ContainerRun& run);
[[nodiscard]] Words start_words(const ContainerEngine& engine, const std::string& name);
[[nodiscard]] Words stop_words(const ContainerEngine& engine, const std::string& name, Duration grace);
[[nodiscard]] Words inspect_words(const ContainerEngine& engine, const std::string& name);
[[nodiscard]] Words remove_words(const ContainerEngine& engine, const std::string& name);
// Prints "NAME PROCESS" for each container of a worker.
[[nodiscard]] Words list_words(const ContainerEngine& engine, const std::string& worker);

struct ContainerEnd {
  int exit_status = 0;
  bool out_of_memory = false;
};
// Of what `inspect_words` prints: "137 true".
[[nodiscard]] std::optional<ContainerEnd> parse_container_end(std::string_view text);
// Of what `list_words` prints: the names of those that another process of the worker left behind.
[[nodiscard]] Words stale_containers(std::string_view text, std::string_view own_process);

inline constexpr std::string_view kWorkInContainer = "/work";
// Where it finds the socket of its limiter.
inline constexpr std::string_view kLimiterInContainer = "/run/drydock-limiter.sock";

}  // namespace drydock::runtime
