// observer: hears what happens to events and deliveries, step by step, in the service's terms (the message types of
// EventBridge's bus logs). For logs, traces and tests; costs a test of a pointer where there is none.
// Thread safety: observe is called from every thread that puts or delivers, at once, and never with a lock held. What it
// throws is ignored. It must not destroy the bus.
#pragma once

#include <string_view>

#include "rulebus/clock.hpp"
#include "rulebus/fwd.hpp"

namespace rulebus::inline v1 {

enum class log_type : unsigned char {
  event_ingest_failure,                  ///< an entry was refused; the error says why
  event_receipt,                         ///< an event was accepted
  no_standard_rules_matched,             ///< and no rule matches it
  rule_match,                            ///< and this rule matches it
  invocation_start,                      ///< and goes to this target
  invocation_attempt_start,              ///< attempt n is being made
  invocation_attempt_success,            ///
  invocation_attempt_permanent_failure,  ///< the target failed it: no more attempts
  invocation_attempt_retryable_failure,  ///< the target asked for a retry, threw, dropped it or did not answer in time
  invocation_throttle_start,             ///< it waits: a queue, a rate limit or an open circuit breaker is in the way
  invocation_success,                    ///< the end: delivered
  invocation_failure,                    ///< the end: dropped; counted, and told to on_error
  invocation_dlq,                        ///< the end: given to the dead-letter target
  invocation_stopped,                    ///< the end: not delivered when the bus was stopped (not a type of the service's)
};

/// The service's name: "EVENT_RECEIPT".
constexpr std::string_view name(log_type type) noexcept {
  switch (type) {
    case log_type::event_ingest_failure: return "EVENT_INGEST_FAILURE";
    case log_type::event_receipt: return "EVENT_RECEIPT";
    case log_type::no_standard_rules_matched: return "NO_STANDARD_RULES_MATCHED";
    case log_type::rule_match: return "RULE_MATCH";
    case log_type::invocation_start: return "INVOCATION_START";
    case log_type::invocation_attempt_start: return "INVOCATION_ATTEMPT_START";
    case log_type::invocation_attempt_success: return "INVOCATION_ATTEMPT_SUCCESS";
    case log_type::invocation_attempt_permanent_failure: return "INVOCATION_ATTEMPT_PERMANENT_FAILURE";
    case log_type::invocation_attempt_retryable_failure: return "INVOCATION_ATTEMPT_RETRYABLE_FAILURE";
    case log_type::invocation_throttle_start: return "INVOCATION_THROTTLE_START";
    case log_type::invocation_success: return "INVOCATION_SUCCESS";
    case log_type::invocation_failure: return "INVOCATION_FAILURE";
    case log_type::invocation_dlq: return "INVOCATION_DLQ";
    case log_type::invocation_stopped: return "INVOCATION_STOPPED";
  }
  return "UNKNOWN";
}

/// One step. Views are valid for the call; those that do not apply are empty.
struct log_record {
  log_type type{};
  time_point time{};
  std::string_view bus_name{};
  std::string_view event_id{};
  std::string_view rule_name{};
  std::string_view target_id{};
  unsigned attempt = 0;
  const error* reason = nullptr;
};

class observer {
 public:
  observer() = default;
  observer(const observer&) = delete;
  observer& operator=(const observer&) = delete;
  virtual ~observer() = default;
  virtual void observe(const log_record& record) = 0;
};

}  // namespace rulebus::inline v1
