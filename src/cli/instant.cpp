#include "instant.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

namespace rulebus::cli {
namespace {

/// Reads a text from left to right.
class scanner {
 public:
  explicit scanner(std::string_view text) : rest_(text) {}

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly n digits, with a value up to `high`.
  bool number(std::size_t n, int high, int& out) {
    out = 0;
    if (rest_.size() < n) return false;
    for (const char c : rest_.substr(0, n)) {
      if (c < '0' || c > '9') return false;
      out = out * 10 + (c - '0');
    }
    rest_.remove_prefix(n);
    return out <= high;
  }
  /// Digits behind a point, as milliseconds; up to three of them.
  bool fraction(int& out) {
    int digit = 0, scale = 100;
    out = 0;
    while (scale != 0 && number(1, 9, digit)) out += digit * std::exchange(scale, scale / 10);
    return scale != 100;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

std::optional<time_point> parse_instant(std::string_view text) {
  using namespace std::chrono;
  scanner in(text);
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0;
  if (!in.number(4, 9999, y) || !in.take('-') || !in.number(2, 12, mo) || !in.take('-') || !in.number(2, 31, d)) return {};
  if (!in.take('T') || !in.number(2, 23, h) || !in.take(':') || !in.number(2, 59, mi) || !in.take(':') || !in.number(2, 59, s))
    return {};
  if (in.take('.') && !in.fraction(ms)) return {};
  minutes offset{0};
  if (!in.take('Z')) {
    const bool west = in.take('-');
    int hour = 0, minute = 0;
    if ((!west && !in.take('+')) || !in.number(2, 23, hour) || !in.take(':') || !in.number(2, 59, minute)) return {};
    offset = (hours(hour) + minutes(minute)) * (west ? -1 : 1);
  }
  const year_month_day date = year(y) / mo / d;
  if (!in.at_end() || !date.ok()) return {};
  return sys_days(date) + hours(h) + minutes(mi) + seconds(s) + milliseconds(ms) - offset;
}

std::string instant_text(time_point t) {
  using namespace std::chrono;
  const auto day = floor<days>(t);
  const year_month_day date(day);
  const hh_mm_ss time(t - day);
  const std::string fraction = time.subseconds().count() == 0 ? "" : fmt::format(".{:03}", time.subseconds().count());
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count(),
                     fraction);
}

std::string wall_clock_text(time_point t, const time_zone& zone) {
  using namespace std::chrono;
  static constexpr const char* weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  const seconds offset = zone.offset_at(t);
  const time_point wall = t + offset;  // as if it were UTC
  std::string text = instant_text(wall);
  text.pop_back();
  text[text.find('T')] = ' ';
  const long minutes = std::labs(static_cast<long>(offset.count())) / 60;
  return fmt::format("{} {} {}{:02}:{:02}", weekdays[weekday(floor<days>(sys_time<milliseconds>(wall))).c_encoding()], text,
                     offset.count() < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace rulebus::cli
