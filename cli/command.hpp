// What a command is: options, and a run that ends with an exit code. One file per command; main.cpp has the table of all.
#pragma once

#include "cli/terminal.hpp"

#include <memory>
#include <string_view>

namespace CLI {
class App;
}

namespace drydock::cli {

enum ExitCode : int {
  kDone = 0,
  kCheckFailed = 1,    // an invariant was violated, a replay differed, a run broke down, or a gate failed
  kBadInput = 2,       // wrong usage, or a file that cannot be read or makes no sense
  kNoStore = 3,        // Redis or PostgreSQL could not be reached or started
  kInterrupted = 130,  // Ctrl-C: what there is was written, marked as partial (128 + SIGINT, as shells have it)
};

// Made for one invocation: declare() once, then run() once.
class Command {
 public:
  virtual ~Command() = default;
  // Adds options that write into this object.
  virtual void declare(CLI::App& app) = 0;
  // Returns an ExitCode. Has told the user why when it is not kDone.
  [[nodiscard]] virtual int run(const Terminal& terminal) = 0;
};

// Prints "drydock: <message>" on stderr and returns kBadInput.
[[nodiscard]] int bad_input(std::string_view message);

[[nodiscard]] std::unique_ptr<Command> make_simulate();
[[nodiscard]] std::unique_ptr<Command> make_compare();
[[nodiscard]] std::unique_ptr<Command> make_report();
[[nodiscard]] std::unique_ptr<Command> make_sweep();
[[nodiscard]] std::unique_ptr<Command> make_validate();
[[nodiscard]] std::unique_ptr<Command> make_policies();
[[nodiscard]] std::unique_ptr<Command> make_faults();
[[nodiscard]] std::unique_ptr<Command> make_scenarios();
[[nodiscard]] std::unique_ptr<Command> make_replay();
[[nodiscard]] std::unique_ptr<Command> make_check();
[[nodiscard]] std::unique_ptr<Command> make_hunt();
[[nodiscard]] std::unique_ptr<Command> make_explain();
[[nodiscard]] std::unique_ptr<Command> make_import();
[[nodiscard]] std::unique_ptr<Command> make_up();
[[nodiscard]] std::unique_ptr<Command> make_worker();
[[nodiscard]] std::unique_ptr<Command> make_version();

}  // namespace drydock::cli
