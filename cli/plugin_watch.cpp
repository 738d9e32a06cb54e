#include "cli/plugin_watch.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <fmt/format.h>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

namespace drydock::cli {

namespace {

constexpr auto kLook = std::chrono::milliseconds{100};
constexpr int kLooksInSecond = 10;

// What is being called, and how many calls there were. Written by the thread that decides; there is one in a process.
struct Call {
  std::atomic<const char*> policy = nullptr;  // nullptr: none
  std::atomic<const char*> function = "";
  std::atomic<std::uint64_t> count = 0;
};
Call call;
std::atomic<int> looks_allowed = 10 * kLooksInSecond;
std::atomic<void (*)(const char*)> lost_policy = nullptr;
bool watching = false;  // in this process: threads do not outlive a fork

// "policy 'mine' of libmine.so: <what> in plan()". Without memory from the heap, for signal handlers.
[[noreturn]] void end_with(const char* what) {
  static std::array<char, 1024> text{};
  std::size_t length = 0;
  for (const char* part : {call.policy.load(), ": ", what, " in ", call.function.load(), "()"}) {
    const std::size_t n = std::min(std::strlen(part), text.size() - 1 - length);
    std::memcpy(text.data() + length, part, n);
    length += n;
  }
  const char* const words = text.data();
  for (const char* part : {"drydock: ", words, "\n"}) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, part, std::strlen(part));
  }
  if (const auto end = lost_policy.load()) end(text.data());
  _exit(1);
}

void crashed(int signal) {
  if (call.policy.load() != nullptr) end_with(signal == SIGABRT ? "it aborted" : "it crashed");
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// Counts looks, not time: a process that stood still is not to blame, nor is its policy.
void watch() {
  std::uint64_t seen = 0;
  int looks = 0;
  while (true) {
    std::this_thread::sleep_for(kLook);
    const std::uint64_t count = call.count.load();
    if (call.policy.load() == nullptr || count != std::exchange(seen, count)) looks = 0;
    else if (++looks >= looks_allowed.load()) end_with("it has not returned for too long (--plugin-patience)");
  }
}

// On a stack of its own: the policy may have used up the other.
void catch_crashes() {
  static std::array<std::byte, 64 * 1024> room{};
  const stack_t stack{.ss_sp = room.data(), .ss_flags = 0, .ss_size = room.size()};
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = crashed;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigaction(signal, &action, nullptr);
}

void start_watching() {
  watching = true;
  static const bool kForgotten = [] {
    pthread_atfork(nullptr, nullptr, [] { watching = false; });
    catch_crashes();
    return true;
  }();
  (void)kForgotten;
  // It handles no signals: they are for the others.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread(watch).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

class Watched {
 public:
  Watched(const std::string& policy, const char* function) {
    if (!watching) start_watching();
    call.function.store(function, std::memory_order_relaxed);
    call.count.fetch_add(1, std::memory_order_relaxed);
    call.policy.store(policy.c_str(), std::memory_order_relaxed);
  }
  ~Watched() { call.policy.store(nullptr, std::memory_order_relaxed); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

class WatchedPlacement final : public PlacementPolicy {
 public:
  WatchedPlacement(std::unique_ptr<PlacementPolicy> policy, const std::string& name)
      : policy_(std::move(policy)), name_(name) {}
  [[nodiscard]] PlacementTraits traits() const override {
    const Watched watched(name_, "traits");
    return policy_->traits();
  }
  [[nodiscard]] Rank rank(const Job& job, const Cluster& cluster) const override {
    const Watched watched(name_, "rank");
    return policy_->rank(job, cluster);
  }
  void plan(const PassContext& pass, Plan& plan) override {
    const Watched watched(name_, "plan");
    policy_->plan(pass, plan);
  }

 private:
  std::unique_ptr<PlacementPolicy> policy_;
  const std::string& name_;
};

class WatchedIsolation final : public IsolationPolicy {
 public:
  WatchedIsolation(std::unique_ptr<IsolationPolicy> policy, const std::string& name)
      : policy_(std::move(policy)), name_(name) {}
  [[nodiscard]] IsolationTraits traits() const override {
    const Watched watched(name_, "traits");
    return policy_->traits();
  }
  void open(const IsolationPass& pass, std::span<Turn> turns) override {
    const Watched watched(name_, "open");
    policy_->open(pass, turns);
  }
  void started(const IsolationPass& pass, JobRef job, std::span<Turn> turns) override {
    const Watched watched(name_, "started");
    policy_->started(pass, job, turns);
  }
  void reclaim(const IsolationPass& pass, Plan& plan) override {
    const Watched watched(name_, "reclaim");
    policy_->reclaim(pass, plan);
  }
  [[nodiscard]] std::unique_ptr<IsolationPolicy> copy() const override {
    const Watched watched(name_, "copy");
    return std::make_unique<WatchedIsolation>(policy_->copy(), name_);
  }
  [[nodiscard]] Time next_wakeup(PoolId pool) const override {
    const Watched watched(name_, "next_wakeup");
    return policy_->next_wakeup(pool);
  }

 private:
  std::unique_ptr<IsolationPolicy> policy_;
  const std::string& name_;
};

// `Policy` around what the factory makes. A watcher may ask for the name at any time.
template <class Policy, class Interface, class Entry>
Entry wrapped(Entry entry, std::string_view file) {
  const auto* const name = &kept_for_good(fmt::format("policy '{}' of {}", entry.info.type, file));
  entry.make = [make = std::move(entry.make), name](const PolicyConfig& config) -> std::unique_ptr<Interface> {
    const Watched watched(*name, "make");
    auto policy = make(config);
    if (policy == nullptr) throw std::runtime_error(*name + ": its factory made nothing");
    return std::make_unique<Policy>(std::move(policy), *name);
  };
  return entry;
}

}  // namespace

const std::string& kept_for_good(std::string text) {
  static auto& all = *new std::deque<std::string>;
  return all.emplace_back(std::move(text));
}

BuiltInPlacement watched(BuiltInPlacement policy, std::string_view file) {
  return wrapped<WatchedPlacement, PlacementPolicy>(std::move(policy), file);
}

BuiltInIsolation watched(BuiltInIsolation policy, std::string_view file) {
  return wrapped<WatchedIsolation, IsolationPolicy>(std::move(policy), file);
}

void watch_patience(int seconds) { looks_allowed = seconds * kLooksInSecond; }

void on_lost_policy(void (*end)(const char* what)) { lost_policy = end; }

}  // namespace drydock::cli
