// cron's fields, from their text.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/schedule_expression_text.hpp"

namespace rulebus::inline v1::detail {
namespace schedule_expression_cron_source {

/// A part of the text, and where it begins.
struct piece {
  std::string_view text;
  std::size_t offset = 0;

  piece part(std::size_t from, std::size_t length = std::string_view::npos) const {
    return {text.substr(from, length), offset + from};
  }
};

/// For messages: not longer than a line.
std::string shown(std::string_view text) { return fmt::format("\"{}{}\"", text.substr(0, 30), text.size() > 30 ? "…" : ""); }

struct field {
  const char* name;
  int low, high;
  int max_step;      ///< Quartz's: a larger step could select nothing but its start
  bool wraps;        ///< 22-2 is 22, 23, 0, 1, 2
  const char* also;  ///< for messages
};
constexpr field minutes{"A minute", 0, 59, 59, true, ""};
constexpr field hours{"An hour", 0, 23, 23, true, ""};
constexpr field month_days{"A day of the month", 1, 31, 31, true, " (or, alone, L, LW or one with W)"};
constexpr field months{"A month", 1, 12, 12, true, " or JAN to DEC"};
constexpr field weekdays{"A day of the week", 1, 7, 7, true, " (SUN is 1) or SUN to SAT"};
constexpr field years{"A year", first_cron_year, last_cron_year, last_cron_year - first_cron_year + 1, false, ""};

/// Which values of a field are in; bit 0 is 0, but for years, where it is 1970.
using value_set = std::array<std::uint64_t, 4>;

void insert(value_set& set, int value, int zero) {
  const auto bit = static_cast<unsigned>(value - zero);
  set[bit / 64] |= std::uint64_t{1} << bit % 64;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class cron_parser {
 public:
  explicit cron_parser(std::string_view text) : text_(text) {}

  bool fields(std::size_t begin, std::size_t end, bool year_may_lack, cron_fields& out) {
    std::vector<piece> p;
    if (!split(begin, end, year_may_lack, p)) return false;
    value_set set{};
    if (!list(p[0], minutes, set)) return false;
    out.minutes = set[0];
    if (!list(p[1], hours, set)) return false;
    out.hours = static_cast<std::uint32_t>(set[0]);
    if (!month_day(p[2], out) || !list(p[3], months, set)) return false;
    out.months = static_cast<std::uint16_t>(set[0]);
    if (!weekday(p[4], out) || !one_question_mark(p[2], p[4])) return false;
    if (!list(p.size() == 6 ? p[5] : piece{"*"}, years, out.years)) return false;
    normalise(out);
    return true;
  }
  error take_failure() { return std::move(*failure_); }

 private:
  /// Always false.
  template <class... Parts>
  bool fail(std::size_t offset, fmt::format_string<const Parts&...> message, const Parts&... parts) {
    failure_ = error_at(errc::invalid_schedule, fmt::format(message, parts...), text_, offset);
    return false;
  }

  bool split(std::size_t begin, std::size_t end, bool year_may_lack, std::vector<piece>& out) {
    const piece inner{text_.substr(begin, end - begin), begin};
    if (inner.text.starts_with(' ')) return fail(begin, "There is no blank behind the opening parenthesis");
    if (inner.text.ends_with(' ')) return fail(end - 1, "There is no blank before the closing parenthesis");
    for (std::size_t from = 0; from < inner.text.size();) {
      const std::size_t length = std::min(inner.text.find(' ', from), inner.text.size()) - from;
      if (length != 0) out.push_back(inner.part(from, length));
      from += length + 1;
    }
    if (out.size() == 6 || (out.size() == 5 && year_may_lack)) return true;
    const char* all = "minutes, hours, day of month, month, day of week and year";
    if (out.size() > 6)
      return fail(out[6].offset, "cron has six fields, {}; here are {} (seconds are not among them)", all, out.size());
    if (out.size() == 5) return fail(end, "cron in a rule has six fields, {}; here are 5: add the year, * for all", all);
    return fail(end, "cron has six fields, {}; here {} {}", all, out.size() == 1 ? "is" : "are", out.size());
  }

  /// Exactly one of the day fields says that it has no say.
  bool one_question_mark(const piece& day, const piece& weekday) {
    const bool first = day.text == "?", second = weekday.text == "?";
    if (first != second) return true;
    if (first) return fail(weekday.offset, "Day of month and day of week are both ?; one of them must say which days");
    return fail(weekday.offset, "One of day of month and day of week must be ?: here they are {} and {}", shown(day.text),
                shown(weekday.text));
  }

  bool month_day(const piece& p, cron_fields& out) {
    if (p.text == "?") return true;
    out.rule = day_rule::days;
    if (p.text == "L" || p.text == "LW") {
      out.rule = p.text == "L" ? day_rule::last_day : day_rule::last_weekday;
      return true;
    }
    if (p.text.ends_with('W')) {
      int day = 0;
      const piece number = p.part(0, p.text.size() - 1);
      if (number.text.empty() || !std::all_of(number.text.begin(), number.text.end(), is_digit)) {
        return fail(p.offset, "W stands behind one day, as in 15W, or behind L; not {}", shown(p.text));
      }
      if (!value(number, month_days, day)) return false;
      out.rule = day_rule::nearest_weekday;
      out.n = static_cast<std::uint8_t>(day);
      return true;
    }
    value_set set{};
    if (!list(p, month_days, set)) return false;
    out.days = static_cast<std::uint32_t>(set[0]);
    return true;
  }

  bool weekday(const piece& p, cron_fields& out) {
    if (p.text == "?") return true;
    if (p.text == "L") {  // the last day of the week
      out.rule = day_rule::weekdays;
      out.weekdays = 1U << 6;
      return true;
    }
    if (const std::size_t hash = p.text.find('#'); hash != std::string_view::npos) return nth_weekday(p, hash, out);
    int day = 0;
    if (p.text.ends_with('L')) {
      if (!one_weekday(p.part(0, p.text.size() - 1), "L stands behind one day, as in 6L or FRIL", day)) return false;
      out.rule = day_rule::last_of_weekday;
      out.weekday = static_cast<std::uint8_t>(day - 1);
      return true;
    }
    value_set set{};
    if (!list(p, weekdays, set)) return false;
    out.rule = day_rule::weekdays;
    out.weekdays = static_cast<std::uint8_t>(set[0] >> 1);
    return true;
  }

  bool nth_weekday(const piece& p, std::size_t hash, cron_fields& out) {
    const char* why = "# stands between one day and its number in the month, as in 2#1 or MON#1, and in no list";
    int day = 0;
    if (!one_weekday(p.part(0, hash), why, day)) return false;
    const piece n = p.part(hash + 1);
    if (n.text.empty() || !std::all_of(n.text.begin(), n.text.end(), is_digit)) return fail(n.offset, "{}", why);
    const std::size_t zeros = std::min(n.text.find_first_not_of('0'), n.text.size());
    if (n.text.size() - zeros != 1 || n.text.back() > '5')
      return fail(n.offset, "A weekday comes 1 to 5 times in a month; not {}", shown(n.text));
    out.rule = day_rule::nth_of_weekday;
    out.weekday = static_cast<std::uint8_t>(day - 1);
    out.n = static_cast<std::uint8_t>(n.text.back() - '0');
    return true;
  }

  bool one_weekday(const piece& p, const char* why, int& out) {
    if (p.text.empty() || p.text.find_first_of(",-/*?#") != std::string_view::npos) return fail(p.offset, "{}", why);
    return value(p, weekdays, out);
  }

  /// Items with commas between them.
  bool list(const piece& p, const field& f, value_set& out) {
    out = {};
    for (std::size_t from = 0;;) {
      const std::size_t comma = p.text.find(',', from);
      const piece one = p.part(from, comma == std::string_view::npos ? comma : comma - from);
      if (!item(one, f, out)) return false;
      if (comma == std::string_view::npos) return true;
      from = comma + 1;
    }
  }

  /// *, value or range, and perhaps a step.
  bool item(const piece& p, const field& f, value_set& out) {
    if (p.text.empty()) return fail(p.offset, "Something is missing in this list: a value, a range or *");
    const std::size_t slash = p.text.find('/');
    const bool stepped = slash != std::string_view::npos;
    const piece base = p.part(0, slash);
    int step = 1, first = f.low, last = f.high;
    if (base.text != "*") {
      const std::size_t dash = base.text.find('-');
      const bool ranged = dash != std::string_view::npos;
      if (!value(base.part(0, dash), f, first)) return false;
      if (ranged && !value(base.part(dash + 1), f, last)) return false;
      if (!ranged && !stepped) last = first;
    }
    if (stepped && !step_of(p.part(slash + 1), f, step)) return false;
    if (first > last && !f.wraps) return fail(base.offset, "A range of years ascends; {} does not", shown(base.text));
    const int size = f.high - f.low + 1;
    if (first > last) last += size;
    const int zero = &f == &years ? f.low : 0;
    for (int v = first; v <= last; v += step) insert(out, v > f.high ? v - size : v, zero);
    return true;
  }

  bool step_of(const piece& p, const field& f, int& out) {
    if (!p.text.empty() && std::all_of(p.text.begin(), p.text.end(), is_digit) && number(p.text, out) && out >= 1 &&
        out <= f.max_step) {
      return true;
    }
    return fail(p.offset, "A step is a number, here from 1 to {}; not {}", f.max_step, shown(p.text));
  }

  bool value(const piece& p, const field& f, int& out) {
    if (p.text.empty()) return fail(p.offset, "A value is missing here: {} is {} to {}{}", f.name, f.low, f.high, f.also);
    if (std::all_of(p.text.begin(), p.text.end(), is_digit)) {
      if (number(p.text, out) && out >= f.low && out <= f.high) return true;
    } else if (&f == &months && named(p.text, std::begin(month_names) + 1, std::end(month_names), out)) {
      return true;
    } else if (&f == &weekdays && named(p.text, std::begin(weekday_names), std::end(weekday_names), out)) {
      return true;
    }
    return fail(p.offset, "{} is {} to {}{}; not {}", f.name, f.low, f.high, f.also, shown(p.text));
  }

  /// Digits, as far as any field goes.
  static bool number(std::string_view digits, int& out) {
    out = 0;
    for (const char c : digits) {
      out = out * 10 + (c - '0');
      if (out > 9999) return false;
    }
    return true;
  }

  template <class Iterator>
  static bool named(std::string_view text, Iterator first, Iterator last, int& out) {
    const auto found = std::find(first, last, text);
    out = static_cast<int>(found - first) + 1;
    return found != last;
  }

  /// Every day is always written the same way.
  static void normalise(cron_fields& f) {
    if (f.rule == day_rule::weekdays && f.weekdays == 0x7f) {
      f.rule = day_rule::days;
      f.weekdays = 0;
      f.days = 0xfffffffe;
    }
  }

  std::string_view text_;
  std::optional<error> failure_;
};

}  // namespace schedule_expression_cron_source

result<cron_fields> parse_cron(std::string_view text, std::size_t begin, std::size_t end, bool year_may_lack) {
  schedule_expression_cron_source::cron_parser parser(text);
  cron_fields out;
  if (!parser.fields(begin, end, year_may_lack, out)) return parser.take_failure();
  return out;
}

}  // namespace rulebus::inline v1::detail
