// What has been recorded of the service's event buses and their permissions, one test each, by the names of the recording.
#include <doctest/doctest.h>

#include <string>

#include "recorded_service.hpp"
#include "rulebus/arn.hpp"

using namespace rulebus;
using namespace recorded;

namespace {

texts names_of(const std::vector<event_bus_description>& buses) {
  texts names;
  for (const auto& b : buses) names.push_back(b.name);
  return names;
}

}  // namespace

TEST_CASE("create_list_describe_delete_custom_event_buses: with and without a description") {
  for (const std::string description : {"", "Test description"}) {
    service_options o = options();
    auto time = std::make_shared<manual_clock>(time_point(std::chrono::seconds(1700000000)));
    o.buses.clock = time;
    service events(o);
    time->advance(std::chrono::seconds(5));
    CHECK(events.create_event_bus({.name = "orders", .description = description}).value() == arn_prefix + "event-bus/orders");
    time->advance(std::chrono::seconds(5));

    const auto listed = events.list_event_buses();
    CHECK(names_of(listed) == texts{"default", "orders"});
    const event_bus_description d = events.describe_event_bus("orders").value();
    CHECK(d.arn == arn_prefix + "event-bus/orders");
    CHECK(d.name == "orders");
    CHECK(d.description == description);
    CHECK(d.policy.empty());
    CHECK(d.creation_time == time_point(std::chrono::seconds(1700000005)));
    CHECK(d.last_modified_time == d.creation_time);
    CHECK(listed[1].arn == d.arn);
    CHECK(listed[1].description == description);
    CHECK(events.describe_event_bus(d.arn).value().name == "orders");
    CHECK(events.describe_event_bus().value().creation_time == time_point(std::chrono::seconds(1700000000)));

    events.delete_event_bus("orders").value();
    CHECK(names_of(events.list_event_buses()) == texts{"default"});
  }
}

TEST_CASE("create_list_describe_delete_custom_event_buses: regions are isolated") {
  service_options elsewhere = options();
  elsewhere.buses.region = "eu-central-1";
  service here(options()), there(elsewhere);
  here.create_event_bus({.name = "orders"}).value();
  CHECK(!there.describe_event_bus("orders"));
  CHECK(there.create_event_bus({.name = "orders"}).value() == "arn:aws:events:eu-central-1:111111111111:event-bus/orders");
  CHECK(error_of(here.describe_event_bus("arn:aws:events:eu-central-1:111111111111:event-bus/orders")).code == errc::not_found);
}

TEST_CASE("create_multiple_event_buses_same_name") {
  fixture f;
  CHECK(error_of(f.events.create_event_bus({.name = "custom"})) ==
        error{errc::already_exists, "Event bus custom already exists."});
  CHECK(error_of(f.events.create_event_bus({.name = "default"})) ==
        error{errc::already_exists, "Event bus default already exists."});
}

TEST_CASE("describe_delete_not_existing_event_bus: describing is an error, deleting is none") {
  fixture f;
  CHECK(error_of(f.events.describe_event_bus("nobody")) == error{errc::not_found, "Event bus nobody does not exist."});
  CHECK(f.events.delete_event_bus("nobody"));
  CHECK(f.events.delete_event_bus(arn_prefix + "event-bus/nobody"));
}

TEST_CASE("delete_default_event_bus") {
  fixture f;
  for (const std::string name : {"default", "", "arn:aws:events:us-east-1:111111111111:event-bus/default"}) {
    CHECK(error_of(f.events.delete_event_bus(name)) == error{errc::invalid_argument, "Cannot delete event bus default."});
  }
  CHECK(f.events.describe_event_bus("default"));
}

TEST_CASE("list_event_buses_with_prefix: a prefix and a full name") {
  fixture f;
  for (const std::string name : {"unique-prefix-1234567890-bus", "no-prefix-bus"})
    f.events.create_event_bus({.name = name}).value();
  CHECK(names_of(f.events.list_event_buses({.name_prefix = "unique-prefix"}).value().event_buses) ==
        texts{"unique-prefix-1234567890-bus"});
  CHECK(names_of(f.events.list_event_buses({.name_prefix = "no-prefix-bus"}).value().event_buses) == texts{"no-prefix-bus"});
}

TEST_CASE("list_event_buses_with_limit: six buses in two pages, by name") {
  fixture f;
  for (const char c : {'c', 'a', 'f', 'b', 'e', 'd'}) f.events.create_event_bus({.name = std::string("limit-") + c}).value();
  const auto first = f.events.list_event_buses({.name_prefix = "limit-", .limit = 3}).value();
  CHECK(names_of(first.event_buses) == texts{"limit-a", "limit-b", "limit-c"});
  REQUIRE(!first.next_token.empty());
  const auto second = f.events.list_event_buses({.name_prefix = "limit-", .limit = 3, .next_token = first.next_token}).value();
  CHECK(names_of(second.event_buses) == texts{"limit-d", "limit-e", "limit-f"});
  CHECK(second.next_token.empty());
  CHECK(error_of(f.events.list_event_buses({.next_token = "made up"})).code == errc::invalid_argument);
}

TEST_CASE("put_permission: statements stay in the order of the calls; the same id replaces; a policy replaces all") {
  for (const std::string bus : {"custom", "default"}) {
    fixture f;
    const std::string resource = arn_prefix + "event-bus/" + bus;
    const auto statement = [&](const std::string& id, const std::string& principal) {
      return R"({"Sid":")" + id + R"(","Effect":"Allow","Principal":)" + principal +
             R"(,"Action":"events:PutEvents","Resource":")" + resource + "\"}";
    };
    const auto policy = [&] { return f.events.describe_event_bus(bus).value().policy; };
    const std::string account = R"({"AWS":"arn:aws:iam::222222222222:root"})";
    CHECK(policy().empty());
    f.events.put_permission({.principal = "222222222222", .statement_id = "first"}, bus).value();
    CHECK(policy() == R"({"Version":"2012-10-17","Statement":[)" + statement("first", account) + "]}");
    f.events.put_permission({.principal = "222222222222", .statement_id = "second"}, bus).value();
    f.events.put_permission({.principal = "*", .statement_id = "third"}, bus).value();
    CHECK(policy() == R"({"Version":"2012-10-17","Statement":[)" + statement("first", account) + "," +
                          statement("second", account) + "," + statement("third", "\"*\"") + "]}");
    f.events.put_permission({.principal = "*", .statement_id = "first"}, bus).value();
    CHECK(policy() == R"({"Version":"2012-10-17","Statement":[)" + statement("first", "\"*\"") + "," +
                          statement("second", account) + "," + statement("third", "\"*\"") + "]}");

    const std::string whole = R"({"Version":"2012-10-17","Statement":[{"Sid":"policy","Effect":"Deny",)"
                              R"("Principal":{"AWS":"*"},"Action":"events:ListRules","Resource":"*"}]})";
    f.events.put_permission({.policy = whole}, bus).value();
    CHECK(policy() == whole);
    f.events.put_permission({.principal = "*", .statement_id = "more"}, bus).value();
    CHECK(policy() == whole.substr(0, whole.size() - 2) + "," + statement("more", "\"*\"") + "]}");
  }
}

TEST_CASE("put_permission_non_existing_event_bus") {
  fixture f;
  CHECK(error_of(f.events.put_permission({.principal = "*", .statement_id = "s"}, "nobody")) ==
        error{errc::not_found, "Event bus nobody does not exist."});
}

TEST_CASE("remove_permission: one statement by its id, or all") {
  for (const std::string bus : {"custom", "default"}) {
    fixture f;
    for (const std::string id : {"first", "second"}) f.events.put_permission({.principal = "*", .statement_id = id}, bus).value();
    f.events.remove_permission("first", bus).value();
    const std::string left = f.events.describe_event_bus(bus).value().policy;
    CHECK(left.find("first") == std::string::npos);
    CHECK(left.find(R"("Sid":"second")") != std::string::npos);
    f.events.put_permission({.principal = "*", .statement_id = "third"}, bus).value();
    f.events.remove_all_permissions(bus).value();
    CHECK(f.events.describe_event_bus(bus).value().policy.empty());
  }
}

TEST_CASE("remove_permission_non_existing_sid: with and without a policy") {
  for (const std::string bus : {"custom", "default"}) {
    for (const bool present : {true, false}) {
      fixture f;
      if (present) f.events.put_permission({.principal = "*", .statement_id = "there"}, bus).value();
      CHECK(error_of(f.events.remove_permission("not-there", bus)) ==
            error{errc::not_found, "Statement with the provided id does not exist."});
    }
  }
}

TEST_CASE("put_permission: what is no statement and no policy is refused, and nothing changes") {
  fixture f;
  f.events.put_permission({.principal = "*", .statement_id = "there"}).value();
  const std::string before = f.events.describe_event_bus().value().policy;
  const permission bad[] = {
      {.principal = "*"},
      {.principal = "*", .statement_id = "a b"},
      {.principal = "*", .statement_id = std::string(65, 'x')},
      {.principal = "somebody", .statement_id = "s"},
      {.statement_id = "s"},
      {.action = "events:ListRules", .principal = "*", .statement_id = "s"},
      {.principal = "*", .statement_id = "s", .condition = "[]"},
      {.principal = "*", .statement_id = "s", .condition = "{\"a\": \"" + std::string(20000, 'x') + "\"}"},
      {.principal = "*", .policy = R"({"Statement": []})"},
      {.policy = "nonsense"},
      {.policy = "[]"},
      {.policy = R"({"Version": "2012-10-17"})"},
      {.policy = R"({"Statement": 1})"},
      {.policy = R"({"Statement": [1]})"},
      {.policy = R"({"Statement": [{}, 1]})"},
      {.policy = R"({"Statement": [], "Statement": []})"},
      {.policy = R"({"Statement": [{}})"},
      {.policy = R"({"Statement": [{}]} x)"},
      {.policy = R"({"Statement": {"a": ")" + std::string(20000, 'x') + "\"}}"},
  };
  for (const permission& p : bad) {
    INFO(p.statement_id << p.policy.substr(0, 100));
    CHECK(!f.events.put_permission(p));
    CHECK(f.events.describe_event_bus().value().policy == before);
  }
  f.events.put_permission({.policy = R"({"Statement": {"Effect": "Deny"}, "Id": "x"})"}).value();
  CHECK(f.events.describe_event_bus().value().policy == R"({"Id":"x","Statement":[{"Effect":"Deny"}]})");
}
