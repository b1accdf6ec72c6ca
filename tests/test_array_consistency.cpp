#include "rulebus/detail/array_consistency.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <vector>

using rulebus::detail::array_element;
using rulebus::detail::array_solver;

namespace {

struct problem {
  struct field {
    bool or_absent = false;
    std::vector<std::uint32_t> passing, present;
  };
  std::vector<array_element> elements{{}};
  std::uint32_t arrays = 0;
  std::vector<field> fields;
};

using positions = std::map<std::uint32_t, std::uint32_t>;

positions positions_of(const problem& p, std::uint32_t element) {
  positions out;
  for (; element != 0; element = p.elements[element].outer) out[p.elements[element].array] = p.elements[element].index;
  return out;
}

bool agree(const positions& a, const positions& b) {
  for (const auto& [array, index] : a) {
    if (const auto found = b.find(array); found != b.end() && found->second != index) return false;
  }
  return true;
}

// The definition, word for word: every choice, in order, without memory.
bool slow_solve(const problem& p, std::size_t at, const positions& chosen) {
  if (at == p.fields.size()) return true;
  const auto& f = p.fields[at];
  bool absent = f.or_absent;
  for (const std::uint32_t e : f.present) absent = absent && !agree(chosen, positions_of(p, e));
  if (absent && slow_solve(p, at + 1, chosen)) return true;
  for (const std::uint32_t e : f.passing) {
    const positions more = positions_of(p, e);
    if (!agree(chosen, more)) continue;
    positions next = chosen;
    next.insert(more.begin(), more.end());
    if (slow_solve(p, at + 1, next)) return true;
  }
  return false;
}

problem random_problem(std::mt19937_64& random) {
  problem p;
  const auto below = [&](std::uint64_t n) { return static_cast<std::uint32_t>(random() % n); };
  const std::uint32_t arrays = 1 + below(4);
  for (; p.arrays < arrays;) {
    const std::uint32_t outer = below(p.elements.size());
    ++p.arrays;
    for (std::uint32_t i = 0, n = 1 + below(3); i < n; ++i) p.elements.push_back({p.arrays, i, outer});
  }
  for (std::uint32_t i = 0, n = 1 + below(5); i < n; ++i) {
    problem::field f;
    f.or_absent = below(3) == 0;
    for (std::uint32_t k = below(5); k > 0; --k) {
      f.present.push_back(below(p.elements.size()));
      if (below(2) == 0) f.passing.push_back(f.present.back());
    }
    p.fields.push_back(f);
  }
  return p;
}

bool fast_solve(array_solver& solver, const problem& p, std::size_t& steps) {
  solver.begin(p.elements, p.arrays);
  for (const auto& f : p.fields) {
    solver.add_field(f.or_absent);
    for (const std::uint32_t e : f.passing) solver.add_passing(e);
    if (!f.or_absent) continue;
    for (const std::uint32_t e : f.present) solver.add_present(e);
  }
  return solver.solve(steps);
}

}  // namespace

TEST_CASE("array_solver: agrees with trying every choice, on random small problems") {
  std::mt19937_64 random(11);
  array_solver solver;
  int solvable = 0;
  for (int i = 0; i < 20000; ++i) {
    const problem p = random_problem(random);
    std::size_t steps = 1000000;
    const bool expected = slow_solve(p, 0, {});
    CAPTURE(i);
    REQUIRE(fast_solve(solver, p, steps) == expected);
    solvable += expected ? 1 : 0;
  }
  CHECK(solvable > 2000);
  CHECK(solvable < 18000);
}

TEST_CASE("array_solver: three arrays of 80 elements that nothing can satisfy cost a sum, not a product") {
  problem p;
  for (; p.arrays < 3;) {
    ++p.arrays;
    problem::field f;
    for (std::uint32_t i = 0; i < 80; ++i) {
      p.elements.push_back({p.arrays, i, 0});
      f.passing.push_back(static_cast<std::uint32_t>(p.elements.size() - 1));
    }
    p.fields.push_back(f);
  }
  p.fields.push_back({});
  array_solver solver;
  std::size_t steps = 1000;
  CHECK_FALSE(fast_solve(solver, p, steps));
  CHECK(steps > 600);
}

TEST_CASE("array_solver: gives up when its steps run out") {
  problem p;
  std::mt19937_64 random(3);
  for (int a = 0; a < 12; ++a) {  // fields that may each come from several repeated arrays
    ++p.arrays;
    for (std::uint32_t i = 0; i < 4; ++i) p.elements.push_back({p.arrays, i, 0});
  }
  for (int f = 0; f < 24; ++f) {
    problem::field field;
    for (int k = 0; k < 6; ++k) field.passing.push_back(static_cast<std::uint32_t>(1 + random() % (p.elements.size() - 1)));
    p.fields.push_back(field);
  }
  p.fields.push_back({});
  array_solver solver;
  std::size_t steps = 50;
  CHECK_FALSE(fast_solve(solver, p, steps));
  CHECK(steps == 0);
}
