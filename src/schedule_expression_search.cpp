#include <algorithm>
#include <bit>
#include <chrono>

#include "rulebus/detail/schedule_expression_fields.hpp"

namespace rulebus::inline v1::detail {
namespace schedule_expression_search_source {

constexpr std::int64_t day_minutes = 1440;

/// Bits from i on, and bits up to i; i below the number of bits.
template <class Bits>
constexpr Bits from_bit(Bits bits, unsigned i) {
  return static_cast<Bits>(bits & (static_cast<Bits>(~Bits{0}) << i));
}
template <class Bits>
constexpr Bits up_to_bit(Bits bits, unsigned i) {
  return static_cast<Bits>(bits & static_cast<Bits>((Bits{2} << i) - 1));
}
template <class Bits>
unsigned lowest(Bits bits) {
  return static_cast<unsigned>(std::countr_zero(bits));
}
template <class Bits>
unsigned highest(Bits bits) {
  return static_cast<unsigned>(std::bit_width(bits)) - 1;
}

constexpr std::int64_t day_number(int year, unsigned month, unsigned day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)).time_since_epoch().count();
}

unsigned days_in(int year, unsigned month) {
  constexpr std::uint8_t lengths[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && std::chrono::year(year).is_leap() ? 29 : lengths[month];
}

/// The Monday to Friday nearest to `day` in a month of `length` days whose day 1 is the weekday `first`.
unsigned nearest_weekday(unsigned day, unsigned length, unsigned first) {
  const unsigned weekday = (first + day - 1) % 7;
  if (weekday == 6) return day == 1 ? 3 : day - 1;             // Saturday
  if (weekday == 0) return day == length ? day - 2 : day + 1;  // Sunday
  return day;
}

/// The minutes of one day: the first from `from` on, the last up to `from`; -1 when there is none.
int first_of_day(const cron_fields& f, int from) {
  const unsigned hour = static_cast<unsigned>(from) / 60, minute = static_cast<unsigned>(from) % 60;
  if ((f.hours >> hour & 1U) != 0) {
    if (const std::uint64_t left = from_bit(f.minutes, minute); left != 0) return static_cast<int>(hour * 60 + lowest(left));
  }
  const std::uint32_t later = from_bit(f.hours, hour + 1);
  return later == 0 ? -1 : static_cast<int>(lowest(later) * 60 + lowest(f.minutes));
}
int last_of_day(const cron_fields& f, int from) {
  const unsigned hour = static_cast<unsigned>(from) / 60, minute = static_cast<unsigned>(from) % 60;
  if ((f.hours >> hour & 1U) != 0) {
    if (const std::uint64_t left = up_to_bit(f.minutes, minute); left != 0) return static_cast<int>(hour * 60 + highest(left));
  }
  const std::uint32_t earlier = hour == 0 ? 0 : up_to_bit(f.hours, hour - 1);
  return earlier == 0 ? -1 : static_cast<int>(highest(earlier) * 60 + highest(f.minutes));
}

/// The first year of the set from `year` on, the last up to it; 0 when there is none.
int first_year(const cron_fields& f, int year) {
  const auto i = static_cast<unsigned>(std::max(year, first_cron_year) - first_cron_year);
  for (unsigned word = i / 64; word < f.years.size(); ++word) {
    const std::uint64_t left = word == i / 64 ? from_bit(f.years[word], i % 64) : f.years[word];
    if (left != 0) return first_cron_year + static_cast<int>(word * 64 + lowest(left));
  }
  return 0;
}
int last_year(const cron_fields& f, int year) {
  if (year < first_cron_year) return 0;
  const auto i = static_cast<unsigned>(std::min(year, last_cron_year) - first_cron_year);
  for (unsigned word = i / 64 + 1; word-- != 0;) {
    const std::uint64_t left = word == i / 64 ? up_to_bit(f.years[word], i % 64) : f.years[word];
    if (left != 0) return first_cron_year + static_cast<int>(word * 64 + highest(left));
  }
  return 0;
}

/// A wall clock minute in its parts.
struct parts {
  int year = 0;
  unsigned month = 0, day = 0;
  int minute = 0;  ///< of the day
};

parts parts_of(std::int64_t minutes) {
  using namespace std::chrono;
  const std::int64_t day = minutes >= 0 ? minutes / day_minutes : (minutes - day_minutes + 1) / day_minutes;
  const year_month_day date{sys_days(std::chrono::days(day))};
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
          static_cast<int>(minutes - day * day_minutes)};
}

/// First and last minute that any expression can have; what lies outside is brought to the edge, or has no answer.
constexpr std::int64_t earliest = 0;
constexpr std::int64_t latest = day_number(last_cron_year + 1, 1, 1) * day_minutes - 1;

}  // namespace schedule_expression_search_source

std::uint32_t days_of_month(const cron_fields& f, int year, unsigned month) noexcept {
  using namespace schedule_expression_search_source;
  const unsigned length = days_in(year, month);
  const auto in_month = static_cast<std::uint32_t>((std::uint64_t{2} << length) - 2);
  if (f.rule == day_rule::days) return f.days & in_month;
  if (f.rule == day_rule::last_day) return std::uint32_t{1} << length;
  const auto first = static_cast<unsigned>((day_number(year, month, 1) + 4) % 7);  // weekday of day 1; 1970-01-01 was a Thursday
  switch (f.rule) {
    case day_rule::last_weekday: return std::uint32_t{1} << nearest_weekday(length, length, first);
    case day_rule::nearest_weekday: return f.n > length ? 0 : std::uint32_t{1} << nearest_weekday(f.n, length, first);
    case day_rule::last_of_weekday: return std::uint32_t{1} << (length - (first + length - 1 + 7 - f.weekday) % 7);
    case day_rule::nth_of_weekday:
      return static_cast<std::uint32_t>(std::uint64_t{1} << (1 + (f.weekday + 7 - first) % 7 + (f.n - 1U) * 7)) & in_month;
    default: break;
  }
  // The week as it begins on day 1, five times over.
  const std::uint64_t week = ((f.weekdays | std::uint64_t{f.weekdays} << 7) >> first) & 0x7f;
  return static_cast<std::uint32_t>((week * 0x10204081) << 1) & in_month;
}

std::int64_t first_minute(const cron_fields& f, std::int64_t from) noexcept {
  using namespace schedule_expression_search_source;
  if (from > latest) return no_minute;
  const parts p = parts_of(std::max(from, earliest));
  const auto on = [&](int year, unsigned month, unsigned day, int minute) {
    return day_number(year, month, day) * day_minutes + minute;
  };
  const int start = first_of_day(f, 0);
  int year = first_year(f, p.year);
  std::uint16_t months = f.months;
  if (year == p.year) {
    months = from_bit(f.months, p.month);
    if ((unsigned{months} >> p.month & 1U) != 0) {
      const std::uint32_t days = from_bit(days_of_month(f, year, p.month), p.day);
      if ((days >> p.day & 1U) != 0) {
        if (const int minute = first_of_day(f, p.minute); minute >= 0) return on(year, p.month, p.day, minute);
      }
      if (const std::uint32_t later = days & ~(std::uint32_t{1} << p.day); later != 0)
        return on(year, p.month, lowest(later), start);
      months = static_cast<std::uint16_t>(months & ~(1U << p.month));
    }
  }
  for (; year != 0; year = first_year(f, year + 1), months = f.months) {
    for (; months != 0; months = static_cast<std::uint16_t>(months & (months - 1U))) {
      const unsigned month = lowest(months);
      if (const std::uint32_t days = days_of_month(f, year, month); days != 0) return on(year, month, lowest(days), start);
    }
  }
  return no_minute;
}

std::int64_t last_minute(const cron_fields& f, std::int64_t from) noexcept {
  using namespace schedule_expression_search_source;
  if (from < earliest) return no_minute;
  const parts p = parts_of(std::min(from, latest));
  const auto on = [&](int year, unsigned month, unsigned day, int minute) {
    return day_number(year, month, day) * day_minutes + minute;
  };
  const int end = last_of_day(f, static_cast<int>(day_minutes) - 1);
  int year = last_year(f, p.year);
  std::uint16_t months = f.months;
  if (year == p.year) {
    months = up_to_bit(f.months, p.month);
    if ((unsigned{months} >> p.month & 1U) != 0) {
      const std::uint32_t days = up_to_bit(days_of_month(f, year, p.month), p.day);
      if ((days >> p.day & 1U) != 0) {
        if (const int minute = last_of_day(f, p.minute); minute >= 0) return on(year, p.month, p.day, minute);
      }
      if (const std::uint32_t earlier = days & ~(std::uint32_t{1} << p.day); earlier != 0) {
        return on(year, p.month, highest(earlier), end);
      }
      months = static_cast<std::uint16_t>(months & ~(1U << p.month));
    }
  }
  for (; year != 0; year = last_year(f, year - 1), months = f.months) {
    for (; months != 0; months = static_cast<std::uint16_t>(months & ~(1U << highest(months)))) {
      const unsigned month = highest(months);
      if (const std::uint32_t days = days_of_month(f, year, month); days != 0) return on(year, month, highest(days), end);
    }
  }
  return no_minute;
}

}  // namespace rulebus::inline v1::detail
