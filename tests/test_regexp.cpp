#include "rulebus/detail/regexp.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace rulebus;
using namespace rulebus::detail;

TEST_CASE("regexp: matches whole values in linear time") {
  const auto r = regexp::compile("(a*)*b").value();
  CHECK(r->matches("aaab"));
  CHECK_FALSE(r->matches("aaabc"));
  CHECK_FALSE(r->matches(std::string(1'000'000, 'a')));
}

TEST_CASE("regexp: characters are those of UTF-8") {
  CHECK(regexp::compile("^.$").value()->matches("é"));
  CHECK(regexp::compile("(?i)straße").value()->matches("STRAßE"));
  CHECK_FALSE(regexp::compile(".").value()->matches("\n"));
}

TEST_CASE("regexp: what RE2 does not take is an error with its reason") {
  for (const std::string bad : {"(", "[z-a]", "\\1", "(?=a)", "*a", "(?P<n", "((a{100}){100}){100}"}) {
    const auto r = regexp::compile(bad);
    CAPTURE(bad);
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error().code == errc::invalid_pattern);
    CHECK(r.error().message.starts_with("Invalid regular expression: "));
  }
}

TEST_CASE("regexp: one that would take more memory than its share is an error") {
  CHECK_FALSE(regexp::compile("(\\pL{500}){2}").has_value());
}
