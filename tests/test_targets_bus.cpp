#include "rulebus/targets/bus.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/executor.hpp"
#include "rulebus/targets/queue.hpp"

using namespace rulebus;
using probe::texts;

namespace {

// A bus with one rule for everything.
std::shared_ptr<bus> make_bus(std::string name, bus_options o = {}) {
  if (!o.executor) o.executor = make_manual_executor();
  auto made = std::make_shared<bus>(std::move(name), std::move(o));
  made->put_rule({.name = "all", .event_pattern = R"({"source": [{"exists": true}, {"exists": false}]})"}).value();
  return made;
}

void connect(bus& from, const std::shared_ptr<bus>& to, bus_target_options o = {}) {
  from.put_target("all", {.id = "to-" + to->name(), .target = std::make_shared<bus_target>(to, o)}).value();
}

void put(bus& b) { b.put_event(probe::order()).value(); }

std::string arn(const char* name) { return std::string("arn:aws:events:local:000000000000:event-bus/") + name; }

}  // namespace

TEST_CASE("bus to bus: the event arrives as it is, with the same id") {
  const auto a = make_bus("a"), b = make_bus("b");
  connect(*a, b);
  probe::recorder at_a, at_b;
  a->put_target("all", {.id = "here", .target = at_a.target()}).value();
  b->put_target("all", {.id = "there", .target = at_b.target()}).value();
  const std::string id = a->put_event(probe::order()).value();
  const texts here = at_a.inputs(), there = at_b.inputs();
  REQUIRE(there.size() == 1);
  CHECK(there == here);
  CHECK(there[0].find("\"id\":\"" + id + "\"") != std::string::npos);
  CHECK(a->metrics().deliveries.successful_invocation_attempts == 2);
  CHECK(b->metrics().events == 1);
}

TEST_CASE("bus to bus: ordering key and traces come along, and so do the buses that the event came through") {
  const auto a = make_bus("a"), b = make_bus("b"), c = make_bus("c");
  connect(*a, b);
  connect(*b, c);
  std::vector<std::string> via;
  c->put_target("all", {.id = "t", .target = make_target([&](const delivery& d) {
                                     const delivery_details of = d.details();
                                     CHECK(of.ordering_key == "k");
                                     CHECK(of.trace_header == "Root=1");
                                     CHECK(of.traceparent == "00-1-1-00");
                                     CHECK(of.bus_name == "c");
                                     via.assign(of.via.begin(), of.via.end());
                                   })})
      .value();
  a->put_event({.source = "s",
                .detail_type = "t",
                .detail = "{}",
                .ordering_key = "k",
                .trace_header = "Root=1",
                .traceparent = "00-1-1-00"})
      .value();
  CHECK(via == texts{arn("a"), arn("b")});
}

TEST_CASE("bus to bus: an event that would go round fails for good, and the error says which way it took") {
  probe::failures failed;
  const auto a = make_bus("a", {.on_error = failed.callback()}), b = make_bus("b", {.on_error = failed.callback()}),
             c = make_bus("c", {.on_error = failed.callback()});
  probe::recorder at_b;
  b->put_target("all", {.id = "t", .target = at_b.target()}).value();
  connect(*a, b);
  connect(*b, c);
  connect(*c, b);
  put(*a);
  CHECK(at_b.count() == 1);
  CHECK(failed.seen() ==
        texts{"all/to-b: the event would go round: " + arn("a") + " -> " + arn("b") + " -> " + arn("c") + " -> " + arn("b")});
  connect(*a, a);
  put(*a);
  CHECK(failed.seen().front() == "all/to-a: the event would go round: " + arn("a") + " -> " + arn("a"));
}

TEST_CASE("bus to bus: loops are seen whatever threads the buses use") {
  const auto pool = make_thread_pool(2);
  probe::failures failed;
  const bus_options o{.delivery = {.dispatch = dispatch::executor}, .executor = pool, .on_error = failed.callback()};
  const auto a = make_bus("a", o), b = make_bus("b", o);
  connect(*a, b);
  connect(*b, a);
  put(*a);
  CHECK(a->flush());
  CHECK(b->flush());
  CHECK(failed.seen() == texts{"all/to-a: the event would go round: " + arn("a") + " -> " + arn("b") + " -> " + arn("a")});
}

TEST_CASE("bus to bus: no event goes over more bus targets than allowed") {
  probe::failures failed;
  const auto a = make_bus("a", {.on_error = failed.callback()}), b = make_bus("b", {.on_error = failed.callback()}),
             c = make_bus("c", {.on_error = failed.callback()}), d = make_bus("d");
  probe::recorder at_c;
  c->put_target("all", {.id = "t", .target = at_c.target()}).value();
  connect(*a, b, {.max_hops = 2});
  connect(*b, c, {.max_hops = 2});
  connect(*c, d, {.max_hops = 2});
  put(*a);
  CHECK(at_c.count() == 1);
  CHECK(d->metrics().events == 0);
  CHECK(failed.seen() == texts{"all/to-d: the event came over 3 buses, and would go on to " + arn("d") +
                               "; max_hops is 2: " + arn("a") + " -> " + arn("b") + " -> " + arn("c")});
  put(*b);
  CHECK(d->metrics().events == 1);
}

TEST_CASE("bus to bus: a bus that is gone, or was stopped, is an error that says so") {
  probe::failures failed;
  const auto a = make_bus("a", {.on_error = failed.callback()});
  auto b = make_bus("b");
  connect(*a, b);
  b->stop();
  put(*a);
  CHECK(failed.seen() ==
        texts{"all/to-b: the bus " + arn("b") + " did not take the event: the bus was stopped and takes no more events"});
  b.reset();
  put(*a);
  CHECK(failed.seen() == texts{"all/to-b: the bus " + arn("b") + " is gone"});
}

TEST_CASE("bus to bus: what the other bus refuses is not retried") {
  probe::failures failed;
  const auto a = make_bus("a", {.on_error = failed.callback()});
  const auto b = make_bus("b", {.matching = {.events = {.max_bytes = 100}}, .max_nesting = 0});
  connect(*a, b);
  put(*a);
  const texts nested = failed.seen();
  REQUIRE(nested.size() == 1);
  CHECK(nested[0].ends_with("did not take the event: events are put from within targets more than 0 deep"));
  a->put_target(
       "all",
       {.id = "to-b", .target = std::make_shared<bus_target>(b), .delivery = delivery_options{.dispatch = dispatch::executor}})
      .value();
  put(*a);
  a->pump();
  const texts large = failed.seen();
  REQUIRE(large.size() == 1);
  CHECK(large[0].find("did not take the event: ") != std::string::npos);
  CHECK(large[0].find("retryable") == std::string::npos);
  CHECK(b->metrics().events == 0);
}

TEST_CASE("bus to bus: a redriven dead letter still knows where it came from") {
  probe::failures failed;
  const auto a = make_bus("a"), b = make_bus("b", {.on_error = failed.callback()});
  const auto letters = std::make_shared<queue_target>();
  connect(*a, b);
  b->put_target("all", {.id = "back", .target = std::make_shared<bus_target>(a), .dead_letter = letters}).value();
  put(*a);
  CHECK(b->flush());
  CHECK(failed.seen().size() == 1);
  CHECK(letters->redrive(*b).value().redriven == 1);
  CHECK(b->flush());
  CHECK(failed.seen().at(0).find("would go round") != std::string::npos);
  CHECK(a->metrics().events == 1);
}

TEST_CASE("bus: an event that was ready can be put with what belongs to it") {
  const auto b = make_bus("b");
  const event e = event::parse(R"({"source": "elsewhere"})").value();
  std::string got;
  b->put_target("all", {.id = "t", .target = make_target([&](const delivery& d) {
                                     got = std::string(d.input()) + std::string(d.details().ordering_key);
                                     CHECK(d.input().data() == e.json().data());
                                   })})
      .value();
  CHECK(b->forward(e, {.ordering_key = "k"}));
  CHECK(got == R"({"source": "elsewhere"}k)");
  b->stop();
  CHECK(b->forward(e).error().code == errc::stopped);
}

TEST_CASE("bus to bus: what the rule makes of the event arrives, if it is an event") {
  probe::failures failed;
  const auto a = make_bus("a", {.on_error = failed.callback()}), b = make_bus("b");
  probe::recorder at_b;
  b->put_target("all", {.id = "t", .target = at_b.target()}).value();
  const auto to_b = std::make_shared<bus_target>(b);
  a->put_target("all", {.id = "1", .target = to_b, .input = {.input_path = "$.detail"}}).value();
  a->put_target("all", {.id = "2", .target = to_b, .input = {.input = R"({"source": "a"})"}}).value();
  a->put_target("all", {.id = "3", .target = to_b, .input = {.input = R"(["no object"])"}}).value();
  a->put_target("all", {.id = "4", .target = to_b, .input = {.input_path = "$.source"}}).value();
  put(*a);
  CHECK(at_b.inputs() == texts{R"({"total":250})", R"({"source": "a"})"});
  const texts wrong = failed.seen();
  REQUIRE(wrong.size() == 2);
  CHECK(wrong[0].starts_with("all/3: what the rule makes of the event cannot be put into a bus: "));
  CHECK(wrong[1].starts_with("all/4: what the rule makes of the event cannot be put into a bus: "));
}
