#include "rulebus/detail/text_cursor.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "support/json_text.hpp"

using rulebus::detail::text_cursor;

namespace {

bool skips_whole(std::string_view text) {
  const tests::exact_text exact(text);
  text_cursor cursor(exact.view(), 100);
  return cursor.skip_value() && cursor.at_end();
}

}  // namespace

TEST_CASE("text_cursor: passes every valid object, and reads nothing outside the text when it is cut or changed") {
  std::mt19937_64 random(21);
  const std::string_view bytes = "{}[],:\"\\ 0159-+.eEtrufalsn\n\x01\x7f\xc3\xff";
  for (int i = 0; i < 30000; ++i) {
    std::string text = tests::random_object(random, 3);
    CAPTURE(text);
    REQUIRE(skips_whole(text));
    REQUIRE_FALSE(skips_whole(text.substr(0, text.size() - 1)));
    text[random() % text.size()] = bytes[random() % bytes.size()];
    skips_whole(text);  // may say anything
  }
}

TEST_CASE("text_cursor: a container ends where it ends, whatever the place of escapes and brackets in blocks of 64 bytes") {
  for (std::size_t padding = 0; padding < 140; ++padding) {
    for (const char* tricky : {R"("\"}]")", R"("\\")", R"("\\\"}")", R"("]}{[")", "[[]]", "{}", R"("\\\\\\\"")"}) {
      const std::string inner = "{\"" + std::string(padding, 'k') + "\":[" + tricky + ",{\"x\":" + tricky + "}]}";
      const std::string text = "{\"a\":" + inner + " , \"b\": 1}";
      CAPTURE(text);
      const tests::exact_text exact(text);
      text_cursor cursor(exact.view(), 10);
      std::string_view key;
      REQUIRE(cursor.enter(true));
      REQUIRE(cursor.raw_string(key));
      cursor.step();
      REQUIRE(cursor.skip_value());
      REQUIRE(cursor.peek() == ',');
      cursor.step();
      REQUIRE(cursor.raw_string(key));
      CHECK(key == "b");
    }
  }
}

TEST_CASE("text_cursor: the rest of a container is skipped, from behind one of its values") {
  const tests::exact_text exact(R"({"a":{"b":[1,2],"c":{"d":"}"}, "e":[{}]} ,"f":true})");
  text_cursor cursor(exact.view(), 10);
  std::string_view text;
  REQUIRE(cursor.enter(true));
  REQUIRE(cursor.raw_string(text));
  cursor.step();
  REQUIRE(cursor.enter(true));
  REQUIRE(cursor.raw_string(text));
  cursor.step();
  REQUIRE(cursor.skip_value());
  REQUIRE(cursor.skip_rest_of_object());
  REQUIRE(cursor.peek() == ',');
  cursor.step();
  REQUIRE(cursor.raw_string(text));
  CHECK(text == "f");
  cursor.step();
  CHECK(cursor.literal("true"));
  CHECK(cursor.peek() == '}');
}

TEST_CASE("text_cursor: what is read is checked: strings end, numbers and literals are whole") {
  const auto number = [](std::string_view text) {
    const tests::exact_text exact(text);
    text_cursor cursor(exact.view(), 10);
    std::string_view content;
    return cursor.number(content) ? std::string(content) : "no";
  };
  CHECK(number("12.5e3 ,") == "12.5e3");
  CHECK(number("-0]") == "-0");
  CHECK(number("-122.42916360922355123,") == "-122.42916360922355123");
  CHECK(number("01,") == "no");
  CHECK(number("1x,") == "no");
  CHECK(number("") == "no");
  const auto string = [](std::string_view text) {
    const tests::exact_text exact(text);
    text_cursor cursor(exact.view(), 10);
    std::string_view content;
    return cursor.raw_string(content) ? std::string(content) + (cursor.is_escaped(content) ? " escaped" : "") : "no";
  };
  CHECK(string("\"\" ") == "");
  CHECK(string("\"abcdefghijklmnopqrstuvwxyz\",") == "abcdefghijklmnopqrstuvwxyz");
  CHECK(string(R"("a\"b")") == R"(a\"b escaped)");
  CHECK(string(R"("a\")") == "no");
  CHECK(string("\"a") == "no");
  CHECK(string("\"\\") == "no");
  const tests::exact_text exact("nulls");
  CHECK_FALSE(text_cursor(exact.view(), 10).literal("null"));
}

TEST_CASE("text_cursor: depth is limited, and the limit itself is allowed") {
  text_cursor cursor("{{{", 2);
  CHECK(cursor.enter(true));
  CHECK(cursor.enter(true));
  CHECK_FALSE(cursor.enter(true));
}
