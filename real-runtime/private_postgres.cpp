#include "real-runtime/private_postgres.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;
using postgres::Done;

constexpr const char* kSocketName = ".s.PGSQL.5432";
constexpr const char* kDataName = "data";
constexpr const char* kInitLogName = "initdb.log";
constexpr const char* kLogName = "postgres.log";

// Where Debian and Red Hat put the programs of each major version; the newest first.
std::vector<fs::path> usual_folders() {
  std::vector<std::pair<long, fs::path>> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    found.emplace_back(std::strtol(entry.path().filename().c_str(), nullptr, 10), entry.path() / "bin");
  }
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr", ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("pgsql-")) found.emplace_back(std::strtol(name.c_str() + 6, nullptr, 10), entry.path() / "bin");
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> folders;
  for (auto& [version, folder] : found) folders.push_back(std::move(folder));
  return folders;
}

std::string find(const PrivatePostgresOptions& options, const char* name) {
  if (!options.programs.empty()) return find_program((fs::absolute(options.programs) / name).string());
  return find_program(name, usual_folders());
}

}  // namespace

bool PrivatePostgres::available(const PrivatePostgresOptions& options) {
  return !find(options, "postgres").empty() && !find(options, "initdb").empty();
}

Result<std::unique_ptr<PrivatePostgres>> PrivatePostgres::start(PrivatePostgresOptions options) {
  std::unique_ptr<PrivatePostgres> server(new PrivatePostgres(std::move(options)));
  if (auto found = server->find_programs(); !found.ok()) return found.error();
  if (auto found = server->find_user(); !found.ok()) return found.error();
  const auto failed = server->folder_.make(
      {.prefix = "drydock-postgres-", .parent = server->options_.parent, .socket = kSocketName}, server->user_);
  if (failed) return *failed;
  if (auto made = server->make_cluster(); !made.ok()) return made.error();
  if (auto launched = server->launch(); !launched.ok()) return launched.error();
  return server;
}

Result<Done> PrivatePostgres::find_programs() {
  postgres_ = find(options_, "postgres");
  initdb_ = find(options_, "initdb");
  if (!postgres_.empty() && !initdb_.empty()) return Done{};
  return Error{fmt::format(
      "{} was not found in {}: install PostgreSQL 15 (on Debian: apt-get install postgresql), or name "
      "the folder of its programs",
      postgres_.empty() ? "postgres" : "initdb",
      options_.programs.empty() ? "PATH, /usr/lib/postgresql/*/bin and /usr/pgsql-*/bin" : options_.programs.string())};
}

Result<Done> PrivatePostgres::find_user() {
  if (::geteuid() != 0) return Done{};
  const passwd* entry = ::getpwnam(options_.user.c_str());
  if (entry == nullptr || entry->pw_uid == 0) {
    return Error{fmt::format("PostgreSQL refuses to run as root, and there is no user '{}' to run it as", options_.user)};
  }
  user_ = User{entry->pw_uid, entry->pw_gid};
  return Done{};
}

Result<Done> PrivatePostgres::make_cluster() {
  const auto failed =
      process_.start({.words = {initdb_, "--pgdata", folder() / kDataName, "--username", "drydock", "--auth", "trust",
                                "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"},
                      .folder = folder(),
                      .log = folder() / kInitLogName,
                      .user = user_});
  if (failed) return *failed;
  const int status = process_.wait();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Done{};
  return Error{fmt::format("{} failed; its last words: {}", initdb_, folder_.end_of(kInitLogName))};
}

Result<Done> PrivatePostgres::launch() {
  const std::string directory = folder();
  std::vector<std::string> words{postgres_, "-D", folder() / kDataName, "-k", directory, "-p",
                                 "5432",    "-c", "listen_addresses="};
  const auto set = [&](std::string setting) {
    words.emplace_back("-c");
    words.push_back(std::move(setting));
  };
  set("unix_socket_permissions=0700");
  set("dynamic_shared_memory_type=mmap");  // in the folder: goes with it
  set("logging_collector=off");
  if (!options_.durable) {
    set("fsync=off");
    set("full_page_writes=off");
  }
  for (const std::string& setting : options_.settings) set(setting);
  // SIGQUIT, so that it also ends its own processes and gives back its shared memory.
  const auto failed = process_.start(
      {.words = std::move(words), .folder = folder(), .log = folder() / kLogName, .death_signal = SIGQUIT, .user = user_});
  if (failed) return *failed;
  auto answered = wait_until_it_answers();
  if (!answered.ok()) kill();
  return answered;
}

Result<Done> PrivatePostgres::wait_until_it_answers() {
  constexpr std::chrono::milliseconds kPause{5};
  const auto deadline = std::chrono::steady_clock::now() + options_.start_timeout;
  const std::string where = connection();
  while (PQping(where.c_str()) != PQPING_OK) {
    if (process_.ended()) {
      return Error{fmt::format("{} ended at once; its last words: {}", postgres_, folder_.end_of(kLogName))};
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{fmt::format("{} did not answer within {:g} s; its last words: {}", postgres_,
                               seconds(options_.start_timeout), folder_.end_of(kLogName))};
    }
    std::this_thread::sleep_for(kPause);
  }
  return Done{};
}

Result<Done> PrivatePostgres::restart() {
  kill();
  return launch();
}

void PrivatePostgres::kill() { process_.end(SIGQUIT); }

std::string PrivatePostgres::connection() const {
  return fmt::format("host='{}' port=5432 user=drydock dbname=postgres", folder().string());
}

}  // namespace drydock::runtime
