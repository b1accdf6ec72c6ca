// UTF-8, one character at a time: strict decoding (no overlong forms, no surrogates, nothing over U+10FFFF) and encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rulebus::inline v1::detail {

struct utf8_character {
  std::uint32_t code = 0;
  std::uint8_t length = 0;  ///< bytes; 0 when the bytes are not valid UTF-8
};

/// The character at `at`, which must be inside the text (Unicode 14, table 3-7).
inline utf8_character decode_utf8(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])); };
  const auto continues = [&](std::size_t i, std::uint32_t low, std::uint32_t high) {
    return at + i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead >= 0xC2 && lead <= 0xDF) {
    if (!continues(1, 0x80, 0xBF)) return {};
    return {(lead & 0x1FU) << 6 | (byte(1) & 0x3FU), 2};
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF) || !continues(2, 0x80, 0xBF)) return {};
    return {(lead & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU), 3};
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF) || !continues(2, 0x80, 0xBF) ||
        !continues(3, 0x80, 0xBF)) {
      return {};
    }
    return {(lead & 0x07U) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU), 4};
  }
  return {};
}

/// Appends the character, which must not be a surrogate or over U+10FFFF.
inline void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | code >> 6);
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0U | code >> 12);
    put(0x80U | (code >> 6 & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | code >> 18);
    put(0x80U | (code >> 12 & 0x3FU));
    put(0x80U | (code >> 6 & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

}  // namespace rulebus::inline v1::detail
