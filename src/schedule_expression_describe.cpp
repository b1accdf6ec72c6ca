// Schedule expressions as text: canonical, and in English.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "rulebus/detail/schedule_expression_text.hpp"
#include "rulebus/schedule_expression.hpp"

namespace rulebus::inline v1 {
namespace detail {
namespace schedule_expression_describe_source {

/// The values of a set of bits, ascending; bit 0 is `zero`.
template <class Bits>
std::vector<int> values_of(Bits bits, int low, int high) {
  std::vector<int> out;
  for (int v = low; v <= high; ++v) {
    if ((std::uint64_t{bits} >> v & 1U) != 0) out.push_back(v);
  }
  return out;
}
std::vector<int> years_of(const cron_fields& f) {
  std::vector<int> out;
  for (int y = first_cron_year; y <= last_cron_year; ++y) {
    const auto bit = static_cast<unsigned>(y - first_cron_year);
    if ((f.years[bit / 64] >> bit % 64 & 1U) != 0) out.push_back(y);
  }
  return out;
}

/// The distance of values that are evenly spaced, at least three of them; otherwise 0.
int even_step(const std::vector<int>& v) {
  if (v.size() < 3) return 0;
  for (std::size_t i = 2; i < v.size(); ++i) {
    if (v[i] - v[i - 1] != v[1] - v[0]) return 0;
  }
  return v[1] - v[0];
}

/// Neighbours as pairs of first and last.
std::vector<std::pair<int, int>> runs_of(const std::vector<int>& v) {
  std::vector<std::pair<int, int>> out;
  for (const int x : v) {
    if (!out.empty() && out.back().second + 1 == x) {
      out.back().second = x;
    } else {
      out.emplace_back(x, x);
    }
  }
  return out;
}

// ---- canonical

template <class Name>
std::string list_text(const std::vector<int>& v, Name name) {
  std::string out;
  for (const auto& [first, last] : runs_of(v)) {
    if (!out.empty()) out += ',';
    out += name(first);
    if (last != first) out += (last == first + 1 ? "," : "-") + name(last);
  }
  return out;
}

/// *, 0/15, 10-50/20, or a list of values and ranges.
std::string number_field(const std::vector<int>& v, int low, int high) {
  if (low + static_cast<int>(v.size()) > high) return "*";
  if (const int step = even_step(v); step > 1) {
    return v.back() + step > high ? fmt::format("{}/{}", v.front(), step) : fmt::format("{}-{}/{}", v.front(), v.back(), step);
  }
  return list_text(v, [](int x) { return std::to_string(x); });
}

std::string weekday_text(int d) { return std::string(weekday_names[d]); }
std::string month_text(int m) { return std::string(month_names[m]); }

std::string day_field(const cron_fields& f) {
  switch (f.rule) {
    case day_rule::days: return number_field(values_of(f.days, 1, 31), 1, 31);
    case day_rule::last_day: return "L";
    case day_rule::last_weekday: return "LW";
    case day_rule::nearest_weekday: return fmt::format("{}W", f.n);
    default: return "?";
  }
}
std::string weekday_field(const cron_fields& f) {
  switch (f.rule) {
    case day_rule::weekdays: return list_text(values_of(f.weekdays, 0, 6), weekday_text);
    case day_rule::last_of_weekday: return weekday_text(f.weekday) + "L";
    case day_rule::nth_of_weekday: return fmt::format("{}#{}", weekday_text(f.weekday), f.n);
    default: return "?";
  }
}
std::string month_field(const cron_fields& f) {
  return f.months == 0x1ffe ? "*" : list_text(values_of(f.months, 1, 12), month_text);
}

// ---- in English

/// a, b and c
std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) out += i + 1 == parts.size() ? " and " : ", ";
    out += parts[i];
  }
  return out;
}

/// Values and, where three or more are neighbours, ranges: "1, 5 to 8 and 20".
template <class Name>
std::string enumerated(const std::vector<int>& v, Name name) {
  std::vector<std::string> parts;
  for (const auto& [first, last] : runs_of(v)) {
    if (last - first >= 2) {
      parts.push_back(name(first) + " to " + name(last));
    } else {
      for (int x = first; x <= last; ++x) parts.push_back(name(x));
    }
  }
  return joined(parts);
}

std::string english(int n) { return std::to_string(n); }
std::string weekday_english(int d) {
  static constexpr const char* names[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
  return names[d];
}
std::string month_english(int m) {
  static constexpr const char* names[] = {"",     "January", "February",  "March",   "April",    "May",     "June",
                                          "July", "August",  "September", "October", "November", "December"};
  return names[m];
}
std::string ordinal(int n) {
  static constexpr const char* endings[] = {"th", "st", "nd", "rd"};
  return fmt::format("{}{}", n, n % 10 <= 3 && n / 10 != 1 ? endings[n % 10] : "th");
}
std::string clock(int hour, int minute) { return fmt::format("{:02}:{:02}", hour, minute); }

/// "every 15 minutes"; nothing when the minutes are not the same distance apart through the whole hour and into the next.
std::string evenly(const std::vector<int>& minutes) {
  if (minutes.size() == 60) return "every minute";
  const auto n = static_cast<int>(minutes.size());
  if (n < 2 || minutes.front() != 0 || 60 % n != 0) return {};
  for (int i = 0; i < n; ++i) {
    if (minutes[static_cast<std::size_t>(i)] != i * (60 / n)) return {};
  }
  return fmt::format("every {} minutes", 60 / n);
}

/// "from 08:00 to 17:55", for each run of hours; "at" where it is one instant.
std::string spans(const std::vector<int>& hours, const std::vector<int>& minutes) {
  std::vector<std::string> parts;
  for (const auto& [first, last] : runs_of(hours)) {
    const std::string from = clock(first, minutes.front()), to = clock(last, minutes.back());
    parts.push_back(from == to ? "at " + from : fmt::format("from {} to {}", from, to));
  }
  return joined(parts);
}

/// "every 2 hours from 00:15", where hours are the same distance apart through the whole day and into the next.
std::string hourly(const std::vector<int>& hours, int minute) {
  const int step = even_step(hours);
  if (step > 1 && hours.back() + step == hours.front() + 24) {
    return fmt::format("every {} hours from {}", step, clock(hours.front(), minute));
  }
  return "every hour " + spans(hours, {minute});
}

std::string time_english(const cron_fields& f) {
  const std::vector<int> minutes = values_of(f.minutes, 0, 59), hours = values_of(f.hours, 0, 23);
  if (minutes.size() * hours.size() <= 6) {
    std::vector<std::string> times;
    for (const int h : hours) {
      for (const int m : minutes) times.push_back(clock(h, m));
    }
    return "at " + joined(times);
  }
  const bool all_day = hours.size() == 24;
  std::string even = evenly(minutes);
  if (minutes.size() == 1 && all_day) {
    return minutes[0] == 0 ? "every hour" : fmt::format("at {} minute{} past every hour", minutes[0], minutes[0] == 1 ? "" : "s");
  }
  if (minutes.size() == 1) return hourly(hours, minutes[0]);
  if (!even.empty() && all_day) return even;
  if (!even.empty() && runs_of(hours).size() <= 3) return even + ' ' + spans(hours, minutes);
  const std::string when = even.empty() ? fmt::format("at the minutes {}", enumerated(minutes, english)) : even;
  return fmt::format("{} of {}", when, all_day ? "every hour" : "the hours " + enumerated(hours, english));
}

std::string day_english(const cron_fields& f) {
  static constexpr const char* nth[] = {"", "first", "second", "third", "fourth", "fifth"};
  const bool every_month = f.months == 0x1ffe;
  const std::string months = every_month ? "every month" : enumerated(values_of(f.months, 1, 12), month_english);
  const std::string in_months = every_month ? "" : " in " + months;
  switch (f.rule) {
    case day_rule::days: break;
    case day_rule::weekdays:
      return fmt::format("every {}{}", enumerated(values_of(f.weekdays, 0, 6), weekday_english), in_months);
    case day_rule::last_day: return "on the last day of " + months;
    case day_rule::last_weekday: return "on the last weekday of " + months;
    case day_rule::nearest_weekday: return fmt::format("on the weekday nearest to the {} of {}", ordinal(f.n), months);
    case day_rule::last_of_weekday: return fmt::format("on the last {} of {}", weekday_english(f.weekday), months);
    case day_rule::nth_of_weekday: return fmt::format("on the {} {} of {}", nth[f.n], weekday_english(f.weekday), months);
  }
  const std::vector<int> days = values_of(f.days, 1, 31);
  if (days.size() == 31) return "every day" + in_months;
  return fmt::format("on the {} of {}", enumerated(days, ordinal), months);
}

/// Empty when every year is meant.
std::string year_english(const cron_fields& f) {
  const std::vector<int> years = years_of(f);
  const int first = years.front(), last = years.back();
  const bool to_the_end = last == last_cron_year;
  if (runs_of(years).size() == 1 && years.size() > 2) {
    if (to_the_end) return first == first_cron_year ? "" : fmt::format(" from {} on", first);
    return first == first_cron_year ? fmt::format(" until {}", last) : fmt::format(" from {} to {}", first, last);
  }
  if (const int step = even_step(years); step > 1) {
    const std::string end = last + step > last_cron_year ? " on" : fmt::format(" to {}", last);
    return fmt::format(", every {} years from {}{}", step, first, end);
  }
  return " in " + enumerated(years, english);
}

std::string rate_text(std::int64_t period, std::string_view one) {
  static constexpr struct {
    const char* name;
    std::int64_t seconds;
  } units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}};
  for (const auto& unit : units) {
    if (period % unit.seconds != 0) continue;
    const std::int64_t n = period / unit.seconds;
    return n == 1 ? fmt::format("{}{}", one, unit.name) : fmt::format("{} {}s", n, unit.name);
  }
  return {};  // periods are whole minutes
}

std::string date_and_time(std::int64_t local, char between) {
  using namespace std::chrono;
  const local_seconds at{seconds(local)};
  const year_month_day date(floor<days>(at));
  const hh_mm_ss time(at - floor<days>(at));
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), between, time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

}  // namespace schedule_expression_describe_source

std::string dump_cron(const cron_fields& f) {
  using namespace schedule_expression_describe_source;
  return fmt::format("cron({} {} {} {} {} {})", number_field(values_of(f.minutes, 0, 59), 0, 59),
                     number_field(values_of(f.hours, 0, 23), 0, 23), day_field(f), month_field(f), weekday_field(f),
                     number_field(years_of(f), first_cron_year, last_cron_year));
}

std::string describe_cron(const cron_fields& f) {
  using namespace schedule_expression_describe_source;
  const std::string time = time_english(f), day = day_english(f);
  constexpr std::string_view every_day = "every day";
  const bool all_day = f.hours == 0xffffff;
  if (all_day && day.starts_with(every_day)) return time + day.substr(every_day.size()) + year_english(f);
  const bool twice_every = time.starts_with("every") && day.starts_with("every");
  return time + (twice_every ? ", " : " ") + day + year_english(f);
}

}  // namespace detail

std::string schedule_expression::dump() const {
  using namespace detail::schedule_expression_describe_source;
  if (const auto* f = std::get_if<detail::cron_fields>(&value_)) return detail::dump_cron(*f);
  if (const rate* r = std::get_if<rate>(&value_)) return fmt::format("rate({})", rate_text(r->period, "1 "));
  return fmt::format("at({})", date_and_time(std::get_if<at>(&value_)->local, 'T'));
}

std::string schedule_expression::describe() const {
  using namespace detail::schedule_expression_describe_source;
  if (const rate* r = std::get_if<rate>(&value_)) return "every " + rate_text(r->period, "");
  std::string out;
  if (const auto* f = std::get_if<detail::cron_fields>(&value_)) {
    out = detail::describe_cron(*f);
  } else {
    out = "once, at " + date_and_time(std::get_if<at>(&value_)->local, ' ');
  }
  if (!next_after(time_point::min())) out += " (which never comes)";
  return out + ", " + std::string(zone_->name());
}

}  // namespace rulebus::inline v1
