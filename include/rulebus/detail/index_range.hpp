// Numeric ranges as the index keeps them: closed intervals of doubles.
//
// A number that is compared with a range is comparable, so it *is* a double (number.hpp): to be above 1 is to be at least the
// next double. Thus open ends need no case of their own, and ranges that hold the same numbers have the same key.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "rulebus/detail/interval_tree.hpp"
#include "rulebus/detail/pattern_tree.hpp"

namespace rulebus::inline v1::detail {

inline interval closed(const number_range& r) noexcept {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return {r.low_open ? std::nextafter(r.low, infinity) : r.low, r.high_open ? std::nextafter(r.high, -infinity) : r.high};
}

/// Key bytes of a range.
struct range_key {
  char bytes[2 * sizeof(double)];
  explicit range_key(const interval& bounds) noexcept {
    std::memcpy(bytes, &bounds.low, sizeof(double));
    std::memcpy(bytes + sizeof(double), &bounds.high, sizeof(double));
  }
  std::string_view view() const noexcept { return {bytes, sizeof bytes}; }
  static interval bounds(std::string_view key) noexcept {
    interval out;
    std::memcpy(&out.low, key.data(), sizeof(double));
    std::memcpy(&out.high, key.data() + sizeof(double), sizeof(double));
    return out;
  }
};

}  // namespace rulebus::inline v1::detail
