// json_shapes: the shapes of events whose structure was checked before.
//
// The shape of an event is the row of the kinds of its tokens. Whether brackets match, and commas and colons are where they
// must be, depends on nothing else; and events of one origin come in few shapes. An event whose shape equals, token by token,
// that of an event which was checked is therefore well-formed, and it is known which bracket closes which. What is left to
// check is what a shape does not say: how numbers, literals and escapes are written.
//
// Shapes are learned when they come a second time, so events that are all different pay for one look-up and no more. They are
// kept in sets by their number of tokens: that is known early and needs no hash, so that a processor which guesses that the
// next shape is a known one goes on with the event while the comparison is still under way.
//
// Thread safety: one thread each. Memory: 244 shapes of at most 512 tokens, 400 KB in all when each place is taken; allocated
// at once with the first event, and touched as they come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "rulebus/detail/json_tokens.hpp"

namespace rulebus::inline v1::detail {

struct json_shape {
  static constexpr std::uint32_t max_tokens = 512;
  std::array<std::uint8_t, max_tokens + 64> kinds;
  /// From an opening bracket to the one that closes it, from a number to the next, from a literal to the next.
  std::array<std::uint16_t, max_tokens> link;
  std::uint16_t first_number, first_literal;  ///< 0: there is none
};

class json_shapes {
 public:
  /// The shape of these tokens, of which there are some, if it is known; else null.
  const json_shape* find(const token_rows& tokens) const noexcept {
    const std::size_t set = set_of(tokens);
    for (std::size_t i = set; i != set + ways; ++i) {
      if (counts_[i] == tokens.count && same_kinds(shapes_[i].kinds.data(), tokens.kinds, tokens.count)) return &shapes_[i];
    }
    return nullptr;
  }

  /// For tokens that find did not know, and that turned out to be well-formed.
  void add(const token_rows& tokens) {
    if (shapes_ == nullptr) shapes_ = std::make_unique_for_overwrite<json_shape[]>(counts_.size());
    if (tokens.count > json_shape::max_tokens) return;
    const std::uint64_t hash = hash_of(tokens);
    std::uint64_t& last = seen_once_[hash % seen_once_.size()];
    const bool comes_again = last == hash;
    last = comes_again ? 0 : hash;
    if (!comes_again) return;
    const std::size_t place = place_in(set_of(tokens));
    learn(shapes_[place], tokens);
    counts_[place] = static_cast<std::uint16_t>(tokens.count);
  }

 private:
  static constexpr std::size_t sets = 61, ways = 4;

  static std::size_t set_of(const token_rows& tokens) noexcept { return tokens.count % sets * ways; }

  // A free place, else one after the other.
  std::size_t place_in(std::size_t set) noexcept {
    for (std::size_t i = set; i != set + ways; ++i) {
      if (counts_[i] == 0) return i;
    }
    return set + next_way_++ % ways;
  }

  static std::uint64_t hash_of(const token_rows& tokens) noexcept {
    std::uint64_t hash = tokens.count;
    for (std::uint32_t i = 0; i < tokens.count; i += 8) {  // zeros follow
      std::uint64_t word;
      std::memcpy(&word, tokens.kinds + i, sizeof word);
      hash = (hash ^ hash >> 29 ^ word) * 0x9e3779b97f4a7c15;
    }
    return hash ^ hash >> 32;
  }

  static void learn(json_shape& shape, const token_rows& tokens) noexcept {
    shape.first_number = shape.first_literal = 0;
    shape.kinds.fill(0);
    std::memcpy(shape.kinds.data(), tokens.kinds, tokens.count);
    std::array<std::uint16_t, json_shape::max_tokens> closing;
    std::size_t depth = 0;
    for (auto i = static_cast<std::uint16_t>(tokens.count); i-- != 0;) {
      switch (tokens.kinds[i]) {
        case token_close_object:
        case token_close_array: closing[depth++] = i; break;
        case token_open_object:
        case token_open_array: shape.link[i] = closing[--depth]; break;
        case token_number: shape.link[i] = std::exchange(shape.first_number, i); break;
        case token_literal: shape.link[i] = std::exchange(shape.first_literal, i); break;
        default: break;
      }
    }
  }

  std::unique_ptr<json_shape[]> shapes_;
  std::array<std::uint16_t, sets * ways> counts_{};  // of each shape's tokens; 0: no shape
  std::array<std::uint64_t, 64> seen_once_{};        // hashes
  std::uint32_t next_way_ = 0;
};

}  // namespace rulebus::inline v1::detail
