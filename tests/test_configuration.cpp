#include "rulebus/configuration.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/targets/null.hpp"

using namespace rulebus;
using probe::texts;

namespace {

/// A directory of its own that is gone afterwards.
class scratch_directory {
 public:
  scratch_directory() {
    path_ = std::filesystem::temp_directory_path() / ("rulebus_configuration_" + std::to_string(std::random_device()()));
    std::filesystem::create_directories(path_);
  }
  ~scratch_directory() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A document with every member that there is, in canonical form.
const std::string everything = contents(std::string(RULEBUS_SOURCE_DIR) + "/tests/data/configuration/complete.json");

}  // namespace

TEST_CASE("configuration: a document makes buses, rules and targets, and is told again byte for byte") {
  service events;
  configuration c(events);
  c.load(everything).value();
  CHECK(c.dump().value() == everything);
  CHECK(c.format(everything).value() == everything);

  const auto orders = events.describe_event_bus("orders").value();
  CHECK(orders.description == "What the shop sells");
  CHECK(orders.policy == R"({"Version":"2012-10-17","Statement":[{"Sid":"all","Effect":"Allow"}]})");
  CHECK(orders.dead_letter == std::static_pointer_cast<target>(c.queue("lost")));
  const rule big = events.describe_rule("big", "orders").value().rule;
  CHECK(big.description == "worth a look");
  CHECK(big.state == rule_state::disabled);
  CHECK(big.tags == string_map{{"team", "pay"}});
  const auto targets = events.list_targets_by_rule("big", {}, "orders").value().targets;
  REQUIRE(targets.size() == 3);
  const delivery_options d = targets[0].delivery.value();
  CHECK(d.dispatch == dispatch::executor);
  CHECK(d.retry == retry_policy{3, std::chrono::hours(1), std::chrono::milliseconds(10), std::chrono::seconds(1)});
  CHECK(d.timeout == std::chrono::milliseconds(500));
  CHECK(d.queue_capacity == 1000);
  CHECK(d.max_in_flight == 2);
  CHECK(d.when_full == overflow::drop_oldest);
  CHECK(d.rate == rate_limit{2.5, 10});
  CHECK(d.breaker == circuit_breaker{5, std::chrono::milliseconds(100)});
  CHECK(d.batch == batching{10, std::chrono::milliseconds(20)});
  CHECK(targets[0].arn == "arn:aws:sqs:local:000000000000:a");
  CHECK(targets[0].dead_letter != nullptr);
  CHECK(targets[0].tags == string_map{{"kind", "test"}});
  CHECK(targets[1].target == std::static_pointer_cast<target>(c.queue("jobs")));
  CHECK(c.queue("none") == nullptr);
}

TEST_CASE("configuration: events go the way that it says") {
  service events;
  configuration c(events);
  c.load(everything).value();
  events.enable_rule("big", "orders").value();
  events.put_event(probe::order(R"({"total": 250})")).value();
  events.put_event(probe::order(R"({"total": 25})")).value();
  events.flush().value();
  const auto messages = c.queue("jobs")->receive(10);
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].body() == R"({"total":250})");
  const auto hopeless = c.queue("hopeless");  // where it goes when it was received once and comes back
  REQUIRE(hopeless != nullptr);
  CHECK(c.queue("jobs")->release(messages[0].receipt()));
  CHECK(c.queue("jobs")->receive(10).empty());
  CHECK(hopeless->receive().at(0).body() == R"({"total":250})");
}

TEST_CASE("configuration: canonical form sorts names, leaves out what is default, and takes white space out of patterns") {
  service events;
  configuration c(events);
  const std::string loose = R"({"$schema": "configuration.schema.json", "buses": [ {"rules": [
      {"targets": [{"type": "null", "id": "z", "delivery": {}}, {"id": "a", "delivery": {"max_in_flight": 64}, "type": "null"}],
       "event_pattern": "{\"source\": [ \"shop\" ]}", "state": "ENABLED", "name": "r2", "description": "", "tags": {}},
      {"name": "r1", "event_pattern": { "source" : [ "a b" ] }}], "name": "b"}, {"name": "a"}]})";
  const std::string canonical = R"({
  "buses": [
    {
      "name": "a"
    },
    {
      "name": "b",
      "rules": [
        {
          "name": "r1",
          "event_pattern": {"source":["a b"]}
        },
        {
          "name": "r2",
          "event_pattern": {"source":["shop"]},
          "targets": [
            {
              "id": "a",
              "type": "null"
            },
            {
              "id": "z",
              "type": "null"
            }
          ]
        }
      ]
    }
  ]
}
)";
  CHECK(c.format(loose).value() == canonical);
  CHECK(events.list_event_buses().size() == 1);
  c.load(loose).value();
  const std::string dumped = c.dump().value();
  CHECK(dumped.find("\"name\": \"default\"") != std::string::npos);
  CHECK(c.format(dumped).value() == dumped);
}

TEST_CASE("configuration: a bus becomes exactly what the document says; others stay") {
  service events;
  configuration c(events);
  c.load(everything).value();
  probe::recorder got;
  events.put_rule({.name = "by-code", .event_pattern = R"({"source": ["shop"]})", .tags = {{"a", "b"}}}, "orders").value();
  events.put_target("by-code", {.id = "t", .target = got.target()}, "orders").value();
  events.tag_resource("arn:aws:events:local:000000000000:rule/orders/big", {{"more", "tags"}}).value();
  c.load(R"({"buses": [{"name": "orders", "rules": [{"name": "big", "event_pattern": {"source": ["shop"]},
             "targets": [{"id": "b", "type": "null"}]}]}]})")
      .value();
  CHECK(events.list_rules({}, "orders").value().rules.size() == 1);
  const auto orders = events.describe_event_bus("orders").value();
  CHECK(orders.description.empty());
  CHECK(orders.dead_letter == nullptr);
  CHECK(orders.policy.empty());
  const rule big = events.describe_rule("big", "orders").value().rule;
  CHECK(big.state == rule_state::enabled);
  CHECK(big.tags.empty());
  CHECK(events.list_targets_by_rule("big", {}, "orders").value().targets.size() == 1);
  CHECK(events.describe_rule("forward").value().rule.name == "forward");
}

TEST_CASE("configuration: what has not changed keeps its target, what waits for it and what was counted") {
  service events;
  configuration c(events);
  c.load(everything).value();
  const auto jobs = c.queue("jobs");
  events.enable_rule("big", "orders").value();
  events.put_event(probe::order()).value();
  events.flush().value();
  CHECK(jobs->depth().visible == 1);
  c.load(everything).value();
  CHECK(c.queue("jobs") == jobs);
  CHECK(jobs->depth().visible == 1);
  CHECK(events.event_bus("orders").value()->metrics("big", "b").value().invocations_created == 1);
}

TEST_CASE("configuration: a document that is refused changes nothing, also where only a file cannot be opened") {
  const scratch_directory directory;
  service events;
  configuration c(events);
  c.load(everything).value();
  const std::string before = c.dump().value();
  const std::string good = R"({"name": "new", "rules": [{"name": "r", "event_pattern": {"a": [1]},
      "targets": [{"id": "t", "type": "file", "path": ")" +
                           directory / "made.jsonl" + "\"}]}]}";
  const std::string late[] = {
      R"({"name": "orders", "rules": [{"name": "x", "event_pattern": {"a": []}}]})",
      R"({"name": "orders", "tags": {"aws:x": ""}})",
      R"({"name": "orders", "rules": [{"name": "x", "event_pattern": {"a": [1]}, "targets": [{"id": "t", "arn": "arn:none"}]}]})",
      R"({"name": "orders", "rules": [{"name": "x", "event_pattern": {"a": [1]}, "targets": [{"id": "t", "type": "bus", "event_bus_name": "nobody"}]}]})"};
  for (const std::string& bad : late) {
    for (const bool first : {true, false}) {
      const auto refused = c.load(R"({"buses": [)" + (first ? bad + "," + good : good + "," + bad) + "]}");
      CHECK(!refused);
      CHECK(c.dump().value() == before);
      CHECK(!std::filesystem::exists(directory / "made.jsonl"));
    }
  }
  const std::string no_directory = R"({"name": "orders", "rules": [{"name": "x", "event_pattern": {"a": [1]}, "targets": [
      {"id": "t", "type": "file", "path": ")" +
                                   directory / "no/such/file" + "\"}]}]}";
  const auto refused = c.load(R"({"buses": [{"name": "new"},)" + no_directory + "]}");
  REQUIRE(!refused);
  CHECK(refused.error().message.starts_with("buses[1].rules[0].targets[0]: "));
  CHECK(c.dump().value() == before);
}

TEST_CASE("configuration: check makes nothing, and knows the buses of the document") {
  const scratch_directory directory;
  service events;
  configuration c(events);
  const std::string document = R"({"buses": [{"name": "a", "rules": [{"name": "r", "event_pattern": {"a": [1]}, "targets": [
      {"id": "b", "type": "bus", "event_bus_name": "b"}, {"id": "f", "type": "file", "path": ")" +
                               directory / "f" + R"("}]}]}, {"name": "b"}]})";
  CHECK(c.check(document));
  CHECK(!std::filesystem::exists(directory / "f"));
  CHECK(events.list_event_buses().size() == 1);
  CHECK(c.load(document));
  CHECK(std::filesystem::exists(directory / "f"));
}

TEST_CASE("configuration: one file has one target, however many name it, and events are written to it") {
  const scratch_directory directory;
  service events;
  configuration c(events);
  const std::string path = directory / "log.jsonl";
  const std::string rule = R"("event_pattern": {"source": ["shop"]}, "targets": [{"id": "t", "type": "file", "path": ")" + path +
                           R"(", "input_path": "$.detail"}]})";
  c.load(R"({"buses": [{"name": "default", "rules": [{"name": "a", )" + rule + R"(, {"name": "b", )" + rule + "]}]}").value();
  CHECK(events.list_targets_by_rule("a").value().targets[0].target == events.list_targets_by_rule("b").value().targets[0].target);
  events.put_event(probe::order(R"({"n": 1})")).value();
  events.flush().value();
  CHECK(contents(path) == "{\"n\":1}\n{\"n\":1}\n");
}

TEST_CASE("configuration: targets by ARN come from the resolver, and are told by it") {
  service events;
  probe::recorder got;
  auto known = std::make_shared<target_resolver>();
  known->add("arn:aws:lambda:", [&](std::string_view) -> result<std::shared_ptr<target>> { return got.target(); }).value();
  configuration c(events, {.targets = known});
  const std::string document = R"({"buses": [{"name": "default", "dead_letter": {"arn": "arn:aws:lambda:local::dlq"},
     "rules": [{"name": "r", "event_pattern": {"source": ["shop"]}, "targets": [{"id": "t", "arn": "arn:aws:lambda:local::f"}]}]}]})";
  c.load(document).value();
  events.put_event(probe::order()).value();
  CHECK(got.seen() == texts{"r/t"});
  CHECK(events.list_rule_names_by_target("arn:aws:lambda:local::f").value().names == texts{"r"});
  CHECK(events.describe_event_bus().value().dead_letter_arn == "arn:aws:lambda:local::dlq");
  CHECK(c.dump().value() == c.format(document).value());
  const auto unknown = c.load(R"({"buses": [{"name": "default", "rules": [{"name": "r", "event_pattern": {"a": [1]},
     "targets": [{"id": "t", "arn": "arn:aws:sqs:local::q"}]}]}]})");
  REQUIRE(!unknown);
  CHECK(unknown.error().code == errc::not_found);
  CHECK(unknown.error().message.starts_with("buses[0].rules[0].targets[0]: "));
  CHECK(unknown.error().line == 2);
}

TEST_CASE("configuration: what code made is told by its ARN where the resolver knows it, and otherwise an error says so") {
  service events;
  probe::recorder got;
  auto known = std::make_shared<target_resolver>();
  known->add("arn:known", got.target()).value();
  configuration c(events, {.targets = known});
  events.put_rule({.name = "r", .event_pattern = R"({"source": ["shop"]})"}).value();
  events.put_target("r", {.id = "t", .target = got.target(), .arn = "arn:known"}).value();
  const std::string told = c.dump().value();
  CHECK(told.find(R"("arn": "arn:known")") != std::string::npos);
  CHECK(c.load(told));
  events.put_target("r", {.id = "u", .target = got.target(), .arn = "arn:unknown"}).value();
  const auto refused = c.dump();
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::unsupported);
  CHECK(refused.error().message.starts_with("bus default, rule r, target u: "));
}

TEST_CASE("configuration: something else may be put in the place of every target") {
  service events;
  texts descriptions;
  auto counting = std::make_shared<null_target>();
  configuration c(events, {.replace = [&](std::string_view description) -> std::shared_ptr<target> {
                    descriptions.emplace_back(description);
                    return counting;
                  }});
  c.load(R"({"buses": [{"name": "default", "rules": [{"name": "r", "event_pattern": {"source": ["shop"]}, "targets": [
     {"id": "a", "type": "stdout"}, {"id": "b", "type": "queue", "name": "q"}, {"id": "c", "type": "stdout", "arn": "arn:label"}]}]}]})")
      .value();
  CHECK(descriptions == texts{R"({"type":"stdout"})", R"({"type":"queue","name":"q"})"});
  events.put_event(probe::order()).value();
  CHECK(counting->deliveries() == 3);
}

TEST_CASE("configuration: a bus target follows its bus when that was made anew") {
  service events;
  configuration c(events);
  const std::string from = R"({"buses": [{"name": "a", "rules": [{"name": "r", "event_pattern": {"source": ["shop"]},
     "targets": [{"id": "t", "type": "bus", "event_bus_name": "b"}]}]}, {"name": "b"}]})";
  c.load(from).value();
  events.delete_event_bus("b").value();
  c.load(from).value();
  put_events_entry entry = probe::order();
  entry.event_bus_name = "a";
  events.put_event(entry).value();
  CHECK(events.event_bus("b").value()->metrics().events == 1);
}

TEST_CASE("configuration: patterns keep the service's limits and additions") {
  service strict({.buses = {.limits = limits::aws()}});
  const std::string long_pattern = R"({"a": [")" + std::string(3000, 'x') + "\"]}";
  const auto refused = configuration(strict).load(R"({"buses": [{"name": "default", "rules": [{"name": "r", "event_pattern": )" +
                                                  long_pattern + "}]}]}");
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::limit_exceeded);
  CHECK(refused.error().message.starts_with("buses[0].rules[0]: "));
  service open({.buses = {.matching = {.patterns = {.allow_regexp = true}}}});
  const std::string regexp =
      R"({"buses": [{"name": "default", "rules": [{"name": "r", "event_pattern": {"a": [{"regexp": "x+"}]}}]}]})";
  CHECK(configuration(open).load(regexp));
  CHECK(!configuration(strict).load(regexp));
}
