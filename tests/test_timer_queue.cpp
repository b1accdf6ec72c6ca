#include "rulebus/detail/timer_queue.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "random_source.hpp"

namespace {

using rulebus::detail::timer_queue;

/// The slow twin: a multimap, searched from its beginning.
class naive_timers {
 public:
  void set(std::uint32_t id, std::int64_t when, std::uint32_t order) {
    cancel(id);
    all_.emplace(std::tuple(when, order, id), id);
  }
  void cancel(std::uint32_t id) {
    for (auto at = all_.begin(); at != all_.end(); ++at) {
      if (at->second != id) continue;
      all_.erase(at);
      return;
    }
  }
  std::optional<timer_queue::timer> first() const {
    if (all_.empty()) return std::nullopt;
    const auto [when, order, id] = all_.begin()->first;
    return timer_queue::timer{when, order, id};
  }
  std::size_t size() const { return all_.size(); }

 private:
  std::multimap<std::tuple<std::int64_t, std::uint32_t, std::uint32_t>, std::uint32_t> all_;
};

}  // namespace

TEST_CASE("timer_queue: at random it has always the same first as a multimap, and the same in the end") {
  const std::uint64_t seed = tests::seed();
  CAPTURE(seed);
  tests::random_source random(seed);
  for (int round = 0; round < 40; ++round) {
    timer_queue fast;
    naive_timers slow;
    const std::size_t ids = random.between(1, 200), times = random.between(1, 1000);
    for (int step = 0; step < 2000; ++step) {
      const auto id = static_cast<std::uint32_t>(random.below(ids));
      switch (random.below(4)) {
        case 0: fast.cancel(id), slow.cancel(id); break;
        case 1:
          if (!fast.empty()) {
            const timer_queue::timer t = fast.pop();
            REQUIRE(slow.first() == t);
            slow.cancel(t.id);
          }
          break;
        default: {
          const auto when = static_cast<std::int64_t>(random.below(times)) - 500;
          const auto order = static_cast<std::uint32_t>(random.below(3));
          fast.set(id, when, order), slow.set(id, when, order);
          REQUIRE(fast.contains(id));
          CHECK(fast.of(id) == timer_queue::timer{when, order, id});
        }
      }
      REQUIRE(fast.size() == slow.size());
      if (!fast.empty()) REQUIRE(slow.first() == fast.first());
    }
    while (!fast.empty()) {
      const timer_queue::timer t = fast.pop();
      REQUIRE(slow.first() == t);
      CHECK_FALSE(fast.contains(t.id));
      slow.cancel(t.id);
    }
    CHECK(slow.size() == 0);
  }
}

TEST_CASE("timer_queue: among equal times the order decides, whatever came first") {
  timer_queue q;
  q.set(7, 100, 2), q.set(3, 100, 1), q.set(5, 100, 3), q.set(1, 100, 3), q.set(9, 50, 9);
  std::vector<std::uint32_t> ids;
  while (!q.empty()) ids.push_back(q.pop().id);
  CHECK(ids == std::vector<std::uint32_t>{9, 3, 7, 1, 5});
}

TEST_CASE("timer_queue: what is moved has only its new time, and cancelling what is not there does nothing") {
  timer_queue q;
  q.set(0, 10, 0), q.set(1, 20, 0);
  q.set(0, 30, 0);
  q.cancel(17);
  CHECK(q.size() == 2);
  CHECK(q.pop().id == 1);
  CHECK(q.pop() == timer_queue::timer{30, 0, 0});
  CHECK(q.empty());
}
