// The pending events of one run, in order of (time, order of pushing): a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, JACM 37,
// 1990) over int64 nanoseconds. Push is O(1), pop amortised O(log of the largest time step).
#pragma once

#include "policies/core/assert.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace drydock::sim {

// Payload is small and cheap to copy. Events are not taken out when they become void: their payload carries a generation
// that the owner compares, and purge() drops the void ones when they are many.
template <class Payload>
class EventQueue {
 public:
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

  // Nanoseconds of the first event; kNone when there is none. Does not change what may be pushed.
  [[nodiscard]] std::int64_t top_time() const {
    return occupied_ == 0 ? kNone : buckets_[static_cast<std::size_t>(std::countr_zero(occupied_))].earliest;
  }

  // `at` (>= 0) may not lie before the event that was popped last.
  void push(std::int64_t at, const Payload& payload) {
    DRYDOCK_CHECK(at >= last_, "an event may not be pushed into the past");
    place({at, payload});
    ++size_;
  }

  // Of events at one time, the one pushed first. The queue must not be empty.
  Payload pop() {
    if ((occupied_ & 1U) == 0) spread(static_cast<std::size_t>(std::countr_zero(occupied_)));
    Bucket& now = buckets_[0];
    const Payload payload = now.entries[now.taken++].payload;
    if (now.taken == now.entries.size()) {
      now.clear();
      occupied_ &= ~std::uint64_t{1};
    }
    --size_;
    return payload;
  }

  // Counts an event as void; purge() is due when void_heavy().
  void add_void() { ++void_; }
  // A void event was popped.
  void drop_void() {
    if (void_ > 0) --void_;
  }
  [[nodiscard]] bool void_heavy() const { return void_ > 1024 && void_ > size_ / 2; }
  // Drops every event for which is_void(payload); order is kept.
  template <class IsVoid>
  void purge(IsVoid&& is_void) {
    for (std::size_t b = 0; b < buckets_.size(); ++b) {
      if ((occupied_ >> b & 1U) != 0) purge_bucket(b, is_void);
    }
    void_ = 0;
  }

 private:
  struct Entry {
    std::int64_t at;
    Payload payload;
  };
  // Bucket b > 0 holds times whose highest bit that differs from last_ is bit b - 1; bucket 0 those equal to last_.
  // Entries of equal time stand in order of pushing: they always share a bucket and move together.
  struct Bucket {
    std::vector<Entry> entries;
    std::size_t taken = 0;  // of bucket 0: entries popped already
    std::int64_t earliest = kNone;
    void clear() {
      entries.clear();
      taken = 0;
      earliest = kNone;
    }
  };

  void place(const Entry& entry) {
    const auto b = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(entry.at ^ last_)));
    Bucket& bucket = buckets_[b];
    bucket.entries.push_back(entry);
    if (entry.at < bucket.earliest) bucket.earliest = entry.at;
    occupied_ |= std::uint64_t{1} << b;
  }

  // Moves the entries of the first bucket in use down, the earliest into bucket 0.
  void spread(std::size_t b) {
    Bucket& from = buckets_[b];
    last_ = from.earliest;
    occupied_ &= ~(std::uint64_t{1} << b);
    for (const Entry& entry : from.entries) place(entry);
    from.clear();
  }

  template <class IsVoid>
  void purge_bucket(std::size_t b, IsVoid& is_void) {
    Bucket& bucket = buckets_[b];
    std::size_t kept = 0;
    std::int64_t earliest = kNone;
    for (std::size_t i = bucket.taken; i < bucket.entries.size(); ++i) {
      if (is_void(std::as_const(bucket.entries[i].payload))) continue;
      bucket.entries[kept] = bucket.entries[i];
      earliest = std::min(earliest, bucket.entries[kept].at);
      ++kept;
    }
    size_ -= bucket.entries.size() - bucket.taken - kept;
    bucket.entries.erase(bucket.entries.begin() + static_cast<std::ptrdiff_t>(kept), bucket.entries.end());
    bucket.taken = 0;
    bucket.earliest = earliest;
    if (kept == 0) occupied_ &= ~(std::uint64_t{1} << b);
  }

  std::array<Bucket, 64> buckets_;
  std::uint64_t occupied_ = 0;  // bit b: bucket b is not empty
  std::int64_t last_ = 0;       // time of the event popped last
  std::size_t size_ = 0;
  std::size_t void_ = 0;
};

}  // namespace drydock::sim
