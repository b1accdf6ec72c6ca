#include "rulebus/bus.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "bus_probe.hpp"

using namespace rulebus;
using probe::texts;

namespace {

std::string name_of_length(std::size_t n) { return std::string(n, 'n'); }

bool is_uuid_v4(std::string_view id) {
  if (id.size() != 36 || id[14] != '4' || std::string_view("89ab").find(id[19]) == std::string_view::npos) return false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? id[i] != '-' : std::string_view("0123456789abcdef").find(id[i]) == std::string_view::npos) return false;
  }
  return true;
}

// A bus with one rule for everything and one target that records.
struct fixture {
  explicit fixture(bus_options options = {}) : events("test", std::move(options)) {
    events.put_rule({.name = "all", .event_pattern = R"({"version": [{"exists": true}, {"exists": false}]})"}).value();
    events.put_target("all", {.id = "t", .target = got.target()}).value();
  }
  std::string envelope_of(const put_events_entry& entry) {
    events.put_event(entry).value();
    return got.inputs().at(0);
  }
  probe::recorder got;
  bus events;
};

error failure_of(fixture& f, const put_events_entry& entry) {
  const put_events_result r = f.events.put_events({entry}).value();
  REQUIRE(r.failed_entry_count == 1);
  REQUIRE(r.entries.at(0).failure.has_value());
  CHECK(r.entries[0].event_id.empty());
  return *r.entries[0].failure;
}

}  // namespace

TEST_CASE("envelope: members in the service's order, compact, with the bus's account and region") {
  fixture f({.account = "111122223333", .region = "eu-central-1", .clock = probe::clock_at(1700000000)});
  const std::string_view resources[] = {"arn:aws:s3:::a", "b"};
  put_events_entry entry = probe::order("{ \"total\" : 250 }");
  entry.resources = resources;
  const std::string id = f.events.put_event(entry).value();
  CHECK(is_uuid_v4(id));
  const std::string expected = R"({"version":"0","id":")" + id +
                               R"(","detail-type":"OrderPlaced","source":"shop","account":"111122223333",)"
                               R"("time":"2023-11-14T22:13:20Z","region":"eu-central-1","resources":["arn:aws:s3:::a","b"],)"
                               R"("detail":{"total":250}})";
  CHECK(f.got.inputs() == texts{expected});
}

TEST_CASE("envelope: every event has an id of its own") {
  fixture f;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(f.events.put_event(probe::order()).value());
  CHECK(ids.size() == 1000);
}

TEST_CASE("envelope: time is in whole seconds of UTC, from the entry or else the clock") {
  fixture f({.clock = probe::clock_at(0)});
  const auto time_of = [&](std::optional<std::int64_t> seconds) {
    put_events_entry entry = probe::order();
    entry.time = seconds;
    return std::string(event::parse(f.envelope_of(entry)).value().time());
  };
  CHECK(time_of(std::nullopt) == "1970-01-01T00:00:00Z");
  CHECK(time_of(-1) == "1969-12-31T23:59:59Z");
  CHECK(time_of(951782400) == "2000-02-29T00:00:00Z");
  CHECK(time_of(-62167219200) == "0000-01-01T00:00:00Z");
  CHECK(time_of(253402300799) == "9999-12-31T23:59:59Z");
  for (const std::int64_t out : {std::int64_t{-62167219201}, std::int64_t{253402300800}, INT64_MIN, INT64_MAX}) {
    put_events_entry entry = probe::order();
    entry.time = out;
    CHECK(failure_of(f, entry).code == errc::invalid_argument);
  }
}

TEST_CASE("envelope: without a clock of its own the time is now") {
  fixture f;
  const std::string json = f.envelope_of(probe::order());
  const event e = event::parse(json).value();
  CHECK(e.time() > "2024-01-01T00:00:00Z");
  CHECK(e.time().size() == 20);
}

TEST_CASE("envelope: whitespace outside the strings of detail goes, everything else stays as written") {
  fixture f;
  const std::string json = f.envelope_of(probe::order("\t{\"a b\" :\r\n [1.0e+2 , \" \\\" \\\\\" , { } ],\"\\u0041\" : null } "));
  CHECK(event::parse(json).value().detail() == R"({"a b":[1.0e+2," \" \\",{}],"\u0041":null})");
}

TEST_CASE("envelope: strings of the entry are escaped") {
  fixture f;
  const std::string odd = "a\"b\\c\n\t\r\b\f\x01\x1f/\xc3\xa9";
  const std::string_view resources[] = {odd};
  const std::string json = f.envelope_of({.source = odd, .detail_type = odd, .detail = "{}", .resources = resources});
  const event e = event::parse(json).value();
  CHECK(e.source() == odd);
  CHECK(e.detail_type() == odd);
  CHECK(e.resources() == R"(["a\"b\\c\n\t\r\b\f\u0001\u001f/)"
                         "\xc3\xa9\"]");
}

TEST_CASE("put_events: a missing argument is told in the service's words, per entry and in order") {
  fixture f;
  CHECK(failure_of(f, {.detail_type = "t", .detail = "{}"}).message ==
        "Parameter Source is not valid. Reason: Source is a required argument.");
  CHECK(failure_of(f, {.source = "s", .detail = "{}"}).message ==
        "Parameter DetailType is not valid. Reason: DetailType is a required argument.");
  CHECK(failure_of(f, {.source = "s", .detail_type = "t"}).message ==
        "Parameter Detail is not valid. Reason: Detail is a required argument.");
  CHECK(failure_of(f, {}).code == errc::invalid_argument);
  CHECK(f.got.count() == 0);

  const put_events_result r = f.events.put_events({probe::order(), {.source = "s"}, probe::order("[]"), probe::order()}).value();
  CHECK(r.failed_entry_count == 2);
  REQUIRE(r.entries.size() == 4);
  CHECK(r.entries[0].event_id.size() == 36);
  CHECK(r.entries[1].failure->code == errc::invalid_argument);
  CHECK(r.entries[2].failure->code == errc::malformed_detail);
  CHECK(r.entries[3].event_id.size() == 36);
  CHECK(f.got.count() == 2);
}

TEST_CASE("put_events: detail must be the text of one JSON object") {
  fixture f;
  const char* const malformed[] = {"NotJSON",
                                   "[]",
                                   "{{}",
                                   "\"NotJSON\"",
                                   "1",
                                   "null",
                                   "{} {}",
                                   "{}}",
                                   "{\"a\":}",
                                   "{\"a\":\"\xff\"}",
                                   " ",
                                   "{",
                                   "{},\"source\":1",
                                   "{\"a\":\"\\ud800\"}"};
  for (const char* detail : malformed) {
    CAPTURE(detail);
    const error e = failure_of(f, probe::order(detail));
    CHECK(e.code == errc::malformed_detail);
    CHECK(e.message == "Detail is malformed.");
  }
  CHECK(failure_of(f, probe::order("{\n \"a\" 1}")).line == 2);
  CHECK(failure_of(f, probe::order("{\n \"a\" 1}")).offset == 7);
  CHECK(f.got.count() == 0);
}

TEST_CASE("put_events: what is too deep or not UTF-8 fails its entry") {
  fixture f;
  const std::string deep = std::string(1000, '[');
  CHECK(failure_of(f, probe::order("{\"a\":" + deep + std::string(1000, ']') + "}")).code == errc::limit_exceeded);
  CHECK(failure_of(f, {.source = "\xff", .detail_type = "t", .detail = "{}"}).code == errc::invalid_argument);
  CHECK(f.got.count() == 0);
}

TEST_CASE("put_events: the total size counts bytes by the service's formula") {
  fixture f({.limits = {.max_total_bytes = 40}});
  const std::string_view resources[] = {"12345", "67890"};
  const auto put = [&](std::string_view detail, bool with_time, bool with_resources) {
    put_events_entry entry{.source = "shop", .detail_type = "type", .detail = detail};
    if (with_time) entry.time = 0;
    if (with_resources) entry.resources = resources;
    return f.events.put_events({entry});
  };
  const std::string detail_32 = R"({"a":")" + std::string(24, 'x') + "\"}";  // and 8 for source and type
  REQUIRE(detail_32.size() == 32);
  CHECK(put(detail_32, false, false).has_value());
  const result<put_events_result> over = put(detail_32 + " ", false, false);
  REQUIRE_FALSE(over.has_value());
  CHECK(over.error().code == errc::limit_exceeded);
  CHECK(over.error().message == "Total size of the entries in the request is over the limit.");
  CHECK(put(R"({"a":"xxxxxxxxxx"})", true, false).has_value());         // 18 + 8 + 14
  CHECK_FALSE(put(R"({"a":"xxxxxxxxxxx"})", true, false).has_value());  // 41
  CHECK(put(R"({"a":"xxxxxxxxxxxxxx"})", false, true).has_value());     // 22 + 8 + 10
  CHECK_FALSE(put(R"({"a":"xxxxxxxxxxxxxxx"})", false, true).has_value());
  f.got.seen();
  CHECK_FALSE(f.events.put_events({probe::order(), probe::order()}).has_value());  // together
  CHECK(f.got.count() == 0);
}

TEST_CASE("put_events: no entries are no error") {
  fixture f;
  CHECK(f.events.put_events({}).value().entries.empty());
  CHECK(f.events.flush().has_value());
}

TEST_CASE("put_event: one entry, its id or its error") {
  fixture f;
  CHECK(event::parse(f.envelope_of(probe::order())).value().source() == "shop");
  CHECK(f.events.put_event(probe::order("[]")).error().code == errc::malformed_detail);
}

TEST_CASE("put_event_json: any JSON object is delivered as it is") {
  fixture f;
  const std::string odd = " { \"a\" : [1, 2] } ";
  CHECK(f.events.put_event_json(odd).has_value());
  CHECK(f.got.inputs() == texts{odd});
  CHECK(f.events.put_event_json("[]").error().code == errc::invalid_event);
  CHECK(f.events.put_event_json("{").error().code == errc::invalid_json);
  CHECK(f.got.count() == 1);
}

TEST_CASE("rules: an event goes to the targets of all rules that match, rules as they were put and targets by id") {
  probe::recorder got;
  bus b("orders");
  for (const char* name : {"z", "a", "m"}) {
    b.put_rule(probe::from_shop(name)).value();
    for (const char* id : {"2", "1"}) b.put_target(name, {.id = id, .target = got.target()}).value();
  }
  b.put_rule({.name = "big", .event_pattern = R"({"detail": {"total": [{"numeric": [">", 100]}]}})"}).value();
  b.put_target("big", {.id = "t", .target = got.target()}).value();
  b.put_event(probe::order(R"({"total": 250})")).value();
  CHECK(got.seen() == texts{"z/1", "z/2", "a/1", "a/2", "m/1", "m/2", "big/t"});
  b.put_event(probe::order(R"({"total": 25})")).value();
  CHECK(got.seen() == texts{"z/1", "z/2", "a/1", "a/2", "m/1", "m/2"});
  CHECK(b.name() == "orders");
}

TEST_CASE("put_rule: again replaces every field and keeps the targets") {
  probe::recorder got;
  bus b("orders");
  b.put_rule({.name = "r", .event_pattern = R"({"source": ["bank"]})", .description = "old"}).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  b.put_event(probe::order()).value();
  CHECK(got.seen().empty());
  b.put_rule(probe::from_shop("r")).value();
  b.put_event(probe::order()).value();
  CHECK(got.seen() == texts{"r/t"});
  CHECK(b.describe_rule("r").value().description.empty());
  CHECK(b.describe_rule("r").value().event_pattern == R"({"source": ["shop"]})");
  CHECK(b.list_rules().size() == 1);
  b.put_rule({.name = "r", .event_pattern = R"({"source":["shop"]})", .description = "same pattern, other spelling"}).value();
  b.put_event(probe::order()).value();
  CHECK(got.seen() == texts{"r/t"});
}

TEST_CASE("put_rule: a rule that is refused changes nothing") {
  probe::recorder got;
  bus b("orders");
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  const result<void> bad = b.put_rule({.name = "r", .event_pattern = R"({"source": []})"});
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().code == errc::invalid_pattern);
  CHECK(bad.error().message == "Empty arrays are not allowed");
  CHECK(b.put_rule({.name = "new", .event_pattern = " "}).error().code == errc::invalid_json);
  CHECK(b.put_rule({.name = "new", .event_pattern = ""}).error().code == errc::invalid_argument);
  CHECK(b.list_rules().size() == 1);
  b.put_event(probe::order()).value();
  CHECK(got.seen() == texts{"r/t"});
}

TEST_CASE("names: the service's constraints, in its words") {
  bus b("orders");
  CHECK(b.put_rule(probe::from_shop("Aa0.-_")).has_value());
  CHECK(b.put_rule(probe::from_shop(name_of_length(64))).has_value());
  CHECK(b.put_rule(probe::from_shop("no spaces!")).error().message ==
        "1 validation error detected: Value 'no spaces!' at 'name' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+");
  CHECK(b.put_rule(probe::from_shop(name_of_length(65))).error().message ==
        "1 validation error detected: Value '" + name_of_length(65) +
            "' at 'name' failed to satisfy constraint: Member must have length less than or equal to 64");
  CHECK(b.put_rule(probe::from_shop("")).error().message ==
        "2 validation errors detected: Value '' at 'name' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+; "
        "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1");
  probe::recorder got;
  const result<void> target = b.put_target("Aa0.-_", {.id = "!@#$@!#$", .target = got.target()});
  CHECK(target.error().code == errc::invalid_argument);
  CHECK(target.error().message ==
        "1 validation error detected: Value '!@#$@!#$' at 'targets.1.member.id' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+");
  CHECK(b.put_rule(probe::from_shop("\xc3\xa4")).error().code == errc::invalid_argument);
}

TEST_CASE("delete_rule: only without targets") {
  probe::recorder got;
  bus b("orders");
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  CHECK(b.delete_rule("r").error() == error{errc::invalid_argument, "Rule can't be deleted since it has targets."});
  b.remove_target("r", "t").value();
  b.delete_rule("r").value();
  CHECK(b.delete_rule("r").has_value());  // the service: all calls will succeed
  CHECK(b.list_rules().empty());
  b.put_event(probe::order()).value();
  CHECK(got.seen().empty());
}

TEST_CASE("rules: whoever names one that is not there hears so") {
  probe::recorder got;
  bus b("orders");
  const error none{errc::not_found, "Rule r does not exist on EventBus orders."};
  CHECK(b.enable_rule("r").error() == none);
  CHECK(b.disable_rule("r").error() == none);
  CHECK(b.describe_rule("r").error() == none);
  CHECK(b.put_target("r", {.id = "t", .target = got.target()}).error() == none);
  CHECK(b.remove_target("r", "t").error() == none);
  CHECK(b.list_targets_by_rule("r").error() == none);
}

TEST_CASE("rules: a disabled rule keeps its targets and matches nothing") {
  probe::recorder got;
  bus b("orders");
  rule off = probe::from_shop("r");
  off.state = rule_state::disabled;
  b.put_rule(off).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  const auto delivered = [&] { return b.put_event(probe::order()).value(), got.seen().size(); };
  CHECK(delivered() == 0);
  b.enable_rule("r").value();
  b.enable_rule("r").value();
  CHECK(delivered() == 1);
  CHECK(b.describe_rule("r").value().state == rule_state::enabled);
  b.disable_rule("r").value();
  b.disable_rule("r").value();
  CHECK(delivered() == 0);
  CHECK(b.describe_rule("r").value().state == rule_state::disabled);
  b.put_rule(probe::from_shop("r")).value();  // all fields are replaced, the state too
  CHECK(delivered() == 1);
}

TEST_CASE("list_rules: by name, those with the prefix") {
  bus b("orders");
  for (const char* name : {"b.2", "a", "b.1", "c", "b"}) b.put_rule(probe::from_shop(name)).value();
  const auto names = [&](std::string_view prefix) {
    texts all;
    for (const rule& r : b.list_rules(prefix)) all.push_back(r.name);
    return all;
  };
  CHECK(names("") == texts{"a", "b", "b.1", "b.2", "c"});
  CHECK(names("b") == texts{"b", "b.1", "b.2"});
  CHECK(names("b.2") == texts{"b.2"});
  CHECK(names("d").empty());
}

TEST_CASE("targets: ids are unique within their rule, and putting one again replaces it") {
  probe::recorder first, second;
  bus b("orders");
  b.put_rule(probe::from_shop("r")).value();
  b.put_rule(probe::from_shop("s")).value();
  b.put_target("r", {.id = "t", .target = first.target()}).value();
  b.put_target("s", {.id = "t", .target = first.target()}).value();
  b.put_target("r", {.id = "t", .target = second.target()}).value();
  b.put_event(probe::order()).value();
  CHECK(first.seen() == texts{"s/t"});
  CHECK(second.seen() == texts{"r/t"});
  CHECK(b.put_target("r", {.id = "u", .target = nullptr}).error().code == errc::invalid_argument);
  CHECK(b.remove_target("r", "u").error() == error{errc::not_found, "Target u does not exist on Rule r."});
  CHECK(b.list_targets_by_rule("r").value().size() == 1);
  b.put_target("r", {.id = "a", .target = first.target()}).value();
  CHECK(b.list_targets_by_rule("r").value().at(0).id == "a");
}

TEST_CASE("targets: the same one may serve several ids and rules") {
  probe::recorder got;
  bus b("orders");
  const auto shared = got.target();
  b.put_rule(probe::from_shop("r")).value();
  b.put_rule(probe::from_shop("s")).value();
  for (const char* id : {"1", "2"}) b.put_target("r", {.id = id, .target = shared}).value();
  b.put_target("s", {.id = "1", .target = shared}).value();
  b.put_event(probe::order()).value();
  CHECK(got.seen() == texts{"r/1", "r/2", "s/1"});
}

TEST_CASE("rules: thousands of them, put and deleted in any order, answer exactly") {
  probe::recorder got;
  bus b("orders");
  const auto shared = got.target();
  constexpr int count = 3000;
  const auto name = [](int i) { return "rule-" + std::to_string(i); };
  for (int i = 0; i < count; ++i) {
    b.put_rule({.name = name(i), .event_pattern = R"({"detail": {"n": [)" + std::to_string(i) + "]}}"}).value();
    b.put_target(name(i), {.id = "t", .target = shared}).value();
  }
  for (int i = 0; i < count; i += 2) {
    b.remove_target(name(i), "t").value();
    b.delete_rule(name(i)).value();
  }
  for (int i = 0; i < count; i += 7) {
    b.put_event(probe::order(R"({"n": )" + std::to_string(i) + "}")).value();
    CHECK(got.seen() == (i % 2 == 0 ? texts{} : texts{name(i) + "/t"}));
  }
  CHECK(b.list_rules().size() == count / 2);
}

TEST_CASE("bus: the options of the matcher hold for its rules and events") {
  bus_options options;
  options.matching.patterns.allow_regexp = true;
  options.matching.events.max_bytes = 200;
  probe::recorder got;
  bus b("orders", options);
  b.put_rule({.name = "r", .event_pattern = R"({"detail": {"id": [{"regexp": "[0-9]+"}]}})"}).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  CHECK(b.put_event_json(R"({"detail": {"id": "17"}})").has_value());
  CHECK(got.seen() == texts{"r/t"});
  CHECK(b.put_event_json(R"({"detail": {"id": ")" + std::string(200, '1') + "\"}}").error().code == errc::limit_exceeded);
  CHECK_FALSE(bus("strict").put_rule({.name = "r", .event_pattern = R"({"a": [{"regexp": "x"}]})"}).has_value());
}
