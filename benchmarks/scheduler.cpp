#include "scheduler.hpp"

#if __has_include("rulebus/scheduler.hpp")  // scripts/bench_compare builds this with older revisions too

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <regex>
#include <utility>

#include "measuring.hpp"
#include "rulebus/scheduler.hpp"
#include "scheduler_year.hpp"

namespace rulebus::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* million = "scheduler.million";
constexpr const char* one_year = "scheduler.year_10000";
constexpr const char* precision = "scheduler.precision";
const time_point begin = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + 7s;  // no instant of any

/// Schedules of all kinds but those that come every minute: a time of day and a day of the month, in UTC or in a zone, and rates.
schedule one_of_many(std::size_t i, const std::shared_ptr<target>& to) {
  schedule s;
  s.name = fmt::format("s{}", i);
  s.target = {.target = to, .arn = "arn:bench"};
  if (i % 4 == 3) {
    s.schedule_expression = fmt::format("rate({} hours)", 600 + i % 1'000);
    s.start_date = begin + std::chrono::hours(240) + std::chrono::milliseconds(i);  // else it would fire at once
  } else {
    s.schedule_expression = fmt::format("cron({} {} {} * ? *)", i % 60, i / 60 % 24, 1 + i % 20);
    if (i % 4 == 1) s.schedule_expression_timezone = "Europe/Kyiv";
  }
  return s;
}

/// Texts that a schedule has of its own.
std::size_t text_bytes(const schedule& s) {
  return s.name.size() + s.schedule_expression.size() + s.description.size() + s.target.input.size();
}

/// So many schedules in virtual time, of which `together` fire every minute and the others not within a week.
struct many {
  many(std::size_t count, std::size_t together)
      : clock(std::make_shared<manual_clock>(begin)),
        all(std::make_unique<scheduler>(scheduler_options{.clock = clock, .executor = make_manual_executor(), .seed = 1})) {
    const auto to = make_target([this](const delivery&) { ++fires; });
    const std::size_t before = heap_bytes();
    for (std::size_t made = 0; made < count;) {
      std::vector<schedule> some;  // a few at a time: they are not what is measured
      for (; made < count && some.size() < 1'000; ++made) {
        some.push_back(one_of_many(made, to));
        if (made < together) {
          some.back().schedule_expression = "cron(* * * * ? *)";
          some.back().schedule_expression_timezone = "UTC";
          some.back().start_date.reset();
        }
        texts += text_bytes(some.back());
      }
      const stopwatch time;
      for (schedule& s : some) all->create_schedule(std::move(s)).value();
      seconds += time.processor_seconds();
    }
    bytes = heap_bytes() - before;
  }
  std::size_t fires = 0, bytes = 0, texts = 0;
  double seconds = 0;  // to create them
  std::shared_ptr<manual_clock> clock;
  std::unique_ptr<scheduler> all;
};

void create(benchmark::State& state, std::size_t count) {
  for ([[maybe_unused]] auto _ : state) {
    const many m(count, 0);
    if (m.all->size() != count) state.SkipWithError("another number of schedules");
    state.SetIterationTime(m.seconds);
    state.counters["seconds"] = m.seconds;
    state.counters["bytes"] = number(m.bytes) / number(count);
    state.counters["bytes_beyond_texts"] = (number(m.bytes) - number(m.texts)) / number(count);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

/// A minute passes, and so many of the schedules fire; an item is the minute.
void tick(benchmark::State& state, many& m, std::size_t together) {
  m.clock->advance(1min);  // the first makes lanes and queues
  m.all->pump();
  std::vector<double> milliseconds;
  for ([[maybe_unused]] auto _ : state) {
    const std::size_t before = m.fires;
    const stopwatch time;
    m.clock->advance(1min);
    m.all->pump();
    state.SetIterationTime(time.processor_seconds());
    milliseconds.push_back(1e3 * time.processor_seconds());
    if (m.fires - before != together) state.SkipWithError("another number of fires");
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["longest_ms"] = quantile(std::move(milliseconds), 1);
}

/// A year of virtual time, from one due instant to the next; an item is a fire.
void year(benchmark::State& state, const std::vector<tests::year::planned>& all, const tests::year::fires& expected) {
  double seconds = 0;
  for ([[maybe_unused]] auto _ : state) {
    const tests::year::outcome y = tests::year::fast(all, 42);
    if (y.fired != expected || y.reports != 0) state.SkipWithError("the twin has other fires");
    state.SetIterationTime(y.seconds);
    seconds += y.seconds;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(expected.size()));
  state.counters["fires"] = number(expected.size());
  state.counters["seconds"] = seconds / static_cast<double>(state.iterations());
}

/// The system's clock, and a scheduler with the thread that it has by default: how late its targets are called. An item is a
/// fire; they are 7 ms apart, each at an instant of its own within the second.
void lateness(benchmark::State& state, std::size_t fires) {
  std::vector<double> late;
  for ([[maybe_unused]] auto _ : state) {
    std::vector<time_point> planned(fires);
    std::vector<double> milliseconds(fires, -1);
    std::atomic<std::size_t> left = fires;
    scheduler s({.seed = 1});
    const auto to = make_target([&](const delivery& d) {
      const auto now = std::chrono::system_clock::now();
      const std::size_t i =
          std::strtoull(std::string(d.rule_name()).substr(std::string_view("default/").size()).c_str(), nullptr, 10);
      milliseconds[i] = std::chrono::duration<double, std::milli>(now - planned[i]).count();
      if (left.fetch_sub(1) == 1) left.notify_one();
    });
    const time_point first = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) + 300ms;
    const stopwatch time;
    for (std::size_t i = 0; i < fires; ++i) {
      planned[i] = first + 7ms * static_cast<int>(i);
      schedule one{.name = fmt::format("{}", i), .schedule_expression = "rate(1 hour)", .target = {.target = to, .arn = "arn"}};
      one.start_date = planned[i];
      s.create_schedule(std::move(one)).value();
    }
    for (std::size_t waiting = left.load(); waiting != 0; waiting = left.load()) left.wait(waiting);
    state.SetIterationTime(time.seconds());
    if (*std::min_element(milliseconds.begin(), milliseconds.end()) < 0) state.SkipWithError("a fire came before its time");
    late.insert(late.end(), milliseconds.begin(), milliseconds.end());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(fires));
  state.counters["p50_ms"] = quantile(late, 0.5);
  state.counters["p99_ms"] = quantile(late, 0.99);
  state.counters["longest_ms"] = quantile(std::move(late), 1);
}

}  // namespace

std::vector<std::string> scheduler_workloads() { return {million, one_year, precision}; }

std::vector<named_benchmark> scheduler_benchmarks(const std::string& only, std::size_t at_most) {
  std::vector<named_benchmark> out;
  const std::regex asked(only);
  const auto is_selected = [&](const char* workload) { return std::regex_search(std::string(workload), asked); };
  const auto add = [&](std::string name, std::int64_t iterations, std::function<void(benchmark::State&)> run) {
    out.push_back({.name = std::move(name), .run = std::move(run), .clock = clocked::itself, .iterations = iterations});
  };
  if (is_selected(million)) {
    const std::size_t count = std::min<std::size_t>(1'000'000, at_most), due = std::max<std::size_t>(1, count / 100);
    add(std::string(million) + "/create", 1, [=](benchmark::State& state) { create(state, count); });
    const auto made = std::make_shared<std::unique_ptr<many>>();  // with the first tick
    add(std::string(million) + "/tick_of_10000", 20, [=](benchmark::State& state) {
      if (!*made) *made = std::make_unique<many>(count, due);
      tick(state, **made, due);
    });
  }
  if (is_selected(one_year)) {
    const auto plan = std::make_shared<const std::vector<tests::year::planned>>(
        tests::year::plan(20'261'123, std::min<std::size_t>(10'000, at_most)));
    const auto expected = std::make_shared<const tests::year::fires>(tests::year::slow(*plan));
    add(std::string(one_year) + "/manual_clock", 1, [=](benchmark::State& state) { year(state, *plan, *expected); });
  }
  if (is_selected(precision)) {
    const std::size_t fires = std::min<std::size_t>(300, at_most / 10 + 1);
    add(std::string(precision) + "/system_clock", 1, [=](benchmark::State& state) { lateness(state, fires); });
  }
  return out;
}

}  // namespace rulebus::bench

#else

namespace rulebus::bench {
std::vector<std::string> scheduler_workloads() { return {}; }
std::vector<named_benchmark> scheduler_benchmarks(const std::string&, std::size_t) { return {}; }
}  // namespace rulebus::bench

#endif
