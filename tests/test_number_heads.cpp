#include "rulebus/detail/number_heads.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "random_source.hpp"

using namespace rulebus::detail;

namespace {

number_heads heads_of(const std::string& number) {
  number_heads heads;
  heads.add(normal_form(number).value());
  return heads;
}

/// Of few digits and lengths, so that many are equal; some with an exponent.
std::string random_number(tests::random_source& random) {
  const auto digits = [&](std::size_t most) {
    std::string out;
    for (std::size_t n = random.below(most + 1); n > 0; --n) out += random.pick(std::vector<char>{'0', '0', '0', '1', '2'});
    return out;
  };
  std::string text = random.percent(30) ? "-" : "";
  text += random.percent(40) ? "0" : "1" + digits(9);
  if (random.percent(60)) text += "." + digits(9) + random.pick(std::vector<char>{'0', '1'});
  if (random.percent(30)) text += random.pick(std::vector<std::string>{"e", "E", "e+", "e-"}) + std::to_string(random.below(12));
  return text;
}

}  // namespace

TEST_CASE("number_heads: a number is let through however it is written") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  tests::random_source random(seed);
  std::vector<std::string> texts;
  for (int i = 0; i < 1500; ++i) texts.push_back(random_number(random));
  std::size_t equal = 0, passed = 0, asked = 0;
  for (const std::string& rule : texts) {
    const auto wanted = normal_form(rule);
    if (!wanted) continue;
    const number_heads heads = heads_of(rule);
    for (const std::string& text : texts) {
      const bool may_be = heads.may_have(text);
      ++asked;
      passed += may_be ? 1 : 0;
      if (normal_form(text) != wanted) continue;
      ++equal;
      if (may_be) continue;
      CAPTURE(rule);
      CAPTURE(text);
      REQUIRE(may_be);
    }
  }
  CHECK(equal > texts.size() * 2);
  CHECK(passed < asked);
}

TEST_CASE("number_heads: what begins otherwise is not let through") {
  const number_heads heads = heads_of("-122.42916360922355");
  CHECK(heads.may_have("-122.42916360922355"));
  CHECK(heads.may_have("-122.42900000000000"));
  CHECK(heads.may_have("-1.2242916360922355e2"));
  CHECK(heads.may_have("-122.42"));
  CHECK_FALSE(heads.may_have("-122.41944766445086"));
  CHECK_FALSE(heads.may_have("122.42916360922355"));
  CHECK_FALSE(heads_of("12345678").may_have("12345679.0"));
  CHECK(heads_of("12345678").may_have("12345678.0"));
  CHECK(heads_of("0").may_have("-122.41944766445086"));
  CHECK(heads_of("1e-30").may_have("0.000000000000000000000000000001"));
  CHECK(heads_of("1e30").may_have("1000000000000000000000000000000.00"));
  CHECK_FALSE(heads_of("1e30").may_have("2000000000000000000000000000000"));
  CHECK_FALSE(number_heads().may_have("1"));
}

TEST_CASE("number_heads: several numbers, and none any more") {
  number_heads heads = heads_of("12345678.5");
  heads.add(normal_form("-87654321").value());
  CHECK(heads.may_have("12345678.50"));
  CHECK(heads.may_have("-87654321"));
  CHECK_FALSE(heads.may_have("-12345678"));
  heads.clear();
  CHECK_FALSE(heads.may_have("12345678.5"));
}
