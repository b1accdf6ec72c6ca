// time_zone_file: the compiled form of a time zone (TZif, RFC 9636): the changes in the file, and behind the last one those
// that its footer, a POSIX TZ string, makes every year.
// Howard Hinnant's date 3.0 and other readers ignore the footer: on their word there is no daylight saving time after 2037,
// and with the files that zic has made since 2020 by default ("slim") none after 2007 in New York.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

/// From this instant (seconds of Unix time) on the offset is that.
struct zone_change {
  std::int64_t instant = 0;
  std::int64_t offset = 0;
  friend bool operator==(const zone_change&, const zone_change&) = default;
};

/// Years for which changes are made out of a footer: a year beyond 2199 on both ends of what schedules need.
inline constexpr int first_rule_year = 1969, last_rule_year = 2200;

/// All changes of a zone, ascending, each to another offset than before it. The first has the instant INT64_MIN. Errors
/// (errc::invalid_argument): anything that is not such a file, leap seconds among its times ("right" files). Any bytes are fine.
RULEBUS_API result<std::vector<zone_change>> read_zone_file(std::string_view bytes);

}  // namespace rulebus::inline v1::detail
