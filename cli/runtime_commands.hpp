// The commands that run things for real, on given stores.
#pragma once

#include "cli/command.hpp"

#include <memory>
#include <string_view>

namespace drydock::cli {

inline constexpr std::string_view kNoRuntime =
    "this drydock was built without its real runtime: it needs hiredis, libpq and libuv";

[[nodiscard]] std::unique_ptr<Command> make_rehearse();
[[nodiscard]] std::unique_ptr<Command> make_scheduler();
[[nodiscard]] std::unique_ptr<Command> make_beat();
[[nodiscard]] std::unique_ptr<Command> make_api();
[[nodiscard]] std::unique_ptr<Command> make_limiter();
[[nodiscard]] std::unique_ptr<Command> make_submit();
[[nodiscard]] std::unique_ptr<Command> make_jobs();
[[nodiscard]] std::unique_ptr<Command> make_job();
[[nodiscard]] std::unique_ptr<Command> make_cancel();
[[nodiscard]] std::unique_ptr<Command> make_logs();
[[nodiscard]] std::unique_ptr<Command> make_workers();
[[nodiscard]] std::unique_ptr<Command> make_drain();
[[nodiscard]] std::unique_ptr<Command> make_prune();
[[nodiscard]] std::unique_ptr<Command> make_status();
[[nodiscard]] std::unique_ptr<Command> make_doctor();
[[nodiscard]] std::unique_ptr<Command> make_calibrate();

}  // namespace drydock::cli
