// What the scheduler makes of what it reads in the registry: when to read it, and whether a lease that is gone means a dead worker
// or a registry that forgot.
#pragma once

#include "policies/core/events.hpp"
#include "policies/core/ids.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace drydock {

struct RegistryConfig {
  Duration reading{};  // time between two readings; 0: none, the world tells what happens as it happens
  // Mass expiry is an outage, not a massacre: after a reading that failed, a restart of the registry, the loss of its sentinel key,
  // or when more than half of the workers (at least three) are gone at once, nobody is declared dead for `hold`. Nor is a worker
  // whose key is gone before its time.
  bool guard = true;
  Duration hold = std::chrono::seconds{60};  // one lease: by then every worker that lives has beaten again
};

class RegistryWatch {
 public:
  explicit RegistryWatch(const RegistryConfig& config) : config_(config) {}

  [[nodiscard]] bool reads() const { return config_.reading > Duration{0}; }
  // Whether the registry is to be read now. Then asked() follows.
  [[nodiscard]] bool due(Time now) const { return reads() && request_.value == 0 && now >= next_; }
  void asked(RequestId request, Time now);

  // The answer, before the facts that come with it. Whether it tells of a restart or of lost keys.
  [[nodiscard]] bool take(const RegistryRead& event, Time now);
  // A lease that is gone: whether its worker is to be declared dead at once. If not, it is suspected.
  [[nodiscard]] bool believes(const LeaseExpired& event, Time now);
  // The worker is there after all, or is another by now.
  void clear(WorkerId worker);
  // Suspects that a reading after their time has not found again; each is given once. To be asked after all that came with the
  // reading.
  [[nodiscard]] std::vector<LeaseExpired> take_overdue();

  [[nodiscard]] bool waits() const { return request_.value != 0; }
  [[nodiscard]] bool suspects() const { return !suspects_.empty(); }
  [[nodiscard]] Time next_wakeup() const;

 private:
  [[nodiscard]] bool has_forgotten(const RegistryRead& event) const;
  [[nodiscard]] bool is_suspicious(const RegistryRead& event) const;

  RegistryConfig config_;
  Time next_{};        // reading
  RequestId request_;  // on its way; 0: none
  bool failed_ = false;
  std::optional<std::uint64_t> server_;  // as last read
  std::optional<std::uint64_t> sentinel_;
  Time held_until_{};
  Time read_at_{};  // last, with success
  std::map<WorkerId, LeaseExpired> suspects_;
};

}  // namespace drydock
