#include "rulebus/detail/number.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <system_error>

#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/json_text.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace rulebus::inline v1::detail {

namespace number {

// A zero with an exponent outside these is not comparable: decimal arithmetic, the reference's and the model's, has no such
// number. Any other number with such an exponent is no double anyway.
constexpr std::int64_t zero_exponent_min = -1999999999999999997;
constexpr std::int64_t zero_exponent_max = 999999999999999999;

// The exponent part from its `e` on, saturated far outside everything that counts.
std::int64_t read_exponent(std::string_view text) noexcept {
  constexpr std::int64_t far = 4'000'000'000'000'000'000;
  if (text.size() < 2) return 0;
  const bool negative = text[1] == '-';
  std::int64_t e = 0;
  for (const char c : text.substr(1)) {
    if (is_digit(c)) e = e > far / 10 ? far : e * 10 + (c - '0');
  }
  return negative ? -e : e;
}

int count_digits(std::uint64_t digits) noexcept {
  int count = 0;
  for (; digits != 0; digits /= 10) ++count;
  return count;
}

constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

constexpr std::uint64_t whole_powers[] = {1,
                                          10,
                                          100,
                                          1000,
                                          10000,
                                          100000,
                                          1000000,
                                          10000000,
                                          100000000,
                                          1000000000,
                                          10000000000,
                                          100000000000,
                                          1000000000000,
                                          10000000000000,
                                          100000000000000,
                                          1000000000000000,
                                          10000000000000000,
                                          100000000000000000,
                                          1000000000000000000,
                                          10000000000000000000U};

// The double nearest to a non-zero decimal; infinity or zero when there is none.
double nearest(const decimal& d) noexcept {
  double value = 0;
  if (d.digits < std::uint64_t{1} << 53 && d.exponent >= -22 && d.exponent <= 22) {
    // Both operands are exact, so the one rounding is the right one (Clinger 1990).
    value = static_cast<double>(d.digits);
    value = d.exponent < 0 ? value / powers[-d.exponent] : value * powers[d.exponent];
  } else {
    char text[40];
    char* end = std::to_chars(text, text + 20, d.digits).ptr;
    *end++ = 'e';
    end = std::to_chars(end, text + sizeof text, d.exponent).ptr;
    if (std::from_chars(text, end, value).ec != std::errc()) return 0;
  }
  return d.negative ? -value : value;
}

// The shortest decimal that round-trips a finite double that is not zero.
decimal shortest_decimal(double value) noexcept {
  // The reference writes the smallest double as 4.9E-324 where 5e-324 would do, and comparability follows it.
  if (std::abs(value) == std::numeric_limits<double>::denorm_min()) return {49, -325, value < 0};
  char text[40];
  const char* end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  return normal_form({text, static_cast<std::size_t>(end - text)}).value_or(decimal{});
}

// A fraction of 16 or 17 digits, as coordinates and measurements have them, by integers. The double nearest to the decimal
// D = digits / 10^k, k from 1 to 17, is guessed by a division, which is off by few units of its last place, and written as
// mantissa / 2^shift. Then all is compared in units of 1 / (10^k 2^shift), where one in the last decimal place is 2^shift and
// one in the mantissa's last place is 10^k: the double is nearest when it is not further from D than half the latter. D is the
// shortest when no other decimal with as many digits is nearer to the double, and no decimal with one digit less is so near
// that it, too, would be read as it. Nothing when it cannot tell: on ties, where rounding rules would count, and next to
// powers of two.
//
// 64 bits do: 2^shift is nearly mantissa / D, so less than 2^53 10^17 / 10^15, and ten of that are less than 2^63; and
// differences of what is nearly equal come out right whatever overflows on the way.
std::optional<bool> is_shortest_fraction(const decimal& d, double& value) noexcept {
  if (d.exponent >= 0 || d.exponent < -17) return std::nullopt;
  const std::uint64_t ten = whole_powers[-d.exponent];
  const auto half = static_cast<std::int64_t>(ten / 2);  // exactly
  auto bits = std::bit_cast<std::uint64_t>(static_cast<double>(d.digits) / powers[-d.exponent]);
  constexpr std::uint64_t mantissa_bits = (std::uint64_t{1} << 52) - 1;
  const auto exponent = static_cast<std::uint32_t>(bits >> 52);
  if (exponent >= 1075) return std::nullopt;
  const std::uint32_t shift = 1075 - exponent;
  const std::uint64_t mantissa = (bits & mantissa_bits) | (mantissa_bits + 1);
  auto excess = static_cast<std::int64_t>((d.digits << shift) - mantissa * ten);  // D less the double
  if (excess > half) ++bits, excess -= 2 * half;
  if (excess < -half) --bits, excess += 2 * half;
  const std::int64_t distance = excess < 0 ? -excess : excess;
  // Beyond half: the guess was too bad, or the adjustment has crossed a power of two.
  if (distance >= half || (bits & mantissa_bits) == 0 || bits >> 52 != exponent) return std::nullopt;
  value = std::bit_cast<double>(bits);

  const std::int64_t unit = std::int64_t{1} << shift;
  if (2 * distance == unit) return std::nullopt;
  if (2 * distance > unit) return false;
  const auto last = static_cast<std::int64_t>(d.digits % 10);
  const std::int64_t to_below = last * unit - excess, to_above = (10 - last) * unit + excess;
  if (to_below == half || to_above == half) return std::nullopt;
  return to_below > half && to_above > half;
}

// Reads `count` digits, 1 to 8, that end at `end`, behind at least eight readable bytes: all at once, in pairs, then fours, then
// all eight. False when there is something else among them.
[[gnu::always_inline]] inline bool read_digits(const char* end, std::size_t count, std::uint64_t& value) noexcept {
  constexpr std::uint64_t zeros = 0x3030303030303030;
  const std::size_t unwanted = 64 - 8 * count;
  std::uint64_t word = (load_word(end - 8) >> unwanted << unwanted) | (count == 8 ? 0 : zeros >> 8 * count);
  if (((word & 0xf0f0f0f0f0f0f0f0) ^ zeros) != 0 || (((word + 0x0606060606060606) ^ word) & 0xf0f0f0f0f0f0f0f0) != 0)
    return false;
  word -= zeros;
  word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ff;
  word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffff;
  word = (word * 10000 + (word >> 32)) & 0xffffffff;
  value = value * whole_powers[count] + word;
  return true;
}

// The same of 1 to 16 digits, behind at least sixteen readable bytes.
[[gnu::always_inline]] inline bool read_many_digits(const char* end, std::size_t count, std::uint64_t& value) noexcept {
#if defined(__SSE2__)
  static constexpr std::uint64_t wanted[] = {0, 0, UINT64_MAX, UINT64_MAX};
  const auto bytes_at = [](const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
  const __m128i mask = bytes_at(reinterpret_cast<const char*>(wanted) + count);
  const __m128i digits = _mm_and_si128(_mm_sub_epi8(bytes_at(end - 16), _mm_set1_epi8('0')), mask);
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits)) != 0xffff) return false;
  const __m128i tens = _mm_mullo_epi16(_mm_and_si128(digits, _mm_set1_epi16(0xff)), _mm_set1_epi16(10));
  const __m128i pairs = _mm_add_epi16(tens, _mm_srli_epi16(digits, 8));
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(1 << 16 | 100));
  const __m128i eights = _mm_madd_epi16(_mm_packs_epi32(fours, fours), _mm_set1_epi32(1 << 16 | 10000));
  std::uint32_t both[4];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(both), eights);
  value = value * whole_powers[count] + both[0] * std::uint64_t{100000000} + both[1];
  return true;
#else
  if (count > 8 && !read_digits(end - 8, count - 8, value)) return false;
  return read_digits(end, count > 8 ? 8 : count, value);
#endif
}

bool read_one_by_one(const char* p, const char* end, std::uint64_t& value) noexcept {
  for (; p != end && is_digit(*p); ++p) value = value * 10 + static_cast<std::uint64_t>(*p - '0');
  return p == end;
}

// Reads digits up to `end`, where so many readable bytes end; appends them to the value.
[[gnu::always_inline]] inline bool read_fraction(const char* p, const char* end, std::size_t readable,
                                                 std::uint64_t& value) noexcept {
  const auto count = static_cast<std::size_t>(end - p);
  if (count == 0) return true;
  if (count <= 16 && readable >= 16) return read_many_digits(end, count, value);
  if (count <= 8 && readable >= 8) return read_digits(end, count, value);
  return read_one_by_one(p, end, value);
}

// The form of a number with at most 18 digits, zeros included, and no exponent: nearly all there are. Nothing for others.
inline bool short_form(std::string_view text, decimal& out) noexcept {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p != end && *p == '-';
  if (negative) ++p;
  if (end - p > 19) return false;
  std::uint64_t digits = 0;
  std::int32_t exponent = 0;
  for (; p != end && is_digit(*p); ++p) digits = digits * 10 + static_cast<std::uint64_t>(*p - '0');
  if (p != end) {
    if (*p++ != '.') return false;
    exponent = static_cast<std::int32_t>(p - end);
    if (!read_fraction(p, end, text.size(), digits)) return false;
  }
  if (digits == 0) return out = {}, true;
  if (end[-1] == '0') {  // asked of the text, which is there sooner than the digits
    for (; digits % 10 == 0; digits /= 10) ++exponent;
  }
  if (digits >= 100000000000000000) return false;  // over 17: left to the rule
  out = {digits, exponent, negative};
  return true;
}

}  // namespace number

std::optional<decimal> normal_form(std::string_view text) noexcept {
  decimal out;
  if (number::short_form(text, out)) return out;
  std::size_t i = 0;
  if (i < text.size() && text[i] == '-') {
    out.negative = true;
    ++i;
  }
  std::int64_t scale = 0;  // of the last digit read: minus the digits behind the point
  std::int64_t zeros = 0;  // read but not yet known to be trailing
  int count = 0;
  bool fraction = false;
  for (; i < text.size(); ++i) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    if (!is_digit(text[i])) break;
    if (fraction) --scale;
    if (text[i] == '0') {
      if (count != 0) ++zeros;
      continue;
    }
    if (count + zeros + 1 > 17) return std::nullopt;
    count += static_cast<int>(zeros) + 1;
    for (; zeros > 0; --zeros) out.digits *= 10;
    out.digits = out.digits * 10 + static_cast<std::uint64_t>(text[i] - '0');
  }
  const std::int64_t exponent = number::read_exponent(text.substr(i)) + scale + zeros;
  if (out.digits == 0) {
    if (exponent < number::zero_exponent_min || exponent > number::zero_exponent_max) return std::nullopt;
    return decimal{};
  }
  if (exponent < -400 || exponent > 400) return std::nullopt;
  out.exponent = static_cast<std::int32_t>(exponent);
  return out;
}

std::optional<double> comparable(std::string_view text) noexcept {
  const std::optional<decimal> form = normal_form(text);
  return form ? comparable(*form) : std::nullopt;
}

std::optional<double> comparable(const decimal& form) noexcept {
  if (form.digits == 0) return 0.0;
  double value = 0;
  if (form.digits >= 1000000000000000) {
    const auto shortest = number::is_shortest_fraction(form, value);
    if (shortest) return *shortest ? std::optional(form.negative ? -value : value) : std::nullopt;
  }
  value = number::nearest(form);
  // Up to 15 digits survive the way to a normal double and back (DBL_DIG), so no shorter decimal can mean the same double.
  const int count = number::count_digits(form.digits);
  const int magnitude = form.exponent + count - 1;
  if (count <= 15 && magnitude >= -307 && magnitude <= 307) return value;
  if (value == 0 || !std::isfinite(value)) return std::nullopt;
  if (number::shortest_decimal(value) != form) return std::nullopt;
  return value;
}

bool is_surely_between(const decimal& form, double low, double high) noexcept {
  if (form.exponent > 0 || form.exponent < -22) return false;
  const double size = static_cast<double>(static_cast<std::int64_t>(form.digits)) / number::powers[-form.exponent];
  const double value = form.negative ? -size : size;
  const double margin = size * 1e-15;  // two roundings here and one on the way to the nearest double: 3.4e-16
  return value - margin > low && value + margin < high;
}

std::string shortest(double value) {
  if (value == 0) return "0";
  const decimal d = number::shortest_decimal(value);
  const std::string digits = std::to_string(d.digits);
  const int count = static_cast<int>(digits.size());
  const int point = count + d.exponent;  // digits before the decimal point
  std::string out = d.negative ? "-" : "";
  if (d.exponent >= 0 && point <= 17) return out + digits + std::string(static_cast<std::size_t>(d.exponent), '0');
  if (point > 0 && point <= 17) {
    return out + digits.substr(0, static_cast<std::size_t>(point)) + '.' + digits.substr(static_cast<std::size_t>(point));
  }
  if (point <= 0 && point > -6) return out + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  out += digits[0];
  if (count > 1) out += '.' + digits.substr(1);
  return out + 'e' + std::to_string(point - 1);
}

}  // namespace rulebus::inline v1::detail
