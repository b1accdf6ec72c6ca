#include "rulebus/detail/json_cursor.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "rulebus/detail/json_reader.hpp"
#include "support/json_text.hpp"

using namespace rulebus;
using detail::json_cursor;

namespace {

bool skips_whole(std::string_view text, std::size_t max_depth = 100) {
  const tests::exact_text exact(text);
  detail::json_index index;
  detail::json_structure structure;
  if (!index.build(exact.view(), event_options{}, structure)) return false;
  detail::container_stack open(max_depth);
  json_cursor cursor(structure, open);
  return cursor.skip_value() && cursor.at_end();
}

bool is_valid(std::string_view text) { return detail::check_json_object(text, 100).has_value(); }

const std::string_view pieces[] = {"{",
                                   "}",
                                   "[",
                                   "]",
                                   ",",
                                   ":",
                                   "\"a\"",
                                   "\"\"",
                                   "1",
                                   "-0.5e+3",
                                   "true",
                                   "false",
                                   "null",
                                   " ",
                                   "\n",
                                   "{}",
                                   "[]",
                                   "\"a\":",
                                   "\"\\u00e9\\n\"",
                                   "\"\\ud83d\\ude00\"",
                                   "\"\\ud83d\"",
                                   "\"\xc3\xa9\"",
                                   "01",
                                   "1.",
                                   "-",
                                   "tru",
                                   "nul",
                                   "\"\\x\"",
                                   "\\",
                                   "\"",
                                   "\x01",
                                   "\xff",
                                   "1e5",
                                   ".5",
                                   "\"k\":[1,{\"x\":2}]"};

std::string random_text(std::mt19937_64& random) {
  std::string out = "{";
  for (auto n = random() % 8; n > 0; --n) out += pieces[random() % std::size(pieces)];
  return random() % 8 == 0 ? out : out + "}";
}

}  // namespace

TEST_CASE("json_cursor: it accepts exactly what the token reader accepts, on random token soup") {
  std::mt19937_64 random(17);
  int valid = 0;
  for (int i = 0; i < 60000; ++i) {
    const std::string text = random_text(random);
    CAPTURE(text);
    REQUIRE(skips_whole(text) == is_valid(text));
    valid += is_valid(text) ? 1 : 0;
  }
  CHECK(valid > 500);
}

TEST_CASE("json_cursor: it accepts exactly what the token reader accepts, on valid objects with one byte changed") {
  std::mt19937_64 random(18);
  const std::string_view bytes = "{}[],:\"\\ 0159-+.eEtrufalsn\n\x01\x7f\xc3\xff";
  for (int i = 0; i < 40000; ++i) {
    std::string text = tests::random_object(random, 3);
    REQUIRE(skips_whole(text));
    const std::size_t at = random() % text.size();
    switch (random() % 3) {
      case 0: text[at] = bytes[random() % bytes.size()]; break;
      case 1: text.erase(at, 1); break;
      default: text.insert(at, 1, bytes[random() % bytes.size()]);
    }
    CAPTURE(text);
    REQUIRE(skips_whole(text) == is_valid(text));
  }
}

TEST_CASE("json_cursor: depth is limited, and the limit itself is allowed") {
  const auto nested = [](std::size_t n) { return "{\"a\":" + std::string(n, '[') + std::string(n, ']') + "}"; };
  CHECK(skips_whole(nested(9), 10));
  CHECK_FALSE(skips_whole(nested(10), 10));
  CHECK_FALSE(skips_whole(nested(100000), 1000));
}

TEST_CASE("json_index: what is not an object, is empty or too large is refused, and what_is_wrong says why") {
  detail::json_index index;
  detail::json_structure structure;
  event_options options;
  options.max_bytes = 20;
  const auto code = [&](std::string_view text) {
    CAPTURE(text);
    REQUIRE_FALSE(index.build(text, options, structure));
    return detail::what_is_wrong(text, options).code;
  };
  CHECK(code("") == errc::invalid_json);
  CHECK(code("[1]") == errc::invalid_event);
  CHECK(code("\"text\"") == errc::invalid_event);
  CHECK(code("{\"a\":1} {}x") == errc::invalid_json);
  CHECK(code("{\"a\":\"\xff\"}") == errc::invalid_json);
  CHECK(code("{\"a\":\"0123456789012345\"}") == errc::limit_exceeded);
}
