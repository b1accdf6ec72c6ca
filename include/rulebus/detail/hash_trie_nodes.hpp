// What the nodes of a hash_trie (hash_trie.hpp) look like in memory.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "rulebus/detail/version_store.hpp"

namespace rulebus::inline v1::detail {

constexpr unsigned trie_bits = 4;  ///< of a hash, that a branch tells apart

template <class Item>
struct trie_list;
template <class Item>
struct trie_table;
template <class Item>
struct trie_branch;

/// A pointer to an item, a list, a table or a branch, or nothing; which of them stands in the lowest bits. They say, too,
/// how large a table is and whether a branch has all its children: then what is looked for in them is found without anything
/// else read there, which in a large trie is another cache line to wait for.
template <class Item>
class trie_place {
 public:
  using list = trie_list<Item>;
  using table = trie_table<Item>;
  using branch = trie_branch<Item>;
  trie_place() noexcept = default;
  explicit trie_place(Item* i) noexcept : word_(reinterpret_cast<std::uintptr_t>(i) | item_tag) {}
  explicit trie_place(list* l) noexcept : word_(reinterpret_cast<std::uintptr_t>(l) | list_tag) {}
  explicit trie_place(table* t) noexcept
      : word_(reinterpret_cast<std::uintptr_t>(t) | (table_tag | (t->bucket_count == table::large ? large_tag : 0))) {}
  explicit trie_place(branch* b) noexcept
      : word_(reinterpret_cast<std::uintptr_t>(b) | branch_tag | (b->mask == branch::all ? full_tag : 0)) {}
  bool is_nothing() const noexcept { return word_ == 0; }
  bool is_item() const noexcept { return tag() == item_tag; }
  bool is_list() const noexcept { return tag() == list_tag; }
  bool is_table() const noexcept { return tag() == table_tag; }
  bool is_branch() const noexcept { return (word_ & branch_tag) != 0; }
  bool has_all_children() const noexcept { return (word_ & full_tag) != 0; }  ///< of a branch
  Item* as_item() const noexcept { return reinterpret_cast<Item*>(word_ - item_tag); }
  list* as_list() const noexcept { return reinterpret_cast<list*>(word_ - list_tag); }
  table* as_table() const noexcept { return reinterpret_cast<table*>(word_ & ~(table_tag | large_tag)); }
  std::uint32_t bucket_count() const noexcept { return (word_ & large_tag) != 0 ? table::large : table::small; }  ///< of a table
  branch* as_branch() const noexcept { return reinterpret_cast<branch*>(word_ & ~all_tags); }
  /// How many items.
  std::uint32_t size() const noexcept {
    if (is_branch()) return as_branch()->size;
    if (is_list()) return as_list()->size;
    if (is_table()) return as_table()->size;
    return is_nothing() ? 0 : 1;
  }

  /// Asks for the first cache lines of what it points to.
  void prefetch() const noexcept {
    __builtin_prefetch(reinterpret_cast<const char*>(word_ & ~all_tags));
    prefetch_rest();
  }
  /// Asks for the cache lines behind the first one of a node, before what is in that one says which of them will be needed.
  void prefetch_rest() const noexcept {
    const auto* node = reinterpret_cast<const char*>(word_ & ~all_tags);
    __builtin_prefetch(node + 64);
    __builtin_prefetch(node + 128);
  }

 private:
  static constexpr std::uintptr_t item_tag = 1, list_tag = 2, table_tag = 3, branch_tag = 4, all_tags = 7;
  static constexpr std::uintptr_t full_tag = 1;   // of a branch
  static constexpr std::uintptr_t large_tag = 8;  // of a table: blocks of its size are aligned for two words
  std::uintptr_t tag() const noexcept { return word_ & all_tags; }
  std::uintptr_t word_ = 0;
};

template <class Item>
std::uint32_t trie_hash(const Item& i) noexcept {
  if constexpr (requires { i.hash(); }) {
    return i.hash();
  } else {
    return i.hash;
  }
}

/// Of a hash, by which most of the others in a list are told apart.
inline unsigned char trie_mark(std::uint32_t hash) noexcept { return static_cast<unsigned char>(hash >> 24); }

/// Of eight marks the equal ones: the highest bit of each, in the order of memory from the lowest byte on. Now and then one
/// more, behind an equal one.
inline std::uint64_t marks_equal(const void* marks, unsigned char mark) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  std::uint64_t word;
  std::memcpy(&word, marks, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  const std::uint64_t differ = word ^ (ones * mark);  // the subtraction finds all zero bytes and, seldom, a byte above one
  return (differ - ones) & ~differ & (ones << 7);
}

/// Asks for what stands beside an item that is about to be read (version_store::make_pair): two cache lines more, or one,
/// depending on where in the first it begins.
inline void prefetch_pair(const void* item) noexcept {
  __builtin_prefetch(static_cast<const char*>(item) + 64);
  __builtin_prefetch(static_cast<const char*>(item) + 96);
}

/// How many bits are set. By hand, since on x86-64 as of old std::popcount is a call.
inline unsigned bits_in(std::uint32_t mask16) noexcept {
  mask16 -= mask16 >> 1 & 0x5555U;
  mask16 = (mask16 & 0x3333U) + (mask16 >> 2 & 0x3333U);
  return (((mask16 + (mask16 >> 4)) & 0x0f0fU) * 0x0101U >> 8) & 31U;
}

/// Followed by its children, those in use only.
template <class Item>
struct trie_branch : block {
  using place = trie_place<Item>;
  static constexpr std::uint32_t all = (1U << (1U << trie_bits)) - 1;
  std::uint32_t mask = 0;  ///< bit d: there is a child for the digit d
  std::uint32_t size = 0;  ///< items below
  unsigned count() const noexcept { return bits_in(mask); }
  /// Where among the children that of a bit stands, or would stand.
  unsigned rank(std::uint32_t bit) const noexcept { return bits_in(mask & (bit - 1)); }
  place* children() noexcept { return reinterpret_cast<place*>(this + 1); }
  const place* children() const noexcept { return reinterpret_cast<const place*>(this + 1); }

  static trie_branch* make(version_store& store, std::uint32_t mask, std::uint32_t size) {
    auto* b = store.make<trie_branch>(bits_in(mask) * sizeof(place));
    b->mask = mask;
    b->size = size;
    return b;
  }
  static trie_branch* copy(version_store& store, const trie_branch& from) {
    trie_branch* b = make(store, from.mask, from.size);
    std::memcpy(static_cast<void*>(b->children()), from.children(), from.count() * sizeof(place));
    return b;
  }
  /// With one item more, as a child of its own.
  static trie_branch* with(version_store& store, const trie_branch& from, std::uint32_t bit, Item* item) {
    trie_branch* b = make(store, from.mask | bit, from.size + 1);
    const unsigned at = from.rank(bit);
    std::memcpy(static_cast<void*>(b->children()), from.children(), at * sizeof(place));
    b->children()[at] = place(item);
    std::memcpy(static_cast<void*>(b->children() + at + 1), from.children() + at, (from.count() - at) * sizeof(place));
    return b;
  }
  /// Without a child that is one item.
  static trie_branch* without(version_store& store, const trie_branch& from, std::uint32_t bit) {
    trie_branch* b = make(store, from.mask & ~bit, from.size - 1);
    const unsigned at = from.rank(bit);
    std::memcpy(static_cast<void*>(b->children()), from.children(), at * sizeof(place));
    std::memcpy(static_cast<void*>(b->children() + at), from.children() + at + 1, (b->count() - at) * sizeof(place));
    return b;
  }
};

/// Followed by a mark for each item, a byte of its hash (filled up to whole words), and by the items.
template <class Item>
struct trie_list : block {
  std::uint32_t size = 0;
  unsigned char* marks() noexcept { return reinterpret_cast<unsigned char*>(this + 1); }
  const unsigned char* marks() const noexcept { return reinterpret_cast<const unsigned char*>(this + 1); }
  Item** items() noexcept { return reinterpret_cast<Item**>(marks() + whole_words(size)); }
  Item* const* items() const noexcept { return reinterpret_cast<Item* const*>(marks() + whole_words(size)); }

  /// The item of that mark for which same(item) holds, or null.
  template <class Same>
  Item* find(unsigned char mark, Same& same) const noexcept {
    for (std::uint32_t first = 0; first < size; first += 8) {
      for (std::uint64_t equal = marks_equal(marks() + first, mark); equal != 0; equal &= equal - 1) {
        const std::uint32_t at = first + static_cast<std::uint32_t>(std::countr_zero(equal)) / 8;
        if (at >= size) continue;
        Item* const item = items()[at];
        prefetch_pair(item);
        if (same(*item)) return item;
      }
    }
    return nullptr;
  }

  static std::size_t whole_words(std::uint32_t bytes) noexcept { return (std::size_t{bytes} + 7) / 8 * 8; }
  static trie_list* make(version_store& store, std::uint32_t size) {
    auto* l = store.make<trie_list>(whole_words(size) + size * sizeof(Item*));
    l->size = size;
    std::memset(l->marks(), 0, whole_words(size));
    return l;
  }
  static trie_list* of(version_store& store, Item* const* items, std::uint32_t size) {
    trie_list* l = make(store, size);
    for (std::uint32_t i = 0; i < size; ++i) l->marks()[i] = trie_mark(trie_hash(*items[i]));
    std::memcpy(l->items(), items, size * sizeof(Item*));
    return l;
  }
  static trie_list* copy(version_store& store, const trie_list& from) { return copy(store, from, from.size); }
  static trie_list* with(version_store& store, const trie_list& from, Item* item, std::uint32_t hash) {
    trie_list* l = copy(store, from, from.size + 1);
    l->marks()[from.size] = trie_mark(hash);
    l->items()[from.size] = item;
    return l;
  }
  static trie_list* without(version_store& store, const trie_list& from, const Item* item) {
    const std::uint32_t at = from.position(item), last = from.size - 1;
    trie_list* l = copy(store, from, last);
    if (at == last) return l;
    l->marks()[at] = from.marks()[last];
    l->items()[at] = from.items()[last];
    return l;
  }
  std::uint32_t position(const Item* item) const noexcept {
    std::uint32_t i = 0;
    while (items()[i] != item) ++i;
    return i;
  }

 private:
  /// A list of `size`, with as many of the first items of `from` as go in.
  static trie_list* copy(version_store& store, const trie_list& from, std::uint32_t size) {
    trie_list* l = make(store, size);
    const std::uint32_t taken = from.size < size ? from.size : size;
    std::memcpy(l->marks(), from.marks(), taken);
    std::memcpy(l->items(), from.items(), taken * sizeof(Item*));
    return l;
  }
};

}  // namespace rulebus::inline v1::detail
