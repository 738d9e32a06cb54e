// What tests of `drydock` as processes on given stores have in common.
#pragma once

#include "real-runtime/private_postgres.hpp"
#include "real-runtime/private_redis.hpp"
#include "real-runtime/redis_client.hpp"
#include "tests/cli/binary.hpp"

#include <chrono>
#include <csignal>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace drydock::cli {

// Ends with its owner.
class Process {
 public:
  explicit Process(const std::vector<std::string>& words) : started_(words) {}
  ~Process() {
    if (running_) (void)end(SIGKILL);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void signal(int number) const { started_.interrupt(number); }
  [[nodiscard]] std::string errors() const { return started_.errors(); }  // so far
  Ran end(int number) {
    started_.interrupt(number);
    if (number == SIGKILL) started_.interrupt(SIGCONT);
    running_ = false;
    return started_.wait();
  }

 private:
  Started started_;
  bool running_ = true;
};

// With a Redis, a PostgreSQL and a folder of its own.
class OnGivenStores : public testing::Test {
 protected:
  void SetUp() override {
    auto redis = runtime::PrivateRedis::start({});
    ASSERT_TRUE(redis.ok()) << redis.error().message;
    redis_ = std::move(redis).value();
    auto postgres = runtime::PrivatePostgres::start({.durable = false});
    ASSERT_TRUE(postgres.ok()) << postgres.error().message;
    postgres_ = std::move(postgres).value();
  }
  [[nodiscard]] std::string redis_url() const { return "unix://" + redis_->address().unix_socket; }

  // False: it was not so for long.
  static bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{90};
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    return true;
  }

  Folder folder_;
  std::unique_ptr<runtime::PrivateRedis> redis_;
  std::unique_ptr<runtime::PrivatePostgres> postgres_;
};

}  // namespace drydock::cli
