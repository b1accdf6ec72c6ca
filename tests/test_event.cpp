#include "rulebus/event.hpp"

#include <doctest/doctest.h>

using rulebus::errc;
using rulebus::event;

TEST_CASE("event: the envelope's members come decoded, resources and detail as written") {
  const auto e = event::parse(R"({"version":"0","id":"i-1","detail-type":"Order\tPlaced","source":"shop","account":"111122223333",
    "time":"2026-11-23T06:00:00Z","region":"eu-west-1","resources": ["a", "b"] ,"detail": {"n": 1.0} })");
  REQUIRE(e);
  CHECK(e->id() == "i-1");
  CHECK(e->detail_type() == "Order\tPlaced");
  CHECK(e->source() == "shop");
  CHECK(e->account() == "111122223333");
  CHECK(e->time() == "2026-11-23T06:00:00Z");
  CHECK(e->region() == "eu-west-1");
  CHECK(e->resources() == R"(["a", "b"])");
  CHECK(e->detail() == R"({"n": 1.0})");
}

TEST_CASE("event: any JSON object is an event, and absent members read as empty") {
  const auto e = event::parse(R"({"id": 7, "so\u0075rce": "x"})");
  REQUIRE(e);
  CHECK(e->id().empty());  // not a string
  CHECK(e->source() == "x");
  CHECK(e->detail().empty());
  CHECK(e->json() == R"({"id": 7, "so\u0075rce": "x"})");
  CHECK(event::parse("{}"));
}

TEST_CASE("event: the whole text is checked, with the place of the first error") {
  const auto broken = event::parse("{\"a\": 1,\n \"b\": {\"c\": [1, 2,, 3]}}");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == errc::invalid_json);
  CHECK(broken.error().line == 2);
  CHECK(broken.error().offset == 27);
  CHECK(event::parse("[1]").error().code == errc::invalid_event);
  CHECK(event::parse("").error().code == errc::invalid_json);
  CHECK(event::parse(R"({"a": "\ud800"})").error().code == errc::invalid_json);
  CHECK(event::parse("{} x").error().code == errc::invalid_json);
}

TEST_CASE("event: size and depth are limited by options") {
  rulebus::event_options options;
  options.max_bytes = 10;
  CHECK(event::parse(R"({"a":"bcd"})", options).error().code == errc::limit_exceeded);
  options = {};
  options.max_depth = 2;
  CHECK(event::parse(R"({"a":[1]})", options));
  CHECK(event::parse(R"({"a":[[1]]})", options).error().code == errc::limit_exceeded);
}

TEST_CASE("event: copies share the text, and views outlive the object they were taken from") {
  std::string_view detail;
  event kept = event::parse("{}").value();
  {
    const event e = event::parse(R"({"detail":{"a":1}})").value();
    detail = e.detail();
    kept = e;
  }
  CHECK(detail == R"({"a":1})");
}
