// Makes facts of readings of the registry: who is new, who is another now, who is gone. No I/O.
#pragma once

#include "policies/core/events.hpp"
#include "policies/ports/redis.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drydock {

class RegistryReader {
 public:
  // The reading was asked for and answered at these times of the reader's clock; it happened between them.
  struct Reading {
    RequestId request;
    Time asked{};
    Time answered{};
    redis::StoreIdentity identity;
    redis::Workers workers;
  };
  struct Outcome {
    std::vector<Event> facts;  // RegistryRead, and what changed since the reading before
    struct Present {
      WorkerId worker;
      std::uint32_t incarnation = 0;
      bool draining = false;
    };
    std::vector<Present> present;
    bool server_changed = false;   // restarted or flushed since the reading before
    std::uint32_t unreadable = 0;  // keys that are no workers of this kind; they are not counted
    std::string problem;           // of the first of those
  };
  // `pools`: workers of others are unreadable. Readings that failed are told to nobody here.
  [[nodiscard]] Outcome take(const Reading& reading, std::size_t pools);

 private:
  struct Known {
    std::uint32_t incarnation = 0;
    bool draining = false;
    Time there_until = kNever;  // not expired before this: by the TTL that it had when it was read
  };
  std::map<WorkerId, Known> known_;
  std::optional<std::uint64_t> server_;
  std::optional<std::uint64_t> sentinel_;
};

}  // namespace drydock
