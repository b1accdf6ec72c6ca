// delivery_options: how the deliveries to one target are made: by whom, how many at once, how often again.
// Thread safety: values. Numbers out of range are refused where the options are given (bus::put_targets).
#pragma once

#include <chrono>
#include <cstddef>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

/// EventBridge's RetryPolicy, with its ranges and defaults; whichever limit comes first ends the retries.
struct retry_policy {
  unsigned maximum_retry_attempts = 185;                  ///< 0 to 185, after the first attempt
  std::chrono::seconds maximum_event_age{86400};          ///< 60 to 86,400, since the event was put
  std::chrono::milliseconds backoff_base{1000};           ///< the n-th retry waits a random time, from 0 to
  std::chrono::milliseconds backoff_cap{15 * 60 * 1000};  ///< min(cap, base * 2^(n-1)): "full jitter" [1]
  friend bool operator==(const retry_policy&, const retry_policy&) = default;
};
// [1] Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.

/// Which thread makes the first attempt.
enum class dispatch {
  caller,    ///< the one that puts the event, before its put returns, if it need not wait; but with a rate, a breaker or
             ///< batches the executor's
  executor,  ///< always one of the executor's: a slow target never holds back who puts
};

/// What becomes of an event for a target whose queue is full.
enum class overflow {
  block,        ///< who puts it waits for room. Within a target, where waiting could be for oneself: as `reject`.
  reject,       ///< it is dead-lettered, or counted as dropped
  drop_oldest,  ///< of those that wait, retries included, the one that came first is dead-lettered, or counted as dropped
};

/// A token bucket. One delivery, or one batch, takes one token.
struct rate_limit {
  double per_second = 0;  ///< 0: no limit
  double burst = 1;       ///< at least 1
  friend bool operator==(const rate_limit&, const rate_limit&) = default;
};

/// After `failures` retryable failures in a row the target is left alone for `open_for`; then one delivery tries (half-open),
/// and its success opens the way for all.
struct circuit_breaker {
  unsigned failures = 0;  ///< 0: no breaker
  std::chrono::milliseconds open_for{30000};
  friend bool operator==(const circuit_breaker&, const circuit_breaker&) = default;
};

/// Up to `size` deliveries in one call of target::deliver_batch.
struct batching {
  std::size_t size = 1;
  std::chrono::milliseconds window{0};  ///< how long the first waits for more; 0: takes what is there
  friend bool operator==(const batching&, const batching&) = default;
};

struct delivery_options {
  rulebus::dispatch dispatch = rulebus::dispatch::caller;
  retry_policy retry{};
  std::chrono::milliseconds timeout{60000};  ///< for an answer; then it counts as a retry, and late answers as nothing. 0: none
  std::size_t queue_capacity = 100'000;      ///< events that wait, retries included
  overflow when_full = overflow::reject;
  /// Deliveries without an answer at any one time. With 1 the order of events is kept: one that is to be retried holds back
  /// the next. Otherwise only events with an ordering key are kept in order, and each key holds back none but its own.
  std::size_t max_in_flight = 64;
  rate_limit rate{};
  circuit_breaker breaker{};
  batching batch{};
  friend bool operator==(const delivery_options&, const delivery_options&) = default;
};

/// Error: errc::invalid_argument, with the member and its range.
RULEBUS_API result<void> check(const delivery_options& options);

}  // namespace rulebus::inline v1
