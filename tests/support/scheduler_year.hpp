// scheduler_year: a year of mixed schedules, as data; what a scheduler fires in virtual time; and a slow twin that knows nothing
// of the library: cron by the walk from minute to minute, rates by arithmetic.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "naive_schedule.hpp"
#include "random_source.hpp"
#include "rulebus/scheduler.hpp"
#include "wall_clock.hpp"

namespace tests::year {

inline constexpr const char* zones[] = {"UTC", "America/New_York", "Europe/Kyiv", "Australia/Lord_Howe", "Asia/Kolkata"};
inline constexpr const char* crons[] = {"cron(30 2 * * ? *)",       "cron(0 9 ? * MON-FRI *)", "cron(15 10 L * ? *)",
                                        "cron(0 8 1W * ? *)",       "cron(0 12 ? * 6#3 *)",    "cron(0/30 1-2 ? * SUN *)",
                                        "cron(59 23 31 12 ? 2027)", "cron(0 0 29 2 ? *)"};
inline constexpr std::int64_t begin = 1'798'761'607, end = begin + 365 * 86400;  // 2027-01-01T00:00:07Z, and a year

struct planned {
  std::string expression, zone;
  std::int64_t first = 0, period = 0;  // of a rate
  std::int64_t start = 0, last = 0;    // nothing before and behind
};

/// Mixed schedules with about 100 fires each.
inline std::vector<planned> plan(std::uint64_t seed, std::size_t count) {
  random_source random(seed);
  std::vector<planned> all;
  for (std::size_t i = 0; i < count; ++i) {
    planned p{.expression = {}, .zone = zones[random.below(std::size(zones))], .start = begin, .last = end};
    if (random.percent(20)) p.start = begin + static_cast<std::int64_t>(random.below(365 * 86400));
    if (random.percent(20)) p.last = p.start + static_cast<std::int64_t>(random.below(365 * 86400));
    const std::size_t kind = random.below(10);
    if (kind < 6) {
      p.expression = crons[random.below(std::size(crons))];
    } else if (kind < 9) {
      const auto hours = static_cast<std::int64_t>(random.between(20, 2000));
      p.expression = "rate(" + std::to_string(hours) + " hours)";
      p.first = p.start, p.period = hours * 3600;
    } else {
      p.expression = "at(2027-0" + std::to_string(random.between(1, 9)) + "-15T12:00:00)";
    }
    all.push_back(std::move(p));
  }
  return all;
}

/// Every instant of a cron or at in the year, by the walk along the wall clock.
inline const std::vector<std::int64_t>& walked(const planned& p) {
  static std::map<std::pair<std::string, std::string>, std::vector<std::int64_t>> known;
  const auto [at, fresh] = known.try_emplace({p.expression, p.zone});
  if (fresh) {
    std::string cron = p.expression;  // at(2027-0M-15T12:00:00) is the cron of that minute
    if (cron.starts_with("at(")) cron = "cron(0 12 15 " + cron.substr(9, 1) + " ? 2027)";
    at->second = naive::walk(naive::parse_cron(cron, true), wall_clock(p.zone), begin - 1, end, 1'000'000);
  }
  return at->second;
}

using fires = std::vector<std::pair<std::int64_t, std::size_t>>;

inline fires slow(const std::vector<planned>& all) {
  fires out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const planned& p = all[i];
    if (p.period > 0) {
      for (std::int64_t t = p.first; t <= std::min(p.last, end); t += p.period) out.emplace_back(t, i);
      continue;
    }
    const bool once = p.expression.starts_with("at(");
    for (const std::int64_t t : walked(p)) {
      if (once || (t >= p.start && t <= p.last)) out.emplace_back(t, i);
    }
  }
  std::sort(out.begin(), out.end());  // by time, then in the order of creation
  return out;
}

struct outcome {
  fires fired{};
  std::string text{};  // of all that was delivered, and of the state in the end
  std::size_t reports = 0, late = 0;
  double seconds = 0;
};

inline outcome fast(const std::vector<planned>& all, std::uint64_t seed) {
  const auto started = std::chrono::steady_clock::now();
  outcome y;
  const auto clock = std::make_shared<rulebus::manual_clock>(rulebus::time_point(std::chrono::seconds(begin)));
  rulebus::scheduler s({.clock = clock,
                        .executor = rulebus::make_manual_executor(),
                        .seed = seed,
                        .on_report = [&](const rulebus::schedule_report&) { ++y.reports; }});
  const auto target = rulebus::make_target([&](const rulebus::delivery& d) {
    const std::int64_t now = clock->now().time_since_epoch() / std::chrono::seconds(1);
    const rulebus::delivery_details of = d.details();
    y.fired.emplace_back(now, std::strtoull(of.rule_name.substr(8).data(), nullptr, 10));
    y.text.append(of.execution_id).append(d.input()).append(1, '\n');
  });
  for (std::size_t i = 0; i < all.size(); ++i) {
    rulebus::schedule one{.name = std::to_string(i),
                          .schedule_expression = all[i].expression,
                          .schedule_expression_timezone = all[i].zone,
                          .target = {.target = target, .arn = "arn"}};
    one.start_date = rulebus::time_point(std::chrono::seconds(all[i].start));
    one.end_date = rulebus::time_point(std::chrono::seconds(all[i].last));
    s.create_schedule(std::move(one)).value();
  }
  s.pump();
  for (auto due = s.next_due(); due && (clock->now() + *due).time_since_epoch() / std::chrono::seconds(1) <= end;
       due = s.next_due()) {
    clock->advance(*due);
    s.pump();
  }
  y.text += s.save();
  y.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return y;
}

}  // namespace tests::year
