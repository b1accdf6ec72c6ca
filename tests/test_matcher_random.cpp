#include "rulebus/matcher.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "support/random_patterns.hpp"
#include "support/twins.hpp"

// RULEBUS_SEED and RULEBUS_RANDOM_CASES choose the cases; the seed of a failing run is in its output.

namespace {

/// A matcher that lives through some changes, with a few events after each. Answers how many comparisons it made.
std::uint64_t one_life(std::uint64_t seed, bool with_additions) {
  const auto& profile = tests::profiles[seed % tests::profiles.size()];
  tests::generator generator(seed, profile, with_additions);
  tests::random_source& random = generator.random();
  tests::twins twins(with_additions ? naive::additions{true, true, true, true} : naive::additions{});
  INFO("life " << seed << ", profile " << std::string(profile.name));
  std::uint64_t cases = 0;
  for (std::size_t change = random.between(1, 12); change > 0; --change) {
    while (twins.size() > 0 && (twins.size() >= 8 || random.percent(25)))
      if (!twins.remove(random.below(twins.size()))) FAIL(twins.difference());
    for (std::size_t n = random.between(0, 8 - twins.size()); n > 0; --n)
      if (!twins.add(generator.pattern())) FAIL(twins.difference());
    for (std::size_t n = random.between(1, 8); n > 0; --n, ++cases) {
      std::string event = generator.event();
      if (random.percent(2)) event = generator.damaged(event);
      if (!twins.check(event)) FAIL(twins.difference());
      if (twins.size() > 0 && random.percent(15))
        if (!twins.check_alone(random.below(twins.size()), event)) FAIL(twins.difference());
    }
  }
  return cases;
}

void many_lives(std::uint64_t wanted, bool with_additions) {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first << ", " << wanted << " cases");
  std::uint64_t cases = 0;
  for (std::uint64_t life = first; cases < wanted; ++life) cases += one_life(life, with_additions);
}

const std::uint64_t wanted_cases = tests::number_from_environment("RULEBUS_RANDOM_CASES", 100'000 / tests::build_slowness);

}  // namespace

TEST_CASE("random rules and events: the matcher and its slow twin agree while rules come and go") {
  many_lives(wanted_cases, false);
}

TEST_CASE("random rules with the additions to the language: the matcher and its slow twin agree") {
  many_lives(wanted_cases / 4, true);
}

TEST_CASE("random events for many rules on few fields: the matcher and its slow twin agree") {
  const std::uint64_t first = tests::seed(), events = wanted_cases / 400;
  MESSAGE("RULEBUS_SEED=" << first);
  for (std::uint64_t i = 0; i < tests::profiles.size(); ++i) {
    tests::generator generator(first + i, tests::profiles[i]);
    tests::twins twins;
    for (std::uint64_t n = 0; n < events; ++n) {
      // From 1,000 rules on, readers go another way (match_state::add_candidates).
      const std::size_t rules = n % 2 == 0 ? 1003 : 997;
      while (twins.size() > rules)
        if (!twins.remove(generator.random().below(twins.size()))) FAIL(twins.difference());
      while (twins.size() < rules)
        if (!twins.add(generator.pattern())) FAIL(twins.difference());
      if (!twins.check(generator.event())) FAIL(twins.difference());
    }
  }
}

TEST_CASE("random rules: removing all of them gives all of their memory back") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  for (std::uint64_t life = first; life < first + 20; ++life) {
    tests::generator generator(life, tests::profiles[life % tests::profiles.size()]);
    tests::twins twins;
    const std::size_t empty = twins.memory_bytes();
    for (int i = 0; i < 50; ++i)
      if (!twins.add(generator.pattern()) || !twins.check(generator.event())) FAIL(twins.difference());
    CHECK(twins.memory_bytes() > empty);
    while (twins.size() > 0)
      if (!twins.remove(generator.random().below(twins.size()))) FAIL(twins.difference());
    twins.release();
    CHECK(twins.memory_bytes() == empty);
  }
}
