// Numbers as event patterns see them (docs/patterns.md, "Numbers").
//
// A number is *comparable* when its exact decimal value equals the shortest decimal that round-trips its nearest double.
// Two comparable numbers are equal exactly when their decimals are; so equality needs no floating point at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

/// A decimal in normal form: digits without trailing zeros times a power of ten; zero is {0, 0, false}.
struct decimal {
  std::uint64_t digits = 0;
  std::int32_t exponent = 0;
  bool negative = false;
  friend bool operator==(const decimal&, const decimal&) = default;
};

/// The normal form of a JSON number when it has at most 17 significant digits (any comparable number has) and an exponent
/// within ±400; otherwise nothing. `text` must be a valid JSON number. Cost: one pass.
RULEBUS_API std::optional<decimal> normal_form(std::string_view text) noexcept;

/// The nearest double if the number is comparable (never -0.0), else nothing. `text` must be a valid JSON number.
RULEBUS_API std::optional<double> comparable(std::string_view text) noexcept;
/// The same of a number in normal form.
RULEBUS_API std::optional<double> comparable(const decimal& form) noexcept;

/// True only if the number, or the double nearest to it, is greater than low and less than high. May be false near these, and of
/// numbers with an unusual exponent. Cost: a division.
RULEBUS_API bool is_surely_between(const decimal& form, double low, double high) noexcept;

/// Canonical text of a comparable number: the shortest that round-trips; integers below 1e17 without exponent or point.
RULEBUS_API std::string shortest(double value);

}  // namespace rulebus::inline v1::detail
