// dead_letter: an event that could not be delivered, and why: what a dead-letter target is given, and what bus::redrive takes
// back. It is self-contained, so that it can be kept: in a queue (targets/queue.hpp), a file, a database.
//
//   void deliver(rulebus::delivery d) override {        // of a target that is some rule_target's dead_letter
//     if (auto letter = rulebus::as_dead_letter(d)) kept_.push_back(*std::move(letter));
//     d.succeed();
//   }
//   bus.redrive(kept_.front());                         // later: another attempt at the target that it was meant for
//
// Thread safety: a value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rulebus/delivery.hpp"
#include "rulebus/event.hpp"
#include "rulebus/export.hpp"

namespace rulebus::inline v1 {

struct dead_letter {
  rulebus::event event;  ///< as it was put; inputs and templates of the target are applied anew when it is redriven
  /// The service's: RULE_ARN, TARGET_ARN, ERROR_CODE, ERROR_MESSAGE, RETRY_ATTEMPTS, and EXHAUSTED_RETRY_CONDITION where
  /// retries were used up; and ours, TARGET_ID. Redriving needs RULE_ARN and TARGET_ID, and nothing else of all this.
  string_map attributes{};
  std::string ordering_key{}, trace_header{}, traceparent{};  ///< of the entry; may be empty
  std::vector<std::string> via{};                             ///< ARNs of the buses that it came through (delivery_details)
};

/// A copy of what d is of; empty when d is not of a dead letter.
RULEBUS_API std::optional<dead_letter> as_dead_letter(const delivery& d);

}  // namespace rulebus::inline v1
