// rule: what a bus matches events against, or when it makes one, by name, and the targets of those that match. EventBridge's
// PutRule and PutTargets, as aggregates. Thread safety: values. The bus keeps copies.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rulebus/delivery_options.hpp"
#include "rulebus/target.hpp"
#include "rulebus/transformer.hpp"

namespace rulebus::inline v1 {

enum class rule_state { enabled, disabled };

struct rule {
  std::string name{};           ///< 1 to 64 of [.-_A-Za-z0-9], unique on its bus
  std::string event_pattern{};  ///< JSON text; this, a schedule, or both: then either triggers the rule
  /// cron(…) or rate(…) in UTC, on the default bus only: the targets of the rule get a "Scheduled Event" at its instants. A rate
  /// counts from when the rule got it, and fires one period later first.
  std::string schedule_expression{};
  std::string description{};  ///< at most 512 characters
  rule_state state = rule_state::enabled;
  /// At most 50. Putting a rule again keeps the tags that it has and ignores these, as the service does: tag_rule.
  string_map tags{};
};

/// What to deliver matching events to. One rule may have many; ids are unique within their rule.
struct rule_target {
  std::string id{};  ///< 1 to 64 of [.-_A-Za-z0-9]; putting the same id again replaces
  std::shared_ptr<rulebus::target> target{};
  target_input input{};                            ///< what it is given instead of the event
  std::string arn{};                               ///< a name for other programs; at most 1600 characters
  std::optional<delivery_options> delivery{};      ///< default: bus_options::delivery
  std::shared_ptr<rulebus::target> dead_letter{};  ///< gets what could not be delivered; default: that of the bus
  string_map tags{};                               ///< at most 50
};

}  // namespace rulebus::inline v1
