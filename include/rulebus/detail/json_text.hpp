// The lexical rules of JSON (RFC 8259, sections 3, 6 and 7) as small functions over bytes, for reading events in place.
//
// None reads at or behind `end`. Cost: one pass over the token.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace rulebus::inline v1::detail {

/// What a cursor finds behind a member of an object or an element of an array.
enum class after_value { invalid, another, closing };

inline bool is_json_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
inline bool is_digit(char c) noexcept { return static_cast<unsigned char>(c - '0') < 10; }
inline bool begins_number(char c) noexcept { return is_digit(c) || c == '-'; }

/// Behind the number that begins at p, or null when there is none by the grammar.
inline const char* number_end(const char* p, const char* end) noexcept {
  const auto digits = [&] {
    const char* from = p;
    while (p != end && is_digit(*p)) ++p;
    return p - from;
  };
  if (p != end && *p == '-') ++p;
  if (p != end && *p == '0') {
    ++p;
  } else if (digits() == 0) {
    return nullptr;
  }
  if (p != end && *p == '.') {
    ++p;
    if (digits() == 0) return nullptr;
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end && (*p == '+' || *p == '-')) ++p;
    if (digits() == 0) return nullptr;
  }
  return p;
}

/// Bit i: p[i] is a digit, for 32 bytes from p.
inline std::uint32_t digit_mask(const char* p) noexcept {
#if defined(__SSE2__)
  const auto half = [p](int offset) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + offset));
    const __m128i value = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));  // unsigned, at most 9 for a digit
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value)));
  };
  return half(0) | half(16) << 16;
#else
  std::uint32_t mask = 0;
  for (int i = 0; i < 32; ++i) mask |= static_cast<std::uint32_t>(is_digit(p[i]) ? 1 : 0) << i;
  return mask;
#endif
}

/// Bit i: p[i] is a quote or a backslash, for 16 bytes from p.
inline std::uint32_t quote_mask(const char* p) noexcept {
#if defined(__SSE2__)
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(quote, backslash)));
#else
  std::uint32_t mask = 0;
  for (int i = 0; i < 16; ++i) mask |= static_cast<std::uint32_t>(p[i] == '"' || p[i] == '\\' ? 1 : 0) << i;
  return mask;
#endif
}

/// The first quote or backslash at or behind p, or end.
inline const char* find_quote(const char* p, const char* end) noexcept {
  for (; end - p >= 16; p += 16) {
    const std::uint32_t found = quote_mask(p);
    if (found != 0) return p + static_cast<std::uint32_t>(std::countr_zero(found));
  }
  while (p != end && *p != '"' && *p != '\\') ++p;
  return p;
}

/// True when [p, end) is one whole number; `readable` is the end of what may be read. Integers and plain fractions of less
/// than 32 characters are decided by where the other characters than digits are, without a loop: validating numbers is
/// half of the work on events that are full of them.
inline bool is_number(const char* p, const char* end, const char* readable) noexcept {
  const char* const first = p;
  p += *p == '-' ? 1 : 0;
  const auto length = static_cast<std::size_t>(end - p);
  if (length == 1) return is_digit(*p);
  if (length < 32 && readable - p >= 32) {
    const std::uint32_t others = ~digit_mask(p) & ((std::uint32_t{1} << length) - 1);
    const auto point = static_cast<std::size_t>(others == 0 ? length : static_cast<std::size_t>(std::countr_zero(others)));
    const bool digits_before = point == 1 || (point > 1 && *p != '0');
    if (others == 0) return digits_before;
    if ((others & (others - 1)) == 0 && p[point] == '.') return digits_before && point + 1 < length;
  }
  return number_end(first, end) == end;
}

/// True when a number or literal may end before p: at white space, a comma or a closing bracket.
inline bool ends_scalar(const char* p, const char* end) noexcept {
  return p == end || *p == ',' || *p == '}' || *p == ']' || is_json_space(*p);
}

/// The end of the number or literal at p: the first byte for which ends_scalar holds.
inline const char* find_scalar_end(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i comma = _mm_set1_epi8(','), closing = _mm_set1_epi8('}'), bit = _mm_set1_epi8(0x20);
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, bit), bytes);  // white space, and what JSON has nowhere
    const __m128i other = _mm_or_si128(_mm_cmpeq_epi8(bytes, comma), _mm_cmpeq_epi8(_mm_or_si128(bytes, bit), closing));
    const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(low, other)));
    if (mask == 0) continue;
    p += std::countr_zero(mask);
    break;
  }
#endif
  while (!ends_scalar(p, end)) ++p;
  return p;
}

/// Four hexadecimal digits, or -1.
inline std::int32_t hex4(const char* p, const char* end) noexcept {
  if (end - p < 4) return -1;
  std::int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    std::int32_t digit = -1;
    if (is_digit(c)) digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/// Decodes one escape, whose backslash is at p; writes 1 to 4 bytes of UTF-8 to `out` and moves both on. False: not a valid
/// escape, or an unpaired surrogate (RFC 7493, section 2.1).
inline bool decode_escape(const char*& p, const char* end, char*& out) noexcept {
  if (end - p < 2) return false;
  static constexpr char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char c = p[1];
  if (c != 'u') {
    const void* found = c == '\0' ? nullptr : std::memchr(from, c, sizeof from - 1);
    if (found == nullptr) return false;
    *out++ = to[static_cast<const char*>(found) - from];
    p += 2;
    return true;
  }
  std::int32_t code = hex4(p + 2, end);
  if (code < 0 || (code >= 0xdc00 && code < 0xe000)) return false;
  p += 6;
  if (code >= 0xd800 && code < 0xdc00) {
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return false;
    const std::int32_t low = hex4(p + 2, end);
    if (low < 0xdc00 || low >= 0xe000) return false;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    p += 6;
  }
  const auto put = [&out](std::int32_t byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 0x3f)), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
  }
  return true;
}

/// Decodes a string's content (between the quotes) to `out`, which has room for as many bytes; the end of what it wrote, or
/// null at an invalid escape.
inline char* decode_string(std::string_view raw, char* out) noexcept {
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p != end) {
    const auto* next = static_cast<const char*>(std::memchr(p, '\\', static_cast<std::size_t>(end - p)));
    const std::size_t plain = static_cast<std::size_t>((next == nullptr ? end : next) - p);
    std::memcpy(out, p, plain);
    out += plain;
    p += plain;
    if (next != nullptr && !decode_escape(p, end, out)) return nullptr;
  }
  return out;
}

/// True when every escape in a string's content is valid.
inline bool valid_escapes(std::string_view raw) noexcept {
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while ((p = static_cast<const char*>(std::memchr(p, '\\', static_cast<std::size_t>(end - p)))) != nullptr) {
    char ignored[4], *out = ignored;
    if (!decode_escape(p, end, out)) return false;
    if (p == end) break;
  }
  return true;
}

}  // namespace rulebus::inline v1::detail
