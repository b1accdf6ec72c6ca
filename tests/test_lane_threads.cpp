// Deliveries with threads: nobody waits for a slow target, nothing is told twice, and the bus can be stopped from anywhere.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lane_probe.hpp"
#include "rulebus/bus.hpp"
#include "rulebus/detail/dispatcher.hpp"

using namespace rulebus;
using probe::gate;
using probe::keeper;
using probe::milliseconds;
using probe::numbered;
using probe::seconds;
using probe::taking;
using probe::texts;
using probe::trouble;

namespace {

delivery_options by_executor() { return {.dispatch = dispatch::executor}; }

void add(bus& b, std::string id, std::shared_ptr<target> t, delivery_options how = by_executor()) {
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = std::move(id), .target = std::move(t), .delivery = how}).value();
}

}  // namespace

// ---- nobody waits for another

TEST_CASE("threads: a target that does not return delays no other that another thread could serve") {
  gate stuck, release, second, third;
  bus b("b", {.threads = 2});
  add(b, "stuck", taking([&](delivery d) {
        stuck.open();
        release.pass();
        d.succeed();
      }));
  add(b, "a", taking([&](delivery d) {
        second.open();
        d.succeed();
      }));
  add(b, "b", taking([&](delivery d) {
        third.open();
        d.succeed();
      }));
  b.put_event_json(numbered(1)).value();
  CHECK(stuck.pass());
  CHECK(second.pass());
  CHECK(third.pass());
  release.open();
  b.flush().value();
}

TEST_CASE("threads: retries are made while the thread that saw the one before is in a slow target") {
  // Both retries are due at the same time, or one soon after the other; the first that is served does not return.
  for (const int apart : {0, 30}) {
    CAPTURE(apart);
    gate release, other;
    std::atomic<int> in{0};
    bus b("b", {.threads = 2});
    for (const int which : {0, 1}) {
      add(b, std::string(1, static_cast<char>('a' + which)), taking([&, which](delivery d) {
            if (d.attempt() == 1) return d.retry(trouble, milliseconds(30 + which * apart));
            if (in++ == 0) {
              release.pass();
            } else {
              other.open();
            }
            d.succeed();
          }));
    }
    b.put_event_json(numbered(1)).value();
    CHECK(other.pass(seconds(5)));
    release.open();
    b.flush().value();
  }
}

TEST_CASE("threads: of two buses on one pool neither keeps the other's retries waiting") {
  for (const int apart : {0, 30}) {
    CAPTURE(apart);
    gate release, other;
    std::atomic<int> in{0};
    const auto pool = make_thread_pool(2);
    bus one("one", {.executor = pool}), two("two", {.executor = pool});
    int after = 60;
    for (bus* b : {&one, &two}) {
      add(*b, "t", taking([&, after](delivery d) {
        if (d.attempt() == 1) return d.retry(trouble, milliseconds(after));
        if (in++ == 0) {
          release.pass();
        } else {
          other.open();
        }
        d.succeed();
      }));
      after += apart;
    }
    one.put_event_json(numbered(1)).value();
    two.put_event_json(numbered(1)).value();
    CHECK(other.pass(seconds(5)));
    release.open();
    one.flush().value();
    two.flush().value();
  }
}

TEST_CASE("threads: what a thread took from a queue and has not begun does not time out") {
  std::atomic<unsigned> again{0};
  bus b("b", {.threads = 3});
  add(b, "t", taking([&](delivery d) {
        if (d.attempt() > 1) ++again;
        std::this_thread::sleep_for(milliseconds(8));
        d.succeed();
      }),
      {.dispatch = dispatch::executor, .timeout = milliseconds(80)});
  for (std::size_t n = 0; n < 150; ++n) b.put_event_json(numbered(n)).value();
  b.flush().value();
  CHECK(b.metrics().deliveries.successful_invocation_attempts == 150);
  CHECK(again < 15);  // a machine that is busy may make some late
}

// ---- a success is booked when the visit of the lane is over; who must know before, knows

TEST_CASE("threads: an answer counts at once, also while its deliver goes on") {
  gate answered, release;
  bus b("b");
  add(b, "t", taking([&](delivery d) {
        d.succeed();
        answered.open();
        release.pass();
      }));
  b.put_event_json(numbered(1)).value();
  CHECK(answered.pass());
  CHECK(b.flush(seconds(5)).has_value());
  const delivery_metrics m = b.metrics("r", "t").value();
  CHECK(m.successful_invocation_attempts == 1);
  CHECK(m.in_flight == 0);
  CHECK(m.ingestion_to_invocation_success.count == 1);
  release.open();
  b.flush().value();
  CHECK(b.metrics().deliveries.successful_invocation_attempts == 1);
}

namespace {

/// Every thread has an event until the others are queued; then one takes two, of which the first succeeds and the second stays.
struct stuck_behind_a_success {
  explicit stuck_behind_a_success(delivery_options how, std::size_t threads = 1) : b("b", {.threads = threads}) {
    add(b, "t", taking([this, threads](delivery d) {
          const std::size_t n = std::stoul(probe::number_of(d.event()));
          ++given[n];
          if (n < threads) first.pass();
          if (n == threads + 1) {
            stuck.open();
            release.pass();
          }
          d.succeed();
        }),
        how);
    for (std::size_t n = 0; n < 2 * threads + 1; ++n) {
      b.put_event_json(numbered(n)).value();
      while (n < threads && given[n] == 0) std::this_thread::yield();  // a thread has it, and nothing else
    }
    first.open();
    CHECK(stuck.pass());
  }
  gate first, stuck, release;
  std::array<std::atomic<unsigned>, 5> given{};  // how often, by event
  bus b;
};

}  // namespace

TEST_CASE("threads: what succeeded in a visit that has not ended is in the metrics, and not among what stop reports") {
  stuck_behind_a_success s(by_executor());
  CHECK(s.b.metrics().deliveries.successful_invocation_attempts == 2);
  CHECK(s.b.metrics("r", "t")->in_flight == 1);
  const std::vector<undelivered_event> left = s.b.stop();
  REQUIRE(left.size() == 1);
  CHECK(probe::number_of(left[0].event) == "2");
  CHECK(s.b.metrics().deliveries.successful_invocation_attempts == 2);
  CHECK(s.b.metrics().deliveries.undelivered == 1);
  s.release.open();
}

TEST_CASE("threads: stop counts what succeeded in a visit that has not ended as delivered, also when nobody asked before") {
  stuck_behind_a_success s(by_executor());
  CHECK(s.b.stop().size() == 1);
  CHECK(s.b.metrics().deliveries.successful_invocation_attempts == 2);
  s.release.open();
}

TEST_CASE("threads: what succeeded in a visit that has not ended does not time out") {
  delivery_options how = by_executor();
  how.timeout = milliseconds(200);
  how.retry.backoff_base = milliseconds(0);
  stuck_behind_a_success s(how, 2);
  while (s.given[3] == 1) std::this_thread::sleep_for(milliseconds(1));  // the one that stays times out
  CHECK(s.given[2] == 1);
  s.release.open();
  s.b.flush().value();
  CHECK(s.given[2] == 1);
  CHECK(s.b.metrics().deliveries.successful_invocation_attempts == 5);
}

// ---- flush

TEST_CASE("threads: flush waits for dead letters of what was put before") {
  std::atomic<bool> arrived{false};
  bus b("b", {.threads = 2});
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t",
                     .target = taking([](delivery d) {
                       std::this_thread::sleep_for(milliseconds(30));
                       d.fail(trouble);
                     }),
                     .delivery = by_executor(),
                     .dead_letter = taking([&](delivery d) {
                       std::this_thread::sleep_for(milliseconds(50));
                       arrived = true;
                       d.succeed();
                     })})
      .value();
  b.put_event_json(numbered(1)).value();
  b.flush().value();
  CHECK(arrived);
}

TEST_CASE("threads: flush does not wait for what is put later, and its deadline holds") {
  std::atomic<bool> end{false}, all_ended{false};
  bus b("b");
  auto t = std::make_shared<keeper>();
  add(b, "t", t);
  b.put_event_json(numbered(0)).value();
  CHECK(b.flush(milliseconds(20)).error().code == errc::timed_out);
  std::thread putter([&] {
    for (std::size_t n = 1; !end; ++n) {
      b.put_event_json(numbered(n)).value();
      std::this_thread::yield();
    }
  });
  std::thread answerer([&] {
    while (!all_ended) {  // that it has none to answer does not mean that none will come: some may be queued
      if (t->size() > 0) t->take().succeed();
    }
  });
  for (int i = 0; i < 50; ++i) CHECK(b.flush(seconds(20)).has_value());
  end = true;
  putter.join();
  CHECK(b.flush(seconds(20)).has_value());
  all_ended = true;
  answerer.join();
}

TEST_CASE("threads: with a manual executor the deadlines of flush and pump hold also where targets are slow") {
  bus b("b", {.executor = make_manual_executor()});
  add(b, "t", taking([&](delivery d) {
        std::this_thread::sleep_for(milliseconds(5));
        d.succeed();
      }));
  for (std::size_t n = 0; n < 100; ++n) b.put_event_json(numbered(n)).value();
  CHECK(b.pump(SIZE_MAX, milliseconds(20)) < 20);
  CHECK(b.flush(milliseconds(20)).error().code == errc::timed_out);
  CHECK(b.metrics().deliveries.queued > 50);
}

// ---- targets that call the bus

TEST_CASE("threads: a target may put events, remove its own rule, and stop the bus") {
  for (const dispatch by : {dispatch::caller, dispatch::executor}) {
    CAPTURE(static_cast<int>(by));
    bus b("b", {.threads = 2});
    std::atomic<int> inner{0};
    gate stopped;
    std::vector<undelivered_event> left;
    b.put_rule({.name = "inner", .event_pattern = R"({"source":["inner"]})"}).value();
    b.put_target("inner", {.id = "t", .target = taking([&](delivery d) {
                                        ++inner;
                                        d.succeed();
                                      })})
        .value();
    add(b, "t", taking([&](delivery d) {
          b.put_event({.source = "inner", .detail_type = "x", .detail = "{}"}).value();
          CHECK(inner == 1);  // in the caller's thread, before put_event returned
          b.remove_target("r", "t").value();
          b.delete_rule("r").value();
          left = b.stop();
          CHECK(b.put_event_json(numbered(9)).error().code == errc::stopped);
          d.succeed();  // too late
          stopped.open();
        }),
        {.dispatch = by});
    b.put_event_json(numbered(1)).value();
    CHECK(stopped.pass());
    REQUIRE(left.size() == 1);
    CHECK(left[0].target_id == "t");
    CHECK(left[0].attempts == 1);
    CHECK(left[0].reason.code == errc::stopped);
    CHECK(b.metrics().deliveries.undelivered == 1);
  }
}

TEST_CASE("threads: a target that was removed is gone when nothing is under way, whatever its timeout") {
  bus b("b");
  auto t = std::make_shared<keeper>();
  const std::weak_ptr<keeper> gone = t;
  add(b, "t", t);
  b.put_event_json(numbered(1)).value();
  t->take().succeed();
  b.flush().value();
  b.remove_target("r", "t").value();
  t.reset();
  for (int i = 0; i < 1000 && !gone.expired(); ++i) std::this_thread::sleep_for(milliseconds(1));
  CHECK(gone.expired());
}

TEST_CASE("threads: what waits for a target that was removed or replaced still goes to it") {
  bus b("b", {.executor = make_manual_executor()});
  texts seen;
  const auto named = [&](std::string name) {
    return taking([&seen, name](delivery d) {
      seen.push_back(name + probe::number_of(d.event()));
      d.succeed();
    });
  };
  add(b, "t", named("a"));
  b.put_event_json(numbered(1)).value();
  add(b, "t", named("b"));
  b.put_event_json(numbered(2)).value();
  b.remove_target("r", "t").value();
  b.put_event_json(numbered(3)).value();
  b.flush().value();
  CHECK(seen == texts{"a1", "b2"});
}

// ---- the end

TEST_CASE("threads: stop reports what was not delivered, each once, with what is known of it") {
  bus b("b", {.executor = make_manual_executor()});
  auto t = std::make_shared<keeper>();
  add(b, "t", t, {.max_in_flight = 2});
  for (std::size_t n = 0; n < 5; ++n)
    b.put_event({.source = "shop", .detail_type = "x", .detail = "{}", .ordering_key = "k"}).value();
  for (std::size_t n = 0; n < 3; ++n) b.put_event_json(numbered(n)).value();
  delivery first = t->take(), second = t->take();
  first.retry(trouble, seconds(100));
  const std::vector<undelivered_event> left = b.stop();
  CHECK(left.size() == 8);
  std::size_t tried = 0, with_reason = 0;
  for (const undelivered_event& u : left) {
    CHECK(u.rule_name == "r");
    CHECK(u.target_id == "t");
    tried += u.attempts;
    with_reason += u.reason.message == "trouble";
  }
  CHECK(tried == 2);
  CHECK(with_reason == 1);
  second.succeed();
  CHECK(b.stop().empty());
  CHECK(b.metrics().deliveries.undelivered == 8);
  CHECK(b.metrics().deliveries.successful_invocation_attempts == 0);
  CHECK(b.flush().has_value());
}

TEST_CASE("threads: drain_and_stop delivers what it can until the deadline") {
  bus b("b", {.threads = 2});
  std::atomic<std::size_t> done{0};
  add(b, "quick", taking([&](delivery d) {
        ++done;
        d.succeed();
      }));
  add(b, "never", std::make_shared<keeper>());
  for (std::size_t n = 0; n < 10; ++n) b.put_event_json(numbered(n)).value();
  const auto left = b.drain_and_stop(milliseconds(200));
  CHECK(done == 10);
  CHECK(left.size() == 10);
  for (const undelivered_event& u : left) CHECK(u.target_id == "never");
}

TEST_CASE("threads: ~bus tells on_error what is left; late and double answers do no harm") {
  std::optional<delivery> late, dropped;
  texts told;
  {
    bus b("b", {.on_error = [&](const delivery_failure& f) { told.push_back(f.reason.message); }});
    add(b, "late", taking([&](delivery d) { late.emplace(std::move(d)); }), {});
    add(b, "dropped", taking([&](delivery d) { dropped.emplace(std::move(d)); }), {});
    add(b, "twice", taking([&](delivery d) {
          d.succeed();
          d.fail(trouble);
        }),
        {});
    b.put_event_json(numbered(1)).value();
  }
  CHECK(told == texts(2, "the bus was stopped before the event was delivered"));
  CHECK(late->rule_name() == "r");
  CHECK(late->details().bus_name == "b");
  CHECK(probe::number_of(late->event()) == "1");
  late->fail(trouble);
  late->succeed();
  dropped.reset();
  CHECK(told.size() == 2);
}

TEST_CASE("threads: answers that race with the end are counted once, or reported once") {
  for (int round = 0; round < 300; ++round) {
    std::atomic<int> told{0};
    auto t = std::make_shared<keeper>();
    std::size_t left = 0;
    std::uint64_t ended = 0;
    {
      bus b("b", {.on_error = [&](const delivery_failure&) { ++told; }});
      add(b, "t", t, {.retry = {.maximum_retry_attempts = 0}});
      for (std::size_t n = 0; n < 8; ++n) b.put_event_json(numbered(n)).value();
      std::thread answerer([&] {
        for (int n = 0; n < 8; ++n) n % 2 ? t->take().succeed() : t->take().retry(trouble);
      });
      if (round % 2) left = b.stop().size();
      if (round % 4 == 3) left += b.stop().size();
      answerer.join();
      const delivery_metrics m = b.metrics().deliveries;
      ended = m.successful_invocation_attempts + m.dropped;
      CHECK(m.dropped == static_cast<std::uint64_t>(told));
      CHECK(m.undelivered == left);
    }
    CHECK(ended + left == 8);
  }
}

TEST_CASE("threads: the bus may go while answers are being given; all of them are told or counted before it is gone") {
  for (int round = 0; round < 300; ++round) {
    std::atomic<int> told{0};
    auto t = std::make_shared<keeper>();
    std::thread answerer;
    {
      bus b("b", {.on_error = [&](const delivery_failure&) { ++told; }});
      add(b, "t", t, {.retry = {.maximum_retry_attempts = 0}});
      for (std::size_t n = 0; n < 8; ++n) b.put_event_json(numbered(n)).value();
      answerer = std::thread([&] {
        for (int n = 0; n < 8; ++n) t->take().fail(trouble);
      });
      if (round % 3) std::this_thread::sleep_for(std::chrono::microseconds(round % 7 * 10));
    }
    CHECK(told == 8);
    answerer.join();
    CHECK(told == 8);
  }
}
