// What has been recorded of the service's targets, one test each, by the names of the recording. The service answers PutTargets
// and RemoveTargets with a list of failed entries, which was always empty; here that is the absence of an error.
#include <doctest/doctest.h>

#include <string>

#include "recorded_service.hpp"

using namespace rulebus;
using namespace recorded;

namespace {

rule_target queue_of(probe::recorder& queue, std::string id, std::string arn = {}) {
  return {.id = std::move(id), .target = queue.target(), .arn = std::move(arn)};
}

/// The bus with a rule.
struct with_rule : fixture {
  explicit with_rule(std::string_view bus = "default") {
    events.put_rule({.name = "rule", .event_pattern = R"({"source": ["shop"]})"}, bus).value();
  }
  probe::recorder queue;
};

void put_shop(service& events, std::string_view bus) {
  events.put_event({.source = "shop", .detail_type = "t", .detail = "{}", .event_bus_name = bus}).value();
}

}  // namespace

TEST_CASE("put_list_remove_target") {
  for (const std::string bus : {"custom", "default"}) {
    with_rule f(bus);
    CHECK(f.events.put_targets("rule", {queue_of(f.queue, "queue", "arn:aws:sqs:::q")}, bus));
    const auto listed = f.events.list_targets_by_rule("rule", {}, bus).value();
    REQUIRE(listed.targets.size() == 1);
    CHECK(listed.targets[0].id == "queue");
    CHECK(listed.targets[0].arn == "arn:aws:sqs:::q");
    const texts ids = {"queue"};
    CHECK(f.events.remove_targets("rule", ids, bus));
    CHECK(f.target_ids("rule", bus).empty());
    put_shop(f.events, bus);
    CHECK(f.queue.count() == 0);
  }
}

TEST_CASE("put_list_remove_target: a rule that does not exist") {
  with_rule f;
  const texts ids = {"queue"};
  const error no_rule{errc::not_found, "Rule none does not exist on EventBus default."};
  CHECK(error_of(f.events.put_targets("none", {queue_of(f.queue, "queue")})) == no_rule);
  CHECK(error_of(f.events.remove_targets("none", ids)) == no_rule);
  CHECK(error_of(f.events.list_targets_by_rule("none")) == no_rule);
}

TEST_CASE("add_exceed_fife_targets_per_rule: the sixth is refused, and nothing of its call is there") {
  with_rule f;
  for (int i = 0; i < 4; ++i) f.events.put_target("rule", queue_of(f.queue, "t" + std::to_string(i))).value();
  const error too_many{errc::limit_exceeded, "The requested resource exceeds the maximum number allowed."};
  CHECK(error_of(f.events.put_targets("rule", {queue_of(f.queue, "t4"), queue_of(f.queue, "t5")})) == too_many);
  CHECK(f.target_ids("rule", "default") == texts{"t0", "t1", "t2", "t3"});
  f.events.put_target("rule", queue_of(f.queue, "t4")).value();
  CHECK(error_of(f.events.put_target("rule", queue_of(f.queue, "t5"))) == too_many);
  f.events.put_target("rule", queue_of(f.queue, "t4")).value();  // the same again is none more
}

TEST_CASE("list_target_by_rule_limit: five targets by three, in the order of their ids") {
  with_rule f;
  std::vector<rule_target> targets;
  for (const std::string id : {"id-4", "id-2", "id-5", "id-1", "id-3"}) targets.push_back(queue_of(f.queue, id));
  f.events.put_targets("rule", targets).value();
  CHECK(f.target_ids("rule", "", {.limit = 3}) == texts{"id-1", "id-2", "id-3"});
  const std::string token = f.events.list_targets_by_rule("rule", {.limit = 3}).value().next_token;
  REQUIRE(!token.empty());
  CHECK(f.target_ids("rule", "", {.limit = 3, .next_token = token}) == texts{"id-4", "id-5"});
  CHECK(f.events.list_targets_by_rule("rule", {.limit = 3, .next_token = token}).value().next_token.empty());
}

TEST_CASE("put_target_id_validation") {
  with_rule f;
  const std::string detected = "1 validation error detected: Value '";
  CHECK(error_of(f.events.put_target("rule", queue_of(f.queue, "!@#$@!#$"))) ==
        error{errc::invalid_argument,
              detected +
                  "!@#$@!#$' at 'targets.1.member.id' failed to satisfy constraint: Member must satisfy regular expression "
                  R"(pattern: [\.\-_A-Za-z0-9]+)"});
  const std::string longest(64, 'i'), longer(65, 'i');
  CHECK(error_of(f.events.put_target("rule", queue_of(f.queue, longer))) ==
        error{errc::invalid_argument, detected + longer +
                                          "' at 'targets.1.member.id' failed to satisfy constraint: Member must "
                                          "have length less than or equal to 64"});
  CHECK(error_of(f.events.put_targets("rule", {queue_of(f.queue, "a"), queue_of(f.queue, "a b")}))
            .message.find("targets.2.member.id") != std::string::npos);
  CHECK(f.events.put_target("rule", queue_of(f.queue, longest)));
  CHECK(f.target_ids("rule", "") == texts{longest});
}

TEST_CASE("put_multiple_targets_with_same_id_single_rule: the later one replaces the earlier one") {
  with_rule f;
  probe::recorder later;
  f.events.put_target("rule", queue_of(f.queue, "id", "arn:one")).value();
  f.events.put_target("rule", queue_of(later, "id", "arn:two")).value();
  const auto listed = f.events.list_targets_by_rule("rule").value().targets;
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].arn == "arn:two");
  put_shop(f.events, "");
  CHECK(f.queue.count() == 0);
  CHECK(later.count() == 1);
}

TEST_CASE("put_multiple_targets_with_same_id_across_different_rules: ids are per rule") {
  with_rule f;
  probe::recorder other;
  f.events.put_rule({.name = "rule-2", .event_pattern = R"({"source": ["shop"]})"}).value();
  f.events.put_target("rule", queue_of(f.queue, "id")).value();
  f.events.put_target("rule-2", queue_of(other, "id")).value();
  CHECK(f.target_ids("rule", "") == texts{"id"});
  CHECK(f.target_ids("rule-2", "") == texts{"id"});
  put_shop(f.events, "");
  CHECK(f.queue.count() == 1);
  CHECK(other.count() == 1);
}

TEST_CASE("put_multiple_targets_with_same_arn_single_rule: each id is a target of its own") {
  with_rule f;
  f.events.put_targets("rule", {queue_of(f.queue, "one", "arn:q"), queue_of(f.queue, "two", "arn:q")}).value();
  CHECK(f.target_ids("rule", "") == texts{"one", "two"});
  put_shop(f.events, "");
  CHECK(f.queue.count() == 2);
}

TEST_CASE("put_multiple_targets_with_same_arn_across_different_rules") {
  with_rule f;
  f.events.put_rule({.name = "rule-2", .event_pattern = R"({"source": ["shop"]})"}).value();
  f.events.put_target("rule", queue_of(f.queue, "one", "arn:q")).value();
  f.events.put_target("rule-2", queue_of(f.queue, "two", "arn:q")).value();
  CHECK(f.events.list_rule_names_by_target("arn:q").value().names == texts{"rule", "rule-2"});
  put_shop(f.events, "");
  CHECK(f.queue.count() == 2);
}
