// drydock doctor
#include "cli/runtime_commands.hpp"
#include "cli/stores.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#ifdef DRYDOCK_WITH_RUNTIME
#include "real-runtime/doctor.hpp"
#endif

namespace drydock::cli {
namespace {

struct DoctorArguments {
  StoreArguments stores;
  std::string jobs_folder;
  std::string run_as = "nobody";
  bool no_machine = false;
  std::string format = "table";
};

#ifdef DRYDOCK_WITH_RUNTIME

using runtime::Finding;
using Findings = std::vector<Finding>;

void append(Findings& all, Findings more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Finding not_told(const std::string& store, const std::string& problem) {
  return {Finding::Level::error, store + " reachable", problem, "say where it is: nothing of it was checked"};
}

// What it says of both stores, and of what lives between them where both are there.
Findings examine_stores(const StoreArguments& arguments) {
  Findings findings;
  const auto redis_place = redis_options(arguments);
  const auto postgres_place = postgres_options(arguments);
  bool both = true;
  if (redis_place) {
    const auto redis = runtime::RedisClient::connect(redis_place.value());
    const auto facts = redis ? look_at(*redis.value()) : Result<runtime::RedisFacts>(redis.error());
    both = facts.ok();
    if (facts) {
      findings.push_back({Finding::Level::ok, "redis reachable", "answers, and lets us in"});
      append(findings, judge(facts.value()));
    } else {
      findings.push_back(runtime::unreachable("redis", facts.error().message));
    }
  } else {
    findings.push_back(not_told("redis", redis_place.error().message));
  }
  if (postgres_place) {
    auto options = postgres_place.value();
    options.may_install = false;
    const auto store = runtime::PostgresClient::connect(options);
    const auto facts = store ? look_at(*store.value()) : Result<runtime::PostgresFacts>(store.error());
    both = both && facts.ok();
    if (facts) {
      findings.push_back({Finding::Level::ok, "postgres reachable", "answers, and lets us in"});
      append(findings, judge(facts.value()));
    } else {
      findings.push_back(runtime::unreachable("postgres", facts.error().message));
    }
  } else {
    findings.push_back(not_told("postgres", postgres_place.error().message));
  }
  if (!redis_place || !postgres_place || !both) return findings;
  runtime::ApiStores stores({.redis = redis_place.value(), .postgres = postgres_place.value(), .connections = 1});
  const auto claim = stores.with_redis([](runtime::RedisClient& redis) { return runtime::read_claim(redis); });
  const auto own = stores.with_postgres(
      [&](runtime::PostgresClient& store) { return runtime::read_installation(store, postgres_place.value().schema, ""); });
  if (claim && own) findings.push_back(judge(claim.value(), own.value(), redis_place.value()));
  const auto cluster = runtime::read_cluster(stores);
  const auto leader = runtime::read_leader(stores);
  if (cluster && leader) append(findings, judge(cluster.value(), leader.value()));
  return findings;
}

void print_findings(const Findings& findings, const Terminal& terminal) {
  constexpr std::size_t kIndent = 33;
  for (const Finding& finding : findings) {
    const std::string text = paragraph(finding.text, terminal.width, kIndent);
    fmt::print("{:<8} {:<23} {}", to_string(finding.level), finding.check, text.substr(kIndent));
    if (!finding.advice.empty()) {
      fmt::print("{}", paragraph("-> " + finding.advice, terminal.width, kIndent));
    }
  }
}

int run_doctor(const DoctorArguments& arguments, const Terminal& terminal) {
  Findings findings = examine_stores(arguments.stores);
  if (!arguments.no_machine) append(findings, runtime::look_at_machine(arguments.jobs_folder, arguments.run_as));
  const auto count = [&](Finding::Level level) { return std::ranges::count(findings, level, &Finding::level); };
  const auto errors = count(Finding::Level::error);
  const auto warnings = count(Finding::Level::warning);
  if (arguments.format == "json") {
    using nlohmann::json;
    json all{{"schema", "drydock-doctor/1"}, {"errors", errors}, {"warnings", warnings}, {"findings", json::array()}};
    for (const Finding& finding : findings) {
      all["findings"].push_back({{"level", to_string(finding.level)},
                                 {"check", finding.check},
                                 {"text", finding.text},
                                 {"advice", finding.advice.empty() ? json() : json(finding.advice)}});
    }
    fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
  } else {
    print_findings(findings, terminal);
    fmt::print("{} error{}, {} warning{}\n", errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
  }
  return errors > 0 ? kCheckFailed : kDone;
}

#else

int run_doctor(const DoctorArguments& /*arguments*/, const Terminal& /*terminal*/) { return bad_input(kNoRuntime); }

#endif

class Doctor final : public Command {
 public:
  void declare(CLI::App& app) override {
    declare_redis(app, arguments_.stores);
    declare_postgres(app, arguments_.stores);
    app.add_option("--jobs-folder", arguments_.jobs_folder, "Of the worker that is to run here")->type_name("DIR");
    app.add_option("--run-as", arguments_.run_as, "User that its jobs run as, where it is root (default nobody)")
        ->type_name("USER");
    app.add_flag("--no-machine", arguments_.no_machine, "Only the stores: no worker runs here");
    app.add_option("--format", arguments_.format, "table (default) or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    app.footer(std::string("Looks at the stores (are they there, do they let us in, versions, schema, what may lose data, "
                           "how much room there\n"
                           "is, clocks), at who lives between them, and at this machine as one for workers (user, jobs "
                           "folder, disk, limits,\n"
                           "containers). Each line is ok, a warning (it works, but ...) or an error, with what to do. It "
                           "changes nothing: it\n"
                           "makes and removes a file in the jobs folder and a control group.\n"
                           "json is {\"schema\": \"drydock-doctor/1\", \"errors\", \"warnings\", \"findings\": [{\"level\", "
                           "\"check\", \"text\",\n"
                           "\"advice\"}]}.\n") +
               std::string(kPasswords) + "\nExit code 1: there is an error; 0: there is none.");
  }
  int run(const Terminal& terminal) override { return run_doctor(arguments_, terminal); }

 private:
  DoctorArguments arguments_;
};

}  // namespace

std::unique_ptr<Command> make_doctor() { return std::make_unique<Doctor>(); }

}  // namespace drydock::cli
