// Connections to a store, lent to one thread at a time. Made when they are needed, and again when they broke; while the store is away,
// who asks is told so at once, but for one try each second.
#pragma once

#include "policies/core/result.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace drydock::runtime {

// Client: RedisClient or PostgresClient.
template <class Client, class Options>
class ClientPool {
 public:
  ClientPool(Options options, std::size_t most) : options_(std::move(options)), free_(most) {}

  // Calls `use`, which gives a Result, with a connection that the server has not ended. When that breaks nevertheless, `use` is called
  // once more with a new one: it must be something that may be done twice. Not after a timeout: what was too slow once is so again.
  template <class Use>
  auto with(const Use& use) -> decltype(use(std::declval<Client&>())) {
    return lend(use, true);
  }

  // The same, for what must not be done twice: when the connection breaks, it is not known whether it was done.
  template <class Use>
  auto with_once(const Use& use) -> decltype(use(std::declval<Client&>())) {
    return lend(use, false);
  }

  // The reason why the last try to connect failed; empty: it did not.
  [[nodiscard]] std::string problem() {
    const std::lock_guard lock(mutex_);
    return failure_.value_or("");
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kLongestWait{5};
  static constexpr std::chrono::seconds kBetweenTries{1};

  struct Returned {
    ClientPool* pool;
    std::unique_ptr<Client>* client;
    ~Returned() { pool->give_back(std::move(*client)); }
  };

  template <class Use>
  auto lend(const Use& use, bool may_repeat) -> decltype(use(std::declval<Client&>())) {
    auto client = borrow();
    if (!client) return client.error();
    const Returned returned{this, &client.value()};
    if (const auto problem = connect(client.value())) return *problem;
    auto result = use(*client.value());
    if (result.ok() || client.value()->connected()) return result;
    if (!may_repeat || client.value()->timed_out()) return result;
    if (const auto problem = connect(client.value())) return *problem;
    return use(*client.value());
  }

  Result<std::unique_ptr<Client>> borrow() {
    std::unique_lock lock(mutex_);
    if (!some_free_.wait_for(lock, kLongestWait, [this] { return !free_.empty(); })) {
      return Error{"too many requests wait for the stores"};
    }
    std::unique_ptr<Client> client = std::move(free_.back());
    free_.pop_back();
    return client;
  }

  void give_back(std::unique_ptr<Client> client) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(client));
    some_free_.notify_one();
  }

  std::optional<Error> connect(std::unique_ptr<Client>& client) {
    if (client != nullptr && client->still_connected()) return std::nullopt;
    {
      const std::lock_guard lock(mutex_);
      if (failure_ && Clock::now() < try_again_) return Error{*failure_};
      try_again_ = Clock::now() + kBetweenTries;
    }
    std::optional<Error> problem;
    if (client == nullptr) {
      auto made = Client::connect(options_);
      if (made) client = std::move(made).value();
      else problem = made.error();
    } else if (const auto again = client->reconnect(); !again) {
      problem = again.error();
    }
    const std::lock_guard lock(mutex_);
    if (problem) failure_ = problem->message;
    else failure_.reset();
    return problem;
  }

  const Options options_;
  std::mutex mutex_;
  std::condition_variable some_free_;
  std::vector<std::unique_ptr<Client>> free_;  // null: not connected yet
  std::optional<std::string> failure_;
  Clock::time_point try_again_{};
};

}  // namespace drydock::runtime
