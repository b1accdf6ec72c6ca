#include "rulebus/detail/interval_tree.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <set>
#include <vector>

#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/index_range.hpp"
#include "support/random_source.hpp"

using rulebus::detail::block;
using rulebus::detail::interval;
using rulebus::detail::interval_tree;
using rulebus::detail::version_store;

namespace {

struct item {
  std::uint32_t hash;
  interval bounds;
};

void nothing_to_destroy(block&) noexcept {}

/// A tree and its twin, a plain list. Small bounds meet often; `spread` of them.
struct twins {
  tests::random_source& random;
  double spread;
  version_store store{&nothing_to_destroy};
  interval_tree<item> tree{};
  std::vector<std::unique_ptr<item>> items{};  // all that there ever were
  std::vector<item*> set{};

  double number() { return static_cast<double>(random.below(static_cast<std::size_t>(spread))); }

  /// Adds an interval, or puts another item in its place if it is there.
  void add() {
    const interval bounds = random.percent(20)   ? interval{-1e300, number()}
                            : random.percent(20) ? interval{number(), 1e300}
                                                 : interval{number(), number()};  // some of them hold nothing
    const auto hash = static_cast<std::uint32_t>(rulebus::detail::hash_bytes(rulebus::detail::range_key(bounds).view(), 1));
    items.push_back(std::make_unique<item>(item{hash, bounds}));
    item* const added = items.back().get();
    const auto known = std::find_if(set.begin(), set.end(), [&](const item* i) { return i->bounds == bounds; });
    if (known == set.end()) {
      tree.insert(store, bounds, added);
      set.push_back(added);
    } else {
      tree.replace(store, bounds, added);
      *known = added;
    }
  }
  void remove() {
    const std::size_t i = random.below(set.size());
    tree.erase(store, set[i]->bounds, set[i]);
    set.erase(set.begin() + static_cast<std::ptrdiff_t>(i));
  }
};

std::multiset<const item*> found(const interval_tree<item>& tree, double x) {
  std::multiset<const item*> out;
  tree.search(x, [&](const item& i) { return out.insert(&i), true; });
  return out;
}

std::multiset<const item*> expected(const std::vector<item*>& set, double x) {
  std::multiset<const item*> out;
  for (const item* i : set)
    if (i->bounds.low <= x && x <= i->bounds.high) out.insert(i);
  return out;
}

/// Whether no item but those that hold x holds a number that is strictly between the answers of a search for x.
bool is_alone_between(const interval_tree<item>& tree, const std::vector<item*>& set, double x) {
  const interval around = tree.search(x, [](const item&) { return true; });
  const auto meets = [&](const item* i) {
    return i->bounds.low <= i->bounds.high && i->bounds.low < around.high && i->bounds.high > around.low;
  };
  const auto holds = [&](const item* i) { return i->bounds.low <= x && x <= i->bounds.high; };
  return around.low < x && x < around.high &&
         std::none_of(set.begin(), set.end(), [&](const item* i) { return meets(i) && !holds(i); });
}

std::size_t bytes_of(const std::vector<item*>& set) {
  version_store store(&nothing_to_destroy);
  interval_tree<item> tree;
  for (item* i : set) tree.insert(store, i->bounds, i), store.commit();
  const std::size_t bytes = store.bytes();
  tree.free_nodes(store);
  CHECK(store.bytes() == 0);
  return bytes;
}

}  // namespace

TEST_CASE("interval_tree: agrees with a list under random changes, and gives all memory back") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  for (std::uint64_t life = first; life < first + 60; ++life) {
    CAPTURE(life);
    tests::random_source random(life);
    twins t{random, static_cast<double>(random.pick(std::vector<int>{2, 8, 40, 10'000}))};
    const std::size_t size = random.pick(std::vector<std::size_t>{3, 30, 300});
    for (std::size_t step = 0; step < 4 * size; ++step) {
      t.set.size() > size || (!t.set.empty() && random.percent(30)) ? t.remove() : t.add();
      if (random.percent(40)) t.store.commit();
      const double x = random.percent(80) ? t.number() : t.number() + 0.5;
      REQUIRE(found(t.tree, x) == expected(t.set, x));
      REQUIRE(is_alone_between(t.tree, t.set, x));
    }
    for (double x = -1; x <= std::min(t.spread, 50.0); x += 0.5) REQUIRE(found(t.tree, x) == expected(t.set, x));
    t.store.commit();
    std::reverse(t.set.begin(), t.set.end());
    CHECK(t.store.bytes() == bytes_of(t.set));  // equal sets have equal shapes
    while (!t.set.empty()) t.remove();
    t.store.commit();
    CHECK(t.tree.empty());
    CHECK(t.store.bytes() == 0);
  }
}

TEST_CASE("interval_tree: a version that was copied before stays as it was, and an aborted change is none") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  tests::random_source random(first);
  twins t{random, 100};
  while (t.set.size() < 200) t.add(), t.store.commit();
  const std::size_t pin = t.store.add_pin(), bytes = t.store.bytes();
  t.store.move_pin_to_newest(pin);
  const interval_tree<item> before = t.tree;
  const std::vector<item*> set = t.set;

  for (int i = 0; i < 50; ++i) t.remove(), t.add();
  t.store.abort();
  CHECK(t.store.bytes() == bytes);
  t.tree = before, t.set = set;

  for (int i = 0; i < 500; ++i) {
    random.percent(50) && !t.set.empty() ? t.remove() : t.add();
    t.store.commit();
    const double x = t.number();
    REQUIRE(found(before, x) == expected(set, x));
    REQUIRE(found(t.tree, x) == expected(t.set, x));
  }
  while (!t.set.empty()) t.remove(), t.store.commit();
  CHECK(t.store.bytes() == bytes);  // what came and went since the pin is not kept
  t.store.remove_pin(pin);
  CHECK(t.store.bytes() == 0);
}

TEST_CASE("interval_tree: items of equal ranks, and a visit that stops the search") {
  for (const std::uint32_t hash : {std::uint32_t{1}, std::uint32_t{0}, std::uint32_t{1} << 4, ~std::uint32_t{0}}) {
    version_store store(&nothing_to_destroy);
    interval_tree<item> tree;
    std::vector<std::unique_ptr<item>> items;
    for (int i = 0; i < 100; ++i) {
      const double low = i * 37 % 100;
      items.push_back(std::make_unique<item>(item{hash, {low, low + 9.5}}));
      tree.insert(store, items.back()->bounds, items.back().get());
      store.commit();
    }
    CHECK(found(tree, 50.5).size() == 10);
    CHECK(found(tree, 9.5).size() == 10);
    CHECK(found(tree, -0.5).empty());
    int visited = 0;
    tree.search(50.5, [&](const item&) { return ++visited < 3; });
    CHECK(visited == 3);
    for (const auto& i : items) tree.erase(store, i->bounds, i.get()), store.commit();
    CHECK(store.bytes() == 0);
  }
}

TEST_CASE("ranges: open ends become the next double") {
  using rulebus::detail::closed;
  const interval open = closed({.low = 0, .high = 1, .low_open = true, .high_open = true});
  CHECK(open.low > 0);
  CHECK(open.low / 2 == 0);
  CHECK(open.high < 1);
  CHECK(open.high + 1.2e-16 == 1);
  CHECK(closed({.low = 0, .high = 1, .low_open = false, .high_open = false}) == interval{0, 1});
  CHECK(rulebus::detail::range_key::bounds(rulebus::detail::range_key(open).view()) == open);
}

TEST_CASE("interval_tree: a search tells how far it is to the next items") {
  std::vector<item> items;
  for (int i = 0; i < 1000; ++i) items.push_back({static_cast<std::uint32_t>(i) * 0x9e3779b1U, {i * 10.0, i * 10.0 + 4}});
  version_store store(&nothing_to_destroy);
  interval_tree<item> tree;
  const auto search = [&](double x) { return tree.search(x, [](const item&) { return true; }); };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(search(5) == interval{-infinity, infinity});
  for (item& i : items) tree.insert(store, i.bounds, &i), store.commit();
  CHECK(search(2222) == interval{2214, 2230});
  CHECK(search(2224) == interval{2214, 2230});
  CHECK(search(2225) == interval{2224, 2230});
  CHECK(search(-1) == interval{-infinity, 0});
  CHECK(search(99999) == interval{9994, infinity});
  tree.free_nodes(store);
}
