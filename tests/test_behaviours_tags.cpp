// What has been recorded of the service's tags, one test each, by the names of the recording.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "recorded_service.hpp"

using namespace rulebus;
using namespace recorded;

namespace {

const std::string from_shop = R"({"source": ["shop"]})";

struct tagged : fixture {
  tagged() {
    for (const std::string bus : {"default", "custom"}) {
      events.put_rule({.name = "rule", .event_pattern = from_shop}, bus).value();
      events.put_target("rule", {.id = "t", .target = queue.target()}, bus).value();
    }
  }
  string_map tags(const std::string& resource) { return events.list_tags_for_resource(arn_prefix + resource).value(); }
  probe::recorder queue;
};

const std::string resources[] = {"event-bus/default", "event-bus/custom", "rule/rule",
                                 "rule/custom/rule",  "target/rule/t",    "target/custom/rule/t"};

}  // namespace

TEST_CASE("tag_untag_resource: of buses and rules, and of targets, which the service does not tag") {
  for (const std::string& resource : resources) {
    tagged f;
    const std::string arn = arn_prefix + resource;
    CHECK(f.tags(resource).empty());
    f.events.tag_resource(arn, {{"tag2", "value2"}, {"tag1", "value1"}}).value();
    CHECK(f.tags(resource) == string_map{{"tag1", "value1"}, {"tag2", "value2"}});
    f.events.tag_resource(arn, {{"tag1", "other"}}).value();  // the same key overwrites
    const texts absent = {"tag3"}, first = {"tag1"};
    CHECK(f.events.untag_resource(arn, absent));
    CHECK(f.events.untag_resource(arn, first));
    CHECK(f.events.untag_resource(arn, first));
    CHECK(f.tags(resource) == string_map{{"tag2", "value2"}});
    for (const std::string& other : resources) CHECK(f.tags(other).size() == (other == resource ? 1 : 0));
  }
}

TEST_CASE("tag_list_untag_not_existing_resource: all three say what does not exist") {
  tagged f;
  struct missing {
    std::string resource, says;
  };
  for (const auto& [resource, says] : {missing{"rule/none", "Rule none does not exist on EventBus default."},
                                       missing{"rule/custom/none", "Rule none does not exist on EventBus custom."},
                                       missing{"rule/nobody/rule", "Event bus nobody does not exist."},
                                       missing{"event-bus/none", "Event bus none does not exist."},
                                       missing{"target/none/t", "Rule none does not exist on EventBus default."},
                                       missing{"target/rule/none", "Target none does not exist on Rule rule."}}) {
    const std::string arn = arn_prefix + resource;
    const error expected{errc::not_found, says};
    const texts keys = {"tag1"};
    CHECK(error_of(f.events.tag_resource(arn, {{"tag1", "value1"}})) == expected);
    CHECK(error_of(f.events.list_tags_for_resource(arn)) == expected);
    CHECK(error_of(f.events.untag_resource(arn, keys)) == expected);
  }
}

TEST_CASE("recreate_tagged_resource_without_tags: of a bus") {
  fixture f;
  const std::string arn = f.events.create_event_bus({.name = "orders", .tags = {{"key", "value"}}}).value();
  CHECK(f.events.list_tags_for_resource(arn).value().size() == 1);
  f.events.delete_event_bus("orders").value();
  f.events.create_event_bus({.name = "orders"}).value();
  CHECK(f.events.list_tags_for_resource(arn).value().empty());
  // The default bus cannot be deleted, so its tags stay.
  f.events.tag_resource(arn_prefix + "event-bus/default", {{"key", "value"}}).value();
  CHECK(!f.events.delete_event_bus("default"));
  CHECK(f.events.list_tags_for_resource(arn_prefix + "event-bus/default").value().size() == 1);
}

TEST_CASE("recreate_tagged_resource_without_tags: of a rule") {
  for (const std::string bus : {"default", "custom"}) {
    fixture f;
    const std::string arn =
        f.events.put_rule({.name = "rule", .event_pattern = from_shop, .tags = {{"key", "value"}}}, bus).value();
    CHECK(f.events.list_tags_for_resource(arn).value() == string_map{{"key", "value"}});
    f.events.put_rule({.name = "rule", .event_pattern = from_shop}, bus).value();  // an update keeps them
    CHECK(f.events.list_tags_for_resource(arn).value().size() == 1);
    f.events.delete_rule("rule", bus).value();
    f.events.put_rule({.name = "rule", .event_pattern = from_shop}, bus).value();
    CHECK(f.events.list_tags_for_resource(arn).value().empty());
  }
}

TEST_CASE("put_rule_with_tags and create_event_bus_with_tags: listed in order") {
  fixture f;
  const string_map tags = {{"tag1", "value1"}, {"tag2", "value2"}};
  CHECK(f.events.list_tags_for_resource(f.events.put_rule({.name = "r", .event_pattern = from_shop, .tags = tags}).value())
            .value() == tags);
  CHECK(f.events.list_tags_for_resource(f.events.create_event_bus({.name = "b", .tags = tags}).value()).value() == tags);
}

TEST_CASE("list_tags_for_deleted_rule and list_tags_for_deleted_event_bus") {
  fixture f;
  const std::string rule = f.events.put_rule({.name = "rule", .event_pattern = from_shop, .tags = {{"a", "b"}}}).value();
  const std::string bus = f.events.create_event_bus({.name = "orders", .tags = {{"a", "b"}}}).value();
  f.events.delete_rule("rule").value();
  f.events.delete_event_bus("orders").value();
  CHECK(error_of(f.events.list_tags_for_resource(rule)).message == "Rule rule does not exist on EventBus default.");
  CHECK(error_of(f.events.list_tags_for_resource(bus)).message == "Event bus orders does not exist.");
}

TEST_CASE("tags: what is no resource with tags, and what is no tag, is refused, and nothing changes") {
  tagged f;
  for (const std::string& arn :
       {std::string("rule"), arn_prefix + "archive/a", arn_prefix + "rule/", std::string("arn:aws:sqs:::q")}) {
    CHECK(error_of(f.events.tag_resource(arn, {{"a", "b"}})).code == errc::invalid_argument);
  }
  CHECK(error_of(f.events.tag_resource("arn:aws:events:eu-west-1:111111111111:rule/rule", {{"a", "b"}})).code == errc::not_found);
  CHECK(error_of(f.events.tag_resource("arn:aws:events:us-east-1:222222222222:event-bus/custom", {{"a", "b"}})).code ==
        errc::not_found);
  string_map many;
  for (int i = 0; i < 51; ++i) many.emplace("key" + std::to_string(i), "v");
  const string_map bad[] = {many,
                            {{"good", "v"}, {"", "v"}},
                            {{"good", "v"}, {"aws:x", "v"}},
                            {{std::string(129, 'k'), "v"}},
                            {{"good", std::string(257, 'v')}}};
  for (const string_map& tags : bad) {
    for (const std::string& resource : resources) {
      CHECK(!f.events.tag_resource(arn_prefix + resource, tags));
      CHECK(f.tags(resource).empty());
    }
    CHECK(!f.events.create_event_bus({.name = "new", .tags = tags}));
    CHECK(!f.events.put_rule({.name = "new", .event_pattern = from_shop, .tags = tags}));
  }
  CHECK(!f.events.describe_event_bus("new"));
  CHECK(!f.events.describe_rule("new"));
}

TEST_CASE("find_resources: ARNs of all buses, rules and targets whose tags match") {
  tagged f;
  for (const std::string& resource : resources) f.events.tag_resource(arn_prefix + resource, {{"team", resource}}).value();
  const auto found = [&](std::string_view filter) { return f.events.find_resources(tag_filter::parse(filter).value()); };
  texts all;
  for (const std::string& resource : resources) all.push_back(arn_prefix + resource);
  std::sort(all.begin(), all.end());
  CHECK(found(R"({"team": [{"exists": true}]})") == all);
  CHECK(found(R"({"team": [{"prefix": "target/custom/"}]})") == texts{arn_prefix + "target/custom/rule/t"});
  CHECK(found(R"({"other": [{"exists": true}]})").empty());
}
