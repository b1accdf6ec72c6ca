// Conditions that are looked for only while rules are under them: numeric ranges, wildcards by pieces of what is between
// stars, beginnings and ends in any case, networks; and rules that match at once when found. Many of them on two fields, over
// alphabets so small that they crowd: what test_matcher_random has too few of.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "rulebus/matcher.hpp"
#include "support/random_source.hpp"
#include "support/twins.hpp"

namespace {

class generator {
 public:
  explicit generator(std::uint64_t seed)
      : random(seed), letters_(random.between(1, 3)), longest_(random.between(3, 12)), numbers_(random.between(3, 40)) {}

  std::string pattern() {
    const std::string second = random.percent(20) ? R"(,"b":[)" + condition() + ']' : "";
    std::string list = condition();
    while (random.percent(25)) list += ',' + condition();
    return R"({"a":[)" + list + ']' + second + '}';
  }
  std::string event() { return R"({"a":)" + value() + (random.percent(70) ? R"(,"b":)" + value() : "") + '}'; }

  tests::random_source random;

 private:
  std::string text(std::size_t size) {
    std::string out;
    for (; size > 0; --size) out += static_cast<char>('a' + random.below(letters_));
    return out;
  }
  std::string number() {
    const std::string whole = std::to_string(random.below(numbers_));
    return (random.percent(20) ? "-" : "") + whole + (random.percent(10) ? ".5" : "");
  }
  std::string leaf() {
    if (random.percent(3)) return random.percent(50) ? R"("10.1.2.3")" : R"("10.2.2.3")";
    return random.percent(60) ? '"' + any_case(text(random.below(random.percent(50) ? 5 : 3 * longest_))) + '"' : number();
  }
  std::string value() {
    if (random.percent(70)) return leaf();
    std::string out;
    for (std::size_t n = random.below(5); n > 0; --n) out += (out.empty() ? "" : ",") + leaf();
    return '[' + out + ']';
  }

  std::string wildcard() {
    std::string out = random.percent(70) ? "*" : text(random.between(1, 2));
    if (out != "*") out += '*';
    for (std::size_t n = random.percent(70) ? 1 : 2; n > 0; --n) out += text(random.between(1, longest_)) + '*';
    return R"({"wildcard":")" + out + (random.percent(70) ? "" : text(1)) + R"("})";
  }
  std::string range() {
    const std::string low = std::to_string(random.below(numbers_));
    if (random.percent(30)) return R"({"numeric":[")" + random.pick(operators_) + "\"," + number() + "]}";
    const std::string high = std::to_string(std::stoul(low) + random.between(1, 3));
    return R"({"numeric":[")" + std::string(random.percent(50) ? ">" : ">=") + "\"," + low + ",\"" +
           (random.percent(50) ? "<" : "<=") + "\"," + high + "]}";
  }
  std::string condition() {
    if (random.percent(4)) return R"({"exists":false})";
    if (random.percent(6)) return R"({"all":[)" + condition() + ',' + condition() + "]}";
    if (random.percent(4)) return R"({"anything-but":)" + wildcard() + '}';
    if (random.percent(8)) return number();
    if (random.percent(30)) return end();
    if (random.percent(4)) return random.percent(50) ? R"({"cidr":"10.0.0.0/8"})" : R"({"cidr":"10.1.0.0/16"})";
    return random.percent(50) ? wildcard() : range();
  }
  /// A beginning or an end, or all of a text, perhaps ignoring case, perhaps of what must not be.
  std::string end() {
    std::string operand = '"' + any_case(text(random.below(4))) + '"';
    if (random.percent(60)) operand = R"({"equals-ignore-case":)" + operand + '}';
    if (random.percent(70)) {
      if (operand.front() == '"' || random.percent(50)) operand = '{' + random.pick(ends_) + ':' + operand + '}';
    }
    if (operand.front() == '"') return random.percent(50) ? operand : R"({"anything-but":[)" + operand + "]}";
    // What anything-but takes is simpler.
    if (random.percent(80)) return operand;
    const std::string word = '"' + text(random.below(3)) + '"';
    return R"({"anything-but":{)" + random.pick(butters_) + ":[" + word + "]}}";
  }
  /// Letters in capitals here and there; now and then the sign for Kelvin, whose lower case is a k.
  std::string any_case(std::string text) {
    for (char& c : text) {
      if (random.percent(30)) c = static_cast<char>(c - 'a' + 'A');
    }
    return random.percent(5) ? text + (random.percent(50) ? "\xe2\x84\xaa" : random.percent(50) ? "k" : "K") : text;
  }

  const std::vector<std::string> ends_ = {R"("prefix")", R"("suffix")"};
  const std::vector<std::string> butters_ = {R"("prefix")", R"("suffix")", R"("equals-ignore-case")"};
  const std::vector<std::string> operators_ = {"<", "<=", ">", ">=", "="};
  std::size_t letters_, longest_, numbers_;
};

}  // namespace

TEST_CASE("ranges and pieces of wildcards: the matcher and its slow twin agree while rules come and go") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  for (std::uint64_t life = first; life < first + 60 / tests::build_slowness; ++life) {
    CAPTURE(life);
    generator generator(life);
    tests::twins twins({true, true, true, true});
    const std::size_t empty = twins.memory_bytes(), rules = generator.random.between(20, 200);
    for (int round = 0; round < 60; ++round) {
      while (twins.size() < rules)
        if (!twins.add(generator.pattern())) FAIL(twins.difference());
      for (int n = 0; n < 3; ++n)
        if (!twins.check(generator.event())) FAIL(twins.difference());
      for (std::size_t n = generator.random.below(rules / 4); n > 0 && twins.size() > 0; --n)
        if (!twins.remove(generator.random.below(twins.size()))) FAIL(twins.difference());
    }
    CHECK(twins.matches() > 100);
    while (twins.size() > 0)
      if (!twins.remove(generator.random.below(twins.size()))) FAIL(twins.difference());
    twins.release();
    CHECK(twins.memory_bytes() == empty);
  }
}
