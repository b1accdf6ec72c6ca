// envelope: the JSON text around `detail`, exactly as EventBridge makes it: members in its order, no white space between
// tokens, time in whole seconds of UTC, an id of UUID version 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rulebus/clock.hpp"
#include "rulebus/put_events.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

/// RFC 9562, version 4: 122 random bits from the system.
std::string make_uuid();

struct scheduled_event_fields {
  std::string_view id, source, account, region, resource;
  std::string_view detail;  ///< JSON
  time_point time{};        ///< what is not of the years 0 to 9999 is told as their first or last second
};
/// What a schedule sends: detail-type "Scheduled Event".
std::string make_scheduled_event(const scheduled_event_fields& fields);

/// In bytes, by the formula of the API page of PutEvents.
std::size_t entry_size(const put_events_entry& entry);

struct envelope_fields {
  std::string_view id, account, region;
  std::int64_t seconds = 0;  ///< for entries without a time
};
/// Errors: errc::invalid_argument and errc::malformed_detail with the service's texts, errc::limit_exceeded. That strings are
/// UTF-8 is for the reader of the envelope to find out.
result<std::string> make_envelope(const put_events_entry& entry, const envelope_fields& fields, std::size_t max_depth);

}  // namespace rulebus::inline v1::detail
