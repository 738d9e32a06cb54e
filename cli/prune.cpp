// drydock prune
#include "cli/history_age.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <fmt/format.h>
#include <string>

#ifdef DRYDOCK_WITH_RUNTIME
#include "cli/interrupt.hpp"
#include "real-runtime/history.hpp"
#endif

namespace drydock::cli {
namespace {

struct PruneArguments {
  StoreArguments stores;
  std::string older_than;
  bool dry_run = false;
};

#ifdef DRYDOCK_WITH_RUNTIME

int run_prune(const PruneArguments& arguments, const Terminal& terminal) {
  const auto age = history_age(arguments.older_than);
  if (!age) return bad_input("--older-than: " + age.error().message);
  auto options = postgres_options(arguments.stores);
  if (!options) return bad_input(options.error().message);
  options.value().may_install = false;
  auto store = runtime::PostgresClient::connect(options.value());
  if (!store) return no_store(store.error().message);
  const std::atomic<bool>& interrupted = stop_on_interrupt();
  const auto told = [&](const runtime::PruneCount& so_far) {
    if (terminal.err_is_terminal) fmt::print(stderr, "\r{} jobs ", so_far.old);
    return !interrupted;
  };
  const auto count = runtime::prune_history(*store.value(), {.age = age.value(), .only_count = arguments.dry_run}, told);
  if (terminal.err_is_terminal) fmt::print(stderr, "\r");
  if (!count) return no_store(count.error().message);
  const std::uint64_t stay = count.value().looked - count.value().old;
  fmt::print("{} {} jobs that ended more than {} ago{}\n", arguments.dry_run ? "would remove" : "removed", count.value().old,
             arguments.older_than,
             stay > 0 ? fmt::format("; {} that were submitted before have ended since, and stay", stay) : "");
  if (!interrupted) return kDone;
  fmt::print("interrupted: there may be more\n");
  return kInterrupted;
}

#else

int run_prune(const PruneArguments& /*arguments*/, const Terminal& /*terminal*/) { return bad_input(kNoRuntime); }

#endif

class Prune final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("--older-than", arguments_.older_than, "Since a job ended: 30d, 12h; an hour at least")
        ->required()
        ->type_name("DURATION");
    declare_postgres(app, arguments_.stores);
    app.add_flag("--dry-run", arguments_.dry_run, "Only count them");
    app.footer(
        std::string("Removes jobs that ended long ago from PostgreSQL, with their attempts: in transactions of a few "
                    "thousand, while all else\n"
                    "goes on. What waits or runs stays, and so does what came after it before a scheduler looked (each ten "
                    "seconds).\n"
                    "PostgreSQL uses the room again; to give it back to the system takes VACUUM FULL. A scheduler does the "
                    "same by itself\n"
                    "with --keep-history.\n") +
        std::string(kPasswords) + "\nExit code 3: PostgreSQL could not be reached.");
  }
  int run(const Terminal& terminal) override { return run_prune(arguments_, terminal); }

 private:
  PruneArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_prune() { return std::make_unique<Prune>(); }

}  // namespace drydock::cli
