#include "rulebus/detail/pattern_tree.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "random_source.hpp"
#include "rulebus/pattern.hpp"

using namespace rulebus;
using namespace rulebus::detail;

namespace {

const pattern_options everything{
    .allow_regexp = true, .allow_wildcard_ignore_case = true, .allow_cidr_single_address = true, .allow_all = true};

pattern with_values(const std::string& values) { return pattern::parse("{\"f\":[" + values + "]}", everything).value(); }

leaf string(std::string_view text) { return {text, leaf_type::string}; }
leaf number(std::string_view text) { return {text, leaf_type::number}; }
const leaf yes{{}, leaf_type::true_value}, no{{}, leaf_type::false_value}, null{{}, leaf_type::null_value};

test_scratch scratch;

bool passes_any(const std::string& values, const leaf& value) {
  const pattern p = with_values(values);
  const auto& any_of = p.tree().root.fields.at(0)->any_of;
  return std::any_of(any_of.begin(), any_of.end(), [&](const condition& c) { return passes(c, value, scratch); });
}

// Values that pass, then values that do not.
void check(const std::string& values, const std::vector<leaf>& in, const std::vector<leaf>& out) {
  CAPTURE(values);
  for (const leaf& value : in) {
    CAPTURE(std::string(value.text));
    CHECK(passes_any(values, value));
  }
  for (const leaf& value : out) {
    CAPTURE(std::string(value.text));
    CHECK_FALSE(passes_any(values, value));
  }
}

// The slow twin of wildcards: tries every length for every star.
bool wildcard_twin(std::string_view pattern, std::string_view value) {
  if (pattern.empty()) return value.empty();
  if (pattern[0] == '*') {
    for (std::size_t n = 0; n <= value.size(); ++n) {
      if (wildcard_twin(pattern.substr(1), value.substr(n))) return true;
    }
    return false;
  }
  if (pattern[0] == '\\') pattern.remove_prefix(1);
  return !value.empty() && pattern[0] == value[0] && wildcard_twin(pattern.substr(1), value.substr(1));
}

}  // namespace

TEST_CASE("literals: types never cross") {
  check(R"("1")", {string("1")}, {number("1"), string("1.0"), string(""), yes, null});
  check("1", {number("1"), number("1.0"), number("10e-1")}, {string("1"), number("2"), yes});
  check("true", {yes}, {no, null, string("true"), number("1")});
  check("false", {no}, {yes, null, string("false"), number("0")});
  check("null", {null}, {yes, no, string("null"), string("")});
}

TEST_CASE("numbers: comparable ones compare by value, others by text") {
  check("300", {number("3e2"), number("300.000")}, {number("301"), number("123456789012345678")});
  check("-0", {number("0"), number("0.0"), number("-0e9")}, {number("1")});
  check("123456789012345678", {number("123456789012345678")}, {number("123456789012345678.0"), number("123456789012345680")});
  check(R"({"numeric":["=",0.1]})", {number("1e-1")}, {number("0.1000000000000000055511151231257827"), string("0.1")});
}

TEST_CASE("numeric: bounds are open or closed as written") {
  check(R"({"numeric":["<",5]})", {number("4.999"), number("-1e308")}, {number("5"), number("5.0"), string("4"), null, yes});
  check(R"({"numeric":["<=",5]})", {number("5e0"), number("-5")}, {number("5.0000001")});
  check(R"({"numeric":[">",-5]})", {number("-4.9"), number("1.7976931348623157e308")}, {number("-5"), number("-6")});
  check(R"({"numeric":[">=",-5]})", {number("-5.0")}, {number("-5.1")});
  check(R"({"numeric":[">",0,"<=",5]})", {number("0.1"), number("5")}, {number("0"), number("-0"), number("5.1")});
  check(R"({"numeric":[">=",0,"<",5]})", {number("0"), number("-0"), number("4.9")}, {number("5"), number("-0.1")});
  check(R"({"numeric":["<",0]})", {number("-1")}, {number("-123456789012345678"), number("-1e400"), number("-5e-324")});
}

TEST_CASE("exists: any leaf, and absent never") {
  check(R"({"exists":true})", {string(""), number("0"), yes, no, null}, {});
  check(R"({"exists":false})", {}, {string(""), number("0"), yes, no, null});
}

TEST_CASE("prefix and suffix: strings only, case counts") {
  check(R"({"prefix":"ab"})", {string("ab"), string("abc")}, {string("a"), string("Ab"), string("cab"), number("1")});
  check(R"({"prefix":""})", {string(""), string("x")}, {number("1"), null, yes});
  check(R"({"suffix":"bc"})", {string("bc"), string("abc")}, {string("c"), string("bcd"), string("bC")});
  check(R"({"suffix":""})", {string("")}, {number("1")});
}

TEST_CASE("equals-ignore-case: alone, at the beginning, at the end") {
  check(R"({"equals-ignore-case":"aß"})", {string("Aß"), string("aSS")},
        {string("aß "), string("ass"), string("a"), number("1")});
  check(R"({"prefix":{"equals-ignore-case":"ab"}})", {string("AB"), string("aBc")}, {string("a"), string("cab")});
  check(R"({"suffix":{"equals-ignore-case":"ab"}})", {string("AB"), string("cAb")}, {string("b"), string("abc")});
}

TEST_CASE("wildcard: a star is any run of characters, none and line breaks too") {
  check(R"({"wildcard":"a*c"})", {string("ac"), string("abc"), string("a\n*c")},
        {string("a"), string("abcd"), string("c"), number("1")});
  check(R"({"wildcard":"*"})", {string(""), string("é")}, {number("1"), null});
  check(R"({"wildcard":""})", {string("")}, {string("a")});
  check(R"({"wildcard":"plain"})", {string("plain")}, {string("plain ")});
  check(R"({"wildcard":"*\\**"})", {string("a*b"), string("*")}, {string("ab")});
  check(R"({"wildcard":"\\\\*"})", {string("\\"), string("\\x")}, {string("x\\")});
  check(R"({"wildcard":"ab*ba"})", {string("abba"), string("abxba")}, {string("aba")});
  check(R"({"wildcard":"*ab*ab*"})", {string("abab"), string("xabyabz")}, {string("aba"), string("ab")});
}

TEST_CASE("wildcard: agrees with trying every length for every star") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  const auto word = [&](std::size_t most) {
    std::string out;
    for (std::size_t n = random.below(most); n > 0; --n) out += random.percent(60) ? 'a' : 'b';
    return out;
  };
  for (int i = 0; i < 3'000 / static_cast<int>(tests::build_slowness); ++i) {
    std::string text = word(4);
    for (std::size_t stars = random.below(4); stars > 0; --stars) {
      text += text.ends_with('*') ? "b*" : "*";
      text += word(4);
    }
    const pattern p = with_values(R"({"wildcard":")" + text + "\"}");
    const pattern q = with_values(R"({"wildcard":{"equals-ignore-case":")" + text + "\"}}");
    for (int k = 0; k < 10; ++k) {
      std::string value = word(12);
      CAPTURE(text);
      CAPTURE(value);
      const bool expected = wildcard_twin(text, value);
      REQUIRE(passes(p.tree().root.fields[0]->any_of[0], string(value), scratch) == expected);
      for (char& c : value) c = random.percent(50) ? static_cast<char>(c - 'a' + 'A') : c;
      REQUIRE(passes(q.tree().root.fields[0]->any_of[0], string(value), scratch) == expected);
    }
  }
}

TEST_CASE("wildcard: long pieces are found like short ones") {
  const std::string period = "aabaabaabaabaaabaabaab";  // longer than 16, with many borders
  check(R"({"wildcard":"*)" + period + R"(*x"})",
        {string(period + "x"), string("aab" + period + "aax"), string("aabaab" + period + "x")},
        {string(period), string(period.substr(1) + "x"), string("x")});
}

TEST_CASE("wildcard: what would make backtracking explode takes a moment") {
  std::string stars = "*", repeated;
  for (int i = 0; i < 200; ++i) stars += "a*";
  repeated.assign(200'000, 'a');
  const std::string piece(50'000, 'a');
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(passes_any(R"({"wildcard":")" + stars + "b\"}", string(repeated)));
  CHECK_FALSE(passes_any(R"({"wildcard":"*)" + piece + "b*\"}", string(repeated)));
  CHECK(passes_any(R"({"wildcard":"*)" + piece + "*\"}", string(repeated)));
  CHECK_FALSE(passes_any(R"({"wildcard":{"equals-ignore-case":")" + stars + "b\"}}", string(repeated)));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30 * tests::build_slowness));
}

TEST_CASE("addresses: a plain string that is one matches any spelling, exactly compares text") {
  check(R"("10.0.0.1")", {string("10.0.0.1"), string("010.0.0.1"), string("::ffff:a00:1")},
        {string("10.0.0.2"), string("10.0.0.1 "), number("10")});
  check(R"("::1")", {string("0:0:0:0:0:0:0:1")}, {string("0.0.0.1"), string("::2")});
  check(R"({"exactly":"10.0.0.1"})", {string("10.0.0.1")}, {string("010.0.0.1")});
  check(R"({"anything-but":"10.0.0.1"})", {string("010.0.0.1")}, {string("10.0.0.1")});
  check(R"("10.0.0.256")", {string("10.0.0.256")}, {string("010.0.0.256")});
}

TEST_CASE("cidr: addresses of the network, of its own family") {
  check(R"({"cidr":"10.9.8.7/8"})", {string("10.0.0.0"), string("10.255.255.255"), string("::ffff:a00:1")},
        {string("11.0.0.0"), string("::a00:1"), string("10.0.0"), number("10"), string("")});
  check(R"({"cidr":"10.0.0.1/32"})", {string("10.0.0.1")}, {string("10.0.0.2")});
}

TEST_CASE("anything-but: true of every leaf of another type") {
  check(R"({"anything-but":"a"})", {string("b"), string("A"), number("1"), yes, null}, {string("a")});
  check(R"({"anything-but":["a","b"]})", {string("c")}, {string("a"), string("b")});
  check(R"({"anything-but":[1,2e0]})", {number("3"), string("1"), number("123456789012345678"), null},
        {number("1.0"), number("2")});
  check(R"({"anything-but":{"prefix":["a","b"]}})", {string(""), string("ca"), number("1")}, {string("ab"), string("b")});
  check(R"({"anything-but":{"suffix":"a"}})", {string("ab"), null}, {string("ba")});
  check(R"({"anything-but":{"equals-ignore-case":["a","b"]}})", {string("ab"), yes}, {string("A"), string("b")});
  check(R"({"anything-but":{"wildcard":"a*b"}})", {string("a"), number("1")}, {string("ab"), string("axb")});
}

TEST_CASE("regexp: the whole value, strings only") {
  check(R"({"regexp":"a+b?"})", {string("a"), string("aab")}, {string("xa"), string("abb"), string(""), number("1")});
  check(R"({"regexp":"a|b"})", {string("a"), string("b")}, {string("ab")});
  check(R"({"anything-but":{"regexp":["a.","b"]}})", {string("a"), string("bb"), number("1"), null}, {string("ax"), string("b")});
}

TEST_CASE("all: one leaf passes every condition") {
  check(R"({"all":[{"prefix":"a"},{"suffix":"b"},{"anything-but":"ab"}]})", {string("axb")},
        {string("ab"), string("a"), number("1")});
  check(R"({"all":[{"numeric":[">",0]},{"anything-but":[5]}]}, "x")", {number("4"), string("x")},
        {number("5"), number("0"), string("y")});
  check(R"({"all":[{"exists":true},{"anything-but":"a"}]})", {null, string("b")}, {string("a")});
}

TEST_CASE("utf16_less: characters outside the BMP sort before U+E000") {
  CHECK(utf16_less("a", "b"));
  CHECK_FALSE(utf16_less("b", "a"));
  CHECK_FALSE(utf16_less("a", "a"));
  CHECK(utf16_less("", "a"));
  CHECK(utf16_less("a", "a.b"));
  CHECK(utf16_less("é", "€"));
  CHECK(utf16_less("\U0001F600", "\uE000"));
  CHECK(utf16_less("x\U0001F600", "x\uFF41"));
  CHECK_FALSE(utf16_less("\uE000", "\U0001F600"));
  CHECK(utf16_less("\uD7FF", "\U0001F600"));
  CHECK(utf16_less("\uE000", "\uFF41"));
  CHECK(utf16_less("\U00010000", "\U0010FFFF"));
}
