// The bytes that entries (matcher_index.hpp) of numbers, addresses and literals are found by. Those of strings are the strings;
// those of ranges are in index_range.hpp.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/ip_address.hpp"
#include "rulebus/detail/number.hpp"
#include "rulebus/detail/pattern_tree.hpp"

namespace rulebus::inline v1::detail {

/// Key bytes of a number in normal form: two words, so that a reader hashes what it has just written without waiting for it.
struct number_key {
  std::uint64_t words[2];
  explicit number_key(const decimal& d) noexcept
      : words{d.digits, static_cast<std::uint32_t>(d.exponent) | std::uint64_t{d.negative} << 32} {}
  std::string_view view() const noexcept { return {reinterpret_cast<const char*>(words), sizeof words}; }
  static decimal number_of(std::string_view key) noexcept {
    const auto sign_and_exponent = load<std::uint64_t>(key.data() + 8);
    return {load<std::uint64_t>(key.data()), static_cast<std::int32_t>(sign_and_exponent), sign_and_exponent >> 32 != 0};
  }
  static std::uint64_t bit(std::uint64_t digits) noexcept { return std::uint64_t{1} << (digits * 0x9e3779b97f4a7c15 >> 58); }
};
/// Key bytes of an address, or of a network when it is masked.
struct address_key {
  char bytes[18];
  explicit address_key(const ip_address& a, unsigned bits = 255) noexcept {
    std::memcpy(bytes, a.bytes.data(), 16);
    bytes[16] = static_cast<char>(a.size);
    bytes[17] = static_cast<char>(bits);
  }
  std::string_view view() const noexcept { return {bytes, sizeof bytes}; }
};
constexpr std::string_view literal_key(leaf_type t) noexcept {
  return t == leaf_type::true_value ? "t" : t == leaf_type::false_value ? "f" : "n";
}

}  // namespace rulebus::inline v1::detail
