// cloud_event_rules: what CloudEvents 1.0.2 allows as names and values of attributes, and times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rulebus/cloud_events.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

/// "CloudEvent attribute 'name' …": an error without a place.
error bad_attribute(std::string_view name, std::string_view what);

/// id, source, type and so on, for which cloud_event has a member; specversion is one of them.
bool is_core_attribute(std::string_view name);

/// The member of a core attribute that is text; null for specversion and for extensions.
std::string* core_member(cloud_event& e, std::string_view name);

/// Whether a name may be one of an extension; the error says why not.
result<void> check_extension_name(std::string_view name);

/// Does the media type declare JSON: */json or */*+json, whatever its parameters? Unset does.
bool declares_json(std::string_view media_type);
/// text/*, */xml or */*+xml, in UTF-8 as far as it says.
bool declares_text(std::string_view media_type);

/// Valid UTF-8 throughout?
bool is_utf8(std::string_view text);

/// Seconds since 1970 of an RFC 3339 time; fractions are cut off, a leap second is the next minute's first. Nothing when it is
/// none, or not within the years 0 to 9999.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

/// RFC 4648, section 4.
std::string to_base64(std::string_view bytes);
/// Nothing when it is none: a character that is none of the alphabet, padding that lacks or is too much, or bits left over.
std::optional<std::string> from_base64(std::string_view text);

/// An attribute's canonical text.
std::string attribute_text(const cloud_event::attribute& value);
/// As JSON.
void append_attribute(std::string& out, const cloud_event::attribute& value);

}  // namespace rulebus::inline v1::detail
