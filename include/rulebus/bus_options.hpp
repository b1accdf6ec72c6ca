// bus_options: what a bus is made with. Thread safety: values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "rulebus/clock.hpp"
#include "rulebus/delivery.hpp"
#include "rulebus/delivery_options.hpp"
#include "rulebus/executor.hpp"
#include "rulebus/matcher.hpp"
#include "rulebus/observer.hpp"
#include "rulebus/transformer.hpp"

namespace rulebus::inline v1 {

/// Walls. By default there are none but the total size of a put.
struct limits {
  static constexpr std::size_t none = SIZE_MAX;
  std::size_t max_total_bytes = std::size_t{1} << 20;  ///< of the entries of one put_events call, by the service's formula
  std::size_t max_entries = none;                      ///< of one put_events call
  std::size_t max_rules = none;
  std::size_t max_targets_per_rule = none;
  std::size_t max_pattern_bytes = none;
  std::size_t max_event_buses = none;  ///< of one service
  /// The service's, with its texts: 10 entries, 300 rules, 5 targets, 2,048 characters, 100 buses.
  static constexpr limits aws() {
    return {.max_entries = 10, .max_rules = 300, .max_targets_per_rule = 5, .max_pattern_bytes = 2048, .max_event_buses = 100};
  }
};

struct bus_options {
  std::string account = "000000000000";  ///< 12 digits, for the envelope and ARNs
  std::string region = "local";          ///< likewise
  rulebus::limits limits{};
  matcher_options matching{};
  transformer_options inputs{};                    ///< of rule_target::input
  std::size_t max_nesting = 100;                   ///< of puts within targets within puts, over all buses of a thread
  std::chrono::seconds deduplication_window{300};  ///< for put_events_entry::deduplication_id
  delivery_options delivery{};                     ///< of targets that have none of their own; must be valid (check)
  std::shared_ptr<target> dead_letter{};           ///< of targets that have none of their own; null: what they give up is dropped
  std::shared_ptr<rulebus::clock> clock = system_clock();
  /// Default: a pool of its own with `threads` threads, which are started when they are first needed: a bus whose targets
  /// answer in the caller's thread and succeed never has any.
  std::shared_ptr<rulebus::executor> executor{};
  std::size_t threads = 1;
  std::uint64_t seed = 0;  ///< of the jitter of retries: the same seed and the same events give the same times. 0: any
  /// Called for each delivery that ended without success, in the thread that saw it, and never after the bus is gone: ~bus
  /// waits for calls in progress, so it must not destroy the bus. What it throws is ignored. Default: nothing.
  std::function<void(const delivery_failure&)> on_error{};
  std::shared_ptr<rulebus::observer> observer{};  ///< hears every step
};

}  // namespace rulebus::inline v1
