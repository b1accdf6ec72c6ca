// What the tests of the scheduler share: one in virtual time, whose fires and reports are kept as text.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rulebus/scheduler.hpp"

namespace probe {

using namespace std::chrono_literals;

inline rulebus::time_point utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  return std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) +
         std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
}

/// Fires are "group/name 2026-11-25T08:00:00Z", reports "what name time in seconds".
class virtual_scheduler {
 public:
  explicit virtual_scheduler(rulebus::time_point start, std::chrono::seconds late_after = 60s, std::uint64_t seed = 7)
      : clock(std::make_shared<rulebus::manual_clock>(rulebus::time_point(start))), late_after_(late_after), seed_(seed) {
    open();
  }
  /// Throws away the scheduler and all it holds, as a crash does, and starts another from the state given.
  void restart(const std::string& state) {
    it.reset();
    open();
    it->restore(state, [this](std::string_view) { return target(); }).value();
  }

  std::shared_ptr<rulebus::target> target() {
    if (!target_) {
      target_ = rulebus::make_target([this](const rulebus::delivery& d) {
        const rulebus::delivery_details of = d.details();
        fires.push_back(std::string(of.rule_name) + " " + std::string(of.scheduled_time));
      });
    }
    return target_;
  }
  /// Lets time pass from due instant to due instant.
  void run_until(rulebus::time_point end) {
    const rulebus::time_point until = end;
    it->pump();
    for (;;) {
      const auto due = it->next_due();
      if (!due || clock->now() + *due > until) break;
      clock->advance(*due);
      it->pump();
    }
    clock->advance(until - clock->now());
    it->pump();
  }
  void sleep(std::chrono::nanoseconds by) {
    clock->jump(clock->now() + std::chrono::floor<std::chrono::milliseconds>(by));
    it->pump();
  }
  std::vector<std::string> taken() { return std::exchange(fires, {}); }
  std::vector<std::string> told() { return std::exchange(reports, {}); }

  rulebus::schedule make(std::string name, std::string expression) {
    rulebus::schedule s;
    s.name = std::move(name);
    s.schedule_expression = std::move(expression);
    s.target = {.target = target(), .arn = "arn:probe"};
    return s;
  }

  std::shared_ptr<rulebus::manual_clock> clock;
  std::optional<rulebus::scheduler> it;
  std::vector<std::string> fires, reports;

 private:
  void open() {
    it.emplace(rulebus::scheduler_options{.clock = clock,
                                          .executor = rulebus::make_manual_executor(),
                                          .seed = seed_,
                                          .late_after = late_after_,
                                          .on_report = [this](const rulebus::schedule_report& r) {
                                            reports.push_back(std::string(name(r.what)) + " " + std::string(r.name) + " " +
                                                              std::to_string(r.scheduled_time.time_since_epoch() / 1s));
                                          }});
  }
  std::chrono::seconds late_after_;
  std::uint64_t seed_;
  std::shared_ptr<rulebus::target> target_;
};

}  // namespace probe
