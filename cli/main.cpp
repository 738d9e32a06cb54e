// The table of commands, and what is common to all: help, usage errors, exit codes.
#include "cli/help.hpp"
#include "cli/plugins.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/suggest.hpp"
#include "cli/version.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace drydock::cli {
namespace {

struct CommandEntry {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Command> (*make)();
  bool decides = false;  // it reads scenarios, whose policies may be of plugins
};

// Where drydock-runtime is a program of its own, it has these; see hand_over().
#ifdef DRYDOCK_RUNTIME_PROGRAM
#define FOR_REAL(make) nullptr
#else
#define FOR_REAL(make) make
#endif

constexpr std::array<CommandEntry, 32> kCommands{{
    {"simulate", "run a scenario and compare its variants", make_simulate, true},
    {"compare", "what differs between recorded runs, how sure that is, and whether rules are kept", make_compare},
    {"report", "a page to look at, tables, Markdown or a trace, from results and journals", make_report, true},
    {"sweep", "run a scenario at many points: what matters, and what to choose", make_sweep, true},
    {"validate", "check scenario files without running them", make_validate, true},
    {"scenarios", "list the built-in scenarios, or print one", make_scenarios},
    {"policies", "list the policies, or explain one", make_policies, true},
    {"faults", "list what can go wrong, or explain one kind", make_faults},
    {"import", "read a trace: what is in it, and what was skipped and why", make_import, true},
    {"replay", "repeat every decision of a journal, or see where another policy would differ", make_replay, true},
    {"check", "look for violated invariants in a journal", make_check, true},
    {"explain", "what happened to a job or a worker, and why, from a journal", make_explain, true},
    {"hunt", "look for faults under which a scenario breaks an invariant", make_hunt, true},
    {"rehearse", "run a scenario for real beside its simulation: how far apart they are, and why", FOR_REAL(make_rehearse),
     true},
    {"up", "run a scenario for real: worker processes, Redis and PostgreSQL", FOR_REAL(make_up), true},
    {"scheduler", "decides for real which job runs where; several may run, one leads", FOR_REAL(make_scheduler), true},
    {"worker", "runs jobs for real, on this machine", FOR_REAL(make_worker), true},
    {"beat", "hands in periodic jobs for real when they are due; several may run, one is active", FOR_REAL(make_beat), true},
    {"limiter", "holds requests to a worker's share of global limits, without a scheduler", FOR_REAL(make_limiter), true},
    {"api", "takes jobs and tells of them over HTTP", FOR_REAL(make_api)},
    {"submit", "hands in a job that is to run for real", FOR_REAL(make_submit)},
    {"jobs", "lists the jobs that were submitted", FOR_REAL(make_jobs)},
    {"job", "tells what became of a job", FOR_REAL(make_job)},
    {"cancel", "ends jobs", FOR_REAL(make_cancel)},
    {"logs", "shows what a job printed", FOR_REAL(make_logs)},
    {"workers", "lists the workers that live", FOR_REAL(make_workers), true},
    {"drain", "asks workers to finish what they run, and end", FOR_REAL(make_drain), true},
    {"prune", "removes jobs that ended long ago", FOR_REAL(make_prune)},
    {"status", "how everything does, each second", FOR_REAL(make_status), true},
    {"doctor", "looks for what is wrong with stores and machine, and says what to do", FOR_REAL(make_doctor)},
    {"calibrate", "measures stores and machine for simulations", FOR_REAL(make_calibrate)},
    {"version", "version, and what it was built with", make_version},
}};

#undef FOR_REAL

constexpr std::string_view kExamples = R"(
Try:
  drydock simulate easy-against-fcfs                    compare nine policies on one workload
  drydock simulate my.json --seeds 1..20 --out results  your scenario, with intervals over 20 seeds
  drydock policies easy                                 what a policy does, its parameters and its source
)";

void print_help(const Terminal& terminal, bool all) {
  fmt::print("{} finds out how scheduling policies behave before they are deployed.\n\n", bold(terminal, "drydock"));
  fmt::print("Usage: drydock COMMAND [OPTIONS]\n{}\n",
             paragraph("`drydock COMMAND --help` explains a command.", terminal.width));
  constexpr std::size_t kNames = 13;
  for (const CommandEntry& command : kCommands)
    fmt::print("  {:<10} {}", command.name, paragraph(command.summary, terminal.width, kNames).substr(kNames));
  fmt::print("{}", kExamples);
  if (all) {
    fmt::print(
        "\n{}",
        paragraph("Exit codes: 0 done; 1 a check, a run or a gate failed; 2 wrong usage or input; "
                  "3 Redis or PostgreSQL could not be reached or started; 130 interrupted (partial results were written).",
                  terminal.width));
  }
}

const CommandEntry* find_command(std::string_view name) {
  for (const CommandEntry& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

int unknown_command(std::string_view name) {
  std::vector<std::string_view> names;
  for (const CommandEntry& command : kCommands) names.push_back(command.name);
  const bool option = name.starts_with("-");
  return bad_input(fmt::format("there is no {} \"{}\"{}; commands: {}", option ? "option" : "command",
                               scenarios::printable(name), did_you_mean(name, names), scenarios::listed(names)));
}

// The first argument that looks like an option but is none of this command's.
int unknown_option(const CLI::App& app, std::string_view command, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (!argument.starts_with("--") || app.get_option_no_throw(argument.substr(0, argument.find('='))) != nullptr) continue;
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string typed = argument.substr(0, argument.find('='));
    return bad_input(fmt::format("{} has no option {}{}; options: {}", command, scenarios::printable(typed),
                                 did_you_mean(typed, views), scenarios::listed(views)));
  }
  return kDone;
}

// By what CLI11 calls its type. Where only some negative numbers are meant, the option's own check says which.
bool is_signed(const CLI::Option* option) {
  if (option == nullptr) return false;
  const std::string type = option->get_type_name();
  return type.starts_with("INT") || type.starts_with("FLOAT");
}

// CLI11 would wrap a negative count around.
int negative_count(const CLI::App& app, std::string_view command, const std::vector<std::string>& arguments) {
  std::string before;  // an option that is still without its value
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    const std::size_t equals = argument.starts_with("--") ? argument.find('=') : std::string::npos;
    const std::string option = equals == std::string::npos ? std::exchange(before, "") : argument.substr(0, equals);
    const std::string_view value = std::string_view(argument).substr(equals == std::string::npos ? 0 : equals + 1);
    const bool negative = value.size() > 1 && value[0] == '-' && value[1] >= '0' && value[1] <= '9';
    if (!negative) {
      before = equals == std::string::npos && argument.starts_with('-') ? argument : "";
      continue;
    }
    if (!option.empty() && is_signed(app.get_option_no_throw(option))) continue;
    return bad_input(fmt::format("{}: {}{}: a number here must not be negative", command,
                                 equals == std::string::npos && !option.empty() ? scenarios::printable(option) + " " : "",
                                 scenarios::printable(argument)));
  }
  return kDone;
}

// Set from one program to the other, which takes it away.
constexpr const char* kHandedOver = "DRYDOCK_HANDED_OVER";

#ifdef DRYDOCK_RUNTIME_PROGRAM
// Becomes the program for the commands on real stores, which is beside this one, or where it is installed.
int hand_over(const std::vector<std::string>& arguments) {
  if (std::getenv(kHandedOver) != nullptr)
    return bad_input("drydock-runtime is drydock itself, and not the program for real stores: please install drydock anew");
  setenv(kHandedOver, "1", 1);
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<char*> argv{const_cast<char*>("drydock")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  for (const std::filesystem::path& place : {folder / "drydock-runtime", folder / DRYDOCK_RUNTIME_PROGRAM}) {
    execv(place.c_str(), argv.data());
    if (errno != ENOENT) return bad_input(fmt::format("{} cannot be started: {}", place.string(), std::strerror(errno)));
  }
  return bad_input(fmt::format("the program for \"{}\", {}, is not there: please install drydock anew", arguments.front(),
                               (folder / DRYDOCK_RUNTIME_PROGRAM).lexically_normal().string()));
}
#endif

// The largest of all numbers, as a bound that nobody meant, has 309 digits.
std::string in_short(std::string text) {
  constexpr std::size_t kMostDigits = 18;
  constexpr std::string_view kNoFraction = ".000000";
  std::size_t from = text.find("not in range");
  if (from == std::string::npos) return text;
  while ((from = text.find_first_of("0123456789", from)) != std::string::npos) {
    const std::size_t to = std::min(text.find_first_not_of("0123456789.", from), text.size());
    if (to - from > kMostDigits) text.replace(from, to - from, "any");
    else if (text.substr(from, to - from).ends_with(kNoFraction)) text.erase(to - kNoFraction.size(), kNoFraction.size());
    from = text.find_first_not_of("0123456789.", from);
    if (from == std::string::npos) break;
  }
  return text;
}

int run_command(const CommandEntry& entry, std::vector<std::string> arguments, const Terminal& terminal) {
#ifdef DRYDOCK_RUNTIME_PROGRAM
  if (entry.make == nullptr) {
    arguments.insert(arguments.begin(), std::string(entry.name));
    return hand_over(arguments);
  }
#endif
  CLI::App app(fmt::format("drydock {}: {}", entry.name, entry.summary), fmt::format("drydock {}", entry.name));
  app.formatter(std::make_shared<HelpFormatter>(terminal.width));
  const auto command = entry.make();
  command->declare(app);
  PluginOptions plugins;
  if (entry.decides) declare_plugins(app, plugins);
  if (const int code = unknown_option(app, entry.name, arguments); code != kDone) return code;
  if (const int code = negative_count(app, entry.name, arguments); code != kDone) return code;
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return kDone;
  } catch (const CLI::ParseError& error) {
    return bad_input(fmt::format("{}: {}; `drydock {} --help` explains", entry.name, in_short(error.what()), entry.name));
  }
  if (entry.decides) {
    if (const auto problem = load_plugins(plugins)) return bad_input(problem->message);
  }
  return command->run(terminal);
}

int run(const std::vector<std::string>& arguments, const Terminal& terminal) {
  if (arguments.empty()) {
    print_help(terminal, false);
    return kDone;
  }
  const std::string& name = arguments.front();
  std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (name == "--help" || name == "-h" || name == "help") {
    if (rest.empty() || name != "help") {
      print_help(terminal, true);
      return kDone;
    }
    const CommandEntry* topic = find_command(rest.front());
    return topic == nullptr ? unknown_command(rest.front()) : run_command(*topic, {"--help"}, terminal);
  }
  if (name == "--version" || name == "-V") {
    fmt::print("drydock {}\n", kVersion);
    return kDone;
  }
  const CommandEntry* command = find_command(name);
  return command == nullptr ? unknown_command(name) : run_command(*command, std::move(rest), terminal);
}

// Standard descriptors that the caller left closed go nowhere, so that no file or socket gets their numbers. Returns whether
// there is an output.
bool hold_standard_descriptors() {
  bool output = true;
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(standard, F_GETFD) >= 0 || errno != EBADF) continue;
    [[maybe_unused]] const int nowhere = open("/dev/null", O_RDWR);  // gets the least free number
    if (standard == STDOUT_FILENO) output = false;
  }
  return output;
}

// bad_input() where stderr may be what is broken.
int last_words(std::string_view message) {
  try {
    return bad_input(message);
  } catch (const std::exception&) {
    return kBadInput;
  }
}

constexpr std::string_view kOutputLost = "the output could not be written completely";

// What went wrong on the way to a file or a pipe must not look like success.
int finish(int code, bool has_output) {
  if (has_output && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  return last_words(kOutputLost);
}

// Without the destructors of libraries: SimGrid's take longer than many a command, and free what the system frees anyway.
// Sanitizers look for leaks behind them.
int end_process(int code) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  static_cast<void>(std::fflush(stderr));
  std::_Exit(code);
#else
  return code;
#endif
}

}  // namespace
}  // namespace drydock::cli

int main(int argc, char** argv) {
  using namespace drydock::cli;
  const bool has_output = hold_standard_descriptors();
#ifndef DRYDOCK_RUNTIME_PROGRAM
  unsetenv(kHandedOver);
#endif
  try {
    return end_process(
        finish(run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc), find_terminal()), has_output));
  } catch (const std::bad_alloc&) {
    return last_words("out of memory");
  } catch (const std::exception& error) {
    return last_words(std::ferror(stdout) != 0 ? kOutputLost : error.what());
  }
}
