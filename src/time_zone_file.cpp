#include "rulebus/detail/time_zone_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>

namespace rulebus::inline v1::detail {
namespace time_zone_file_source {

constexpr std::int64_t day_seconds = 86400;
constexpr std::int64_t before_all = std::numeric_limits<std::int64_t>::min();

error not_a_zone_file(const char* why) {
  return {.code = errc::invalid_argument, .message = std::string("not a time zone file: ") + why};
}

// ---- the footer: std offset [dst [offset] , start [/time] , end [/time]]   (POSIX.1-2017, 8.3, "TZ"; RFC 9636, 3.3.1)

/// A day of a year, and the wall clock time at which the offset changes then.
struct rule_date {
  enum class kind { julian_without_leap_day, day_of_year, weekday } form = kind::weekday;
  int day = 0;  ///< Jn: 1 to 365; n: 0 to 365; Mm.w.d: d, 0 is Sunday
  int week = 0, month = 0;
  std::int64_t time = 7200;

  /// Seconds from the epoch to that wall clock time.
  std::int64_t in_year(int year) const {
    using namespace std::chrono;
    const std::chrono::year y(year);
    if (form != kind::weekday) {
      const int leap = form == kind::julian_without_leap_day && y.is_leap() && day >= 60 ? 1 : 0;
      const int from_first = form == kind::julian_without_leap_day ? day - 1 + leap : day;
      return (sys_days(y / January / 1) + days(from_first)).time_since_epoch().count() * day_seconds + time;
    }
    const std::chrono::month m(static_cast<unsigned>(month));
    const std::chrono::weekday d(static_cast<unsigned>(day));
    const sys_days at = week == 5 ? sys_days(y / m / d[last]) : sys_days(y / m / d[static_cast<unsigned>(week)]);
    return at.time_since_epoch().count() * day_seconds + time;
  }
};

struct footer_rule {
  std::int64_t standard = 0;  ///< offsets
  std::optional<std::int64_t> summer{};
  rule_date start{}, end{};
};

/// Reads a footer from left to right; each function is false when it is not there.
class footer_reader {
 public:
  explicit footer_reader(std::string_view text) : rest_(text) {}

  std::optional<footer_rule> read() {
    footer_rule rule;
    std::int64_t west = 0;
    if (!name() || !time(west, 24)) return {};
    rule.standard = -west;
    if (rest_.empty()) return rule;
    if (!name()) return {};
    rule.summer = rule.standard + 3600;
    if (!next_is(',')) {
      if (!time(west, 24)) return {};
      rule.summer = -west;
    }
    if (!take(',') || !date(rule.start) || !take(',') || !date(rule.end) || !rest_.empty()) return {};
    return rule;
  }

 private:
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool name() {
    const bool quoted = take('<');
    const std::size_t end =
        quoted ? rest_.find('>') : rest_.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    if (quoted && end == std::string_view::npos) return false;
    const std::size_t length = std::min(end, rest_.size());
    rest_.remove_prefix(length + (quoted ? 1 : 0));
    return length >= 3;
  }

  bool number(int low, int high, int& out) {
    std::size_t digits = 0;
    out = 0;
    while (digits < rest_.size() && digits < 4 && rest_[digits] >= '0' && rest_[digits] <= '9')
      out = out * 10 + (rest_[digits++] - '0');
    rest_.remove_prefix(digits);
    return digits != 0 && out >= low && out <= high;
  }

  /// [+-]hh[:mm[:ss]]
  bool time(std::int64_t& out, int max_hours) {
    const bool negative = take('-');
    if (!negative) take('+');
    int hours = 0, minutes = 0, seconds = 0;
    if (!number(0, max_hours, hours)) return false;
    if (take(':') && (!number(0, 59, minutes) || (take(':') && !number(0, 59, seconds)))) return false;
    out = (negative ? -1 : 1) * ((std::int64_t{hours} * 60 + minutes) * 60 + seconds);
    return true;
  }

  bool date(rule_date& out) {
    if (take('M')) {
      out.form = rule_date::kind::weekday;
      if (!number(1, 12, out.month) || !take('.') || !number(1, 5, out.week) || !take('.') || !number(0, 6, out.day))
        return false;
    } else if (take('J')) {
      out.form = rule_date::kind::julian_without_leap_day;
      if (!number(1, 365, out.day)) return false;
    } else {
      out.form = rule_date::kind::day_of_year;
      if (!number(0, 365, out.day)) return false;
    }
    return !take('/') || time(out.time, 167);
  }

  std::string_view rest_;
};

// ---- the file

/// Big-endian numbers of a block of bytes.
class byte_reader {
 public:
  explicit byte_reader(std::string_view bytes) : bytes_(bytes) {}

  std::size_t left() const { return bytes_.size(); }
  std::string_view take(std::size_t n) {
    const std::string_view out = bytes_.substr(0, n);
    bytes_.remove_prefix(std::min(n, bytes_.size()));
    return out;
  }
  static std::int64_t number(std::string_view bytes) {
    std::uint64_t out = (static_cast<unsigned char>(bytes.front()) & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
    for (const char c : bytes) out = out << 8 | static_cast<unsigned char>(c);
    return static_cast<std::int64_t>(out);
  }

 private:
  std::string_view bytes_;
};

struct header {
  char version = 0;
  std::size_t isut = 0, isstd = 0, leap = 0, times = 0, types = 0, chars = 0;

  /// Bytes of the data block that follows, where a time has so many.
  std::size_t block_bytes(std::size_t time_bytes) const {
    return times * time_bytes + times + types * 6 + chars + leap * (time_bytes + 4) + isstd + isut;
  }
};

std::optional<header> read_header(byte_reader& in) {
  if (in.left() < 44) return {};
  if (in.take(4) != "TZif") return {};
  header h;
  h.version = in.take(1).front();
  in.take(15);
  for (std::size_t* field : {&h.isut, &h.isstd, &h.leap, &h.times, &h.types, &h.chars}) {
    const std::int64_t n = byte_reader::number(in.take(4));
    if (n < 0 || n > 1'000'000) return {};
    *field = static_cast<std::size_t>(n);
  }
  return h;
}

/// Appends a change, unless it changes nothing; one at the same instant is replaced.
void append(std::vector<zone_change>& changes, zone_change c) {
  if (!changes.empty() && changes.back().instant == c.instant) changes.pop_back();
  if (changes.empty() || changes.back().offset != c.offset) changes.push_back(c);
}

/// The data block. False when its parts do not fit together.
bool read_block(byte_reader& in, const header& h, std::size_t time_bytes, std::vector<zone_change>& out) {
  const std::string_view times = in.take(h.times * time_bytes), indexes = in.take(h.times), types = in.take(h.types * 6);
  in.take(h.chars + h.leap * (time_bytes + 4) + h.isstd + h.isut);
  const auto offset_of = [&](std::size_t type) { return byte_reader::number(types.substr(type * 6, 4)); };
  append(out, {before_all, offset_of(0)});  // RFC 9636, 3.2: before the first change type 0 is in force
  for (std::size_t i = 0; i < h.times; ++i) {
    const auto type = static_cast<std::size_t>(static_cast<unsigned char>(indexes[i]));
    const std::int64_t instant = byte_reader::number(times.substr(i * time_bytes, time_bytes));
    if (type >= h.types || (i != 0 && instant <= byte_reader::number(times.substr((i - 1) * time_bytes, time_bytes))))
      return false;
    append(out, {instant, offset_of(type)});
  }
  return std::all_of(out.begin(), out.end(), [](const zone_change& c) { return c.offset > -100'000 && c.offset < 100'000; });
}

/// Behind the last change the footer is in force.
void extend(std::vector<zone_change>& changes, const footer_rule& rule, std::int64_t last) {
  if (!rule.summer) return append(changes, {std::max(last, changes.back().instant), rule.standard});
  std::vector<zone_change> made;
  for (int year = first_rule_year; year <= last_rule_year; ++year) {
    made.push_back({rule.end.in_year(year) - *rule.summer, rule.standard});
    made.push_back({rule.start.in_year(year) - rule.standard, *rule.summer});
  }
  // Where summer time ends at the instant at which it starts again, it never ends: of such two the start is what counts.
  std::stable_sort(made.begin(), made.end(), [](const zone_change& a, const zone_change& b) { return a.instant < b.instant; });
  for (const zone_change& c : made) {
    if (c.instant > last) append(changes, c);
  }
}

}  // namespace time_zone_file_source

result<std::vector<zone_change>> read_zone_file(std::string_view bytes) {
  using namespace time_zone_file_source;
  byte_reader in(bytes);
  auto head = read_header(in);
  if (!head) return not_a_zone_file("it does not begin with a TZif header");
  std::size_t time_bytes = 4;
  if (head->version >= '2') {  // everything again behind it, with times of 64 bits
    in.take(head->block_bytes(4));
    head = read_header(in);
    time_bytes = 8;
    if (!head) return not_a_zone_file("it has no second TZif header");
  }
  if (in.left() < head->block_bytes(time_bytes)) return not_a_zone_file("it is cut off");
  if (head->types == 0) return not_a_zone_file("it has no offsets");
  if (head->leap != 0) return not_a_zone_file("its times count leap seconds, and Unix time does not");
  std::vector<zone_change> changes;
  const std::string_view from_here = bytes.substr(bytes.size() - in.left());
  const std::int64_t last =
      head->times == 0 ? before_all : byte_reader::number(from_here.substr((head->times - 1) * time_bytes, time_bytes));
  if (!read_block(in, *head, time_bytes, changes)) return not_a_zone_file("its times do not ascend, or have no offset");
  if (time_bytes == 4) return changes;
  const std::string_view footer = in.take(in.left());
  const std::size_t end = footer.size() < 2 || footer.front() != '\n' ? std::string_view::npos : footer.find('\n', 1);
  if (end == std::string_view::npos) return not_a_zone_file("it has no footer");
  if (end == 1) return changes;  // an empty footer: nothing is known of later
  const auto rule = footer_reader(footer.substr(1, end - 1)).read();
  if (!rule) return not_a_zone_file("its footer is not a POSIX TZ string");
  extend(changes, *rule, last);
  return changes;
}

}  // namespace rulebus::inline v1::detail
