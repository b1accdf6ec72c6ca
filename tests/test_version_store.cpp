#include "rulebus/detail/version_store.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

using rulebus::detail::block;
using rulebus::detail::version_store;

namespace {

struct named : block {
  std::uint64_t number = 0;
};
struct wide : block {
  std::uint64_t numbers[5] = {};
};

int destroyed = 0;
void count_destroyed(block&) noexcept { ++destroyed; }

constexpr std::size_t extra = 12;
constexpr std::size_t pair_bytes = sizeof(named) + 16 + 8 + sizeof(wide);  // whole words, and one between the two

std::pair<named*, wide*> make_filled(version_store& store) {
  const auto [first, second] = store.make_pair<named, wide>(extra, 0);
  first->number = 7;
  std::memset(static_cast<void*>(first + 1), 'x', extra);
  second->numbers[4] = 9;
  return {first, second};
}

}  // namespace

TEST_CASE("version_store: the memory of a pair is there until neither needs it, whichever goes first") {
  for (const bool first_goes_first : {true, false}) {
    CAPTURE(first_goes_first);
    version_store store(&count_destroyed);
    const auto [first, second] = make_filled(store);
    store.commit();
    CHECK(store.bytes() == pair_bytes);

    store.retire(first_goes_first ? static_cast<block*>(first) : second);
    store.commit();
    CHECK(store.bytes() == pair_bytes);
    if (first_goes_first) {
      CHECK(second->bytes() == sizeof(wide));
      CHECK(second->numbers[4] == 9);
    } else {
      CHECK(first->bytes() == sizeof(named) + 16);
      CHECK(first->number == 7);
    }

    store.retire(first_goes_first ? static_cast<block*>(second) : first);
    store.commit();
    CHECK(store.bytes() == 0);
  }
}

TEST_CASE("version_store: a reader keeps the one of a pair that it sees, and so both") {
  version_store store(&count_destroyed);
  const auto [first, second] = make_filled(store);
  store.commit();
  const std::size_t pin = store.add_pin();
  store.move_pin_to_newest(pin);
  store.retire(second);
  store.commit();
  store.retire(first);
  store.commit();
  CHECK(store.bytes() == pair_bytes);
  CHECK(first->number == 7);
  CHECK(second->numbers[4] == 9);
  store.move_pin_to_newest(pin);
  CHECK(store.bytes() == 0);
  store.remove_pin(pin);
}

TEST_CASE("version_store: a transaction that is given up leaves nothing of a pair") {
  version_store store(&count_destroyed);
  make_filled(store);
  store.abort();
  CHECK(store.bytes() == 0);
}

TEST_CASE("version_store: each of a pair that owns memory is destroyed once") {
  destroyed = 0;
  version_store store(&count_destroyed);
  const auto [first, second] = make_filled(store);
  second->owns_memory = 1;
  store.commit();
  store.retire(second);
  store.commit();
  CHECK(destroyed == 1);
  store.retire(first);
  store.commit();
  CHECK(destroyed == 1);
  CHECK(store.bytes() == 0);
}

TEST_CASE("version_store: a copy takes the contents of one of a pair, and stands alone") {
  version_store store(&count_destroyed);
  const auto [first, second] = make_filled(store);
  store.commit();
  named* const copy = store.make<named>(first->bytes() - sizeof(named));
  copy->copy_contents(*first);
  store.retire(first);
  store.retire(second);
  store.commit();
  CHECK(copy->number == 7);
  CHECK(std::memcmp(static_cast<const void*>(copy + 1), "xxxxxxxxxxxx", extra) == 0);
  CHECK(store.bytes() == sizeof(named) + 16);
  store.retire(copy);
  store.commit();
  CHECK(store.bytes() == 0);
}
