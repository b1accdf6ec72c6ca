#include "rulebus/arn.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "random_source.hpp"

using namespace rulebus;

namespace {

const std::string prefix = "arn:aws:events:eu-central-1:111122223333:";

resource_name named(const std::string& resource) { return resource_name::parse(prefix + resource).value(); }

}  // namespace

TEST_CASE("arn: six parts, and the resource keeps its colons") {
  const arn a = arn::parse("arn:aws-us-gov:sqs:us-gov-west-1:111122223333:queue:with:colons/and/slashes").value();
  CHECK(a.partition == "aws-us-gov");
  CHECK(a.service == "sqs");
  CHECK(a.region == "us-gov-west-1");
  CHECK(a.account == "111122223333");
  CHECK(a.resource == "queue:with:colons/and/slashes");
  CHECK(arn::parse("arn:aws:s3:::bucket").value() == arn{.service = "s3", .resource = "bucket"});
}

TEST_CASE("arn: what is parsed is printed again") {
  for (const std::string text : {"arn:aws:s3:::bucket", "arn:aws:events:local:000000000000:event-bus/default", "arn:a:b:::c:d:e",
                                 "arn:aws-cn:lambda:cn-north-1:111122223333:function:f:7"}) {
    CHECK(arn::parse(text).value().text() == text);
  }
}

TEST_CASE("arn: errors say what is wrong, and where") {
  struct bad {
    std::string text, says;
    std::size_t offset;
  };
  const std::vector<bad> cases = {
      {"", "it must be arn:<partition>:<service>:<region>:<account>:<resource>", 0},
      {"orders", "it must be arn:", 0},
      {"ARN:aws:events:r:111122223333:x", "it must be arn:", 0},
      {"arn:aws:events", "it has 3 of the 6 parts", 14},
      {"arn:aws:events:r:111122223333", "it has 5 of the 6 parts", 29},
      {"arn::events:r:111122223333:x", "the partition is empty", 4},
      {"arn:aws::r:111122223333:x", "the service is empty", 8},
      {"arn:aws:Events:r:111122223333:x", "the service may have small letters", 8},
      {"arn:aws:events:r s:111122223333:x", "the region may have small letters", 15},
      {"arn:aws:events:r:1111:x", "the account must have 12 digits", 17},
      {"arn:aws:events:r:11112222333a:x", "the account must have 12 digits", 17},
      {"arn:aws:events:r:111122223333:", "the resource is empty", 30},
      {"arn:aws:events:r:111122223333:a b", "spaces or control characters", 30},
      {std::string("arn:aws:events:r:111122223333:a\0", 32), "spaces or control characters", 30},
      {"arn:aws:events:r:111122223333:" + std::string(1600, 'x'), "longer than 1600 bytes", 1600},
  };
  for (const bad& c : cases) {
    INFO(c.text);
    const auto parsed = arn::parse(c.text);
    REQUIRE(!parsed);
    CHECK(parsed.error().code == errc::invalid_argument);
    CHECK(parsed.error().message.find(c.says) != std::string::npos);
    CHECK(parsed.error().offset == c.offset);
    CHECK(parsed.error().column == c.offset + 1);
    CHECK(parsed.error().message.size() < 300);
  }
}

TEST_CASE("resource_name: buses, rules and targets, of the default bus and of others") {
  CHECK(named("event-bus/orders") == resource_name{.event_bus_name = "orders"});
  CHECK(named("event-bus/aws.partner/shop.com/1").event_bus_name == "aws.partner/shop.com/1");
  CHECK(named("rule/big") == resource_name{.type = resource_type::rule, .event_bus_name = "default", .rule_name = "big"});
  CHECK(named("rule/orders/big") == resource_name{.type = resource_type::rule, .event_bus_name = "orders", .rule_name = "big"});
  CHECK(named("rule/a/b/c").event_bus_name == "a/b");
  CHECK(named("target/big/t") ==
        resource_name{.type = resource_type::target, .event_bus_name = "default", .rule_name = "big", .name = "t"});
  CHECK(named("target/a/b/big/t") ==
        resource_name{.type = resource_type::target, .event_bus_name = "a/b", .rule_name = "big", .name = "t"});
}

TEST_CASE("resource_name: archives, replays, connections, API destinations, schedules") {
  CHECK(named("archive/a") == resource_name{.type = resource_type::archive, .name = "a"});
  CHECK(named("replay/r") == resource_name{.type = resource_type::replay, .name = "r"});
  CHECK(named("connection/c/0af-1") == resource_name{.type = resource_type::connection, .name = "c", .unique_id = "0af-1"});
  CHECK(named("api-destination/d") == resource_name{.type = resource_type::api_destination, .name = "d"});
  const auto schedule = resource_name::parse("arn:aws:scheduler:r:111122223333:schedule/nightly/backup").value();
  CHECK(schedule == resource_name{.type = resource_type::schedule, .name = "backup", .group_name = "nightly"});
  CHECK(resource_name::parse("arn:aws:scheduler:r:111122223333:schedule-group/g").value().type == resource_type::schedule_group);
}

TEST_CASE("resource_name: what is no name of EventBridge is refused") {
  for (const std::string resource : {"bucket", "event-bus", "event-bus/", "event-bus/a b", "event-bus/a:b", "rule/", "rule/a/",
                                     "rule//", "rule/bus/a:b", "target/t", "target/rule/", "target//t", "archive/a/b", "archive/",
                                     "connection/c/", "connection//1", "schedule/g/s", "lambda/x",
                                     "rule/b/"
                                     "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"}) {
    INFO(resource);
    const auto parsed = resource_name::parse(prefix + resource);
    REQUIRE(!parsed);
    CHECK(parsed.error().code == errc::invalid_argument);
  }
  CHECK(!resource_name::parse("arn:aws:sqs:r:111122223333:rule/big"));
  CHECK(!resource_name::parse("arn:aws:scheduler:r:111122223333:rule/big"));
  CHECK(!resource_name::parse("arn:aws:scheduler:r:111122223333:schedule/alone"));
}

TEST_CASE("resource_name: random names of every type are printed and parsed to themselves") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  const auto word = [&](std::string_view alphabet) {
    std::string out;
    for (std::size_t n = random.between(1, 8); n > 0; --n) out += alphabet[random.below(alphabet.size())];
    return out;
  };
  for (int i = 0; i < 20000; ++i) {
    resource_name made{.type = static_cast<resource_type>(random.below(9))};
    const bool of_bus = made.type <= resource_type::target;
    if (of_bus) made.event_bus_name = random.percent(30) ? "default" : word("ab./-_9Z");
    if (of_bus && made.type != resource_type::event_bus) made.rule_name = word("ab.-_9Z");
    if (made.type >= resource_type::target) made.name = word("ab.-_9Z");
    if (made.type == resource_type::schedule) made.group_name = word("ab.-_9Z");
    const bool unique = made.type == resource_type::connection || made.type == resource_type::api_destination;
    if (unique && random.percent(50)) made.unique_id = word("0af-");
    const std::string text = made.arn("local", "000000000000").text();
    INFO(text);
    const auto again = resource_name::parse(text);
    REQUIRE(again);
    REQUIRE(*again == made);
    REQUIRE(again->arn("local", "000000000000").text() == text);
  }
}

TEST_CASE("event_bus_name_of: a name, an ARN of this account and region, or nothing for the default bus") {
  const auto of = [](std::string_view text) { return event_bus_name_of(text, "eu-central-1", "111122223333"); };
  CHECK(of("").value() == "default");
  CHECK(of("orders").value() == "orders");
  CHECK(of(prefix + "event-bus/orders").value() == "orders");
  CHECK(of("a b").error().message ==
        "1 validation error detected: Value 'a b' at 'eventBusName' failed to satisfy constraint: Member must satisfy regular "
        R"(expression pattern: [/\.\-_A-Za-z0-9]+)");
  CHECK(of(prefix + "rule/orders").error().code == errc::invalid_argument);
  CHECK(of("arn:aws:events").error().code == errc::invalid_argument);
  const auto elsewhere = of("arn:aws:events:us-east-1:111122223333:event-bus/orders");
  CHECK(elsewhere.error() == error{errc::not_found, "Event bus orders does not exist."});
}
