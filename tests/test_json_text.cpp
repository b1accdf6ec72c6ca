#include "rulebus/detail/json_text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "random_source.hpp"
#include "support/json_text.hpp"

using namespace rulebus;

namespace {

/// A number, or something like one, of any length up to twice of what is checked at once.
std::string random_number(tests::random_source& random) {
  const auto digits = [&](std::size_t most) {
    std::string out;
    for (auto n = random.below(most + 1); n > 0; --n) out += static_cast<char>('0' + random.below(10));
    return out;
  };
  std::string out = random.percent(30) ? "-" : "";
  out += random.percent(20) ? "0" : digits(random.percent(50) ? 4 : 35);
  if (random.percent(60)) out += '.' + digits(random.percent(50) ? 20 : 35);
  if (random.percent(15)) out += (random.percent(50) ? "e-" : "E") + digits(3);
  if (random.percent(20)) out.insert(random.below(out.size() + 1), 1, "01.-+eE /:x"[random.below(11)]);
  return out;
}

}  // namespace

TEST_CASE("json_text: a number is what the grammar says, whatever follows, and also at the end of what may be read") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  int valid = 0, invalid = 0;
  for (int i = 0; i < 200'000 / static_cast<int>(tests::build_slowness); ++i) {
    const std::string number = random_number(random);
    if (number.empty()) continue;
    const std::string text = number + std::string("}1.e]").substr(0, random.below(6)) + std::string(random.below(40), '0');
    const tests::exact_text exact(text);
    const char* const first = exact.view().data();
    const char* const end = first + number.size();
    CAPTURE(text);
    CAPTURE(number);
    const bool expected = detail::number_end(first, end) == end;
    REQUIRE(detail::is_number(first, end, first + text.size()) == expected);
    ++(expected ? valid : invalid);
  }
  CHECK(valid > invalid);
  CHECK(invalid > 1000 / static_cast<int>(tests::build_slowness));
}
