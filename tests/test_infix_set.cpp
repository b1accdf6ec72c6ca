#include "rulebus/detail/infix_set.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/detail/hash.hpp"
#include "support/random_source.hpp"

using rulebus::detail::block;
using rulebus::detail::infix_set;
using rulebus::detail::version_store;

namespace {

struct item {
  std::uint32_t hash;
  std::string text;
  std::string_view key() const { return text; }
};

void nothing_to_destroy(block&) noexcept {}
std::uint32_t hash_of(std::string_view text) { return static_cast<std::uint32_t>(rulebus::detail::hash_bytes(text, 1)); }

/// A set and its twin, a plain list.
struct twins {
  tests::random_source& random;
  std::size_t alphabet, lengths;
  version_store store{&nothing_to_destroy};
  infix_set<item> set{};
  std::vector<std::unique_ptr<item>> items{};  // all that there ever were
  std::vector<item*> list{};

  std::string text(std::size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random.below(alphabet) * 255 / (alphabet - 1));
    return out;
  }
  /// Adds a text, or puts another item in its place if it is there.
  void add() {
    const std::string added = text(rulebus::detail::infix_lengths[random.below(lengths)]);
    items.push_back(std::make_unique<item>(item{hash_of(added), added}));
    const auto known = std::find_if(list.begin(), list.end(), [&](const item* i) { return i->text == added; });
    if (known != list.end()) {
      set.replace(store, *known, items.back().get());
      *known = items.back().get();
      return;
    }
    set.insert(store, items.back().get());
    list.push_back(items.back().get());
  }
  void remove() {
    const std::size_t i = random.below(list.size());
    set.erase(store, list[i]);
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
  }
};

std::set<const item*> found(const infix_set<item>& set, std::string_view text) {
  std::set<const item*> out;
  set.search(text, hash_of, [&](const item& i) { return out.insert(&i).second; });
  return out;
}

std::set<const item*> expected(const std::vector<item*>& list, std::string_view text) {
  std::set<const item*> out;
  for (const item* i : list)
    if (text.find(i->text) != std::string_view::npos) out.insert(i);
  return out;
}

}  // namespace

TEST_CASE("infix_set: agrees with a list under random changes, and gives all memory back") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  for (std::uint64_t life = first; life < first + 60; ++life) {
    CAPTURE(life);
    tests::random_source random(life);
    twins t{random, random.pick(std::vector<std::size_t>{2, 4, 256}), random.between(1, 6)};
    const std::size_t size = random.pick(std::vector<std::size_t>{3, 40, 600});
    for (std::size_t step = 0; step < 4 * size; ++step) {
      t.list.size() > size || (!t.list.empty() && random.percent(40)) ? t.remove() : t.add();
      if (random.percent(40)) t.store.commit();
      std::string text = t.text(random.below(20));
      if (!t.list.empty() && random.percent(50)) text.insert(random.below(text.size() + 1), random.pick(t.list)->text);
      REQUIRE(found(t.set, text) == expected(t.list, text));
    }
    while (!t.list.empty()) t.remove();
    t.store.commit();
    CHECK(t.set.empty());
    CHECK(t.store.bytes() == 0);
  }
}

TEST_CASE("infix_set: a version that was copied before stays as it was, and an aborted change is none") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  tests::random_source random(first);
  twins t{random, 8, 3};
  while (t.list.size() < 100) t.add(), t.store.commit();
  const std::size_t pin = t.store.add_pin(), bytes = t.store.bytes();
  t.store.move_pin_to_newest(pin);
  const infix_set<item> before = t.set;
  const std::vector<item*> list = t.list;

  for (int i = 0; i < 50; ++i) t.remove(), t.add();
  t.store.abort();
  CHECK(t.store.bytes() == bytes);
  t.set = before, t.list = list;

  for (int i = 0; i < 500; ++i) {
    random.percent(50) && !t.list.empty() ? t.remove() : t.add();
    t.store.commit();
    const std::string text = t.text(10);
    REQUIRE(found(before, text) == expected(list, text));
    REQUIRE(found(t.set, text) == expected(t.list, text));
  }
  while (!t.list.empty()) t.remove(), t.store.commit();
  CHECK(t.store.bytes() == bytes);
  t.store.remove_pin(pin);
  CHECK(t.store.bytes() == 0);
}
