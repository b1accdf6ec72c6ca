// The clock that is read from a counter of ticks: beside the system's clock it is right to a microsecond, and it never goes
// back, whatever counter and system do. Scripted processors first, then this one.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "random_source.hpp"
#include "rulebus/clock.hpp"
#include "rulebus/detail/tick_clock.hpp"

using namespace rulebus;
using std::chrono::nanoseconds;

namespace {

constexpr std::int64_t microsecond = 1'000, millisecond = 1'000'000;

/// A processor and its system, of which the test says how time passes. Times are since it began; it starts with some.
struct machine {
  double ticks_a_nanosecond = 3, drift = 0;  // drift: what the system's clock gains a nanosecond
  double real = 5'000, ticks = 1e9, system = 77'000;
  double between = 15;  // nanoseconds that a reading of the system's clock takes
  bool is_steady = true;
  int asked = 0;  // the system's clock

  void pass(double ns) {
    real += ns;
    ticks += ns * ticks_a_nanosecond;
    system += ns * (1 + drift);
  }
};

struct scripted {
  machine* on;
  bool is_steady() const { return on->is_steady; }
  std::uint64_t ticks() const { return static_cast<std::uint64_t>(static_cast<std::int64_t>(on->ticks)); }
  std::int64_t steady() const {
    ++on->asked;
    const auto now = static_cast<std::int64_t>(on->system);
    on->pass(on->between);
    return now;
  }
};

/// Reads the clock and checks that it did not go back; answers how far it is from what the system's said meanwhile.
struct reader {
  explicit reader(machine& m) : on(m), clock(scripted{&m}) {}
  std::int64_t error() {
    const auto before = static_cast<std::int64_t>(on.system);
    const std::int64_t now = clock.elapsed().count();
    if (now < last) FAIL_CHECK("it went back from ", last, " to ", now);
    last = now;
    const std::int64_t ahead = now - static_cast<std::int64_t>(on.system);
    most_ahead = std::max(most_ahead, ahead);
    return std::max<std::int64_t>({before - now, ahead, 0});
  }
  /// So long, with a reading every now and then; answers the largest distance.
  std::int64_t follow(std::int64_t ns, double step) {
    std::int64_t most = 0;
    for (const double end = on.real + static_cast<double>(ns); on.real < end;) {
      on.pass(step);
      most = std::max(most, error());
    }
    return most;
  }
  machine& on;
  detail::tick_clock<scripted> clock;
  std::int64_t last = 0, most_ahead = 0;
};

}  // namespace

TEST_CASE("tick_clock: it follows the system's clock, which it seldom asks") {
  for (const double rate : {0.4, 1.0, 2.9, 5.7}) {
    CAPTURE(rate);
    machine m{.ticks_a_nanosecond = rate};
    reader r(m);
    CHECK(r.follow(20 * millisecond, 700) <= microsecond);
    m.asked = 0;
    CHECK(r.follow(100 * millisecond, 700) <= microsecond);
    CHECK(r.most_ahead <= 100);
    CHECK(m.asked > 1);
    CHECK(m.asked < 300);
  }
}

TEST_CASE("tick_clock: however long nobody asks, and however the system's clock is being corrected") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed ", seed);
  tests::random_source random(seed);
  for (int round = 0; round < 50; ++round) {
    CAPTURE(round);
    machine m{.ticks_a_nanosecond = 0.3 + static_cast<double>(random.below(50)) / 10};
    reader r(m);
    r.follow(10 * millisecond, 1'000);
    for (int n = 0; n < 2'000; ++n) {
      m.pass(std::pow(10, random.below(10)) * static_cast<double>(1 + random.below(9)));
      CHECK(r.error() <= 2 * microsecond);
      if (random.percent(1)) m.drift = (static_cast<double>(random.below(1'001)) - 500) / 1e6;  // as NTP may
    }
  }
}

TEST_CASE("tick_clock: counters of two processors, of which one is a little behind") {
  machine m;
  reader r(m);
  r.follow(20 * millisecond, 1'000);
  m.asked = 0;
  std::int64_t most = 0;
  for (int n = 0; n < 200'000; ++n) {
    m.pass(100);
    m.ticks += n % 2 == 0 ? -2'000 : 2'000;
    most = std::max(most, std::abs(r.clock.elapsed().count() - static_cast<std::int64_t>(m.system)));
  }
  CHECK(most <= 2 * microsecond);
  CHECK(m.asked < 500);
}

TEST_CASE("tick_clock: a reading that is interrupted sets nothing") {
  machine m;
  reader r(m);
  r.follow(20 * millisecond, 1'000);
  for (int n = 0; n < 400; ++n) {
    m.between = n % 20 == 19 ? 15 : 300'000;
    m.pass(n % 2 == 0 ? 50'000 : 2'000'000);
    CHECK(r.error() <= 2 * microsecond);
  }
  m.between = 15;
  m.asked = 0;
  CHECK(r.follow(100 * millisecond, 1'000) <= 2 * microsecond);
  CHECK(m.asked < 300);
}

TEST_CASE("tick_clock: a counter that jumps or changes its pace is caught, and the third time not followed any more") {
  const std::vector<std::function<void(machine&)>> troubles{
      [](machine& m) { m.ticks += 2'700'000; },      // ahead by a part of what a line is valid for
      [](machine& m) { m.ticks -= 900'000'000; },    // far back
      [](machine& m) { m.ticks += 9e12; },           // far ahead
      [](machine& m) { m.ticks_a_nanosecond *= 2; }  // as of another processor
  };
  for (std::size_t n = 0; n < 40; ++n) {
    const std::size_t kind = n % troubles.size();
    CAPTURE(kind);
    machine m;
    reader r(m);
    r.follow(5 * millisecond + static_cast<std::int64_t>(n) * 27 * microsecond, 1'000);
    troubles[kind](m);
    CHECK(r.follow(20 * millisecond, 1'000) <= 2 * millisecond);
    m.asked = 0;
    CHECK(r.follow(20 * millisecond, 1'000) <= microsecond);
    CHECK(m.asked < 200);
    for (int again = 0; again < 3; ++again) {
      troubles[3](m);
      r.follow(10 * millisecond, 1'000);
    }
    m.asked = 0;
    for (int again = 0; again < 10; ++again) CHECK(r.error() <= 20);
    CHECK(m.asked == 10);
  }
}

TEST_CASE("tick_clock: a counter that takes long to read is not used") {
  machine m{.between = 1'000};
  reader r(m);
  r.follow(10 * millisecond, 1'000);
  m.asked = 0;
  for (int n = 0; n < 10; ++n) CHECK(r.error() == 0);
  CHECK(m.asked == 10);
}

TEST_CASE("tick_clock: ticks that are not steady are not used") {
  machine m{.is_steady = false};
  reader r(m);
  CHECK(r.follow(10 * millisecond, 1'000) <= 20);
  CHECK(m.asked >= 9'000);
}

TEST_CASE("tick_clock: of this machine, in several threads") {
  const auto clock = system_clock();
  const auto steady = [] { return nanoseconds(std::chrono::steady_clock::now().time_since_epoch()); };
  std::atomic<std::int64_t> latest{0};
  std::atomic<int> went_back{0}, wrong{0}, behind_others{0};
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  const auto read = [&] {
    nanoseconds last{0};
    while (std::chrono::steady_clock::now() < end) {
      const std::int64_t others = latest.load();
      const nanoseconds before = steady(), now = clock->elapsed(), after = steady();
      if (now < last) ++went_back;
      if (now < before - std::chrono::microseconds(20) || now > after + std::chrono::microseconds(20)) ++wrong;
      if (now.count() < others - 20 * microsecond) ++behind_others;
      last = now;
      for (std::int64_t seen = others; seen < now.count() && !latest.compare_exchange_weak(seen, now.count());) {}
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(read);
  for (std::thread& t : threads) t.join();
  CHECK(went_back == 0);
  CHECK(wrong == 0);
  CHECK(behind_others == 0);
}
