#include "rulebus/dead_letter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus_probe.hpp"
#include "lane_probe.hpp"
#include "rulebus/bus.hpp"
#include "rulebus/executor.hpp"
#include "rulebus/targets/queue.hpp"

using namespace rulebus;
using probe::texts;

namespace {

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

std::shared_ptr<target> failing() {
  return make_target([](const delivery&) -> result<void> { return error{errc::target_failed, "no"}; });
}

}  // namespace

TEST_CASE("dead letters: a queue gets the event and the attributes, and redrive sends them back") {
  bus_fixture b;
  bool works = false;
  texts got;
  const auto letters = std::make_shared<queue_target>(queue_options{.clock = b.time});
  b.events
      .put_target("all", {.id = "t",
                          .target = make_target([&](const delivery& d) -> result<void> {
                            if (!works) return error{errc::target_failed, "not now"};
                            got.push_back(std::string(d.event().detail()) + std::string(d.details().ordering_key));
                            return {};
                          }),
                          .dead_letter = letters})
      .value();
  b.put(R"({"n":1})", "k");
  b.put(R"({"n":2})", "k");
  CHECK(b.events.flush());
  CHECK(letters->depth() == queue_depth{.visible = 1, .held = 1});
  const auto seen = letters->peek();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].attributes() == string_map{{"ERROR_CODE", "TARGET_FAILED"},
                                           {"ERROR_MESSAGE", "not now"},
                                           {"RETRY_ATTEMPTS", "0"},
                                           {"RULE_ARN", "arn:aws:events:local:000000000000:rule/orders/all"},
                                           {"TARGET_ARN", ""},
                                           {"TARGET_ID", "t"}});
  works = true;
  const redrive_report done = letters->redrive(b.events).value();
  CHECK(done.redriven == 2);
  CHECK(done.refused == 0);
  CHECK(letters->depth() == queue_depth{});
  CHECK(b.events.flush());
  CHECK(got == texts{R"({"n":1}k)", R"({"n":2}k)"});
}

TEST_CASE("dead letters: a queue that is full for hours loses none of them") {
  bus_fixture b;
  const auto letters = std::make_shared<queue_target>(queue_options{.capacity = 1, .clock = b.time});
  b.events.put_target("all", {.id = "t", .target = failing(), .dead_letter = letters}).value();
  b.put(R"({"n":1})");
  b.put(R"({"n":2})");
  const auto pass = [&](std::chrono::nanoseconds by) {
    for (const auto end = b.time->elapsed() + by; b.time->elapsed() < end; b.events.pump()) {
      const auto due = b.events.next_due();
      b.time->advance(std::clamp(due.value_or(by), std::chrono::nanoseconds(1), end - b.time->elapsed()));
    }
  };
  pass(std::chrono::hours(6));
  const auto first = letters->receive();
  REQUIRE(first.size() == 1);
  CHECK(letters->acknowledge(first[0].receipt()));
  pass(std::chrono::minutes(15));
  const auto second = letters->receive();
  REQUIRE(second.size() == 1);
  CHECK(detail_of(first[0]) + detail_of(second[0]) == R"({"n":1}{"n":2})");
  CHECK(b.events.metrics().deliveries.dropped == 0);
}

TEST_CASE("dead letters: redrive takes those that match, up to a maximum, and lets the others be") {
  bus_fixture b;
  const auto letters = std::make_shared<queue_target>(queue_options{.clock = b.time});
  b.events.put_target("all", {.id = "t", .target = failing(), .dead_letter = letters}).value();
  for (int n = 1; n <= 6; ++n) b.put("{\"n\":" + std::to_string(n) + "}", n % 2 == 0 ? "even" : "odd");
  CHECK(b.events.flush());
  b.events.put_target("all", {.id = "t", .target = make_target([](const delivery&) {}), .dead_letter = letters}).value();
  const char* const above_two = R"({"detail": {"n": [{"numeric": [">", 2]}]}})";
  CHECK(letters->redrive(b.events, above_two, 3).value().redriven == 3);
  const auto left = letters->peek();
  REQUIRE(left.size() == 3);
  CHECK(detail_of(left[0]) == R"({"n":1})");
  CHECK(detail_of(left[1]) == R"({"n":2})");
  CHECK(detail_of(left[2]) == R"({"n":6})");
  CHECK(letters->depth() == queue_depth{.visible = 2, .held = 1});
  CHECK(letters->redrive(b.events, "{").error().code == errc::invalid_json);
  CHECK(letters->redrive(b.events, R"({"a": 1})").error().code == errc::invalid_pattern);
  CHECK(letters->depth() == queue_depth{.visible = 2, .held = 1});
  CHECK(letters->redrive(b.events, {}, 0).value().redriven == 0);
}

TEST_CASE("dead letters: what the bus does not accept stays, and the report says why") {
  bus_fixture b;
  const auto letters = std::make_shared<queue_target>(queue_options{.clock = b.time});
  b.events.put_target("all", {.id = "t", .target = failing(), .dead_letter = letters}).value();
  b.put("{}");
  CHECK(b.events.flush());
  b.events.remove_target("all", "t").value();
  const redrive_report done = letters->redrive(b.events).value();
  CHECK(done.redriven == 0);
  CHECK(done.refused == 1);
  CHECK(done.first_error.value().code == errc::not_found);
  CHECK(letters->depth() == queue_depth{.visible = 1});
  CHECK(letters->peek().at(0).receive_count() == 0);
  bus other("other");
  CHECK(letters->redrive(other).value().first_error.value().code == errc::invalid_argument);
  bus with_default_name("default");
  CHECK(letters->redrive(with_default_name).value().first_error.value().code == errc::invalid_argument);
  b.events.stop();
  CHECK(letters->redrive(b.events).value().first_error.value().code == errc::stopped);
  CHECK(letters->depth() == queue_depth{.visible = 1});
}

TEST_CASE("dead letters: one whose bus is stopped while its event is given up is told to on_error") {
  struct stopping final : observer {
    void observe(const log_record& r) override {
      if (r.type == log_type::invocation_attempt_permanent_failure) of->stop();
    }
    bus* of = nullptr;
  };
  const auto watcher = std::make_shared<stopping>();
  texts told;
  const auto keep = [&](const delivery_failure& f) {
    told.push_back((f.dead_lettered ? "dead-lettered: " : "lost: ") + f.reason.message);
  };
  std::optional<delivery> held;
  const auto letters = std::make_shared<queue_target>();
  bus b("orders", {.executor = make_manual_executor(), .on_error = keep, .observer = watcher});
  watcher->of = &b;
  b.put_rule(probe::from_shop("all")).value();
  b.put_target("all",
               {.id = "t", .target = probe::taking([&](delivery d) { held.emplace(std::move(d)); }), .dead_letter = letters})
      .value();
  b.put_event(probe::order()).value();
  REQUIRE(held);
  held->fail({errc::target_failed, "no"});  // the stop comes between the answer and the letter
  CHECK(told == texts{"dead-lettered: no", "lost: the bus was stopped before the event was delivered"});
  CHECK(letters->depth() == queue_depth{});
}

TEST_CASE("dead letters: one that fails again is a new message, and redrive comes to an end") {
  bus_fixture b;
  const auto letters = std::make_shared<queue_target>(queue_options{.clock = b.time});
  b.events.put_target("all", {.id = "t", .target = failing(), .dead_letter = letters}).value();
  b.put("{}");
  CHECK(b.events.flush());
  for (int i = 0; i < 3; ++i) {
    CHECK(letters->redrive(b.events).value().redriven == 1);
    CHECK(b.events.flush());
    CHECK(letters->depth() == queue_depth{.visible = 1});
  }
}

TEST_CASE("dead letters: messages that are none are left alone by redrive") {
  bus_fixture b;
  queue_target jobs;
  jobs.deliver({event::parse("{}").value(), "all", "t", nullptr});
  const redrive_report done = jobs.redrive(b.events).value();
  CHECK(done.redriven + done.refused == 0);
  CHECK(jobs.depth() == queue_depth{.visible = 1});
}

TEST_CASE("dead letters: what no worker could do can be redriven to the queue it came from") {
  bus_fixture b;
  const auto letters = std::make_shared<queue_target>(queue_options{.clock = b.time});
  const auto jobs = std::make_shared<queue_target>(queue_options{.max_receives = 1, .dead_letters = letters, .clock = b.time});
  b.events.put_target("all", {.id = "jobs", .target = jobs}).value();
  b.put(R"({"n":1})");
  CHECK(jobs->release(jobs->receive().at(0).receipt()));
  CHECK(letters->redrive(b.events).value().redriven == 1);
  CHECK(b.events.flush());
  CHECK(letters->depth() == queue_depth{});
  const auto again = jobs->receive();
  REQUIRE(again.size() == 1);
  CHECK(again[0].attributes().empty());
  CHECK(again[0].receive_count() == 1);
}

TEST_CASE("dead letters: a letter may be kept and sent back as a value") {
  bus_fixture b;
  std::vector<dead_letter> kept;
  int attempts = 0;
  b.events
      .put_target("all", {.id = "t",
                          .target = make_target([&](const delivery& d) -> result<void> {
                            CHECK(!as_dead_letter(d));
                            if (++attempts == 1) return error{errc::not_found, "nobody"};
                            CHECK(d.details().trace_header == "Root=1");
                            return {};
                          }),
                          .dead_letter = make_target([&](const delivery& d) { kept.push_back(as_dead_letter(d).value()); })})
      .value();
  b.events.put_event({.source = "a", .detail_type = "b", .detail = "{}", .trace_header = "Root=1"}).value();
  CHECK(b.events.flush());
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].attributes.at("ERROR_CODE") == "NO_RESOURCE");
  CHECK(b.events.redrive(kept[0]));
  CHECK(attempts == 2);
  CHECK(b.events.redrive(dead_letter{.event = kept[0].event}).error().code == errc::invalid_argument);
}

TEST_CASE("dead letters: redriving may take longer than the visibility timeout, and keeps the order of the others") {
  bus_fixture b;
  bool works = false;
  const auto letters = std::make_shared<queue_target>(queue_options{.clock = b.time});
  b.events
      .put_target("all", {.id = "t",
                          .target = make_target([&](const delivery&) -> result<void> {
                            if (!works) return error{errc::target_failed, "not now"};
                            b.time->advance(std::chrono::hours(1));
                            CHECK(letters->depth() == queue_depth{.visible = 1, .held = 2});
                            return {};
                          }),
                          .dead_letter = letters})
      .value();
  for (const char* n : {"1", "2", "3"}) b.put(std::string("{\"n\":") + n + "}", "k");
  CHECK(b.events.flush());
  works = true;
  CHECK(letters->redrive(b.events, R"({"detail": {"n": [2]}})").value().redriven == 1);
  CHECK(letters->depth() == queue_depth{.visible = 1, .held = 1});
}
