#include "rulebus/detail/ip_address.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "rulebus/detail/json_text.hpp"

namespace rulebus::inline v1::detail {

namespace ip {

int hex_digit(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four groups of decimal digits: has it the shape of an address, whatever the values?
bool has_v4_shape(std::string_view text) noexcept {
  int dots = 0;
  char before = '.';
  for (const char c : text) {
    if (c == '.') {
      if (before == '.') return false;
      ++dots;
    } else if (!is_digit(c)) {
      return false;
    }
    before = c;
  }
  return dots == 3 && before != '.';
}

bool has_v6_shape(std::string_view text) noexcept {
  const bool has_its_characters = std::all_of(text.begin(), text.end(), [](char c) { return c == ':' || hex_digit(c) >= 0; });
  return has_its_characters && text.find(':') != std::string_view::npos;  // most texts have others among the first
}

std::optional<ip_address> parse_v4(std::string_view text) noexcept {
  ip_address out;
  out.size = 4;
  std::size_t group = 0;
  unsigned value = 0;
  for (const char c : text) {
    if (c == '.') {
      out.bytes[group++] = static_cast<std::uint8_t>(value);
      value = 0;
    } else {
      value = value * 10 + static_cast<unsigned>(c - '0');
      if (value > 255) return std::nullopt;
    }
  }
  out.bytes[group] = static_cast<std::uint8_t>(value);
  return out;
}

// Groups of one to four hexadecimal digits between single colons; how many, or -1.
int read_groups(std::string_view text, std::uint16_t (&groups)[8]) noexcept {
  if (text.empty()) return 0;
  int count = 0;
  for (std::size_t i = 0;; ++i) {
    unsigned value = 0;
    std::size_t digits = 0;
    for (; i < text.size() && text[i] != ':'; ++i, ++digits) {
      if (digits == 4) return -1;
      value = value << 4 | static_cast<unsigned>(hex_digit(text[i]));
    }
    if (digits == 0 || count == 8) return -1;
    groups[count++] = static_cast<std::uint16_t>(value);
    if (i == text.size()) return count;
  }
}

std::optional<ip_address> parse_v6(std::string_view text) noexcept {
  std::uint16_t head[8] = {}, tail[8] = {};
  const std::size_t gap = text.find("::");
  int heads = 0, tails = 0;
  if (gap == std::string_view::npos) {
    heads = read_groups(text, head);
    if (heads != 8) return std::nullopt;
  } else {
    heads = read_groups(text.substr(0, gap), head);
    tails = read_groups(text.substr(gap + 2), tail);
    if (heads < 0 || tails < 0 || heads + tails > 7) return std::nullopt;  // a gap is one group at least
  }
  ip_address out;
  out.size = 16;
  const auto put = [&](int group, std::uint16_t value) {
    out.bytes[static_cast<std::size_t>(group) * 2] = static_cast<std::uint8_t>(value >> 8);
    out.bytes[static_cast<std::size_t>(group) * 2 + 1] = static_cast<std::uint8_t>(value & 0xFFU);
  };
  for (int i = 0; i < heads; ++i) put(i, head[i]);
  for (int i = 0; i < tails; ++i) put(8 - tails + i, tail[i]);

  static constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::equal(std::begin(mapped), std::end(mapped), out.bytes.begin())) {
    ip_address v4;
    v4.size = 4;
    std::copy(out.bytes.begin() + 12, out.bytes.end(), v4.bytes.begin());
    return v4;
  }
  return out;
}

// RFC 5952: the longest run of two or more zero groups, the first of equals, becomes "::".
std::string v6_text(const ip_address& address) {
  const auto group = [&](std::size_t i) {
    return static_cast<unsigned>(address.bytes[i * 2]) << 8 | static_cast<unsigned>(address.bytes[i * 2 + 1]);
  };
  std::size_t gap = 8, gap_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && group(i + length) == 0) ++length;
    if (length > gap_length) {
      gap = i;
      gap_length = length;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == gap) {
      out += "::";
      i += gap_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += fmt::format("{:x}", group(i));
  }
  return out;
}

// What Java's Integer.parseInt takes: an optional sign and decimal digits. Nothing
// when the text is no number; saturated, because only 0 to 128 count.
std::optional<int> read_bits(std::string_view text) noexcept {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = std::min(1000, value * 10 + (c - '0'));
  }
  return negative ? -value : value;
}

error invalid(std::string message) { return {errc::invalid_pattern, std::move(message)}; }

}  // namespace ip

std::optional<ip_address> parse_ip(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  if (ip::has_v4_shape(text)) return ip::parse_v4(text);
  if (ip::has_v6_shape(text)) return ip::parse_v6(text);
  return std::nullopt;
}

std::string to_string(const ip_address& address) {
  if (address.size == 16) return ip::v6_text(address);
  const auto& b = address.bytes;
  return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
}

ip_address masked(const ip_address& address, unsigned bits) noexcept {
  ip_address out = address;
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    const std::size_t before = i * 8;
    const std::size_t kept = bits <= before ? 0 : std::min<std::size_t>(8, bits - before);
    out.bytes[i] = static_cast<std::uint8_t>(out.bytes[i] & (0xFF00U >> kept & 0xFFU));
  }
  return out;
}

result<ip_network> parse_cidr(std::string_view text, bool allow_single_address) {
  // Slashes at the end do not count: the reference splits the text with Java's String.split.
  while (!text.empty() && text.back() == '/') text.remove_suffix(1);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || text.find('/', slash + 1) != std::string_view::npos) {
    return ip::invalid("Malformed CIDR, one '/' required");
  }
  const std::string_view host = text.substr(0, slash);
  const std::optional<int> bits = ip::read_bits(text.substr(slash + 1));
  if (!bits) return ip::invalid("Malformed CIDR, mask bits must be an integer");
  if (*bits < 0) return ip::invalid("Malformed CIDR, mask bits must not be negative");
  const std::optional<ip_address> address = parse_ip(host);
  if (!address) {
    const bool shaped = ip::has_v4_shape(host) || ip::has_v6_shape(host);
    return ip::invalid(fmt::format("{} IP address: {}", shaped ? "Invalid" : "Nonstandard", host));
  }
  const int whole = address->size * 8;
  if (*bits > whole || (*bits == whole && !allow_single_address)) {
    if (allow_single_address) return ip::invalid(fmt::format("IPv{} mask bits must be <= {}", whole == 32 ? 4 : 6, whole));
    return ip::invalid(fmt::format("IPv{} mask bits must be < {}", whole == 32 ? 4 : 6, whole));
  }
  ip_network out;
  out.base = masked(*address, static_cast<unsigned>(*bits));
  out.bits = static_cast<std::uint8_t>(*bits);
  return out;
}

}  // namespace rulebus::inline v1::detail
