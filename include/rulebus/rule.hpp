// rule: what a bus matches events against, by name. EventBridge's PutRule, as an aggregate.
// Thread safety: a value. The views of put_* arguments need to live only for the call: the bus keeps copies.
#pragma once

#include <memory>
#include <string>

#include "rulebus/target.hpp"

namespace rulebus::inline v1 {

enum class rule_state { enabled, disabled };

struct rule {
  std::string name{};           ///< 1 to 64 of [.-_A-Za-z0-9], unique on its bus
  std::string event_pattern{};  ///< JSON text; required
  std::string description{};
  rule_state state = rule_state::enabled;
};

/// What to deliver matching events to. One rule may have many; ids are unique within their rule.
struct rule_target {
  std::string id{};  ///< 1 to 64 of [.-_A-Za-z0-9]; putting the same id again replaces
  std::shared_ptr<rulebus::target> target{};
};

}  // namespace rulebus::inline v1
