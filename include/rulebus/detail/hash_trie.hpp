// hash_trie<Item>: a persistent set of pointers, found by 64-bit hash. The matcher's only index structure.
//
// A trie over the hash, 5 bits a level, each node holding only the slots in use (a hash array mapped trie: Bagwell, "Ideal
// Hash Trees", 2001; with items and children apart as in Steindorfer and Vinju's CHAMP, 2015). Changing it copies the nodes
// on one path and shares all others with the version before. A child with a single item is always pulled up into its
// parent, so equal sets have equal shapes and erasing gives all memory back.
//
// Item has a member `std::uint64_t hash`. The trie does not own its items. Equal hashes are fine: below the last level
// they stand in a list. Cost: find, insert, erase O(log32 n). Thread safety: immutable for readers; see version_store.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "rulebus/detail/version_store.hpp"

namespace rulebus::inline v1::detail {

template <class Item>
class hash_trie {
 public:
  bool empty() const noexcept { return root_ == nullptr; }

  /// The item of that hash for which same(item) holds, or null.
  template <class Same>
  Item* find(std::uint64_t hash, Same same) const noexcept {
    const node* n = root_;
    for (unsigned shift = 0; n != nullptr; shift += bits) {
      if (shift >= bottom) return find_in_list(n, hash, same);
      const std::uint32_t bit = bit_of(hash, shift);
      if (n->items & bit) {
        Item* found = n->item(rank(n->items, bit));
        return found->hash == hash && same(*found) ? found : nullptr;
      }
      if (!(n->children & bit)) return nullptr;
      n = n->child(rank(n->children, bit));
    }
    return nullptr;
  }

  template <class Visit>
  void for_each(Visit visit) const {
    if (root_ != nullptr) visit_node(root_, 0, visit);
  }

  /// Adds an item that is not in the set.
  void insert(version_store& store, Item* item) { root_ = insert_at(store, root_, 0, item); }
  /// Puts `now` in the place of `before`, which is in the set and has the same hash.
  void replace(version_store& store, Item* before, Item* now) { root_ = replace_at(store, root_, 0, before, now); }
  /// Takes out an item that is in the set.
  void erase(version_store& store, Item* item) { root_ = erase_at(store, root_, 0, item); }

  /// Frees all nodes, when the whole structure goes. Items are the caller's.
  void free_nodes(version_store& store) noexcept {
    if (root_ != nullptr) free_node(store, root_, 0);
    root_ = nullptr;
  }

 private:
  static constexpr unsigned bits = 5, bottom = 60;  // from `bottom` on, a node is a list and `items` its length

  struct node : block {
    std::uint32_t items = 0, children = 0;
    void** slots() noexcept { return reinterpret_cast<void**>(this + 1); }
    void* const* slots() const noexcept { return reinterpret_cast<void* const*>(this + 1); }
    Item* item(unsigned i) const noexcept { return static_cast<Item*>(slots()[i]); }
    node* child(unsigned i) const noexcept { return static_cast<node*>(slots()[count(items) + i]); }
  };
  static_assert(sizeof(node) % alignof(void*) == 0);

  static unsigned count(std::uint32_t mask) noexcept { return static_cast<unsigned>(std::popcount(mask)); }
  static std::uint32_t bit_of(std::uint64_t hash, unsigned shift) noexcept { return 1U << ((hash >> shift) & 31U); }
  static unsigned rank(std::uint32_t mask, std::uint32_t bit) noexcept { return count(mask & (bit - 1)); }
  static unsigned slot_count(const node* n, unsigned shift) noexcept {
    return shift >= bottom ? n->items : count(n->items) + count(n->children);
  }

  template <class Same>
  static Item* find_in_list(const node* n, std::uint64_t hash, Same same) noexcept {
    for (unsigned i = 0; i < n->items; ++i) {
      if (n->item(i)->hash == hash && same(*n->item(i))) return n->item(i);
    }
    return nullptr;
  }

  template <class Visit>
  static void visit_node(const node* n, unsigned shift, Visit& visit) {
    const unsigned items = shift >= bottom ? n->items : count(n->items);
    for (unsigned i = 0; i < items; ++i) visit(*n->item(i));
    if (shift >= bottom) return;
    for (unsigned i = 0; i < count(n->children); ++i) visit_node(n->child(i), shift + bits, visit);
  }

  static node* make(version_store& store, std::uint32_t items, std::uint32_t children, unsigned slots) {
    node* n = store.make<node>(slots * sizeof(void*));
    n->items = items;
    n->children = children;
    return n;
  }

  // A copy of n with `drop` slots at position `at` replaced by the slots given; n is retired.
  static node* respliced(version_store& store, node* n, unsigned shift, unsigned at, unsigned drop, void* add) {
    const unsigned before = slot_count(n, shift), added = add != nullptr ? 1 : 0;
    node* copy = make(store, n->items, n->children, before - drop + added);
    std::memcpy(copy->slots(), n->slots(), at * sizeof(void*));
    if (add != nullptr) copy->slots()[at] = add;
    std::memcpy(copy->slots() + at + added, n->slots() + at + drop, (before - at - drop) * sizeof(void*));
    store.retire(n);
    return copy;
  }

  static node* with_slot(version_store& store, node* n, unsigned shift, unsigned at, void* value) {
    if (store.is_fresh(n)) return n->slots()[at] = value, n;
    return respliced(store, n, shift, at, 1, value);
  }

  static node* pair_of(version_store& store, unsigned shift, Item* a, Item* b) {
    if (shift >= bottom) {
      node* list = make(store, 2, 0, 2);
      return list->slots()[0] = a, list->slots()[1] = b, list;
    }
    const std::uint32_t bit_a = bit_of(a->hash, shift), bit_b = bit_of(b->hash, shift);
    if (bit_a == bit_b) {
      node* below = pair_of(store, shift + bits, a, b);
      node* n = make(store, 0, bit_a, 1);
      return n->slots()[0] = below, n;
    }
    node* n = make(store, bit_a | bit_b, 0, 2);
    n->slots()[bit_a < bit_b ? 0 : 1] = a;
    n->slots()[bit_a < bit_b ? 1 : 0] = b;
    return n;
  }

  static node* insert_at(version_store& store, node* n, unsigned shift, Item* item) {
    const std::uint32_t bit = shift >= bottom ? 0 : bit_of(item->hash, shift);
    if (n == nullptr) {
      n = make(store, bit, 0, 1);
      return n->slots()[0] = item, n;
    }
    if (shift >= bottom) {
      n = respliced(store, n, shift, n->items, 0, item);
      return ++n->items, n;
    }
    if (n->children & bit) {
      const unsigned at = rank(n->children, bit);
      return with_slot(store, n, shift, count(n->items) + at, insert_at(store, n->child(at), shift + bits, item));
    }
    const unsigned at = rank(n->items, bit);
    if (!(n->items & bit)) {
      n = respliced(store, n, shift, at, 0, item);
      return n->items |= bit, n;
    }
    node* below = pair_of(store, shift + bits, n->item(at), item);
    n = respliced(store, n, shift, at, 1, nullptr);
    n->items &= ~bit;
    n = respliced(store, n, shift, count(n->items) + rank(n->children, bit), 0, below);
    return n->children |= bit, n;
  }

  static node* replace_at(version_store& store, node* n, unsigned shift, Item* before, Item* now) {
    if (shift >= bottom) return with_slot(store, n, shift, position_in_list(n, before), now);
    const std::uint32_t bit = bit_of(before->hash, shift);
    if (n->items & bit) return with_slot(store, n, shift, rank(n->items, bit), now);
    const unsigned at = rank(n->children, bit);
    return with_slot(store, n, shift, count(n->items) + at, replace_at(store, n->child(at), shift + bits, before, now));
  }

  static node* erase_at(version_store& store, node* n, unsigned shift, Item* item) {
    if (shift >= bottom) {
      n = respliced(store, n, shift, position_in_list(n, item), 1, nullptr);
      return --n->items, n;  // a list of one is pulled up by its parent
    }
    const std::uint32_t bit = bit_of(item->hash, shift);
    if (n->items & bit) {
      if (slot_count(n, shift) == 1) return store.retire(n), nullptr;
      n = respliced(store, n, shift, rank(n->items, bit), 1, nullptr);
      return n->items &= ~bit, n;
    }
    const unsigned at = rank(n->children, bit);
    node* below = erase_at(store, n->child(at), shift + bits, item);
    Item* alone = only_item(below, shift + bits);
    if (alone == nullptr) return with_slot(store, n, shift, count(n->items) + at, below);
    store.retire(below);
    n = respliced(store, n, shift, count(n->items) + at, 1, nullptr);
    n->children &= ~bit;
    n = respliced(store, n, shift, rank(n->items, bit), 0, alone);
    return n->items |= bit, n;
  }

  static Item* only_item(const node* n, unsigned shift) noexcept {
    if (shift >= bottom) return n->items == 1 ? n->item(0) : nullptr;
    return n->children == 0 && count(n->items) == 1 ? n->item(0) : nullptr;
  }

  static unsigned position_in_list(const node* n, const Item* item) noexcept {
    unsigned i = 0;
    while (n->item(i) != item) ++i;
    return i;
  }

  static void free_node(version_store& store, node* n, unsigned shift) noexcept {
    if (shift < bottom) {
      for (unsigned i = 0; i < count(n->children); ++i) free_node(store, n->child(i), shift + bits);
    }
    store.free_block(n);
  }

  node* root_ = nullptr;
};

}  // namespace rulebus::inline v1::detail
