// What pattern::parse says to patterns that are wrong, to input that is not a pattern at all, and to input that is meant to
// hurt. The rows are tests/data/errors/pattern_errors.jsonl: {"id", "pattern", "valid", "message"?, "offset"?, "why"}.
#include "rulebus/pattern.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "naive_json.hpp"
#include "random_source.hpp"

using namespace rulebus;

namespace {

const std::string data_file = std::string(RULEBUS_SOURCE_DIR) + "/tests/data/errors/pattern_errors.jsonl";

std::vector<naive::value> load_rows() {
  std::ifstream file(data_file);
  std::vector<naive::value> out;
  for (std::string line; std::getline(file, line);) out.push_back(naive::parse_json(line, 10));
  return out;
}

std::string join(std::size_t times, const std::string& text) {
  std::string out;
  out.reserve(times * text.size());
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

error error_of(const std::string& text, const pattern_options& options = {}) {
  const result<pattern> p = pattern::parse(text, options);
  return p ? error{} : p.error();
}

// A value or an error with its place inside the text; a value's dump must be a pattern again.
void check_any(const std::string& text) {
  const result<pattern> p = pattern::parse(text);
  if (p) {
    const result<pattern> again = pattern::parse(p->dump());
    REQUIRE(again.has_value());
    REQUIRE(*again == *p);
    return;
  }
  const error& e = p.error();
  REQUIRE(e.offset <= text.size());
  REQUIRE_FALSE(e.message.empty());
  const std::string before = text.substr(0, e.offset);
  REQUIRE(e.line == 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')));
  REQUIRE(e.column == e.offset - (before.rfind('\n') + 1) + 1);
}

}  // namespace

TEST_CASE("pattern errors: every row of tests/data has its verdict, reason and place") {
  const std::vector<naive::value> rows = load_rows();
  REQUIRE(rows.size() > 150);
  for (const naive::value& row : rows) {
    const std::string text = row.find("pattern")->text;
    CAPTURE(row.find("id")->text);
    CAPTURE(text);
    const result<pattern> p = pattern::parse(text);
    REQUIRE(p.has_value() == row.find("valid")->is(naive::kind::true_value));
    check_any(text);
    if (p) continue;
    CHECK(p.error().message == row.find("message")->text);
    CHECK(std::to_string(p.error().offset) == row.find("offset")->text);
  }
}

TEST_CASE("pattern errors: codes tell broken JSON, wrong patterns and limits apart") {
  CHECK(error_of("").code == errc::invalid_json);
  CHECK(error_of("{\"a\":[1}").code == errc::invalid_json);
  CHECK(error_of("{\"a\":[1]} x").code == errc::invalid_json);
  CHECK(error_of("[1]").code == errc::invalid_pattern);
  CHECK(error_of("{\"a\":1}").code == errc::invalid_pattern);
  CHECK(error_of("{\"a\":[1]}", {.max_bytes = 8}) == error{errc::limit_exceeded, "Pattern is larger than 8 bytes", 8, 1, 9});
  CHECK(error_of("{\"a\":[1]}", {.max_bytes = 9}).message.empty());
  CHECK(error_of("{\"a\":{\"b\":[1]}}", {.max_depth = 2}).code == errc::limit_exceeded);
  CHECK(error_of("{\"a\":{\"b\":[1]}}", {.max_depth = 3}).message.empty());
}

TEST_CASE("pattern errors: the first error of the text is the one reported") {
  CHECK(error_of("{\"a\":1,").message == "\"a\" must be an object or an array");
  CHECK(error_of("{\"a\":[tru], \"b\":1}").code == errc::invalid_json);
  CHECK(error_of("{\"a\":[1,{\"x\":1}],\"b\":[}").offset == 9);
}

TEST_CASE("pattern errors: line and column count from the text before") {
  const error e = error_of("{\n  \"a\": [1],\n  \"é\": [{\"prefix\": 5}]\n}");
  CHECK(e.line == 3);
  CHECK(e.column == 21);
}

TEST_CASE("pattern errors: bytes that are not UTF-8, wherever they are") {
  for (const std::string bad :
       {"\x80", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xED\xA0\xBD\xED\xB8\x80", "\xF4\x90\x80\x80", "\xFF\xFE", "\xC3"}) {
    for (const std::string before : {"", "{", "{\"a", "{\"a\":[\"x", "{\"a\":[", "{\"a\":[1]}"}) {
      const error e = error_of(before + bad + "\"]}");
      CHECK(e.code == errc::invalid_json);
      CHECK(e.offset == before.size());
    }
  }
}

TEST_CASE("pattern errors: depth is an error, not a stack") {
  const std::size_t levels = 100'000;
  const pattern_options no_limits{
      .max_bytes = std::size_t{1} << 24, .max_depth = std::size_t{1} << 24, .max_combinations = std::size_t{1} << 24};
  for (const std::string open : {"{\"a\":", "[", "{\"$or\":[", "{\"a\":[", "{\"a\":[{\"anything-but\":"}) {
    for (const pattern_options& options : {pattern_options{}, no_limits}) {
      CHECK_FALSE(error_of(join(levels, open), options).message.empty());
    }
  }
  CHECK(error_of(join(levels, "{\"a\":"), no_limits).code == errc::limit_exceeded);
  // The deepest that is taken at all: nested choices cost two levels each.
  std::string text = "{\"x\":[1]}";
  for (int i = 0; i < 999; ++i) text = "{\"$or\":[" + text + ",{\"y\":[1]}]}";
  CHECK(error_of(text, no_limits).message.empty());
  CHECK(error_of(join(1998, "{\"a\":") + "{\"x\":[1]}" + join(1998, "}"), no_limits).message.empty());
  CHECK(error_of(join(2000, "{\"a\":") + "[1]" + join(2000, "}"), no_limits).code == errc::limit_exceeded);
}

TEST_CASE("pattern errors: ten megabytes are an error by default, and one pass when allowed") {
  const std::size_t size = 10'000'000;
  const pattern_options large{.max_bytes = size + 100};
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& text :
       {std::string(size, ' '), std::string(size, '\0'), "{\"a\":[\"" + std::string(size, 'x') + "\"]}",
        "{\"a\":[" + std::string(size, '1') + "]}", "{\"a\":[0e" + std::string(size, '9') + "]}",
        "{\"" + std::string(size, '.') + "\":[1]}", "{\"a\":[{\"numeric\":[\"=\",0." + std::string(size, '0') + "]}]}",
        "{\"a\":[{\"wildcard\":\"" + std::string(size, '\\') + "\"}]}"}) {
    CHECK(error_of(text).code == errc::limit_exceeded);
    const result<pattern> p = pattern::parse(text, large);
    if (p) CHECK(p->dump().size() <= text.size());
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(60 * tests::build_slowness));
}

TEST_CASE("pattern errors: patterns made to grow stay small or are refused") {
  const auto start = std::chrono::steady_clock::now();
  // A long name in front of many fields.
  std::string text = "{\"" + std::string(500'000, 'p') + "\":{\"$or\":[{\"k\":[1]}";
  for (int i = 0; i < 900; ++i) text += ",{\"a" + std::to_string(i) + "\":[1]}";
  CHECK(error_of(text + "]}}").code == errc::limit_exceeded);
  // A large field in front of many branches of which one overrides it.
  text = "{\"a\":[\"" + std::string(500'000, 'v') + "\"],\"$or\":[{\"a\":[1]}";
  for (int i = 0; i < 990; ++i) text += ",{\"b\":[" + std::to_string(i) + "]}";
  CHECK(pattern::parse(text + "]}").value().dump().size() < 600'000);
  // One field set again and again, and many fields.
  CHECK(pattern::parse("{" + join(50'000, "\"a\":[1],") + "\"a\":[2]}").value().dump() == "{\"a\":[2]}");
  text = "{\"f\":[1]";
  for (int i = 0; i < 50'000; ++i) text += ",\"f" + std::to_string(i) + "\":[1]";
  CHECK(error_of(text + "}").code == errc::limit_exceeded);
  // Choices that all collide, as many as are allowed.
  text = "{";
  for (int i = 0; i < 9; ++i) text += "\"$or\":[{\"a\":[" + std::to_string(i) + "],\"b\":[1]},{\"c\":[1],\"a\":[1]}],";
  CHECK(pattern::parse(text + "\"d\":[1]}").has_value());
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(60 * tests::build_slowness));
}

TEST_CASE("pattern errors: every beginning of a pattern is an error, every end of one too") {
  const std::string text =
      R"({"a":["x",1.5e3,{"anything-but":{"wildcard":["a*\\*","\ud83d\ude00é"]}}],"$or":[{"b":{"c":[{"numeric":[">",0,"<=",5]}]}},{"d":[null]}]})";
  REQUIRE(pattern::parse(text).has_value());
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK_FALSE(error_of(text.substr(0, size)).message.empty());
    check_any(text.substr(0, size));
    if (size > 0) CHECK_FALSE(error_of(text.substr(size)).message.empty());
  }
}

TEST_CASE("pattern errors: random bytes and damaged patterns get an error or a value") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  std::vector<std::string> texts;
  for (const naive::value& row : load_rows()) texts.push_back(row.find("pattern")->text);
  const std::string common = "{}[]\",:0123456789.eE+-\\u $or*/tfn\xC3\xA9\xF0\x9F\x98\x80\x01";
  for (int i = 0; i < 30'000 / static_cast<int>(tests::build_slowness); ++i) {
    std::string text = random.percent(20) ? std::string() : random.pick(texts);
    for (std::size_t n = random.below(text.empty() ? 30 : 4); n > 0; --n) {
      const std::size_t at = random.below(text.size() + 1);
      const char c = random.percent(90) ? common[random.below(common.size())] : static_cast<char>(random.below(256));
      switch (random.below(3)) {
        case 0: text.insert(at, 1, c); break;
        case 1: text.erase(at, 1); break;
        default: text = text.substr(0, at) + random.pick(texts) + text.substr(at);
      }
    }
    CAPTURE(text);
    check_any(text);
  }
}
