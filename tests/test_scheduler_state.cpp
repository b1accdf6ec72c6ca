// A scheduler's state as a value: saved, thrown away, restored. What it then fires is in test_scheduler_restore.cpp.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "random_source.hpp"
#include "rulebus/scheduler.hpp"
#include "scheduler_probe.hpp"

namespace {

using namespace std::chrono_literals;
using probe::utc;
using probe::virtual_scheduler;
using rulebus::catch_up;
using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("scheduler: a restored schedule is the one that was saved, in every member") {
  virtual_scheduler v(utc(2026, 11, 25, 8));
  v.it->create_schedule_group("night", {{"team", "o\"ps"}}).value();
  rulebus::schedule s = v.make("s", "rate(3 hours)");
  s.group = "night";
  s.schedule_expression_timezone = "Europe/Kyiv";
  s.description = "ä \"quoted\"\n";
  s.start_date = utc(2026, 11, 25, 8, 0, 1) + 5ms;
  s.end_date = utc(2030, 1, 1);
  s.flexible_time_window = 15min;
  s.action_after_completion = rulebus::completion::remove;
  s.target.input = R"({"x": "<aws.scheduler.execution-id>"})";
  s.target.delivery = {.dispatch = rulebus::dispatch::executor,
                       .retry = {3, 100s, 5ms, 7ms},
                       .timeout = 9ms,
                       .queue_capacity = 11,
                       .when_full = rulebus::overflow::drop_oldest,
                       .max_in_flight = 12,
                       .rate = {0.1, 2.5},
                       .breaker = {4, 6ms},
                       .batch = {2, 8ms}};
  s.target.dead_letter = v.target();
  s.target.dead_letter_arn = "arn:dead";
  s.overlap = rulebus::overlap::buffer_all;
  s.catch_up = catch_up::fire_all;
  s.catch_up_window = 77s;
  s.pause_after_failures = 5;
  s.tags = {{"a", "b"}};
  v.it->create_schedule(s).value();
  rulebus::schedule off = v.make("off", "cron(0 1 * * ? *)");
  off.state = rulebus::schedule_state::disabled;
  v.it->create_schedule(off).value();
  v.it->trigger_now("off").value();
  v.it->backfill("off", utc(2026, 1, 1), utc(2026, 1, 3)).value();
  const std::string state = v.it->save();
  v.restart(state);
  CHECK(v.it->save() == state);
  const rulebus::schedule back = v.it->get_schedule("s", "night").value();
  CHECK(back.description == s.description);
  CHECK(back.start_date == s.start_date);
  CHECK(back.end_date == s.end_date);
  CHECK(back.flexible_time_window == s.flexible_time_window);
  CHECK(back.action_after_completion == s.action_after_completion);
  CHECK(back.target.input == s.target.input);
  CHECK(back.target.delivery == s.target.delivery);
  CHECK(back.target.dead_letter == s.target.dead_letter);
  CHECK(back.target.dead_letter_arn == s.target.dead_letter_arn);
  CHECK(back.overlap == s.overlap);
  CHECK(back.catch_up == s.catch_up);
  CHECK(back.catch_up_window == s.catch_up_window);
  CHECK(back.pause_after_failures == s.pause_after_failures);
  CHECK(back.tags == s.tags);
  CHECK(back.schedule_expression_timezone == "Europe/Kyiv");
  CHECK(v.it->list_tags("night").value() == rulebus::string_map{{"team", "o\"ps"}});
  v.it->pump();
  CHECK(v.taken() ==
        texts{"default/off 2026-11-25T08:00:00Z", "default/off 2026-01-01T01:00:00Z", "default/off 2026-01-02T01:00:00Z"});
}

TEST_CASE("scheduler: what was buffered or failing when it was saved still is") {
  virtual_scheduler v(utc(2026, 11, 25, 8));
  std::vector<rulebus::delivery> open;
  class keeper final : public rulebus::target {
   public:
    explicit keeper(std::vector<rulebus::delivery>& to) : to_(to) {}
    void deliver(rulebus::delivery d) override { to_.push_back(std::move(d)); }

   private:
    std::vector<rulebus::delivery>& to_;
  };
  rulebus::schedule s = v.make("s", "rate(1 hour)");
  s.target.target = std::make_shared<keeper>(open);
  s.target.delivery = {.timeout = 0ms};
  s.overlap = rulebus::overlap::buffer_all;
  s.pause_after_failures = 3;
  v.it->create_schedule(s).value();
  v.it->pump();
  open.back().fail({rulebus::errc::target_failed, "no"});
  v.run_until(utc(2026, 11, 25, 11));
  CHECK(v.it->status("s")->buffered == 2);
  const std::string state = v.it->save();
  s = {};
  v.restart(state);  // its target answers at once
  CHECK(v.it->status("s")->failures == 1);
  v.it->pump();
  CHECK(v.taken() == texts{"default/s 2026-11-25T10:00:00Z", "default/s 2026-11-25T11:00:00Z"});
}

TEST_CASE("scheduler: text that is no state is refused with the place, and nothing is restored") {
  virtual_scheduler v(utc(2026, 11, 25, 8));
  v.it->create_schedule(v.make("a", "rate(1 hour)")).value();
  v.it->create_schedule(v.make("b", "cron(0 9 * * ? *)")).value();
  v.it->trigger_now("a").value();
  const std::string state = v.it->save();
  const auto find = [&](std::string_view arn) { return arn == "arn:probe" ? v.target() : nullptr; };
  CHECK(v.it->restore(state, find).error().code == rulebus::errc::invalid_argument);  // not empty
  virtual_scheduler empty(utc(2026, 11, 25, 8));
  CHECK(empty.it->restore(state, nullptr).error().code == rulebus::errc::not_found);
  for (std::size_t cut = 0; cut < state.size(); ++cut) {
    CHECK_FALSE(empty.it->restore(state.substr(0, cut), find));
  }
  const std::uint64_t seed = tests::seed();
  CAPTURE(seed);
  tests::random_source random(seed);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = state;
    damaged[random.below(damaged.size())] = static_cast<char>(random.between(1, 126));
    virtual_scheduler other(utc(2026, 11, 25, 8));
    if (!other.it->restore(damaged, find)) CHECK(other.it->size() == 0);
    other.it->pump(1000);
  }
  CHECK(empty.it->size() == 0);
  CHECK(empty.it->restore("{\"version\":2}", find).error().code == rulebus::errc::invalid_argument);
  const auto wrong = empty.it->restore("{\"version\":1,\n\"schedules\":[{\"nmae\":\"x\"}]}", find);
  CHECK(wrong.error().line == 2);
  // What makes no sense by itself, and what makes none as a whole: each with its place in the state.
  const auto refused_at = [&](std::string_view rest) {
    const std::string text = "\n{\"version\":1,\n" + std::string(rest) + "}";
    const auto restored = empty.it->restore(text, find);
    REQUIRE_FALSE(restored);
    CHECK(restored.error().line == 3);
    CHECK(restored.error().column == restored.error().offset - 14);
    return text.substr(restored.error().offset, 9);
  };
  const std::string to_probe = R"("target":"arn:probe"})", day = R"x("name":"s","expression":"rate(1 day)",)x" + to_probe;
  CHECK(refused_at(R"x("schedules":[{"name":"s","expression":"at(2027-03-14T12:o0:00)",)x" + to_probe + "]") == "\"at(2027-");
  CHECK(refused_at(R"x("schedules":[{)x" + day + R"x(,{"expression":"rate(1 day)","name":"/",)x" + to_probe + "]") ==
        "{\"express");
  CHECK(refused_at(R"x("schedules":[{"target":"arn:other","name":"s","expression":"rate(1 day)"}])x") == "{\"target\"");
  CHECK(refused_at(R"x("schedules":[{)x" + day + R"x(,{ )x" + day + "]") == "{ \"name\":");
  CHECK(refused_at(R"x("schedules":[{"group":"none",)x" + day + "]") == "{\"group\":");
  CHECK(refused_at(R"x("groups":[{"name":"g"},{"tags":{},"name":"g"}])x") == "{\"tags\":{");
  CHECK(refused_at(R"x("groups":[{"name":"/"}])x") == "{\"name\":\"");
  CHECK(refused_at(R"x("groups":[{"tags":{"":"x"},"name":"g"}])x") == "{\"tags\":{");
  CHECK(refused_at(R"x("schedules":[{)x" + day + R"x(],"fires":[{"time":5,"schedule":1 }])x") == "1 }]}");
  empty.it->restore(state, find).value();
  CHECK(empty.it->size() == 2);
}
