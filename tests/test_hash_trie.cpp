#include "rulebus/detail/hash_trie.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

using rulebus::detail::block;
using rulebus::detail::hash_trie;
using rulebus::detail::version_store;

namespace {

struct item {
  std::uint32_t hash;
  int key;
};

void nothing_to_destroy(block&) noexcept {}

using with_lists = hash_trie<item>;
using with_tables = hash_trie<item, true>;

template <class Trie>
std::multiset<int> keys_of(const Trie& trie) {
  std::multiset<int> keys;
  trie.for_each([&](const item& i) { keys.insert(i.key); });
  return keys;
}

template <class Trie>
item* look_up(const Trie& trie, const item& wanted) {
  return trie.find(wanted.hash, [&](const item& i) { return i.key == wanted.key; });
}

// Hashes of few distinct bits collide on many levels, and those of `equal` on all of them.
std::uint32_t bad_hash(int key, int kind) {
  const auto k = static_cast<std::uint32_t>(key);
  if (kind == 0) return k * 0x9e3779b9;
  if (kind == 1) return (k % 3) << 28 | (k % 2) << 4;
  if (kind == 2) return k % 4;
  return 0;
}

}  // namespace

TEST_CASE_TEMPLATE("hash_trie: agrees with a map under random inserts, replacements and removals, for good and bad hashes",
                   trie_type, with_lists, with_tables) {
  for (int kind = 0; kind < 4; ++kind) {
    CAPTURE(kind);
    std::mt19937_64 random(static_cast<unsigned>(kind) + 1);
    version_store store(&nothing_to_destroy);
    trie_type trie;
    std::vector<std::unique_ptr<item>> items;
    std::map<int, item*> model;
    const int steps = kind == 0 ? 30'000 : 5000;  // good hashes need more items to get as deep
    for (int step = 0; step < steps; ++step) {
      const int key = static_cast<int>(random() % static_cast<unsigned>(steps / 10));
      const auto known = model.find(key);
      if (known == model.end()) {
        items.push_back(std::make_unique<item>(item{bad_hash(key, kind), key}));
        trie.insert(store, items.back().get());
        model[key] = items.back().get();
      } else if (random() % 3 == 0) {
        items.push_back(std::make_unique<item>(item{bad_hash(key, kind), key}));
        trie.replace(store, known->second, items.back().get());
        known->second = items.back().get();
      } else {
        trie.erase(store, known->second);
        model.erase(known);
      }
      if (random() % 4 == 0) store.commit();
      const item probe{bad_hash(key, kind), key};
      REQUIRE(look_up(trie, probe) == (model.count(key) != 0 ? model[key] : nullptr));
    }
    std::multiset<int> expected;
    for (const auto& [key, what] : model) {
      expected.insert(key);
      REQUIRE(look_up(trie, *what) == what);
    }
    CHECK(keys_of(trie) == expected);
    CHECK(trie.size() == expected.size());
    for (const auto& [key, what] : model) trie.erase(store, what);
    store.commit();
    CHECK(trie.empty());
    CHECK(store.bytes() == 0);
  }
}

TEST_CASE_TEMPLATE("hash_trie: what came and went leaves nothing, whatever the order", trie_type, with_lists, with_tables) {
  std::vector<item> items;
  for (int key = 0; key < 5000; ++key) items.push_back({bad_hash(key, key % 2), key});
  for (const std::size_t stay : {1U, 2U, 32U, 33U, 72U, 73U, 288U, 289U, 700U}) {
    CAPTURE(stay);
    version_store store(&nothing_to_destroy);
    trie_type few, many;
    for (std::size_t i = 0; i < stay; ++i) few.insert(store, &items[i]);
    store.commit();
    const std::size_t bytes = store.bytes();
    for (std::size_t i = items.size(); i > 0; --i) many.insert(store, &items[i - 1]);
    for (std::size_t i = stay; i < items.size(); ++i) many.erase(store, &items[i]);
    store.commit();
    CHECK(store.bytes() == 2 * bytes);
    CHECK(keys_of(many) == keys_of(few));
    few.free_nodes(store);
    many.free_nodes(store);
    CHECK(store.bytes() == 0);
  }
}

TEST_CASE("hash_trie: what is not in a table is not found, though each of its buckets was full and passed") {
  version_store store(&nothing_to_destroy);
  with_tables trie;
  std::vector<item> items;
  const std::uint32_t first = 0, middle = 41'000U << 16;  // of the buckets: hashes choose them by their upper half
  for (int key = 0; key < 560; ++key) items.push_back({key < 280 ? first : middle, key});
  const auto insert = [&](int from, int to) {
    for (int key = from; key < to; ++key) trie.insert(store, &items[static_cast<std::size_t>(key)]);
  };
  insert(0, 280);
  for (int key = 0; key < 200; ++key) trie.erase(store, &items[static_cast<std::size_t>(key)]);
  insert(280, 480);
  for (int key = 480; key < 560; ++key) CHECK(look_up(trie, items[static_cast<std::size_t>(key)]) == nullptr);
  for (int key = 200; key < 480; ++key) {
    CHECK(look_up(trie, items[static_cast<std::size_t>(key)]) == &items[static_cast<std::size_t>(key)]);
  }
  store.commit();
  trie.free_nodes(store);
  CHECK(store.bytes() == 0);
}

TEST_CASE_TEMPLATE("hash_trie: a version that was copied before stays as it was while a pin holds it", trie_type, with_lists,
                   with_tables) {
  version_store store(&nothing_to_destroy);
  trie_type trie;
  std::vector<std::unique_ptr<item>> items;
  for (int key = 0; key < 100; ++key) {
    items.push_back(std::make_unique<item>(item{bad_hash(key, 0), key}));
    trie.insert(store, items.back().get());
  }
  store.commit();
  const std::size_t pin = store.add_pin();
  store.move_pin_to_newest(pin);
  const trie_type before = trie;
  const std::size_t bytes = store.bytes();
  for (int key = 0; key < 100; ++key) {
    trie.erase(store, items[static_cast<std::size_t>(key)].get());
    store.commit();
  }
  CHECK(keys_of(before).size() == 100);
  CHECK(store.bytes() == bytes);  // what came and went since the pin is not kept
  store.remove_pin(pin);
  CHECK(store.bytes() == 0);
}

TEST_CASE_TEMPLATE("version_store: each of several pins keeps its version, and nothing else is kept", trie_type, with_lists,
                   with_tables) {
  std::mt19937_64 random(7);
  version_store store(&nothing_to_destroy);
  trie_type trie;
  std::vector<item> items;
  for (int key = 0; key < 400; ++key) items.push_back({bad_hash(key, 0), key});
  std::set<int> present;
  struct reader {
    std::size_t pin;
    trie_type sees;
    std::multiset<int> expected;
  };
  std::vector<reader> readers;
  for (int i = 0; i < 4; ++i) readers.push_back({store.add_pin(), {}, {}});
  const auto move = [&](reader& r) {
    CHECK(keys_of(r.sees) == r.expected);
    r.sees = trie;
    r.expected = {present.begin(), present.end()};
    store.move_pin_to_newest(r.pin);
  };
  for (int step = 0; step < 4000; ++step) {
    const int key = static_cast<int>(random() % items.size());
    item* const i = &items[static_cast<std::size_t>(key)];
    present.erase(key) != 0 ? trie.erase(store, i) : (present.insert(key), trie.insert(store, i));
    store.commit();
    if (random() % 2 == 0) move(readers[random() % (step % 500 < 400 ? 2 : 4)]);
    if (step % 500 != 499) continue;
    for (reader& r : readers) move(r);
    version_store other(&nothing_to_destroy);
    trie_type same;
    for (const int k : present) same.insert(other, &items[static_cast<std::size_t>(k)]);
    other.commit();
    CHECK(store.bytes() == other.bytes());
    same.free_nodes(other);
  }
  for (const reader& r : readers) store.remove_pin(r.pin);
  trie.free_nodes(store);
  CHECK(store.bytes() == 0);
}

TEST_CASE("version_store: an aborted transaction leaves memory and version as they were") {
  version_store store(&nothing_to_destroy);
  hash_trie<item> trie;
  item a{1, 1}, b{2, 2};
  trie.insert(store, &a);
  store.commit();
  const std::size_t bytes = store.bytes();
  const std::uint64_t version = store.version();
  hash_trie<item> next = trie;
  next.insert(store, &b);
  next.erase(store, &a);
  store.abort();
  CHECK(store.bytes() == bytes);
  CHECK(store.version() == version);
  CHECK(keys_of(trie) == std::multiset<int>{1});
  trie.free_nodes(store);
}
