#include "rulebus/detail/number.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "random_source.hpp"

using namespace rulebus::detail;

TEST_CASE("normal form: spellings of one number have one form") {
  const decimal three_hundred{3, 2, false};
  for (const std::string text : {"300", "3e2", "3E+2", "300.0", "0.3e3", "30000e-2", "300.000e0", "0.000300e6"}) {
    CAPTURE(text);
    CHECK(normal_form(text) == three_hundred);
  }
  CHECK(normal_form("-1.50") == decimal{15, -1, true});
  CHECK(normal_form("12345678901234567") == decimal{12345678901234567, 0, false});
  CHECK(normal_form("1234567890123456700e-3") == decimal{12345678901234567, -1, false});
}

TEST_CASE("normal form: zero has one form, whatever its sign and exponent") {
  for (const std::string text : {"0", "-0", "0.0", "-0.000", "0e5", "0E-400", "0.0e999999999999999999"}) {
    CAPTURE(text);
    CHECK(normal_form(text) == decimal{});
  }
}

TEST_CASE("normal form: over 17 digits or an exponent outside 400 there is none") {
  for (const std::string text :
       {"123456789012345678", "1.00000000000000001", "1e401", "1e-401", "1e99999999999999999999", "1e-99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(normal_form(text).has_value());
  }
  CHECK(normal_form("1e400") == decimal{1, 400, false});
}

TEST_CASE("comparable: the exact decimal is the shortest of its nearest double") {
  struct row {
    std::string text;
    double value;
  };
  const row rows[] = {
      {"0", 0},
      {"-0", 0},
      {"-0.0e-7", 0},
      {"1", 1},
      {"0.1", 0.1},
      {"-2.50", -2.5},
      {"1e22", 1e22},
      {"1e23", 1e23},
      {"9007199254740992", 9007199254740992.0},
      {"9007199254740994", 9007199254740994.0},
      {"123456789012345", 123456789012345.0},
      {"1234567890123456", 1234567890123456.0},
      {"0.30000000000000004", 0.30000000000000004},
      {"5.684341886080802e-14", 5.684341886080802e-14},
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"-1.7976931348623157E+308", -1.7976931348623157e308},
      {"2.2250738585072014e-308", 2.2250738585072014e-308},
      {"4.9e-324", 5e-324},
      {"-49e-325", -5e-324},
      {"1e-323", 1e-323},
      {"1.5e-323", 1.5e-323},
      {"0e999999999999999999", 0},
  };
  for (const row& r : rows) {
    CAPTURE(r.text);
    const auto value = comparable(r.text);
    REQUIRE(value.has_value());
    CHECK(*value == r.value);
    CHECK(std::signbit(*value) == (r.value < 0));
  }
}

TEST_CASE("comparable: other numbers are texts") {
  for (const std::string text : {"9007199254740993", "123456789012345678", "0.1000000000000000055511151231257827",
                                 "0.12345678901234567890", "5e-324", "1e309", "-1e400", "1e-400", "1.7976931348623158e308",
                                 "1.7976931348623159e308", "9.5e-325", "2.225073858507201e-308000", "1e99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(comparable(text).has_value());
  }
}

TEST_CASE("comparable: a zero whose exponent no decimal arithmetic takes is a text") {
  CHECK(comparable("0.000e1000000000000000000").has_value());
  CHECK_FALSE(comparable("0e1000000000000000000").has_value());
  CHECK_FALSE(comparable("0e99999999999999999999").has_value());
  CHECK(comparable("0e-1999999999999999997").has_value());
  CHECK_FALSE(comparable("0e-1999999999999999998").has_value());
}

TEST_CASE("comparable: ten million digits take one pass") {
  const std::size_t many = 10'000'000;
  const std::string zeros(many, '0');
  CHECK(comparable("1" + zeros + "e-" + std::to_string(many)) == 1.0);
  CHECK(comparable("0." + zeros + "1e" + std::to_string(many + 1)) == 1.0);
  CHECK_FALSE(comparable(std::string(many, '7')).has_value());
  CHECK_FALSE(comparable("1e" + std::string(many, '9')).has_value());
  CHECK(comparable("1e" + zeros + "2") == 100.0);
}

TEST_CASE("shortest: as few digits as bring the double back") {
  struct row {
    double value;
    std::string text;
  };
  const row rows[] = {
      {0, "0"},
      {-0.0, "0"},
      {1, "1"},
      {-100, "-100"},
      {0.1, "0.1"},
      {2.5, "2.5"},
      {1e16, "10000000000000000"},
      {1e17, "1e17"},
      {123456789012345680.0, "1.2345678901234568e17"},
      {1e-6, "0.000001"},
      {1.5e-6, "0.0000015"},
      {1e-7, "1e-7"},
      {-1.25e-10, "-1.25e-10"},
      {1.7976931348623157e308, "1.7976931348623157e308"},
      {5e-324, "4.9e-324"},
      {-5e-324, "-4.9e-324"},
      {12345.678, "12345.678"},
  };
  for (const row& r : rows) CHECK(shortest(r.value) == r.text);
}

TEST_CASE("shortest: is comparable, and brings every double back") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  for (int i = 0; i < 200'000 / static_cast<int>(tests::build_slowness); ++i) {
    std::uint64_t bits = random.next();
    if (random.percent(10)) bits &= 0x800FFFFFFFFFFFFF;  // subnormal
    if (random.percent(10)) bits = std::bit_cast<std::uint64_t>(std::ldexp(1.0, static_cast<int>(random.below(2098)) - 1074));
    const auto value = std::bit_cast<double>(bits);
    if (!std::isfinite(value)) continue;
    const std::string text = shortest(value);
    CAPTURE(text);
    REQUIRE(comparable(text) == value);
    REQUIRE(shortest(*comparable(text)) == text);
  }
}

TEST_CASE("comparable: two numbers are equal exactly when their normal forms are") {
  const char* texts[] = {"0",   "-0",   "0.0",  "1",     "1.0", "10e-1",  "0.1e1",   "-1",
                         "0.1", "0.10", "1e-1", "2e308", "123", "1.23e2", "12300e-2"};
  for (const char* a : texts) {
    for (const char* b : texts) {
      const auto x = comparable(a), y = comparable(b);
      if (x && y) CHECK((*x == *y) == (normal_form(a) == normal_form(b)));
    }
  }
}

TEST_CASE("comparable: fractions of 15 to 17 digits are so exactly when printing their double gives them back") {
  tests::random_source random(29);
  std::size_t comparable_ones = 0;
  for (int i = 0; i < 200000; ++i) {
    // Digits at random, and the digits of doubles with the last of them now and then changed.
    std::string text = (random.percent(50) ? "-" : "") + std::to_string(random.below(1000)) + '.';
    if (random.percent(50)) {
      text = shortest(static_cast<double>(random.below(1000000000)) / 7 / static_cast<double>(1 + random.below(1000000)));
      if (text.find_first_of(".e") == std::string::npos) continue;
      if (random.percent(25) && text.find('e') == std::string::npos) text.back() = static_cast<char>('0' + random.below(10));
    } else {
      const auto digits = 12 + random.below(6);
      for (std::size_t n = 0; n < digits; ++n) text += static_cast<char>('0' + random.below(10));
    }
    CAPTURE(text);
    const std::optional<decimal> form = normal_form(text);
    if (!form) continue;
    const double value = std::strtod(text.c_str(), nullptr);
    const bool expected = value == 0 || normal_form(shortest(value)) == form;
    const std::optional<double> got = comparable(text);
    REQUIRE(got.has_value() == expected);
    if (got) REQUIRE(*got == value);
    comparable_ones += expected ? 1 : 0;
  }
  CHECK(comparable_ones > 10000);
}

TEST_CASE("normal form: digits read eight at a time are those read one by one") {
  tests::random_source random(31);
  const auto digits = [&random](std::size_t n) {
    std::string out;
    for (; n > 0; --n) out += static_cast<char>('0' + (random.percent(30) ? 0 : random.below(10)));
    return out;
  };
  for (int i = 0; i < 100000; ++i) {
    const std::string whole = random.percent(30) ? "0" : std::to_string(1 + random.below(9)) + digits(random.below(8));
    const std::string fraction = digits(random.below(18));
    const std::string text = (random.percent(50) ? "-" : "") + whole + (fraction.empty() ? "" : '.' + fraction);
    // An exponent of nothing: the same number by the slow way.
    CAPTURE(text);
    REQUIRE(normal_form(text) == normal_form(text + "e0"));
  }
}

TEST_CASE("is_surely_between: says so of nothing that is not, and of nearly all that is") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  tests::random_source random(seed);
  for (std::uint64_t i = 0; i < 300'000 / tests::build_slowness; ++i) {
    std::string text = random.percent(50) ? "-" : "";
    text += std::to_string(random.below(random.percent(50) ? 200 : 100'000'000));
    if (random.percent(80)) text += ".";
    const std::size_t digits = text.back() == '.' ? random.between(1, 16) : 0;
    for (std::size_t n = digits; n > 0; --n) text += static_cast<char>('0' + random.below(10));
    const auto form = normal_form(text);
    if (!form) continue;
    CAPTURE(text);
    const double nearest = std::strtod(text.c_str(), nullptr);
    double low = nearest, high = nearest;
    for (std::size_t n = random.below(12); n > 0; --n) low = std::nextafter(low, -1e300);
    for (std::size_t n = random.below(12); n > 0; --n) high = std::nextafter(high, 1e300);
    if (is_surely_between(*form, low, high)) REQUIRE((low < nearest && nearest < high));
    CHECK_FALSE(is_surely_between(*form, nearest, 1e300));
    CHECK_FALSE(is_surely_between(*form, -1e300, nearest));
    const double far = std::abs(nearest) * 1e-14 + 1e-20;
    if (form->exponent <= 0) REQUIRE(is_surely_between(*form, nearest - far, nearest + far));
  }
  CHECK_FALSE(is_surely_between(normal_form("1e300").value(), 0, 1e301));
  CHECK_FALSE(is_surely_between(normal_form("1e-300").value(), -1, 1));
  CHECK(is_surely_between(normal_form("0").value(), -1, 1));
}
