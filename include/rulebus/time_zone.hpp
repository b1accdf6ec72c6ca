// time_zone: an IANA time zone ("Europe/Kyiv") of the system's database: which wall clock time is it there, and when does a
// wall clock time come.
//
//   const rulebus::time_zone* kyiv = rulebus::time_zone::find("Europe/Kyiv").value();
//   kyiv->offset_at(t);                       // +2 or +3 hours
//   kyiv->first_instant(local);               // nothing when the clock skips that time
//
// The database is the one compiled by zic that systems have (package tzdata; RFC 9636): the folder in the environment
// variable TZDIR, else /usr/share/zoneinfo, /usr/lib/zoneinfo, /usr/share/lib/zoneinfo or /etc/zoneinfo. A zone is read when
// it is first asked for and kept; updates of the database are seen by the next process.
//
// Thread safety: zones are immutable; find may be called from any thread. Lifetime: a zone lives as long as the process.
// Cost: find reads one small file the first time and looks a name up after that; the questions are binary searches among
// the zone's changes, and allocate nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/clock.hpp"
#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

namespace detail {

/// A time between two changes of a zone's offset. Seconds of Unix time; those of the wall clock as if it were UTC.
struct zone_period {
  std::int64_t begin = 0;  ///< instant; the first period has no beginning: INT64_MIN
  /// What the wall clock shows in this period and did not show, or pass, before: [fresh_begin, fresh_end). Periods ascend in
  /// both; what is in no period is skipped, and what a wall clock shows again after it was put back belongs to the first.
  std::int64_t fresh_begin = 0, fresh_end = 0;
  std::int64_t offset = 0;  ///< wall clock minus UTC
};

}  // namespace detail

class time_zone {
 public:
  /// The zone of that name. Names are case-sensitive, as in the database, and have 1 to 50 characters. UTC is there without a
  /// database. Errors: errc::not_found (no such zone, with names that are near; no database), errc::invalid_argument (no name
  /// of a zone, or a file that is not one).
  RULEBUS_API static result<const time_zone*> find(std::string_view name);
  RULEBUS_API static const time_zone& utc() noexcept;

  /// "Europe/Kyiv", as it was asked for. An alias has its own name, and is equal to no other zone.
  std::string_view name() const noexcept { return name_; }

  /// Wall clock minus UTC: exact from 1970 to 2199; before that as the database has it, later as in the year 2200.
  RULEBUS_API std::chrono::seconds offset_at(time_point t) const noexcept;

  /// What the wall clock shows.
  std::chrono::local_time<std::chrono::milliseconds> to_local(time_point t) const noexcept {
    return std::chrono::local_time<std::chrono::milliseconds>((t + offset_at(t)).time_since_epoch());
  }

  /// When the wall clock shows it for the first time; nothing when it skips it. Exact up to the year 9999 under the zone's
  /// latest rule.
  RULEBUS_API std::optional<std::chrono::sys_seconds> first_instant(std::chrono::local_seconds local) const noexcept;

  // For this library.
  RULEBUS_API time_zone(std::string name, std::vector<detail::zone_period> periods);
  /// Index of the period that an instant is in.
  std::size_t period_at(std::int64_t instant) const noexcept;
  const std::vector<detail::zone_period>& periods() const noexcept { return periods_; }

 private:
  std::string name_;
  std::vector<detail::zone_period> periods_;
};

/// Version of the database, such as "2025b"; "unknown" when the database does not say. Error: errc::not_found, no database.
RULEBUS_API result<std::string> time_zone_database_version();

}  // namespace rulebus::inline v1
