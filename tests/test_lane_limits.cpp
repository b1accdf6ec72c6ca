#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lane_probe.hpp"
#include "random_source.hpp"
#include "rulebus/bus.hpp"
#include "rulebus/detail/lane.hpp"

using namespace rulebus;
using probe::bus_in_hand;
using probe::keeper;
using probe::milliseconds;
using probe::seconds;
using probe::taking;
using probe::texts;
using probe::trouble;

namespace {

/// Writes down "<milliseconds>:<number>" and succeeds, or does as `otherwise` says.
std::shared_ptr<target> clocked(bus_in_hand& h, texts& seen, std::function<void(delivery)> otherwise = {}) {
  return taking([&h, &seen, otherwise](delivery d) {
    const auto ms = std::chrono::duration_cast<milliseconds>(h.time->elapsed()).count();
    seen.push_back(std::to_string(ms) + ":" + probe::number_of(d.event()));
    otherwise ? otherwise(std::move(d)) : d.succeed();
  });
}

}  // namespace

// ---- how many at once

TEST_CASE("lane: no more than max_in_flight are without an answer") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t, {.max_in_flight = 3});
  for (std::size_t n = 0; n < 10; ++n) h.put(n);
  h.b.pump();
  CHECK(t->size() == 3);
  CHECK(h.metrics().in_flight == 3);
  CHECK(h.metrics().queued == 7);
  CHECK(h.metrics().throttled_invocations == 7);
  t->take().succeed();
  t->take().fail(trouble);
  h.b.pump();
  CHECK(t->size() == 3);
  while (t->size() > 0) t->take().succeed(), h.b.pump();
  CHECK(h.b.flush().has_value());
}

// ---- timeouts

TEST_CASE("lane: no answer in time is a retry, and a late one counts for nothing") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t, {.retry = {.backoff_base = milliseconds(0)}, .timeout = seconds(5)});
  h.put(1);
  delivery first = t->take();
  h.pass(milliseconds(4999));
  CHECK(t->size() == 0);
  h.pass(milliseconds(1));
  CHECK(t->size() == 1);
  first.fail(trouble);
  CHECK(h.failed.seen().empty());
  delivery second = t->take();
  CHECK(second.attempt() == 2);
  second.succeed();
  CHECK(h.b.flush().has_value());
  CHECK(h.metrics().successful_invocation_attempts == 1);
}

TEST_CASE("lane: without a timeout an answer may take for ever") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t, {.timeout = milliseconds(0)});
  h.put(1);
  h.pass(std::chrono::hours(1000));
  CHECK(t->size() == 1);
  t->take().succeed();
  CHECK(h.metrics().successful_invocation_attempts == 1);
}

TEST_CASE("lane: nothing is due when all have answered, and then what is still out") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t, {.timeout = seconds(5)});
  h.put(1);
  h.time->advance(seconds(1));
  h.put(2);
  CHECK(h.b.next_due() == seconds(4));
  t->take().succeed();
  CHECK(h.b.next_due() == seconds(5));
  delivery second = t->take();
  h.put(3);
  second.succeed();
  t->take().succeed();
  CHECK_FALSE(h.b.next_due());
  h.time->advance(seconds(1));
  h.put(4);  // its timeout is later than the one that was put off
  CHECK(h.b.next_due() == seconds(5));
  h.pass(seconds(5));
  CHECK(h.metrics().in_flight == 0);
  CHECK(h.metrics().queued == 1);
}

TEST_CASE("lane: what waited longer than maximum_event_age ends when its turn comes") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t, {.retry = {.maximum_event_age = seconds(60)}, .timeout = seconds(0), .max_in_flight = 1});
  for (std::size_t n = 1; n <= 3; ++n) h.put(n);
  h.pass(seconds(60));
  h.put(4);
  t->take().succeed();
  h.b.pump();
  CHECK(t->numbers() == texts{"4"});
  CHECK(h.failed.seen().size() == 2);
  t->take().succeed();
  CHECK(h.b.flush().has_value());
}

// ---- rate

TEST_CASE("lane: a token bucket lets a burst through, and then so many a second") {
  bus_in_hand h;
  texts seen;
  h.add(clocked(h, seen), {.rate = {.per_second = 4, .burst = 2}});
  for (std::size_t n = 0; n < 5; ++n) h.put(n);
  h.pass(seconds(1));
  CHECK(seen == texts{"0:0", "0:1", "250:2", "500:3", "750:4"});
  h.pass(seconds(10));  // the bucket holds no more than the burst
  seen.clear();
  for (std::size_t n = 0; n < 4; ++n) h.put(n);
  h.pass(seconds(1));
  CHECK(seen == texts{"11000:0", "11000:1", "11250:2", "11500:3"});
}

TEST_CASE("lane: a rate does not drift: after many thousand waits as many have gone as the rate says") {
  for (const double rate : {3.0, 7.0, 999.0, 12'345.6}) {
    CAPTURE(rate);
    bus_in_hand h;
    std::size_t seen = 0;
    h.add(taking([&](delivery d) {
            ++seen;
            d.succeed();
          }),
          {.rate = {.per_second = rate}});
    for (std::size_t n = 0; n < 20'000; ++n) h.put(n);
    const auto end = std::chrono::duration<double>(10'000 / rate);
    h.pass(std::chrono::duration_cast<probe::nanoseconds>(end));
    CHECK(seen >= 10'000);
    CHECK(seen <= 10'001);
    static_cast<void>(h.b.stop());
  }
}

TEST_CASE("lane: a rate of next to nothing is a long wait") {
  bus_in_hand h;
  texts seen;
  h.add(clocked(h, seen), {.rate = {.per_second = 1e-300}});
  h.put(1);
  h.put(2);
  h.pass(std::chrono::hours(20));
  CHECK(seen == texts{"0:1"});
  CHECK(h.b.next_due().value_or(probe::nanoseconds(0)) > std::chrono::hours(24 * 365));
}

// ---- circuit breaker

TEST_CASE("lane: after so many failures in a row the target is left alone; then one tries") {
  bus_in_hand h;
  texts seen;
  bool works = false;
  h.add(clocked(h, seen, [&](delivery d) { works ? d.succeed() : d.retry(trouble, milliseconds(0)); }),
        {.retry = {.maximum_retry_attempts = 0}, .breaker = {.failures = 3, .open_for = seconds(10)}});
  for (std::size_t n = 0; n < 6; ++n) h.put(n);
  h.pass(seconds(9));
  CHECK(seen == texts{"0:0", "0:1", "0:2"});
  h.pass(seconds(1));  // half open: one, which fails
  CHECK(seen.back() == "10000:3");
  works = true;
  h.pass(seconds(9));
  CHECK(seen.size() == 4);
  h.pass(seconds(1));
  CHECK(seen == texts{"0:0", "0:1", "0:2", "10000:3", "20000:4", "20000:5"});
  CHECK(h.b.flush().has_value());
}

TEST_CASE("lane: what is next in the queue when the breaker opens is left for later") {
  bus_in_hand h;
  texts seen;
  h.add(clocked(h, seen, [](delivery d) { d.retry(trouble); }),
        {.retry = {.maximum_retry_attempts = 0}, .breaker = {.failures = 3, .open_for = seconds(10)}});
  for (std::size_t n = 0; n < 64; ++n) h.put(n);
  h.pass(seconds(20));
  CHECK(seen == texts{"0:0", "0:1", "0:2", "10000:3", "20000:4"});
  static_cast<void>(h.b.stop());
}

TEST_CASE("lane: half open, one at a time tries, whatever is still without an answer from before") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(
      t,
      {.retry = {.maximum_retry_attempts = 0}, .timeout = milliseconds(0), .breaker = {.failures = 2, .open_for = seconds(10)}});
  for (std::size_t n = 0; n < 3; ++n) h.put(n);
  h.b.pump();
  delivery forgotten = t->take();
  t->take().retry(trouble);
  t->take().retry(trouble);
  for (std::size_t n = 3; n < 6; ++n) h.put(n);
  h.pass(seconds(10));
  CHECK(t->numbers() == texts{"3"});
  t->take().succeed();
  h.b.pump();
  CHECK(t->numbers() == texts{"4", "5"});
  forgotten.succeed();
  t->take().succeed();
  t->take().succeed();
  CHECK(h.b.flush().has_value());
}

TEST_CASE("lane: what began before the breaker opened neither closes it nor keeps it open") {
  for (const bool late_success : {true, false}) {
    CAPTURE(late_success);
    bus_in_hand h;
    auto t = std::make_shared<keeper>();
    h.add(t, {.retry = {.maximum_retry_attempts = 0}, .breaker = {.failures = 2, .open_for = seconds(10)}});
    for (std::size_t n = 0; n < 3; ++n) h.put(n);
    h.b.pump();
    delivery slow = t->take();
    t->take().retry(trouble);
    t->take().retry(trouble);
    h.put(3);
    h.pass(seconds(5));
    late_success ? slow.succeed() : slow.retry(trouble);
    h.pass(milliseconds(4999));
    CHECK(t->size() == 0);
    h.pass(milliseconds(1));
    CHECK(t->numbers() == texts{"3"});
    t->take().succeed();
  }
}

TEST_CASE("lane: a permanent failure says nothing against the target") {
  bus_in_hand h;
  texts seen;
  h.add(clocked(h, seen, [](delivery d) { d.fail(trouble); }), {.breaker = {.failures = 2}});
  for (std::size_t n = 0; n < 5; ++n) h.put(n);
  h.b.pump();
  CHECK(seen.size() == 5);
}

// ---- batches

TEST_CASE("lane: a batch goes when it is full, or when its window is over") {
  bus_in_hand h;
  texts seen;
  h.add(probe::taking_batches([&](std::vector<delivery> batch) {
          std::string text = std::to_string(std::chrono::duration_cast<milliseconds>(h.time->elapsed()).count()) + ":";
          for (delivery& d : batch) {
            text += " " + probe::number_of(d.event());
            d.succeed();
          }
          seen.push_back(text);
        }),
        {.batch = {.size = 3, .window = milliseconds(100)}});
  for (std::size_t n = 0; n < 7; ++n) h.put(n);
  h.pass(seconds(1));
  CHECK(seen == texts{"0: 0 1 2", "0: 3 4 5", "100: 6"});
  CHECK(h.b.flush().has_value());
}

TEST_CASE("lane: max_in_flight counts batches, not what is in them") {
  bus_in_hand h;
  std::vector<std::vector<delivery>> out;
  h.add(probe::taking_batches([&](std::vector<delivery> batch) { out.push_back(std::move(batch)); }),
        {.max_in_flight = 2, .batch = {.size = 100}});
  for (std::size_t n = 0; n < 450; ++n) h.put(n);
  h.b.pump();
  REQUIRE(out.size() == 2);
  CHECK(out[0].size() == 100);
  CHECK(out[1].size() == 100);
  for (std::size_t i = 0; i < 99; ++i) out[0][i].succeed();
  h.b.pump();
  CHECK(out.size() == 2);  // one of the first is still out
  out[0][99].succeed();
  h.b.pump();
  REQUIRE(out.size() == 3);
  CHECK(out[2].size() == 100);
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (delivery& d : out[i]) d.succeed();
    h.b.pump();
  }
  CHECK(out.size() == 5);
  CHECK(out[4].size() == 50);
  CHECK(h.metrics().successful_invocation_attempts == 450);
  CHECK(h.b.flush().has_value());
}

TEST_CASE("lane: with one batch at a time, order and keys hold: of one key one, and none overtakes") {
  bus_in_hand h;
  texts seen;
  std::vector<delivery> out;
  h.add(probe::taking_batches([&](std::vector<delivery> batch) {
          std::string text;
          for (const delivery& d : batch) text += probe::number_of(d.event());
          seen.push_back(text);
          out = std::move(batch);
        }),
        {.retry = {.backoff_base = milliseconds(0)}, .max_in_flight = 1, .batch = {.size = 3}});
  h.put(1, "a");
  h.put(2, "b");
  h.put(3, "b");
  h.put(4);
  h.put(5);
  h.put(6);
  h.b.pump();
  CHECK(seen == texts{"12"});  // 3 may not be with 2, nor 4 before 3
  out[0].retry(trouble, seconds(1));
  h.b.pump();
  out[1].succeed();
  h.b.pump();
  CHECK(seen == texts{"12"});
  h.pass(seconds(1));
  CHECK(seen == texts{"12", "134"});
  for (delivery& d : out) d.succeed();
  h.b.pump();
  CHECK(seen == texts{"12", "134", "56"});
  for (delivery& d : out) d.succeed();
  CHECK(h.b.flush().has_value());
}

TEST_CASE("lane: a batch takes one token, and what throws is a retry for those without an answer") {
  bus_in_hand h;
  texts seen;
  bool once = true;
  h.add(probe::taking_batches([&](std::vector<delivery> batch) {
          std::string text = std::to_string(std::chrono::duration_cast<milliseconds>(h.time->elapsed()).count()) + ":";
          for (const delivery& d : batch) text += " " + probe::number_of(d.event());
          seen.push_back(text);
          batch[0].succeed();
          if (std::exchange(once, false)) throw std::runtime_error("once");
          for (delivery& d : batch) d.succeed();
        }),
        {.retry = {.backoff_base = milliseconds(0)}, .rate = {.per_second = 1, .burst = 1}, .batch = {.size = 3}});
  for (std::size_t n = 0; n < 6; ++n) h.put(n);
  h.pass(seconds(5));
  CHECK(seen == texts{"0: 0 1 2", "1000: 1 2 3", "2000: 4 5"});
  CHECK(h.b.flush().has_value());
}

// ---- visits

TEST_CASE("lane: a slow target costs no attempt: what a thread took and did not get to waits on, in order") {
  bus_in_hand h;
  texts seen;
  h.add(clocked(h, seen,
                [&](delivery d) {
                  CHECK(d.attempt() == 1);
                  h.time->advance(milliseconds(400));
                  d.succeed();
                }),
        {.dispatch = dispatch::executor, .timeout = seconds(1)});
  for (std::size_t n = 0; n < 8; ++n) h.put(n);
  h.b.flush().value();
  CHECK(seen == texts{"0:0", "400:1", "800:2", "1200:3", "1600:4", "2000:5", "2400:6", "2800:7"});
  CHECK(h.metrics().invocation_attempts == 8);
  CHECK(h.metrics().retry_invocation_attempts == 0);
  CHECK(h.metrics().ingestion_to_invocation_start.count == 8);
}

TEST_CASE("lane: no wake is lost with a clock that moves at every look") {
  struct restless final : rulebus::clock {
    time_point now() const override { return {}; }
    std::chrono::nanoseconds elapsed() const override { return time += std::chrono::microseconds(random.below(300)); }
    bool passes() const override { return false; }
    mutable tests::random_source random{1};
    mutable std::chrono::nanoseconds time{0};
  };
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    const auto time = std::make_shared<restless>();
    tests::random_source random(seed);
    time->random = tests::random_source(seed + 1'000'000);
    std::size_t ended = 0, put = 0;
    bus b("restless", {.clock = time, .executor = make_manual_executor(), .seed = 1});
    b.put_rule(probe::from_shop("r")).value();
    b.put_target("r", {.id = "t",
                       .target = taking([&](delivery d) {
                         if (random.percent(60)) return d.retry(trouble, milliseconds(random.below(3)));
                         ++ended;
                         d.succeed();
                       }),
                       .delivery = delivery_options{.dispatch = dispatch::executor,
                                                    .max_in_flight = 1 + random.below(3),
                                                    .rate = {.per_second = random.percent(50) ? 900.0 : 0.0, .burst = 3}}})
        .value();
    for (std::size_t looks = 0; looks < 20'000 && (put < 40 || ended < put); ++looks) {
      if (put < 40 && random.percent(10)) b.put_event_json(probe::numbered(put++)).value();
      b.pump(1 + random.below(2));
      if (ended < put) REQUIRE(b.next_due().has_value());
    }
    CHECK(put == 40);
    CHECK(ended == put);
  }
}
