// bus: rules and their targets; events come in, and go to the targets of the rules that they match.
//
//   rulebus::bus bus("orders");
//   bus.put_rule({.name = "big", .event_pattern = R"({"detail": {"total": [{"numeric": [">", 100]}]}})"}).value();
//   bus.put_target("big", {.id = "print", .target = rulebus::make_target([](const rulebus::delivery& d) {
//     std::cout << d.input() << '\n';
//   })}).value();
//   bus.put_event({.source = "shop", .detail_type = "OrderPlaced", .detail = R"({"total": 250})"});
//   bus.flush().value();
//
// Events are delivered in the caller's thread, one attempt each, before put_events returns: entry by entry, rules by name,
// targets by id.
// Thread safety: every function may be called from any thread, also from within a target. Each event sees one version of
// rules and targets: what a target changes is true for the next event, and what it puts is delivered before its put
// returns. No lock is held while a target, `now` or `on_error` runs.
// Lifetime: the bus must outlive calls into it, so a target must not destroy its bus. Deliveries may outlive the bus; their
// answers are then dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/event.hpp"
#include "rulebus/export.hpp"
#include "rulebus/matcher.hpp"
#include "rulebus/result.hpp"
#include "rulebus/rule.hpp"
#include "rulebus/target.hpp"

namespace rulebus::inline v1 {

struct bus_options {
  std::string account = "000000000000";                ///< 12 digits, for the envelope
  std::string region = "local";                        ///< for the envelope
  std::size_t max_total_bytes = std::size_t{1} << 20;  ///< of the entries of one put_events call, by the service's formula
  matcher_options matching{};
  std::size_t max_nesting = 100;  ///< of puts within targets within puts, over all buses of a thread
  /// Seconds since 1970 for envelopes without a time; default: the system's clock.
  std::function<std::int64_t()> now{};
  /// Called for each delivery that did not succeed, in the thread that answered, and never after the bus is gone: ~bus waits
  /// for calls in progress, so it must not destroy the bus. What it throws is ignored. Default: nothing.
  std::function<void(const delivery_failure&)> on_error{};
};

/// One entry of put_events. Views need to live only for the call.
struct put_events_entry {
  std::string_view source{};       ///< required
  std::string_view detail_type{};  ///< required
  std::string_view detail{};       ///< required: the text of a JSON object
  std::span<const std::string_view> resources{};
  std::optional<std::int64_t> time{};  ///< seconds since 1970, of the years 0 to 9999; default: now
};

/// The answer for one entry: an event id, or an error with the service's text.
struct put_events_result_entry {
  std::string event_id{};  ///< empty when there is an error
  std::optional<error> failure{};
};

struct put_events_result {
  std::vector<put_events_result_entry> entries{};  ///< in the order of the request
  std::size_t failed_entry_count = 0;
};

class bus {
 public:
  RULEBUS_API explicit bus(std::string name, bus_options options = {});
  RULEBUS_API ~bus();
  bus(const bus&) = delete;
  bus& operator=(const bus&) = delete;

  RULEBUS_API const std::string& name() const noexcept;

  /// Creates the rule, or replaces all its fields and keeps its targets. Errors: errc::invalid_argument (name), those of
  /// pattern::parse.
  RULEBUS_API result<void> put_rule(rule r);
  /// Error: errc::not_found, errc::invalid_argument when it still has targets.
  RULEBUS_API result<void> delete_rule(std::string_view rule_name);
  RULEBUS_API result<void> enable_rule(std::string_view rule_name);
  RULEBUS_API result<void> disable_rule(std::string_view rule_name);
  RULEBUS_API result<rule> describe_rule(std::string_view rule_name) const;
  RULEBUS_API std::vector<rule> list_rules(std::string_view name_prefix = {}) const;  ///< by name

  /// Adds the target to the rule, or replaces the one of the same id. Errors: errc::not_found, errc::invalid_argument.
  RULEBUS_API result<void> put_target(std::string_view rule_name, rule_target t);
  RULEBUS_API result<void> remove_target(std::string_view rule_name, std::string_view target_id);
  RULEBUS_API result<std::vector<rule_target>> list_targets_by_rule(std::string_view rule_name) const;  ///< by id

  /// Puts events: each entry becomes an envelope and is delivered to the targets of all rules that match. Answers per
  /// entry: errc::invalid_argument, errc::malformed_detail (with the place in `detail`), and those of event::parse; what
  /// targets make of it is no error here. Error of the whole, nothing delivered: errc::limit_exceeded when the entries
  /// together are over max_total_bytes, or nested deeper than max_nesting.
  RULEBUS_API result<put_events_result> put_events(std::span<const put_events_entry> entries);
  RULEBUS_API result<put_events_result> put_events(std::initializer_list<put_events_entry> entries);
  /// One entry; the event's id.
  RULEBUS_API result<std::string> put_event(const put_events_entry& entry);
  /// A ready envelope, or any other JSON object, delivered as it is. Errors: those of event::parse, and max_nesting.
  RULEBUS_API result<void> put_event_json(std::string json);

  /// Returns when everything put before has been delivered: at once, as delivery happens in the caller's thread.
  RULEBUS_API result<void> flush();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace rulebus::inline v1
