// Ignoring case as event patterns do (docs/patterns.md, "Strings"): each pattern character accepts itself, its full
// lower-case and its full upper-case mapping, independent of locale (Unicode 14, UnicodeData.txt and SpecialCasing.txt).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

/// A pattern text compiled to what each of its characters accepts: one to three byte strings each.
struct caseless_text {
  struct character {
    std::string accepts[3];
    std::uint8_t count = 0;  ///< of accepts in use, distinct
  };
  std::vector<character> characters;
  /// The text in lower case when it is ASCII, whose characters accept their two cases and nothing else; otherwise empty.
  std::string ascii;
};

/// `text` must be valid UTF-8.
RULEBUS_API caseless_text make_caseless(std::string_view text);

// Does the value match, whole, at its beginning, at its end? `scratch` is working memory, reused between calls. Cost: value
// length times the number of positions alive, which is at most a few.
RULEBUS_API bool caseless_equals(const caseless_text& p, std::string_view value, std::vector<std::uint32_t>& scratch);
RULEBUS_API bool caseless_prefix(const caseless_text& p, std::string_view value, std::vector<std::uint32_t>& scratch);
RULEBUS_API bool caseless_suffix(const caseless_text& p, std::string_view value, std::vector<std::uint32_t>& scratch);

RULEBUS_API bool is_ascii(std::string_view text) noexcept;

/// Eight bytes, those that are ASCII letters in lower case.
inline std::uint64_t to_lower_ascii(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101, high = 0x80 * ones;
  const std::uint64_t low_bits = bytes & ~high;
  // The highest bit of each byte: it is at least 'A'; it is above 'Z'.
  const std::uint64_t from_a = low_bits + ones * (0x80 - 'A'), above_z = low_bits + ones * (0x7f - 'Z');
  return bytes | (((from_a ^ above_z) & ~bytes & high) >> 2);
}

/// A key for look-ups: if caseless_equals(make_caseless(a), b) then folded(a) == folded(b). Not the other way round, so the
/// match must be checked. It is made character by character, so prefixes and suffixes of texts have prefixes and suffixes
/// of keys likewise. Appends to `out`.
RULEBUS_API void append_folded(std::string_view text, std::string& out);

}  // namespace rulebus::inline v1::detail
