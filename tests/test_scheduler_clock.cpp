// Clocks that do not just pass: put forward, put back, asleep. Every instant is taken up once, and none is lost silently.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "naive_scheduler.hpp"
#include "random_source.hpp"
#include "rulebus/scheduler.hpp"
#include "scheduler_probe.hpp"

namespace {

using namespace std::chrono_literals;

std::int64_t seconds(rulebus::time_point t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }

}  // namespace

TEST_CASE("scheduler: however the clock is set, each instant fires once or is reported once, in order") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  const std::string expressions[] = {"cron(0/7 * * * ? *)", "rate(11 minutes)", "cron(30 1-3 * * ? *)"};
  const rulebus::catch_up policies[] = {rulebus::catch_up::fire_once, rulebus::catch_up::fire_all, rulebus::catch_up::skip};
  for (int round = 0; round < 30; ++round) {
    const rulebus::time_point start = probe::utc(2027, 3, 13, 22, 0, 5);
    const auto clock = std::make_shared<rulebus::manual_clock>(start);
    std::map<std::string, std::vector<std::int64_t>> taken;  // fired, or reported as not fired
    std::size_t late = 0, fired_late = 0;
    rulebus::scheduler s(
        {.clock = clock, .executor = rulebus::make_manual_executor(), .on_report = [&](const rulebus::schedule_report& r) {
           if (r.what == rulebus::schedule_event::fired_late) {
             ++fired_late;
           } else {
             taken[std::string(r.name)].push_back(seconds(r.scheduled_time));
           }
         }});
    const auto target = rulebus::make_target([&](const rulebus::delivery& d) {
      const std::string input(d.input());  // the instant
      const std::int64_t instant = naive::to_instant(input);
      taken[std::string(d.rule_name().substr(8))].push_back(instant);
      if (seconds(clock->now()) - instant > 60) ++late;
    });
    std::map<std::string, naive::promised_schedule> all;
    for (const std::string& expression : expressions) {
      for (const rulebus::catch_up policy : policies) {
        rulebus::schedule one{.name = "s" + std::to_string(all.size()), .schedule_expression = expression};
        one.schedule_expression_timezone = "America/New_York";
        one.target = {.target = target, .arn = "arn", .input = "<aws.scheduler.scheduled-time>"};
        one.catch_up = policy;
        all[one.name] = {expression, one.schedule_expression_timezone};
        s.create_schedule(one).value();
      }
    }
    s.pump();
    rulebus::time_point furthest = start;
    for (int step = 0; step < 60; ++step) {
      const auto by = std::chrono::seconds(random.between(1, random.percent(50) ? 90 : 5 * 3600));
      switch (random.below(4)) {
        case 0: clock->jump(clock->now() + by); break;  // put forward, or a suspended machine
        case 1: clock->jump(clock->now() - by); break;
        default: clock->advance(by);
      }
      furthest = std::max(furthest, clock->now());
      s.pump();
    }
    CAPTURE(seed);
    CAPTURE(round);
    for (const auto& one : all) {
      CAPTURE(one.second.expression);
      CHECK((taken[one.first] == naive::promised_instants(one.second, seconds(start), seconds(furthest))));
    }
    CHECK(late == fired_late);
  }
}

TEST_CASE("scheduler: the system's clock may be set without a word: what is due then fires soon, and not again") {
  class stepped final : public rulebus::clock {
   public:
    rulebus::time_point now() const override {
      return std::chrono::floor<std::chrono::milliseconds>(probe::utc(2027, 1, 1) + (elapsed() - start_) + step.load() * 1s);
    }
    std::chrono::nanoseconds elapsed() const override { return std::chrono::steady_clock::now().time_since_epoch(); }
    std::atomic<std::int64_t> step{0};  // in seconds

   private:
    const std::chrono::nanoseconds start_ = std::chrono::steady_clock::now().time_since_epoch();
  };
  const auto clock = std::make_shared<stepped>();
  std::atomic<int> fired{0};
  rulebus::scheduler s({.clock = clock});
  rulebus::schedule one{.name = "s", .schedule_expression = "at(2027-01-01T06:00:00)"};
  one.target.target = rulebus::make_target([&](const rulebus::delivery&) { ++fired; });
  s.create_schedule(one).value();
  CHECK(fired == 0);
  clock->step = 6 * 3600;
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (fired == 0 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
  CHECK(fired == 1);
  clock->step = 6 * 3600 - 60;  // back: soon it is six again
  s.flush(5s).value();
  clock->step = 6 * 3600 + 60;
  s.flush(5s).value();
  CHECK(fired == 1);
}
