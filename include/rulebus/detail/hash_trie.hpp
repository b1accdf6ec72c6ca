// hash_trie<Item>: a persistent set of pointers, found by 32-bit hash. The matcher's main index structure.
//
// A trie over the hash, 4 bits a level (after Bagwell, "Ideal Hash Trees", 2001), made for few cache misses in large sets:
// up to `longest` items stand together in one list, whose first cache line has a byte of each item's hash, so that a look-up
// touches one item that is there and hardly ever one that is not. More items make a branch, which has the children in use
// only. One item alone is not in a list: it stands where the list would stand, be it as the whole trie.
//
// Changing a trie copies the nodes on one path and shares all others with the version before. Its shape depends on the
// hashes alone, not on what came and went, so erasing gives all memory back.
//
// Item has a member `hash`, std::uint32_t, or a function of that name. The trie does not own its items. Equal hashes are
// fine: below the last level lists have any length. Cost: find, insert, erase O(log n). Thread safety: immutable for readers;
// see version_store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "rulebus/detail/hash_trie_nodes.hpp"
#include "rulebus/detail/version_store.hpp"

namespace rulebus::inline v1::detail {

template <class Item>
class hash_trie {
 public:
  bool empty() const noexcept { return root_.is_nothing(); }
  std::size_t size() const noexcept {
    return root_.is_branch() ? root_.as_branch()->size : root_.is_list() ? root_.as_list()->size : empty() ? 0 : 1;
  }

  /// The item of that hash for which same(item) holds, or null. Items of other hashes may be asked, too.
  template <class Same>
  Item* find(std::uint32_t hash, Same same) const noexcept {
    place at = root_;
    for (unsigned shift = 0; at.is_branch(); shift += bits) {
      const branch& b = *at.as_branch();
      if (at.is_full_branch()) {
        at = b.children()[digit_of(hash, shift)];
      } else {
        const std::uint32_t bit = bit_of(hash, shift);
        if (!(b.mask & bit)) return nullptr;
        at = b.children()[rank(b.mask, bit)];
      }
      if (shift >= 2 * bits) at.prefetch_rest();  // in a small trie all is near
    }
    if (at.is_list()) return at.as_list()->find(mark_of(hash), same);
    return !at.is_nothing() && same(*at.as_item()) ? at.as_item() : nullptr;
  }

  void prefetch() const noexcept { root_.prefetch(); }  ///< asks for what for_each reads first; for a set that is not empty
  template <class Visit>
  void for_each(Visit visit) const {
    if (root_.is_item()) return visit(*root_.as_item());  // as nearly always, and without a call
    visit_place(root_, visit);
  }

  /// Adds an item that is not in the set.
  void insert(version_store& store, Item* item) { root_ = inserted(store, root_, 0, item); }
  /// Puts `now` in the place of `before`, which is in the set and has the same hash.
  void replace(version_store& store, Item* before, Item* now) { root_ = replaced(store, root_, 0, before, now); }
  /// Takes out an item that is in the set.
  void erase(version_store& store, Item* item) { root_ = erased(store, root_, 0, item); }

  /// Frees all nodes, when the whole structure goes. Items are the caller's.
  void free_nodes(version_store& store) noexcept {
    free_place(store, root_);
    root_ = {};
  }

 private:
  static constexpr unsigned bits = trie_bits, bottom = 32;  // from `bottom` on there are lists only
  static constexpr unsigned longest = 32;                   // above the bottom
  using place = trie_place<Item>;
  using branch = trie_branch<Item>;
  using list = trie_list<Item>;

  static std::uint32_t hash_of(const Item& i) noexcept { return trie_hash(i); }
  static unsigned char mark_of(std::uint32_t hash) noexcept { return static_cast<unsigned char>(hash >> 24); }
  static std::uint32_t digit_of(std::uint32_t hash, unsigned shift) noexcept { return (hash >> shift) & 15U; }
  static std::uint32_t bit_of(std::uint32_t hash, unsigned shift) noexcept { return 1U << digit_of(hash, shift); }
  static unsigned rank(std::uint32_t mask, std::uint32_t bit) noexcept { return bits_in(mask & (bit - 1)); }

  template <class Visit>
  static void visit_place(place at, Visit& visit) {
    if (at.is_item()) {
      visit(*at.as_item());
    } else if (at.is_list()) {
      const list& l = *at.as_list();
      for (std::uint32_t i = 0; i < l.size; ++i) visit(*l.items()[i]);
    } else if (at.is_branch()) {
      const branch& b = *at.as_branch();
      for (unsigned i = 0; i < b.count(); ++i) visit_place(b.children()[i], visit);
    }
  }

  /// What n items make, n not 0, whose hashes agree in the digits below `shift`.
  static place made_of(version_store& store, Item* const* items, unsigned n, unsigned shift) {
    if (n == 1) return place(items[0]);
    if (n <= longest || shift >= bottom) {
      list* l = list::make(store, n);
      for (unsigned i = 0; i < n; ++i) l->marks()[i] = mark_of(hash_of(*items[i]));
      std::memcpy(l->items(), items, n * sizeof(Item*));
      return place(l);
    }
    std::uint32_t mask = 0, bit[longest + 1];
    for (unsigned i = 0; i < n; ++i) mask |= bit[i] = bit_of(hash_of(*items[i]), shift);
    branch* b = branch::make(store, mask, n);
    place* to = b->children();
    for (; mask != 0; mask &= mask - 1) {
      Item* same_digit[longest + 1];
      unsigned found = 0;
      for (unsigned i = 0; i < n; ++i) {
        if (bit[i] == (mask & -mask)) same_digit[found++] = items[i];
      }
      *to++ = made_of(store, same_digit, found, shift + bits);
    }
    return place(b);
  }

  static place inserted(version_store& store, place at, unsigned shift, Item* item) {
    if (at.is_nothing()) return place(item);
    if (at.is_branch()) return inserted_below(store, at.as_branch(), shift, item);
    if (at.is_item()) {
      Item* const both[] = {at.as_item(), item};
      return made_of(store, both, 2, shift);
    }
    list* l = at.as_list();
    const std::uint32_t size = l->size;
    if (size == longest && shift < bottom) {
      Item* all[longest + 1];
      std::memcpy(all, l->items(), size * sizeof(Item*));
      all[size] = item;
      store.retire(l);
      return made_of(store, all, size + 1, shift);
    }
    list* longer = list::copy(store, *l, size + 1);
    longer->marks()[size] = mark_of(hash_of(*item));
    longer->items()[size] = item;
    store.retire(l);
    return place(longer);
  }

  static place inserted_below(version_store& store, branch* b, unsigned shift, Item* item) {
    const std::uint32_t bit = bit_of(hash_of(*item), shift);
    const unsigned at = rank(b->mask, bit);
    if (b->mask & bit) {
      const place below = inserted(store, b->children()[at], shift + bits, item);
      return with_child(store, b, at, below, b->size + 1);
    }
    branch* wider = branch::make(store, b->mask | bit, b->size + 1);
    std::memcpy(static_cast<void*>(wider->children()), b->children(), at * sizeof(place));
    wider->children()[at] = place(item);
    std::memcpy(static_cast<void*>(wider->children() + at + 1), b->children() + at, (b->count() - at) * sizeof(place));
    store.retire(b);
    return place(wider);
  }

  static place with_child(version_store& store, branch* b, unsigned at, place below, std::uint32_t size) {
    if (!store.is_fresh(b)) {
      branch* copy = branch::make(store, b->mask, size);
      std::memcpy(static_cast<void*>(copy->children()), b->children(), b->count() * sizeof(place));
      store.retire(b);
      b = copy;
    }
    b->size = size;
    b->children()[at] = below;
    return place(b);
  }

  static std::uint32_t position(const list& l, const Item* item) noexcept {
    std::uint32_t i = 0;
    while (l.items()[i] != item) ++i;
    return i;
  }

  static place replaced(version_store& store, place at, unsigned shift, Item* before, Item* now) {
    if (at.is_item()) return place(now);
    if (at.is_branch()) {
      branch* b = at.as_branch();
      const unsigned child = rank(b->mask, bit_of(hash_of(*before), shift));
      return with_child(store, b, child, replaced(store, b->children()[child], shift + bits, before, now), b->size);
    }
    list* l = at.as_list();
    const std::uint32_t i = position(*l, before);
    if (!store.is_fresh(l)) {
      store.retire(l);
      l = list::copy(store, *l, l->size);
    }
    l->items()[i] = now;
    return place(l);
  }

  static place erased(version_store& store, place at, unsigned shift, Item* item) {
    if (at.is_item()) return {};
    if (at.is_branch()) return erased_below(store, at.as_branch(), shift, item);
    list* l = at.as_list();
    const std::uint32_t i = position(*l, item), last = l->size - 1;
    store.retire(l);
    if (last == 1) return place(l->items()[1 - i]);
    list* shorter = list::copy(store, *l, last);
    if (i != last) {
      shorter->marks()[i] = l->marks()[last];
      shorter->items()[i] = l->items()[last];
    }
    return place(shorter);
  }

  static place erased_below(version_store& store, branch* b, unsigned shift, Item* item) {
    if (b->size == longest + 1) {  // the rest fits into a list
      Item* rest[longest];
      unsigned n = 0;
      auto take = [&](Item& i) {
        if (&i != item) rest[n++] = &i;
      };
      visit_place(place(b), take);
      retire_place(store, place(b));
      return made_of(store, rest, n, shift);
    }
    const unsigned at = rank(b->mask, bit_of(hash_of(*item), shift));
    const place below = erased(store, b->children()[at], shift + bits, item);
    if (!below.is_nothing()) return with_child(store, b, at, below, b->size - 1);
    branch* narrower = branch::make(store, b->mask & ~bit_of(hash_of(*item), shift), b->size - 1);
    std::memcpy(static_cast<void*>(narrower->children()), b->children(), at * sizeof(place));
    std::memcpy(static_cast<void*>(narrower->children() + at), b->children() + at + 1, (b->count() - at - 1) * sizeof(place));
    store.retire(b);
    return place(narrower);
  }

  /// Nodes only: the items are the caller's.
  static void free_place(version_store& store, place at) noexcept {
    if (at.is_list()) return store.free_block(at.as_list());
    if (!at.is_branch()) return;
    branch* b = at.as_branch();
    for (unsigned i = 0; i < b->count(); ++i) free_place(store, b->children()[i]);
    store.free_block(b);
  }
  static void retire_place(version_store& store, place at) {
    if (at.is_list()) return store.retire(at.as_list());
    if (!at.is_branch()) return;
    branch* b = at.as_branch();
    for (unsigned i = 0; i < b->count(); ++i) retire_place(store, b->children()[i]);
    store.retire(b);
  }

  place root_;
};

}  // namespace rulebus::inline v1::detail
