// trie_table: some hundred items of a hash_trie in one hash table, so that a look-up waits for a cache line of it and for
// the item, where branches and a list would each be one more to wait for.
//
// A bucket is a cache line: up to seven items, and of each a mark, a byte of its hash. An item stands in the first bucket
// with room from the one on that its hash names; every bucket on the way counts it, so a look-up knows whether to go on, and
// erasing leaves no trace. All tables are of one size, so a bucket is found without anything in the table read before.
//
// Immutable once published, as the nodes of the trie are: a change copies the whole table.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "rulebus/detail/hash_trie_nodes.hpp"
#include "rulebus/detail/version_store.hpp"

namespace rulebus::inline v1::detail {

template <class Item>
struct trie_table : block {
  static constexpr std::uint32_t least = 72, most = 288;  ///< items: from 1.5 to 6 a bucket
  std::uint32_t size = 0;

  /// The item of that hash for which same(item) holds, or null. Items of other hashes may be asked, too.
  template <class Same>
  Item* find(std::uint32_t hash, Same& same) const noexcept {
    std::uint32_t n = home_of(hash);
    do {
      const bucket& b = buckets()[n];
      for (std::uint64_t equal = marks_equal(b.marks, mark_of(hash)); equal != 0; equal &= equal - 1) {
        const auto at = static_cast<std::uint32_t>(std::countr_zero(equal)) / 8;
        if (at >= b.used) continue;
        Item* const item = b.items[at];
        prefetch_pair(item);
        if (same(*item)) return item;
      }
      if (b.passed == 0) return nullptr;
      n = next_to(n);
    } while (n != home_of(hash));  // of items that came and went each bucket may have been full, and passed
    return nullptr;
  }

  void prefetch() const noexcept {
    for (std::uint32_t n = 0; n < bucket_count; ++n) __builtin_prefetch(&buckets()[n]);
  }
  template <class Visit>
  void for_each(Visit& visit) const {
    for (std::uint32_t n = 0; n < bucket_count; ++n) {
      for (std::uint32_t i = 0; i < buckets()[n].used; ++i) visit(*buckets()[n].items[i]);
    }
  }

  static trie_table* make(version_store& store) {
    auto* t = store.make<trie_table>(bucket_count * sizeof(bucket) + alignof(bucket) - alignof(trie_table));
    std::memset(static_cast<void*>(t->buckets()), 0, bucket_count * sizeof(bucket));
    return t;
  }
  static trie_table* of(version_store& store, Item* const* items, std::uint32_t size) {
    trie_table* t = make(store);
    for (std::uint32_t i = 0; i < size; ++i) t->put(items[i], trie_hash(*items[i]));
    return t;
  }
  static trie_table* copy(version_store& store, const trie_table& from) {
    auto* t = store.make<trie_table>(bucket_count * sizeof(bucket) + alignof(bucket) - alignof(trie_table));
    std::memcpy(static_cast<void*>(t->buckets()), from.buckets(), bucket_count * sizeof(bucket));
    t->size = from.size;
    return t;
  }

  // ---- of a table that is not published yet, and has room

  void put(Item* item, std::uint32_t hash) noexcept {
    std::uint32_t n = home_of(hash);
    for (; buckets()[n].used == room; n = next_to(n)) buckets()[n].count_passing();
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
    for (std::uint32_t n = home_of(hash); &buckets()[n] != at.in; n = next_to(n)) buckets()[n].count_less();
    const unsigned last = --at.in->used;
    at.in->marks[at.index] = at.in->marks[last];
    at.in->items[at.index] = at.in->items[last];
    --size;
  }

 private:
  static constexpr std::uint32_t bucket_count = 48, room = 7;
  struct alignas(64) bucket {
    unsigned char marks[room];
    std::uint8_t used : 3;    // items here
    std::uint8_t passed : 5;  // that found no room here; the most it can count stays: only equal hashes get there
    Item* items[room];
    static constexpr std::uint8_t uncounted = 31;
    void count_passing() noexcept { passed = passed == uncounted ? uncounted : (passed + 1) & uncounted; }
    void count_less() noexcept { passed = passed == uncounted ? uncounted : (passed - 1) & uncounted; }
  };
  static_assert(sizeof(bucket) == 64);
  struct found {
    bucket* in;
    std::uint32_t index;
  };

  /// The block is aligned for a word only.
  bucket* buckets() noexcept { return const_cast<bucket*>(std::as_const(*this).buckets()); }
  const bucket* buckets() const noexcept {
    const auto behind = reinterpret_cast<std::uintptr_t>(this + 1);
    return reinterpret_cast<const bucket*>((behind + alignof(bucket) - 1) & ~std::uintptr_t{alignof(bucket) - 1});
  }
  /// From the highest bits, which branches above use last.
  static std::uint32_t home_of(std::uint32_t hash) noexcept { return (hash >> 16) * bucket_count >> 16; }
  static unsigned char mark_of(std::uint32_t hash) noexcept { return static_cast<unsigned char>(hash >> 16); }
  static std::uint32_t next_to(std::uint32_t n) noexcept { return n + 1 == bucket_count ? 0 : n + 1; }
  found position(const Item* item, std::uint32_t hash) noexcept {
    for (std::uint32_t n = home_of(hash);; n = next_to(n)) {
      bucket& b = buckets()[n];
      for (std::uint32_t i = 0; i < b.used; ++i) {
        if (b.items[i] == item) return {&b, i};
      }
    }
  }
};

}  // namespace rulebus::inline v1::detail
