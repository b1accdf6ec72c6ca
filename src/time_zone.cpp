#include "rulebus/time_zone.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "rulebus/detail/time_zone_file.hpp"
#include "rulebus/detail/time_zone_store.hpp"

namespace rulebus::inline v1 {
namespace detail::time_zone_source {

/// A wall clock time behind (or before) all others, far from where adding an offset could overflow.
constexpr std::int64_t far = std::int64_t{1} << 60;

std::vector<zone_period> without_changes() { return {{std::numeric_limits<std::int64_t>::min(), -far, far, 0}}; }

/// A year between 2172 and 2199 that has the days of `year` on the same weekdays; every kind of year is among those.
std::chrono::year like(std::chrono::year year) {
  using namespace std::chrono;
  const auto kind = [](std::chrono::year y) { return std::pair(y.is_leap(), weekday(sys_days(y / January / 1)).c_encoding()); };
  std::chrono::year y{2199};
  while (kind(y) != kind(year)) --y;
  return y;
}

}  // namespace detail::time_zone_source

time_zone::time_zone(std::string name, std::vector<detail::zone_period> periods)
    : name_(std::move(name)), periods_(std::move(periods)) {}

const time_zone& time_zone::utc() noexcept {
  static const time_zone zone("UTC", detail::time_zone_source::without_changes());
  return zone;
}

std::size_t time_zone::period_at(std::int64_t instant) const noexcept {
  const auto after = std::upper_bound(periods_.begin() + 1, periods_.end(), instant,
                                      [](std::int64_t t, const detail::zone_period& p) { return t < p.begin; });
  return static_cast<std::size_t>(after - periods_.begin()) - 1;
}

std::chrono::seconds time_zone::offset_at(time_point t) const noexcept {
  const std::int64_t instant = std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  return std::chrono::seconds(periods_[period_at(instant)].offset);
}

std::optional<std::chrono::sys_seconds> time_zone::first_instant(std::chrono::local_seconds local) const noexcept {
  using namespace std::chrono;
  const year_month_day date(floor<days>(local));
  if (date.year() > year(2199)) {
    const auto shift =
        local_days(date.year() / January / 1) - local_days(detail::time_zone_source::like(date.year()) / January / 1);
    const auto like = first_instant(local - shift);
    if (!like) return {};
    return *like + shift;
  }
  const std::int64_t wanted = local.time_since_epoch().count();
  const auto period =
      std::partition_point(periods_.begin(), periods_.end(), [&](const detail::zone_period& p) { return p.fresh_end <= wanted; });
  if (period == periods_.end() || wanted < period->fresh_begin) return {};
  return sys_seconds(seconds(wanted - period->offset));
}

result<const time_zone*> time_zone::find(std::string_view name) {
  if (name == "UTC") return &utc();
  // Never destroyed: zones may be asked while the process ends.
  static detail::time_zone_store& system = *new detail::time_zone_store(detail::time_zone_folders());
  return system.find(name);
}

result<std::string> time_zone_database_version() { return detail::time_zone_store(detail::time_zone_folders()).version(); }

}  // namespace rulebus::inline v1
