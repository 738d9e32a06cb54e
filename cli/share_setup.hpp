// What a process needs to take part in sharing the limits of a scenario: for `drydock worker` and `drydock limiter`.
#pragma once

#ifdef DRYDOCK_WITH_RUNTIME

#include "policies/core/result.hpp"
#include "real-runtime/attempt_limiters.hpp"
#include "real-runtime/job_runner.hpp"
#include "real-runtime/limiter_server.hpp"
#include "real-runtime/redis_client.hpp"
#include "real-runtime/share_driver.hpp"
#include "real-runtime/share_hook.hpp"
#include "scenarios/scenario.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace drydock::cli {

struct ShareArguments {
  std::string limits_of;  // a scenario; empty: that of --config
  std::string listen;     // for others than jobs, who ask the limiter; empty: nowhere
  std::string state;      // a file; empty: in Redis
  std::string name;       // of what is shared
  std::string on_change;  // a command; empty: none
};

void declare_share_options(CLI::App& app, ShareArguments& arguments);
// Those of `drydock worker` alone.
void declare_worker_share_options(CLI::App& app, ShareArguments& arguments);

// "127.0.0.1:8090", "unix:/run/limiter.sock" or "/run/limiter.sock". Errors without the name of the option.
[[nodiscard]] Result<runtime::LimiterServer::Place> limiter_place(const std::string& text);

struct ShareSetup {
  WorkerId worker{};
  std::uint32_t incarnation = 1;  // above that of every process of this worker before
  std::int64_t weight = 1;
  std::int64_t workers = 1;  // that share the limits
  std::uint64_t seed = 1;    // of the phases of its checks
  std::optional<runtime::RedisClientOptions> redis{};
};

// What a worker shares: nothing where there are no limits, or where its pool serves no queue whose jobs make requests.
struct WorkerShares {
  scenarios::ServiceLimits limits;
  ShareSetup setup;
};
[[nodiscard]] std::optional<WorkerShares> shares_of(const scenarios::Scenario& scenario, PoolId pool);

// Ends with the loop.
class Shares {
 public:
  Shares(runtime::EventLoop& loop, const scenarios::ServiceLimits& limits, const ShareSetup& setup,
         const ShareArguments& arguments);
  [[nodiscard]] runtime::ShareDriver& driver() { return *driver_; }
  [[nodiscard]] runtime::LimiterServer& server() { return *server_; }
  // From now on each of its attempts has a limiter. Goes before the runner.
  [[nodiscard]] std::optional<Error> serve_attempts(runtime::JobRunner& jobs);

 private:
  std::unique_ptr<SharePolicy> policy_;
  std::unique_ptr<runtime::ShareStore> store_;
  std::unique_ptr<runtime::ShareDriver> driver_;
  std::unique_ptr<runtime::ShareHook> command_;
  std::unique_ptr<runtime::LimiterServer> server_;
  std::unique_ptr<runtime::AttemptLimiters> attempts_;
};

// "40 at a time, 800 requests and any tokens a minute": any where the total has no limit.
[[nodiscard]] std::string in_words(const Share& share, const Share& total);

// One line for people who start such a process.
[[nodiscard]] std::string introduced(const scenarios::ServiceLimits& limits, const ShareSetup& setup,
                                     const ShareArguments& arguments);

}  // namespace drydock::cli

#endif
