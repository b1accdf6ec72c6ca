// hash_trie<Item>: a persistent set of pointers, found by 32-bit hash. The matcher's main index structure.
//
// A trie over the hash, 4 bits a level (after Bagwell, "Ideal Hash Trees", 2001), made for few cache misses in large sets:
// up to `longest` items stand together in one list, whose first cache line has a byte of each item's hash, so that a look-up
// touches one item that is there and hardly ever one that is not. More items make a branch, which has the children in use
// only. One item alone is not in a list: it stands where the list would stand, be it as the whole trie.
//
// With has_tables, more items than a list has, up to some hundred, stand in a hash table (hash_trie_table.hpp): in a set of a
// million a look-up then waits for memory twice, not four times, and a change copies 3 KB.
//
// Changing a trie copies the nodes on one path and shares all others with the version before. Of what kind each node is
// depends on the hashes alone, not on what came and went, so erasing gives all memory back.
//
// Item has a member `hash`, std::uint32_t, or a function of that name. The trie does not own its items. Equal hashes are
// fine: below the last level lists have any length. Cost: find, insert, erase O(log n). Thread safety: immutable for readers;
// see version_store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "rulebus/detail/hash_trie_nodes.hpp"
#include "rulebus/detail/hash_trie_table.hpp"
#include "rulebus/detail/version_store.hpp"

namespace rulebus::inline v1::detail {

template <class Item, bool has_tables = false>
class hash_trie {
 public:
  bool empty() const noexcept { return root_.is_nothing(); }
  std::size_t size() const noexcept { return root_.size(); }

  /// The item of that hash for which same(item) holds, or null. Items of other hashes may be asked, too.
  template <class Same>
  Item* find(std::uint32_t hash, Same same) const noexcept {
    place at = root_;
    for (unsigned shift = 0; at.is_branch(); shift += bits) {
      const branch& b = *at.as_branch();
      if (at.has_all_children()) {
        at = b.children()[digit_of(hash, shift)];
      } else {
        const std::uint32_t bit = bit_of(hash, shift);
        if (!(b.mask & bit)) return nullptr;
        at = b.children()[b.rank(bit)];
      }
      if (shift >= 2 * bits && !(has_tables && at.is_table())) at.prefetch_rest();  // in a small trie all is near
    }
    if (at.is_list()) return at.as_list()->find(trie_mark(hash), same);
    if (has_tables && at.is_table()) return at.as_table()->find(hash, same, at.bucket_count());
    return !at.is_nothing() && same(*at.as_item()) ? at.as_item() : nullptr;
  }

  void prefetch() const noexcept { root_.prefetch(); }  ///< asks for what for_each reads first; for a set that is not empty
  /// Asks for the whole node that an item of that hash would be in, for who is about to change it.
  void prefetch_around(std::uint32_t hash) const noexcept {
    place at = root_;
    for (unsigned shift = 0; at.is_branch(); shift += bits) {
      const branch& b = *at.as_branch();
      const std::uint32_t bit = bit_of(hash, shift);
      if (!(b.mask & bit)) return;
      at = b.children()[b.rank(bit)];
    }
    if (has_tables && at.is_table()) at.as_table()->prefetch(at.bucket_count());
  }
  template <class Visit>
  void for_each(Visit visit) const {
    if (root_.is_item()) return visit(*root_.as_item());  // as nearly always, and without a call
    visit_place(root_, visit);
  }

  /// Adds an item that is not in the set.
  void insert(version_store& store, Item* item) { root_ = inserted(store, root_, 0, item, trie_hash(*item)); }
  /// Puts `now` in the place of `before`, which is in the set and has the same hash.
  void replace(version_store& store, Item* before, Item* now) { root_ = replaced(store, root_, 0, before, now, trie_hash(*now)); }
  /// Takes out an item that is in the set.
  void erase(version_store& store, Item* item) { root_ = erased(store, root_, 0, item, trie_hash(*item)); }

  /// Frees all nodes, when the whole structure goes. Items are the caller's.
  void free_nodes(version_store& store) noexcept {
    each_node(root_, [&store](block* b) { store.free_block(b); });
    root_ = {};
  }

 private:
  using place = trie_place<Item>;
  using branch = trie_branch<Item>;
  using list = trie_list<Item>;
  using table = trie_table<Item>;
  static constexpr unsigned bits = trie_bits, bottom = 32;                 // from `bottom` on there are lists only
  static constexpr unsigned longest = 32;                                  // a list, above the bottom
  static constexpr unsigned largest = has_tables ? table::most : longest;  // what is not a branch, there

  static std::uint32_t digit_of(std::uint32_t hash, unsigned shift) noexcept { return (hash >> shift) & 15U; }
  static std::uint32_t bit_of(std::uint32_t hash, unsigned shift) noexcept { return 1U << digit_of(hash, shift); }

  template <class Visit>
  static void visit_place(place at, Visit& visit) {
    if (at.is_item()) {
      visit(*at.as_item());
    } else if (at.is_list()) {
      Item* const* const items = at.as_list()->items();  // read once: to the compiler `visit` may change anything
      for (std::uint32_t i = 0, size = at.as_list()->size; i < size; ++i) visit(*items[i]);
    } else if (has_tables && at.is_table()) {
      at.as_table()->for_each(visit);
    } else if (at.is_branch()) {
      const branch& b = *at.as_branch();
      for (unsigned i = 0; i < b.count(); ++i) visit_place(b.children()[i], visit);
    }
  }

  /// What n items make, n not 0, whose hashes agree in the digits below `shift`.
  static place made_of(version_store& store, Item* const* items, unsigned n, unsigned shift) {
    if (n == 1) return place(items[0]);
    if (n <= longest || shift >= bottom) return place(list::of(store, items, n));
    if (has_tables && n <= table::most) return place(table::of(store, items, n));
    std::uint32_t mask = 0, bit[largest + 1];
    for (unsigned i = 0; i < n; ++i) mask |= bit[i] = bit_of(trie_hash(*items[i]), shift);
    branch* b = branch::make(store, mask, n);
    place* to = b->children();
    for (; mask != 0; mask &= mask - 1) {
      Item* same_digit[largest + 1];
      unsigned found = 0;
      for (unsigned i = 0; i < n; ++i) {
        if (bit[i] == (mask & -mask)) same_digit[found++] = items[i];
      }
      *to++ = made_of(store, same_digit, found, shift + bits);
    }
    return place(b);
  }

  /// Whether n items stand in another kind of node than one less.
  static bool turns_at(std::uint32_t n, unsigned shift) noexcept {
    if (n == 2) return true;
    return shift < bottom && (n == longest + 1 || (has_tables && (n == table::most_in_small + 1 || n == table::most + 1)));
  }

  /// A place of up to `largest` items, made anew with one more or one less.
  static place remade(version_store& store, place at, unsigned shift, Item* added, const Item* taken) {
    Item* items[largest + 1];
    unsigned n = 0;
    auto collect = [&](Item& i) {
      if (&i != taken) items[n++] = &i;
    };
    visit_place(at, collect);
    if (added != nullptr) items[n++] = added;
    each_node(at, [&store](block* b) { store.retire(b); });
    return made_of(store, items, n, shift);
  }

  /// The node, or a copy if it is published.
  template <class Node>
  static Node* own(version_store& store, Node* node) {
    if (store.is_fresh(node)) return node;
    Node* copy = Node::copy(store, *node);
    store.retire(node);
    return copy;
  }

  static place inserted(version_store& store, place at, unsigned shift, Item* item, std::uint32_t hash) {
    if (at.is_nothing()) return place(item);
    if (turns_at(at.size() + 1, shift)) return remade(store, at, shift, item, nullptr);
    if (at.is_branch()) return inserted_below(store, at.as_branch(), shift, item, hash);
    if (has_tables && at.is_table()) {
      table* t = own(store, at.as_table());
      t->put(item, hash);
      return place(t);
    }
    list* longer = list::with(store, *at.as_list(), item, hash);
    store.retire(at.as_list());
    return place(longer);
  }

  static place inserted_below(version_store& store, branch* b, unsigned shift, Item* item, std::uint32_t hash) {
    const std::uint32_t bit = bit_of(hash, shift);
    const unsigned at = b->rank(bit);
    if (b->mask & bit) {
      const place below = inserted(store, b->children()[at], shift + bits, item, hash);
      return with_child(store, b, at, below, b->size + 1);
    }
    branch* wider = branch::with(store, *b, bit, item);
    store.retire(b);
    return place(wider);
  }

  static place with_child(version_store& store, branch* b, unsigned at, place below, std::uint32_t size) {
    b = own(store, b);
    b->size = size;
    b->children()[at] = below;
    return place(b);
  }

  static place replaced(version_store& store, place at, unsigned shift, Item* before, Item* now, std::uint32_t hash) {
    if (at.is_item()) return place(now);
    if (at.is_branch()) {
      branch* b = at.as_branch();
      const unsigned child = b->rank(bit_of(hash, shift));
      const place below = replaced(store, b->children()[child], shift + bits, before, now, hash);
      return with_child(store, b, child, below, b->size);
    }
    if (has_tables && at.is_table()) {
      table* t = own(store, at.as_table());
      t->replace(before, now, hash);
      return place(t);
    }
    list* l = own(store, at.as_list());
    l->items()[l->position(before)] = now;
    return place(l);
  }

  static place erased(version_store& store, place at, unsigned shift, Item* item, std::uint32_t hash) {
    if (at.is_item()) return {};
    if (turns_at(at.size(), shift)) return remade(store, at, shift, nullptr, item);
    if (at.is_branch()) return erased_below(store, at.as_branch(), shift, item, hash);
    if (has_tables && at.is_table()) {
      table* t = own(store, at.as_table());
      t->take(item, hash);
      return place(t);
    }
    list* shorter = list::without(store, *at.as_list(), item);
    store.retire(at.as_list());
    return place(shorter);
  }

  static place erased_below(version_store& store, branch* b, unsigned shift, Item* item, std::uint32_t hash) {
    const std::uint32_t bit = bit_of(hash, shift);
    const unsigned at = b->rank(bit);
    const place below = erased(store, b->children()[at], shift + bits, item, hash);
    if (!below.is_nothing()) return with_child(store, b, at, below, b->size - 1);
    branch* narrower = branch::without(store, *b, bit);
    store.retire(b);
    return place(narrower);
  }

  /// Nodes only: the items are the caller's.
  template <class Visit>
  static void each_node(place at, Visit visit) {
    if (at.is_list()) return visit(at.as_list());
    if (has_tables && at.is_table()) return visit(at.as_table());
    if (!at.is_branch()) return;
    branch* b = at.as_branch();
    for (unsigned i = 0; i < b->count(); ++i) each_node(b->children()[i], visit);
    visit(b);
  }

  place root_;
};

}  // namespace rulebus::inline v1::detail
