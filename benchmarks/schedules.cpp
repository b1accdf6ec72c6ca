#include "schedules.hpp"

#if __has_include("rulebus/schedule_expression.hpp")  // scripts/bench_compare builds this with older revisions too

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>

#include "naive_schedule.hpp"
#include "rulebus/schedule_expression.hpp"

namespace rulebus::bench {
namespace {

struct schedule_workload {
  const char* name;
  const char* expression;
  const char* zone;
};
constexpr const char* new_york = "America/New_York";
constexpr schedule_workload workloads[] = {
    {"schedule.every_minute_utc", "cron(* * * * ? *)", "UTC"},
    {"schedule.every_minute_zone", "cron(* * * * ? *)", new_york},
    {"schedule.office_hours_utc", "cron(0/5 8-17 ? * MON-FRI *)", "UTC"},
    {"schedule.office_hours_zone", "cron(0/5 8-17 ? * MON-FRI *)", new_york},
    {"schedule.last_weekday_utc", "cron(30 2 LW * ? *)", "UTC"},
    {"schedule.last_weekday_zone", "cron(30 2 LW * ? *)", new_york},
    {"schedule.leap_day_zone", "cron(0 0 29 2 ? *)", new_york},
    {"schedule.leap_sunday_2160_zone", "cron(0 0 ? 2 SUN#5 2160-2199)", new_york},  // 29 February on a Sunday: 2184 is the first
    {"schedule.never_utc", "cron(0 0 30 2 ? *)", "UTC"},                            // no such day in 173 years
    {"schedule.never_five_months_utc", "cron(0 0 31W 2,4,6,9,11 ? *)", "UTC"},      // no such day in five months of each
    {"schedule.always_skipped_zone", "cron(30 2 ? 3 SUN#2 2008-2199)", new_york},   // the clock skips each of 173 times
    {"schedule.rate", "rate(7 minutes)", "UTC"},
};

/// Both dialects have the same searches.
schedule_expression parsed(const schedule_workload& w) {
  return schedule_expression::parse(w.expression, dialect::scheduler, w.zone).value();
}

const time_point start = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);

/// The instants of ten days, and none fewer.
void verify(const schedule_workload& w) {
  const std::string text = w.expression;
  if (!text.starts_with("cron")) return;
  const std::int64_t from = std::chrono::floor<std::chrono::seconds>(start).time_since_epoch().count(), to = from + 864000;
  const tests::wall_clock clock(w.zone);
  const auto slow = naive::walk(naive::parse_cron(text, true), clock, from - 1, to - 1, 100'000);
  std::vector<std::int64_t> fast;
  for (const time_point t : parsed(w).between(start, start + std::chrono::days(10))) {
    fast.push_back(std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count());
  }
  if (slow != fast) throw std::runtime_error(fmt::format("{}: the twin has other instants", w.name));
}

void next(benchmark::State& state, const schedule_expression& e) {
  time_point t = start;
  for ([[maybe_unused]] auto _ : state) {
    const auto found = e.next_after(t);
    benchmark::DoNotOptimize(found);
    t = found.value_or(start);
  }
  state.SetItemsProcessed(state.iterations());
}

void previous(benchmark::State& state, const schedule_expression& e) {
  time_point t = start;
  for ([[maybe_unused]] auto _ : state) {
    const auto found = e.previous_before(t);
    benchmark::DoNotOptimize(found);
    t = found.value_or(start);
  }
  state.SetItemsProcessed(state.iterations());
}

void parse(benchmark::State& state, const schedule_workload& w) {
  for ([[maybe_unused]] auto _ : state) {
    auto e = parsed(w);
    benchmark::DoNotOptimize(e);
  }
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

std::vector<std::string> schedule_workloads() {
  std::vector<std::string> out;
  for (const schedule_workload& w : workloads) out.emplace_back(w.name);
  return out;
}

std::vector<named_benchmark> schedule_benchmarks(const std::string& only) {
  const std::regex selected(only);
  std::vector<named_benchmark> out;
  for (const schedule_workload& w : workloads) {
    if (!std::regex_search(std::string(w.name), selected)) continue;
    verify(w);
    const std::string name = w.name;
    out.push_back({name + "/next", [e = parsed(w)](benchmark::State& state) { next(state, e); }});
    out.push_back({name + "/previous", [e = parsed(w)](benchmark::State& state) { previous(state, e); }});
    out.push_back({name + "/parse", [&w](benchmark::State& state) { parse(state, w); }});
  }
  return out;
}

}  // namespace rulebus::bench

#else

namespace rulebus::bench {
std::vector<std::string> schedule_workloads() { return {}; }
std::vector<named_benchmark> schedule_benchmarks(const std::string&) { return {}; }
}  // namespace rulebus::bench

#endif
