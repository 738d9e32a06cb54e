// What is wrong with a worker's messages and its processor at a time, and what becomes of each message because of it.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "scenarios/scenario.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime::chaos {

// A message-loss, or a message-delay or message-repeat, while it holds.
struct MessageRule {
  std::size_t fault = 0;  // index into Scenario::faults
  scenarios::MessageKinds kinds{};
  double probability = 0;
  std::optional<scenarios::MessageLoss::Burst> burst{};
  bool loses = false;
  bool repeats = false;
  std::vector<Duration> delays{};  // drawn for this worker, for one message after the other, and again from the front
};

struct WorkerTrouble {
  std::uint64_t seed = 0;  // of this worker
  double speed = 1;        // of its processor, as part of its normal one
  std::vector<MessageRule> rules{};
};
// One line; what is read was written so.
[[nodiscard]] std::string to_json(const WorkerTrouble& trouble);
[[nodiscard]] Result<WorkerTrouble> parse_trouble(std::string_view line);

// Draws are numbered by the message of its kind. A bursty loss goes on in the state that it had.
class MessageFates {
 public:
  enum class Kind : std::uint8_t { beat, dispatch, report };
  struct Fate {
    bool lost = false;
    Duration late{};
    std::optional<Duration> again{};  // after it has arrived, it arrives once more
  };
  void set(WorkerTrouble trouble) { trouble_ = std::move(trouble); }
  // Of the next message of this kind.
  [[nodiscard]] Fate next(Kind kind);
  [[nodiscard]] double speed() const { return trouble_.speed; }

 private:
  WorkerTrouble trouble_;
  std::array<std::uint64_t, 3> numbers_{};
  std::map<std::size_t, bool> bad_;  // by fault: the state of a bursty loss
};

}  // namespace drydock::runtime::chaos
