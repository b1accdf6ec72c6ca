// Schedule expressions: their text (cron's fields are read in schedule_expression_cron.cpp), and their instants.
#include "rulebus/schedule_expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/schedule_expression_text.hpp"

namespace rulebus::inline v1 {
namespace detail::schedule_expression_source {

/// Instants are looked for between these (in milliseconds, 36 million years); sums of them and of periods cannot overflow.
constexpr std::int64_t horizon = std::int64_t{1} << 60;

std::int64_t count(time_point t) { return std::clamp(t.time_since_epoch().count(), -horizon, horizon); }

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return a / b + (a % b > 0 ? 1 : 0); }

std::optional<time_point> at_second(std::int64_t instant) { return time_point(std::chrono::seconds(instant)); }

/// Index of the first period, from `i` on, whose end lies behind a wall clock time.
std::size_t period_of(const std::vector<zone_period>& periods, std::size_t i, std::int64_t local) {
  if (periods[i].fresh_end > local) return i;  // nearly always
  const auto from = periods.begin() + static_cast<std::ptrdiff_t>(i);
  const auto found = std::partition_point(from, periods.end(), [&](const zone_period& p) { return p.fresh_end <= local; });
  return static_cast<std::size_t>(found - periods.begin());
}

std::optional<time_point> next_cron(const cron_fields& f, const time_zone& zone, std::int64_t t) {
  const std::vector<zone_period>& periods = zone.periods();
  const std::int64_t second = floor_divide(t, 1000);
  std::size_t i = zone.period_at(second);
  std::int64_t from = floor_divide(second + periods[i].offset, 60) + 1;
  for (;;) {
    const std::int64_t minute = first_minute(f, from);
    if (minute == no_minute) return {};
    const std::int64_t local = minute * 60;
    i = period_of(periods, i, local);
    if (local >= periods[i].fresh_begin) return at_second(local - periods[i].offset);
    from = ceil_divide(periods[i].fresh_begin, 60);  // the clock skips that minute, or shows it again
  }
}

std::optional<time_point> previous_cron(const cron_fields& f, const time_zone& zone, std::int64_t t) {
  const std::vector<zone_period>& periods = zone.periods();
  const std::int64_t second = ceil_divide(t, 1000) - 1;
  const std::size_t last = zone.period_at(second);
  const auto before = [&](std::size_t i) { return floor_divide(periods[i - 1].fresh_end - 1, 60); };
  std::int64_t from = floor_divide(second + periods[last].offset, 60);
  if (from * 60 < periods[last].fresh_begin) from = before(last);
  for (;;) {
    const std::int64_t minute = last_minute(f, from);
    if (minute == no_minute) return {};
    const std::int64_t local = minute * 60;
    const std::size_t i = local >= periods[last].fresh_begin ? last : period_of(periods, 0, local);
    if (local >= periods[i].fresh_begin) return at_second(local - periods[i].offset);
    from = before(i);
  }
}

/// Digits of a text from a place on.
std::size_t digits_at(std::string_view text, std::size_t from) {
  std::size_t n = 0;
  while (from + n < text.size() && text[from + n] >= '0' && text[from + n] <= '9') ++n;
  return n;
}

error bad(std::string_view text, std::size_t offset, std::string message) {
  return error_at(errc::invalid_schedule, std::move(message), text, offset);
}

/// Where the text that begins with `keyword` has its closing parenthesis, or what is wrong with that.
result<std::size_t> closing(std::string_view text, std::string_view keyword) {
  const std::size_t end = text.find(')', keyword.size());
  if (end == std::string_view::npos) return bad(text, text.size(), "There is no closing parenthesis");
  if (end + 1 != text.size()) return bad(text, end + 1, "Nothing may follow the closing parenthesis");
  return end;
}

result<std::int64_t> parse_rate(std::string_view text, std::size_t end, dialect d) {
  struct unit {
    std::string_view one, many;
    std::int64_t seconds;
  };
  static constexpr unit units[] = {{"minute", "minutes", 60}, {"hour", "hours", 3600}, {"day", "days", 86400}};
  constexpr std::size_t begin = 5;  // behind rate(
  const std::size_t digits = digits_at(text, begin);
  if (digits == 0) return bad(text, begin, "A rate is a number, a blank and minutes, hours or days, as in rate(5 minutes)");
  std::int64_t number = 0;
  for (const char c : text.substr(begin, digits)) number = std::min<std::int64_t>(number * 10 + (c - '0'), 10'000'000'000);
  if (number == 0 || number > 999'999'999) return bad(text, begin, "The number of a rate is 1 to 999999999");
  std::size_t word = begin + digits;
  if (text[word] != ' ') return bad(text, word, "Behind the number of a rate come a blank and minutes, hours or days");
  while (text[word] == ' ') ++word;
  const std::string_view name = text.substr(word, end - word);
  for (const unit& u : units) {
    if (name != u.one && name != u.many) continue;
    const std::string_view right = number == 1 ? u.one : u.many;
    if (d == dialect::rule && name != right) {
      return bad(text, word, fmt::format("The rate of a rule agrees in number: {} {}, not {}", number, right, name));
    }
    return number * u.seconds;
  }
  return bad(text, word, "The unit of a rate is minutes, hours or days (minute, hour or day for 1), in lower case");
}

/// yyyy-mm-ddThh:mm:ss as seconds of the wall clock.
result<std::int64_t> parse_at(std::string_view text, std::size_t end) {
  using namespace std::chrono;
  constexpr std::size_t begin = 3;  // behind at(
  static constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
  const std::string_view inner = text.substr(begin, end - begin);
  for (std::size_t i = 0; i < std::max(shape.size(), inner.size()); ++i) {
    const bool digit = i < inner.size() && inner[i] >= '0' && inner[i] <= '9';
    if (i < shape.size() && i < inner.size() && (shape[i] == 'd' ? digit : shape[i] == inner[i])) continue;
    if (i == shape.size()) {
      return bad(text, begin + i, "Nothing follows the seconds: the time zone is given beside the expression, not in it");
    }
    return bad(text, begin + i, "at takes a date and a time like at(2026-12-31T23:59:59)");
  }
  const auto number = [&](std::size_t from, std::size_t n) {
    int out = 0;
    for (const char c : inner.substr(from, n)) out = out * 10 + (c - '0');
    return out;
  };
  const year_month_day date(year(number(0, 4)), month(static_cast<unsigned>(number(5, 2))),
                            day(static_cast<unsigned>(number(8, 2))));
  const int h = number(11, 2), m = number(14, 2), s = number(17, 2);
  if (number(0, 4) == 0) return bad(text, begin, "There is no year 0000");
  if (!date.month().ok()) return bad(text, begin + 5, "A month is 01 to 12");
  if (!date.ok()) return bad(text, begin + 8, fmt::format("There is no such day: {}", inner.substr(0, 10)));
  if (h > 23) return bad(text, begin + 11, "An hour is 00 to 23");
  if (m > 59) return bad(text, begin + 14, "A minute is 00 to 59");
  if (s > 59) return bad(text, begin + 17, "A second is 00 to 59");
  return (local_days(date) + hours(h) + minutes(m) + seconds(s)).time_since_epoch().count();
}

}  // namespace detail::schedule_expression_source

namespace schedule_source = detail::schedule_expression_source;

result<schedule_expression::value> schedule_expression::parse_text(std::string_view text, rulebus::dialect d,
                                                                   const time_zone& zone) {
  for (const std::string_view keyword : {"cron(", "rate(", "at("}) {
    if (!text.starts_with(keyword)) continue;
    if (keyword == "at(" && d == dialect::rule) {
      return schedule_source::bad(text, 0, "A rule takes cron(…) and rate(…); at(…) is of EventBridge Scheduler");
    }
    const auto end = schedule_source::closing(text, keyword);
    if (!end) return end.error();
    if (keyword == "cron(") {
      const auto fields = detail::parse_cron(text, keyword.size(), *end, d == dialect::scheduler);
      if (!fields) return fields.error();
      return value(*fields);
    }
    if (keyword == "rate(") {
      const auto period = schedule_source::parse_rate(text, *end, d);
      if (!period) return period.error();
      return value(rate{*period});
    }
    const auto local = schedule_source::parse_at(text, *end);
    if (!local) return local.error();
    const auto instant = zone.first_instant(std::chrono::local_seconds(std::chrono::seconds(*local)));
    at once{*local, {}};
    if (instant) once.instant = instant->time_since_epoch().count();
    return value(once);
  }
  return schedule_source::bad(text, 0,
                              fmt::format("A schedule is cron(…){} rate(…){}, in lower case and with nothing before it",
                                          d == dialect::rule ? " or" : ",", d == dialect::rule ? "" : " or at(…)"));
}

result<schedule_expression> schedule_expression::parse(std::string_view text, rulebus::dialect dialect, std::string_view zone) {
  if (dialect == dialect::rule && zone != "UTC") {
    return error{.code = errc::invalid_argument,
                 .message = fmt::format("The schedule of a rule runs in UTC, not in {}; schedules of EventBridge Scheduler have "
                                        "time zones",
                                        zone.substr(0, 50))};
  }
  const auto found = time_zone::find(zone);
  if (!found) return found.error();
  const auto parsed = parse_text(text, dialect, **found);
  if (!parsed) return parsed.error();
  return schedule_expression(*parsed, dialect, **found);
}

std::optional<time_point> schedule_expression::next_after(time_point t) const noexcept {
  const std::int64_t now = schedule_source::count(t);
  if (now >= schedule_source::horizon) return {};
  if (const auto* f = std::get_if<detail::cron_fields>(&value_)) return schedule_source::next_cron(*f, *zone_, now);
  if (const at* once = std::get_if<at>(&value_)) {
    return once->instant && *once->instant * 1000 > now ? schedule_source::at_second(*once->instant) : std::nullopt;
  }
  const std::int64_t period = std::get_if<rate>(&value_)->period * 1000, anchor = schedule_source::count(anchor_);
  const std::int64_t first = dialect_ == dialect::rule ? anchor + period : anchor;
  if (now < first) return time_point(std::chrono::milliseconds(first));
  return time_point(std::chrono::milliseconds(anchor + (schedule_source::floor_divide(now - anchor, period) + 1) * period));
}

std::optional<time_point> schedule_expression::previous_before(time_point t) const noexcept {
  const std::int64_t now = schedule_source::count(t);
  if (const auto* f = std::get_if<detail::cron_fields>(&value_)) return schedule_source::previous_cron(*f, *zone_, now);
  if (const at* once = std::get_if<at>(&value_)) {
    return once->instant && *once->instant * 1000 < now ? schedule_source::at_second(*once->instant) : std::nullopt;
  }
  const std::int64_t period = std::get_if<rate>(&value_)->period * 1000, anchor = schedule_source::count(anchor_);
  const std::int64_t first = dialect_ == dialect::rule ? anchor + period : anchor;
  if (now <= first) return {};
  return time_point(std::chrono::milliseconds(anchor + (schedule_source::ceil_divide(now - anchor, period) - 1) * period));
}

schedule_expression schedule_expression::anchored_at(time_point anchor) const noexcept {
  schedule_expression out = *this;
  out.anchor_ = anchor;
  return out;
}

bool operator==(const schedule_expression& a, const schedule_expression& b) noexcept {
  const bool same_anchor = a.kind() != schedule_expression::form::rate || a.anchor_ == b.anchor_;
  return a.value_ == b.value_ && a.zone_ == b.zone_ && a.dialect_ == b.dialect_ && same_anchor;
}

schedule_range::iterator schedule_range::begin() const noexcept {
  const bool first_of_all = from_ == time_point::min();
  return {this, inside(expression_.next_after(first_of_all ? from_ : from_ - std::chrono::milliseconds(1)))};
}

}  // namespace rulebus::inline v1
