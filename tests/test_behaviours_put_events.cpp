// What has been recorded of the service's PutEvents, one test each, by the names of the recording.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "recorded_service.hpp"
#include "rulebus/targets/bus.hpp"

using namespace rulebus;
using namespace recorded;

namespace {

constexpr std::string_view anything = R"({"source": ["core.update-account-command"]})";

put_events_entry command(std::string_view detail = R"({"command": "update-account"})", std::string_view bus = {}) {
  return {.source = "core.update-account-command",
          .detail_type = "core.update-account-command",
          .detail = detail,
          .event_bus_name = bus};
}

std::shared_ptr<target> forward_to(service& events, const std::string& bus) {
  return std::make_shared<bus_target>(events.event_bus(bus).value());
}

}  // namespace

TEST_CASE("put_events_without_source") {
  fixture f;
  CHECK(entry_error(f.events, {.detail_type = "t", .detail = "{}"}) ==
        error{errc::invalid_argument, "Parameter Source is not valid. Reason: Source is a required argument."});
}

TEST_CASE("put_event_without_detail_type") {
  fixture f;
  CHECK(entry_error(f.events, {.source = "s", .detail = "{}"}) ==
        error{errc::invalid_argument, "Parameter DetailType is not valid. Reason: DetailType is a required argument."});
}

TEST_CASE("put_event_without_detail") {
  fixture f;
  CHECK(entry_error(f.events, {.source = "s", .detail_type = "t"}) ==
        error{errc::invalid_argument, "Parameter Detail is not valid. Reason: Detail is a required argument."});
}

TEST_CASE("put_event_malformed_detail: text, array, broken JSON and a JSON string are no detail") {
  fixture f;
  for (const std::string_view bus : {"", "custom"}) {
    for (const std::string_view detail : {"NotJSON", "[]", "{{}", "\"NotJSON\""}) {
      const error e = entry_error(f.events, command(detail, bus));
      CHECK(e.code == errc::malformed_detail);
      CHECK(e.message == "Detail is malformed.");
    }
  }
}

TEST_CASE("put_event_with_too_big_detail: the whole request fails, over all entries whatever their bus") {
  service_options o = options();
  o.buses.limits.max_total_bytes = 256 << 10;
  fixture f(o);
  const std::string detail = R"({"payload": ")" + std::string(256 << 10, 'a') + "\"}";
  const std::string half = R"({"payload": ")" + std::string(128 << 10, 'a') + "\"}";
  const error too_big{errc::limit_exceeded, "Total size of the entries in the request is over the limit."};
  CHECK(error_of(f.events.put_events({command(detail)})) == too_big);
  CHECK(error_of(f.events.put_events({command(detail, "custom")})) == too_big);
  CHECK(error_of(f.events.put_events({command(half), command(half, "custom")})) == too_big);
  CHECK(f.events.put_events({command(half), command("{}", "custom")}).value().failed_entry_count == 0);
}

TEST_CASE("put_events_exceed_limit_ten_entries: on the default bus, on another, and on both") {
  for (const bool mixed : {false, true}) {
    for (const std::string_view bus : {"", "custom"}) {
      fixture f;
      std::vector<put_events_entry> entries(11,
                                            {.source = "source", .detail_type = "type", .detail = "{}", .event_bus_name = bus});
      if (mixed) entries[3].event_bus_name = "default";
      const error e = error_of(f.events.put_events(entries));
      CHECK(e.code == errc::limit_exceeded);
      CHECK(e.message ==
            "1 validation error detected: Value '[PutEventsRequestEntry(time=null, source=source, ...)]' at 'entries' failed to "
            "satisfy constraint: Member must have length less than or equal to 10");
      entries.pop_back();
      CHECK(f.events.put_events(entries).value().entries.size() == 10);
    }
  }
}

TEST_CASE("put_events_time and put_events_with_time_field: the time of the entry, in whole seconds of UTC") {
  fixture f;
  probe::recorder queue;
  f.route("custom", "all", anything, queue);
  put_events_entry entry = command("{}", "custom");
  entry.time = 1640995200;
  f.events.put_event(entry).value();
  CHECK(event::parse(queue.inputs().at(0)).value().time() == "2022-01-01T00:00:00Z");
}

TEST_CASE("put_events_response_entries_order: one id for each entry, and it is the id that every target gets") {
  fixture f;
  probe::recorder one, two;
  f.route("custom", "first", anything, one);
  f.route("custom", "second", anything, two);
  const auto answer = f.events
                          .put_events({command(R"({"n": 1})", "custom"), command(R"({"n": 2})"), command(R"({"n": 3})", "custom"),
                                       command("[]", "custom"), command(R"({"n": 4})", "custom")})
                          .value();
  CHECK(answer.failed_entry_count == 1);
  REQUIRE(answer.entries.size() == 5);
  CHECK(answer.entries[3].failure.has_value());
  texts expected, got;
  for (const std::size_t i : {0u, 2u, 4u}) expected.push_back(answer.entries[i].event_id);
  for (const std::string& body : one.inputs()) got.emplace_back(event::parse(body).value().id());
  CHECK(got == expected);
  got.clear();
  for (const std::string& body : two.inputs()) got.emplace_back(event::parse(body).value().id());
  CHECK(got == expected);
}

TEST_CASE("put_events_with_target_delivery_failure: a failing target does not fail PutEvents") {
  fixture f;
  f.events.put_rule({.name = "all", .event_pattern = std::string(anything)}).value();
  f.events
      .put_target("all", {.id = "gone", .target = make_target([](const delivery&) -> result<void> {
                                          return error{errc::not_found, "the queue does not exist"};
                                        })})
      .value();
  CHECK(f.events.put_event(command()).value().size() == 36);
  CHECK(f.events.event_bus().value()->metrics().deliveries.failed_invocations == 1);
}

TEST_CASE("put_events_nonexistent_event_bus: the entry succeeds with an id and goes nowhere; its neighbour is delivered") {
  fixture f;
  probe::recorder queue;
  f.route("default", "all", anything, queue);
  const auto answer = f.events
                          .put_events({command(R"({"n": 1})", "nobody"), command(R"({"n": 2})"),
                                       command(R"({"n": 3})", arn_prefix + "event-bus/nobody")})
                          .value();
  CHECK(answer.failed_entry_count == 0);
  for (const auto& entry : answer.entries) CHECK(entry.event_id.size() == 36);
  const auto got = queue.inputs();
  REQUIRE(got.size() == 1);
  CHECK(event::parse(got[0]).value().id() == answer.entries[1].event_id);
  CHECK(f.events.events_to_nowhere() == 2);
  CHECK(error_of(f.events.describe_event_bus("nobody")) == error{errc::not_found, "Event bus nobody does not exist."});
}

TEST_CASE("put_events_to_default_eventbus_for_custom_eventbus: resources and detail arrive as they were put") {
  fixture f;
  probe::recorder queue;
  f.events.put_rule({.name = "forward", .event_pattern = R"({"detail-type": ["Object Created"], "source": ["aws.s3"]})"}).value();
  f.events.put_target("forward", {.id = "bus", .target = forward_to(f.events, "custom")}).value();
  f.route("custom", "s3", R"({"detail-type": ["Object Created"], "source": ["aws.s3"]})", queue);
  const std::string_view resources[] = {"arn:aws:s3:::bucket"};
  const std::string detail = R"({"version":"0","bucket":{"name":"bucket"},"object":{"key":"test","size":4}})";
  const std::string id =
      f.events.put_event({.source = "aws.s3", .detail_type = "Object Created", .detail = detail, .resources = resources}).value();
  const auto got = queue.inputs();
  REQUIRE(got.size() == 1);
  const event e = event::parse(got[0]).value();
  CHECK(e.id() == id);
  CHECK(e.resources() == R"(["arn:aws:s3:::bucket"])");
  CHECK(e.detail() == detail);
}

TEST_CASE("put_events_bus_to_bus: names plain, like domains and like paths; the envelope arrives equal, with the same id") {
  for (const std::string suffix : {"", ".domain.com", "/path/to"}) {
    fixture f;
    const std::string first = "first" + suffix, second = "second" + suffix;
    for (const std::string& name : {first, second}) f.events.create_event_bus({.name = name}).value();
    probe::recorder before, after;
    f.route(first, "watch", anything, before);
    f.events.put_target("watch", {.id = "to-second", .target = forward_to(f.events, second)}, first).value();
    f.route(second, "all", anything, after);
    f.events.put_event(command("{}", first)).value();
    const auto sent = before.inputs(), got = after.inputs();
    REQUIRE(got.size() == 1);
    CHECK(got == sent);
  }
}

TEST_CASE("put_events: the name of a bus that no bus can have is an error of the whole request, with the entry's number") {
  fixture f;
  const error e = error_of(f.events.put_events({command(), command("{}", "no such name!")}));
  CHECK(e.code == errc::invalid_argument);
  CHECK(e.message.find("entries.2.member.") != std::string::npos);
  CHECK(e.message.find(R"(Member must satisfy regular expression pattern: [/\.\-_A-Za-z0-9]+)") != std::string::npos);
  CHECK(!f.events.put_events({command("{}", arn_prefix + "rule/x")}));
}
