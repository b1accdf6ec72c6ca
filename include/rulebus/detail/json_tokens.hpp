// json_tokens: the first stage of reading an event, for processors with AVX-512 or AVX2.
//
// Like simdjson's first stage it finds the offset of every token, 64 bytes at a time, and that strings end and contain no
// control characters. It also writes down what kind of token each is, and notices whether all numbers are of the plain kind: an
// integer or a decimal fraction, correctly written. Both spare the later stages a visit to each token.
//
// Thread safety: all of it. Cost: about that of simdjson's first stage, and a third more for the numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

/// What a token is, by its first byte. Structure has bit 5, a string bit 6, others bit 7.
enum token_kind : std::uint8_t {
  token_colon = 0x20,
  token_open_object = 0x21,
  token_open_array = 0x22,
  token_close_object = 0x24,
  token_close_array = 0x28,
  token_comma = 0x30,
  token_string = 0x40,
  token_number = 0x80,   ///< begins with a digit or a minus
  token_literal = 0x81,  ///< anything else
};

/// The kind of a token that begins with this byte; 0: white space.
constexpr std::uint8_t token_kind_of(char c) noexcept {
  switch (c) {
    case '{': return token_open_object;
    case '}': return token_close_object;
    case '[': return token_open_array;
    case ']': return token_close_array;
    case ',': return token_comma;
    case ':': return token_colon;
    case '"': return token_string;
    case ' ':
    case '\t':
    case '\n':
    case '\r': return 0;
    default: return c == '-' || (c >= '0' && c <= '9') ? token_number : token_literal;
  }
}

/// Where a first stage puts what it finds. Each row has room for token_room(bytes of text).
struct token_rows {
  std::uint32_t* offsets = nullptr;  ///< the last is followed by the size of the text
  std::uint8_t* kinds = nullptr;     ///< the last is followed by 64 zeros
  std::uint32_t count = 0;
  bool has_escapes = false;           ///< there is a backslash somewhere
  bool has_other_than_ascii = false;  ///< in strings; it may or may not be UTF-8
  bool has_plain_numbers = false;     ///< if the structure is valid: each token_number is a number, without an exponent
};

inline std::size_t token_room(std::size_t bytes) noexcept { return bytes + 192; }

/// Whether this processor can do it, with these extensions.
RULEBUS_API bool can_find_tokens_avx512() noexcept;
RULEBUS_API bool can_find_tokens_avx2() noexcept;

/// False: the text is not valid JSON, for one of the reasons above. The text has fewer than 2^32 bytes; nothing outside it
/// is read.
RULEBUS_API bool find_tokens_avx512(std::string_view text, token_rows& out) noexcept;
RULEBUS_API bool find_tokens_avx2(std::string_view text, token_rows& out) noexcept;

/// Whether two rows of kinds are equal. Each is followed by 64 zeros.
RULEBUS_API bool same_kinds(const std::uint8_t* a, const std::uint8_t* b, std::uint32_t count) noexcept;

}  // namespace rulebus::inline v1::detail
