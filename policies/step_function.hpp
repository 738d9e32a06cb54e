// A step function of time that is changed by adding to it over intervals, and searched for the first step of some kind. Its
// steps lie in blocks that know their lowest and highest level: an addition puts what it adds aside in the blocks that it
// covers, a search passes over the blocks that hold nothing of that kind. Both cost O(steps / 64), at about 1 ns per block.
#pragma once

#include "policies/core/time.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace drydock {

template <int Kinds>
class StepFunction {
 public:
  using Amounts = Eigen::Array<std::int64_t, Kinds, 1>;

  // A step, by its place; the place behind the last step begins at kNever. Good until the next change.
  struct Position {
    std::size_t block = 0;
    std::size_t step = 0;
  };

  explicit StepFunction(const Amounts& everywhere = Amounts::Zero()) { reset(everywhere); }
  void reset(const Amounts& everywhere) {
    heads_.clear();
    blocks_.clear();
    unused_.clear();
    heads_.push_back(new_head());
    heads_[0].count = 1;
    heads_[0].first = blocks_[0].from[0] = Time::min();
    blocks_[0].level[0] = everywhere;
    summarize(heads_[0]);
  }

  // To the levels of [from, to); for ever if that is kNever.
  void add(Time from, Time to, const Amounts& change) {
    from = std::max(from, heads_.front().first);
    if (from >= to) return;
    Position begin = split(from);
    Position end{heads_.size(), 0};
    if (to != kNever) {
      const std::size_t blocks = heads_.size();
      end = split(to);
      if (heads_.size() != blocks) begin = at(from);
    }
    if (begin.block == end.block) {
      add_to_steps(begin.block, begin.step, end.step, change);
    } else {
      add_to_steps(begin.block, begin.step, heads_[begin.block].count, change);
      for (std::size_t b = begin.block + 1; b < end.block; ++b) add_to_all(heads_[b], change);
      if (end.step > 0) add_to_steps(end.block, 0, end.step, change);
    }
    if (to != kNever) drop_if_level(end);
    drop_if_level(begin);
  }

  // Levels before `now` are of no more interest.
  void forget_before(Time now) {
    std::size_t past = 0;
    while (past + 1 < heads_.size() && heads_[past + 1].first <= now) ++past;
    if (past * 8 <= heads_.size()) return;  // taking blocks away from the front moves all others
    for (std::size_t b = 0; b < past; ++b) unused_.push_back(heads_[b].block);
    heads_.erase(heads_.begin(), heads_.begin() + static_cast<std::ptrdiff_t>(past));
  }

  // The step at that time.
  [[nodiscard]] Position at(Time time) const {
    const std::size_t b = last_begun(heads_.size(), time, [this](std::size_t i) { return heads_[i].first; });
    const auto& from = blocks_[heads_[b].block].from;
    return {b, last_begun(heads_[b].count, time, [&from](std::size_t i) { return from[i]; })};
  }
  [[nodiscard]] Time begin(Position p) const {
    return p.block == heads_.size() ? kNever : blocks_[heads_[p.block].block].from[p.step];
  }

  // The first step from `p` on that is wanted, else the place behind the last. Wanted: `may(lowest, highest)` says whether
  // any level between these could be, `is(level)` whether that one is.
  template <class Wanted>
  [[nodiscard]] Position first(Position p, const Wanted& wanted) const {
    for (; p.block < heads_.size(); ++p.block, p.step = 0) {
      const Head& head = heads_[p.block];
      if (!wanted.may(head.lowest, head.highest)) continue;
      const Block& block = blocks_[head.block];
      for (; p.step < head.count; ++p.step) {
        if (wanted.is(block.level[p.step] + head.added)) return p;
      }
    }
    return {heads_.size(), 0};
  }
  // When the last step that begins before `time` and is wanted gives way to the next; Time::min() when there is none.
  template <class Wanted>
  [[nodiscard]] Time end_of_last(Time time, const Wanted& wanted) const {
    const Position p = at(time);
    Time end = time;
    for (std::size_t b = p.block + 1; b-- > 0;) {
      const Head& head = heads_[b];
      const Block& block = blocks_[head.block];
      if (wanted.may(head.lowest, head.highest)) {
        for (std::size_t s = b == p.block ? p.step + 1 : head.count; s-- > 0;) {
          if (block.from[s] < time && wanted.is(block.level[s] + head.added)) return end;
          end = block.from[s];
        }
      }
      end = head.first;
    }
    return Time::min();
  }

 private:
  static constexpr std::size_t kSteps = 64;

  struct Block {
    std::array<Time, kSteps> from;
    std::array<Amounts, kSteps> level;  // without what its head has `added`
  };
  struct Head {
    Time first{};
    Amounts added = Amounts::Zero();  // to all of the block
    Amounts lowest = Amounts::Zero();
    Amounts highest = Amounts::Zero();
    std::size_t count = 0;
    std::size_t block = 0;
  };

  // The last of `count` ascending times that is not after `time`, else the first; without branches to mispredict.
  template <class TimeOf>
  static std::size_t last_begun(std::size_t count, Time time, const TimeOf& time_of) {
    std::size_t at = 0;
    while (count > 1) {
      const std::size_t half = count / 2;
      at += time_of(at + half) <= time ? half : 0;
      count -= half;
    }
    return at;
  }

  Head new_head() {
    Head head;
    if (unused_.empty()) {
      head.block = blocks_.size();
      blocks_.emplace_back();
    } else {
      head.block = unused_.back();
      unused_.pop_back();
    }
    return head;
  }

  static void add_to_all(Head& head, const Amounts& change) {
    head.added += change;
    head.lowest += change;
    head.highest += change;
  }
  void add_to_steps(std::size_t b, std::size_t begin, std::size_t end, const Amounts& change) {
    Head& head = heads_[b];
    if (begin == 0 && end == head.count) return add_to_all(head, change);
    Block& block = blocks_[head.block];
    for (std::size_t s = begin; s < end; ++s) block.level[s] += change;
    summarize(head);
  }
  void summarize(Head& head) {
    const Block& block = blocks_[head.block];
    Amounts lowest = block.level[0];
    Amounts highest = block.level[0];
    for (std::size_t s = 1; s < head.count; ++s) {
      lowest = lowest.min(block.level[s]);
      highest = highest.max(block.level[s]);
    }
    head.lowest = lowest + head.added;
    head.highest = highest + head.added;
  }

  // The step that begins at that time; made if there is none.
  Position split(Time time) {
    Position p = at(time);
    if (begin(p) == time) return p;
    if (heads_[p.block].count == kSteps) {
      halve(p.block);
      p = at(time);
    }
    ++p.step;
    Head& head = heads_[p.block];
    Block& block = blocks_[head.block];
    for (std::size_t s = head.count; s > p.step; --s) {
      block.from[s] = block.from[s - 1];
      block.level[s] = block.level[s - 1];
    }
    block.from[p.step] = time;
    block.level[p.step] = block.level[p.step - 1];
    ++head.count;
    return p;
  }
  void halve(std::size_t b) {
    Head right = new_head();
    Head& left = heads_[b];
    const Block& from = blocks_[left.block];
    Block& to = blocks_[right.block];
    left.count = kSteps / 2;
    right.count = kSteps - left.count;
    std::copy_n(from.from.begin() + left.count, right.count, to.from.begin());
    std::copy_n(from.level.begin() + left.count, right.count, to.level.begin());
    right.first = to.from[0];
    right.added = left.added;
    summarize(left);
    summarize(right);
    heads_.insert(heads_.begin() + static_cast<std::ptrdiff_t>(b) + 1, right);
  }

  // Takes out a step whose level is that of the step before.
  void drop_if_level(Position p) {
    if (p.block == 0 && p.step == 0) return;
    const std::size_t before = p.step > 0 ? p.block : p.block - 1;
    const Head& a = heads_[before];
    const Amounts& level = blocks_[a.block].level[p.step > 0 ? p.step - 1 : a.count - 1];
    Head& head = heads_[p.block];
    Block& block = blocks_[head.block];
    if ((level + a.added != block.level[p.step] + head.added).any()) return;
    for (std::size_t s = p.step; s + 1 < head.count; ++s) {
      block.from[s] = block.from[s + 1];
      block.level[s] = block.level[s + 1];
    }
    // The summary may stay as wide as it was: it only says where to look.
    if (--head.count == 0) {
      remove(p.block);
      return;
    }
    head.first = block.from[0];
    if (head.count < kSteps / 4 && p.block + 1 < heads_.size()) merge_with_next(p.block);
  }
  void remove(std::size_t b) {
    unused_.push_back(heads_[b].block);
    heads_.erase(heads_.begin() + static_cast<std::ptrdiff_t>(b));
  }
  void merge_with_next(std::size_t b) {
    Head& left = heads_[b];
    const Head& right = heads_[b + 1];
    if (left.count + right.count > kSteps / 2) return;
    Block& to = blocks_[left.block];
    const Block& from = blocks_[right.block];
    for (std::size_t s = 0; s < right.count; ++s) {
      to.from[left.count] = from.from[s];
      to.level[left.count++] = from.level[s] + right.added - left.added;
    }
    left.lowest = left.lowest.min(right.lowest);
    left.highest = left.highest.max(right.highest);
    remove(b + 1);
  }

  std::vector<Head> heads_;  // never empty; in order of time
  std::vector<Block> blocks_;
  std::vector<std::size_t> unused_;
};

}  // namespace drydock
