#include "rulebus/targets/null.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "bus_probe.hpp"
#include "rulebus/bus.hpp"

using namespace rulebus;

TEST_CASE("null: takes everything and counts it") {
  const auto nowhere = std::make_shared<null_target>();
  bus b("test");
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = nowhere}).value();
  CHECK(b.put_event_json(R"({"source":"shop"})"));
  CHECK(b.put_event_json(R"({"source":"shop"})"));
  CHECK(b.put_event_json(R"({"source":"else"})"));
  CHECK(nowhere->deliveries() == 2);
  CHECK(nowhere->bytes() == 34);
  CHECK(b.metrics().deliveries.successful_invocation_attempts == 2);
}
