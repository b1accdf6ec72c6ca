// instant: points in time as text (RFC 3339), on the command line and in output.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rulebus/time_zone.hpp"

namespace rulebus::cli {

/// "2026-11-28T02:00:00Z", with up to three digits of a second's fraction and with an offset (+02:00) instead of Z. Nothing
/// when the text is no such thing, or has no such day.
std::optional<time_point> parse_instant(std::string_view text);

/// "2026-11-28T02:00:00Z", in UTC; milliseconds only where they are not 0.
std::string instant_text(time_point t);

/// "Sat 2026-11-28 04:00:00 +02:00": what the wall clock of the zone shows.
std::string wall_clock_text(time_point t, const time_zone& zone);

}  // namespace rulebus::cli
