// A whole installation as processes, with everything that may be done to it: schedulers and workers that are started again when they
// end, as an init system does, a Redis and a PostgreSQL, and a proxy between each process and each of its stores.
#pragma once

#include "policies/core/rng.hpp"
#include "real-runtime/chaos/proxy.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "tests/cli/binary.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock::chaos {

// A process that is started again when it has ended.
class Role {
 public:
  // `words` name its stores by the sockets of its proxies.
  Role(std::string name, std::vector<std::string> words, std::vector<std::unique_ptr<runtime::chaos::Proxy>> proxies);
  ~Role();
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;

  // Starts it when it does not run and it is time. A failure of the test: it ended by a signal that nobody sent, or as no program
  // should.
  void supervise(Time now);
  // kill -9; it is back at that time.
  void kill(Time back_at);
  // Asks it to end, as an upgrade does; it is back when it has ended.
  void ask_to_end() const { signal(SIGTERM); }
  void pause() const { signal(SIGSTOP); }
  void go_on() const { signal(SIGCONT); }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::size_t starts() const { return starts_; }
  // What it prints as errors, since it was started last.
  [[nodiscard]] std::string told() const { return process_ == nullptr ? "it does not run" : process_->errors(); }
  [[nodiscard]] std::vector<std::unique_ptr<runtime::chaos::Proxy>>& proxies() { return proxies_; }

 private:
  void signal(int number) const {
    if (process_ != nullptr) process_->interrupt(number);
  }

  std::string name_;
  std::vector<std::string> words_;
  std::vector<std::unique_ptr<runtime::chaos::Proxy>> proxies_;
  std::unique_ptr<cli::Started> process_;
  Time back_at_{};
  std::size_t starts_ = 0;
};

class Installation {
 public:
  struct Options {
    int schedulers = 2;
    int workers = 4;
  };
  explicit Installation(Options options);
  ~Installation();
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  // Turns the loop and looks after the processes for so long, or until it is so. Whether it is.
  bool run(
      Duration time, const std::function<bool()>& so = [] { return false; });
  // One fault, drawn at random, and when it ends.
  void strike(Rng& rng);
  // Everything works again, at once.
  void heal();
  // What was done, by the name of the fault.
  [[nodiscard]] const std::map<std::string, int>& strikes() const { return strikes_; }

  // Of stores, not through a proxy.
  [[nodiscard]] std::string postgres_url() const { return postgres_->connection(); }
  [[nodiscard]] runtime::RedisAddress redis_address() const { return redis_->address(); }
  // One value as text; nothing: PostgreSQL cannot say.
  [[nodiscard]] std::optional<std::string> ask(const std::string& sql) const;
  [[nodiscard]] const cli::Folder& folder() const { return folder_; }
  [[nodiscard]] std::vector<std::string> journals() const;
  // By each process.
  [[nodiscard]] std::string told() const;
  void end_schedulers();

 private:
  void add_role(const std::string& name, const std::vector<std::string>& words, bool asks_postgres);
  void after(Duration delay, std::function<void()> what);
  void strike_process(Rng& rng);
  void strike_redis(Rng& rng);
  void strike_postgres(Rng& rng);
  void strike_connection(Rng& rng);
  void restart_redis();
  void restart_postgres();
  [[nodiscard]] Time now() const { return loop_.now(); }

  cli::Folder folder_;
  runtime::EventLoop loop_;
  std::unique_ptr<runtime::PrivateRedis> redis_;
  std::unique_ptr<runtime::PrivatePostgres> postgres_;
  bool redis_runs_ = true;
  bool postgres_runs_ = true;
  std::vector<std::unique_ptr<Role>> roles_;
  std::multimap<Time, std::function<void()>> due_;
  std::map<std::string, int> strikes_;
};

}  // namespace drydock::chaos
