#include "tests/chaos/installation.hpp"

#include "policies/ports/redis_keys.hpp"
#include "real-runtime/postgres_client.hpp"
#include "real-runtime/redis_client.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <utility>

namespace drydock::chaos {
namespace {

using namespace std::chrono_literals;
using cli::Ran;
using cli::Started;
using runtime::chaos::Proxy;

// Leases are short, so that a run sees many of them end.
const std::string kScenario = R"({
  "name": "chaos",
  "cluster": {"hosts": [{"name": "node", "count": 4, "cpus": 4}]},
  "control_plane": {"mode": "cycle", "cycle": "50ms", "schedulers": 2, "lease": "3s", "renew": "300ms", "margin": "300ms"},
  "workload": [{"count": 1, "arrivals": {"at-once": {}}, "duration": "1s"}],
  "policies": {
    "liveness": {"type": "ttl", "heartbeat": "300ms", "ttl": "3s"},
    "accounting": "fenced-counter",
    "retry": {"type": "fixed", "quarantine_after": 0}
  }
})";

constexpr Duration kTurn = 20ms;
constexpr Duration kRestart = 100ms;  // from the end of a process to its next start

Duration between(Rng& rng, Duration least, Duration most) {
  return least + Duration{static_cast<std::int64_t>(rng.uniform() * static_cast<double>((most - least).count()))};
}

}  // namespace

// --- a process ---

Role::Role(std::string name, std::vector<std::string> words, std::vector<std::unique_ptr<Proxy>> proxies)
    : name_(std::move(name)), words_(std::move(words)), proxies_(std::move(proxies)) {}

Role::~Role() {
  if (process_ == nullptr) return;
  process_->interrupt(SIGKILL);
  (void)process_->wait();
}

void Role::supervise(Time now) {
  if (process_ != nullptr && process_->ended()) {
    const Ran ran = process_->wait();
    process_.reset();
    back_at_ = std::max(back_at_, later(now, kRestart));
    // 0: it was asked to; 3: a store was not there when it started; SIGTERM: it was asked to before it could hear.
    EXPECT_TRUE(ran.signal == SIGTERM || (ran.signal == 0 && (ran.code == 0 || ran.code == 3)))
        << name_ << ": exit code " << ran.code << ", signal " << ran.signal << "\n"
        << ran.err;
  }
  if (process_ != nullptr || now < back_at_) return;
  process_ = std::make_unique<Started>(words_);
  ++starts_;
}

void Role::kill(Time back_at) {
  back_at_ = back_at;
  if (process_ == nullptr) return;
  process_->interrupt(SIGKILL);
  (void)process_->wait();
  process_.reset();
}

// --- all of them ---

Installation::Installation(Options options) {
  auto redis = runtime::PrivateRedis::start({});
  auto postgres = runtime::PrivatePostgres::start({.durable = false});
  if (!redis.ok() || !postgres.ok()) {
    ADD_FAILURE() << (redis.ok() ? postgres.error().message : redis.error().message);
    return;
  }
  redis_ = std::move(redis).value();
  postgres_ = std::move(postgres).value();
  // Jobs run as another user there.
  std::filesystem::permissions(folder_.path(""), std::filesystem::perms::all);
  const std::string scenario = folder_.file("chaos.json", kScenario);
  for (int i = 0; i < options.schedulers; ++i) {
    const std::string name = fmt::format("scheduler-{}", i);
    add_role(name, {"scheduler", "--config", scenario, "--name", name, "--record", folder_.path("record")}, true);
  }
  for (int i = 0; i < options.workers; ++i) {
    add_role(fmt::format("worker-{}", i), {"worker", "--config", scenario, "--id", std::to_string(i)}, false);
  }
}

Installation::~Installation() { roles_.clear(); }

void Installation::add_role(const std::string& name, const std::vector<std::string>& words, bool asks_postgres) {
  std::vector<std::string> all = words;
  std::vector<std::unique_ptr<Proxy>> proxies;
  const auto add_proxy = [&](const std::filesystem::path& store) {
    auto proxy = Proxy::start(loop_, store);
    EXPECT_TRUE(proxy.ok()) << proxy.error().message;
    proxies.push_back(std::move(proxy).value());
  };
  add_proxy(redis_->address().unix_socket);
  all.insert(all.end(), {"--redis", "unix://" + proxies.back()->socket().string()});
  if (asks_postgres) {
    add_proxy(postgres_->folder() / ".s.PGSQL.5432");
    all.insert(all.end(), {"--postgres", fmt::format("host='{}' port=5432 user=drydock dbname=postgres",
                                                     proxies.back()->folder().string())});
  }
  roles_.push_back(std::make_unique<Role>(name, std::move(all), std::move(proxies)));
}

bool Installation::run(Duration time, const std::function<bool()>& so) {
  const Time end = later(now(), time);
  runtime::EventLoop::Timer turn(loop_, [this] { loop_.stop(); });
  while (now() < end) {
    if (so()) return true;
    while (!due_.empty() && due_.begin()->first <= now()) {
      const auto what = std::move(due_.begin()->second);
      due_.erase(due_.begin());
      what();
    }
    for (const auto& role : roles_) role->supervise(now());
    turn.start(later(now(), kTurn));
    loop_.run();
  }
  return so();
}

void Installation::after(Duration delay, std::function<void()> what) { due_.emplace(later(now(), delay), std::move(what)); }

void Installation::heal() {
  while (!due_.empty()) {
    const auto what = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    what();
  }
}

void Installation::strike(Rng& rng) {
  switch (rng.below(8)) {
    case 0: return strike_redis(rng);
    case 1: return strike_postgres(rng);
    case 2:
    case 3: return strike_connection(rng);
    default: return strike_process(rng);
  }
}

void Installation::strike_process(Rng& rng) {
  Role& role = *roles_[rng.below(roles_.size())];
  const std::string kind = role.name().substr(0, role.name().find('-'));
  switch (rng.below(5)) {
    case 0:
    case 1: ++strikes_[kind + " killed"]; return role.kill(later(now(), between(rng, 0ms, 5s)));
    case 2: ++strikes_[kind + " asked to end"]; return role.ask_to_end();
    default:
      ++strikes_[kind + " paused"];
      role.pause();
      // About half of these outlast leases.
      return after(between(rng, 100ms, 7s), [&role] { role.go_on(); });
  }
}

void Installation::strike_redis(Rng& rng) {
  if (!redis_runs_) return;
  const std::uint64_t kind = rng.below(4);
  if (kind == 0) {
    ++strikes_["redis killed"];
    redis_->kill();
    redis_runs_ = false;
    return after(between(rng, 0ms, 4s), [this] { restart_redis(); });
  }
  auto client = runtime::RedisClient::connect({.address = redis_->address()});
  if (!client.ok()) return;
  if (kind == 1) {
    ++strikes_["redis flushed"];
    EXPECT_TRUE(client.value()->execute(redis::AdminOp{redis::Flush{}}).ok());
    return;
  }
  const bool counter = rng.below(2) == 0;
  const std::string key =
      counter ? std::string(redis::kCounterKey) : redis::worker_key(std::to_string(rng.below(roles_.size())));
  ++strikes_[counter ? "counter evicted" : "worker's key evicted"];
  EXPECT_TRUE(client.value()->execute(redis::AdminOp{redis::EvictKey{key}}).ok());
}

void Installation::restart_redis() {
  const auto restarted = redis_->restart();
  EXPECT_TRUE(restarted.ok()) << restarted.error().message;
  redis_runs_ = true;
}

void Installation::strike_postgres(Rng& rng) {
  if (!postgres_runs_) return;
  ++strikes_["postgres killed"];
  postgres_->kill();
  postgres_runs_ = false;
  after(between(rng, 0ms, 3s), [this] { restart_postgres(); });
}

void Installation::restart_postgres() {
  const auto restarted = postgres_->restart();
  EXPECT_TRUE(restarted.ok()) << restarted.error().message;
  postgres_runs_ = true;
}

void Installation::strike_connection(Rng& rng) {
  Role& role = *roles_[rng.below(roles_.size())];
  Proxy& proxy = *role.proxies()[rng.below(role.proxies().size())];
  struct Cut {
    Proxy::Way way;
    const char* name;
  };
  constexpr std::array kCuts{Cut{Proxy::Way::both, "connection cut"},
                             Cut{Proxy::Way::to_server, "connection cut to the store"},
                             Cut{Proxy::Way::to_client, "connection cut from the store"}};
  const Cut& cut = kCuts[rng.below(kCuts.size())];
  ++strikes_[cut.name];
  proxy.cut(cut.way);
  after(between(rng, 100ms, 7s), [&proxy] { proxy.mend(); });
}

// --- what became of it ---

std::optional<std::string> Installation::ask(const std::string& sql) const {
  auto client = runtime::PostgresClient::connect({.connection = postgres_->connection()});
  if (!client.ok()) return std::nullopt;
  auto answer = client.value()->run(sql);
  if (!answer.ok()) return std::nullopt;
  return std::move(answer).value();
}

std::vector<std::string> Installation::journals() const {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path("record")))
    paths.push_back(entry.path().string());
  std::ranges::sort(paths);
  return paths;
}

std::string Installation::told() const {
  std::string all;
  for (const auto& role : roles_)
    all += fmt::format("{}, started {} times: {}\n", role->name(), role->starts(), role->told());
  return all;
}

void Installation::end_schedulers() {
  for (const auto& role : roles_) {
    if (role->name().starts_with("scheduler")) role->ask_to_end();
  }
  // Whoever ends is started again: not here.
  runtime::EventLoop::Timer turn(loop_, [this] { loop_.stop(); });
  turn.start(later(now(), 2s));
  loop_.run();
  roles_.clear();
}

}  // namespace drydock::chaos
