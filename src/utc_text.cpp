#include "rulebus/detail/utc_text.hpp"

#include <fmt/format.h>

#include <chrono>

namespace rulebus::inline v1::detail {

std::string utc_text(std::int64_t seconds) {
  const std::chrono::sys_seconds instant{std::chrono::seconds{seconds}};
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{instant - day};
  if (seconds >= first_second && seconds <= last_second) {
    std::string out = "0000-00-00T00:00:00Z";
    const auto put = [&](std::size_t at, std::size_t digits, auto value) {
      for (; digits > 0; value /= 10) out[at + --digits] = static_cast<char>('0' + value % 10);
    };
    put(0, 4, static_cast<int>(date.year()));
    put(5, 2, static_cast<unsigned>(date.month()));
    put(8, 2, static_cast<unsigned>(date.day()));
    put(11, 2, clock.hours().count());
    put(14, 2, clock.minutes().count());
    put(17, 2, clock.seconds().count());
    return out;
  }
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace rulebus::inline v1::detail
