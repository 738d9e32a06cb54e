// How a policy of the family `share` is written. One object serves an agent or a ledger and holds no state.
#pragma once

#include "policies/core/share.hpp"
#include "policies/core/share_division.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <span>
#include <variant>

namespace drydock {

// When a worker that begins to be active uses what it computes for itself.
enum class NewcomerStarts : std::uint8_t { at_once, next_adjustment };
// When a worker that sees others become active gives up what they get.
enum class HolderShrinks : std::uint8_t { at_adjustment, at_check };

// The source system's way: everybody publishes its state, reads that of the others, and computes its own share from what it
// knows. Nobody waits for anybody, so shares overlap until all know of a change: the excess is to be measured.
struct AnnouncedShares {
  Duration check = std::chrono::seconds{5};     // between two looks at the state of all
  Duration adjust = std::chrono::seconds{10};   // between two adjustments of the share
  Duration silence = std::chrono::seconds{30};  // a worker that has not published for this long does not count
  NewcomerStarts newcomer = NewcomerStarts::at_once;
  HolderShrinks holder = HolderShrinks::at_adjustment;
};

// What a ledger that lost everything does with the shares that workers say they hold, for one lease. New ones it gives to
// nobody in that time.
enum class AfterLoss : std::uint8_t {
  refuse,  // they lapse: all work stops for up to a lease
  keep,    // they are renewed, as far as they fit into the total
};

// Grants of a ledger, for a time, shrunk before others grow.
// They never sum to more than the total if margin >= 2 x drift x lease + the time that a worker needs to stop, where drift
// bounds how fast or slow the clocks of workers and store run (their offsets do not matter), and if the store's clock never
// leaps forward by more than what is left of the margin.
struct LeasedShares {
  Duration lease = std::chrono::seconds{15};  // how long a grant counts at the ledger, on the store's clock
  Duration margin = std::chrono::seconds{2};  // a worker stops this much earlier, on its own clock, counted from its request
  Duration renew = std::chrono::seconds{5};   // between two requests of a worker that has what it should
  Duration retry = std::chrono::seconds{1};   // before the next request of one that has not
  // How long a request that was begun in time may go on at the service when its worker cannot stop it (paused, or cut off), with
  // what clocks may drift: the ledger gives a lapsed grant away only this much later.
  Duration settle{};
  AfterLoss after_loss = AfterLoss::keep;
};

// No store: each worker finds its share by trying, from the refusals of the service.
struct AdaptiveShares {
  Aimd aimd;
  Duration adjust = std::chrono::seconds{10};
};

struct ShareRules {
  Duration idle_after = std::chrono::seconds{30};  // without a running request or any other activity
  IdleHolds idle_holds = IdleHolds::nothing;
  std::variant<AnnouncedShares, LeasedShares, AdaptiveShares> protocol;
};

class SharePolicy {
 public:
  virtual ~SharePolicy() = default;
  [[nodiscard]] virtual const ShareRules& rules() const = 0;
  // Sets targets[i] to what workers[i] should hold when all is at rest. The workers come in ascending order of their ids,
  // each once. The same in every process for the same arguments.
  virtual void divide(const ShareLimits& limits, std::span<const WorkerReport> workers, std::span<Share> targets) const = 0;
};

}  // namespace drydock
