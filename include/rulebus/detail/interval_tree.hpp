// interval_tree<Item>: a persistent set of closed intervals of numbers, searched for those that hold a number.
//
// A B-tree over the intervals in the order of their low ends (then of their high ends); beside each child stand the lowest
// low and the highest high end below it. A search goes from left to right through the slots whose low end is not too high,
// and into those whose highest end is not too low. Left of the one path along which low ends are still mixed, each such
// slot has an answer below it: so the search costs O(log n) nodes, and as many for each answer.
//
// Which items share a node is decided by their hashes alone, as in a skip list: an item of rank r (it has 1 in 16^r items
// with it) begins a new node on the r lowest levels. So equal sets have equal shapes, and erasing gives all memory back.
// Nodes have 16 slots on average, each kind of value in one row, so that a search reads few lines of memory.
//
// Changing it copies the nodes on one path, and the neighbours that erasing joins. Item has a `hash` as in hash_trie.
// The tree does not own its items, and is told their bounds; no two items have the same. Cost of a change: O(log n) nodes.
// Thread safety: immutable for readers; see version_store.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "rulebus/detail/hash_trie_nodes.hpp"
#include "rulebus/detail/version_store.hpp"

namespace rulebus::inline v1::detail {

/// The numbers from low to high, both included; none when high is less than low.
struct interval {
  double low = 0, high = 0;
  friend bool operator==(const interval&, const interval&) = default;
  friend bool operator<=(const interval& a, const interval& b) noexcept {
    return a.low != b.low ? a.low < b.low : a.high <= b.high;
  }
};

template <class Item>
class interval_tree {
 public:
  bool empty() const noexcept { return root_ == nullptr; }

  /// Visits the items that hold x, until a visit returns false. If none did: the numbers strictly between low and high are in
  /// no items but these.
  template <class Visit>
  interval search(double x, Visit visit) const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    interval around{-infinity, infinity};
    if (root_ != nullptr) search_node(root_, x, visit, around);
    return around;
  }

  /// Adds an item that is not in the set.
  void insert(version_store& store, interval bounds, Item* item) {
    change(store, {bounds.low, bounds.high, item, rank_of(*item)}, true);
  }
  /// Takes out an item that is in the set.
  void erase(version_store& store, interval bounds, Item* item) {
    change(store, {bounds.low, bounds.high, item, rank_of(*item)}, false);
  }
  /// Puts `now` in the place of the item of these bounds; it has the same hash.
  void replace(version_store& store, interval bounds, Item* now) { root_ = replaced(store, root_, bounds, now); }

  /// Frees all nodes, when the whole structure goes. Items are the caller's.
  void free_nodes(version_store& store) noexcept {
    if (root_ != nullptr) free_node(store, root_);
    root_ = nullptr;
  }

 private:
  /// An item with its bounds; or, above level 0, a node: the lowest low and the highest high end in it.
  struct slot {
    double low, high;
    void* below;
    unsigned rank;  ///< of the item, or of the first one in the node
  };
  using slots = std::vector<slot>;

  /// A row of `size` low ends, one of high ends, one of pointers and one of ranks stand behind it.
  struct node : block {
    std::uint32_t size = 0, level = 0;
    double* lows() const noexcept { return reinterpret_cast<double*>(const_cast<node*>(this) + 1); }
    double* highs() const noexcept { return lows() + size; }
    void** below() const noexcept { return reinterpret_cast<void**>(highs() + size); }
    std::uint8_t* ranks() const noexcept { return reinterpret_cast<std::uint8_t*>(below() + size); }
    node* child(std::size_t i) const noexcept { return static_cast<node*>(below()[i]); }
  };
  static_assert(sizeof(node) % alignof(double) == 0 && alignof(double) >= alignof(void*));

  static unsigned rank_of(const Item& item) noexcept {
    return static_cast<unsigned>(std::countr_zero(trie_hash(item) | std::uint32_t{1} << 28)) / 4;
  }

  template <class Visit>
  static bool search_node(const node* n, double x, Visit& visit, interval& around) {
    const double *const lows = n->lows(), *const highs = n->highs();
    double below = around.low;  // here, where it can be in a register
    std::uint32_t i = 0;
    for (; i < n->size && lows[i] <= x; ++i) {
      if (highs[i] < x) {
        below = std::max(below, highs[i]);
      } else if (!(n->level == 0 ? visit(*static_cast<Item*>(n->below()[i])) : search_node(n->child(i), x, visit, around))) {
        return false;
      }
    }
    around.low = std::max(around.low, below);
    if (i < n->size) around.high = std::min(around.high, lows[i]);
    return true;
  }

  /// The bounds of the first item in slot i.
  static interval first_of(const node* n, std::size_t i) noexcept {
    for (; n->level != 0; i = 0) n = n->child(i);
    return {n->lows()[i], n->highs()[i]};
  }

  /// How many slots begin with an item at or before these bounds.
  static std::size_t count_begun(const node* n, interval bounds) noexcept {
    std::size_t begun = 0, end = n->size;
    while (begun < end) {
      const std::size_t i = (begun + end) / 2;
      const bool before = n->lows()[i] != bounds.low ? n->lows()[i] < bounds.low : first_of(n, i) <= bounds;
      (before ? begun : end) = before ? i + 1 : i;
    }
    return begun;
  }

  void change(version_store& store, const slot& item, bool add) {
    unsigned level = root_ == nullptr ? 0 : root_->level;
    slots row = root_ == nullptr ? cut(store, {item}, 0) : changed(store, root_, nullptr, item, add);
    while (row.size() > 1) row = cut(store, row, ++level);  // ends, since no rank is above 7
    root_ = row.empty() ? nullptr : static_cast<node*>(row.front().below);
    while (root_ != nullptr && root_->level != 0 && root_->size == 1) {
      node* const only = root_->child(0);
      store.retire(root_);
      root_ = only;
    }
  }

  /// The nodes that take the place of `n`, when the item is added or erased; and of its right neighbour `next`, if the item
  /// is the first one there and to be erased, so that the two may have to be joined.
  static slots changed(version_store& store, node* n, node* next, const slot& item, bool add) {
    slots row;
    row.reserve(n->size + (next == nullptr ? 1 : next->size));
    append(row, n);
    if (next != nullptr) append(row, next);
    const interval bounds{item.low, item.high};
    const std::size_t begun = next == nullptr ? count_begun(n, bounds) : n->size + 1;
    if (n->level == 0) {
      const auto at = row.begin() + static_cast<std::ptrdiff_t>(begun);
      add ? row.insert(at, item) : row.erase(at - 1);
    } else {
      const std::size_t i = begun == 0 ? 0 : begun - 1;
      const bool join = next != nullptr || (!add && i > 0 && first_of(n, i) == bounds);
      const auto end = row.begin() + static_cast<std::ptrdiff_t>(i + 1), begin = end - (join ? 2 : 1);
      const slots now =
          changed(store, static_cast<node*>(begin->below), join ? static_cast<node*>((end - 1)->below) : nullptr, item, add);
      row.insert(row.erase(begin, end), now.begin(), now.end());
    }
    store.retire(n);
    if (next != nullptr) store.retire(next);
    return cut(store, row, n->level);
  }

  static void append(slots& row, const node* n) {
    for (std::size_t i = 0; i < n->size; ++i) row.push_back({n->lows()[i], n->highs()[i], n->below()[i], n->ranks()[i]});
  }

  /// Makes nodes of the slots: a new one begins before each slot whose rank is above the level.
  static slots cut(version_store& store, const slots& row, unsigned level) {
    slots nodes;
    for (auto begin = row.begin(), end = begin; begin != row.end(); begin = end) {
      end = std::find_if(begin + 1, row.end(), [level](const slot& s) { return s.rank > level; });
      const auto size = static_cast<std::size_t>(end - begin);
      node* const n = store.make<node>(size * (2 * sizeof(double) + sizeof(void*) + 1));
      n->size = static_cast<std::uint32_t>(size);
      n->level = level;
      slot whole{begin->low, begin->high, n, begin->rank};
      for (std::size_t i = 0; i < size; ++i) {
        const slot& s = begin[static_cast<std::ptrdiff_t>(i)];
        n->lows()[i] = s.low;
        n->highs()[i] = s.high;
        n->below()[i] = s.below;
        n->ranks()[i] = static_cast<std::uint8_t>(s.rank);
        whole.high = std::max(whole.high, s.high);
      }
      nodes.push_back(whole);
    }
    return nodes;
  }

  static node* replaced(version_store& store, node* n, interval bounds, Item* now) {
    const std::size_t i = count_begun(n, bounds) - 1;
    void* const below = n->level == 0 ? static_cast<void*>(now) : replaced(store, n->child(i), bounds, now);
    if (below == n->below()[i]) return n;
    if (!store.is_fresh(n)) {
      node* const copy = store.make<node>(n->bytes() - sizeof(node));
      copy->size = n->size;
      copy->level = n->level;
      std::memcpy(copy->lows(), n->lows(), n->bytes() - sizeof(node));
      store.retire(n);
      n = copy;
    }
    n->below()[i] = below;
    return n;
  }

  static void free_node(version_store& store, node* n) noexcept {
    for (std::size_t i = 0; n->level != 0 && i < n->size; ++i) free_node(store, n->child(i));
    store.free_block(n);
  }

  node* root_ = nullptr;
};

}  // namespace rulebus::inline v1::detail
