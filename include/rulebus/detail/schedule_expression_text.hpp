// schedule_expression_text: cron between its text and its sets of bits, both ways, and in English. Inside the library.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "rulebus/detail/schedule_expression_fields.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

/// Parses text[begin, end), what is between the parentheses of cron(…). Places of errors are in `text`. Fields come out in
/// normal form: equal sets of minutes, hours, days, months and years are equal, however they were written.
result<cron_fields> parse_cron(std::string_view text, std::size_t begin, std::size_t end, bool year_may_lack);

/// "cron(30 2 LW * ? *)"
std::string dump_cron(const cron_fields& f);

/// "at 02:30 on the last weekday of every month"
std::string describe_cron(const cron_fields& f);

/// Three letters, as in expressions; 0 is Sunday. Months from 1.
inline constexpr std::string_view weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
inline constexpr std::string_view month_names[] = {"",    "JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};

}  // namespace rulebus::inline v1::detail
