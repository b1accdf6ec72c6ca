#include "rulebus/detail/pointer_ring.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/lane.hpp"

using namespace rulebus;

TEST_CASE("pointer_ring: gives back in order, refuses when it is full, and has none when it is empty") {
  detail::pointer_ring<int, 4> ring;
  std::array<int, 6> all{};
  CHECK(ring.pop() == nullptr);
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 4; ++i) CHECK(ring.push(&all[i]));
    CHECK_FALSE(ring.push(&all[4]));
    CHECK(ring.pop() == all.data());
    CHECK(ring.push(&all[5]));
    for (const std::size_t i : {1u, 2u, 3u, 5u}) CHECK(ring.pop() == &all[i]);
    CHECK(ring.pop() == nullptr);
  }
}

TEST_CASE("pointer_ring: between threads each pointer comes out once") {
  constexpr std::size_t each = 20'000, pushers = 2;
  detail::pointer_ring<std::atomic<int>, 8> ring;
  std::vector<std::atomic<int>> seen(each * pushers);
  std::atomic<std::size_t> left = seen.size();
  std::vector<std::thread> threads;
  for (std::size_t p = 0; p < pushers; ++p) {
    threads.emplace_back([&, p] {
      for (std::size_t i = 0; i < each; ++i) {
        while (!ring.push(&seen[p * each + i])) std::this_thread::yield();
      }
    });
    threads.emplace_back([&] {
      while (left.load() > 0) {
        if (std::atomic<int>* const one = ring.pop()) {
          one->fetch_add(1);
          left.fetch_sub(1);
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
  std::size_t once = 0;
  for (const auto& s : seen) once += s.load() == 1 ? 1u : 0u;
  CHECK(once == seen.size());
}

// ---- what it is for: invocations that end in another thread than they came from

namespace {

std::shared_ptr<detail::dispatcher> new_dispatcher() {
  detail::dispatcher::settings s{};
  s.clock = std::make_shared<manual_clock>();
  return std::make_shared<detail::dispatcher>(std::move(s));
}

struct ended_elsewhere {
  std::shared_ptr<detail::dispatcher> in = new_dispatcher();
  detail::counted_ptr<detail::lane> to =
      detail::make_counted<detail::lane>(in, detail::lane::identity{std::make_shared<const std::string>("rule"), "target"},
                                         nullptr, std::make_shared<const delivery_options>());

  /// An invocation whose last owner is another thread; what it has tells whether it is still there.
  std::weak_ptr<const detail::entry_extras> end_one(std::size_t bytes) const {
    auto extras = std::make_shared<const detail::entry_extras>(detail::entry_extras{.ordering_key = std::string(bytes, 'k')});
    std::weak_ptr<const detail::entry_extras> left = extras;
    auto made = detail::make_counted<detail::invocation>(event::checked("{}"), to, std::move(extras));
    std::thread([i = std::move(made)]() mutable { i = nullptr; }).join();
    return left;
  }
};

}  // namespace

TEST_CASE("dispatcher: what ends in another thread goes back to those that put, so many and no more") {
  const ended_elsewhere e;
  std::vector<std::weak_ptr<const detail::entry_extras>> all;
  for (std::size_t i = 0; i < detail::spent_invocations::most + 2; ++i) all.push_back(e.end_one(10));
  const auto kept = [&] {
    std::size_t n = 0;
    for (const auto& one : all) n += one.expired() ? 0u : 1u;
    return n;
  };
  CHECK(kept() == detail::spent_invocations::most);
  const auto make_one = [&] { return e.in->spent().make(event::checked("{}"), e.to, nullptr); };
  const auto made = make_one();
  CHECK(kept() == detail::spent_invocations::most - 2);
  CHECK(all[0].expired());
  CHECK(all[1].expired());
  while (kept() > 0) make_one();
  CHECK(make_one()->event().json() == "{}");  // none is left
  CHECK(made->event().json() == "{}");
}

TEST_CASE("dispatcher: what is large, or ends where it came from, is freed at once") {
  const ended_elsewhere e;
  CHECK_FALSE(e.end_one(detail::invocation::small - 2).expired());  // and two bytes of event
  CHECK(e.end_one(detail::invocation::small - 1).expired());
  auto extras = std::make_shared<const detail::entry_extras>();
  const std::weak_ptr<const detail::entry_extras> left = extras;
  static_cast<void>(detail::make_counted<detail::invocation>(event::checked("{}"), e.to, std::move(extras)));
  CHECK(left.expired());
}

TEST_CASE("dispatcher: what is spent keeps neither its lane nor the dispatcher, and goes with that") {
  std::weak_ptr<const detail::entry_extras> left;
  std::weak_ptr<detail::dispatcher> dispatcher;
  {
    const ended_elsewhere e;
    left = e.end_one(10);
    dispatcher = e.in;
    CHECK_FALSE(left.expired());
  }
  CHECK(dispatcher.expired());
  CHECK(left.expired());
}
