// What has been recorded of the service's rules and patterns, one test each, by the names of the recording.
#include <doctest/doctest.h>

#include <string>

#include "recorded_service.hpp"

using namespace rulebus;
using namespace recorded;

namespace {

const std::string from_shop = R"({"source": ["shop"]})";

put_events_entry shop(std::string_view bus, std::string_view detail = R"({"total": 250})") {
  return {.source = "shop", .detail_type = "OrderPlaced", .detail = detail, .event_bus_name = bus};
}

std::string rule_arn(const std::string& bus, const std::string& rule) {
  return arn_prefix + (bus == "default" ? "rule/" : "rule/" + bus + "/") + rule;
}

/// Does a rule with the pattern {"detail": …} deliver an event with that detail?
bool delivers(std::string_view pattern_of_detail, std::string_view detail) {
  fixture f;
  probe::recorder queue;
  f.route("default", "rule", R"({"detail": )" + std::string(pattern_of_detail) + "}", queue);
  f.events.put_event(shop("", detail)).value();
  return queue.count() == 1;
}

}  // namespace

TEST_CASE("put_list_with_prefix_describe_delete_rule") {
  for (const std::string bus : {"custom", "default"}) {
    fixture f;
    CHECK(f.events.put_rule({.name = "test-rule", .event_pattern = from_shop, .description = "d"}, bus).value() ==
          rule_arn(bus, "test-rule"));
    f.events.put_rule({.name = "other", .event_pattern = from_shop}, bus).value();

    const auto listed = f.events.list_rules({.name_prefix = "test"}, bus).value();
    REQUIRE(listed.rules.size() == 1);
    CHECK(listed.rules[0].rule.name == "test-rule");
    CHECK(listed.rules[0].arn == rule_arn(bus, "test-rule"));
    CHECK(listed.rules[0].event_bus_name == bus);
    CHECK(listed.rules[0].created_by.empty());

    const auto described = f.events.describe_rule("test-rule", bus).value();
    CHECK(described.arn == rule_arn(bus, "test-rule"));
    CHECK(described.event_bus_name == bus);
    CHECK(described.created_by == "111111111111");
    CHECK(described.rule.event_pattern == from_shop);
    CHECK(described.rule.description == "d");
    CHECK(described.rule.state == rule_state::enabled);

    f.events.delete_rule("test-rule", bus).value();
    f.events.delete_rule("test-rule", bus).value();  // and again
    CHECK(f.rule_names(bus) == texts{"other"});
  }
}

TEST_CASE("put_multiple_rules_with_same_name: the second updates, and there is one rule, of the same ARN") {
  fixture f;
  const std::string first = f.events.put_rule({.name = "rule", .event_pattern = from_shop, .description = "first"}).value();
  const std::string second = f.events.put_rule({.name = "rule", .event_pattern = R"({"source": ["bank"]})"}).value();
  CHECK(first == second);
  const auto listed = f.events.list_rules().value().rules;
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].rule.event_pattern == R"({"source": ["bank"]})");
  CHECK(listed[0].rule.description.empty());
}

TEST_CASE("list_rule_with_limit: pages by name") {
  fixture f;
  for (const std::string name : {"c", "a", "e", "b", "d"}) f.events.put_rule({.name = name, .event_pattern = from_shop}).value();
  const auto first = f.events.list_rules({.limit = 3}).value();
  CHECK(f.rule_names("", {.limit = 3}) == texts{"a", "b", "c"});
  REQUIRE(!first.next_token.empty());
  CHECK(f.rule_names("", {.limit = 3, .next_token = first.next_token}) == texts{"d", "e"});
  CHECK(f.events.list_rules({.limit = 3, .next_token = first.next_token}).value().next_token.empty());
}

TEST_CASE("describe_nonexistent_rule") {
  fixture f;
  CHECK(error_of(f.events.describe_rule("rule")) == error{errc::not_found, "Rule rule does not exist on EventBus default."});
  CHECK(error_of(f.events.describe_rule("rule", "custom")) ==
        error{errc::not_found, "Rule rule does not exist on EventBus custom."});
  CHECK(error_of(f.events.enable_rule("rule")).message == "Rule rule does not exist on EventBus default.");
  CHECK(error_of(f.events.disable_rule("rule", "custom")).message == "Rule rule does not exist on EventBus custom.");
}

TEST_CASE("rules on a bus that does not exist: every operation says so") {
  fixture f;
  const error no_bus{errc::not_found, "Event bus nobody does not exist."};
  const texts ids = {"t"};
  CHECK(error_of(f.events.put_rule({.name = "r", .event_pattern = from_shop}, "nobody")) == no_bus);
  CHECK(error_of(f.events.delete_rule("r", "nobody")) == no_bus);
  CHECK(error_of(f.events.describe_rule("r", "nobody")) == no_bus);
  CHECK(error_of(f.events.enable_rule("r", "nobody")) == no_bus);
  CHECK(error_of(f.events.disable_rule("r", "nobody")) == no_bus);
  CHECK(error_of(f.events.list_rules({}, "nobody")) == no_bus);
  CHECK(error_of(f.events.put_targets("r", {}, "nobody")) == no_bus);
  CHECK(error_of(f.events.remove_targets("r", ids, "nobody")) == no_bus);
  CHECK(error_of(f.events.list_targets_by_rule("r", {}, "nobody")) == no_bus);
  CHECK(error_of(f.events.list_rule_names_by_target("arn", {}, "nobody")) == no_bus);
  CHECK(error_of(f.events.put_event_json("{}", "nobody")) == no_bus);
}

TEST_CASE("disable_re_enable_rule") {
  for (const std::string bus : {"custom", "default"}) {
    fixture f;
    probe::recorder queue;
    f.route(bus, "rule", from_shop, queue);
    const auto state = [&] { return f.events.describe_rule("rule", bus).value().rule.state; };
    CHECK(state() == rule_state::enabled);
    f.events.disable_rule("rule", bus).value();
    CHECK(state() == rule_state::disabled);
    f.events.put_event(shop(bus)).value();
    CHECK(queue.count() == 0);
    f.events.enable_rule("rule", bus).value();
    CHECK(state() == rule_state::enabled);
    f.events.put_event(shop(bus)).value();
    CHECK(queue.count() == 1);
  }
}

TEST_CASE("delete_rule_with_targets") {
  for (const std::string bus : {"custom", "default"}) {
    fixture f;
    probe::recorder queue;
    f.route(bus, "rule", from_shop, queue);
    CHECK(error_of(f.events.delete_rule("rule", bus)) ==
          error{errc::invalid_argument, "Rule can't be deleted since it has targets."});
    CHECK(f.rule_names(bus) == texts{"rule"});
  }
}

TEST_CASE("update_rule_with_targets: putting the rule again keeps its targets") {
  fixture f;
  probe::recorder queue;
  f.route("custom", "rule", R"({"source": ["bank"]})", queue);
  f.events.put_rule({.name = "rule", .event_pattern = from_shop}, "custom").value();
  CHECK(f.target_ids("rule", "custom") == texts{"queue"});
  f.events.put_event(shop("custom")).value();
  CHECK(queue.count() == 1);
}

TEST_CASE("process_to_multiple_matching_rules_different_targets: two rules of two queues each, and all four receive") {
  for (const std::string bus : {"custom", "default"}) {
    fixture f;
    probe::recorder queues[4];
    for (const int rule : {0, 1}) {
      const std::string name = "rule-" + std::to_string(rule);
      f.events.put_rule({.name = name, .event_pattern = from_shop}, bus).value();
      std::vector<rule_target> targets(2);
      for (const int i : {0, 1}) {
        targets[std::size_t(i)] = {.id = "queue-" + std::to_string(i), .target = queues[rule * 2 + i].target()};
      }
      f.events.put_targets(name, targets, bus).value();
    }
    f.events.put_event(shop(bus)).value();
    for (probe::recorder& q : queues) CHECK(q.count() == 1);
  }
}

TEST_CASE("process_to_multiple_matching_rules_single_target: the target is called twice, with the same event id") {
  fixture f;
  probe::recorder lambda;
  const auto target = lambda.target();
  for (const std::string rule : {"one", "two"}) {
    f.events.put_rule({.name = rule, .event_pattern = from_shop}).value();
    f.events.put_target(rule, {.id = "lambda", .target = target, .arn = "arn:aws:lambda:us-east-1:111111111111:function:f"})
        .value();
  }
  const std::string id = f.events.put_event(shop("")).value();
  const auto got = lambda.inputs();
  REQUIRE(got.size() == 2);
  for (const std::string& body : got) CHECK(event::parse(body).value().id() == id);
}

TEST_CASE("process_to_single_matching_rules_single_target: of three rules only the one that matches fires") {
  fixture f;
  probe::recorder lambda;
  for (const std::string source : {"shop", "bank", "post"}) {
    f.route("default", "rule-" + source, R"({"source": [")" + source + "\"]}", lambda);
  }
  f.events.put_event(shop("")).value();
  CHECK(lambda.seen() == texts{"rule-shop/queue"});
}

TEST_CASE("process_pattern_to_single_matching_rules_single_target: exists of one path does not match the other") {
  const std::string nested = R"({"payload": {"id": [{"exists": true}]}})", flat = R"({"id": [{"exists": true}]})";
  CHECK(delivers(nested, R"({"payload": {"id": "123"}})"));
  CHECK(!delivers(flat, R"({"payload": {"id": "123"}})"));
  CHECK(delivers(flat, R"({"id": "123"})"));
  CHECK(!delivers(nested, R"({"id": "123"})"));
}

TEST_CASE("list_rule_names_by_target: names only, in order, of one bus") {
  for (const std::string bus : {"custom", "default"}) {
    fixture f;
    probe::recorder queue;
    const std::string arn = "arn:aws:sqs:us-east-1:111111111111:queue";
    for (const std::string rule : {"b", "a", "c"}) {
      f.events.put_rule({.name = rule, .event_pattern = from_shop}, bus).value();
      const std::string its_arn = rule == "c" ? arn + "-2" : arn;
      f.events.put_target(rule, {.id = "t", .target = queue.target(), .arn = its_arn}, bus).value();
    }
    const auto page = f.events.list_rule_names_by_target(arn, {}, bus).value();
    CHECK(page.names == texts{"a", "b"});
    CHECK(page.next_token.empty());
    CHECK(f.events.list_rule_names_by_target(arn, {}, bus == "custom" ? "default" : "custom").value().names.empty());
  }
}

TEST_CASE("list_rule_names_by_target_with_limit: five names by two, and no token on the last page") {
  for (const std::string bus : {"custom", "default"}) {
    fixture f;
    probe::recorder queue;
    for (const std::string rule : {"r1", "r2", "r3", "r4", "r5"}) {
      f.events.put_rule({.name = rule, .event_pattern = from_shop}, bus).value();
      f.events.put_target(rule, {.id = "t", .target = queue.target(), .arn = "arn"}, bus).value();
    }
    const texts pages[] = {{"r1", "r2"}, {"r3", "r4"}, {"r5"}};
    std::string token;
    for (const texts& expected : pages) {
      const auto page = f.events.list_rule_names_by_target("arn", {.limit = 2, .next_token = token}, bus).value();
      CHECK(page.names == expected);
      CHECK(page.next_token.empty() == (expected.size() == 1));
      token = page.next_token;
    }
  }
}

TEST_CASE("list_rule_names_by_target_no_matches") {
  fixture f;
  probe::recorder queue;
  f.route("custom", "rule", from_shop, queue);
  CHECK(f.events.list_rule_names_by_target("arn:aws:sqs:us-east-1:111111111111:none", {}, "custom").value().names.empty());
}

TEST_CASE("rules: the service's limits are an option") {
  service_options few = options();
  few.buses.limits.max_rules = 2;
  fixture f(few);
  for (const std::string rule : {"a", "b", "a"}) f.events.put_rule({.name = rule, .event_pattern = from_shop}).value();
  CHECK(error_of(f.events.put_rule({.name = "c", .event_pattern = from_shop})) ==
        error{errc::limit_exceeded, "The requested resource exceeds the maximum number allowed."});
  f.events.put_rule({.name = "c", .event_pattern = from_shop}, "custom").value();  // of each bus
  CHECK(limits::aws().max_rules == 300);
}

TEST_CASE("put_events_pattern_with_values_in_array: any common element delivers") {
  const std::string pattern = R"({"event": {"data": {"type": ["1", "2", "3"]}}})";
  CHECK(delivers(pattern, R"({"event": {"data": {"type": ["3", "1"]}}})"));
  CHECK(delivers(pattern, R"({"event": {"data": {"type": ["2"]}}})"));
  CHECK(!delivers(pattern, R"({"event": {"data": {"type": ["4"]}}})"));
  CHECK(!delivers(pattern, R"({"event": {"data": {"type": []}}})"));
}

TEST_CASE("put_events_pattern_nested: an equal value delivers, another one or a missing path does not") {
  const std::string pattern = R"({"event": {"data": {"type": ["1"]}}})";
  CHECK(delivers(pattern, R"({"event": {"data": {"type": "1"}}})"));
  CHECK(!delivers(pattern, R"({"event": {"data": {"type": "2"}}})"));
  CHECK(!delivers(pattern, R"({"event": {"type": "1"}})"));
}

TEST_CASE("rule_anything_but, rule_exists_true, rule_exists_false, content_base_rule: through a rule") {
  const std::string anything_but = R"({"command": [{"anything-but": ["get-account"]}]})";
  CHECK(delivers(anything_but, R"({"command": "display-message"})"));
  CHECK(!delivers(anything_but, R"({"command": "get-account"})"));
  CHECK(delivers(anything_but, R"({"command": null})"));
  CHECK(!delivers(anything_but, R"({"other": 1})"));
  CHECK(delivers(R"({"key": [{"exists": true}]})", R"({"key": "value"})"));
  CHECK(!delivers(R"({"key": [{"exists": true}]})", R"({"other": "value"})"));
  CHECK(delivers(R"({"key": [{"exists": false}]})", R"({"other": "value"})"));
  CHECK(!delivers(R"({"key": [{"exists": false}]})", R"({"key": "value"})"));
  const std::string content = R"({"date": [{"prefix": "2022-11-"}], "total": [{"numeric": [">", 10, "<=", 20]}],)"
                              R"("address": [{"cidr": "10.0.0.0/24"}], "name": [{"suffix": "-x"}, {"equals-ignore-case": "Y"}]})";
  CHECK(delivers(content, R"({"date": "2022-11-23", "total": 20, "address": "10.0.0.7", "name": "y"})"));
  CHECK(!delivers(content, R"({"date": "2022-12-23", "total": 20, "address": "10.0.0.7", "name": "y"})"));
  CHECK(!delivers(content, R"({"date": "2022-11-23", "total": 21, "address": "10.0.0.7", "name": "a-x"})"));
}
