#include "rulebus/detail/id_table.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>

using namespace rulebus;
using table = detail::id_table<int>;

namespace {

rule_id id(std::uint64_t n) { return static_cast<rule_id>(n); }

int value_at(const table& t, std::uint64_t n) {
  const auto found = t.find(id(n));
  return found ? *found : -1;
}

}  // namespace

TEST_CASE("id_table: finds what was set, up to the largest id") {
  table t;
  CHECK(t.empty());
  CHECK(value_at(t, 0) == -1);
  const std::uint64_t keys[] = {0, 1, 31, 32, 1023, 1024, 1u << 20, std::uint64_t{1} << 40, std::uint64_t{1} << 63, UINT64_MAX};
  int n = 0;
  for (const std::uint64_t key : keys) t.set(id(key), std::make_shared<int>(n++));
  n = 0;
  for (const std::uint64_t key : keys) CHECK(value_at(t, key) == n++);
  CHECK(value_at(t, 2) == -1);
  CHECK(value_at(t, UINT64_MAX - 1) == -1);
  for (const std::uint64_t key : keys) t.set(id(key), nullptr);
  CHECK(t.empty());
}

TEST_CASE("id_table: a copy keeps what it has when the other changes") {
  table before;
  before.set(id(7), std::make_shared<int>(7));
  table after = before;
  after.set(id(7), nullptr);
  after.set(id(7000), std::make_shared<int>(1));
  CHECK(value_at(before, 7) == 7);
  CHECK(value_at(before, 7000) == -1);
  CHECK(value_at(after, 7) == -1);
  CHECK(value_at(after, 7000) == 1);
}

TEST_CASE("id_table: clearing what is not there does nothing, and a cleared value is let go") {
  const auto value = std::make_shared<int>(1);
  table t;
  t.set(id(5), nullptr);
  CHECK(t.empty());
  t.set(id(5), value);
  t.set(id(6), nullptr);
  CHECK(value.use_count() == 2);
  t.set(id(5), nullptr);
  CHECK(value.use_count() == 1);
  CHECK(t.empty());
}

TEST_CASE("id_table: agrees with std::map on random changes") {
  std::mt19937 random(20240611);
  table t;
  std::map<std::uint64_t, int> expected;
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t key = random() % (i % 3 == 0 ? 50 : 5000);
    if (random() % 3 == 0) {
      t.set(id(key), nullptr);
      expected.erase(key);
    } else {
      t.set(id(key), std::make_shared<int>(i));
      expected[key] = i;
    }
    const std::uint64_t probe = random() % 5000;
    const auto found = expected.find(probe);
    REQUIRE(value_at(t, probe) == (found == expected.end() ? -1 : found->second));
  }
}
