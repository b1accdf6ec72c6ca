// schedule_expression_fields: a cron expression as sets of bits, and finding the next wall clock minute that is in all of them.
// Thread safety: values. Cost: a search goes month by month, and skips the months and years that are not in the sets; a month
// is answered by a few bit operations. An expression that no day satisfies costs 230 years: some microseconds.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

inline constexpr int first_cron_year = 1970, last_cron_year = 2199;

enum class day_rule : std::uint8_t {
  days,             ///< days of the month, in `days`
  weekdays,         ///< days of the week, in `weekdays`
  last_day,         ///< L: of the month
  last_weekday,     ///< LW: the last Monday to Friday of the month
  nearest_weekday,  ///< nW: the Monday to Friday that is nearest to day `n`, in the same month; none when it has no day n
  last_of_weekday,  ///< dL: the last `weekday` of the month
  nth_of_weekday,   ///< d#n: the n-th `weekday` of the month
};

struct cron_fields {
  std::uint64_t minutes = 0;  ///< bit 0 to 59
  std::uint32_t hours = 0;    ///< bit 0 to 23
  std::uint32_t days = 0;     ///< bit 1 to 31
  std::uint16_t months = 0;   ///< bit 1 to 12
  std::uint8_t weekdays = 0;  ///< bit 0 to 6; 0 is Sunday
  day_rule rule = day_rule::days;
  std::uint8_t n = 0, weekday = 0;       ///< of the rule
  std::array<std::uint64_t, 4> years{};  ///< bit 0 is 1970

  friend bool operator==(const cron_fields&, const cron_fields&) = default;
};

/// The days of that month which the expression asks for: bits 1 to 31.
RULEBUS_API std::uint32_t days_of_month(const cron_fields& f, int year, unsigned month) noexcept;

/// Where there is no such minute.
inline constexpr std::int64_t no_minute = std::numeric_limits<std::int64_t>::min();

/// The first matching wall clock minute (in minutes since 1970-01-01T00:00 on the same clock) that is not before `from`.
RULEBUS_API std::int64_t first_minute(const cron_fields& f, std::int64_t from) noexcept;
/// The last one that is not after `from`.
RULEBUS_API std::int64_t last_minute(const cron_fields& f, std::int64_t from) noexcept;

}  // namespace rulebus::inline v1::detail
