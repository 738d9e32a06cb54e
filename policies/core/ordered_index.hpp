// An ordered set whose subtrees carry a summary, so that "the first entry that could ..." is found without looking at all:
// a B+ tree. Insert, erase and update cost O(log n); find costs O(log n) per entry that its summary lets through.
#pragma once

#include "policies/core/assert.hpp"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace drydock {

// Key: totally ordered, unique. Value: cheap to copy. Summary: `static Summary join(const Summary& left, const Summary& right)`,
// associative (not necessarily commutative).
template <class Key, class Value, class Summary>
class OrderedIndex {
 public:
  struct Entry {
    Key key{};
    Value value{};
    Summary summary{};
  };

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

  void insert(const Entry& entry) {
    if (root_ == kNone) {
      root_ = new_leaf();
      height_ = 0;
    }
    const std::uint32_t right = insert_below(root_, height_, entry);
    if (right != kNone) grow_root(right);
    ++size_;
  }

  void clear() {
    leaves_.clear();
    inners_.clear();
    free_leaves_.clear();
    free_inners_.clear();
    root_ = kNone;
    height_ = 0;
    size_ = 0;
  }

  // The key must be there.
  void erase(const Key& key) {
    DRYDOCK_CHECK(root_ != kNone, "erase from an empty index");
    erase_below(root_, height_, key);
    --size_;
    while (height_ > 0 && inners_[root_].count == 1) {
      const std::uint32_t child = inners_[root_].children[0];
      free_inners_.push_back(root_);
      root_ = child;
      --height_;
    }
    if (size_ == 0) {
      free_leaves_.push_back(root_);
      root_ = kNone;
    }
  }

  // Replaces the summary of an entry, whose key must be there.
  void update(const Key& key, const Summary& summary) { update_below(root_, height_, key, summary); }

  // nullptr when empty. Pointers hold until the next change.
  [[nodiscard]] const Entry* first() const {
    return find([](const Summary&) { return true; });
  }
  [[nodiscard]] const Entry* last() const {
    if (root_ == kNone) return nullptr;
    std::uint32_t node = root_;
    for (std::uint32_t level = height_; level > 0; --level) node = inners_[node].children[inners_[node].count - 1];
    return &leaves_[node].entries[leaves_[node].count - 1];
  }

  // The first entry in order whose summary `accept` takes. Subtrees whose joined summary it refuses are passed over whole;
  // accept sees summaries strictly from left to right, so that it may add up what it refused.
  template <class Accept>
  [[nodiscard]] const Entry* find(Accept&& accept) const {
    return root_ == kNone ? nullptr : find_below(root_, height_, nullptr, accept);
  }
  // The same among the entries behind `after`.
  template <class Accept>
  [[nodiscard]] const Entry* find_after(const Key& after, Accept&& accept) const {
    return root_ == kNone ? nullptr : find_below(root_, height_, &after, accept);
  }
  [[nodiscard]] const Entry* next(const Key& after) const {
    return find_after(after, [](const Summary&) { return true; });
  }

  // The last entry before `key`; nullptr when there is none.
  [[nodiscard]] const Entry* previous(const Key& key) const {
    return root_ == kNone ? nullptr : previous_below(root_, height_, key);
  }

  // All entries in order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    if (root_ != kNone) visit_below(root_, height_, visit);
  }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::uint32_t kFanOut = 16;

  struct Leaf {
    std::uint32_t count = 0;
    std::array<Entry, kFanOut> entries;
  };
  struct Inner {
    std::uint32_t count = 0;
    std::array<std::uint32_t, kFanOut> children;
    std::array<Key, kFanOut> keys;  // a lower bound of each child's keys; above every key of the child before
    std::array<Summary, kFanOut> summaries;
  };

  std::uint32_t new_leaf() {
    if (!free_leaves_.empty()) {
      const std::uint32_t node = free_leaves_.back();
      free_leaves_.pop_back();
      leaves_[node].count = 0;
      return node;
    }
    leaves_.emplace_back();
    return static_cast<std::uint32_t>(leaves_.size() - 1);
  }
  std::uint32_t new_inner() {
    if (!free_inners_.empty()) {
      const std::uint32_t node = free_inners_.back();
      free_inners_.pop_back();
      inners_[node].count = 0;
      return node;
    }
    inners_.emplace_back();
    return static_cast<std::uint32_t>(inners_.size() - 1);
  }

  [[nodiscard]] Summary summary_of(std::uint32_t node, std::uint32_t level) const {
    if (level == 0) {
      const Leaf& leaf = leaves_[node];
      Summary all = leaf.entries[0].summary;
      for (std::uint32_t i = 1; i < leaf.count; ++i) all = Summary::join(all, leaf.entries[i].summary);
      return all;
    }
    const Inner& inner = inners_[node];
    Summary all = inner.summaries[0];
    for (std::uint32_t i = 1; i < inner.count; ++i) all = Summary::join(all, inner.summaries[i]);
    return all;
  }
  [[nodiscard]] const Key& first_key(std::uint32_t node, std::uint32_t level) const {
    return level == 0 ? leaves_[node].entries[0].key : inners_[node].keys[0];
  }
  [[nodiscard]] std::uint32_t count_of(std::uint32_t node, std::uint32_t level) const {
    return level == 0 ? leaves_[node].count : inners_[node].count;
  }

  // The child that holds `key`, if any does.
  static std::uint32_t child_for(const Inner& inner, const Key& key) {
    std::uint32_t low = 0;
    std::uint32_t high = inner.count;
    while (high - low > 1) {
      const std::uint32_t middle = (low + high) / 2;
      (inner.keys[middle] <= key ? low : high) = middle;
    }
    return low;
  }
  static std::uint32_t position_for(const Leaf& leaf, const Key& key) {
    if (leaf.count > 0 && leaf.entries[leaf.count - 1].key < key) return leaf.count;
    std::uint32_t low = 0;
    std::uint32_t high = leaf.count;
    while (low < high) {
      const std::uint32_t middle = (low + high) / 2;
      if (leaf.entries[middle].key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  void grow_root(std::uint32_t right) {
    const std::uint32_t left = root_;
    root_ = new_inner();
    Inner& inner = inners_[root_];
    inner.count = 2;
    inner.children[0] = left;
    inner.children[1] = right;
    inner.keys[0] = first_key(left, height_);
    inner.keys[1] = first_key(right, height_);
    inner.summaries[0] = summary_of(left, height_);
    inner.summaries[1] = summary_of(right, height_);
    ++height_;
  }

  // Returns the new right sibling of `node`, or kNone.
  std::uint32_t insert_below(std::uint32_t node, std::uint32_t level, const Entry& entry) {
    if (level == 0) return insert_into_leaf(node, entry);
    const std::uint32_t at = child_for(inners_[node], entry.key);
    const std::uint32_t child = inners_[node].children[at];
    const bool append = behind_all(child, level - 1, entry.key);
    const std::uint32_t right = insert_below(child, level - 1, entry);
    Inner& inner = inners_[node];
    if (entry.key < inner.keys[at]) inner.keys[at] = entry.key;
    if (right == kNone) {
      inner.summaries[at] = append ? Summary::join(inner.summaries[at], entry.summary) : summary_of(child, level - 1);
      return kNone;
    }
    inner.summaries[at] = summary_of(child, level - 1);
    return insert_child(node, level, at + 1, right);
  }
  [[nodiscard]] bool behind_all(std::uint32_t node, std::uint32_t level, const Key& key) const {
    for (; level > 0; --level) node = inners_[node].children[inners_[node].count - 1];
    const Leaf& leaf = leaves_[node];
    return leaf.entries[leaf.count - 1].key < key;
  }

  std::uint32_t insert_into_leaf(std::uint32_t node, const Entry& entry) {
    std::uint32_t at = position_for(leaves_[node], entry.key);
    std::uint32_t right = kNone;
    if (leaves_[node].count == kFanOut) {
      right = new_leaf();
      Leaf& from = leaves_[node];
      Leaf& to = leaves_[right];
      // An append leaves a full leaf behind, so that queues in order of arrival stay dense.
      const std::uint32_t keep = at == kFanOut ? kFanOut : kFanOut / 2;
      to.count = kFanOut - keep;
      for (std::uint32_t i = 0; i < to.count; ++i) to.entries[i] = from.entries[keep + i];
      from.count = keep;
      if (at >= keep && (at > keep || keep == kFanOut)) {
        node = right;
        at -= keep;
      }
    }
    Leaf& leaf = leaves_[node];
    for (std::uint32_t i = leaf.count; i > at; --i) leaf.entries[i] = leaf.entries[i - 1];
    leaf.entries[at] = entry;
    ++leaf.count;
    return right;
  }

  std::uint32_t insert_child(std::uint32_t node, std::uint32_t level, std::uint32_t at, std::uint32_t child) {
    std::uint32_t right = kNone;
    if (inners_[node].count == kFanOut) {
      right = new_inner();
      Inner& from = inners_[node];
      Inner& to = inners_[right];
      const std::uint32_t keep = at == kFanOut ? kFanOut - 1 : kFanOut / 2;
      to.count = kFanOut - keep;
      for (std::uint32_t i = 0; i < to.count; ++i) move_child(from, keep + i, to, i);
      from.count = keep;
      if (at > keep) {
        node = right;
        at -= keep;
      }
    }
    Inner& inner = inners_[node];
    for (std::uint32_t i = inner.count; i > at; --i) move_child(inner, i - 1, inner, i);
    inner.children[at] = child;
    inner.keys[at] = first_key(child, level - 1);
    inner.summaries[at] = summary_of(child, level - 1);
    ++inner.count;
    return right;
  }
  static void move_child(const Inner& from, std::uint32_t i, Inner& to, std::uint32_t j) {
    to.children[j] = from.children[i];
    to.keys[j] = from.keys[i];
    to.summaries[j] = from.summaries[i];
  }

  void erase_below(std::uint32_t node, std::uint32_t level, const Key& key) {
    if (level == 0) {
      Leaf& leaf = leaves_[node];
      const std::uint32_t at = position_for(leaf, key);
      DRYDOCK_CHECK(at < leaf.count && leaf.entries[at].key == key, "the key to erase is not in the index");
      for (std::uint32_t i = at; i + 1 < leaf.count; ++i) leaf.entries[i] = leaf.entries[i + 1];
      --leaf.count;
      return;
    }
    const std::uint32_t at = child_for(inners_[node], key);
    const std::uint32_t child = inners_[node].children[at];
    erase_below(child, level - 1, key);
    if (count_of(child, level - 1) == 0) {
      remove_child(node, at, level);
      return;
    }
    inners_[node].summaries[at] = summary_of(child, level - 1);
    merge_if_sparse(node, level, at);
  }
  void remove_child(std::uint32_t node, std::uint32_t at, std::uint32_t level) {
    Inner& inner = inners_[node];
    (level == 1 ? free_leaves_ : free_inners_).push_back(inner.children[at]);
    for (std::uint32_t i = at; i + 1 < inner.count; ++i) move_child(inner, i + 1, inner, i);
    --inner.count;
  }
  void merge_if_sparse(std::uint32_t node, std::uint32_t level, std::uint32_t at) {
    Inner& inner = inners_[node];
    if (count_of(inner.children[at], level - 1) > kFanOut / 4 || inner.count < 2) return;
    const std::uint32_t left = at + 1 < inner.count ? at : at - 1;
    const std::uint32_t a = inner.children[left];
    const std::uint32_t b = inner.children[left + 1];
    if (count_of(a, level - 1) + count_of(b, level - 1) > kFanOut * 3 / 4) return;
    if (level == 1) {
      for (std::uint32_t i = 0; i < leaves_[b].count; ++i) leaves_[a].entries[leaves_[a].count++] = leaves_[b].entries[i];
    } else {
      for (std::uint32_t i = 0; i < inners_[b].count; ++i) move_child(inners_[b], i, inners_[a], inners_[a].count++);
    }
    inner.summaries[left] = Summary::join(inner.summaries[left], inner.summaries[left + 1]);
    remove_child(node, left + 1, level);
  }

  void update_below(std::uint32_t node, std::uint32_t level, const Key& key, const Summary& summary) {
    if (level == 0) {
      Leaf& leaf = leaves_[node];
      const std::uint32_t at = position_for(leaf, key);
      DRYDOCK_CHECK(at < leaf.count && leaf.entries[at].key == key, "the key to update is not in the index");
      leaf.entries[at].summary = summary;
      return;
    }
    const std::uint32_t at = child_for(inners_[node], key);
    const std::uint32_t child = inners_[node].children[at];
    update_below(child, level - 1, key, summary);
    inners_[node].summaries[at] = summary_of(child, level - 1);
  }

  // `after` is nullptr once the search is past it.
  template <class Accept>
  const Entry* find_below(std::uint32_t node, std::uint32_t level, const Key* after, Accept& accept) const {
    if (level == 0) {
      const Leaf& leaf = leaves_[node];
      std::uint32_t i = after == nullptr ? 0 : position_for(leaf, *after);
      if (after != nullptr && i < leaf.count && leaf.entries[i].key == *after) ++i;
      for (; i < leaf.count; ++i) {
        if (accept(leaf.entries[i].summary)) return &leaf.entries[i];
      }
      return nullptr;
    }
    const Inner& inner = inners_[node];
    std::uint32_t i = 0;
    if (after != nullptr) {
      i = child_for(inner, *after);
      if (const Entry* found = find_below(inner.children[i], level - 1, after, accept)) return found;
      ++i;
    }
    for (; i < inner.count; ++i) {
      if (!accept(inner.summaries[i])) continue;
      if (const Entry* found = find_below(inner.children[i], level - 1, nullptr, accept)) return found;
    }
    return nullptr;
  }

  const Entry* previous_below(std::uint32_t node, std::uint32_t level, const Key& key) const {
    if (level == 0) {
      const std::uint32_t at = position_for(leaves_[node], key);
      return at == 0 ? nullptr : &leaves_[node].entries[at - 1];
    }
    const Inner& inner = inners_[node];
    for (std::uint32_t i = child_for(inner, key) + 1; i > 0; --i) {
      if (const Entry* found = previous_below(inner.children[i - 1], level - 1, key)) return found;
    }
    return nullptr;
  }

  template <class Visit>
  void visit_below(std::uint32_t node, std::uint32_t level, Visit& visit) const {
    if (level == 0) {
      for (std::uint32_t i = 0; i < leaves_[node].count; ++i) visit(leaves_[node].entries[i]);
      return;
    }
    for (std::uint32_t i = 0; i < inners_[node].count; ++i) visit_below(inners_[node].children[i], level - 1, visit);
  }

  std::vector<Leaf> leaves_;
  std::vector<Inner> inners_;
  std::vector<std::uint32_t> free_leaves_;
  std::vector<std::uint32_t> free_inners_;
  std::uint32_t root_ = kNone;
  std::uint32_t height_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace drydock
