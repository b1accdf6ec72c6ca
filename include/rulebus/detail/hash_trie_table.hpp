// trie_table: the items of one place of a hash_trie in a hash table, when they are many: so that a look-up waits for a cache
// line of it and for the item, where branches and a list would each be one more to wait for.
//
// A bucket is a cache line: up to seven items, and of each a mark, a byte of its hash. An item stands in the first bucket
// with room from the one on that its hash names; every bucket on the way counts it, so a look-up knows whether to go on, and
// erasing leaves no trace. Tables have one of two sizes, which who looks up knows before he reads anything in the table.
//
// Immutable once published, as the nodes of the trie are: a change copies the whole table.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "rulebus/detail/block_memory.hpp"
#include "rulebus/detail/hash_trie_nodes.hpp"
#include "rulebus/detail/version_store.hpp"

namespace rulebus::inline v1::detail {

template <class Item>
struct trie_table : block {
  static constexpr std::uint32_t small = 12, large = 48;                       ///< buckets
  static constexpr std::uint32_t most_in_small = 6 * small, most = 6 * large;  ///< items
  std::uint32_t size = 0;
  std::uint32_t bucket_count = 0;

  /// The item of that hash for which same(item) holds, or null. Items of other hashes may be asked, too. `count`: bucket_count.
  template <class Same>
  [[gnu::noinline]] Item* find(std::uint32_t hash, Same& same, std::uint32_t count) const noexcept {
    std::uint32_t n = home_of(hash, count);
    do {
      const bucket& b = buckets()[n];
      for (std::uint64_t equal = marks_equal(&b, mark_of(hash)); equal != 0; equal &= equal - 1) {
        const auto at = static_cast<std::uint32_t>(std::countr_zero(equal)) / 8;
        if (at >= b.used) continue;  // what is behind the seven marks was compared, too
        Item* const item = b.items[at];
        prefetch_pair(item);
        if (same(*item)) return item;
      }
      if (b.passed == 0) return nullptr;
      n = next_to(n, count);
    } while (n != home_of(hash, count));  // of items that came and went each bucket may have been full, and passed
    return nullptr;
  }

  void prefetch(std::uint32_t count) const noexcept {
    for (std::uint32_t n = 0; n < count; ++n) __builtin_prefetch(&buckets()[n]);
  }
  template <class Visit>
  void for_each(Visit& visit) const {
    for (std::uint32_t n = 0; n < bucket_count; ++n) {
      for (std::uint32_t i = 0; i < buckets()[n].used; ++i) visit(*buckets()[n].items[i]);
    }
  }

  /// Of up to `most` items; its size depends on how many there are.
  static trie_table* of(version_store& store, Item* const* items, std::uint32_t size) {
    trie_table* t = make(store, size > most_in_small ? large : small);
    std::memset(static_cast<void*>(t->buckets()), 0, t->bucket_count * sizeof(bucket));
    for (std::uint32_t i = 0; i < size; ++i) t->put(items[i], trie_hash(*items[i]));
    return t;
  }
  static trie_table* copy(version_store& store, const trie_table& from) {
    trie_table* t = make(store, from.bucket_count);
    std::memcpy(static_cast<void*>(t->buckets()), from.buckets(), from.bucket_count * sizeof(bucket));
    t->size = from.size;
    return t;
  }

  // ---- of a table that is not published yet, and has room

  void put(Item* item, std::uint32_t hash) noexcept {
    std::uint32_t n = home_of(hash, bucket_count);
    for (; buckets()[n].used == room; n = next_to(n, bucket_count)) buckets()[n].count_passing();
    bucket& b = buckets()[n];
    b.marks[b.used] = mark_of(hash);
    b.items[b.used++] = item;
    ++size;
  }
  void replace(const Item* before, Item* now, std::uint32_t hash) noexcept {
    const found at = position(before, hash);
    at.in->items[at.index] = now;
  }
  void take(const Item* item, std::uint32_t hash) noexcept {
    const found at = position(item, hash);
    for (std::uint32_t n = home_of(hash, bucket_count); &buckets()[n] != at.in; n = next_to(n, bucket_count)) {
      buckets()[n].count_less();
    }
    const unsigned last = --at.in->used;
    at.in->marks[at.index] = at.in->marks[last];
    at.in->items[at.index] = at.in->items[last];
    --size;
  }

 private:
  static constexpr std::uint32_t room = 7;
  struct alignas(64) bucket {
    unsigned char marks[room];
    std::uint8_t used : 3;    // items here
    std::uint8_t passed : 5;  // that found no room here; the most it can count stays: only hashes that are much alike get there
    Item* items[room];
    static constexpr std::uint8_t uncounted = 31;
    void count_passing() noexcept { passed = passed == uncounted ? uncounted : (passed + 1) & uncounted; }
    void count_less() noexcept { passed = passed == uncounted ? uncounted : (passed - 1) & uncounted; }
  };
  static_assert(sizeof(bucket) == 64);
  // So it is aligned for two words, as trie_place needs it.
  static_assert(small * sizeof(bucket) > 8 * block_memory::most_unaligned_words);
  struct found {
    bucket* in;
    std::uint32_t index;
  };

  static trie_table* make(version_store& store, std::uint32_t count) {
    auto* t = store.make<trie_table>(count * sizeof(bucket) + alignof(bucket) - alignof(std::max_align_t));
    t->bucket_count = count;
    return t;
  }
  /// The block is aligned as all that is allocated, and not necessarily for a cache line.
  bucket* buckets() noexcept { return const_cast<bucket*>(std::as_const(*this).buckets()); }
  const bucket* buckets() const noexcept {
    const auto behind = reinterpret_cast<std::uintptr_t>(this + 1);
    return reinterpret_cast<const bucket*>((behind + alignof(bucket) - 1) & ~std::uintptr_t{alignof(bucket) - 1});
  }
  /// From the highest bits, which branches above use last.
  static std::uint32_t home_of(std::uint32_t hash, std::uint32_t count) noexcept { return (hash >> 16) * count >> 16; }
  static unsigned char mark_of(std::uint32_t hash) noexcept { return static_cast<unsigned char>(hash >> 16); }
  static std::uint32_t next_to(std::uint32_t n, std::uint32_t count) noexcept { return n + 1 == count ? 0 : n + 1; }
  found position(const Item* item, std::uint32_t hash) noexcept {
    for (std::uint32_t n = home_of(hash, bucket_count);; n = next_to(n, bucket_count)) {
      bucket& b = buckets()[n];
      for (std::uint32_t i = 0; i < b.used; ++i) {
        if (b.items[i] == item) return {&b, i};
      }
    }
  }
};

}  // namespace rulebus::inline v1::detail
