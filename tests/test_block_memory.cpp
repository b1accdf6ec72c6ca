#include "rulebus/detail/block_memory.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "support/random_source.hpp"

using rulebus::detail::block_memory;

namespace {

constexpr std::size_t page = block_memory::page_bytes, chunk = block_memory::chunk_bytes;

/// The blocks that are taken, filled with a number of their own, and where each ends.
class taken_blocks {
 public:
  ~taken_blocks() {
    while (!blocks_.empty()) give(0);
  }

  void take(std::size_t words) {
    const auto at = reinterpret_cast<std::uintptr_t>(memory.take(words));
    CHECK(at % (words > block_memory::most_unaligned_words ? 64 : 8) == 0);
    CHECK(at / page == (at + words * 8 - 1) / page);
    const auto next = ends_.upper_bound(at);
    const bool is_free = next == ends_.end() || next->second >= at + words * 8;
    REQUIRE(is_free);
    ends_[at + words * 8] = at;
    blocks_.push_back({at, words, ++last_});
    for (std::size_t i = 0; i < words; ++i) reinterpret_cast<std::uint64_t*>(at)[i] = last_;
  }
  void give(std::size_t number) {
    const block b = blocks_[number];
    bool is_whole = true;
    for (std::size_t i = 0; i < b.words; ++i) is_whole &= reinterpret_cast<const std::uint64_t*>(b.at)[i] == b.filling;
    CHECK(is_whole);
    blocks_[number] = blocks_.back();
    blocks_.pop_back();
    ends_.erase(b.at + b.words * 8);
    memory.give(reinterpret_cast<void*>(b.at));
  }
  std::size_t size() const { return blocks_.size(); }

  block_memory memory{};

 private:
  struct block {
    std::uintptr_t at;
    std::size_t words;
    std::uint64_t filling;
  };
  std::vector<block> blocks_{};
  std::map<std::uintptr_t, std::uintptr_t> ends_{};
  std::uint64_t last_ = 0;
};

}  // namespace

TEST_CASE("block_memory: blocks that come and go never overlap, and all memory goes back") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  tests::random_source random(seed);
  taken_blocks blocks;
  for (int phase = 0; phase < 12; ++phase) {
    // Sizes change from phase to phase, as those of a growing trie do; every third phase it shrinks.
    const std::size_t words = 1 + random.below(block_memory::most_words), spread = block_memory::most_words - words + 1;
    const bool shrinks = phase % 3 == 2;
    for (int i = 0; i < 4000; ++i) {
      if (random.below(8) < (shrinks ? 2U : 6U)) {
        blocks.take(words + random.below(spread));
      } else if (blocks.size() > 0) {
        blocks.give(random.below(blocks.size()));
      }
    }
  }
  while (blocks.size() > 0) blocks.give(random.below(blocks.size()));
  CHECK(blocks.memory.chunks() == 1);  // kept for what may come
  blocks.memory.give_back_spare();
  CHECK(blocks.memory.chunks() == 0);
}

TEST_CASE("block_memory: pages that are empty serve blocks of every size, and empty chunks go back") {
  taken_blocks blocks;
  for (const std::size_t words :
       {std::size_t{1}, std::size_t{7}, std::size_t{33}, block_memory::most_unaligned_words + 1, block_memory::most_words}) {
    CAPTURE(words);
    const std::size_t bytes = words > block_memory::most_unaligned_words ? (words + 7) / 8 * 64 : words * 8;
    const std::size_t in_four_chunks = 4 * (chunk / page - 1) * ((page - 64) / bytes);
    while (blocks.size() < in_four_chunks) blocks.take(words);
    CHECK(blocks.memory.chunks() >= 4);
    CHECK(blocks.memory.chunks() <= 5);
    while (blocks.size() > 0) blocks.give(blocks.size() - 1);
    CHECK(blocks.memory.chunks() == 1);
  }
}

TEST_CASE("block_memory: serves small blocks of stores that are not small; none where an address sanitizer is to see each") {
#if defined(__SANITIZE_ADDRESS__)
  constexpr bool serves_some = false;
#elif defined(__has_feature)
  constexpr bool serves_some = !__has_feature(address_sanitizer);
#else
  constexpr bool serves_some = true;
#endif
  CHECK_FALSE(block_memory::serves(1, block_memory::small - 1));
  CHECK_FALSE(block_memory::serves(block_memory::most_words + 1, block_memory::small));
  CHECK(block_memory::serves(1, block_memory::small) == serves_some);
  CHECK(block_memory::serves(block_memory::most_words, SIZE_MAX) == serves_some);
}
