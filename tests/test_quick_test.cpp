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

std::string random_condition(tests::random_source& random, const std::string& text) {
  const std::vector<std::string> positive = {R"({"prefix":)" + quoted(text) + "}",
                                             R"({"suffix":)" + quoted(text) + "}",
                                             R"({"equals-ignore-case":)" + quoted(text) + "}",
                                             R"({"prefix":{"equals-ignore-case":)" + quoted(text) + "}}",
                                             R"({"suffix":{"equals-ignore-case":)" + quoted(text) + "}}",
                                             R"({"wildcard":)" + quoted(text) + "}"};
  const std::vector<std::string> negative = {quoted(text),
                                             "[" + quoted(text) + ",\"zz\"]",
                                             R"({"prefix":)" + quoted(text) + "}",
                                             R"({"suffix":)" + quoted(text) + "}",
                                             R"({"equals-ignore-case":)" + quoted(text) + "}",
                                             R"({"wildcard":)" + quoted(text) + "}"};
  return random.percent(40) ? random.pick(positive) : R"({"anything-but":)" + random.pick(negative) + "}";
}

}  // namespace

TEST_CASE("quick_test: what it answers is what the condition answers, and it answers nearly all") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  tests::random_source random(seed);
  // Of the last two, one has an upper case of another length, and one is the Kelvin sign, whose lower case is ASCII.
  const std::vector<std::string> letters = {"a", "A", "b", "K", "k", "Z", "@", "[", "\xc3\x9f", "\xe2\x84\xaa"};
  test_scratch scratch;
  std::size_t asked = 0, answered = 0;
  for (std::uint64_t i = 0; i < 200000 / tests::build_slowness; ++i) {
    const std::string text = random_text(random, letters);
    const std::string condition = random_condition(random, text);
    auto parsed = pattern::parse("{\"f\":[" + condition + "]}");
    if (!parsed) continue;  // an empty text, where the language has none
    const std::string value =
        random.percent(60) ? random_text(random, letters) + text + random_text(random, letters) : random_text(random, letters);
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
