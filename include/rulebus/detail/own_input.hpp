// own_input: what a target is given in place of the event, where its rule says so.
#pragma once

#include <optional>

#include "rulebus/event.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

class invocation;
struct rule_entry;
struct target_entry;

/// Makes it with t's transformer, for what is on its way to t; the error says why it cannot be delivered (lane::refuse). Calls no
/// code of users but the clock.
std::optional<error> set_own_input(invocation& of, const rule_entry& r, const target_entry& t);

}  // namespace rulebus::inline v1::detail
