// What will be free when, as planned, and how early reservations can begin. To ask all of them again whether they could begin
// earlier costs little where they can not: only what has become free since a reservation was last asked about can help it.
#pragma once

#include "policies/core/time.hpp"
#include "policies/step_function.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace drydock {

struct Interval {
  Time start{};
  Time end{};
};
inline constexpr Interval kNoInterval{kNever, kNever};

// Kinds: amounts in a level.
template <int Kinds>
class Availability {
 public:
  using Amounts = typename StepFunction<Kinds>::Amounts;
  // In which reservations are asked about.
  using Order = std::pair<std::int64_t, std::uint64_t>;

  struct Reservation {
    Interval planned = kNoInterval;  // kNoInterval when it never finds what it needs
    Duration length{};               // planned.end is later(planned.start, length)
    Amounts need = Amounts::Zero();
    bool fresh = false;  // made amid a change that has not been taken back from risen_: nothing is known about it
  };

  // All that is free is so for ever.
  explicit Availability(const Amounts& free_now = Amounts::Zero()) : free_(free_now) {}

  // Outside of rounds. To claim less for longer, or what is free, tells no reservation anything that it could use.
  void claim(Interval when, const Amounts& need) { free_.add(when.start, when.end, -need); }
  // What is released may help all reservations at the next round.
  void release(Interval when, const Amounts& need);
  // Of a claim that has begun.
  void change_end(Time from, Time to, const Amounts& need);

  // Where `need` is free for `length`, at the earliest from `now` on; kNoInterval when nowhere.
  [[nodiscard]] Interval earliest(Time now, const Amounts& need, Duration length) const;
  // Makes the reservation there.
  [[nodiscard]] Reservation reserve(Time now, const Amounts& need, Duration length);

  // A round: begin, then move_forward for each reservation in order, then end.
  void begin_round(Time now);
  // Plans it as early as possible beside all other claims; false when that is where it was.
  bool move_forward(const Order& order, Reservation& reservation);
  void end_round();

 private:
  // A claim of so much moved. `risen_` knows it until all reservations up to that one have been asked about in this round.
  struct Move {
    Order until;
    Interval from;
    Interval to;
    Amounts need = Amounts::Zero();
  };
  static constexpr Order kLast = {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::uint64_t>::max()};

  static void shift(StepFunction<Kinds>& levels, Interval from, Interval to, const Amounts& need);
  [[nodiscard]] Time first_fit(Time from, const Reservation& reservation, Time no_later) const;
  [[nodiscard]] Time may_fit_from(const Reservation& reservation);
  void forget_moves(const Order& until);

  StepFunction<Kinds> free_;
  // What is free less what was free when the reservation that is asked about next was asked about last; claims that were
  // made in between may be missing: it is never too low.
  StepFunction<Kinds> risen_;
  std::vector<Move> moves_;  // in risen_, from next_move_ on; in order of `until`
  std::size_t next_move_ = 0;
  std::vector<Move> new_moves_;     // likewise: those of this round
  std::optional<Time> first_rise_;  // where risen_ is first above zero from now on, if that has been asked
  Time now_{};                      // of the round
  bool sound_ = true;               // no level is below zero
};

extern template class Availability<1>;
extern template class Availability<4>;

}  // namespace drydock
