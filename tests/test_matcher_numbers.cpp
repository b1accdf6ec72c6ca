// Many numbers at one path that hardly differ, as the coordinates of a shape do: what is passed over because it begins unlike
// any number that rules ask for (number_heads), or stands close to one that was searched before (match_state::probe_ranges).
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
  explicit generator(std::uint64_t seed) : random(seed), digits_(random.pick(std::vector<std::size_t>{1, 2, 13, 14})) {}

  std::string pattern() {
    const std::string x = field("x"), y = random.percent(50) ? "," + field("y") : "";
    return R"({"points":{)" + x + y + "}" + (random.percent(30) ? R"(,"type":["a"])" : "") + "}";
  }
  std::string event() {
    std::string points;
    for (std::size_t n = random.between(1, 9); n > 0; --n) {
      points += (points.empty() ? "" : ",") + (R"({"x":)" + spelled() + (random.percent(90) ? R"(,"y":)" + spelled() : "") + "}");
    }
    return R"({"points":[)" + points + R"(],"type":")" + random.pick(std::vector<char>{'a', 'b'}) + "\"}";
  }

  tests::random_source random;

 private:
  /// -122.42 and some digits of which mostly the last one varies; seldom another number.
  std::string number() {
    if (random.percent(5)) return random.pick(std::vector<std::string>{"0", "5", "-122", "122.42", "-1224", "1e300", "-1e-7"});
    std::string fraction(digits_, '4');
    fraction.back() = static_cast<char>('0' + random.below(10));
    if (random.percent(10)) fraction.front() = static_cast<char>('3' + random.below(3));
    return "-122.42" + fraction;
  }
  /// The same, sometimes written in another way, or with a digit more.
  std::string spelled() {
    const std::string n = number();
    if (n.find('.') != std::string::npos && random.percent(20))
      return n + random.pick(std::vector<std::string>{"0", "00", "e0", "E+0", "5"});
    return n;
  }
  std::string condition() {
    if (random.percent(35)) return R"({"numeric":["=",)" + number() + "]}";
    if (random.percent(50)) {
      return R"({"numeric":[")" + random.pick(std::vector<std::string>{"<", "<=", ">", ">="}) + "\"," + number() + "]}";
    }
    return R"({"numeric":[")" + random.pick(std::vector<std::string>{">", ">="}) + "\"," + number() + ",\"" +
           random.pick(std::vector<std::string>{"<", "<="}) + "\"," + number() + "]}";
  }
  std::string field(const std::string& key) {
    std::string list = condition();
    while (random.percent(25)) list += "," + condition();
    return "\"" + key + "\":[" + list + "]";
  }

  std::size_t digits_;
};

const std::uint64_t wanted_lives = tests::number_from_environment("RULEBUS_RANDOM_CASES", 100'000 / tests::build_slowness) / 200;

}  // namespace

TEST_CASE("numbers that stand close together: the matcher and its slow twin agree while rules come and go") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first << ", " << wanted_lives << " lives");
  for (std::uint64_t life = first; life < first + wanted_lives; ++life) {
    INFO("life " << life);
    generator g(life);
    tests::twins twins;
    for (int change = 0; change < 6; ++change) {
      while (twins.size() > 0 && (twins.size() >= 10 || g.random.percent(25)))
        if (!twins.remove(g.random.below(twins.size()))) FAIL(twins.difference());
      for (std::size_t n = g.random.between(0, 8); n > 0; --n)
        if (!twins.add(g.pattern())) FAIL(twins.difference());
      for (int n = 0; n < 6; ++n)
        if (!twins.check(g.event())) FAIL(twins.difference());
    }
  }
}
