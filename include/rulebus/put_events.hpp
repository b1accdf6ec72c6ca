// put_events: what goes into a bus, and what it answers. EventBridge's PutEvents, as aggregates.
// Thread safety: values. Views need to live only for the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/delivery.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

class tag_filter;

/// One entry of put_events.
struct put_events_entry {
  std::string_view source{};       ///< required
  std::string_view detail_type{};  ///< required
  std::string_view detail{};       ///< required: the text of a JSON object
  std::span<const std::string_view> resources{};
  std::optional<std::int64_t> time{};  ///< seconds since 1970, of the years 0 to 9999; default: now
  /// Becomes the envelope's member `tags`, an object of strings, so that patterns can filter on it; null or empty: there is none.
  const string_map* tags = nullptr;
  /// Each target gets the events of one key in the order in which they were put, one at a time; empty: no order.
  std::string_view ordering_key{};
  /// An event with an id that was put within bus_options::deduplication_window is not put again; empty: always put.
  std::string_view deduplication_id{};
  std::string_view trace_header{};  ///< the service's TraceHeader, at most 500 bytes; handed to targets
  std::string_view traceparent{};   ///< W3C Trace Context; handed to targets
  std::string_view
      event_bus_name{};  ///< for service::put_events: name or ARN; empty: the default bus. A bus does not look at it.
};

/// What belongs to a ready event besides its text; for others the entry says it.
struct event_context {
  std::string_view ordering_key{}, trace_header{}, traceparent{};  ///< as in put_events_entry
  std::span<const std::string> via{};  ///< ARNs of the buses that it came through, the first one first
};

/// The answer for one entry: an event id, or an error with the service's text.
struct put_events_result_entry {
  std::string event_id{};  ///< empty when there is an error; of the first event when `deduplicated`
  std::optional<error> failure{};
  bool deduplicated = false;
};

struct put_events_result {
  std::vector<put_events_result_entry> entries{};  ///< in the order of the request
  std::size_t failed_entry_count = 0;
};

/// How one put is to be made.
struct put_options {
  /// Deliver only to targets whose tags match: those of the rule, and over them its own. Null: to all.
  const tag_filter* only = nullptr;
};

}  // namespace rulebus::inline v1
