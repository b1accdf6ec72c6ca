#include "rulebus/detail/json_reader.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "random_source.hpp"

using namespace rulebus;
using namespace rulebus::detail;

namespace {

// Every token as a word or its text, and the error at the end if there is one.
std::string tokens(std::string_view text, std::size_t max_depth = 1000) {
  static constexpr const char* names[] = {
      "{", "}", "[", "]", "key:", "string:", "number:", "true", "false", "null", "end", "error"};
  json_reader reader(text, max_depth);
  std::string out;
  for (;;) {
    const token t = reader.next();
    out += names[static_cast<int>(t)];
    if (t == token::key || t == token::string || t == token::number) out += reader.text();
    if (t == token::end) return out;
    if (t == token::error) return out + ' ' + reader.failure().message;
    out += ' ';
  }
}

error failure_of(std::string_view text, std::size_t max_depth = 1000) {
  json_reader reader(text, max_depth);
  for (token t = reader.next(); t != token::end; t = reader.next()) {
    if (t == token::error) return reader.failure();
  }
  return {};
}

std::string join(std::size_t times, std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("json reader: tokens come in the order of the text") {
  CHECK(tokens(R"( {"a": [1, -2.5e+3, "x", true, false, null, {}, []]} )") ==
        "{ key:a [ number:1 number:-2.5e+3 string:x true false null { } [ ] ] } end");
  CHECK(tokens("7") == "number:7 end");
  CHECK(tokens("\t\r\n\"\"") == "string: end");
}

TEST_CASE("json reader: offsets are those of the token's first byte and the byte behind it") {
  json_reader reader(R"({ "key" : "value" })");
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (token t = reader.next(); t != token::end; t = reader.next()) places.emplace_back(reader.offset(), reader.end_offset());
  CHECK(places == std::vector<std::pair<std::size_t, std::size_t>>{{0, 1}, {2, 7}, {10, 17}, {18, 19}});
}

TEST_CASE("json reader: escapes are decoded, in keys and in strings") {
  CHECK(tokens(R"("a\"\\\/\b\f\n\r\tz")") == "string:a\"\\/\b\f\n\r\tz end");
  CHECK(tokens(R"("\u0041\u00e9\u20AC\ud83d\uDE00")") == "string:Aé€😀 end");
  CHECK(tokens(R"({"\u0061\u0062":0})") == "{ key:ab number:0 } end");
  CHECK(tokens(R"("\u0000")") == std::string("string:\0 end", 12));
}

TEST_CASE("json reader: a string without escapes is a view of the text") {
  const std::string text = R"(["abc","d\n"])";
  json_reader reader(text);
  CHECK(reader.next() == token::array_begin);
  CHECK(reader.next() == token::string);
  CHECK(reader.text().data() == text.data() + 2);
}

TEST_CASE("json reader: errors have the service's words and the place") {
  const std::string value_expected =
      "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
  const std::string word_expected = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
  struct row {
    std::string text;
    std::string message;
    std::size_t offset;
  };
  const row rows[] = {
      {"", "Unexpected end-of-input: no JSON value", 0},
      {"  ", "Unexpected end-of-input: no JSON value", 2},
      {"this is text", "Unrecognized token 'this': " + word_expected, 0},
      {"[tru]", "Unrecognized token 'tru': " + word_expected, 1},
      {"[nullx]", "Unrecognized token 'nullx': " + word_expected, 1},
      {"[NaN]", "Non-standard token 'NaN'", 1},
      {"[-Infinity]", "Unexpected character ('I' (code 73)) in numeric value: No digit following minus sign", 2},
      {"{'a':1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1},
      {"{a:1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name", 1},
      {"{\"a\":1,}", "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 7},
      {"{\"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", 5},
      {"{\"a\":}", "Unexpected character ('}' (code 125)): " + value_expected, 5},
      {"{\"a\":1 \"b\":2}", "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries", 7},
      {"[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 3},
      {"[0x10]", "Unexpected character ('x' (code 120)): was expecting comma to separate Array entries", 2},
      {"[1,]", "Unexpected character (']' (code 93)): " + value_expected, 3},
      {"[.5]", "Unexpected character ('.' (code 46)): " + value_expected, 1},
      {"[+1]", "Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs", 1},
      {"[-]", "Unexpected character (']' (code 93)) in numeric value: No digit following minus sign", 2},
      {"[5.]", "Unexpected character (']' (code 93)) in numeric value: Decimal point not followed by a digit", 3},
      {"[5e+]", "Unexpected character (']' (code 93)) in numeric value: Exponent indicator not followed by a digit", 4},
      {"[01]", "Invalid numeric value: Leading zeroes not allowed", 1},
      {"[-00]", "Invalid numeric value: Leading zeroes not allowed", 2},
      {"5e", "Unexpected end-of-input in numeric value", 2},
      {"[1 /* x */]", "Unexpected character ('/' (code 47)): maybe a (non-standard) comment?", 3},
      {"[1}", "Unexpected close marker '}': expected ']' (for Array starting at line: 1, column: 1)", 2},
      {"\n {\"a\": [1]]", "Unexpected close marker ']': expected '}' (for Object starting at line: 2, column: 2)", 11},
      {"{\"a\":[1]", "Unexpected end-of-input: expected close marker for Object (start marker at line: 1, column: 1)", 8},
      {"{\"a\":[1,", "Unexpected end-of-input: expected close marker for Array (start marker at line: 1, column: 6)", 8},
      {"\"ab", "Unexpected end-of-input: was expecting closing quote for a string value", 3},
      {"{\"ab", "Unexpected end-of-input in field name", 4},
      {"\"\\", "Unexpected end-of-input in character escape sequence", 2},
      {"\"\\u12", "Unexpected end-of-input in character escape sequence", 5},
      {"\"\\x\"", "Unrecognized character escape 'x' (code 120)", 1},
      {"\"\\u12g4\"", "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence", 5},
      {"\"a\tb\"",
       "Illegal unquoted character ((CTRL-CHAR, code 9)): has to be escaped using backslash to be included in string value", 2},
      {"{\"a\nb\":1}",
       "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in name", 3},
      {"\"\\ud83d\"", "Unpaired surrogate escape \\ud83d", 1},
      {"\"\\ude00x\"", "Unpaired surrogate escape \\ude00", 1},
      {"\"\\ud83d\\u0041\"", "Unpaired surrogate escape \\ud83d", 1},
      {"\"\\ud83d\\ud83d\\ude00\"", "Unpaired surrogate escape \\ud83d", 1},
      {"{} x", "Unexpected character ('x' (code 120)): was expecting the end of the text", 3},
      {"{}{}", "Unexpected character ('{' (code 123)): was expecting the end of the text", 2},
      {"1]", "Unexpected character (']' (code 93)): was expecting the end of the text", 1},
      {"\xEF\xBB\xBF{}", "Unexpected character ('\xEF\xBB\xBF' (code 65279 / 0xfeff)): " + value_expected, 0},
      {std::string("[\0]", 3),
       "Illegal character ((CTRL-CHAR, code 0)): only regular white space (\\r, \\n, \\t) is allowed between tokens", 1},
      {"[\xC2\xA0]", "Unexpected character ('\xC2\xA0' (code 160)): " + value_expected, 1},
  };
  for (const row& r : rows) {
    CAPTURE(r.text);
    const error e = failure_of(r.text);
    CHECK(e.code == errc::invalid_json);
    CHECK(e.message == r.message);
    CHECK(e.offset == r.offset);
  }
}

TEST_CASE("json reader: text that is not UTF-8 is an error at its first wrong character") {
  for (const std::string_view bad :
       {"\x80", "\xC0\x80", "\xC3(", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    CAPTURE(bad);
    for (const std::string before : {"", "[", "\"a", "{\"a", "[1"}) {
      const error e = failure_of(before + std::string(bad) + "\"]");
      CHECK(e.code == errc::invalid_json);
      CHECK(e.message.starts_with("Invalid UTF-8: byte 0x"));
      CHECK(e.offset == before.size());
    }
  }
}

TEST_CASE("json reader: after an error there is nothing but the error") {
  json_reader reader("[1 2]");
  CHECK(reader.next() == token::array_begin);
  CHECK(reader.next() == token::number);
  CHECK(reader.next() == token::error);
  const error first = reader.failure();
  CHECK(reader.next() == token::error);
  CHECK(reader.failure() == first);
  CHECK(reader.text().empty());
}

TEST_CASE("json reader: the depth limit counts objects and arrays, and is exact") {
  CHECK(failure_of(join(1000, "[") + join(1000, "]")).message.empty());
  const error e = failure_of(join(1001, "[") + join(1001, "]"));
  CHECK(e.code == errc::limit_exceeded);
  CHECK(e.offset == 1000);
  CHECK(failure_of(R"({"a":[{}]})", 3).message.empty());
  CHECK(failure_of(R"({"a":[{}]})", 2).offset == 6);
  CHECK(failure_of("7", 0).message.empty());
}

TEST_CASE("json reader: a hundred thousand levels take neither stack nor time") {
  const std::size_t levels = 100'000;
  CHECK(failure_of(join(levels, "[") + join(levels, "]"), levels).message.empty());
  CHECK(failure_of(join(levels, "{\"a\":") + "1" + join(levels, "}"), levels).message.empty());
  CHECK(failure_of(join(levels, "["), levels).offset == levels);
}

TEST_CASE("json reader: every beginning of a text is an error") {
  const std::string text = R"({"a":[1.5e3,"x\u00e9\ud83d\ude00é"],"b":{"c":null,"d":[true,false,[]]}})";
  CHECK(failure_of(text).message.empty());
  for (std::size_t size = 0; size < text.size(); ++size) {
    const error e = failure_of(std::string_view(text).substr(0, size));
    CAPTURE(size);
    CHECK(e.code == errc::invalid_json);
    CHECK(e.offset <= size);
  }
}

TEST_CASE("json reader: random bytes give tokens or an error, and places inside the text") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  const std::string_view common = "{}[]\",:0123456789.eE+-\\u tfnalse\xC3\xA9\xF0\x9F\x98\x80\x01";
  for (int i = 0; i < 20'000 / static_cast<int>(tests::build_slowness); ++i) {
    std::string text;
    for (std::size_t n = random.below(24); n > 0; --n) {
      text += random.percent(90) ? common[random.below(common.size())] : static_cast<char>(random.below(256));
    }
    json_reader reader(text);
    std::size_t count = 0;
    for (token t = reader.next(); t != token::end && t != token::error; t = reader.next()) ++count;
    REQUIRE(count <= text.size());
    REQUIRE(reader.failure().offset <= text.size());
  }
}

TEST_CASE("error_at: lines end at newline, columns count bytes, and the end of the text is a place") {
  const std::string text =
      "ab\nc\xC3\xA9"
      "d\n";
  const auto place = [&](std::size_t offset) {
    const error e = error_at(errc::invalid_json, "x", text, offset);
    return std::vector<std::size_t>{e.offset, e.line, e.column};
  };
  CHECK(place(0) == std::vector<std::size_t>{0, 1, 1});
  CHECK(place(2) == std::vector<std::size_t>{2, 1, 3});
  CHECK(place(3) == std::vector<std::size_t>{3, 2, 1});
  CHECK(place(6) == std::vector<std::size_t>{6, 2, 4});
  CHECK(place(8) == std::vector<std::size_t>{8, 3, 1});
  CHECK(place(99) == std::vector<std::size_t>{8, 3, 1});
}

TEST_CASE("check_json_object: says what is wrong with an event") {
  CHECK(check_json_object(R"({"a": 1, "a": 2})", 10).has_value());
  CHECK(check_json_object(" [1] ", 10).error() == error{errc::invalid_event, "Event must be a JSON object", 1, 1, 2});
  CHECK(check_json_object("[1", 10).error().code == errc::invalid_json);
  CHECK(check_json_object("", 10).error().code == errc::invalid_json);
  CHECK(check_json_object("{} {}", 10).error().offset == 3);
  CHECK(check_json_object(R"({"a":{"b":{}}})", 2).error().code == errc::limit_exceeded);
}
