// drydock calibrate
#include "cli/command.hpp"
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"
#include "cli/version.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <string>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>
#include <utility>

#ifdef DRYDOCK_WITH_RUNTIME
#include "cli/interrupt.hpp"
#include "cli/result_files.hpp"
#include "real-runtime/calibration.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "real-runtime/random_text.hpp"
#endif

namespace drydock::cli {
namespace {

struct CalibrateArguments {
  StoreArguments stores;
  std::string out = "calibration.json";
  bool quick = false;
  std::string format = "table";
};

#ifdef DRYDOCK_WITH_RUNTIME

using scenarios::Calibration;
using scenarios::Figure;

// Where it measures; servers of its own end with it.
struct Place {
  std::unique_ptr<runtime::PrivateRedis> own_redis;
  std::unique_ptr<runtime::PrivatePostgres> own_postgres;
  runtime::RedisClientOptions redis;
  runtime::PostgresClientOptions postgres;
};

// As `drydock up` has them.
Result<Place> own_servers() {
  Place place;
  auto redis = runtime::PrivateRedis::start({});
  if (!redis) return redis.error();
  place.own_redis = std::move(redis).value();
  auto postgres = runtime::PrivatePostgres::start({.durable = false});
  if (!postgres) return postgres.error();
  place.own_postgres = std::move(postgres).value();
  place.redis.address = place.own_redis->address();
  place.postgres.connection = place.own_postgres->connection();
  return place;
}

// A schema and a prefix that nobody else has.
void keep_apart(Place& place) {
  const std::string mark = runtime::random_text(4);
  place.redis.key_prefix = fmt::format("{}calibration-{}:", place.redis.key_prefix, mark);
  place.postgres.schema = fmt::format("calibration_{}", mark);
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

void add_context(Calibration& calibration, const CalibrateArguments& arguments, bool own) {
  auto& context = calibration.context;
  context["date"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  utsname system{};
  if (::uname(&system) == 0) {
    context["host"] = system.nodename;
    context["system"] = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  } else {
    context["host"] = "unknown";
  }
  context["cpu"] = cpu_model();
  context["cores"] = std::to_string(std::thread::hardware_concurrency());
  double load = 0;
  if (::getloadavg(&load, 1) == 1) context["load"] = fmt::format("{:.2f}", load);
  context["version"] = kVersion;
  context["build"] = fmt::format("{}, {}", kBuildType, kCompiler);
  context["stores"] = own ? "private" : "given";
  context["mode"] = arguments.quick ? "quick" : "full";
}

std::string in_words(double seconds) {
  if (seconds >= 1) return fmt::format("{:.2f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.2f} us", seconds * 1e6);
}

double quantile(const Figure& figure, double q) {
  const auto at = static_cast<std::size_t>(q * static_cast<double>(figure.points.size()));
  return figure.points[std::min(at, figure.points.size() - 1)];
}

void print_line(const char* what, const std::vector<scenarios::CommitPoint>& points) {
  if (points.size() < 2) return;
  const scenarios::CommitCost cost = scenarios::fit(points);
  fmt::print("{:<44} {} + {} a row (r2 {:.3f}, {} to {} rows)\n", what, in_words(cost.base), in_words(cost.per_row), cost.r2,
             points.front().rows, points.back().rows);
}

void print_table(const Calibration& calibration) {
  fmt::print("{:<18} {:>8} {:>11} {:>11} {:>11} {:>11} {:>11}\n", "", "n", "mean", "p50", "p90", "p99", "max");
  for (const auto& [name, figure] : calibration.figures) {
    fmt::print("{:<18} {:>8} {:>11} {:>11} {:>11} {:>11} {:>11}\n", name, figure.n, in_words(figure.mean),
               in_words(quantile(figure, 0.5)), in_words(quantile(figure, 0.9)), in_words(quantile(figure, 0.99)),
               in_words(figure.most));
  }
  fmt::print("\n");
  print_line("commit, alone", calibration.commit_points);
  print_line("commit, when others are behind it", calibration.busy_points);
  if (calibration.event > 0) {
    fmt::print("{:<44} {} a step + {} for each fact, order and row (CPU)\n", "scheduler", in_words(calibration.step),
               in_words(calibration.event));
    fmt::print("{:<44} {} an attempt (CPU)\n", "worker", in_words(calibration.attempt));
    fmt::print("{:<44} {:.2f} s\n", "a second of CPU takes a busy thread", calibration.stretch);
  }
  fmt::print("{:<44} {:+.3f} ms, give or take {:.3f} ms\n", "PostgreSQL's clock before this machine's",
             calibration.clock_ahead * 1e3, calibration.clock_unsure * 1e3);
}

int run_calibrate(const CalibrateArguments& arguments, const Terminal& terminal) {
  const std::atomic<bool>& stop = stop_on_interrupt();
  const bool own = !says_where_redis_is(arguments.stores) && !says_where_postgres_is(arguments.stores);
  Place place;
  if (own) {
    auto servers = own_servers();
    if (!servers) return no_store(servers.error().message);
    place = std::move(servers).value();
  } else {
    auto redis = redis_options(arguments.stores);
    if (!redis) return bad_input(redis.error().message);
    auto postgres = postgres_options(arguments.stores);
    if (!postgres) return bad_input(postgres.error().message);
    place.redis = std::move(redis).value();
    place.postgres = std::move(postgres).value();
  }
  keep_apart(place);
  if (auto probe = write_whole_file(arguments.out + ".probe", ""); !probe)
    return bad_input("--out: " + probe.error().message);
  std::remove((arguments.out + ".probe").c_str());
  runtime::EventLoop loop;
  runtime::CalibrationOptions options{.redis = place.redis, .postgres = place.postgres};
  if (arguments.quick) options.size = runtime::quick_calibration();
  if (terminal.err_is_terminal)
    options.progress = [](std::string_view what) { fmt::print(stderr, "measuring: {}\n", what); };
  options.stop = &stop;
  auto measured = runtime::calibrate(loop, options);
  if (!measured) return no_store(measured.error().message);
  Calibration& calibration = measured.value();
  add_context(calibration, arguments, own);
  const std::string text = scenarios::to_json(calibration);
  if (auto written = write_whole_file(arguments.out, text); !written) return bad_input("--out: " + written.error().message);
  if (arguments.format == "json") {
    fmt::print("{}", text);
  } else {
    print_table(calibration);
    fmt::print(
        "\nWritten: {}{}\n", arguments.out,
        calibration.complete ? "" : " (interrupted: what had been measured until then, to look at; scenarios refuse it)");
  }
  return calibration.complete ? kDone : kInterrupted;
}

#else

int run_calibrate(const CalibrateArguments& /*arguments*/, const Terminal& /*terminal*/) { return bad_input(kNoRuntime); }

#endif

class Calibrate final : public Command {
 public:
  void declare(CLI::App& app) override {
    declare_redis(app, arguments_.stores);
    declare_postgres(app, arguments_.stores);
    app.add_option("--out", arguments_.out, "File to write (default calibration.json)")->type_name("FILE");
    app.add_flag("--quick", arguments_.quick, "A few seconds instead of about half a minute, and less exact");
    app.add_option("--format", arguments_.format, "table (default) or json: what is printed")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.footer(
        std::string("Measures what a simulation has to know: what each operation of Redis and PostgreSQL takes, what "
                    "a commit costs against\n"
                    "its rows, how long orders to workers and reports from them are on their way, the start of a "
                    "process, what a\n"
                    "scheduler and a worker cost, how late timers are. Without --redis and --postgres it starts "
                    "private ones, as `drydock\n"
                    "up` does. On given ones it makes a schema and keys of its own, and removes them.\n"
                    "Whatever else the machine does meanwhile is in the figures.\n"
                    "A scenario takes them by \"calibration\": \"calibration.json\", where it says nothing itself.\n") +
        std::string(kPasswords) +
        "\nCtrl-C writes what there is, to look at (exit code 130). Exit code 3: a store cannot be reached.");
  }
  int run(const Terminal& terminal) override { return run_calibrate(arguments_, terminal); }

 private:
  CalibrateArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_calibrate() { return std::make_unique<Calibrate>(); }

}  // namespace drydock::cli
