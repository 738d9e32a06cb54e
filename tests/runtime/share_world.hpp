// Processes that share limits, as agents, limiters and their HTTP servers on one event loop.
#pragma once

#include "policies/catalog.hpp"
#include "real-runtime/limiter_server.hpp"
#include "real-runtime/private_redis.hpp"
#include "real-runtime/share_driver.hpp"
#include "real-runtime/share_store.hpp"
#include "tests/runtime/http_call.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

namespace drydock::runtime {

inline const ShareLimits kSourceLimits{.total = {40, 800, 40'000}, .base = {10, 200, 10'000}};

// One process that takes part.
struct Sharer {
  std::unique_ptr<ShareStore> store;
  std::unique_ptr<ShareDriver> driver;
  std::unique_ptr<LimiterServer> server;
  std::string address{};
  std::vector<ShareChange> changes{};
};

class ShareWorld {
 public:
  using Overrides = std::map<std::string, ParameterValue, std::less<>>;

  ShareWorld(std::string_view policy, const Overrides& parameters)
      : policy_(make_share(configure(*find_policy(PolicyFamily::share, policy), parameters))) {
    static int worlds = 0;
    const std::string name = "drydock-share-test-" + std::to_string(::getpid()) + "-" + std::to_string(++worlds);
    folder_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::create_directories(folder_);
  }
  ~ShareWorld() {
    sharers_.clear();
    std::filesystem::remove_all(folder_);
  }
  ShareWorld(const ShareWorld&) = delete;
  ShareWorld& operator=(const ShareWorld&) = delete;

  [[nodiscard]] bool start_redis() {
    auto started = PrivateRedis::start();
    if (!started) {
      ADD_FAILURE() << started.error().message;
      return false;
    }
    redis_ = std::move(started).value();
    return true;
  }
  [[nodiscard]] PrivateRedis& redis() { return *redis_; }
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "shares.json"; }
  [[nodiscard]] ShareTerms terms() const { return {.limits = kSourceLimits, .policy = policy_.get()}; }

  // In Redis, if it was started, else in the file.
  Sharer& start(std::uint32_t worker) {
    Sharer& sharer = sharers_[worker];
    if (redis_) {
      sharer.store = std::make_unique<RedisShareStore>(loop_, RedisClientOptions{.address = redis_->address()}, terms(),
                                                       "limits", WorkerId{worker});
    } else {
      sharer.store = std::make_unique<FileShareStore>(loop_, file(), terms(), std::chrono::seconds{5});
    }
    const ShareDriverOptions options{.agent = {.worker = WorkerId{worker},
                                               .incarnation = ++incarnations_[worker],
                                               .limits = kSourceLimits,
                                               .check_phase = {},
                                               .adjust_phase = {}},
                                     .limiter = {.total = kSourceLimits.total, .burst = kSourceLimits.total},
                                     .answer_timeout = std::chrono::seconds{10},
                                     .workers = 4};
    sharer.driver = std::make_unique<ShareDriver>(loop_, options, *policy_, sharer.store.get());
    sharer.driver->on_share_change([&sharer](const ShareChange& change) { sharer.changes.push_back(change); });
    sharer.server = std::make_unique<LimiterServer>(loop_, *sharer.driver);
    const auto socket = folder_ / ("limiter-" + std::to_string(worker) + ".sock");
    const auto wrong = sharer.server->listen({.unix_socket = socket});
    EXPECT_FALSE(wrong) << wrong->message;
    sharer.address = "unix://" + socket.string();
    return sharer;
  }
  // As kill -9 would.
  void kill(std::uint32_t worker) { sharers_.erase(worker); }
  [[nodiscard]] Sharer& at(std::uint32_t worker) { return sharers_.at(worker); }
  [[nodiscard]] EventLoop& loop() { return loop_; }

  // Something that runs until end(): the worker is at work.
  void begin(std::uint32_t worker) {
    std::ignore = at(worker).driver->acquire({.requests = 0, .holder = kWork, .hold = std::chrono::hours{1}}, [] {});
  }
  void end(std::uint32_t worker) { at(worker).driver->release_all(kWork); }

  // Turns the loop until it is so; false after a generous time-out. `always` is called each time.
  bool run_until(const std::function<bool()>& so, const std::function<void()>& always = {}) {
    bool held = false;
    const Time give_up = later(loop_.now(), std::chrono::seconds{120});
    std::unique_ptr<EventLoop::Timer> timer;
    timer = std::make_unique<EventLoop::Timer>(loop_, [&] {
      if (always) always();
      held = so();
      if (held || loop_.now() > give_up) loop_.stop();
      else timer->start(later(loop_.now(), std::chrono::milliseconds{1}));
    });
    timer->start_soon();
    loop_.run();
    return held;
  }
  bool run_until_shares(const std::vector<std::pair<std::uint32_t, Share>>& shares,
                        const std::function<void()>& always = {}) {
    return run_until(
        [&] {
          return std::ranges::all_of(
              shares, [&](const auto& entry) { return at(entry.first).driver->limiter().share() == entry.second; });
        },
        always);
  }
  // A call from a thread of its own, while the loop turns.
  [[nodiscard]] HttpReply call(std::uint32_t worker, const HttpCall& what) {
    std::future<HttpReply> reply =
        std::async(std::launch::async, [address = at(worker).address, what] { return http_call(address, what); });
    EXPECT_TRUE(run_until([&] { return reply.wait_for(std::chrono::seconds{0}) == std::future_status::ready; }));
    return reply.get();
  }
  [[nodiscard]] HttpReply post(std::uint32_t worker, const std::string& path, const nlohmann::json& body) {
    return call(worker, {.method = "POST", .target = path, .body = body.dump()});
  }
  // What all may use together.
  [[nodiscard]] Share sum() const {
    Share sum;
    for (const auto& [number, sharer] : sharers_) {
      if (machine_time() < sharer.driver->limiter().valid_until()) sum = sum + sharer.driver->limiter().share();
    }
    return sum;
  }

 private:
  static constexpr HolderId kWork{1'000'000};
  std::filesystem::path folder_;
  std::unique_ptr<SharePolicy> policy_;
  std::unique_ptr<PrivateRedis> redis_;
  EventLoop loop_;
  std::map<std::uint32_t, std::uint32_t> incarnations_;
  std::map<std::uint32_t, Sharer> sharers_;
};

}  // namespace drydock::runtime
