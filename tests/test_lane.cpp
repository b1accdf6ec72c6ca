#include "rulebus/detail/lane.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lane_probe.hpp"
#include "rulebus/bus.hpp"
#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/invocation.hpp"

using namespace rulebus;
using probe::bus_in_hand;
using probe::keeper;
using probe::milliseconds;
using probe::seconds;
using probe::taking;
using probe::texts;
using probe::trouble;

namespace {

delivery_options one_at_a_time() { return {.retry = {.backoff_base = milliseconds(0)}, .max_in_flight = 1}; }

}  // namespace

TEST_CASE("lane: the caller makes the first attempt, before its put returns") {
  bus_in_hand h;
  texts seen;
  h.add(taking([&](delivery d) {
    seen.push_back(probe::number_of(d.event()));
    d.succeed();
  }));
  h.put(1);
  CHECK(seen == texts{"1"});
  CHECK(h.metrics().successful_invocation_attempts == 1);
}

TEST_CASE("lane: dispatch::executor leaves also the first attempt to the executor") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t, {.dispatch = dispatch::executor});
  h.put(1);
  CHECK(t->size() == 0);
  CHECK(h.b.pump() == 1);
  CHECK(t->numbers() == texts{"1"});
}

// ---- order

TEST_CASE("lane: with one at a time the order is kept, and a retry holds back the next") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t, one_at_a_time());
  for (std::size_t n = 1; n <= 3; ++n) h.put(n);
  CHECK(t->numbers() == texts{"1"});
  t->take().retry(trouble, seconds(10));
  h.pass(seconds(9));
  CHECK(t->size() == 0);
  h.pass(seconds(1));
  CHECK(t->numbers() == texts{"1"});
  for (const char* n : {"1", "2", "3"}) {
    delivery d = t->take();
    CHECK(probe::number_of(d.event()) == n);
    d.succeed();
    h.b.pump();
  }
  CHECK(h.b.flush().has_value());
}

TEST_CASE("lane: with one at a time the order is kept over all ordering keys") {
  bus_in_hand h;
  texts seen;
  h.add(taking([&](delivery d) {
          seen.push_back(probe::number_of(d.event()));
          d.succeed();
        }),
        {.dispatch = dispatch::executor, .max_in_flight = 1});
  h.put(1, "a");
  h.put(2, "a");
  h.put(3, "b");
  h.put(4);
  h.b.flush().value();
  CHECK(seen == texts{"1", "2", "3", "4"});
}

TEST_CASE("lane: a failing event holds back those of its ordering key, and no others") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t);
  h.put(1, "a");
  h.put(2, "a");
  h.put(3, "b");
  h.put(4, "a");
  h.put(5);
  CHECK(t->numbers() == texts{"1", "3", "5"});
  CHECK(h.metrics().queued == 2);
  t->take().retry(trouble, seconds(5));
  t->take().succeed();
  t->take().succeed();
  h.put(6, "b");
  h.b.pump();
  CHECK(t->numbers() == texts{"6"});
  t->take().succeed();
  h.pass(seconds(5));
  CHECK(t->numbers() == texts{"1"});
  t->take().fail(trouble);  // the end of it: the next may go
  h.b.pump();
  CHECK(t->numbers() == texts{"2"});
  h.put(7, "a");  // behind 4
  t->take().succeed();
  h.b.pump();
  CHECK(t->numbers() == texts{"4"});
  t->take().succeed();
  h.b.pump();
  CHECK(t->numbers() == texts{"7"});
  t->take().succeed();
  h.put(8, "a");
  CHECK(t->numbers() == texts{"8"});  // the key is free again, and the caller delivers
  t->take().succeed();
  CHECK(h.b.flush().has_value());
}

// ---- overflow

namespace {

/// 0 is out, 1 to 3 fill the queue, 4 is one too many.
texts with_one_too_many(bus_in_hand& h, overflow policy, std::string_view key, const std::shared_ptr<keeper>& t) {
  h.add(t, {.queue_capacity = 3, .when_full = policy, .max_in_flight = key.empty() ? 1u : 8u});
  for (std::size_t n = 0; n <= 4; ++n) h.put(n, key);
  texts seen;
  for (h.b.pump(); t->size() > 0; h.b.pump()) {
    seen.push_back(t->numbers().front());
    t->take().succeed();
  }
  return seen;
}

}  // namespace

TEST_CASE("lane: overflow::reject refuses the newest, drop_oldest the one that came first; both tell") {
  for (const std::string_view key : {"", "k"}) {
    CAPTURE(key);
    {
      bus_in_hand h;
      CHECK(with_one_too_many(h, overflow::reject, key, std::make_shared<keeper>()) == texts{"0", "1", "2", "3"});
      CHECK(h.failed.seen() == texts{"r/t: the queue of the target is full (retryable)"});
      CHECK(h.metrics().dropped == 1);
    }
    bus_in_hand h;
    CHECK(with_one_too_many(h, overflow::drop_oldest, key, std::make_shared<keeper>()) == texts{"0", "2", "3", "4"});
    CHECK(h.failed.seen() == texts{"r/t: the queue of the target is full (retryable)"});
    CHECK(h.metrics().failed_invocations == 1);
  }
}

TEST_CASE("lane: drop_oldest takes the next retry where nothing else waits, and what it held back goes on") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t, {.queue_capacity = 1, .when_full = overflow::drop_oldest});
  h.put(1, "a");
  t->take().retry(trouble, seconds(100));
  h.put(2, "a");  // drops 1, which it would wait for
  h.b.pump();
  CHECK(t->numbers() == texts{"2"});
  CHECK(h.failed.seen() == texts{"r/t: the queue of the target is full (retryable)"});
  t->take().succeed();
  CHECK(h.b.flush().has_value());
}

TEST_CASE("lane: drop_oldest drops what came first, whether it waits for its turn or for a retry, however late") {
  bus_in_hand h;
  auto t = std::make_shared<keeper>();
  h.add(t, {.dispatch = dispatch::executor, .timeout = milliseconds(0), .queue_capacity = 3, .when_full = overflow::drop_oldest});
  for (const auto& [n, wait] : {std::pair(1, 3000), std::pair(2, 1000), std::pair(3, 2000)}) {
    h.put(static_cast<std::size_t>(n));
    h.b.pump();
    t->take().retry(trouble, seconds(wait));
  }
  h.put(4);  // drops 1, though its retry is the last
  h.put(5);  // drops 2, though 4 is the first in the queue
  CHECK(h.metrics().dropped == 2);
  h.b.pump();
  CHECK(t->numbers() == texts{"4", "5"});
  h.pass(seconds(3000));
  CHECK(t->numbers() == texts{"4", "5", "3"});
}

TEST_CASE("lane: overflow::block with a manual executor does the work that makes room") {
  bus_in_hand h;
  texts seen;
  h.add(taking([&](delivery d) {
          seen.push_back(probe::number_of(d.event()));
          d.succeed();
        }),
        {.dispatch = dispatch::executor, .queue_capacity = 2, .when_full = overflow::block});
  for (std::size_t n = 0; n < 10; ++n) h.put(n);
  CHECK(h.metrics().queued == 2);
  CHECK(seen.size() == 8);
  h.b.flush().value();
  CHECK(seen == texts{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
}

TEST_CASE("lane: overflow::block within a target is reject, also in on_error and in an observer") {
  struct putting_observer final : observer {
    void observe(const log_record& r) override {
      if (r.type == log_type::invocation_failure && r.reason->code == errc::target_failed && put) put();
    }
    std::function<void()> put;
  };
  const auto watcher = std::make_shared<putting_observer>();
  std::function<void()> in_on_error;
  texts told;
  bus_in_hand h({.on_error =
                     [&](const delivery_failure& f) {
                       told.push_back(probe::number_of(f.event) + ": " + f.reason.message);
                       if (f.reason.code == errc::target_failed && in_on_error) in_on_error();
                     },
                 .observer = watcher});
  h.add(taking([&](delivery d) {
          if (probe::number_of(d.event()) == "1") {
            h.put(10);
            h.put(11);
            h.put(12);
          }
          throw std::runtime_error("trouble");
        }),
        {.dispatch = dispatch::executor,
         .retry = {.maximum_retry_attempts = 0},
         .queue_capacity = 2,
         .when_full = overflow::block});
  h.put(1);
  h.put(2);
  watcher->put = [&] { std::exchange(watcher->put, nullptr), h.put(20), h.put(21), h.put(22); };
  in_on_error = [&] { std::exchange(in_on_error, nullptr), h.put(30), h.put(31), h.put(32); };
  h.b.pump(1);  // all that is put in there finds one place free at most, and nobody who could make more
  CHECK(std::count(told.begin(), told.end(), "12: the queue of the target is full") == 1);
  CHECK(std::count(told.begin(), told.end(), "22: the queue of the target is full") == 1);
  CHECK(std::count(told.begin(), told.end(), "32: the queue of the target is full") == 1);
  CHECK(h.b.flush().has_value());
}

// ---- dead letters

TEST_CASE("lane: a dead letter says what of, why, and after how many retries") {
  bus_in_hand h({.account = "123456789012", .region = "moon-1"});
  string_map letter;
  const auto dead = taking([&](delivery d) {
    CHECK(probe::number_of(d.event()) == "1");
    CHECK(d.rule_name() == "r");
    letter = *d.details().attributes;
    d.succeed();
  });
  const auto letter_of = [&](delivery_options how, std::function<void(delivery)> f) {
    letter.clear();
    h.b.put_target("r", {.id = "t",
                         .target = taking(std::move(f)),
                         .arn = "arn:aws:sqs:moon-1:123456789012:q",
                         .delivery = how,
                         .dead_letter = dead})
        .value();
    h.put(1);
    h.pass(std::chrono::hours(25));
    return letter;
  };
  string_map expected{{"RULE_ARN", "arn:aws:events:moon-1:123456789012:rule/hand/r"},
                      {"TARGET_ARN", "arn:aws:sqs:moon-1:123456789012:q"},
                      {"TARGET_ID", "t"},
                      {"ERROR_CODE", "TARGET_FAILED"},
                      {"ERROR_MESSAGE", "trouble"},
                      {"RETRY_ATTEMPTS", "0"}};
  CHECK(letter_of({}, [](delivery d) { d.fail(trouble); }) == expected);
  expected["RETRY_ATTEMPTS"] = "3";
  expected["EXHAUSTED_RETRY_CONDITION"] = "MaximumRetryAttempts";
  CHECK(letter_of({.retry = {.maximum_retry_attempts = 3}}, [](delivery d) { d.retry(trouble); }) == expected);
  expected["EXHAUSTED_RETRY_CONDITION"] = "MaximumEventAgeInSeconds";
  expected["RETRY_ATTEMPTS"] = "5";  // at 0, 10, … 50; another would be at 60
  CHECK(letter_of({.retry = {.maximum_event_age = seconds(60)}}, [](delivery d) { d.retry(trouble, seconds(10)); }) == expected);
  expected["RETRY_ATTEMPTS"] = "0";
  expected["ERROR_CODE"] = "TIMEOUT";
  expected["ERROR_MESSAGE"] = "the target did not answer in time";
  expected["EXHAUSTED_RETRY_CONDITION"] = "MaximumRetryAttempts";
  std::optional<delivery> never;
  CHECK(letter_of({.retry = {.maximum_retry_attempts = 0}, .timeout = seconds(1)},
                  [&](delivery d) { never.emplace(std::move(d)); }) == expected);
  const bus_metrics all = h.b.metrics();
  CHECK(all.deliveries.invocations_sent_to_dlq == 4);
  CHECK(all.deliveries.failed_invocations == 4);
  CHECK(all.deliveries.dropped == 0);
}

TEST_CASE("lane: a dead letter that fails too is dropped, counted and told") {
  bus_in_hand h;
  h.add(taking([](delivery d) { d.fail(trouble); }), {}, taking([](delivery d) { d.fail({errc::target_failed, "full"}); }));
  h.put(1);
  h.b.flush().value();
  CHECK(h.failed.seen() == texts{"r/t: trouble", "r/t: full"});
  CHECK(h.metrics().invocations_failed_to_be_sent_to_dlq == 1);
  CHECK(h.metrics().dropped == 1);
  CHECK(h.metrics().invocations_sent_to_dlq == 0);
}

TEST_CASE("lane: a wait of any length that a target wishes is taken, and ends what would get too old by it") {
  bus_in_hand h;
  unsigned attempts = 0;
  h.add(taking([&](delivery d) {
    ++attempts;
    d.retry(trouble, milliseconds::max());
  }));
  h.put(1);
  CHECK(attempts == 1);
  CHECK(h.failed.seen() == texts{"r/t: trouble (retryable)"});
  CHECK(h.b.flush().has_value());
}

TEST_CASE("lane: the time to answer begins with the attempt, not with the put") {
  bus_in_hand h;
  auto slow = taking([&](delivery d) {
    h.time->advance(seconds(61));
    d.succeed();
  });
  auto t = std::make_shared<keeper>();
  h.add(slow, {}, {}, "a");
  h.add(t);
  h.put(1);
  h.pass(seconds(59));
  CHECK(h.metrics().retry_invocation_attempts == 0);
  t->take().succeed();
  CHECK(h.b.flush().has_value());
  CHECK(h.metrics().successful_invocation_attempts == 1);
  CHECK(h.metrics().ingestion_to_invocation_start.sum == seconds(61));
}

// ---- attempts

TEST_CASE("attempt_state: one of all that could end an attempt does") {
  detail::attempt_state s;
  CHECK_FALSE(s.is_open(1));
  s.begin(1);
  CHECK(s.is_open(1));
  CHECK_FALSE(s.is_open(2));
  CHECK_FALSE(s.book(1));
  SUBCASE("an answer") {
    CHECK(s.answer(1));
    CHECK_FALSE(s.succeed(1));
    CHECK_FALSE(s.drop(1));
    CHECK(s.returned(1) == detail::attempt_state::ended::answered);
  }
  SUBCASE("a success, which somebody books") {
    CHECK(s.succeed(1));
    CHECK_FALSE(s.is_open(1));
    CHECK_FALSE(s.answer(1));
    CHECK_FALSE(s.drop(1));
    CHECK(s.returned(1) == detail::attempt_state::ended::answered);
    CHECK_FALSE(s.book(2));
    CHECK(s.book(1));
    CHECK_FALSE(s.book(1));
  }
  SUBCASE("a delivery that was dropped, at the end of deliver") {
    CHECK(s.drop(1));
    CHECK(s.is_open(1));
    CHECK_FALSE(s.succeed(1));
    CHECK(s.returned(1) == detail::attempt_state::ended::dropped);
    CHECK(s.answer(1));
  }
  SUBCASE("no answer before deliver came back: none but a late one") {
    CHECK(s.returned(1) == detail::attempt_state::ended::open);
    CHECK_FALSE(s.succeed(1));
    CHECK_FALSE(s.drop(1));
    CHECK(s.answer(1));
  }
  CHECK_FALSE(s.is_open(1));
  CHECK_FALSE(s.answer(1));
  s.begin(2);
  CHECK_FALSE(s.answer(1));
  CHECK_FALSE(s.succeed(1));
  CHECK(s.succeed(2));
}

// ---- visits

namespace {

/// A lane that only the test visits.
class lone_lane {
 public:
  explicit lone_lane(delivery_options how, std::size_t threads = 1) {
    class nobody final : public executor {
     public:
      explicit nobody(std::size_t threads) : threads_(threads) {}
      void ready(const std::shared_ptr<work>&) override {}
      void ready_after(const std::shared_ptr<work>&, std::chrono::nanoseconds) override {}
      std::size_t concurrency() const override { return threads_; }

     private:
      const std::size_t threads_;
    };
    detail::dispatcher::settings s{};
    s.clock = std::make_shared<manual_clock>();
    s.executor = std::make_shared<nobody>(threads);
    in_ = std::make_shared<detail::dispatcher>(std::move(s));
    how.dispatch = dispatch::executor;
    lane_ = detail::make_counted<detail::lane>(in_, detail::lane::identity{std::make_shared<const std::string>("r"), "t"}, to_,
                                               std::make_shared<const delivery_options>(how));
  }
  lone_lane(const lone_lane&) = delete;
  lone_lane& operator=(const lone_lane&) = delete;
  ~lone_lane() { in_->stop(); }  // its list of those that are ready owns them, and they share it
  void offer(std::size_t count, std::string key = {}) {
    const auto extras = std::make_shared<const detail::entry_extras>(detail::entry_extras{.ordering_key = std::move(key)});
    for (std::size_t i = 0; i < count; ++i) {
      auto made = in_->spent().make(event::checked("{}"), lane_, extras);
      made->generation = in_->begin();
      lane_->offer(std::move(made), to_, in_->elapsed());
    }
  }
  /// "3 all" or "1", where it left something that is not for other threads.
  std::string visit() {
    const detail::lane::visited v = lane_->run(256, false);
    return std::to_string(v.deliveries) + (v.took_all ? " all" : "");
  }

 private:
  std::shared_ptr<target> to_ = taking([](delivery d) { d.succeed(); });
  std::shared_ptr<detail::dispatcher> in_;
  detail::counted_ptr<detail::lane> lane_;
};

}  // namespace

TEST_CASE("lane: a visit takes up to 32 at once, or its share, and knows whether it left something") {
  SUBCASE("all that there is") {
    lone_lane l({});
    l.offer(40);
    CHECK(l.visit() == "32");
    CHECK(l.visit() == "8 all");
    CHECK(l.visit() == "0 all");
  }
  SUBCASE("half of it, where there is another thread") {
    lone_lane l({}, 2);
    l.offer(5);
    CHECK(l.visit() == "3 all");
    CHECK(l.visit() == "1");  // of two: it may as well be that no more than one was allowed
    CHECK(l.visit() == "1 all");
  }
  SUBCASE("one at a time") {
    lone_lane l(one_at_a_time());
    l.offer(2);
    CHECK(l.visit() == "1");
    CHECK(l.visit() == "1 all");
  }
  SUBCASE("one of an ordering key") {
    lone_lane l({});
    l.offer(2, "a");
    l.offer(1, "b");
    CHECK(l.visit() == "2");
    CHECK(l.visit() == "1 all");
  }
  SUBCASE("each may open the breaker") {
    lone_lane l({.breaker = {.failures = 3}});
    l.offer(2);
    CHECK(l.visit() == "1");
    CHECK(l.visit() == "1 all");
  }
}
