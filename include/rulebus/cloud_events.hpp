// cloud_events: CloudEvents 1.0 as values, read from and written to text, and mapped to and from EventBridge's envelope.
//
//   auto ce =
//   rulebus::parse_cloud_event(R"({"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","data":{"total":250}})");
//   auto e = rulebus::to_envelope(*ce).value();        // e.detail_type == "order.placed", e.detail == {"total":250}
//   bus.put_event_json(e.json());
//   auto back = rulebus::to_cloud_event(e).value();    // == *ce
//
// Structured mode (application/cloudevents+json), batches (application/cloudevents-batch+json) and binary mode (attributes in
// HTTP headers that begin with ce-). What goes where, attribute by attribute, is in docs/cloud_events.md. Sources: CloudEvents
// 1.0.2, its JSON event format and its HTTP protocol binding.
// Thread safety: values and pure functions. Cost: linear in the text.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

/// What data is, which decides how it is written.
enum class cloud_data : std::uint8_t {
  none,    ///< there is none
  json,    ///< JSON text; datacontenttype declares JSON, or is unset
  text,    ///< UTF-8 text; datacontenttype declares something else
  binary,  ///< any bytes
};

struct cloud_event {
  using attribute = std::variant<std::string, bool, std::int32_t>;

  std::string id{};      ///< required
  std::string source{};  ///< required: a URI reference (RFC 3986)
  std::string type{};    ///< required
  // Optional; empty: unset.
  std::string subject{};
  std::string time{};             ///< RFC 3339
  std::string datacontenttype{};  ///< a media type; unset means JSON where data is JSON
  std::string dataschema{};       ///< a URI
  /// By name: lower-case letters and digits.
  std::map<std::string, attribute, std::less<>> extensions{};
  cloud_data kind = cloud_data::none;
  std::string data{};  ///< JSON is read without the white space between its tokens

  friend bool operator==(const cloud_event&, const cloud_event&) = default;
};

// Errors of all functions that read: errc::invalid_json (with the place), errc::invalid_event (JSON or headers, but no
// CloudEvent), errc::unsupported (another version or format), errc::limit_exceeded (nested deeper than 1,000). Of those that
// write: errc::invalid_event, where an attribute has no value that it may have.

/// Is it what the specification allows? All functions that read and write check it.
RULEBUS_API result<void> check_cloud_event(const cloud_event& e);

/// Structured mode: one JSON object.
RULEBUS_API result<cloud_event> parse_cloud_event(std::string_view json);
RULEBUS_API result<std::string> structured_json(const cloud_event& e);

/// A batch: a JSON array of them. All or nothing; an error says which event.
RULEBUS_API result<std::vector<cloud_event>> parse_cloud_events(std::string_view json);
RULEBUS_API result<std::string> batch_json(std::span<const cloud_event> events);

/// The parts of an HTTP message that matter here. Names of headers are compared without case.
struct cloud_message {
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
};

/// Binary mode: attributes in headers, data as the body. Extensions come as strings, since headers have no types. A body that
/// is not declared as JSON is text for text/* and XML in UTF-8, otherwise binary; an empty body is no data.
RULEBUS_API result<cloud_event> parse_binary_message(const cloud_message& message);
RULEBUS_API result<cloud_message> binary_message(const cloud_event& e);

/// Any mode, as the Content-Type header says.
RULEBUS_API result<std::vector<cloud_event>> parse_message(const cloud_message& message);

/// EventBridge's envelope.
struct envelope {
  std::string id{}, detail_type{}, source{}, account{};
  std::string time{};  ///< 2026-11-23T08:00:00Z
  std::string region{};
  std::vector<std::string> resources{};
  std::string detail{};  ///< the text of a JSON object
  /// The text of a JSON object with what a CloudEvent has and an envelope has not; the member `cloudevents`, behind `detail`.
  /// Empty: the envelope has no such member.
  std::string cloud_events{};

  /// Compact, in the service's order of members: version, id, detail-type, source, account, time, region, resources, detail.
  /// `detail` and `cloud_events` must be JSON.
  RULEBUS_API std::string json() const;

  /// Reads the members above from the text of an event; other members do not matter, absent ones read as empty, JSON is read
  /// without the white space between its tokens. Errors: errc::invalid_json, errc::invalid_event (not an object, or one of the
  /// members is of another type), errc::limit_exceeded.
  RULEBUS_API static result<envelope> parse(std::string_view event_json);

  friend bool operator==(const envelope&, const envelope&) = default;
};

/// What the two sides do not tell each other.
struct cloud_event_options {
  std::string account = "000000000000";  ///< of envelopes whose CloudEvent has no `account`; not written to CloudEvents
  std::string region = "local";          ///< the same for `region`
  std::function<std::int64_t()> now{};   ///< seconds since 1970, for envelopes whose CloudEvent has no time; default: the clock
};

/// to_cloud_event(to_envelope(e)) == e for every valid e whose attributes account and region are not those of the options.
/// Errors: those of check_cloud_event; errc::invalid_event for a time outside the years 0 to 9999.
RULEBUS_API result<envelope> to_envelope(const cloud_event& e, const cloud_event_options& options = {});

/// to_envelope(to_cloud_event(e)) == e for every envelope that can be a CloudEvent. Errors: errc::invalid_event where it cannot:
/// its source must be a URI reference, its id, source and detail-type not empty, its texts without control characters.
RULEBUS_API result<cloud_event> to_cloud_event(const envelope& e, const cloud_event_options& options = {});

}  // namespace rulebus::inline v1
