// service: many buses by name, with what EventBridge's control plane does to them: create, describe, tag, delete; and the
// operations on rules, targets and events with the bus named in each call.
//
//   rulebus::service events;
//   events.create_event_bus({.name = "orders", .tags = {{"team", "shop"}}}).value();
//   events.put_rule({.name = "big", .event_pattern = R"({"detail": {"total": [{"numeric": [">", 100]}]}})"}, "orders").value();
//   events.put_events({{.source = "shop", .detail_type = "Order", .detail = "{}", .event_bus_name = "orders"}}).value();
//
// The bus `default` is always there. Wherever a bus is named, its name or its ARN will do, and an empty text is the default
// bus. Buses share the options, the clock, the executor, the observer and on_error.
// Thread safety: every function may be called from any thread, also from within a target and on_error. No lock is held while
// code of the user runs. What the bus itself can do besides: event_bus(name).
// Lifetime: must outlive calls into it, so a target must not destroy its service. A bus that was deleted lives until the last
// who holds it lets go, then as ~bus.
// Cost: an operation by name is one look-up more than that of the bus.
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

#include "rulebus/bus.hpp"
#include "rulebus/export.hpp"
#include "rulebus/tags.hpp"

namespace rulebus::inline v1 {

struct service_options {
  /// Of every bus. Without an executor, the buses share one pool of `threads` threads, which are started when first needed.
  bus_options buses{};
  /// As bus_options::on_error, and says which bus it was. (Where buses.on_error is given, it is called as well.)
  std::function<void(std::string_view event_bus_name, const delivery_failure&)> on_error{};
};

/// What create_event_bus takes.
struct event_bus_settings {
  std::string name{};                     ///< 1 to 256 of [/.-_A-Za-z0-9]
  std::string description{};              ///< at most 512 characters
  std::shared_ptr<target> dead_letter{};  ///< bus_options::dead_letter
  std::string dead_letter_arn{};          ///< a name of it for other programs: DeadLetterConfig; at most 1600 characters
  string_map tags{};
};

/// What update_event_bus changes: the members that are there.
struct event_bus_update {
  std::string name{};
  std::optional<std::string> description{};
  std::optional<std::shared_ptr<target>> dead_letter{};
  std::optional<std::string> dead_letter_arn{};
};

/// What describe_event_bus and list_event_buses tell.
struct event_bus_description {
  std::string name{};
  std::string arn{};
  std::string description{};
  std::shared_ptr<target> dead_letter{};
  std::string dead_letter_arn{};
  std::string policy{};  ///< JSON text; empty when there is none
  time_point creation_time{};
  time_point last_modified_time{};  ///< of update_event_bus, and of permissions
};
struct event_bus_page {
  std::vector<event_bus_description> event_buses{};
  std::string next_token{};  ///< empty: the last page
};

/// A rule as the service's operations tell it.
struct rule_description {
  rulebus::rule rule{};
  std::string arn{};
  std::string event_bus_name{};
  std::string created_by{};  ///< the account; of describe_rule only
};
struct rule_description_page {
  std::vector<rule_description> rules{};
  std::string next_token{};
};

/// PutPermission: either the first three, or the policy, which replaces all that was there. Kept and told again, not enforced:
/// whoever can call this library is trusted.
struct permission {
  std::string action = "events:PutEvents";
  std::string principal{};     ///< 12 digits, or *
  std::string statement_id{};  ///< 1 to 64 of [-_A-Za-z0-9]; putting the same again replaces it
  std::string condition{};     ///< JSON object for the statement's Condition; empty: none
  std::string policy{};        ///< JSON object with "Statement"; with what was there at most 10,240 characters
};

/// An event that was not delivered when its bus was stopped.
struct undelivered_of_bus {
  std::string event_bus_name{};
  undelivered_event what;
};

class service {
 public:
  RULEBUS_API explicit service(service_options options = {});
  RULEBUS_API ~service();  ///< ~bus of all
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  RULEBUS_API const service_options& options() const noexcept;  ///< as given, with the clock and the executor that it has
  RULEBUS_API const std::string& account() const noexcept;
  RULEBUS_API const std::string& region() const noexcept;

  // ---- buses. A bus not found is errc::not_found, "Event bus <name> does not exist."

  /// The bus's ARN. Errors: errc::already_exists, errc::invalid_argument, errc::limit_exceeded.
  RULEBUS_API result<std::string> create_event_bus(event_bus_settings settings);
  RULEBUS_API result<event_bus_description> describe_event_bus(std::string_view name = {}) const;
  RULEBUS_API std::vector<event_bus_description> list_event_buses() const;  ///< by name
  RULEBUS_API result<event_bus_page> list_event_buses(const list_request& request) const;
  RULEBUS_API result<void> update_event_bus(event_bus_update update);
  /// No error when it is not there. Error: errc::invalid_argument (the default bus; a bus that has rules). What still waits
  /// there for targets that were removed is told to on_error.
  RULEBUS_API result<void> delete_event_bus(std::string_view name);
  RULEBUS_API result<std::shared_ptr<bus>> event_bus(std::string_view name = {}) const;
  /// The same for who asks often and takes no for an answer: null when there is none.
  RULEBUS_API std::shared_ptr<bus> find_event_bus(std::string_view name = {}) const;

  RULEBUS_API result<void> put_permission(const permission& p, std::string_view event_bus_name = {});
  /// Error: errc::not_found, also for a statement that is not there.
  RULEBUS_API result<void> remove_permission(std::string_view statement_id, std::string_view event_bus_name = {});
  RULEBUS_API result<void> remove_all_permissions(std::string_view event_bus_name = {});

  // ---- events

  /// As bus::put_events, each entry to the bus of its event_bus_name. As at the service, an entry for a bus that does not
  /// exist succeeds and goes nowhere. Error of the whole, besides: errc::invalid_argument (no possible name of a bus).
  RULEBUS_API result<put_events_result> put_events(std::span<const put_events_entry> entries, const put_options& how = {});
  RULEBUS_API result<put_events_result> put_events(std::initializer_list<put_events_entry> entries, const put_options& how = {});
  RULEBUS_API result<std::string> put_event(const put_events_entry& entry, const put_options& how = {});
  /// As bus::put_event_json. Error, besides: errc::not_found.
  RULEBUS_API result<void> put_event_json(std::string json, std::string_view event_bus_name = {}, const put_options& how = {});
  RULEBUS_API std::uint64_t events_to_nowhere() const;  ///< entries so far for buses that did not exist

  // ---- rules and targets, as those of bus. A bus not found is an error in each.

  RULEBUS_API result<std::string> put_rule(rule r, std::string_view event_bus_name = {});  ///< the rule's ARN
  RULEBUS_API result<void> delete_rule(std::string_view rule_name, std::string_view event_bus_name = {});
  RULEBUS_API result<void> enable_rule(std::string_view rule_name, std::string_view event_bus_name = {});
  RULEBUS_API result<void> disable_rule(std::string_view rule_name, std::string_view event_bus_name = {});
  RULEBUS_API result<rule_description> describe_rule(std::string_view rule_name, std::string_view event_bus_name = {}) const;
  RULEBUS_API result<rule_description_page> list_rules(const list_request& request = {},
                                                       std::string_view event_bus_name = {}) const;
  RULEBUS_API result<void> put_targets(std::string_view rule_name, std::vector<rule_target> targets,
                                       std::string_view event_bus_name = {});
  RULEBUS_API result<void> put_target(std::string_view rule_name, rule_target t, std::string_view event_bus_name = {});
  RULEBUS_API result<void> remove_targets(std::string_view rule_name, std::span<const std::string> target_ids,
                                          std::string_view event_bus_name = {});
  RULEBUS_API result<target_page> list_targets_by_rule(std::string_view rule_name, const list_request& request = {},
                                                       std::string_view event_bus_name = {}) const;
  RULEBUS_API result<name_page> list_rule_names_by_target(std::string_view target_arn, const list_request& request = {},
                                                          std::string_view event_bus_name = {}) const;

  // ---- tags, by the ARN of a bus, a rule, or a target (arn.hpp). Errors: errc::invalid_argument (no such name; the limits of
  // check_tags), errc::not_found, errc::limit_exceeded.

  RULEBUS_API result<void> tag_resource(std::string_view resource_arn, const string_map& tags);
  RULEBUS_API result<void> untag_resource(std::string_view resource_arn, std::span<const std::string> keys);
  RULEBUS_API result<string_map> list_tags_for_resource(std::string_view resource_arn) const;
  /// The ARNs of all buses, rules and targets whose tags match, in order.
  RULEBUS_API std::vector<std::string> find_resources(const tag_filter& filter) const;

  // ---- delivery, over all buses

  /// Returns when everything put before has ended on every bus, and what targets put on other buses on the way. As bus::flush.
  RULEBUS_API result<void> flush(std::optional<std::chrono::milliseconds> deadline = {});
  RULEBUS_API std::size_t pump(std::size_t max = SIZE_MAX, std::optional<std::chrono::milliseconds> deadline = {});
  RULEBUS_API std::optional<std::chrono::nanoseconds> next_due() const;
  /// Every bus takes no more events. What was not delivered, by bus.
  RULEBUS_API std::vector<undelivered_of_bus> stop();
  /// Delivers what it can until the deadline, while targets may still put events, and then stops.
  RULEBUS_API std::vector<undelivered_of_bus> drain_and_stop(std::chrono::milliseconds deadline);

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace rulebus::inline v1
