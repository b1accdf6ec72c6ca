// naive_values: numbers, addresses and caseless text as docs/patterns.md describes them, the slow and obvious way.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/detail/case_mapping.hpp"

namespace naive {

// ---- numbers

/// Sign, significant digits without zeros at either end, and the power of ten of the last one: "-1.50e2" is {-, "15", 1}.
struct decimal {
  bool negative = false;
  std::string digits{};
  long long exponent = 0;
  friend bool operator==(const decimal&, const decimal&) = default;
};

inline decimal to_decimal(std::string_view text) {
  decimal d;
  std::size_t i = 0;
  if (text[i] == '-') d.negative = true, ++i;
  for (bool fraction = false; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      fraction = true;
    } else {
      d.digits += text[i];
      if (fraction) --d.exponent;
    }
  }
  if (i < text.size()) {
    bool minus = false;
    long long e = 0;
    for (++i; i < text.size(); ++i) {
      if (text[i] == '-') minus = true;
      if (text[i] >= '0' && text[i] <= '9' && e < 1'000'000'000) e = e * 10 + (text[i] - '0');
    }
    d.exponent += minus ? -e : e;
  }
  while (!d.digits.empty() && d.digits.back() == '0') d.digits.pop_back(), ++d.exponent;
  d.digits.erase(0, std::min(d.digits.find_first_not_of('0'), d.digits.size()));
  return d.digits.empty() ? decimal{} : d;
}

/// The nearest double when the number is comparable: the shortest decimal that reads back as that double is the number.
inline std::optional<double> comparable(std::string_view text) {
  const decimal d = to_decimal(text);
  if (d.digits.empty()) return 0.0;
  double nearest = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), nearest).ec != std::errc()) return {};
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), nearest, std::chars_format::scientific).ptr;
  std::string shortest(buffer.data(), end);
  // The reference's writer of doubles prints the smallest one with two digits.
  if (shortest == "5e-324") shortest = "4.9e-324";
  if (shortest == "-5e-324") shortest = "-4.9e-324";
  if (to_decimal(shortest) != d) return {};
  return nearest;
}

// ---- addresses

/// Pieces between separators: "a..b" has three. No text at all has one, the empty one.
inline std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

inline bool all_in(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

using address = std::vector<std::uint8_t>;  // 4 or 16 bytes

inline std::optional<address> parse_v4(std::string_view text) {
  const auto groups = split(text, '.');
  if (groups.size() != 4) return {};
  address out;
  for (const std::string& g : groups) {
    const std::size_t first = g.find_first_not_of('0');
    if (g.empty() || (first != std::string::npos && g.size() - first > 3)) return {};
    int n = 0;
    for (const char c : g) n = n * 10 + (c - '0');
    if (n > 255) return {};
    out.push_back(static_cast<std::uint8_t>(n));
  }
  return out;
}

/// Appends groups of 1 to 4 hexadecimal digits; no text is no groups.
inline bool append_groups(std::string_view text, address& out) {
  if (text.empty()) return true;
  for (const std::string& g : split(text, ':')) {
    if (g.empty() || g.size() > 4) return false;
    const unsigned long n = std::stoul(g, nullptr, 16);
    out.push_back(static_cast<std::uint8_t>(n >> 8));
    out.push_back(static_cast<std::uint8_t>(n & 255));
  }
  return true;
}

inline std::optional<address> parse_v6(std::string_view text) {
  address out, tail;
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (!append_groups(text, out) || out.size() != 16) return {};
  } else {
    if (!append_groups(text.substr(0, gap), out) || !append_groups(text.substr(gap + 2), tail)) return {};
    if (out.size() + tail.size() > 14) return {};
    out.resize(16 - tail.size());
    out.insert(out.end(), tail.begin(), tail.end());
  }
  const address mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), out.begin())) out.erase(out.begin(), out.begin() + 12);
  return out;
}

inline std::optional<address> parse_address(std::string_view text) {
  if (all_in(text, "0123456789.")) return parse_v4(text);
  if (text.find(':') != std::string_view::npos && all_in(text, "0123456789abcdefABCDEF:")) return parse_v6(text);
  return {};
}

inline address masked(address a, std::size_t bits) {
  for (std::size_t i = 0; i < a.size() * 8; ++i)
    if (i >= bits) a[i / 8] = static_cast<std::uint8_t>(a[i / 8] & ~(0x80 >> i % 8));
  return a;
}

// ---- text

/// The code units by which paths are ordered. `text` is valid UTF-8.
inline std::u16string to_utf16(std::string_view text) {
  std::u16string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i + k])); };
    const std::size_t size = byte(0) < 0x80 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
    std::uint32_t c = size == 1 ? byte(0) : byte(0) & (0x7fu >> size);
    for (std::size_t k = 1; k < size; ++k) c = c << 6 | (byte(k) & 63);
    if (c >= 0x10000) {
      out += static_cast<char16_t>(0xd800 + ((c - 0x10000) >> 10));
      c = 0xdc00 + ((c - 0x10000) & 0x3ff);
    }
    out += static_cast<char16_t>(c);
    i += size;
  }
  return out;
}

/// For each character of a pattern text, the texts that it accepts. The mappings of characters beyond ASCII are a table
/// that is not worth having twice, so they come from the library, a character at a time.
using caseless = std::vector<std::set<std::string>>;

inline caseless to_caseless(std::string_view text) {
  caseless out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    while (end < text.size() && (text[end] & 0xc0) == 0x80) ++end;
    std::set<std::string>& accepts = out.emplace_back();
    const std::string c(text.substr(i, end - i));
    if (c.size() == 1) {
      accepts.insert(c);
      if (c[0] >= 'a' && c[0] <= 'z') accepts.emplace(1, static_cast<char>(c[0] - 'a' + 'A'));
      if (c[0] >= 'A' && c[0] <= 'Z') accepts.emplace(1, static_cast<char>(c[0] - 'A' + 'a'));
    } else {
      for (const auto& character : rulebus::detail::make_caseless(c).characters)
        for (std::size_t k = 0; k < character.count; ++k) accepts.insert(character.accepts[k]);
    }
    i = end;
  }
  return out;
}

/// The places in `value` where a match of `pattern` that starts at `start` can end.
inline std::set<std::size_t> caseless_ends(const caseless& pattern, std::string_view value, std::size_t start) {
  std::set<std::size_t> places = {start};
  for (const auto& accepts : pattern) {
    std::set<std::size_t> next;
    for (const std::size_t at : places)
      for (const std::string& text : accepts)
        if (value.substr(at, text.size()) == text) next.insert(at + text.size());
    places = next;
  }
  return places;
}

}  // namespace naive
