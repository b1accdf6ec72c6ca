// block_memory: where a version_store has the memory of its blocks from.
//
// The blocks of a large matcher lie all over its memory, and a look-up goes to a few of them, each in another page: on
// processors that look pages up slowly that takes as long as the memory itself (1,000,000 rules: 15 % of an event's time). So
// beyond `small` bytes, blocks of up to `most_words` come from chunks as large as a huge page, for which the system is asked.
//
// A chunk is divided into pages of blocks of one size: of so many words or, beyond 64, of so many cache lines, at whose
// beginnings they stand. An empty page serves any size, and an empty chunk goes back, so sizes that nobody needs any more keep
// nothing. Larger blocks, and all of a small store, come from malloc.
//
// Thread safety: none. Cost: a few instructions; a system call per chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

class block_memory {
 public:
  static constexpr std::size_t small = std::size_t{1} << 20;
  static constexpr std::size_t most_words = 392;           ///< of 8 bytes
  static constexpr std::size_t most_unaligned_words = 64;  ///< larger blocks stand at cache lines
  static constexpr std::size_t chunk_bytes = std::size_t{2} << 20, page_bytes = std::size_t{16} << 10;

  block_memory() noexcept = default;
  block_memory(const block_memory&) = delete;
  block_memory& operator=(const block_memory&) = delete;
  /// Everything has been given back by then.
  ~block_memory() { give_back_spare(); }

  /// Whether a block is to come from a chunk, when so many bytes are in use.
  static constexpr bool serves(std::size_t words, std::size_t bytes_in_use) noexcept {
    return uses_chunks && words <= most_words && bytes_in_use >= small;
  }
  /// A block of 1 to most_words words. Throws std::bad_alloc.
  void* take(std::size_t words) {
    page* p = with_room_[size_number(words)];
    if (p == nullptr) p = open_page(size_number(words));
    void* block = p->free;
    if (block != nullptr) {
      p->free = p->free->next;
    } else {
      block = p->unused;
      p->unused += p->block_bytes;
    }
    ++p->used;
    if (p->free == nullptr && !has_unused(*p)) with_room_.unlink(p->size_number, *p);
    return block;
  }
  /// Takes back what `take` gave.
  void give(void* memory) noexcept {
    auto* const address = static_cast<char*>(memory);
    page* const p = reinterpret_cast<page*>(address - reinterpret_cast<std::uintptr_t>(address) % page_bytes);
    if (p->free == nullptr && !has_unused(*p)) with_room_.link(p->size_number, *p);
    p->free = new (memory) free_block{p->free};
    if (--p->used == 0) close_page(*p);
  }
  /// An empty chunk is kept, for a store that grows and shrinks; this gives it back.
  void give_back_spare() noexcept {
    if (spare_ != nullptr) free_chunk(*std::exchange(spare_, nullptr));
  }
  std::size_t chunks() const noexcept { return chunks_; }

 private:
  // Address sanitizers see what is read of a block that is gone only if each has memory of its own.
#if defined(__SANITIZE_ADDRESS__)
  static constexpr bool uses_chunks = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  static constexpr bool uses_chunks = false;
#else
  static constexpr bool uses_chunks = true;
#endif
#else
  static constexpr bool uses_chunks = true;
#endif

  struct free_block {
    free_block* next;
  };
  struct chunk;
  /// What a page begins with. It stands in one list: of those of its size with room, or of its chunk's empty ones.
  struct alignas(64) page {
    page *next, *previous;
    chunk* of;
    free_block* free;  // given back
    char* unused;      // from here on nothing was taken yet
    std::uint32_t size_number, block_bytes, used;
  };
  /// What a chunk begins with, in the place of its first page.
  struct chunk {
    chunk *next, *previous;  // with empty pages
    page* empty;
    std::size_t pages_in_use;
  };
  /// Lists, by number.
  template <class Node, std::size_t Count>
  struct lists {
    Node* first[Count] = {};
    Node* operator[](std::size_t list) const noexcept { return first[list]; }
    void link(std::size_t list, Node& n) noexcept {
      n.previous = nullptr;
      n.next = first[list];
      if (n.next != nullptr) n.next->previous = &n;
      first[list] = &n;
    }
    void unlink(std::size_t list, Node& n) noexcept {
      (n.previous != nullptr ? n.previous->next : first[list]) = n.next;
      if (n.next != nullptr) n.next->previous = n.previous;
    }
  };

  static constexpr std::size_t line_words = 8, sizes = most_unaligned_words + (most_words - most_unaligned_words) / line_words;
  static constexpr std::size_t size_number(std::size_t words) noexcept {
    return words <= most_unaligned_words ? words
                                         : most_unaligned_words + (words - most_unaligned_words + line_words - 1) / line_words;
  }
  static constexpr std::size_t block_bytes(std::size_t number) noexcept {
    return 8 * (number <= most_unaligned_words ? number : most_unaligned_words + (number - most_unaligned_words) * line_words);
  }

  RULEBUS_API static char* new_chunk();
  RULEBUS_API static void delete_chunk(void* memory) noexcept;

  static bool has_unused(const page& p) noexcept {
    const char* const end = reinterpret_cast<const char*>(&p) + page_bytes;
    return static_cast<std::size_t>(end - p.unused) >= p.block_bytes;
  }

  page* open_page(std::size_t number) {
    if (with_empty_[0] == nullptr) add_chunk();
    chunk& c = *with_empty_[0];
    page* const p = c.empty;
    c.empty = p->next;
    if (c.empty == nullptr) with_empty_.unlink(0, c);
    if (c.pages_in_use++ == 0) spare_ = nullptr;
    p->free = nullptr;
    p->unused = reinterpret_cast<char*>(p + 1);
    p->size_number = static_cast<std::uint32_t>(number);
    p->block_bytes = static_cast<std::uint32_t>(block_bytes(number));
    p->used = 0;
    with_room_.link(number, *p);
    return p;
  }
  void close_page(page& p) noexcept {
    with_room_.unlink(p.size_number, p);
    chunk& c = *p.of;
    if (c.empty == nullptr) with_empty_.link(0, c);
    p.next = c.empty;
    c.empty = &p;
    if (--c.pages_in_use != 0) return;
    if (spare_ != nullptr) return free_chunk(c);
    spare_ = &c;
  }

  void add_chunk() {
    char* const memory = new_chunk();
    chunk* const c = new (memory) chunk{nullptr, nullptr, nullptr, 0};
    for (std::size_t at = chunk_bytes - page_bytes; at != 0; at -= page_bytes) {
      c->empty = new (memory + at) page{c->empty, nullptr, c, nullptr, nullptr, 0, 0, 0};
    }
    with_empty_.link(0, *c);
    ++chunks_;
  }
  void free_chunk(chunk& c) noexcept {
    with_empty_.unlink(0, c);
    --chunks_;
    delete_chunk(&c);
  }

  lists<page, sizes + 1> with_room_;  // by size_number
  lists<chunk, 1> with_empty_;
  chunk* spare_ = nullptr;  // empty
  std::size_t chunks_ = 0;
};

}  // namespace rulebus::inline v1::detail
