// How an attempt ended on a worker.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drydock::runtime {

struct AttemptOutcome {
  enum class Kind : std::uint8_t {
    succeeded,
    failed,         // of a task, by its exit status or a signal
    stopped,        // as the worker was told to
    timed_out,      // its time limit
    out_of_memory,  // its limit of memory
    not_started,    // it could not be laid out or started here
    lost,           // its worker went, or what watched it here
  };
  Kind kind = Kind::succeeded;
  std::string reason{};              // for people; empty where there is nothing to say
  std::optional<int> exit_status{};  // of the task that decided it
  std::optional<int> signal{};       // that ended that task
  friend bool operator==(const AttemptOutcome&, const AttemptOutcome&) = default;
};

inline constexpr std::array<std::string_view, 7> kOutcomeNames{"succeeded",     "failed",      "stopped", "timed_out",
                                                               "out_of_memory", "not_started", "lost"};
[[nodiscard]] std::string_view name_of(AttemptOutcome::Kind kind);

// "SIGKILL", or "signal 77" where it has no name.
[[nodiscard]] std::string name_of_signal(int signal);

}  // namespace drydock::runtime
