#include "rulebus/detail/case_mapping.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "random_source.hpp"
#include "rulebus/detail/utf8.hpp"

using namespace rulebus::detail;

namespace {

std::vector<std::uint32_t> scratch;

bool equals(std::string_view pattern, std::string_view value) { return caseless_equals(make_caseless(pattern), value, scratch); }
bool prefix(std::string_view pattern, std::string_view value) { return caseless_prefix(make_caseless(pattern), value, scratch); }
bool suffix(std::string_view pattern, std::string_view value) { return caseless_suffix(make_caseless(pattern), value, scratch); }

// What one character accepts, in the order itself, lower, upper, as far as they differ.
std::vector<std::string> accepted(std::string_view character) {
  const caseless_text text = make_caseless(character);
  REQUIRE(text.characters.size() == 1);
  const auto& c = text.characters[0];
  return {c.accepts, c.accepts + c.count};
}

std::string folded(std::string_view text) {
  std::string out;
  append_folded(text, out);
  return out;
}

}  // namespace

TEST_CASE("case: each character accepts itself, its lower case and its upper case") {
  using list = std::vector<std::string>;
  CHECK(accepted("a") == list{"a", "A"});
  CHECK(accepted("Z") == list{"Z", "z"});
  CHECK(accepted("5") == list{"5"});
  CHECK(accepted("é") == list{"é", "É"});
  CHECK(accepted("ß") == list{"ß", "SS"});
  CHECK(accepted("ẞ") == list{"ẞ", "ß"});
  CHECK(accepted("Σ") == list{"Σ", "σ"});
  CHECK(accepted("ς") == list{"ς", "Σ"});
  CHECK(accepted("İ") == list{"İ", "i\u0307"});
  CHECK(accepted("ı") == list{"ı", "I"});
  CHECK(accepted("\u212A") == list{"\u212A", "k"});                   // Kelvin
  CHECK(accepted("\u01C5") == list{"\u01C5", "\u01C6", "\u01C4"});    // a title case
  CHECK(accepted("\uFB03") == list{"\uFB03", "FFI"});                 // a ligature
  CHECK(accepted("\u0390") == list{"\u0390", "\u0399\u0308\u0301"});  // Greek with two accents
  CHECK(accepted("\uAB70") == list{"\uAB70", "\u13A0"});              // Cherokee
  CHECK(accepted("\U00010400") == list{"\U00010400", "\U00010428"});  // Deseret, outside the BMP
  CHECK(accepted(std::string_view("\0", 1)) == list{std::string(1, '\0')});
}

TEST_CASE("case: ignoring case is not folding: it is the pattern's character that counts") {
  CHECK(equals("straße", "STRASSE"));
  CHECK_FALSE(equals("STRASSE", "straße"));
  CHECK(equals("\u212A", "k"));
  CHECK_FALSE(equals("k", "\u212A"));
  CHECK(equals("Σ", "σ"));
  CHECK_FALSE(equals("Σ", "ς"));
  CHECK(equals("İ", "i\u0307"));
  CHECK_FALSE(equals("İ", "i"));
  CHECK_FALSE(equals("ß", "Ss"));
}

TEST_CASE("case: equals wants the whole value, prefix its beginning, suffix its end") {
  CHECK(equals("aBc", "AbC"));
  CHECK_FALSE(equals("abc", "abcd"));
  CHECK_FALSE(equals("abc", "ab"));
  CHECK(equals("", ""));
  CHECK_FALSE(equals("", "a"));
  CHECK(prefix("aß", "ASSx"));
  CHECK(prefix("", "anything"));
  CHECK_FALSE(prefix("ab", "a"));
  CHECK(suffix("ßa", "xSSA"));
  CHECK(suffix("", ""));
  CHECK_FALSE(suffix("ab", "b"));
  CHECK_FALSE(suffix("a", "ab"));
}

TEST_CASE("case: characters whose forms begin alike keep all their matches alive") {
  CHECK(equals("ŉŉ", "ʼNʼN"));
  CHECK(equals("ŉN", "ʼNN"));
  CHECK(equals("\u0390x", "\u0399\u0308\u0301X"));
  CHECK(suffix("Nŉ", "nʼN"));
}

TEST_CASE("case: a character and both its mappings have one key, for every character there is") {
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string character;
    append_utf8(character, code);
    const caseless_text text = make_caseless(character);
    const std::string key = folded(character);
    for (std::uint8_t i = 0; i < text.characters[0].count; ++i) {
      if (folded(text.characters[0].accepts[i]) != key) FAIL("U+" << code);
    }
  }
}

TEST_CASE("case: the table has all 2,927 characters of Unicode 14 that have a case") {
  int count = 0, several = 0;
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string character;
    append_utf8(character, code);
    const caseless_text text = make_caseless(character);
    const auto& c = text.characters[0];
    count += c.count > 1 ? 1 : 0;
    const auto is_long = [](const std::string& s) { return decode_utf8(s, 0).length < s.size(); };
    several += std::any_of(c.accepts, c.accepts + c.count, is_long) ? 1 : 0;
  }
  CHECK(count == 2927);
  CHECK(several == 103);
}

TEST_CASE("case: what matches has the same key, also at the beginning and the end") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  const std::vector<std::string> letters = {"a", "A", "k", "K",      "\u212A", "s", "S", "ſ", "ß", "ẞ", "i",
                                            "I", "İ", "ı", "\u0307", "σ",      "ς", "Σ", "ŉ", "ʼ", "n", "N"};
  const auto word = [&] {
    std::string out;
    for (std::size_t n = random.below(5); n > 0; --n) out += random.pick(letters);
    return out;
  };
  int matched = 0;
  for (int i = 0; i < 50'000 / static_cast<int>(tests::build_slowness); ++i) {
    const std::string pattern = word(), value = word();
    CAPTURE(pattern);
    CAPTURE(value);
    const std::string key = folded(pattern), whole = folded(value);
    if (equals(pattern, value)) {
      ++matched;
      REQUIRE(key == whole);
    }
    if (prefix(pattern, value)) REQUIRE(whole.starts_with(key));
    if (suffix(pattern, value)) REQUIRE(whole.ends_with(key));
  }
  CHECK(matched > 10);
}
