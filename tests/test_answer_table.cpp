#include "rulebus/detail/answer_table.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <vector>

#include "random_source.hpp"

using namespace rulebus::detail;

namespace {

/// Numbers of conditions: all with a row of their own; some more; or far apart, by what puts many of them into one row.
std::uint32_t random_condition(tests::random_source& random, std::size_t kind) {
  const auto n = static_cast<std::uint32_t>(random.below(kind == 0 ? 200 : 4000));
  if (kind <= 1) return n;
  if (kind == 2) return n << 10;
  if (kind == 3) return n << 20;
  return n * 513U;
}

}  // namespace

TEST_CASE("answer_table: agrees with a map, event after event, whatever numbers the conditions have") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  tests::random_source random(seed);
  for (std::size_t kind = 0; kind < 5; ++kind) {
    CAPTURE(kind);
    answer_table table;
    for (int event = 0; event < 40; ++event) {
      std::map<std::uint32_t, std::uint32_t> twin;
      table.begin_event();
      const std::size_t steps = random.percent(20) ? 3000 : random.below(60);
      for (std::size_t step = 0; step < steps; ++step) {
        const std::uint32_t condition = random_condition(random, kind);
        const auto known = twin.find(condition);
        const condition_answer* const found = table.find(condition);
        REQUIRE((found != nullptr) == (known != twin.end()));
        if (found != nullptr) REQUIRE(found->first_hit == known->second);
        if (random.percent(40)) continue;
        condition_answer& answer = table.at(condition);
        REQUIRE(answer.first_hit == (known != twin.end() ? known->second : condition_answer::unknown));
        answer.first_hit = twin[condition] = static_cast<std::uint32_t>(random.below(1000));
      }
      for (const auto& [condition, first_hit] : twin) {
        REQUIRE(table.find(condition) != nullptr);
        REQUIRE(table.find(condition)->first_hit == first_hit);
      }
    }
  }
}
