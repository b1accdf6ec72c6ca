// Rules with many targets, whose events wait for the executor's threads as a whole: each target has each event once and in
// order, however they come to it, and nobody waits for another.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lane_probe.hpp"
#include "random_source.hpp"
#include "rulebus/bus.hpp"
#include "rulebus/detail/fan_out.hpp"
#include "rulebus/tags.hpp"

using namespace rulebus;
using probe::gate;
using probe::milliseconds;
using probe::numbered;
using probe::taking;
using probe::texts;
using probe::trouble;

namespace {

constexpr std::size_t many = detail::fan_out::fewest_targets + 10;

/// Threads of which the test is the only one: they come when it says so.
class held_executor final : public executor {
 public:
  explicit held_executor(std::size_t threads = 2) : threads_(threads) {}
  void ready(const std::shared_ptr<work>& w) override {
    const std::lock_guard lock(mutex_);
    work_ = w;
  }
  void ready_after(const std::shared_ptr<work>& w, std::chrono::nanoseconds) override { ready(w); }
  std::size_t concurrency() const override { return threads_; }
  std::size_t run(std::size_t max) {
    std::shared_ptr<work> w;
    {
      const std::lock_guard lock(mutex_);
      w = work_.lock();
    }
    return w ? w->run(max) : 0;
  }

 private:
  const std::size_t threads_;
  std::mutex mutex_;
  std::weak_ptr<work> work_;  // which has its executor
};

/// What each target was given, in order: numbers of events.
class received {
 public:
  explicit received(std::size_t targets = many) : of_(targets) {}
  void add(const delivery& d) {
    const std::lock_guard lock(mutex_);
    of_[std::stoul(std::string(d.target_id()))].push_back(probe::number_of(d.event()));
  }
  texts of(std::size_t target) {
    const std::lock_guard lock(mutex_);
    return of_[target];
  }
  std::size_t total() {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (const texts& one : of_) n += one.size();
    return n;
  }
  /// How many targets have anything but this.
  std::size_t others_than(const texts& expected) {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (const texts& one : of_) n += one == expected ? 0u : 1u;
    return n;
  }

 private:
  std::mutex mutex_;
  std::vector<texts> of_;
};

std::shared_ptr<target> recording(received& in) {
  return taking([&in](delivery d) {
    in.add(d);
    d.succeed();
  });
}

std::vector<rule_target> same(std::size_t count, const std::shared_ptr<target>& to, delivery_options how = {}) {
  how.dispatch = dispatch::executor;
  std::vector<rule_target> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back({.id = std::to_string(i), .target = to, .delivery = how});
  return all;
}

/// A bus whose rule "r" has these targets, and threads that the test holds.
struct fanning {
  explicit fanning(std::vector<rule_target> to, bus_options o = {}) : b("fan", with_threads(std::move(o))) {
    b.put_rule(probe::from_shop("r")).value();
    b.put_targets("r", std::move(to)).value();
  }
  void put(std::size_t n) { b.put_event_json(numbered(n)).value(); }
  void run_all() {
    while (threads->run(64) > 0) {}
  }
  delivery_metrics metrics() const { return b.metrics("r").value().deliveries; }

  std::shared_ptr<held_executor> threads = std::make_shared<held_executor>();
  probe::failures failed;
  bus b;

 private:
  bus_options with_threads(bus_options o) {
    if (!o.executor) o.executor = threads;
    o.on_error = failed.callback();
    return o;
  }
};

}  // namespace

TEST_CASE("fan_out: every target has every event once, in the order of their numbers, whoever brings them") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed ", seed);
  tests::random_source random(seed);
  for (int round = 0; round < 30; ++round) {
    CAPTURE(round);
    received all;
    const std::size_t threads = random.between(1, 4);
    const std::size_t events = random.between(1, random.percent(10) ? detail::fan_out::most_deliveries / many + 100 : 24);
    delivery_options one_at_a_time;
    one_at_a_time.max_in_flight = 1;
    one_at_a_time.queue_capacity = detail::fan_out::most_deliveries / many + 100;
    bus b("b", {.executor = make_thread_pool(threads)});
    b.put_rule(probe::from_shop("r")).value();
    b.put_targets("r", same(many, recording(all), one_at_a_time)).value();
    const bool pauses = random.percent(50);
    texts expected;
    for (std::size_t n = 0; n < events; ++n) {
      if (random.percent(20)) static_cast<void>(b.metrics("r"));  // gives what waits to the lanes
      b.put_event_json(numbered(n)).value();
      expected.push_back(std::to_string(n));
      if (pauses) std::this_thread::sleep_for(std::chrono::microseconds(random.below(200)));
    }
    b.flush().value();
    CHECK(all.others_than(expected) == 0);
    const delivery_metrics m = b.metrics("r").value().deliveries;
    CHECK(m.successful_invocation_attempts == events * many);
    CHECK(m.invocations_created == events * many);
    CHECK(m.queued == 0);
    CHECK(m.in_flight == 0);
  }
}

TEST_CASE("fan_out: who puts gives no target anything; who comes by gives up to as many as it was told") {
  received all;
  fanning f(same(many, recording(all)));
  f.put(1);
  CHECK(all.total() == 0);
  CHECK(f.threads->run(5) == 5);
  CHECK(all.total() == 5);
  f.run_all();
  CHECK(all.others_than({"1"}) == 0);
  CHECK(f.threads->run(5) == 0);
  f.b.flush(milliseconds(0)).value();
}

TEST_CASE("fan_out: a target that does not return holds up no other") {
  gate stuck, release;
  received others;
  const auto one_that_waits = taking([&](delivery d) {
    stuck.open();
    release.pass();
    d.succeed();
  });
  auto to = same(many, recording(others));
  for (std::size_t which : {std::size_t{0}, many / 2, many - 1}) {
    CAPTURE(which);
    auto with_one = to;
    with_one[which].target = one_that_waits;
    with_one[which].delivery->max_in_flight = 1;  // or it would take the other thread, too
    bus b("b", {.executor = make_thread_pool(2)});
    b.put_rule(probe::from_shop("r")).value();
    b.put_targets("r", std::move(with_one)).value();
    const std::size_t before = others.total();
    b.put_event_json(numbered(1)).value();
    b.put_event_json(numbered(2)).value();  // of which the one that is stuck has its part later
    CHECK(stuck.pass());
    const auto patience = std::chrono::steady_clock::now() + probe::seconds(20);
    while (others.total() < before + 2 * (many - 1) && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    CHECK(others.total() == before + 2 * (many - 1));
    release.open();
    b.flush().value();
  }
}

TEST_CASE("fan_out: what else is ready does not wait for many slow targets") {
  int slow_ones = 0, before = -1;
  fanning f(same(many, taking([&](delivery d) {
                   ++slow_ones;
                   std::this_thread::sleep_for(milliseconds(2));
                   d.succeed();
                 })));
  f.b.put_rule(probe::from_shop("other")).value();
  auto one = same(1, taking([&](delivery d) {
                    before = slow_ones;
                    d.succeed();
                  }));
  f.b.put_targets("other", std::move(one)).value();
  f.put(1);
  f.run_all();
  CHECK(before >= 0);
  CHECK(before < 10);
  CHECK(slow_ones == many);
}

TEST_CASE("fan_out: a flush does not wait for a target that has answered and stays") {
  gate flushed;
  std::atomic<std::size_t> answered{0}, waited{0};
  const auto stays = taking([&](delivery d) {
    d.succeed();
    if (++answered == many) waited += flushed.pass() ? 1u : 0u;
  });
  bus b("b", {.executor = make_thread_pool(1)});
  b.put_rule(probe::from_shop("r")).value();
  b.put_targets("r", same(many, stays)).value();
  b.put_event_json(numbered(1)).value();
  CHECK(b.flush(probe::seconds(10)).has_value());
  CHECK(answered == many);
  flushed.open();
  b.stop();
}

TEST_CASE("fan_out: what waits is queued, for who asks, and goes on from there") {
  received all;
  fanning f(same(many, recording(all)));
  f.put(1);
  CHECK(f.threads->run(5) == 5);
  SUBCASE("the rule") { CHECK(f.metrics().queued == many - 5); }
  SUBCASE("a target of it") { CHECK(f.b.metrics("r", std::to_string(many - 6)).value().queued == 1); }
  SUBCASE("the bus") { CHECK(f.b.metrics().deliveries.queued == many - 5); }
  f.put(2);
  f.run_all();
  CHECK(all.others_than({"1", "2"}) == 0);
  CHECK(f.metrics().queued == 0);
}

TEST_CASE("fan_out: at stop every target's event is reported") {
  received all;
  fanning f(same(many, recording(all)));
  f.put(1);
  f.put(2);
  CHECK(f.threads->run(5) == 5);
  const std::vector<undelivered_event> left = f.b.stop();
  CHECK(left.size() == 2 * many - 5);
  for (const undelivered_event& u : left) CHECK(u.reason.code == errc::stopped);
  CHECK(f.metrics().undelivered == 2 * many - 5);
  CHECK(f.threads->run(64) == 0);
  CHECK(all.total() == 5);
  f.b.flush(milliseconds(0)).value();
  CHECK_FALSE(f.b.put_event_json(numbered(3)).has_value());
}

TEST_CASE("fan_out: what waits comes before what takes another way") {
  received all(many + 1);
  fanning f(same(many, recording(all)));
  f.put(1);
  const auto rest_of = [](std::size_t begin) {
    std::vector<std::string> ids;
    for (std::size_t i = begin; i < many; ++i) ids.push_back(std::to_string(i));
    return ids;
  };
  SUBCASE("because few targets are left; those that are gone have what was put before") {
    f.b.remove_targets("r", rest_of(3)).value();
    f.put(2);
    f.run_all();
    for (std::size_t i = 0; i < many; ++i) CHECK(all.of(i) == (i < 3 ? texts{"1", "2"} : texts{"1"}));
  }
  SUBCASE("because of a target that events are put into at once") {
    f.b.put_target("r", {.id = std::to_string(many), .target = recording(all)}).value();
    f.put(2);
    CHECK(all.of(many) == texts{"2"});
    f.run_all();
    CHECK(all.of(0) == texts{"1", "2"});
  }
  SUBCASE("because the publication is for some targets only") {
    const auto nobody = tag_filter::parse(R"({"team":[{"exists":false}]})").value();
    f.b.put_event_json(numbered(2), {.only = &nobody}).value();
    f.run_all();
    CHECK(all.of(0) == texts{"1", "2"});
    CHECK(all.of(many - 1) == texts{"1", "2"});
  }
  SUBCASE("because the rule was put anew") {
    f.b.put_rule(probe::from_shop("r")).value();
    f.put(2);
    f.run_all();
    CHECK(all.of(0) == texts{"1", "2"});
    CHECK(all.of(many - 1) == texts{"1", "2"});
  }
}

TEST_CASE("fan_out: more than may wait go to the queues, and a queue that is full refuses them") {
  struct {
    std::size_t targets, capacity, waits;
  } t{};
  SUBCASE("as many wait as make so many deliveries") { t = {many, 900, detail::fan_out::most_deliveries / many}; }
  SUBCASE("or as the smallest queue takes") { t = {many, 2, 2}; }
  SUBCASE("of very many targets some events, at least") { t = {8'300, 9, detail::fan_out::fewest_events}; }
  received all(t.targets);
  delivery_options how;
  how.queue_capacity = t.capacity + 1;
  auto to = same(t.targets, recording(all), how);
  to[0].delivery->queue_capacity = t.capacity;
  fanning f(std::move(to));
  std::size_t n = 0;
  while (n < t.waits + t.capacity) f.put(n++);
  CHECK(f.failed.seen().empty());
  f.put(n++);
  CHECK(f.failed.seen().size() == 1);
  f.put(n++);
  CHECK(f.failed.seen().size() == t.targets);
  f.run_all();
  const std::size_t refused = 1 + t.targets + f.failed.seen().size();
  CHECK(all.total() + refused == n * t.targets);
  CHECK(f.metrics().dropped == refused);
  for (std::size_t i = 0; i < t.targets; ++i) {
    CAPTURE(i);
    std::vector<std::size_t> numbers;
    for (const std::string& one : all.of(i)) numbers.push_back(std::stoul(one));
    CHECK(numbers.size() >= t.capacity);
    CHECK(numbers.front() == 0);
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

TEST_CASE("fan_out: what waits for a retry fills the queue") {
  delivery_options small;
  small.queue_capacity = 2;
  fanning f(same(many, taking([](delivery d) { d.retry(trouble, std::chrono::hours(1)); }), small));
  for (std::size_t n = 0; n < 4; ++n) {
    f.put(n);
    f.run_all();
  }
  CHECK(f.metrics().queued == 2 * many);
  CHECK(f.metrics().invocation_attempts == 2 * many);
  CHECK(f.failed.seen().size() == 2 * many);
}

TEST_CASE("fan_out: attempts fail, throw, are dropped and answered later as everywhere") {
  std::mutex mutex;
  std::vector<delivery> kept;
  received letters;
  const auto difficult = taking([&](delivery d) {
    const std::size_t n = std::stoul(std::string(d.target_id()));
    switch (n % 5) {
      case 0: return d.attempt() == 1 ? d.retry(trouble, milliseconds(1)) : d.succeed();
      case 1: return d.fail(trouble);
      case 2: throw std::runtime_error("thrown");
      case 3: return;  // dropped
      default: {
        const std::lock_guard lock(mutex);
        kept.push_back(std::move(d));
      }
    }
  });
  delivery_options how;
  how.retry = {.maximum_retry_attempts = 1, .backoff_base = milliseconds(0)};
  auto to = same(many, difficult, how);
  for (rule_target& t : to) t.dead_letter = recording(letters);
  bus b("b", {.executor = make_thread_pool(2)});
  b.put_rule(probe::from_shop("r")).value();
  b.put_targets("r", std::move(to)).value();
  b.put_event_json(numbered(7)).value();
  const auto of_kind = [](std::size_t kind) { return many / 5 + (many % 5 > kind ? 1 : 0); };
  for (std::size_t left = of_kind(4); left > 0;) {
    const std::lock_guard lock(mutex);
    for (delivery& d : kept) {
      d.succeed();
      --left;
    }
    kept.clear();
  }
  b.flush().value();
  const delivery_metrics m = b.metrics("r").value().deliveries;
  CHECK(m.successful_invocation_attempts == of_kind(0) + of_kind(4));
  CHECK(m.failed_invocations == of_kind(1) + of_kind(2) + of_kind(3));
  CHECK(m.retry_invocation_attempts == of_kind(0) + of_kind(2) + of_kind(3));
  CHECK(letters.total() == of_kind(1) + of_kind(2) + of_kind(3));
}

TEST_CASE("fan_out: each target has its own input, and what no input can be made of is refused") {
  received all;
  std::mutex mutex;
  texts inputs;
  auto to = same(many, taking([&](delivery d) {
                   const std::lock_guard lock(mutex);
                   inputs.emplace_back(d.input());
                   d.succeed();
                 }));
  to[1].input.input_path = "$.detail.n";
  to[2].input.input_path = "$.nothing";
  fanning f(std::move(to));
  f.put(5);
  f.run_all();
  std::size_t own = 0, whole = 0;
  for (const std::string& one : inputs) {
    own += one == "5" ? 1u : 0u;
    whole += one == numbered(5) ? 1u : 0u;
  }
  CHECK(own == 1);
  CHECK(whole == many - 2);
  CHECK(f.failed.seen().size() == 1);
  f.b.flush(milliseconds(0)).value();
}

TEST_CASE("fan_out: a target may put events of the same rule, change it, and stop the bus") {
  std::atomic<int> calls{0};
  std::optional<bus> b;
  const auto busy = taking([&](delivery d) {
    const std::string id(d.target_id());
    const std::string n = probe::number_of(d.event());
    ++calls;
    if (id == "3" && n == "1") b->put_event_json(numbered(2)).value();
    if (id == "4" && n == "1") b->remove_target("r", "5").value();
    if (id == "6" && n == "2") b->stop();
    d.succeed();
  });
  b.emplace("b", bus_options{.executor = make_thread_pool(2)});
  b->put_rule(probe::from_shop("r")).value();
  b->put_targets("r", same(many, busy)).value();
  b->put_event_json(numbered(1)).value();
  b->flush(probe::seconds(20)).value();
  b->flush(probe::seconds(20)).value();  // of what was put meanwhile
  const bus_metrics m = b->metrics();
  CHECK(m.deliveries.invocations_created <= 2 * many);
  CHECK(m.deliveries.invocations_created >= 2 * many - 1);
  CHECK(m.deliveries.successful_invocation_attempts + m.deliveries.undelivered == m.deliveries.invocations_created);
  b.reset();
}
