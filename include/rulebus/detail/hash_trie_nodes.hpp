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
struct trie_branch;

/// A pointer to an item, a list or a branch, or nothing; which of them stands in the lowest two bits. The third says that a
/// branch has all its children: then one is found without the mask, which in a large trie is another cache line to wait for.
template <class Item>
class trie_place {
 public:
  using list = trie_list<Item>;
  using branch = trie_branch<Item>;
  trie_place() noexcept = default;
  explicit trie_place(Item* i) noexcept : word_(reinterpret_cast<std::uintptr_t>(i) | item_tag) {}
  explicit trie_place(list* l) noexcept : word_(reinterpret_cast<std::uintptr_t>(l) | list_tag) {}
  explicit trie_place(branch* b) noexcept
      : word_(reinterpret_cast<std::uintptr_t>(b) | branch_tag | (b->mask == branch::all ? full_tag : 0)) {}
  bool is_nothing() const noexcept { return word_ == 0; }
  bool is_item() const noexcept { return tag() == item_tag; }
  bool is_list() const noexcept { return tag() == list_tag; }
  bool is_branch() const noexcept { return tag() == branch_tag; }
  bool is_full_branch() const noexcept { return (word_ & full_tag) != 0; }
  Item* as_item() const noexcept { return reinterpret_cast<Item*>(word_ - item_tag); }
  list* as_list() const noexcept { return reinterpret_cast<list*>(word_ - list_tag); }
  branch* as_branch() const noexcept { return reinterpret_cast<branch*>(word_ & ~all_tags); }

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
  static constexpr std::uintptr_t item_tag = 1, list_tag = 2, branch_tag = 3, full_tag = 4, all_tags = 7;
  std::uintptr_t tag() const noexcept { return word_ & 3U; }
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
  place* children() noexcept { return reinterpret_cast<place*>(this + 1); }
  const place* children() const noexcept { return reinterpret_cast<const place*>(this + 1); }

  static trie_branch* make(version_store& store, std::uint32_t mask, std::uint32_t size) {
    auto* b = store.make<trie_branch>(bits_in(mask) * sizeof(place));
    b->mask = mask;
    b->size = size;
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
    constexpr std::uint64_t ones = 0x0101010101010101;
    for (std::uint32_t first = 0; first < size; first += 8) {
      std::uint64_t word;
      std::memcpy(&word, marks() + first, sizeof word);
      if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
      // Zero where the marks are equal; the subtraction finds all zero bytes and, seldom, a byte above one.
      const std::uint64_t differ = word ^ (ones * mark);
      for (std::uint64_t equal = (differ - ones) & ~differ & (ones << 7); equal != 0; equal &= equal - 1) {
        const std::uint32_t at = first + static_cast<std::uint32_t>(std::countr_zero(equal)) / 8;
        if (at >= size) continue;
        Item* const item = items()[at];
        __builtin_prefetch(reinterpret_cast<const char*>(item) + 64);  // what stands beside it (version_store::make_pair)
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
