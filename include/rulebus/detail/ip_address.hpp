// IP addresses as event patterns see them (docs/patterns.md, "Addresses"). Never any name resolution.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

/// 4 or 16 bytes in network order, unused bytes zero. A v4-mapped v6 address is the v4 address.
struct ip_address {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t size = 0;  ///< 4 or 16
  friend bool operator==(const ip_address&, const ip_address&) = default;
};

/// Four decimal groups (leading zeros are decimal), or hexadecimal with colons; anything else is nothing.
RULEBUS_API std::optional<ip_address> parse_ip(std::string_view text) noexcept;

/// Canonical text: dotted quad, or RFC 5952.
RULEBUS_API std::string to_string(const ip_address& address);

/// A masked network.
struct ip_network {
  ip_address base{};      ///< host bits cleared
  std::uint8_t bits = 0;  ///< of the mask
  friend bool operator==(const ip_network&, const ip_network&) = default;
};

/// `address` with all but the first `bits` bits cleared.
RULEBUS_API ip_address masked(const ip_address& address, unsigned bits) noexcept;
inline bool contains(const ip_network& n, const ip_address& a) noexcept {
  return n.base.size == a.size && masked(a, n.bits) == n.base;
}

/// "address/bits". Errors: errc::invalid_pattern in the service's words, without a place. Whole addresses (/32, /128) only
/// when allowed.
RULEBUS_API result<ip_network> parse_cidr(std::string_view text, bool allow_single_address);

}  // namespace rulebus::inline v1::detail
