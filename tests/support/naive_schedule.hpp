// The twin of schedule_expression: the grammar as regular expressions, fields as sets, and a walk from minute to minute along
// the wall clock. Slow and obvious; shares no code with the library. It has no rate and no at beyond their grammar.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "naive_condition.hpp"
#include "wall_clock.hpp"

namespace naive {

struct schedule {
  std::set<int> minutes{}, hours{}, days{}, months{}, weekdays{}, years{};
  std::string day{}, weekday{};  // as written
};

inline int month_length(int year, int month) {
  static constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : lengths[month - 1];
}

/// Values 1, 2, 3 … of the names, or a number; throws what is out of range.
inline int schedule_value(const std::string& text, int low, int high, const std::string& names) {
  const auto name = names.find(text);
  const bool named = text.size() == 3 && name != std::string::npos && name % 3 == 0;
  if (!named && (text.empty() || text.find_first_not_of("0123456789") != std::string::npos)) throw rejected("value " + text);
  const int v = named ? static_cast<int>(name / 3) + 1 : static_cast<int>(std::strtol(text.c_str(), nullptr, 10));
  if (v < low || v > high) throw rejected("range " + text);
  return v;
}

inline std::set<int> schedule_list(const std::string& text, int low, int high, int max_step, bool wraps,
                                   const std::string& names = "") {
  std::set<int> out;
  static const std::regex item(R"((\*|([0-9A-Z]+)(-([0-9A-Z]+))?)(/([0-9]+))?)");
  std::string rest = text + ",";
  while (!rest.empty()) {
    const std::string one = rest.substr(0, rest.find(','));
    rest.erase(0, one.size() + 1);
    std::smatch m;
    if (!std::regex_match(one, m, item)) throw rejected("item " + one);
    const bool star = m[1] == "*", ranged = m[3].matched, stepped = m[5].matched;
    const int step = stepped ? static_cast<int>(std::strtol(m[6].str().c_str(), nullptr, 10)) : 1;
    if (step < 1 || step > max_step) throw rejected("step " + one);
    int v = star ? low : schedule_value(m[2], low, high, names);
    const int last = ranged ? schedule_value(m[4], low, high, names) : star || stepped ? high : v;
    if (v > last && !wraps) throw rejected("order " + one);
    for (int gone = 0, span = v <= last ? last - v : last - v + high - low + 1; gone <= span; gone += step) {
      out.insert(v);
      for (int i = 0; i < step; ++i) v = v == high ? low : v + 1;
    }
  }
  return out;
}

inline schedule parse_cron(const std::string& text, bool scheduler) {
  static const std::regex whole(R"(cron\(([^ ()]+) +([^ ()]+) +([^ ()]+) +([^ ()]+) +([^ ()]+)( +([^ ()]+))?\))");
  static const std::regex day_alone(R"(\?|L|LW|0*([1-9]|[12][0-9]|3[01])W)");
  static const std::regex weekday_alone(R"(\?|L|(0*[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#0*[1-5]))");
  std::smatch m;
  if (!std::regex_match(text, m, whole)) throw rejected("shape");
  if (!m[7].matched && !scheduler) throw rejected("a rule has six fields");
  schedule s;
  s.day = m[3], s.weekday = m[5];
  if ((s.day == "?") == (s.weekday == "?")) throw rejected("one ?");
  s.minutes = schedule_list(m[1], 0, 59, 59, true);
  s.hours = schedule_list(m[2], 0, 23, 23, true);
  if (!std::regex_match(s.day, day_alone)) s.days = schedule_list(s.day, 1, 31, 31, true);
  s.months = schedule_list(m[4], 1, 12, 12, true, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC");
  if (!std::regex_match(s.weekday, weekday_alone)) s.weekdays = schedule_list(s.weekday, 1, 7, 7, true, "SUNMONTUEWEDTHUFRISAT");
  s.years = schedule_list(m[7].matched ? m[7].str() : "*", 1970, 2199, 230, false);
  return s;
}

/// Throws rejected when the text is no schedule expression.
inline void check_schedule(const std::string& text, bool scheduler) {
  static const std::regex rate(R"(rate\(0*([1-9][0-9]{0,8}) +((minute|hour|day)(s?))\))");
  static const std::regex at(R"(at\(([0-9]{4})-([0-9]{2})-([0-9]{2})T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\))");
  std::smatch m;
  if (text.starts_with("cron(")) {
    parse_cron(text, scheduler);
  } else if (std::regex_match(text, m, rate)) {
    if (!scheduler && (m[1] == "1") != (m[4] == "")) throw rejected("number");
  } else if (scheduler && std::regex_match(text, m, at)) {
    const int year = std::stoi(m[1]), month = std::stoi(m[2]), day = std::stoi(m[3]);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_length(year, month)) throw rejected("date");
  } else {
    throw rejected("no schedule");
  }
}

inline bool is_weekend(int weekday) { return weekday == 0 || weekday == 6; }

/// Does the expression fire when the wall clock shows this?
inline bool fires(const schedule& s, const std::tm& wall) {
  const int year = wall.tm_year + 1900, month = wall.tm_mon + 1, day = wall.tm_mday, length = month_length(year, month);
  if (!s.minutes.count(wall.tm_min) || !s.hours.count(wall.tm_hour) || !s.months.count(month) || !s.years.count(year))
    return false;
  const auto weekday_of = [&](int d) { return (wall.tm_wday + 35 + d - day) % 7; };
  if (s.weekday == "?") {
    if (s.day == "L") return day == length;
    if (s.day == "LW") {
      for (int d = length;; --d)
        if (!is_weekend(weekday_of(d))) return d == day;
    }
    if (s.day.back() == 'W') {
      const int wanted = std::stoi(s.day);
      if (wanted > length) return false;
      int nearest = 0;
      for (int d = 1; d <= length; ++d)
        if (!is_weekend(weekday_of(d)) && (nearest == 0 || std::abs(d - wanted) < std::abs(nearest - wanted))) nearest = d;
      return day == nearest;
    }
    return s.days.count(day) != 0;
  }
  if (s.weekday == "L") return wall.tm_wday == 6;
  if (!s.weekdays.empty()) return s.weekdays.count(wall.tm_wday + 1) != 0;
  const auto mark = s.weekday.find_first_of("L#");
  const std::string name = s.weekday.substr(0, mark);
  if (schedule_value(name, 1, 7, "SUNMONTUEWEDTHUFRISAT") != wall.tm_wday + 1) return false;
  if (s.weekday[mark] == 'L') return day + 7 > length;
  return (day - 1) / 7 + 1 == std::stoi(s.weekday.substr(mark + 1));
}

/// No zone has put its clocks back by more than this since 1970 (test_time_zone.cpp looks): Vostok did in 1994.
inline constexpr std::int64_t furthest_back = 7 * 3600;

/// All fires in (after, until], at most `limit`. A minute counts when the wall clock reaches it for the first time.
inline std::vector<std::int64_t> walk(const schedule& s, const tests::wall_clock& clock, std::int64_t after, std::int64_t until,
                                      std::size_t limit) {
  std::vector<std::int64_t> out;
  std::int64_t shown = INT64_MIN;
  for (std::int64_t t = after - furthest_back; t <= until && out.size() < limit;) {
    const std::tm wall = clock.at(t);
    const std::int64_t local = t + wall.tm_gmtoff;
    if (wall.tm_sec == 0 && local > shown && t > after && fires(s, wall)) out.push_back(t);
    if (local > shown) shown = local;
    t += 60 - wall.tm_sec;
  }
  return out;
}

}  // namespace naive
