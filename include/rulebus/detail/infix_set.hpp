// infix_set<Item>: a persistent set of short texts (1, 2, 3, 4, 6 or 8 bytes), searched for those that occur anywhere in a
// long one.
//
// Each position of the long text is looked up once for each of the lengths that occur among the short ones. A filter comes
// first: a table of bits, 8 to 32 for each text, of which the bit that a text hashes to is set. It answers most positions by
// one multiplication and one load, so a megabyte costs a few milliseconds. What passes is looked up in a hash trie.
//
// The filter is one block, and copied with every change. Bits are not cleared when texts go (they may stand for others,
// too): after as many as a quarter of the texts have gone, or when the right size is another, it is made anew. It does not
// grow beyond 32 KiB, so from 2^15 texts on it lets more and more pass.
//
// Item has a `hash` as in hash_trie and a function key(), its text. The set does not own its items. Cost of a change:
// O(log n), and a copy of the filter; of a search: the text's length times the lengths that occur. Thread safety: immutable
// for readers; see version_store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string_view>

#include "rulebus/detail/hash_trie.hpp"
#include "rulebus/detail/version_store.hpp"

namespace rulebus::inline v1::detail {

constexpr std::size_t infix_lengths[] = {1, 2, 3, 4, 6, 8};

template <class Item>
class infix_set {
 public:
  bool empty() const noexcept { return items_.empty(); }

  /// Visits the items whose text occurs in `text`, perhaps more than once; a visit answers whether it was the item's first,
  /// so that the search can end early. hash_of(piece) is the hash that an item of that text has.
  template <class Hash, class Visit>
  void search(std::string_view text, Hash hash_of, Visit visit) const {
    if (filter_ == nullptr) return;
    search_length<0>(text, hash_of, visit);
    search_length<1>(text, hash_of, visit);
    search_length<2>(text, hash_of, visit);
    search_length<3>(text, hash_of, visit);
    search_length<4>(text, hash_of, visit);
    search_length<5>(text, hash_of, visit);
  }

  /// Adds an item that is not in the set.
  void insert(version_store& store, Item* item) {
    items_.insert(store, item);
    open_filter(store, filter_ == nullptr ? 1 : filter_->size + 1, false);
    ++filter_->of_length[length_index(item->key().size())];
    set_bit(*filter_, *item);
  }
  /// Takes out an item that is in the set.
  void erase(version_store& store, Item* item) {
    items_.erase(store, item);
    open_filter(store, filter_->size - 1, filter_->gone >= filter_->size / 4 + 16);
    if (filter_ == nullptr) return;
    --filter_->of_length[length_index(item->key().size())];
    ++filter_->gone;
  }
  /// Puts `now` in the place of `before`, which is in the set and has the same text.
  void replace(version_store& store, Item* before, Item* now) { items_.replace(store, before, now); }

  /// Frees all blocks, when the whole structure goes. Items are the caller's.
  void free_nodes(version_store& store) noexcept {
    items_.free_nodes(store);
    if (filter_ != nullptr) store.free_block(filter_);
    filter_ = nullptr;
  }

 private:
  struct filter : block {
    std::uint32_t size = 0;  ///< texts
    std::uint32_t gone = 0;  ///< texts that went since it was made
    std::uint32_t log2_bits = 0;
    std::uint32_t of_length[std::size(infix_lengths)] = {};  ///< texts of each length
    std::uint32_t unused = 0;
    std::uint64_t* table() noexcept { return reinterpret_cast<std::uint64_t*>(this + 1); }
    const std::uint64_t* table() const noexcept { return reinterpret_cast<const std::uint64_t*>(this + 1); }
  };
  static_assert(sizeof(filter) % alignof(std::uint64_t) == 0);

  /// For at least 8 bits for each text, if that is not too much.
  static std::uint32_t log2_bits_for(std::uint32_t texts) noexcept {
    std::uint32_t log2 = 8;
    while (log2 < 18 && texts > 1U << (log2 - 3)) log2 += 2;
    return log2;
  }

  static constexpr std::size_t length_index(std::size_t length) noexcept {
    std::size_t i = 0;
    while (infix_lengths[i] != length) ++i;
    return i;
  }

  static std::uint64_t bit_of(const char* text, std::size_t length, std::uint32_t log2_bits) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, text, length);
    return (word + length) * 0x9e3779b97f4a7c15 >> (64 - log2_bits);
  }

  static void set_bit(filter& f, const Item& item) noexcept {
    const std::uint64_t bit = bit_of(item.key().data(), item.key().size(), f.log2_bits);
    f.table()[bit / 64] |= std::uint64_t{1} << bit % 64;
  }

  template <std::size_t Index, class Hash, class Visit>
  void search_length(std::string_view text, Hash& hash_of, Visit& visit) const {
    constexpr std::size_t length = infix_lengths[Index];
    std::uint32_t missing = filter_->of_length[Index];
    const std::uint32_t log2_bits = filter_->log2_bits;
    const std::uint64_t* const words = filter_->table();
    for (std::size_t at = 0; at + length <= text.size() && missing != 0; ++at) {
      const std::uint64_t bit = bit_of(text.data() + at, length, log2_bits);
      if ((words[bit / 64] >> bit % 64 & 1U) == 0) continue;
      const std::string_view piece = text.substr(at, length);
      const Item* found = items_.find(hash_of(piece), [piece](const Item& i) { return i.key() == piece; });
      if (found != nullptr && visit(*found)) --missing;
    }
  }

  /// Makes the filter one that may be changed, of the size that is right for so many texts, with the bits of all items.
  void open_filter(version_store& store, std::uint32_t texts, bool stale) {
    filter* const before = filter_;
    filter_ = texts == 0 ? nullptr : remade_filter(store, before, log2_bits_for(texts), stale);
    if (filter_ != nullptr) filter_->size = texts;
    if (before != nullptr && before != filter_) store.retire(before);
  }

  filter* remade_filter(version_store& store, filter* before, std::uint32_t log2_bits, bool stale) const {
    const bool fits = before != nullptr && before->log2_bits == log2_bits && !stale;
    if (fits && store.is_fresh(before)) return before;
    const std::size_t bytes = (std::size_t{1} << log2_bits) / 8;
    filter* const now = store.make<filter>(bytes);
    now->log2_bits = log2_bits;
    now->gone = fits ? before->gone : 0;
    if (before != nullptr) std::memcpy(now->of_length, before->of_length, sizeof before->of_length);
    if (fits) {
      std::memcpy(now->table(), before->table(), bytes);
    } else {
      std::memset(now->table(), 0, bytes);
      items_.for_each([now](const Item& i) { set_bit(*now, i); });
    }
    return now;
  }

  hash_trie<Item> items_;
  filter* filter_ = nullptr;
};

}  // namespace rulebus::inline v1::detail
