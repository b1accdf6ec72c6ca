#include "rulebus/detail/number_heads.hpp"

#include <string>

namespace rulebus::inline v1::detail {

void number_heads::add(const decimal& number) {
  constexpr std::size_t head = sizeof(std::uint64_t);
  const std::string digits = std::to_string(number.digits);
  const std::int64_t point = static_cast<std::int64_t>(digits.size()) + number.exponent;  // digits before it
  const auto zeros = [=](std::int64_t count) {
    return std::string(std::min<std::size_t>(head, static_cast<std::size_t>(count)), '0');
  };
  std::string text = number.negative ? "-" : "";
  if (point <= 0) {
    text += "0." + zeros(-point) + digits;
  } else if (number.exponent >= 0) {
    text += digits + zeros(number.exponent);
  } else {
    text += digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
  }
  bits_ |= text.size() < head ? all : bit(first_word(text));
}

}  // namespace rulebus::inline v1::detail
