#include "rulebus/scheduler.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "scheduler_probe.hpp"

namespace {

using namespace std::chrono_literals;
using probe::utc;
using probe::virtual_scheduler;
using texts = std::vector<std::string>;

const rulebus::time_point morning = utc(2026, 11, 25, 8);

rulebus::errc code(const auto& result) { return result ? rulebus::errc{} : result.error().code; }

}  // namespace

TEST_CASE("scheduler: a cron fires at its minutes, in the order of time, and schedules of one time in that of creation") {
  virtual_scheduler v(morning);
  v.it->create_schedule(v.make("b", "cron(0 9 * * ? *)")).value();
  v.it->create_schedule(v.make("a", "cron(0/30 9 * * ? *)")).value();
  v.run_until(utc(2026, 11, 26, 9));
  CHECK(v.taken() == texts{"default/b 2026-11-25T09:00:00Z", "default/a 2026-11-25T09:00:00Z", "default/a 2026-11-25T09:30:00Z",
                           "default/b 2026-11-26T09:00:00Z", "default/a 2026-11-26T09:00:00Z"});
  CHECK(v.told().empty());
}

TEST_CASE("scheduler: a rate fires at once and then every period; with a start date, at that and every period") {
  virtual_scheduler v(morning + 1s);
  v.it->create_schedule(v.make("now", "rate(2 hours)")).value();
  rulebus::schedule later = v.make("later", "rate(2 hours)");
  later.start_date = utc(2026, 11, 25, 9, 0, 30);
  later.end_date = utc(2026, 11, 25, 11, 0, 30);
  v.it->create_schedule(later).value();
  rulebus::schedule past = v.make("past", "rate(7 hours)");
  past.start_date = utc(2026, 11, 25);
  v.it->create_schedule(past).value();
  v.run_until(utc(2026, 11, 25, 15));
  CHECK(v.taken() == texts{"default/now 2026-11-25T08:00:01Z", "default/later 2026-11-25T09:00:30Z",
                           "default/now 2026-11-25T10:00:01Z", "default/later 2026-11-25T11:00:30Z",
                           "default/now 2026-11-25T12:00:01Z", "default/past 2026-11-25T14:00:00Z",
                           "default/now 2026-11-25T14:00:01Z"});
  CHECK(v.it->status("later")->next == std::nullopt);
}

TEST_CASE("scheduler: at fires once; dates do not matter to it; afterwards it stays, or is deleted") {
  virtual_scheduler v(morning);
  rulebus::schedule stays = v.make("stays", "at(2026-11-25T09:00:00)"), goes = v.make("goes", "at(2026-11-25T10:00:01)");
  stays.end_date = utc(2020, 1, 1);
  goes.action_after_completion = rulebus::completion::remove;
  goes.schedule_expression_timezone = "Europe/Kyiv";
  v.it->create_schedule(stays).value();
  v.it->create_schedule(goes).value();
  v.it->create_schedule(v.make("over", "at(2020-01-01T00:00:00)")).value();
  v.run_until(utc(2026, 11, 26));
  CHECK(v.taken() == texts{"default/goes 2026-11-25T08:00:01Z", "default/stays 2026-11-25T09:00:00Z"});
  CHECK(v.it->get_schedule("stays"));
  CHECK(code(v.it->get_schedule("goes")) == rulebus::errc::not_found);
  CHECK(v.it->size() == 2);
}

TEST_CASE("scheduler: what is disabled, deleted or paused does not fire, and what is enabled goes on from now") {
  virtual_scheduler v(morning);
  rulebus::schedule s = v.make("s", "rate(1 hour)");
  s.state = rulebus::schedule_state::disabled;
  v.it->create_schedule(s).value();
  v.run_until(morning + 90min);
  CHECK(v.taken().empty());
  v.it->enable_schedule("s").value();
  v.run_until(morning + 2h);
  CHECK(v.taken() == texts{"default/s 2026-11-25T10:00:00Z"});
  v.it->disable_schedule("s").value();
  v.run_until(morning + 4h);
  v.it->enable_schedule("s").value();
  v.it->enable_schedule("s").value();
  v.run_until(morning + 5h);
  CHECK(v.taken() == texts{"default/s 2026-11-25T12:00:00Z", "default/s 2026-11-25T13:00:00Z"});
  v.it->delete_schedule("s").value();
  v.run_until(morning + 9h);
  CHECK(v.taken().empty());
  CHECK(v.told().empty());
}

TEST_CASE("scheduler: an update replaces everything, repeats no instant, and keeps the count of a rate") {
  virtual_scheduler v(morning);
  v.it->create_schedule(v.make("s", "rate(1 hour)")).value();
  v.run_until(morning + 90min);
  v.taken();
  rulebus::schedule s = v.make("s", "rate(1 hour)");
  s.description = "new";
  v.it->update_schedule(s).value();
  CHECK(v.it->get_schedule("s")->description == "new");
  v.run_until(morning + 2h);
  v.it->update_schedule(s).value();
  v.it->update_schedule(v.make("s", "cron(0 10,11 * * ? *)")).value();
  v.run_until(morning + 3h);
  CHECK(v.taken() == texts{"default/s 2026-11-25T10:00:00Z", "default/s 2026-11-25T11:00:00Z"});
  CHECK(v.it->get_schedule("s")->description.empty());
  CHECK(code(v.it->update_schedule(v.make("t", "rate(1 hour)"))) == rulebus::errc::not_found);
}

TEST_CASE("scheduler: groups hold names apart, and take their schedules with them") {
  virtual_scheduler v(morning);
  CHECK(v.it->list_schedule_groups() == texts{"default"});
  v.it->create_schedule_group("night", {{"team", "ops"}}).value();
  CHECK(code(v.it->create_schedule_group("night")) == rulebus::errc::already_exists);
  CHECK(code(v.it->create_schedule_group("no spaces")) == rulebus::errc::invalid_argument);
  rulebus::schedule s = v.make("s", "rate(1 hour)");
  CHECK(v.it->create_schedule(s).value() == "arn:aws:scheduler:local:000000000000:schedule/default/s");
  s.group = "night";
  s.tags = {{"kind", "x"}};
  CHECK(v.it->create_schedule(s).value() == "arn:aws:scheduler:local:000000000000:schedule/night/s");
  CHECK(code(v.it->create_schedule(s)) == rulebus::errc::already_exists);
  s.group = "nowhere";
  CHECK(code(v.it->create_schedule(s)) == rulebus::errc::not_found);
  const auto ops = rulebus::tag_filter::parse(R"({"team": ["ops"], "kind": ["x"]})").value();
  CHECK(v.it->list_schedules().size() == 2);
  CHECK(v.it->list_schedules({.group = "night"}).size() == 1);
  REQUIRE(v.it->list_schedules({.tags = &ops}).size() == 1);
  CHECK(v.it->list_schedules({.tags = &ops}).front().group == "night");
  CHECK(v.it->list_schedules({.name_prefix = "t"}).empty());
  CHECK(code(v.it->delete_schedule_group("default")) == rulebus::errc::invalid_argument);
  v.it->delete_schedule_group("night").value();
  v.it->pump();
  CHECK(v.taken() == texts{"default/s 2026-11-25T08:00:00Z"});
  CHECK(v.it->size() == 1);
  CHECK(code(v.it->list_tags("night")) == rulebus::errc::not_found);
}

TEST_CASE("scheduler: what is wrong is refused, with the reason, and changes nothing") {
  virtual_scheduler v(morning);
  const auto refused = [&](auto change) {
    rulebus::schedule s = v.make("s", "rate(1 hour)");
    change(s);
    return code(v.it->create_schedule(s));
  };
  CHECK(refused([](auto& s) { s.name = ""; }) == rulebus::errc::invalid_argument);
  CHECK(refused([](auto& s) { s.schedule_expression = "cron(61 * * * ? *)"; }) == rulebus::errc::invalid_schedule);
  CHECK(refused([](auto& s) { s.schedule_expression_timezone = "Europe/Nowhere"; }) == rulebus::errc::not_found);
  CHECK(refused([](auto& s) { s.target.target = nullptr; }) == rulebus::errc::invalid_argument);
  CHECK(refused([](auto& s) { s.target.input = std::string(256 * 1024 + 1, 'x'); }) == rulebus::errc::invalid_argument);
  CHECK(refused([](auto& s) { s.flexible_time_window = 1441min; }) == rulebus::errc::invalid_argument);
  CHECK(refused([](auto& s) { s.catch_up_window = -1s; }) == rulebus::errc::invalid_argument);
  CHECK(refused([](auto& s) { s.tags = {{"aws:x", ""}}; }) == rulebus::errc::invalid_argument);
  CHECK(refused([](auto& s) {
          s.start_date = utc(2027, 1, 1);
          s.end_date = utc(2026, 1, 1);
        }) == rulebus::errc::invalid_argument);
  CHECK(refused([](auto& s) { s.target.delivery.emplace().max_in_flight = 0; }) == rulebus::errc::invalid_argument);
  CHECK(v.it->size() == 0);
  const auto wrong = v.it->create_schedule(v.make("s", "cron(61 * * * ? *)"));
  CHECK(wrong.error().message.starts_with("Invalid Schedule Expression cron(61 * * * ? *)."));
  CHECK_FALSE(v.it->next_due());
}

TEST_CASE("scheduler: without an input the target gets the service's event, with one that, its attributes filled in") {
  virtual_scheduler v(morning);
  texts inputs;
  int failures_left = 2;
  const auto keeping = rulebus::make_target([&](const rulebus::delivery& d) {
    inputs.emplace_back(d.input());
    if (failures_left > 0 && failures_left-- > 0 && inputs.size() > 1) throw std::runtime_error("again");
  });
  rulebus::schedule plain = v.make("plain", "at(2026-11-25T09:00:00)"), own = v.make("own", "at(2026-11-25T10:00:00)");
  plain.target.target = own.target.target = keeping;
  own.target.input =
      R"({"a":"<aws.scheduler.schedule-arn>","t":"<aws.scheduler.scheduled-time>","n":<aws.scheduler.attempt-number>})";
  v.it->create_schedule(plain).value();
  v.it->create_schedule(own).value();
  v.run_until(utc(2026, 11, 25, 12));
  REQUIRE(inputs.size() == 3);
  CHECK(inputs[0].starts_with(R"({"version":"0","id":")"));
  CHECK(inputs[0].ends_with(
      R"(","detail-type":"Scheduled Event","source":"aws.scheduler","account":"000000000000","time":"2026-11-25T09:00:00Z","region":"local","resources":["arn:aws:scheduler:local:000000000000:schedule/default/plain"],"detail":"{}"})"));
  const std::string own_input =
      R"({"a":"arn:aws:scheduler:local:000000000000:schedule/default/own","t":"2026-11-25T10:00:00Z","n":)";
  CHECK(inputs[1] == own_input + "1}");
  CHECK(inputs[2] == own_input + "2}");
}

TEST_CASE("scheduler: what cannot be delivered goes to the dead letters, with the fire's own attributes and input") {
  virtual_scheduler v(morning);
  texts letters;
  rulebus::schedule s = v.make("s", "at(2026-11-25T09:00:00)");
  s.target.input = "<aws.scheduler.attempt-number>";
  s.target.target = rulebus::make_target([](const rulebus::delivery&) -> rulebus::result<void> {
    return rulebus::error{rulebus::errc::target_failed, "no"};
  });
  s.target.dead_letter = rulebus::make_target([&](const rulebus::delivery& d) {
    const auto& a = *d.details().attributes;
    letters.push_back(std::string(d.input()) + " " + a.at("SCHEDULE_ARN") + " " + a.at("SCHEDULED_TIME") + " " +
                      (a.at("EXECUTION_ID") == d.details().execution_id ? "same" : "other") +
                      std::to_string(a.count("RULE_ARN")));
  });
  v.it->create_schedule(s).value();
  v.run_until(utc(2026, 11, 25, 12));
  CHECK(letters == texts{"1 arn:aws:scheduler:local:000000000000:schedule/default/s 2026-11-25T09:00:00Z same0"});
}

TEST_CASE("scheduler: a flexible window delays each fire by its own seeded time, never into the next") {
  const auto times = [](std::uint64_t seed) {
    virtual_scheduler v(morning, 60s, seed);
    std::vector<std::int64_t> delays;
    rulebus::schedule s = v.make("s", "rate(10 minutes)");
    s.flexible_time_window = 24h;
    s.target.target = rulebus::make_target([&](const rulebus::delivery&) {
      delays.push_back((v.clock->now() - rulebus::time_point(morning)) / 1ms -
                       static_cast<std::int64_t>(delays.size()) * 600'000);
    });
    v.it->create_schedule(s).value();
    v.run_until(morning + 100h);
    CHECK(v.told().empty());
    return delays;
  };
  const auto once = times(1), again = times(1), other = times(2);
  REQUIRE(once.size() >= 600);
  CHECK(once == again);
  CHECK(once != other);
  std::int64_t sum = 0;
  for (const std::int64_t d : once) {
    CHECK(d >= 0);
    CHECK(d < 600'000);
    sum += d;
  }
  CHECK(sum / static_cast<std::int64_t>(once.size()) > 270'000);
  CHECK(sum / static_cast<std::int64_t>(once.size()) < 330'000);
}

TEST_CASE("scheduled_event_json: the event of a rule's schedule, as it was recorded") {
  CHECK(
      rulebus::scheduled_event_json({.rule_arn = "arn:aws:events:us-east-1:111122223333:rule/my-schedule",
                                     .id = "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
                                     .time = utc(2015, 10, 8, 16, 53, 6),
                                     .account = "111122223333",
                                     .region = "us-east-1"}) ==
      R"({"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event","source":"aws.events","account":"111122223333","time":"2015-10-08T16:53:06Z","region":"us-east-1","resources":["arn:aws:events:us-east-1:111122223333:rule/my-schedule"],"detail":{}})");
}
