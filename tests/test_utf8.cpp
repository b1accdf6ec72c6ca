#include "rulebus/detail/utf8.hpp"

#include <doctest/doctest.h>

using namespace rulebus::detail;

TEST_CASE("utf8: every character but surrogates survives the way to bytes and back") {
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(text, code);
    const utf8_character c = decode_utf8(text, 0);
    if (c.code != code || c.length != text.size()) FAIL("U+" << code);
  }
}

TEST_CASE("utf8: what is not the one valid form of a character has no length") {
  for (const std::string_view bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xE2\x82", "\xE2(\xA1",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFE", "\xFF"}) {
    CAPTURE(bad);
    CHECK(decode_utf8(bad, 0).length == 0);
  }
}

TEST_CASE("utf8: a character that the end of the text cuts off is not valid, whatever lies behind") {
  const std::string_view whole = "\xF0\x9F\x98\x80";
  for (std::size_t size = 1; size < 4; ++size) CHECK(decode_utf8(whole.substr(0, size), 0).length == 0);
  CHECK(decode_utf8(whole, 0).code == 0x1F600);
}
