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
// The first attempt is made in the caller's thread before put_events returns (dispatch::caller), or by the executor's
// (dispatch::executor); everything later - retries, what waits in queues, timeouts - by the executor's. Every event that was
// accepted ends, for every target of every rule that it matches, in exactly one of: delivered, dead-lettered, dropped (which
// is counted and told to on_error), or reported by stop.
// Order: within one event, rules in the order in which their patterns were put, targets by id. Between events:
// delivery_options::max_in_flight and put_events_entry::ordering_key.
// Thread safety: every function may be called from any thread, also from within a target. Each event sees one version of
// rules and targets: what a target changes is true for the next event, and what it puts to targets in the caller's thread
// is delivered before its put returns. No lock is held while code of the user runs.
// Lifetime: the bus must outlive calls into it, so a target must not destroy its bus. Deliveries may outlive the bus; their
// answers are then dropped. What waits for a target that was removed or replaced still goes to it.
#pragma once

#include <chrono>
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

#include "rulebus/bus_options.hpp"
#include "rulebus/dead_letter.hpp"
#include "rulebus/event.hpp"
#include "rulebus/export.hpp"
#include "rulebus/metrics.hpp"
#include "rulebus/put_events.hpp"
#include "rulebus/result.hpp"
#include "rulebus/rule.hpp"
#include "rulebus/transaction.hpp"

namespace rulebus::inline v1 {

/// What was not delivered when the bus was stopped.
struct undelivered_event {
  rulebus::event event;
  std::string rule_name, target_id;
  unsigned attempts = 0;  ///< made
  error reason{};         ///< of the last attempt, or errc::stopped
};

class bus {
 public:
  RULEBUS_API explicit bus(std::string name, bus_options options = {});
  RULEBUS_API ~bus();  ///< as stop; what is left is told to on_error
  bus(const bus&) = delete;
  bus& operator=(const bus&) = delete;

  RULEBUS_API const std::string& name() const noexcept;
  RULEBUS_API std::string arn() const;                                 ///< arn:aws:events:<region>:<account>:event-bus/<name>
  RULEBUS_API std::string rule_arn(std::string_view rule_name) const;  ///< …:rule/[<bus>/]<name>; no bus for "default"

  // ---- rules. Names not found are errc::not_found, with the service's text.

  /// Creates the rule, or replaces all its fields but its tags and keeps its targets. Errors: errc::invalid_argument (name,
  /// tags), errc::limit_exceeded, those of pattern::parse.
  RULEBUS_API result<void> put_rule(rule r);
  /// No error when it is not there. Error: errc::invalid_argument when it still has targets.
  RULEBUS_API result<void> delete_rule(std::string_view rule_name);
  RULEBUS_API result<void> enable_rule(std::string_view rule_name);
  RULEBUS_API result<void> disable_rule(std::string_view rule_name);
  RULEBUS_API result<rule> describe_rule(std::string_view rule_name) const;
  RULEBUS_API std::vector<rule> list_rules(std::string_view name_prefix = {}) const;  ///< by name
  /// A page of them; error: errc::invalid_argument (limit, a token that this bus did not give).
  RULEBUS_API result<rule_page> list_rules(const list_request& request) const;

  // ---- targets

  /// Adds targets to the rule, or replaces those of the same ids: all, or none with an error. Errors: errc::not_found,
  /// errc::invalid_argument, errc::limit_exceeded.
  RULEBUS_API result<void> put_targets(std::string_view rule_name, std::vector<rule_target> targets);
  RULEBUS_API result<void> put_target(std::string_view rule_name, rule_target t);
  /// All, or none with an error. Error: errc::not_found.
  RULEBUS_API result<void> remove_targets(std::string_view rule_name, std::span<const std::string> target_ids);
  RULEBUS_API result<void> remove_target(std::string_view rule_name, std::string_view target_id);
  RULEBUS_API result<std::vector<rule_target>> list_targets_by_rule(std::string_view rule_name) const;  ///< by id
  RULEBUS_API result<target_page> list_targets_by_rule(std::string_view rule_name, const list_request& request) const;
  /// Rules that have a target of that ARN, by name.
  RULEBUS_API result<name_page> list_rule_names_by_target(std::string_view target_arn, const list_request& request = {}) const;

  /// Makes all changes of a transaction as one, or none. The error's message begins with the number of the one that failed.
  RULEBUS_API result<void> commit(const transaction& changes);
  /// The same for several buses: all changes of all, or none. Each bus by itself changes at once, one after the other.
  RULEBUS_API static result<void> commit_all(std::span<const bus_changes> changes, commit_place* where = nullptr,
                                             commit_mode mode = commit_mode::apply);

  // ---- tags: of the bus itself (no rule), of a rule, or of a target of a rule

  RULEBUS_API result<void> tag(const resource& of, const string_map& tags);
  RULEBUS_API result<void> untag(const resource& of, std::span<const std::string> keys);  ///< keys not there are no error
  RULEBUS_API result<string_map> list_tags(const resource& of) const;
  /// Rules whose tags match, by name. Cost: of the rules that carry a tag which the filter asks for.
  RULEBUS_API std::vector<std::string> find_rules(const tag_filter& filter) const;
  /// Makes the change for all rules whose tags match, as one; how many there were.
  RULEBUS_API result<std::size_t> enable_rules(const tag_filter& filter);
  RULEBUS_API result<std::size_t> disable_rules(const tag_filter& filter);
  RULEBUS_API result<std::size_t> remove_rules(const tag_filter& filter);  ///< with their targets

  // ---- events

  /// Puts events: each entry becomes an envelope and goes to the targets of all rules that match. Answers per entry:
  /// errc::invalid_argument, errc::malformed_detail (with the place in `detail`), and those of event::parse; what targets
  /// make of it is no error here. Error of the whole, nothing put: errc::limit_exceeded when the entries together are over
  /// limits, or nested deeper than max_nesting; errc::stopped.
  RULEBUS_API result<put_events_result> put_events(std::span<const put_events_entry> entries, const put_options& how = {});
  RULEBUS_API result<put_events_result> put_events(std::initializer_list<put_events_entry> entries, const put_options& how = {});
  /// One entry; the event's id.
  RULEBUS_API result<std::string> put_event(const put_events_entry& entry, const put_options& how = {});
  /// A ready envelope, or any other JSON object, delivered as it is. Errors: those of event::parse, max_nesting, errc::stopped.
  RULEBUS_API result<void> put_event_json(std::string json, const put_options& how = {});
  /// The same for an event that comes from elsewhere, such as another bus, with what belongs to it. Shares its text.
  RULEBUS_API result<void> forward(const event& e, const event_context& context = {}, const put_options& how = {});

  // ---- delivery

  /// Returns when everything put before has ended. Error: errc::timed_out at the deadline (real time), or when only moving
  /// a manual clock could bring an end. With a manual executor the calling thread does the work. Not from within a target.
  RULEBUS_API result<void> flush(std::optional<std::chrono::milliseconds> deadline = {});
  /// Does what is due, in the calling thread: at most `max` deliveries, for about `deadline`; how many it made.
  RULEBUS_API std::size_t pump(std::size_t max = SIZE_MAX, std::optional<std::chrono::milliseconds> deadline = {});
  /// When the next retry, timeout or other wait is over: zero or less when something is due; empty when nothing waits.
  RULEBUS_API std::optional<std::chrono::nanoseconds> next_due() const;

  /// Takes no more events, and reports what was not delivered. Deliveries that were given out are among it, and their
  /// answers are dropped from now on. Calling it again reports nothing.
  RULEBUS_API std::vector<undelivered_event> stop();
  /// Takes no more events, delivers what it can until the deadline, and reports the rest.
  RULEBUS_API std::vector<undelivered_event> drain_and_stop(std::chrono::milliseconds deadline);
  /// Puts a dead letter back to the target that it was meant for. No error: it is under way, and ends like any other event
  /// for that target. Errors: errc::not_found (no such rule or target any more), errc::invalid_argument (not a dead letter of
  /// this bus), errc::stopped.
  RULEBUS_API result<void> redrive(const dead_letter& letter);
  RULEBUS_API result<void> redrive(const delivery& letter);  ///< as its dead-letter target got it

  // ---- seeing what happens

  RULEBUS_API bus_metrics metrics() const;
  RULEBUS_API result<rule_metrics> metrics(std::string_view rule_name) const;
  RULEBUS_API result<delivery_metrics> metrics(std::string_view rule_name, std::string_view target_id) const;
  RULEBUS_API rule_metrics metrics(const tag_filter& filter) const;  ///< sums over the rules whose tags match

 private:
  friend class service;
  /// No more changes, all of which are errc::not_found from now on. Error: errc::invalid_argument when it has rules.
  result<void> retire();

  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace rulebus::inline v1
