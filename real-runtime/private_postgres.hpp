// A PostgreSQL of one's own, on a Unix socket in a temporary folder: for tests and for rehearsals. It ends with its owner, also when
// the owner is killed; what a killed owner left in the temporary folder is removed by the next one that starts.
//
// PostgreSQL refuses to run as root: then it runs as another user, to whom the folder belongs.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "policies/ports/postgres.hpp"
#include "real-runtime/private_server.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace drydock::runtime {

struct PrivatePostgresOptions {
  std::filesystem::path programs{};  // folder of postgres and initdb; empty: PATH, then where distributions put them
  std::filesystem::path parent{};    // of its folder; empty: the system's temporary folder
  std::string user = "nobody";       // as whom it runs when started by root
  // Wait for the disk at each commit. Without, a crash of the machine loses data, a crash of the server does not: good for tests.
  bool durable = true;
  std::vector<std::string> settings{};                // more of them, as "work_mem=8MB"
  Duration start_timeout = std::chrono::seconds{60};  // until it answers
};

// Linux: the server dies with the thread that started it.
class PrivatePostgres {
 public:
  // Whether its programs are here.
  [[nodiscard]] static bool available(const PrivatePostgresOptions& options = {});
  // Makes a new database cluster, starts the server and waits until it answers.
  static Result<std::unique_ptr<PrivatePostgres>> start(PrivatePostgresOptions options = {});
  // Ends it and removes its folder.
  ~PrivatePostgres() { kill(); }
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;

  // Crashes it (as `pg_ctl stop -m immediate`) and starts it again: it recovers what was committed. Connections break.
  Result<postgres::Done> restart();
  // Crashes it; restart() brings it back.
  void kill();

  // As libpq takes it. PostgresClientOptions::connection.
  [[nodiscard]] std::string connection() const;
  [[nodiscard]] pid_t pid() const { return process_.pid(); }  // -1: it does not run
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  explicit PrivatePostgres(PrivatePostgresOptions options) : options_(std::move(options)) {}

  Result<postgres::Done> find_programs();
  Result<postgres::Done> find_user();
  Result<postgres::Done> make_cluster();
  Result<postgres::Done> launch();
  Result<postgres::Done> wait_until_it_answers();

  PrivatePostgresOptions options_;
  std::string postgres_;  // where they were found
  std::string initdb_;
  std::optional<User> user_;
  TemporaryFolder folder_;
  ChildProcess process_;  // ends before its folder does
};

}  // namespace drydock::runtime
