// arn: resource names, as the service prints them, parsed and printed.
//
//   auto name = rulebus::arn::parse("arn:aws:events:eu-central-1:111122223333:rule/orders/big").value();
//   auto what = rulebus::resource_name::parse(name).value();   // a rule: what.event_bus_name "orders", what.rule_name "big"
//   what.arn("eu-central-1", "111122223333").text();           // the same text again
//
//   arn:<partition>:<service>:<region>:<account>:<resource>
//
//   event-bus/<bus>                                  an event bus
//   rule/<rule>             rule/<bus>/<rule>        a rule of the default bus, of another bus
//   target/<rule>/<id>      target/<bus>/<rule>/<id> a target of it (the service has no names for targets; this form is ours)
//   archive/<name>  replay/<name>  connection/<name>[/<uuid>]  api-destination/<name>[/<uuid>]
//   schedule/<group>/<name>  schedule-group/<name>   of the service `scheduler`; all others are of `events`
//
// Names of buses may have slashes in them, those of rules and targets may not: so the last steps are the rule and the target.
// Thread safety: values. Source: the "Resource types" tables of the service authorization reference.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

/// The six parts of any resource name.
struct arn {
  static constexpr std::size_t max_bytes = 1600;  ///< of the whole text

  std::string partition = "aws";
  std::string service{};
  std::string region{};    ///< may be empty
  std::string account{};   ///< 12 digits, or empty
  std::string resource{};  ///< what comes after the fifth colon, colons and all

  /// Error: errc::invalid_argument, with what is wrong, and where in the text.
  RULEBUS_API static result<arn> parse(std::string_view text);
  RULEBUS_API std::string text() const;
  friend bool operator==(const arn&, const arn&) = default;
};

enum class resource_type : std::uint8_t {
  event_bus,
  rule,
  target,
  archive,
  replay,
  connection,
  api_destination,
  schedule,
  schedule_group,
};

/// The service's word: "event-bus".
RULEBUS_API std::string_view name(resource_type type) noexcept;

/// What a name of EventBridge stands for. Members that the type does not have are empty.
struct resource_name {
  resource_type type = resource_type::event_bus;
  std::string event_bus_name{};  ///< of a bus, a rule, a target
  std::string rule_name{};       ///< of a rule, a target
  std::string name{};            ///< of everything else; of a target its id
  std::string group_name{};      ///< of a schedule
  std::string unique_id{};       ///< of a connection, an API destination: what the service put behind the name; may be empty

  /// Error: errc::invalid_argument (another service, an unknown type, a name that such a thing cannot have).
  RULEBUS_API static result<resource_name> parse(const rulebus::arn& from);
  RULEBUS_API static result<resource_name> parse(std::string_view arn_text);
  RULEBUS_API rulebus::arn arn(std::string_view region, std::string_view account) const;
  friend bool operator==(const resource_name&, const resource_name&) = default;
};

/// The name of a bus from its name or its ARN, as operations take either; "default" for an empty text. The ARN's account and
/// region must be these. Errors: errc::invalid_argument (neither), errc::not_found (an ARN of another account or region).
RULEBUS_API result<std::string> event_bus_name_of(std::string_view name_or_arn, std::string_view region,
                                                  std::string_view account);

}  // namespace rulebus::inline v1
