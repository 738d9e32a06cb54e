#include "policies/availability.hpp"

#include <algorithm>

namespace drydock {

namespace {

template <class Amounts>
struct AtLeast {
  Amounts need;
  [[nodiscard]] bool may(const Amounts& /*lowest*/, const Amounts& highest) const { return is(highest); }
  [[nodiscard]] bool is(const Amounts& level) const { return (level >= need).all(); }
};
template <class Amounts>
struct Below {
  Amounts need;
  [[nodiscard]] bool may(const Amounts& lowest, const Amounts& /*highest*/) const { return is(lowest); }
  [[nodiscard]] bool is(const Amounts& level) const { return (level < need).any(); }
};
template <class Amounts>
struct Positive {
  [[nodiscard]] bool may(const Amounts& /*lowest*/, const Amounts& highest) const { return is(highest); }
  [[nodiscard]] bool is(const Amounts& level) const { return (level > 0).any(); }
};

}  // namespace

template <int Kinds>
void Availability<Kinds>::release(Interval when, const Amounts& need) {
  shift(free_, when, kNoInterval, need);
  shift(risen_, when, kNoInterval, need);
  moves_.push_back({kLast, when, kNoInterval, need});
  first_rise_.reset();
}

template <int Kinds>
void Availability<Kinds>::change_end(Time from, Time to, const Amounts& need) {
  if (to < from) release({to, from}, need);
  else claim({from, to}, need);
}

// A claim's start and end are two edges, and to move an edge changes the levels that it passes.
template <int Kinds>
void Availability<Kinds>::shift(StepFunction<Kinds>& levels, Interval from, Interval to, const Amounts& need) {
  const auto move_edge = [&](Time a, Time b, const Amounts& change) {
    if (b < a) levels.add(b, a, change);
    else levels.add(a, b, -change);
  };
  move_edge(from.start, to.start, -need);
  move_edge(from.end, to.end, need);
}

// The earliest time, from `from` on and before `no_later`, at which its need is free for its length or until `no_later`.
template <int Kinds>
Time Availability<Kinds>::first_fit(Time from, const Reservation& r, Time no_later) const {
  auto position = free_.at(from);
  Time start = from;
  while (true) {
    position = free_.first(position, AtLeast<Amounts>{r.need});
    start = std::max(from, free_.begin(position));
    if (start >= no_later) return no_later;
    position = free_.first(position, Below<Amounts>{r.need});
    if (free_.begin(position) >= std::min(later(start, r.length), no_later)) return start;
  }
}

template <int Kinds>
Interval Availability<Kinds>::earliest(Time now, const Amounts& need, Duration length) const {
  const Time start = first_fit(now, {.length = length, .need = need}, kNever);
  return {start, later(start, length)};
}

template <int Kinds>
typename Availability<Kinds>::Reservation Availability<Kinds>::reserve(Time now, const Amounts& need, Duration length) {
  const Interval planned = earliest(now, need, length);
  claim(planned, need);
  return {planned, length, need, !moves_.empty()};
}

template <int Kinds>
void Availability<Kinds>::begin_round(Time now) {
  now_ = now;
  free_.forget_before(now);
  risen_.forget_before(now);
  first_rise_.reset();
  sound_ = free_.begin(free_.first(free_.at(now), Below<Amounts>{Amounts::Zero()})) == kNever;
}

template <int Kinds>
bool Availability<Kinds>::move_forward(const Order& order, Reservation& r) {
  forget_moves(order);
  const Interval before = r.planned;
  const bool stands =
      sound_ || free_.begin(free_.first(free_.at(before.start), Below<Amounts>{Amounts::Zero()})) >= before.end;
  if (stands) {
    // Where it is planned now it fits, beside all others. So a hole that reaches up to there is long enough.
    const Time from = r.fresh ? now_ : may_fit_from(r);
    const Time start = first_fit(from, r, before.start);
    r.planned = {start, later(start, r.length)};
  } else {
    shift(free_, before, kNoInterval, r.need);
    r.planned = earliest(now_, r.need, r.length);
    shift(free_, kNoInterval, before, r.need);
  }
  r.fresh = false;
  if (r.planned.start == before.start) return false;
  shift(free_, before, r.planned, r.need);
  shift(risen_, before, r.planned, r.need);
  new_moves_.push_back({order, before, r.planned, r.need});
  first_rise_.reset();
  return true;
}

// Before this time nothing can have opened for it. An interval that was too full when it was asked about last is so still,
// unless something in it has risen since: it reaches up to the first rise, through nothing but levels that suffice.
template <int Kinds>
Time Availability<Kinds>::may_fit_from(const Reservation& r) {
  if (!first_rise_) first_rise_ = risen_.begin(risen_.first(risen_.at(now_), Positive<Amounts>{}));
  if (*first_rise_ >= r.planned.end) return r.planned.start;
  const Time reached = std::clamp(*first_rise_, now_, r.planned.start);
  return std::max(now_, free_.end_of_last(reached, Below<Amounts>{r.need}));
}

template <int Kinds>
void Availability<Kinds>::forget_moves(const Order& until) {
  for (; next_move_ < moves_.size() && moves_[next_move_].until <= until; ++next_move_) {
    const Move& move = moves_[next_move_];
    shift(risen_, move.to, move.from, move.need);
    first_rise_.reset();
  }
}

template <int Kinds>
void Availability<Kinds>::end_round() {
  forget_moves(kLast);
  moves_.swap(new_moves_);
  new_moves_.clear();
  next_move_ = 0;
  if (moves_.empty()) risen_.reset(Amounts::Zero());
}

template class Availability<1>;
template class Availability<4>;

}  // namespace drydock
