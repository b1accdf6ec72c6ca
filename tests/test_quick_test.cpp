#include "rulebus/detail/quick_test.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "random_source.hpp"
#include "rulebus/pattern.hpp"
#include "support/json_text.hpp"

using namespace rulebus;
using namespace rulebus::detail;

namespace {

std::string random_text(tests::random_source& random, const std::vector<std::string>& letters) {
  std::string out;
  for (std::size_t n = random.percent(20) ? random.below(20) : random.below(5); n > 0; --n) out += random.pick(letters);
  return out;
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

/// With the text before, behind or around its stars, of which one may be none.
std::string random_wildcard(tests::random_source& random, const std::string& text) {
  const std::vector<std::string> all = {
      text, text + "*",        "*" + text,   text + "*" + text,     text + "*b", "A*" + text,
      "*",  "*" + text + "*b", text + "*a*", R"(\\*)" + text + "*", R"(\\*)",    "*" + text + R"(\\*)"};
  return random.pick(all);
}

std::string random_condition(tests::random_source& random, const std::string& text) {
  const std::string wildcard = quoted(random_wildcard(random, text));
  const std::vector<std::string> positive = {R"({"prefix":)" + quoted(text) + "}",
                                             R"({"suffix":)" + quoted(text) + "}",
                                             R"({"equals-ignore-case":)" + quoted(text) + "}",
                                             R"({"prefix":{"equals-ignore-case":)" + quoted(text) + "}}",
                                             R"({"suffix":{"equals-ignore-case":)" + quoted(text) + "}}",
                                             R"({"wildcard":)" + wildcard + "}"};
  const std::vector<std::string> negative = {quoted(text),
                                             "[" + quoted(text) + ",\"zz\"]",
                                             R"({"prefix":)" + quoted(text) + "}",
                                             R"({"suffix":)" + quoted(text) + "}",
                                             R"({"equals-ignore-case":)" + quoted(text) + "}",
                                             R"({"wildcard":)" + wildcard + "}"};
  return random.percent(40) ? random.pick(positive) : R"({"anything-but":)" + random.pick(negative) + "}";
}

}  // namespace

TEST_CASE("quick_test: what it answers is what the condition answers, and it answers nearly all") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  tests::random_source random(seed);
  // Of the last two, one has an upper case of another length, and one is the Kelvin sign, whose lower case is ASCII.
  const std::vector<std::string> letters = {"a", "A", "b", "K", "k", "Z", "@", "[", "*", "\xc3\x9f", "\xe2\x84\xaa"};
  test_scratch scratch;
  std::size_t asked = 0, answered = 0;
  for (std::uint64_t i = 0; i < 200000 / tests::build_slowness; ++i) {
    const std::string text = random_text(random, letters);
    const std::string condition = random_condition(random, text);
    auto parsed = pattern::parse("{\"f\":[" + condition + "]}");
    if (!parsed) continue;  // an empty text, where the language has none
    const auto around = [&] { return random.percent(30) ? std::string() : random_text(random, letters); };
    const std::string value = random.percent(70) ? around() + text + around() : random_text(random, letters);
    CAPTURE(condition);
    CAPTURE(value);
    // With as much behind the value as must be readable, and not a byte more.
    const std::size_t behind = random.below(12);
    const tests::exact_text memory(value + std::string(behind, 'a'));
    const std::string_view seen = memory.view().substr(0, value.size());
    const char* const last = memory.view().size() < 8 ? nullptr : memory.view().data() + memory.view().size() - 8;
    for (const detail::condition& c : parsed->tree().root.fields.at(0)->any_of) {
      ++asked;
      const quick_test::answer answer = quick_test(c).ask(seen, last);
      if (answer == quick_test::answer::unknown) continue;
      ++answered;
      REQUIRE((answer == quick_test::answer::passes) == passes(c, {seen, leaf_type::string}, scratch));
    }
  }
  CHECK(answered > asked / 3);
}

TEST_CASE("quick_test: of a wildcard, the bytes before its first star or behind its last one are an answer") {
  using enum quick_test::answer;
  const auto ask = [](const std::string& wildcard, const std::string& value) {
    const std::string memory = value + "        ";
    const auto parsed = pattern::parse(R"({"f":[{"wildcard":")" + wildcard + "\"}]}");
    const std::string_view seen = std::string_view(memory).substr(0, value.size());
    return quick_test(parsed->tree().root.fields.at(0)->any_of.at(0)).ask(seen, memory.data() + value.size());
  };
  CHECK(ask("143*", "1439") == passes);
  CHECK(ask("143*", "3847119") == fails);
  CHECK(ask("*218", "2607218") == passes);
  CHECK(ask("*218", "2607219") == fails);
  CHECK(ask("2*0*1*7", "3847") == fails);
  CHECK(ask("2*0*1*7", "2607217") == unknown);
  CHECK(ask("*1*8", "2607217") == fails);
  CHECK(ask("*1*", "2607217") == unknown);
  CHECK(ask("1234567890*", "1234567890") == unknown);
  CHECK(ask("1234567890*", "123456789") == fails);
}
