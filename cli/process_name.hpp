// The names of processes that run beside others of their kind on the same stores.
#pragma once

#include <string>
#include <string_view>

namespace drydock::cli {

// Of this host and process.
[[nodiscard]] std::string default_process_name();

// Names of files and of keys are made of it.
[[nodiscard]] bool is_good_process_name(std::string_view name);
inline constexpr std::string_view kProcessNameHelp = "--name: a name has at most 100 of a-z, A-Z, 0-9, '-', '_' and '.'";

}  // namespace drydock::cli
