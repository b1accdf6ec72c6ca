// CloudEvents and EventBridge's envelope, attribute by attribute, and the laws of going there and back, at random.
#include "rulebus/cloud_events.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "rulebus/event.hpp"
#include "rulebus/matcher.hpp"
#include "support/naive_json.hpp"
#include "support/random_source.hpp"

using rulebus::cloud_data;
using rulebus::cloud_event;
using rulebus::cloud_event_options;
using rulebus::envelope;
using rulebus::errc;

namespace {

const std::uint64_t wanted_cases = tests::number_from_environment("RULEBUS_RANDOM_CASES", 100'000 / tests::build_slowness);

cloud_event order() {
  cloud_event e;
  e.id = "A1";
  e.source = "/shop";
  e.type = "order.placed";
  e.time = "2026-11-23T08:00:00Z";
  e.kind = cloud_data::json;
  e.data = R"({"total":250.00})";
  return e;
}

envelope order_envelope() {
  return {"A1", "order.placed", "/shop", "000000000000", "2026-11-23T08:00:00Z", "local", {}, R"({"total":250.00})", ""};
}

/// The member cloudevents that a change of the order gives, after checking that the order comes back.
template <class Change>
std::string extras_of(Change change) {
  cloud_event e = order();
  change(e);
  const envelope made = rulebus::to_envelope(e).value();
  CHECK(rulebus::to_cloud_event(made).value() == e);
  return made.cloud_events;
}

errc refused(const envelope& e) {
  const auto made = rulebus::to_cloud_event(e);
  REQUIRE_MESSAGE(!made.has_value(), e.json());
  CHECK(!made.error().message.empty());
  return made.error().code;
}

class generator {
 public:
  explicit generator(tests::random_source& random) : random_(random) {}

  cloud_event event() {
    cloud_event e;
    e.id = text(1);
    e.source = random_.pick(sources_);
    e.type = text(1);
    if (random_.percent(30)) e.subject = text(1);
    if (random_.percent(70)) e.time = random_.pick(times_);
    if (random_.percent(20)) e.dataschema = "https://example.com/schema";
    for (std::size_t n = random_.below(4); n-- > 0;) e.extensions[random_.pick(names_)] = value();
    data(e);
    return e;
  }

  envelope an_envelope() {
    envelope e = order_envelope();
    e.id = text(1);
    e.source = random_.pick(sources_);
    e.detail_type = text(1);
    e.account = random_.pick(accounts_);
    e.region = random_.pick(accounts_);
    for (std::size_t n = random_.below(3); n-- > 0;) e.resources.push_back(text(0));
    e.detail = random_.pick(objects_);
    return e;
  }

 private:
  std::string text(std::size_t least) {
    std::string out;
    for (std::size_t n = random_.between(least, 3); n-- > 0;) out += random_.pick(texts_);
    return out;
  }

  cloud_event::attribute value() {
    switch (random_.below(4)) {
      case 0: return random_.percent(50);
      case 1: return static_cast<std::int32_t>(random_.next());
      case 2: return random_.pick(resources_);
      default: return random_.percent(30) ? random_.pick(accounts_) : text(0);
    }
  }

  void data(cloud_event& e) {
    switch (random_.below(5)) {
      case 0: return;
      case 1:
        e.kind = cloud_data::text;
        e.datacontenttype = "text/plain";
        e.data = text(0) + "\n";
        return;
      case 2:
        e.kind = cloud_data::binary;
        if (random_.percent(50)) e.datacontenttype = "image/png";
        for (std::size_t n = random_.below(6); n-- > 0;) e.data += static_cast<char>(random_.next());
        return;
      default:
        e.kind = cloud_data::json;
        if (random_.percent(50)) e.datacontenttype = "application/json";
        e.data = random_.percent(70) ? random_.pick(objects_) : random_.pick(values_);
    }
  }

  tests::random_source& random_;
  const std::vector<std::string> texts_ = {"a", "order", " ", "\"", "\\", "%", "é", "\xf0\x9f\x98\x80", "{}", ":", "<x>"};
  const std::vector<std::string> sources_ = {"/shop", "https://example.com/a?b=%20#c", "urn:x:y", "aws.ec2"};
  const std::vector<std::string> times_ = {"2026-11-23T08:00:00Z", "2026-11-23T08:00:00.125Z", "2026-11-23T09:30:00+01:30",
                                           "2026-11-23T08:00:00z", "2026-06-30T23:59:60Z",     "0000-01-01T00:00:00Z"};
  const std::vector<std::string> names_ = {"a", "x1", "account", "region", "resources", "detail", "tags"};
  const std::vector<std::string> resources_ = {"[\"arn:a\",\"b\"]", "[]", "[ \"a\" ]", "[1]", "[\"a\"", "arn:a", "[\"\\u0061\"]"};
  const std::vector<std::string> accounts_ = {"000000000000", "local", "123456789012", ""};
  const std::vector<std::string> objects_ = {"{}", R"({"a":1.50})", R"({"data":"x"})", R"({"data_base64":"AA=="})",
                                             R"({"a":{"b":[null,true]}})"};
  const std::vector<std::string> values_ = {"null", "true", "1.50", "\"text\"", "[1,{}]", "\"\""};
};

bool has(const cloud_event& e, const char* name, const std::string& text) {
  const auto found = e.extensions.find(name);
  return found != e.extensions.end() && found->second == cloud_event::attribute(text);
}

/// What binary mode does not keep: types of extensions, that the content type was implied, that there are empty data, and that
/// bytes of an unknown type may be something else.
cloud_event through_headers(cloud_event e) {
  for (auto& [name, value] : e.extensions)
    if (const auto* number = std::get_if<std::int32_t>(&value))
      value = std::to_string(*number);
    else if (const bool* yes = std::get_if<bool>(&value))
      value = std::string(*yes ? "true" : "false");
  if (e.kind == cloud_data::json && e.datacontenttype.empty()) e.datacontenttype = "application/json";
  if (e.data.empty()) e.kind = cloud_data::none;
  return e;
}

}  // namespace

TEST_CASE("envelope: its text has the service's order of members, compact, and is read again") {
  envelope e = order_envelope();
  e.resources = {"arn:a", "b\""};
  e.detail = "{ \"a\" : [ 1.50 ] }";
  CHECK(e.json() == R"({"version":"0","id":"A1","detail-type":"order.placed","source":"/shop","account":"000000000000",)"
                    R"("time":"2026-11-23T08:00:00Z","region":"local","resources":["arn:a","b\""],"detail":{"a":[1.50]}})");
  e.detail = R"({"a":[1.50]})";
  CHECK(envelope::parse(e.json()).value() == e);
  e.cloud_events = R"({"subject":"s"})";
  CHECK(e.json().ends_with(R"("detail":{"a":[1.50]},"cloudevents":{"subject":"s"}})"));
  CHECK(envelope::parse(e.json()).value() == e);
  CHECK(envelope().json().ends_with(R"("resources":[],"detail":{}})"));
}

TEST_CASE("envelope: members may be absent or others, but not of another type") {
  const auto made = envelope::parse(R"({"replay-name":"r","id":"1","other":[{}],"detail":{"x":1}})").value();
  CHECK(made.id == "1");
  CHECK(made.detail == R"({"x":1})");
  CHECK(made.source.empty());
  for (const char* member : {R"("id":1)", R"("source":null)", R"("resources":"a")", R"("resources":[1])",
                             R"("resources":["a",["b"]])", R"("detail":"x")", R"("detail":[])", R"("cloudevents":1)"}) {
    const auto wrong = envelope::parse("{" + std::string(member) + "}");
    REQUIRE_MESSAGE(!wrong.has_value(), member);
    CHECK(wrong.error().code == errc::invalid_event);
    CHECK(wrong.error().offset > 0);
  }
  CHECK(envelope::parse("[]").error().code == errc::invalid_event);
  for (const char* text : {"", "{", R"({"resources":[})", R"({"detail":{)", "{} x"})
    CHECK(envelope::parse(text).error().code == errc::invalid_json);
}

TEST_CASE("cloud events to envelopes: the members that both have") {
  CHECK(rulebus::to_envelope(order()).value() == order_envelope());
  CHECK(rulebus::to_cloud_event(order_envelope()).value() == order());
}

TEST_CASE("cloud events to envelopes: attributes that envelopes have not are in the member cloudevents") {
  CHECK(extras_of([](auto&) {}).empty());
  CHECK(extras_of([](auto& e) { e.subject = "s"; }) == R"({"subject":"s"})");
  CHECK(extras_of([](auto& e) { e.datacontenttype = "application/json"; }) == R"({"datacontenttype":"application/json"})");
  CHECK(extras_of([](auto& e) { e.dataschema = "urn:x"; }) == R"({"dataschema":"urn:x"})");
  CHECK(extras_of([](auto& e) {
          e.extensions = {{"b", 5}, {"a", true}, {"c", std::string("\"")}};
        }) == R"({"a":true,"b":5,"c":"\""})");
}

TEST_CASE("cloud events to envelopes: times become whole seconds in UTC, and come back as they were") {
  cloud_event_options options;
  options.now = [] { return std::int64_t{86400}; };
  const auto time_of = [&](const std::string& time) {
    cloud_event e = order();
    e.time = time;
    const envelope made = rulebus::to_envelope(e, options).value();
    CHECK(rulebus::to_cloud_event(made).value() == e);
    return made.time + ' ' + made.cloud_events;
  };
  CHECK(time_of("2026-11-23T08:00:00Z") == "2026-11-23T08:00:00Z ");
  CHECK(time_of("2026-11-23T08:00:00.999Z") == R"(2026-11-23T08:00:00Z {"time":"2026-11-23T08:00:00.999Z"})");
  CHECK(time_of("2026-11-23T00:00:00+01:30") == R"(2026-11-22T22:30:00Z {"time":"2026-11-23T00:00:00+01:30"})");
  CHECK(time_of("2026-06-30T23:59:60Z") == R"(2026-07-01T00:00:00Z {"time":"2026-06-30T23:59:60Z"})");
  CHECK(time_of("") == R"(1970-01-02T00:00:00Z {"time":null})");

  envelope changed = rulebus::to_envelope(order()).value();
  changed.cloud_events = R"({"time":"2026-11-23T08:00:01.5Z"})";
  CHECK(rulebus::to_cloud_event(changed)->time == "2026-11-23T08:00:00Z");
}

TEST_CASE("cloud events to envelopes: without a time the clock is asked") {
  cloud_event e = order();
  e.time.clear();
  CHECK(rulebus::to_envelope(e)->time > "2024-01-01T00:00:00Z");
}

TEST_CASE("cloud events to envelopes: data that are no object are a member of detail") {
  const auto put = [](cloud_data kind, std::string type, std::string data) {
    cloud_event e = order();
    e.kind = kind;
    e.datacontenttype = std::move(type);
    e.data = std::move(data);
    const envelope made = rulebus::to_envelope(e).value();
    CHECK(rulebus::to_cloud_event(made).value() == e);
    CHECK(rulebus::event::parse(made.json()).has_value());
    return made.detail + ' ' + made.cloud_events;
  };
  CHECK(put(cloud_data::none, "", "") == R"({} {"data-in":"none"})");
  CHECK(put(cloud_data::json, "", "{}") == "{} ");
  CHECK(put(cloud_data::json, "", " {\"data\":1}") == " {\"data\":1} ");
  CHECK(put(cloud_data::json, "", "[1]") == R"({"data":[1]} {"data-in":"data"})");
  CHECK(put(cloud_data::json, "", "null") == R"({"data":null} {"data-in":"data"})");
  CHECK(put(cloud_data::text, "text/plain", "a\"") == R"({"data":"a\""} {"datacontenttype":"text/plain","data-in":"data"})");
  CHECK(put(cloud_data::binary, "", "\xff") == R"({"data_base64":"/w=="} {"data-in":"data_base64"})");
}

TEST_CASE("cloud events to envelopes: account, region and resources are extensions of the same name") {
  cloud_event e = order();
  e.extensions = {{"account", std::string("123456789012")},
                  {"region", std::string("eu-west-1")},
                  {"resources", std::string(R"(["arn:a","b"])")}};
  const envelope made = rulebus::to_envelope(e).value();
  CHECK(made.account == "123456789012");
  CHECK(made.region == "eu-west-1");
  CHECK(made.resources == std::vector<std::string>{"arn:a", "b"});
  CHECK(made.cloud_events.empty());
  CHECK(rulebus::to_cloud_event(made).value() == e);
  // What would not come back the same stays an attribute.
  CHECK(extras_of([](auto& x) { x.extensions["resources"] = std::string("arn:a"); }) == R"({"resources":"arn:a"})");
  CHECK(extras_of([](auto& x) { x.extensions["resources"] = std::string("[ \"a\" ]"); }) == R"({"resources":"[ \"a\" ]"})");
  CHECK(extras_of([](auto& x) { x.extensions["account"] = 7; }) == R"({"account":7})");

  cloud_event_options options{"123456789012", "eu-west-1", {}};
  CHECK(rulebus::to_envelope(order(), options)->account == "123456789012");
  CHECK(rulebus::to_cloud_event(made, options)->extensions.size() == 1);
}

TEST_CASE("cloud events to envelopes: patterns see attributes and data") {
  cloud_event e = order();
  e.subject = "order-7";
  e.extensions["priority"] = 5;
  const std::string json = rulebus::to_envelope(e)->json();
  const char* pattern = R"({"source":["/shop"],"detail-type":[{"prefix":"order."}],"detail":{"total":[{"numeric":[">",100]}]},
                            "cloudevents":{"subject":[{"wildcard":"order-*"}],"priority":[5]}})";
  CHECK(rulebus::test_event_pattern(pattern, json).value());
}

TEST_CASE("envelopes to cloud events: what cannot be one, and why") {
  const auto changed = [](auto change) {
    envelope e = order_envelope();
    change(e);
    return refused(e);
  };
  CHECK(changed([](auto& e) { e.id.clear(); }) == errc::invalid_event);
  CHECK(changed([](auto& e) { e.detail_type.clear(); }) == errc::invalid_event);
  CHECK(changed([](auto& e) { e.source = "my shop"; }) == errc::invalid_event);
  CHECK(changed([](auto& e) { e.time = "yesterday"; }) == errc::invalid_event);
  CHECK(changed([](auto& e) { e.detail = "{"; }) == errc::invalid_event);
  CHECK(changed([](auto& e) { e.cloud_events = "[]"; }) == errc::invalid_event);
  CHECK(changed([](auto& e) { e.cloud_events = "{"; }) == errc::invalid_json);
  for (const char* extras :
       {R"({"id":"x"})", R"({"specversion":"1.0"})", R"({"subject":1})", R"({"time":1})", R"({"Upper":1})", R"({"x":1.5})",
        R"({"x":12345678901})", R"({"x":null})", R"({"x":[]})", R"({"subject":"\u0000"})", R"({"data-in":"other"})",
        R"({"data-in":1})", R"({"data-in":"data"})", R"({"data-in":"data_base64"})"}) {
    INFO(extras);
    CHECK(changed([&](auto& e) { e.cloud_events = extras; }) == errc::invalid_event);
  }
  CHECK(changed([](auto& e) { e.cloud_events = R"({"data-in":"data_base64"})", e.detail = R"({"data_base64":1})"; }) ==
        errc::invalid_event);
  CHECK(changed([](auto& e) { e.cloud_events = R"({"data-in":"data_base64"})", e.detail = R"({"data_base64":"x"})"; }) ==
        errc::invalid_event);
  CHECK(changed([](auto& e) { e.cloud_events = R"({"data-in":"data","datacontenttype":"a/b"})", e.detail = R"({"data":1})"; }) ==
        errc::invalid_event);
}

TEST_CASE("cloud events: white space goes from the JSON of an envelope that is read") {
  const envelope read =
      envelope::parse(R"({"id": "1", "source": "s", "detail-type": "t", "time": "2026-11-23T08:00:00Z", "region": "r",
                          "detail": { "data" : [1, "a b"] }, "cloudevents": { "dataschema" : "http://x/" } })")
          .value();
  CHECK(read.detail == R"({"data":[1,"a b"]})");
  CHECK(read.cloud_events == R"({"dataschema":"http://x/"})");
  const auto made = rulebus::to_cloud_event(read).value();
  CHECK(rulebus::parse_cloud_event(rulebus::structured_json(made).value()).value() == made);
}

TEST_CASE("cloud events, random: every form gives the same event back") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  for (std::uint64_t i = 0; i < wanted_cases / 4; ++i) {
    INFO("RULEBUS_SEED=" << first + i);
    tests::random_source random(first + i);
    const cloud_event e = generator(random).event();
    const std::string json = rulebus::structured_json(e).value();
    INFO(json);
    REQUIRE(naive::is_json_object(json));
    CHECK(rulebus::parse_cloud_event(json).value() == e);
    CHECK(rulebus::parse_binary_message(rulebus::binary_message(e).value()).value() == through_headers(e));
    const envelope made = rulebus::to_envelope(e).value();
    INFO(made.json());
    CHECK(envelope::parse(made.json()).value() == made);
    const bool keeps_everything = !has(e, "account", "000000000000") && !has(e, "region", "local");
    const auto back = rulebus::to_cloud_event(made).value();
    if (keeps_everything) CHECK(back == e);
    CHECK(rulebus::to_envelope(back, {"000000000000", "local", [&] { return std::int64_t{0}; }})->detail == made.detail);
  }
}

TEST_CASE("envelopes, random: every one that can be a CloudEvent comes back the same") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  for (std::uint64_t i = 0; i < wanted_cases / 4; ++i) {
    INFO("RULEBUS_SEED=" << first + i);
    tests::random_source random(first + i);
    const envelope e = generator(random).an_envelope();
    INFO(e.json());
    const cloud_event made = rulebus::to_cloud_event(e).value();
    CHECK(rulebus::to_envelope(made).value() == e);
    CHECK(rulebus::to_envelope(rulebus::parse_cloud_event(rulebus::structured_json(made).value()).value()).value() == e);
    CHECK(rulebus::to_envelope(rulebus::parse_message(rulebus::binary_message(made).value())->front())->detail == e.detail);
  }
}
