// Objects with many members, of which rules want few: what events look like, and what trusted ones are read fast for. All ways
// to write them, so that every short cut is taken and left.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "support/random_source.hpp"
#include "support/twins.hpp"

namespace {

class generator {
 public:
  explicit generator(std::uint64_t seed) : random(seed) {
    // Keys with the same beginnings, around the lengths that are compared as a word, and such as are written with an escape.
    for (const char* key :
         {"a", "ab", "abcdefg", "abcdefgh", "abcdefghi", "abcdefgj", "b", "bb", R"(z\"q)", R"(z\\t)", "key.with", "k"}) {
      keys_.emplace_back(key);
    }
    for (std::size_t i = random.below(4); i > 0; --i) keys_.push_back(word(random.between(1, 70)));
    wanted_ = keys_;
    while (wanted_.size() > random.between(1, 8))
      wanted_.erase(wanted_.begin() + static_cast<std::ptrdiff_t>(random.below(wanted_.size())));
  }

  std::string pattern() {
    const std::string inner = "{\"" + random.pick(wanted_) + "\":" + random.pick(tests_) + '}';
    return random.percent(50) ? inner : "{\"" + random.pick(wanted_) + "\":" + inner + '}';
  }
  std::string event() {
    comma_ = random.percent(70) ? "," : random.percent(70) ? ", " : "\n , ";
    colon_ = random.percent(70) ? ":" : random.percent(70) ? ": " : " :  ";
    return object(2);
  }

  tests::random_source random;

 private:
  std::string word(std::size_t size) {
    std::string out;
    for (; size > 0; --size) out += static_cast<char>('a' + random.below(26));
    return out;
  }
  std::string scalar() {
    if (random.percent(40)) return random.pick(scalars_);
    return '"' + word(random.percent(80) ? random.below(12) : random.below(150)) + (random.percent(3) ? "\\\"}" : "") + '"';
  }
  std::string object(int depth) {
    std::vector<std::string> keys = keys_;
    for (std::size_t i = random.below(12); i > 0; --i) keys.push_back("0" + std::to_string(i) + word(random.below(9)));
    for (std::size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[random.below(i)]);
    keys.resize(random.below(keys.size()));
    std::string out = "{";
    for (const std::string& key : keys) {
      if (out.size() > 1) out += comma_;
      out += '"' + (random.percent(3) ? "\\u00" + std::string(1, "67"[random.below(2)]) + "1" : "") + key + '"' + colon_;
      if (depth == 0 || random.percent(80)) {
        out += scalar();
      } else {
        out += random.percent(50) ? object(depth - 1)
                                  : '[' + object(depth - 1) + comma_ + scalar() + comma_ + object(depth - 1) + ']';
      }
    }
    return out + (random.percent(90) ? "}" : " }");
  }

  std::vector<std::string> keys_, wanted_;
  std::string comma_, colon_;
  const std::vector<std::string> tests_ = {R"([1])",    R"([{"exists":true}])",      R"([{"exists":false}])",   R"(["a","x"])",
                                           R"([null])", R"([{"anything-but":"a"}])", R"([{"numeric":["<",0]}])"};
  const std::vector<std::string> scalars_ = {
      "1", "-1.5", "null", "true", "false", "\"a\"", "\"x\"", "1e2", "12345678901234567890123456789012345", "\"\""};
};

}  // namespace

TEST_CASE("objects with many members: both kinds of reader and the slow twin agree") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  std::size_t matches = 0;
  for (std::uint64_t life = first; life < first + 2000 / tests::build_slowness; ++life) {
    CAPTURE(life);
    generator generator(life);
    tests::twins twins({true, true, true, true});
    for (std::size_t n = generator.random.between(1, 12); n > 0; --n)
      if (!twins.add(generator.pattern())) FAIL(twins.difference());
    for (int n = 0; n < 15; ++n)
      if (!twins.check(generator.event())) FAIL(twins.difference());
    matches += twins.matches();
  }
  CHECK(matches > 1000);
}
