// intrusive_list and late_vector against the standard's containers, by random operations.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <vector>

#include "random_source.hpp"
#include "rulebus/detail/intrusive_list.hpp"
#include "rulebus/detail/late_vector.hpp"

namespace {

struct element {
  element* next = nullptr;
  element* prev = nullptr;
};

std::vector<const element*> forward(const rulebus::detail::intrusive_list<element>& list) {
  std::vector<const element*> out;
  for (const element* e = list.front(); e; e = e->next) out.push_back(e);
  return out;
}

}  // namespace

TEST_CASE("intrusive_list: random pushes and removals leave what a deque has, in its order") {
  const std::uint64_t seed = tests::seed();
  CAPTURE(seed);
  tests::random_source random(seed);
  std::array<element, 6> all;
  for (int round = 0; round < 200; ++round) {
    rulebus::detail::intrusive_list<element> list;
    std::deque<const element*> twin;
    for (int step = 0; step < 60; ++step) {
      element& e = all[random.below(all.size())];
      const auto at = std::find(twin.begin(), twin.end(), &e);
      if (at != twin.end()) {
        list.remove(e);
        twin.erase(at);
        CHECK(e.next == nullptr);
      } else if (random.percent(30)) {
        list.push_front(e);
        twin.push_front(&e);
      } else {
        list.push_back(e);
        twin.push_back(&e);
      }
      REQUIRE(list.size() == twin.size());
      REQUIRE(list.empty() == twin.empty());
      REQUIRE(forward(list) == std::vector<const element*>(twin.begin(), twin.end()));
    }
    while (!twin.empty()) {
      REQUIRE(list.pop_front() == twin.front());
      twin.pop_front();
    }
    CHECK(list.pop_front() == nullptr);
    CHECK(list.empty());
  }
}

TEST_CASE("late_vector: one word, and a vector once something is put into it") {
  rulebus::detail::late_vector<int> v;
  CHECK(sizeof v == sizeof(void*));
  CHECK(v.empty());
  CHECK(v.size() == 0);
  CHECK(v.begin() == v.end());
  for (const int i : {3, 1, 2}) v.push_back(i);
  CHECK(v.size() == 3);
  CHECK(v.front() == 3);
  CHECK(std::vector<int>(v.begin(), v.end()) == std::vector<int>{3, 1, 2});
  std::sort(v.begin(), v.end());
  CHECK(v.front() == 1);
  v.pop_back();
  CHECK(v.size() == 2);
  v.clear();
  CHECK(v.empty());
  CHECK(v.begin() == v.end());
  v.push_back(7);
  CHECK(v.front() == 7);
}
