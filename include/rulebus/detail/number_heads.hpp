// number_heads: which numbers a text may be, by its first eight bytes: a filter in front of normal_form.
//
// Without an exponent there is one way to write a number, but for zeros behind its fraction: whatever is equal to -122.42916
// begins with "-122.429". So of the many numbers of an event (coordinates, measurements) nearly none need be read to know that
// they are not among the few that rules ask for. Texts that are shorter or have an exponent are not told apart.
//
// Thread safety: as a number. Cost: some words of text. Sixty-four bits: with many numbers it lets everything through.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/number.hpp"
#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

class number_heads {
 public:
  RULEBUS_API void add(const decimal& number);
  void clear() noexcept { bits_ = 0; }

  /// False: the text, a valid JSON number, is none of the numbers that were added.
  bool may_have(std::string_view text) const noexcept { return bits_ != 0 && (bits_ & bits_of(text)) != 0; }

 private:
  static constexpr std::uint64_t all = UINT64_MAX;

  static std::uint64_t bit(std::uint64_t head) noexcept { return std::uint64_t{1} << (head * 0x9e3779b97f4a7c15 >> 58); }
  static std::uint64_t bits_of(std::string_view text) noexcept {
    constexpr std::size_t word = sizeof(std::uint64_t);
    if (text.size() < word) return all;
    const std::uint64_t head = load_word(text.data());
    std::uint64_t seen = head;
    for (std::size_t i = word; i < text.size(); i += word) seen |= load_word(text.data() + std::min(i, text.size() - word));
    constexpr std::uint64_t letters = 0x4040404040404040;  // the e of an exponent: no other byte of a number has this bit
    return (seen & letters) != 0 ? all : bit(head);
  }

  std::uint64_t bits_ = 0;
};

}  // namespace rulebus::inline v1::detail
