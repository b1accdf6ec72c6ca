#include "rulebus/targets/queue.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/bus.hpp"
#include "rulebus/executor.hpp"

using namespace rulebus;
using namespace std::chrono_literals;
using probe::texts;

namespace {

// A queue on a manual clock, and deliveries that come from no bus.
struct fixture {
  explicit fixture(queue_options o = {}) {
    o.clock = time;
    queue = std::make_shared<queue_target>(std::move(o));
  }
  // Delivers {"n": n}; what the queue answered.
  std::string put(int n) {
    std::string answer = "none";
    queue->deliver({event::parse("{\"n\":" + std::to_string(n) + "}").value(), "r", "t", [&](const delivery::outcome& o) {
                      answer = o.status ? "succeeded" : (o.retryable ? "retry: " : "fail: ") + o.status.error().message;
                      if (o.after) answer += " in " + std::to_string(o.after->count()) + " ms";
                    }});
    return answer;
  }
  void put_all(int from, int to) {
    for (int n = from; n <= to; ++n) CHECK(put(n) == "succeeded");
  }
  std::shared_ptr<manual_clock> time = std::make_shared<manual_clock>();
  std::shared_ptr<queue_target> queue;
};

texts bodies(const std::vector<queue_message>& messages) {
  texts all;
  for (const queue_message& m : messages) all.emplace_back(m.body());
  return all;
}

// A bus on a manual clock whose rule "all" takes everything.
struct bus_fixture {
  bus_fixture() { events.put_rule({.name = "all", .event_pattern = R"({"detail-type": [{"exists": true}]})"}).value(); }
  void put(std::string_view detail, std::string_view key = {}) {
    events.put_event({.source = "shop", .detail_type = "Order", .detail = detail, .ordering_key = key}).value();
  }
  std::shared_ptr<manual_clock> time = std::make_shared<manual_clock>();
  bus events{"orders", {.clock = time, .executor = make_manual_executor()}};
};

std::string detail_of(const queue_message& m) { return std::string(m.event().detail()); }

}  // namespace

TEST_CASE("queue: messages are received in the order in which they came, each by one receiver") {
  fixture f;
  f.put_all(1, 3);
  CHECK(f.queue->depth() == queue_depth{.visible = 3});
  CHECK(bodies(f.queue->receive(2)) == texts{R"({"n":1})", R"({"n":2})"});
  CHECK(f.queue->depth() == queue_depth{.visible = 1, .in_flight = 2});
  CHECK(bodies(f.queue->receive(2)) == texts{R"({"n":3})"});
  CHECK(f.queue->receive(2).empty());
}

TEST_CASE("queue: what is acknowledged is gone, and only once") {
  fixture f;
  f.put_all(1, 1);
  const queue_message m = f.queue->receive().at(0);
  CHECK(m.receive_count() == 1);
  CHECK(f.queue->acknowledge(m.receipt()));
  CHECK(f.queue->depth() == queue_depth{});
  CHECK(f.queue->acknowledge(m.receipt()).error().code == errc::not_found);
  f.time->advance(1h);
  CHECK(f.queue->receive().empty());
  CHECK(m.body() == R"({"n":1})");
}

TEST_CASE("queue: what is not acknowledged comes back after the visibility timeout, at its old place") {
  fixture f({.visibility_timeout = 30s});
  f.put_all(1, 2);
  CHECK(bodies(f.queue->receive()) == texts{R"({"n":1})"});
  f.time->advance(30s - 1ns);
  CHECK(f.queue->depth() == queue_depth{.visible = 1, .in_flight = 1});
  f.time->advance(1ns);
  CHECK(f.queue->depth() == queue_depth{.visible = 2});
  const auto again = f.queue->receive(5);
  CHECK(bodies(again) == texts{R"({"n":1})", R"({"n":2})"});
  CHECK(again.at(0).receive_count() == 2);
  CHECK(again.at(1).receive_count() == 1);
  CHECK(again.at(0).age() == 30s);
}

TEST_CASE("queue: a receipt is valid until the message is received again, even if it came back in the meantime") {
  fixture f({.visibility_timeout = 1s});
  f.put_all(1, 2);
  const auto first = f.queue->receive(2);
  f.time->advance(2s);
  CHECK(f.queue->acknowledge(first.at(0).receipt()));
  const auto second = f.queue->receive(2);
  REQUIRE(bodies(second) == texts{R"({"n":2})"});
  CHECK(f.queue->acknowledge(first.at(1).receipt()).error().message.find("received again") != std::string::npos);
  CHECK(f.queue->change_visibility(first.at(1).receipt(), 5s).error().code == errc::not_found);
  CHECK(f.queue->acknowledge(second.at(0).receipt()));
}

TEST_CASE("queue: a worker can take longer, or give a message back") {
  fixture f({.visibility_timeout = 10s});
  f.put_all(1, 2);
  const auto m = f.queue->receive(2);
  CHECK(f.queue->change_visibility(m.at(0).receipt(), 60s));
  CHECK(f.queue->release(m.at(1).receipt()));
  CHECK(f.queue->release(m.at(1).receipt()).error().code == errc::not_found);
  CHECK(bodies(f.queue->receive(2)) == texts{R"({"n":2})"});
  f.time->advance(59s);
  CHECK(bodies(f.queue->receive(2)) == texts{R"({"n":2})"});
  f.time->advance(1s);
  CHECK(bodies(f.queue->receive(2)) == texts{R"({"n":1})"});
  f.time->advance(10s);
  CHECK(f.queue->change_visibility(m.at(0).receipt(), 60s).error().code == errc::not_found);
  CHECK(f.queue->change_visibility(m.at(0).receipt(), 13h).error().code == errc::invalid_argument);
  CHECK(f.queue->change_visibility(m.at(0).receipt(), -1ms).error().code == errc::invalid_argument);
}

TEST_CASE("queue: an unknown receipt is refused") {
  fixture f;
  f.put_all(1, 1);
  CHECK(f.queue->acknowledge({}).error().code == errc::not_found);
  CHECK(f.queue->acknowledge({1, 0}).error().code == errc::not_found);
  CHECK(f.queue->acknowledge({7, 1}).error().code == errc::not_found);
  CHECK(f.queue->acknowledge(f.queue->peek().at(0).receipt()).error().code == errc::not_found);
  CHECK(f.queue->depth().visible == 1);
}

TEST_CASE("queue: when it is full, deliveries are asked to come again") {
  fixture f({.capacity = 2, .retry_when_full = 250ms});
  f.put_all(1, 2);
  CHECK(f.put(3) == "retry: the queue is full: it has 2 messages in 250 ms");
  const auto m = f.queue->receive();
  CHECK(f.put(3).starts_with("retry"));  // it may come back
  CHECK(f.queue->acknowledge(m.at(0).receipt()));
  CHECK(f.put(3) == "succeeded");
  fixture by_policy({.capacity = 1});
  by_policy.put_all(1, 1);
  CHECK(by_policy.put(2) == "retry: the queue is full: it has 1 messages");
}

TEST_CASE("queue: what does not fit waits in the bus and arrives when there is room, in order") {
  bus_fixture b;
  const auto queue = std::make_shared<queue_target>(queue_options{.capacity = 1, .retry_when_full = 1s, .clock = b.time});
  b.events.put_target("all", {.id = "q", .target = queue, .delivery = delivery_options{.max_in_flight = 1}}).value();
  for (const char* n : {"1", "2", "3"}) b.put(std::string("{\"n\":") + n + "}");
  for (const char* n : {"1", "2", "3"}) {
    b.time->advance(1s);
    b.events.pump();
    const auto m = queue->receive(10);
    REQUIRE(m.size() == 1);
    CHECK(detail_of(m[0]) == std::string("{\"n\":") + n + "}");
    CHECK(queue->acknowledge(m[0].receipt()));
  }
  CHECK(b.events.flush());
}

TEST_CASE("queue: a message that was received max_receives times moves to the dead letters when it comes back") {
  fixture letters;
  fixture f({.visibility_timeout = 1s, .max_receives = 2, .dead_letters = letters.queue});
  f.put_all(1, 1);
  for (int i = 0; i < 2; ++i) {
    CHECK(bodies(f.queue->receive()) == texts{R"({"n":1})"});
    f.time->advance(1s);
  }
  CHECK(f.queue->receive().empty());
  CHECK(f.queue->depth() == queue_depth{});
  const auto m = letters.queue->receive();
  REQUIRE(bodies(m) == texts{R"({"n":1})"});
  CHECK(m[0].receive_count() == 1);
  CHECK(m[0].attributes() == string_map{{"ERROR_CODE", "TARGET_FAILED"},
                                        {"ERROR_MESSAGE", "it was received 2 times and not acknowledged"},
                                        {"EXHAUSTED_RETRY_CONDITION", "MaximumReceives"},
                                        {"RETRY_ATTEMPTS", "1"},
                                        {"RULE_ARN", ""},
                                        {"TARGET_ARN", ""},
                                        {"TARGET_ID", "t"}});
}

TEST_CASE("queue: giving back counts as well") {
  fixture letters;
  fixture f({.max_receives = 1, .dead_letters = letters.queue});
  f.put_all(1, 1);
  CHECK(f.queue->release(f.queue->receive().at(0).receipt()));
  CHECK(f.queue->depth() == queue_depth{});
  CHECK(letters.queue->depth() == queue_depth{.visible = 1});
}

TEST_CASE("queue: while the dead letters are full, messages stay and are received again") {
  fixture letters({.capacity = 1});
  letters.put_all(0, 0);
  fixture f({.visibility_timeout = 1s, .max_receives = 1, .dead_letters = letters.queue});
  f.put_all(1, 1);
  CHECK(f.queue->receive().size() == 1);
  f.time->advance(1s);
  CHECK(f.queue->depth() == queue_depth{.visible = 1});
  const auto again = f.queue->receive();
  REQUIRE(again.size() == 1);
  CHECK(again[0].receive_count() == 2);
  CHECK(letters.queue->purge() == 1);
  f.time->advance(1s);
  CHECK(f.queue->depth() == queue_depth{});
  CHECK(letters.queue->depth() == queue_depth{.visible = 1});
}

TEST_CASE("queue: of an ordering key only the first is visible until it is acknowledged") {
  bus_fixture b;
  const auto queue = std::make_shared<queue_target>(queue_options{.visibility_timeout = 1s, .clock = b.time});
  b.events.put_target("all", {.id = "q", .target = queue}).value();
  for (const char* n : {"1", "2", "3"}) b.put(std::string("{\"a\":") + n + "}", "a");
  b.put(R"({"b":1})", "b");
  b.put(R"({"none":1})");
  CHECK(b.events.flush());
  CHECK(queue->depth() == queue_depth{.visible = 3, .held = 2});
  auto m = queue->receive(10);
  REQUIRE(m.size() == 3);
  CHECK(detail_of(m[0]) == R"({"a":1})");
  CHECK(m[0].details().ordering_key == "a");
  CHECK(queue->release(m[0].receipt()));
  m = queue->receive(10);
  REQUIRE(m.size() == 1);
  CHECK(detail_of(m[0]) == R"({"a":1})");
  CHECK(queue->acknowledge(m[0].receipt()));
  m = queue->receive(10);
  REQUIRE(m.size() == 1);
  CHECK(detail_of(m[0]) == R"({"a":2})");
  b.time->advance(1s);
  CHECK(queue->depth() == queue_depth{.visible = 3, .held = 1});
  CHECK(queue->acknowledge(m[0].receipt()));
  CHECK(queue->depth() == queue_depth{.visible = 3});
}

TEST_CASE("queue: looking at messages does not receive them") {
  fixture f;
  f.put_all(1, 3);
  static_cast<void>(f.queue->receive());
  const auto seen = f.queue->peek();
  CHECK(bodies(seen) == texts{R"({"n":2})", R"({"n":3})"});
  CHECK(seen.at(0).receive_count() == 0);
  CHECK(bodies(f.queue->peek(1)) == texts{R"({"n":2})"});
  CHECK(f.queue->depth() == queue_depth{.visible = 2, .in_flight = 1});
}

TEST_CASE("queue: purge removes everything, also what is in flight") {
  fixture f;
  f.put_all(1, 3);
  const auto m = f.queue->receive();
  CHECK(f.queue->purge() == 3);
  CHECK(f.queue->depth() == queue_depth{});
  CHECK(f.queue->acknowledge(m.at(0).receipt()).error().code == errc::not_found);
  f.put_all(4, 4);
  CHECK(bodies(f.queue->receive()) == texts{R"({"n":4})"});
}

TEST_CASE("queue: receive waits for the first message") {
  fixture f;
  std::jthread later([&] {
    std::this_thread::sleep_for(5ms);
    f.put_all(1, 1);
  });
  CHECK(bodies(f.queue->receive(10, 1h)) == texts{R"({"n":1})"});  // the manual clock stands still
}

TEST_CASE("queue: receive waits for what comes back, and by the queue's clock") {
  fixture f({.visibility_timeout = 30s});
  std::jthread time_passes([&](std::stop_token stop) {
    for (; !stop.stop_requested(); std::this_thread::yield()) f.time->advance(1s);
  });
  f.put_all(1, 1);
  static_cast<void>(f.queue->receive());
  CHECK(bodies(f.queue->receive(10, 12h)) == texts{R"({"n":1})"});
  CHECK(f.queue->purge() == 1);
  const auto begin = f.time->elapsed();
  CHECK(f.queue->receive(10, 5s).empty());
  CHECK(f.time->elapsed() - begin >= 5s);
}

TEST_CASE("queue: with the system's clock, receive waits as long as it was told and no longer than needed") {
  const auto queue = std::make_shared<queue_target>(queue_options{.visibility_timeout = 20ms});
  const auto begin = std::chrono::steady_clock::now();
  CHECK(queue->receive(1, 20ms).empty());
  CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
  queue->deliver({event::parse("{}").value(), "r", "t", nullptr});
  CHECK(queue->receive(1).size() == 1);
  CHECK(queue->receive(1, 1h).size() == 1);  // it comes back
  // One waits already when another receives what will come back.
  std::vector<queue_message> second;
  queue->purge();
  std::jthread waiting([&] { second = queue->receive(1, 1h); });
  std::this_thread::sleep_for(5ms);
  std::jthread first([&] { static_cast<void>(queue->receive(1, 1h)); });
  std::this_thread::sleep_for(5ms);
  queue->deliver({event::parse("{}").value(), "r", "t", nullptr});
  first.join();
  waiting.join();
  CHECK(second.size() == 1);
}

TEST_CASE("queue: a stop request ends waiting, but not before what is there was received") {
  fixture f;
  std::jthread worker([&](std::stop_token stop) {
    CHECK(f.queue->receive(1, 1h, stop).empty());
    f.put_all(1, 1);
    CHECK(f.queue->receive(1, 1h, stop).size() == 1);
    CHECK(f.queue->receive(1, 1h, stop).empty());
  });
  std::this_thread::sleep_for(5ms);
  worker.request_stop();
  worker.join();
  CHECK(f.queue->receive(0, 1h).empty());
}

TEST_CASE("queue: a message has what its delivery had") {
  bus_fixture b;
  const auto queue = std::make_shared<queue_target>(queue_options{.clock = b.time});
  b.events.put_target("all", {.id = "q", .target = queue, .arn = "arn:aws:sqs:local:000000000000:q"}).value();
  b.events
      .put_event({.source = "shop",
                  .detail_type = "Order",
                  .detail = "{}",
                  .ordering_key = "k",
                  .trace_header = "Root=1",
                  .traceparent = "00-1-1-00"})
      .value();
  const queue_message m = queue->receive().at(0);
  const delivery_details d = m.details();
  CHECK(m.body() == m.event().json());
  CHECK(d.bus_name == "orders");
  CHECK(d.bus_arn == "arn:aws:events:local:000000000000:event-bus/orders");
  CHECK(d.rule_name == "all");
  CHECK(d.target_id == "q");
  CHECK(d.target_arn == "arn:aws:sqs:local:000000000000:q");
  CHECK(d.ordering_key == "k");
  CHECK(d.trace_header == "Root=1");
  CHECK(d.traceparent == "00-1-1-00");
  CHECK(d.attributes == nullptr);
  CHECK(!m.as_dead_letter());
}

TEST_CASE("queue: options out of range are refused") {
  const auto refused = [](const queue_options& o) {
    const result<void> valid = queue_target::check(o);
    CHECK_THROWS_AS(queue_target{o}, bad_result);
    return valid ? std::string("fine") : valid.error().message;
  };
  CHECK(refused({.capacity = 0}) == "capacity must be 1 or more");
  CHECK(refused({.visibility_timeout = -1ms}) == "visibility_timeout must be 0 to 12 hours");
  CHECK(refused({.visibility_timeout = 13h}) == "visibility_timeout must be 0 to 12 hours");
  CHECK(refused({.max_receives = 1}) == "max_receives needs dead_letters");
  CHECK(refused({.dead_letters = std::make_shared<queue_target>()}) == "dead_letters need max_receives");
  CHECK(refused({.retry_when_full = -1ms}) == "retry_when_full must be 0 or more");
}

TEST_CASE("queue: among threads that put, receive, release and acknowledge, each message is done exactly once") {
  constexpr int per_thread = 2000;
  queue_target letters({.visibility_timeout = 12h});
  const auto shared_letters = std::shared_ptr<queue_target>(&letters, [](queue_target*) {});
  queue_target jobs({.capacity = 50, .visibility_timeout = 12h, .max_receives = 3, .dead_letters = shared_letters});
  std::vector<std::atomic<int>> done(2 * per_thread);
  std::atomic<int> open{2 * per_thread};
  const auto put = [&](int from) {
    for (int n = from; n < from + per_thread;) {
      bool stored = false;
      jobs.deliver({event::parse("{\"n\":" + std::to_string(n) + "}").value(), "r", "t",
                    [&](const delivery::outcome& o) { stored = o.status.has_value(); }});
      if (stored) ++n;
    }
  };
  const auto work = [&](std::stop_token stop, queue_target& from, unsigned patience) {
    while (open.load() > 0 && !stop.stop_requested()) {
      for (const queue_message& m : from.receive(3, 10ms, stop)) {
        const int n = std::stoi(std::string(m.body().substr(5)));
        if (n % 3 == 0 && m.receive_count() < patience) {
          CHECK(from.release(m.receipt()));
          continue;
        }
        done[static_cast<std::size_t>(n)].fetch_add(1);
        CHECK(from.acknowledge(m.receipt()));
        open.fetch_sub(1);
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    threads.emplace_back(put, 0);
    threads.emplace_back(put, per_thread);
    for (const unsigned patience : {2u, 4u, 9u}) {
      threads.emplace_back([&, patience](std::stop_token stop) { work(std::move(stop), jobs, patience); });
    }
    threads.emplace_back([&](std::stop_token stop) { work(std::move(stop), letters, 1); });
    while (open.load() > 0) std::this_thread::sleep_for(1ms);
  }
  for (const auto& times : done) CHECK(times.load() == 1);
  CHECK(jobs.depth() == queue_depth{});
  CHECK(letters.depth() == queue_depth{});
}

TEST_CASE("queue: the body is what the rule makes of the event, and the event is there too") {
  bus_fixture b;
  const auto queue = std::make_shared<queue_target>(queue_options{.clock = b.time});
  b.events.put_target("all", {.id = "q", .target = queue, .input = {.input_path = "$.detail.n"}}).value();
  b.put(R"({"n":[1,2]})");
  const queue_message m = queue->receive().at(0);
  CHECK(m.body() == "[1,2]");
  CHECK(detail_of(m) == R"({"n":[1,2]})");
}
