// What can be seen of events and deliveries: observer, journeys, metrics, Prometheus text, trace headers.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/rulebus.hpp"

using namespace rulebus;
using namespace std::chrono_literals;
using probe::texts;

namespace {

const error trouble{errc::target_failed, "trouble"};

// Fails as often as it is told, then succeeds.
std::shared_ptr<target> failing_first(int times) {
  struct failing final : target {
    explicit failing(int n) : left(n) {}
    void deliver(delivery d) override { left-- > 0 ? d.retry(trouble, 1s) : d.succeed(); }
    int left;
  };
  return std::make_shared<failing>(times);
}

texts types(const std::vector<journey_step>& steps) {
  texts names;
  for (const journey_step& s : steps) names.emplace_back(name(s.type));
  return names;
}

struct observed {
  explicit observed(delivery_options how = {})
      : events("orders", {.delivery = how, .clock = time, .executor = manual, .observer = seen}) {}
  std::shared_ptr<manual_clock> time = probe::clock_at(1700000000);
  std::shared_ptr<manual_executor> manual = make_manual_executor();
  std::shared_ptr<journey_recorder> seen = std::make_shared<journey_recorder>(100);
  bus events;
};

}  // namespace

TEST_CASE("journey: every step of an event that needs a second attempt, in order") {
  observed o;
  o.events.put_rule(probe::from_shop("r")).value();
  o.events.put_target("r", {.id = "t", .target = failing_first(1)}).value();
  const std::string id = o.events.put_event(probe::order()).value();
  o.time->advance(1s);
  o.events.pump();
  const auto steps = o.seen->journey(id);
  CHECK(types(steps) == texts{"EVENT_RECEIPT", "RULE_MATCH", "INVOCATION_START", "INVOCATION_ATTEMPT_START",
                              "INVOCATION_ATTEMPT_RETRYABLE_FAILURE", "INVOCATION_ATTEMPT_START", "INVOCATION_ATTEMPT_SUCCESS",
                              "INVOCATION_SUCCESS"});
  REQUIRE(steps.size() == 8);
  CHECK(to_string(steps[4]) ==
        "2023-11-14T22:13:20.000Z INVOCATION_ATTEMPT_RETRYABLE_FAILURE rule r, target t, attempt 1: trouble");
  CHECK(to_json(steps[4]) == R"({"time":"2023-11-14T22:13:20.000Z","type":"INVOCATION_ATTEMPT_RETRYABLE_FAILURE","event_id":")" +
                                 id + R"(","rule":"r","target":"t","attempt":1,"error":"target_failed","message":"trouble"})");
  CHECK(steps[5].attempt == 2);
  CHECK(steps[5].time - steps[4].time == 1s);
}

TEST_CASE("journey: an event that nothing matches, an entry that is refused, an event that is dropped or dead-lettered") {
  observed o(probe::once());
  const std::string id = o.events.put_event(probe::order()).value();
  CHECK(types(o.seen->journey(id)) == texts{"EVENT_RECEIPT", "NO_STANDARD_RULES_MATCHED"});
  CHECK_FALSE(o.events.put_event(probe::order("[]")).has_value());
  const auto refused = o.seen->steps().back();
  CHECK(refused.type == log_type::event_ingest_failure);
  CHECK(refused.message == "Detail is malformed.");
  probe::recorder letters;
  o.events.put_rule(probe::from_shop("r")).value();
  o.events.put_target("r", {.id = "drops", .target = failing_first(9)}).value();
  o.events.put_target("r", {.id = "keeps", .target = failing_first(9), .dead_letter = letters.target()}).value();
  const std::string bad = o.events.put_event(probe::order()).value();
  o.events.pump();
  auto steps = o.seen->journey(bad);
  std::erase_if(steps, [](const journey_step& s) { return s.target_id != "drops"; });
  CHECK(types(steps) ==
        texts{"INVOCATION_START", "INVOCATION_ATTEMPT_START", "INVOCATION_ATTEMPT_RETRYABLE_FAILURE", "INVOCATION_FAILURE"});
  steps = o.seen->journey(bad);
  CHECK(std::count_if(steps.begin(), steps.end(), [](const journey_step& s) { return s.type == log_type::invocation_dlq; }) == 1);
  CHECK(letters.seen() == texts{"r/keeps"});
}

TEST_CASE("journey: what is left at stop is told, and the ring forgets the oldest") {
  observed o;
  o.events.put_rule(probe::from_shop("r")).value();
  o.events.put_target("r", {.id = "t", .target = failing_first(1000)}).value();
  const std::string first = o.events.put_event(probe::order()).value();
  CHECK_FALSE(o.seen->journey(first).empty());
  std::string last;
  for (int i = 0; i < 30; ++i) last = o.events.put_event(probe::order()).value();
  CHECK(o.seen->journey(first).empty());
  CHECK(o.events.stop().size() == 31);
  CHECK(o.seen->journey(last).back().type == log_type::invocation_stopped);
  CHECK(o.seen->steps().size() == 100);
}

TEST_CASE("observer: what it throws is ignored, and a recorder hands records on") {
  struct throwing final : observer {
    void observe(const log_record&) override {
      ++count;
      throw 1;
    }
    int count = 0;
  };
  const auto bad = std::make_shared<throwing>();
  probe::recorder got;
  bus b("orders", {.observer = std::make_shared<journey_recorder>(1, bad)});
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  CHECK(b.put_event(probe::order()).has_value());
  CHECK(got.count() == 1);
  CHECK(bad->count == 6);
}

TEST_CASE("metrics: count what happened, in the service's terms") {
  observed o({.retry = {.maximum_retry_attempts = 1}});
  probe::recorder got, letters;
  o.events.put_rule(probe::from_shop("r")).value();
  o.events.put_target("r", {.id = "good", .target = got.target()}).value();
  o.events.put_target("r", {.id = "late", .target = failing_first(1)}).value();
  o.events.put_target("r", {.id = "bad", .target = failing_first(9), .dead_letter = letters.target()}).value();
  CHECK(o.events.put_events({probe::order(), probe::order("[]")}).has_value());
  CHECK(o.events.metrics("r", "bad").value().queued == 1);
  o.time->advance(2s);
  CHECK(o.events.metrics("r", "bad").value().oldest_undelivered_age == 2s);
  o.events.pump();
  const bus_metrics all = o.events.metrics();
  CHECK(all.put_events_calls == 1);
  CHECK(all.put_events_entries == 2);
  CHECK(all.put_events_failed_entries == 1);
  CHECK(all.events == 1);
  CHECK(all.matched_events == 1);
  CHECK(all.triggered_rules == 1);
  CHECK(all.deliveries.invocations_created == 3);
  CHECK(all.deliveries.invocation_attempts == 5);
  CHECK(all.deliveries.retry_invocation_attempts == 2);
  CHECK(all.deliveries.successful_invocation_attempts == 2);
  CHECK(all.deliveries.invocations == 1);
  CHECK(all.deliveries.failed_invocations == 1);
  CHECK(all.deliveries.invocations_sent_to_dlq == 1);
  CHECK(all.deliveries.dropped == 0);
  CHECK(all.deliveries.queued == 0);
  const delivery_metrics late = o.events.metrics("r", "late").value();
  CHECK(late.ingestion_to_invocation_success.count == 1);
  CHECK(late.ingestion_to_invocation_success.sum == 2s);
  CHECK(late.ingestion_to_invocation_success.quantile(0.5) >= 2s);
  CHECK(late.ingestion_to_invocation_success.quantile(0.5) < 4s);
  CHECK(o.events.metrics("r").value().deliveries.invocation_attempts == 5);
  o.events.remove_target("r", "late").value();  // what was counted stays counted
  CHECK(o.events.metrics().deliveries.invocation_attempts == 5);
  CHECK(o.events.metrics("nowhere").error().code == errc::not_found);
  CHECK(o.events.metrics("r", "late").error().code == errc::not_found);
}

TEST_CASE("prometheus_text: every family once, every line of the format, label values escaped") {
  bus b("a\"b\\c\n");
  probe::recorder got;
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  b.put_event(probe::order()).value();
  const std::string text = prometheus_text(b);
  texts families;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if (line.starts_with("# TYPE ")) families.push_back(line.substr(7, line.find(' ', 7) - 7));
    if (line.starts_with("#")) continue;
    CHECK(line.find(R"({bus="a\"b\\c\n")") != std::string::npos);
    CHECK(line.starts_with(families.back()));
  }
  CHECK(text.ends_with('\n'));
  auto sorted = families;
  std::sort(sorted.begin(), sorted.end());
  CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  const std::string labels = R"({bus="a\"b\\c\n",rule="r",target="t")";
  CHECK(text.find("rulebus_successful_invocation_attempts_total" + labels + "} 1\n") != std::string::npos);
  CHECK(text.find("rulebus_ingestion_to_invocation_success_seconds_bucket" + labels + ",le=\"+Inf\"} 1\n") != std::string::npos);
  CHECK(text.find("rulebus_events_total{bus=\"a\\\"b\\\\c\\n\"} 1\n") != std::string::npos);
}

TEST_CASE("traces: headers of an entry reach every attempt at every target, and the dead letter") {
  texts heard;
  const auto note = [&](const delivery& d) -> result<void> {
    heard.push_back(std::string(d.details().trace_header) + " " + std::string(d.details().traceparent));
    return trouble;
  };
  bus b("orders", {.executor = make_manual_executor()});
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = make_target(note), .dead_letter = make_target(note)}).value();
  put_events_entry entry = probe::order();
  entry.trace_header = "Root=1-5759e988-bd862e3fe1be46a994272793";
  entry.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  b.put_event(entry).value();
  b.pump();
  const std::string both = std::string(entry.trace_header) + " " + std::string(entry.traceparent);
  CHECK(heard == texts{both, both});
  const std::string long_header(501, 'x');
  entry.trace_header = long_header;
  CHECK(b.put_event(entry).error().code == errc::invalid_argument);
}
