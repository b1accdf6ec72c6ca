// recorded_service: what the tests of recorded behaviours share: a service with the recorded account and region, the buses that
// a test is made for (default and custom), and targets that keep what they got, in the place of queues.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/service.hpp"

namespace recorded {

using texts = std::vector<std::string>;

inline rulebus::service_options options() {
  return {.buses = {.account = "111111111111", .region = "us-east-1", .limits = rulebus::limits::aws()}};
}

inline const std::string arn_prefix = "arn:aws:events:us-east-1:111111111111:";

/// A service with the bus "custom" beside the default one.
struct fixture {
  explicit fixture(rulebus::service_options given = options()) : events(std::move(given)) {
    events.create_event_bus({.name = "custom"}).value();
  }

  /// A rule for events of `source` on the bus, whose target is the queue.
  void route(std::string_view bus, const std::string& rule, std::string_view pattern, probe::recorder& queue) {
    events.put_rule({.name = rule, .event_pattern = std::string(pattern)}, bus).value();
    events.put_target(rule, {.id = "queue", .target = queue.target()}, bus).value();
  }

  std::vector<std::string> rule_names(std::string_view bus, const rulebus::list_request& request = {}) {
    texts names;
    for (const auto& r : events.list_rules(request, bus).value().rules) names.push_back(r.rule.name);
    return names;
  }
  texts target_ids(std::string_view rule, std::string_view bus, const rulebus::list_request& request = {}) {
    texts ids;
    for (const auto& t : events.list_targets_by_rule(rule, request, bus).value().targets) ids.push_back(t.id);
    return ids;
  }

  rulebus::service events;
};

/// The first error of a put of one entry, which must fail as an entry and not as a whole.
inline rulebus::error entry_error(rulebus::service& events, const rulebus::put_events_entry& entry) {
  const auto answer = events.put_events({entry}).value();
  REQUIRE(answer.failed_entry_count == 1);
  REQUIRE(answer.entries.size() == 1);
  CHECK(answer.entries[0].event_id.empty());
  return answer.entries[0].failure.value();
}

template <class T>
rulebus::error error_of(const rulebus::result<T>& r) {
  REQUIRE(!r);
  return r.error();
}

}  // namespace recorded
