// Rules with a schedule: when they fire, what their targets get, and what ends it.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bus_probe.hpp"
#include "naive_json.hpp"
#include "rulebus/configuration.hpp"
#include "rulebus/service.hpp"
#include "scheduler_probe.hpp"

using namespace rulebus;
using namespace std::chrono_literals;
using probe::utc;
using texts = std::vector<std::string>;

namespace {

const time_point morning = utc(2026, 11, 25, 8, 0, 30);

/// A bus in virtual time whose rules all have one target; fires are "rule 2026-11-25T08:00:00Z", by the event's time.
struct virtual_bus {
  std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>(morning);
  texts fires{}, events{};
  bus it{"default", {.account = "123456789012", .region = "eu-north-1", .clock = clock, .executor = make_manual_executor()}};

  void put(rule r) {
    const std::string name = r.name;
    it.put_rule(std::move(r)).value();
    it.put_target(name,
                  {.id = "t", .target = make_target([this](const delivery& d) {
                                events.emplace_back(d.event().json());
                                const std::string& json = events.back();
                                fires.push_back(std::string(d.rule_name()) + " " + json.substr(json.find("\"time\":") + 8, 20));
                              })})
        .value();
  }
  void run_until(time_point end) {
    it.pump();
    for (auto due = it.next_due(); due && clock->now() + *due <= end; due = it.next_due()) {
      clock->advance(*due);
      it.pump();
    }
    clock->advance(end - clock->now());
    it.pump();
  }
  texts taken() { return std::exchange(fires, {}); }
};

texts rates(const char* name, std::initializer_list<const char*> times) {
  texts all;
  for (const char* t : times) all.push_back(std::string(name) + " 2026-11-25T" + t + "Z");
  return all;
}

}  // namespace

TEST_CASE("rule schedules: a cron fires at its minutes, a rate every period from when the rule got it, one period later first") {
  virtual_bus b;
  b.put({.name = "cron", .schedule_expression = "cron(5/20 8 * * ? *)"});
  b.put({.name = "rate", .schedule_expression = "rate(20 minutes)"});
  b.run_until(utc(2026, 11, 25, 9));
  CHECK(b.taken() == texts{"cron 2026-11-25T08:05:00Z", "rate 2026-11-25T08:20:30Z", "cron 2026-11-25T08:25:00Z",
                           "rate 2026-11-25T08:40:30Z", "cron 2026-11-25T08:45:00Z"});
  CHECK(*b.it.next_due() == 30s);
}

TEST_CASE("rule schedules: the targets get the service's event, and its id is new each time") {
  virtual_bus b;
  b.put({.name = "hourly", .schedule_expression = "rate(1 hour)"});
  b.put({.name = "all", .event_pattern = R"({"source": [{"exists": true}]})"});
  b.it.put_target("hourly", {.id = "u",
                             .target = make_target([](const delivery& d) { CHECK(d.input() == "\"own\""); }),
                             .input = {.input = "\"own\""}})
      .value();
  b.run_until(morning + 2h);
  CHECK(b.taken() == rates("hourly", {"09:00:30", "10:00:30"}));  // and not to the rule whose pattern it would match
  REQUIRE(b.events.size() == 2);
  const std::string id = b.events[0].substr(b.events[0].find("\"id\":") + 6, 36);
  CHECK(b.events[0] == R"({"version":"0","id":")" + id +
                           R"(","detail-type":"Scheduled Event","source":"aws.events","account":"123456789012",)"
                           R"("time":"2026-11-25T09:00:30Z","region":"eu-north-1",)"
                           R"("resources":["arn:aws:events:eu-north-1:123456789012:rule/hourly"],"detail":{}})");
  CHECK(b.events[1].find(id) == std::string::npos);
  CHECK(b.it.metrics().events == 2);
  CHECK(b.it.metrics("hourly")->triggered_rules == 2);
  CHECK(b.it.metrics("all")->triggered_rules == 0);
}

TEST_CASE("rule schedules: with a pattern as well, either triggers the rule; with a schedule alone, no event that is put does") {
  virtual_bus b;
  b.put({.name = "both", .event_pattern = R"({"source": ["shop"]})", .schedule_expression = "rate(1 hour)"});
  b.put({.name = "timed", .schedule_expression = "rate(1 hour)"});
  b.it.put_event({.source = "shop", .detail_type = "Order", .detail = "{}"}).value();
  CHECK(b.taken() == rates("both", {"08:00:30"}));
  b.run_until(morning + 1h);
  CHECK(b.taken() == texts{"both 2026-11-25T09:00:30Z", "timed 2026-11-25T09:00:30Z"});
}

TEST_CASE("rule schedules: what is disabled or deleted, or has its schedule no more, does not fire") {
  virtual_bus b;
  for (const char* name : {"disabled", "deleted", "changed", "untargeted"})
    b.put({.name = name, .schedule_expression = "rate(1 hour)"});
  b.put({.name = "born_off", .schedule_expression = "rate(1 hour)", .state = rule_state::disabled});
  b.it.disable_rule("disabled").value();
  b.it.remove_target("untargeted", "t").value();
  b.it.remove_target("deleted", "t").value();
  b.it.delete_rule("deleted").value();
  b.it.put_rule({.name = "changed", .event_pattern = R"({"source": ["shop"]})"}).value();
  b.run_until(morning + 90min);
  CHECK(b.taken() == texts{});
  b.it.enable_rule("disabled").value();  // goes on from now, counting from where it did
  b.it.enable_rule("born_off").value();
  b.run_until(morning + 2h);
  CHECK(b.taken() == texts{"disabled 2026-11-25T10:00:30Z", "born_off 2026-11-25T10:00:30Z"});
  b.it.stop();
  CHECK_FALSE(b.it.next_due().has_value());
  b.run_until(morning + 5h);
  CHECK(b.taken() == texts{});
}

TEST_CASE("rule schedules: putting a rule again keeps the count of its rate, another rate counts anew") {
  virtual_bus b;
  b.put({.name = "r", .schedule_expression = "rate(1 hour)"});
  b.run_until(morning + 50min);
  b.it.put_rule({.name = "r", .schedule_expression = "rate(1 hour)", .description = "new"}).value();
  b.run_until(morning + 1h);
  CHECK(b.taken() == rates("r", {"09:00:30"}));
  b.it.put_rule({.name = "r", .schedule_expression = "rate(60 minutes)"}).value();  // the same in other words
  b.run_until(morning + 110min);
  b.it.put_rule({.name = "r", .schedule_expression = "rate(30 minutes)"}).value();
  b.run_until(morning + 145min);
  CHECK(b.taken() == rates("r", {"10:20:30"}));
}

TEST_CASE("rule schedules: describe and list tell the expression as it was given") {
  virtual_bus b;
  b.put({.name = "r", .schedule_expression = "cron(0  12 * * ? *)"});
  CHECK(b.it.describe_rule("r")->schedule_expression == "cron(0  12 * * ? *)");
  CHECK(b.it.list_rules().at(0).schedule_expression == "cron(0  12 * * ? *)");
  CHECK(b.it.list_rules().at(0).event_pattern.empty());
}

TEST_CASE("rule schedules: what is wrong is refused in the service's words, and changes nothing") {
  virtual_bus b;
  b.put({.name = "r", .schedule_expression = "rate(1 hour)"});
  for (const char* bad : {"rate(1 hours)", "cron(0 0 * * * *)", "at(2026-12-01T00:00:00)", "rate(0 minutes)", "daily"}) {
    const auto put = b.it.put_rule({.name = "r", .schedule_expression = bad});
    CAPTURE(bad);
    REQUIRE_FALSE(put);
    CHECK(put.error().code == errc::invalid_schedule);
    CHECK(put.error().message.starts_with("Parameter ScheduleExpression is not valid. Reason: "));
  }
  CHECK(b.it.put_rule({.name = "r"}).error().message == "Parameter(s) EventPattern or ScheduleExpression must be specified.");
  CHECK(b.it.describe_rule("r")->schedule_expression == "rate(1 hour)");
  service events;
  events.create_event_bus({.name = "orders"}).value();
  const auto put = events.put_rule({.name = "r", .schedule_expression = "rate(1 hour)"}, "orders");
  REQUIRE_FALSE(put);
  CHECK(put.error().code == errc::invalid_argument);
  CHECK(put.error().message == "ScheduleExpression is supported only on the default event bus.");
  CHECK(events.put_rule({.name = "r", .schedule_expression = "rate(1 hour)"}).value() ==
        "arn:aws:events:local:000000000000:rule/r");
}

TEST_CASE("rule schedules: of what was slept through the last fires, the others are counted; a clock put back repeats nothing") {
  virtual_bus b;
  b.put({.name = "r", .schedule_expression = "rate(1 hour)"});
  b.run_until(morning + 1h);
  CHECK(b.taken() == rates("r", {"09:00:30"}));
  b.clock->jump(morning + 1h - 30min);  // put back
  b.it.pump();
  b.run_until(morning + 1h + 30min);
  b.it.disable_rule("r").value();
  b.clock->jump(morning + 30min);
  b.it.enable_rule("r").value();
  b.run_until(morning + 1h + 30min);
  CHECK(b.taken() == texts{});
  b.clock->jump(morning + 4h + 10min);  // asleep for 10:00:30, 11:00:30 and 12:00:30
  b.it.pump();
  CHECK(b.taken() == rates("r", {"12:00:30"}));
  CHECK(b.it.metrics().missed_schedules == 2);
  b.run_until(morning + 5h);
  CHECK(b.taken() == rates("r", {"13:00:30"}));
  CHECK(b.it.metrics().missed_schedules == 2);
}

TEST_CASE("rule schedules: flush fires what is due and waits for its end; a transaction's rules fire from then on") {
  virtual_bus b;
  texts seen;
  transaction t;
  t.put_rule({.name = "r", .schedule_expression = "rate(1 minute)"})
      .put_targets("r", {{.id = "t", .target = make_target([&](const delivery& d) { seen.emplace_back(d.rule_name()); })}});
  b.it.commit(t).value();
  b.clock->advance(1min);
  b.it.flush().value();
  CHECK(seen == texts{"r"});
}

TEST_CASE("rule schedules: a target may change, disable or remove its own rule") {
  virtual_bus b;
  int fired = 0;
  b.it.put_rule({.name = "r", .schedule_expression = "rate(1 minute)"}).value();
  b.it.put_target("r", {.id = "t", .target = make_target([&](const delivery&) {
                                     if (++fired == 2)
                                       b.it.put_rule({.name = "r", .schedule_expression = "rate(1 hour)"}).value();
                                     if (fired == 3) b.it.disable_rule("r").value();
                                   })})
      .value();
  b.run_until(morning + 10h);
  CHECK(fired == 3);
}

TEST_CASE("rule schedules: a slow target holds back none of the other rules while a thread is left") {
  const auto clock = std::make_shared<manual_clock>(morning);
  std::atomic<bool> held{false}, over{false};
  std::atomic<int> others{0};
  {
    bus b("default", {.clock = clock, .threads = 2});
    b.put_rule({.name = "slow", .schedule_expression = "rate(1 minute)"}).value();
    b.put_rule({.name = "other", .schedule_expression = "rate(1 minute)"}).value();
    b.put_target("slow", {.id = "t",
                          .target = make_target([&](const delivery&) {
                            held = true;
                            while (!over) std::this_thread::sleep_for(1ms);
                          }),
                          .delivery = delivery_options{.timeout = 0ms, .max_in_flight = 1}})
        .value();
    b.put_target("other", {.id = "t", .target = make_target([&](const delivery&) { ++others; })}).value();
    for (int minute = 1; minute <= 3; ++minute) {
      clock->advance(1min);
      const auto until = std::chrono::steady_clock::now() + 20s;
      while ((others < minute || !held) && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
      CHECK(others == minute);
    }
    over = true;
    b.flush(20s).value();
  }
  CHECK(held);
}

TEST_CASE("rule schedules: with threads and the system's clock they fire by themselves, until the bus is gone") {
  std::atomic<int> fired{0};

  class shifted final : public clock {  // real time, which begins half a second before a minute
   public:
    time_point now() const override {
      return utc(2026, 11, 25, 8, 0, 59) + 500ms + std::chrono::floor<std::chrono::milliseconds>(elapsed() - start_);
    }
    std::chrono::nanoseconds elapsed() const override { return std::chrono::steady_clock::now().time_since_epoch(); }

   private:
    const std::chrono::nanoseconds start_ = std::chrono::steady_clock::now().time_since_epoch();
  };
  {
    bus b("default", {.clock = std::make_shared<shifted>()});
    b.put_rule({.name = "r", .schedule_expression = "cron(* * * * ? *)"}).value();
    b.put_target("r", {.id = "t", .target = make_target([&](const delivery&) { ++fired; })}).value();
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (fired == 0 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
    CHECK(fired == 1);
  }
}

TEST_CASE("rule schedules: a configuration carries them, and what it dumps is the same again") {
  const auto clock = std::make_shared<manual_clock>(morning);
  service events({.buses = {.clock = clock, .executor = make_manual_executor()}});
  configuration c(events);
  const std::string document = R"json({"buses": [{"name": "default", "rules": [
    {"schedule_expression": "rate(1 hour)", "name": "a", "targets": [{"id": "q", "type": "queue", "name": "q"}]},
    {"name": "b", "event_pattern": {"source": ["shop"]}, "schedule_expression": "cron(0 9 * * ? *)",
     "state": "DISABLED"}]}]})json";
  c.load(document).value();
  const std::string dumped = c.dump().value();
  CHECK(dumped.find("\"schedule_expression\": \"rate(1 hour)\"") != std::string::npos);
  CHECK(dumped.find("\"event_pattern\": {\"source\":[\"shop\"]},\n          \"schedule_expression\": \"cron(0 9 * * ? *)\"") !=
        std::string::npos);
  CHECK(c.format(document).value() == dumped);
  clock->advance(30min);
  c.load(dumped).value();  // changes nothing: the rate goes on counting
  CHECK(c.dump().value() == dumped);
  clock->advance(30min);
  events.flush().value();
  CHECK(c.queue("q")->receive().size() == 1);
  const auto bad = c.load(R"json({"buses": [{"name": "default", "rules": [
    {"name": "a", "schedule_expression": "rate(1 hours)"}]}]})json");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message.starts_with("buses[0].rules[0].schedule_expression: Parameter ScheduleExpression is not valid."));
  CHECK(bad.error().line == 2);
  CHECK(bad.error().column == 42);
}
