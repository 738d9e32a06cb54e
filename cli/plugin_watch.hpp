// A policy of a plugin under watch: one that does not return, or crashes, is named, and ends the process.
#pragma once

#include "policies/built_in.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace drydock::cli {

// The same policies, watched. In a call that takes longer than patience (see watch_patience()), or that crashes, the process writes
// which policy that was to stderr and ends with 1, or does what was asked for by on_lost_policy(). `file`: of the plugin, for people.
[[nodiscard]] BuiltInPlacement watched(BuiltInPlacement policy, std::string_view file);
[[nodiscard]] BuiltInIsolation watched(BuiltInIsolation policy, std::string_view file);

// A text that is there until the process ends, whoever asks for it.
[[nodiscard]] const std::string& kept_for_good(std::string text);

// For how long a policy of a plugin may think about one moment, in seconds of this process's running: default 10, at least 1.
void watch_patience(int seconds);

// Instead of ending the process with 1: called with what happened, in the thread that watches or in a signal handler, while the policy's
// call still hangs; does not return. Only what a signal handler may do.
void on_lost_policy(void (*end)(const char* what));

}  // namespace drydock::cli
