// Invariant 7 over the journals of several schedulers of one run: at most one leader's writes are accepted per epoch, and none of a
// lower epoch after one of a higher. Ordered by epoch and by the store's version, never by clocks.
#pragma once

#include "policies/core/check.hpp"
#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock {

class LeaderChecker {
 public:
  // The steps from now on are from this journal.
  void begin(std::string journal);
  void step(Time now, std::span<const Event> events, std::span<const Command> commands);
  // What the journals, taken together, break. Journals without leadership break nothing.
  [[nodiscard]] std::vector<Violation> finish() const;

 private:
  struct Reign {
    std::size_t journal = 0;
    Time last_write{};
    std::optional<std::uint64_t> first_version{};  // of accepted commits
    std::uint64_t last_version = 0;
  };
  void accepted(Time now, std::uint64_t version);

  std::vector<std::string> journals_;
  std::int64_t epoch_ = 0;                     // of the present journal's process
  std::multimap<std::int64_t, Reign> reigns_;  // by epoch
  Reign* present_ = nullptr;                   // of the present journal
};

}  // namespace drydock
