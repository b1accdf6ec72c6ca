// version_store: memory shared by successive versions of one structure (one writer, many readers).
//
// A version is a graph of blocks that never change once it is published. A transaction builds the next version: it
// allocates new blocks and retires those that the next version no longer uses. commit() publishes, abort() undoes all of
// it. A block lives as long as a pinned version uses it: born in version b and retired in version r, it is part of the
// versions b to r - 1, so it is freed once no pin p has b <= p < r. An old pin therefore keeps what it sees, and nothing
// of what came and went since.
//
// Thread safety: none; the owner's writer mutex guards every call. Readers touch blocks only, never the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "rulebus/detail/block_memory.hpp"

namespace rulebus::inline v1::detail {

/// What every block begins with, in one word since there are many small blocks.
struct block {
  static constexpr std::uint64_t last_version = (std::uint64_t{1} << 38) - 1;  // after 8 years of 1000 changes a second
  static constexpr std::size_t most_words = (std::size_t{1} << 22) - 1;
  std::uint64_t born : 38;        ///< version
  std::uint64_t words : 22;       ///< of 8 bytes, allocated
  std::uint64_t in_chunk : 1;     ///< 1: of block_memory, 0: of malloc
  std::uint64_t owns_memory : 1;  ///< 1: the store's destroy function must see it before it is freed
  std::uint64_t in_pair : 1;      ///< 1: made by make_pair
  std::uint64_t is_second : 1;    ///< 1: of such a pair, the one behind
  std::size_t bytes() const noexcept { return std::size_t{words} * 8; }
  /// Copies all but this header, from a block of the same type and size.
  void copy_contents(const block& from) noexcept {
    std::memcpy(reinterpret_cast<char*>(this + 1), reinterpret_cast<const char*>(&from + 1), from.bytes() - sizeof(block));
  }
};

class version_store {
 public:
  using destroy_function = void (*)(block&) noexcept;
  explicit version_store(destroy_function destroy) noexcept : destroy_(destroy) {}
  version_store(const version_store&) = delete;
  version_store& operator=(const version_store&) = delete;
  ~version_store() {
    for (const retired& r : limbo_) {
      if (r.what != nullptr) free_block(r.what);
    }
  }

  std::uint64_t version() const noexcept { return version_; }       ///< the newest published
  std::uint64_t building() const noexcept { return version_ + 1; }  ///< what the transaction under way will be
  std::size_t bytes() const noexcept { return bytes_; }

  // ---- in a transaction

  /// A T with `extra` bytes behind it; value-initialised. Throws std::bad_alloc, also for more than 32 MB; then the transaction
  /// must abort.
  template <class T>
  T* make(std::size_t extra = 0) {
    const std::size_t words = words_of<T>(extra);
    const bool in_chunk = block_memory::serves(words, bytes_);
    return begin_block<T>(allocate(words, in_chunk, 1), words, in_chunk);
  }

  /// Two blocks side by side, for what is read together. Each is retired by itself; the memory is freed, and counted, as one,
  /// when both may go. Throws as make does.
  template <class First, class Second>
  std::pair<First*, Second*> make_pair(std::size_t extra_of_first, std::size_t extra_of_second) {
    const std::size_t first_words = words_of<First>(extra_of_first), second_words = words_of<Second>(extra_of_second);
    const std::size_t words = first_words + 1 + second_words;
    const bool in_chunk = block_memory::serves(words, bytes_);
    std::uint64_t* const memory = allocate(words, in_chunk, 2);
    memory[first_words] = first_words;
    First* const first = begin_block<First>(memory, first_words, in_chunk);
    Second* const second = begin_block<Second>(memory + first_words + 1, second_words, in_chunk);
    first->in_pair = second->in_pair = second->is_second = 1;
    return {first, second};
  }

  /// True when this transaction made the block, and may change it in place.
  bool is_fresh(const block* b) const noexcept { return b->born == building(); }

  /// The block is not part of the version being built.
  void retire(block* b) {
    retiring_.push_back(b);
    const std::size_t needed = in_limbo_ + retiring_.size();
    if (needed > limbo_.capacity()) limbo_.reserve(2 * needed);
  }

  void commit() noexcept {
    ++version_;
    fresh_.clear();
    for (block* b : retiring_) {
      const std::size_t holder = holder_of(b->born, version_);
      if (holder == none) {
        free_block(b);
      } else {
        hold(b, holder);
      }
    }
    retiring_.clear();
    if (bytes_ == 0) give_back_lists();
  }

  void abort() noexcept {
    retiring_.clear();
    for (block* b : fresh_) free_block(b);
    fresh_.clear();
  }

  // ---- pins

  /// A new pin on nothing; its number.
  std::size_t add_pin() {
    for (std::size_t i = 0; i < pins_.size(); ++i) {
      if (pins_[i].at == unused) return pins_[i].at = nothing, i;
    }
    pins_.push_back({nothing, none});
    return pins_.size() - 1;
  }
  void move_pin_to_newest(std::size_t pin) noexcept { move_pin(pin, version_); }
  void clear_pin(std::size_t pin) noexcept { move_pin(pin, nothing); }
  void remove_pin(std::size_t pin) noexcept { move_pin(pin, unused); }

  /// Frees a block that belongs to the newest version, when the whole structure goes.
  void free_block(block* b) noexcept {
    if (b->owns_memory != 0) destroy_(*b);
    if (b->in_pair != 0) return leave_pair(b);
    free_memory(b, b->words, b->in_chunk != 0);
  }

 private:
  static constexpr std::uint64_t nothing = UINT64_MAX, unused = UINT64_MAX - 1;
  static constexpr std::size_t none = SIZE_MAX;
  static constexpr std::uint64_t one_is_gone = std::uint64_t{1} << 63;
  // A retired block waits for one of the pins that need it, and is looked at again when that one moves: so a pin that stays
  // for long costs the others nothing, whatever it holds.
  struct retired {
    std::uint64_t until;
    block* what;       // null: this record is free
    std::size_t next;  // record of the same pin, or free
  };
  struct pin_state {
    std::uint64_t at;
    std::size_t first;  // of the records that wait for it
  };

  template <class T>
  static std::size_t words_of(std::size_t extra) {
    const std::size_t words = (sizeof(T) + extra + 7) / 8;
    if (words > block::most_words) throw std::bad_alloc();
    return words;
  }
  // Memory for so many blocks, with room for them in the list of fresh ones.
  std::uint64_t* allocate(std::size_t words, bool in_chunk, std::size_t blocks) {
    if (fresh_.size() + blocks > fresh_.capacity()) fresh_.reserve(2 * fresh_.capacity() + 16);
    void* const memory = in_chunk ? memory_.take(words) : std::malloc(words * 8);
    if (memory == nullptr) throw std::bad_alloc();
    bytes_ += words * 8;
    return static_cast<std::uint64_t*>(memory);
  }
  void free_memory(void* memory, std::size_t words, bool in_chunk) noexcept {
    bytes_ -= words * 8;
    if (in_chunk) return memory_.give(memory);
    std::free(memory);
  }
  template <class T>
  T* begin_block(void* memory, std::size_t words, bool in_chunk) noexcept {
    T* made = new (memory) T();
    made->born = building() & block::last_version;
    made->words = words & block::most_words;
    made->in_chunk = in_chunk ? 1 : 0;
    made->owns_memory = made->in_pair = made->is_second = 0;
    fresh_.push_back(made);
    return made;
  }
  // Between the two of a pair stands where it begins, and whether one of them is gone.
  void leave_pair(block* b) noexcept {
    auto* const words = reinterpret_cast<std::uint64_t*>(b);
    std::uint64_t* const middle = b->is_second != 0 ? words - 1 : words + b->words;
    if ((*middle & one_is_gone) == 0) {
      *middle |= one_is_gone;
      return;
    }
    std::uint64_t* const first = middle - (*middle & ~one_is_gone);
    const std::uint64_t* const end = middle + 1 + reinterpret_cast<block*>(middle + 1)->words;
    free_memory(first, static_cast<std::size_t>(end - first), b->in_chunk != 0);
  }

  std::size_t holder_of(std::uint64_t born, std::uint64_t until) const noexcept {
    for (std::size_t i = 0; i < pins_.size(); ++i) {
      if (born <= pins_[i].at && pins_[i].at < until) return i;
    }
    return none;
  }
  // There is room for the record: retire saw to that.
  void hold(block* b, std::size_t pin) noexcept {
    std::size_t record = free_record_;
    if (record == none) {
      record = limbo_.size();
      limbo_.push_back({});
    } else {
      free_record_ = limbo_[record].next;
    }
    limbo_[record] = {version_, b, pins_[pin].first};
    pins_[pin].first = record;
    ++in_limbo_;
  }
  void move_pin(std::size_t pin, std::uint64_t to) noexcept {
    std::size_t record = std::exchange(pins_[pin].first, none);
    pins_[pin].at = to;
    while (record != none) {
      retired& r = limbo_[record];
      const std::size_t next = r.next, holder = holder_of(r.what->born, r.until);
      if (holder == none) {
        free_block(std::exchange(r.what, nullptr));
        --in_limbo_;
      }
      r.next = std::exchange(holder == none ? free_record_ : pins_[holder].first, record);
      record = next;
    }
    if (in_limbo_ == 0) {
      free_record_ = none;
      limbo_.clear();
      if (limbo_.capacity() > 1024) limbo_ = std::vector<retired>();
    }
    if (bytes_ == 0) give_back_lists();
  }
  void give_back_lists() noexcept {
    memory_.give_back_spare();
    fresh_ = std::vector<block*>();
    retiring_ = std::vector<block*>();
    limbo_ = std::vector<retired>();
    free_record_ = none;
  }

  block_memory memory_;
  destroy_function destroy_;
  std::uint64_t version_ = 0;
  std::size_t bytes_ = 0;
  std::vector<block*> fresh_, retiring_;
  std::vector<retired> limbo_;
  std::size_t free_record_ = none, in_limbo_ = 0;
  std::vector<pin_state> pins_;
};

}  // namespace rulebus::inline v1::detail
