// What a scheduler does beyond the expression: overlaps, catching up, pausing, fires that are asked for, clocks that jump.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "rulebus/scheduler.hpp"
#include "scheduler_probe.hpp"

namespace {

using namespace std::chrono_literals;
using probe::utc;
using probe::virtual_scheduler;
using rulebus::catch_up;
using rulebus::overlap;
using texts = std::vector<std::string>;

const rulebus::time_point morning = utc(2026, 11, 25, 8);

/// A target that answers when it is told to; what it was given, by time of day.
struct slow_target {
  std::deque<rulebus::delivery> open;
  texts given;
  std::shared_ptr<rulebus::target> target() {
    class keeper final : public rulebus::target {
     public:
      explicit keeper(slow_target& of) : of_(of) {}
      void deliver(rulebus::delivery d) override {
        of_.given.emplace_back(d.details().scheduled_time.substr(11, 5));
        of_.open.push_back(std::move(d));
      }

     private:
      slow_target& of_;
    };
    return std::make_shared<keeper>(*this);
  }
  void succeed() {
    open.front().succeed();
    open.pop_front();
  }
  void fail() {
    open.front().fail({rulebus::errc::target_failed, "no"});
    open.pop_front();
  }
};

rulebus::schedule slow_schedule(virtual_scheduler& v, slow_target& t, overlap how) {
  rulebus::schedule s = v.make("s", "rate(1 hour)");
  s.target.target = t.target();
  s.target.delivery = {.timeout = 0ms};
  s.overlap = how;
  return s;
}

/// Fires at 8:00; the end of that one comes at 10:30, of all others at once. What was given until 12:00.
texts overlapping(overlap how, texts& reports) {
  virtual_scheduler v(morning);
  slow_target t;
  v.it->create_schedule(slow_schedule(v, t, how)).value();
  v.run_until(morning + 150min);
  while (!t.open.empty()) {
    t.succeed();
    v.it->pump();
  }
  v.run_until(morning + 3h);
  t.succeed();
  v.run_until(morning + 4h);
  reports = v.told();
  const texts given = t.given;
  v.it.reset();
  return given;
}

std::string at(rulebus::time_point t) { return std::to_string(t.time_since_epoch() / 1s); }

}  // namespace

TEST_CASE("scheduler: overlap decides what a fire does while the one before has not ended") {
  texts reports;
  CHECK(overlapping(overlap::allow_all, reports) == texts{"08:00", "09:00", "10:00", "11:00", "12:00"});
  CHECK(reports.empty());
  CHECK(overlapping(overlap::skip, reports) == texts{"08:00", "11:00", "12:00"});
  CHECK(reports == texts{"overlapped s " + at(morning + 1h), "overlapped s " + at(morning + 2h)});
  CHECK(overlapping(overlap::buffer_one, reports) == texts{"08:00", "09:00", "11:00", "12:00"});
  CHECK(reports == texts{"overlapped s " + at(morning + 2h)});
  CHECK(overlapping(overlap::buffer_all, reports) == texts{"08:00", "09:00", "10:00", "11:00", "12:00"});
  CHECK(reports.empty());
}

TEST_CASE("scheduler: buffered fires begin one by one, each at the end of the one before") {
  virtual_scheduler v(morning);
  slow_target t;
  v.it->create_schedule(slow_schedule(v, t, overlap::buffer_all)).value();
  v.run_until(morning + 3h);
  CHECK(t.given == texts{"08:00"});
  CHECK(v.it->status("s")->buffered == 3);
  CHECK(v.it->status("s")->running == 1);
  t.succeed();
  CHECK(v.it->next_due() == 0ns);
  v.it->pump();
  CHECK(t.given == texts{"08:00", "09:00"});
  CHECK(t.open.size() == 1);
  v.it.reset();
}

TEST_CASE("scheduler: a schedule that is to be deleted goes when the last of its buffered fires has ended") {
  virtual_scheduler v(morning);
  slow_target t;
  rulebus::schedule s = slow_schedule(v, t, overlap::buffer_all);
  s.end_date = morning + 2h;
  s.action_after_completion = rulebus::completion::remove;
  v.it->create_schedule(s).value();
  v.run_until(morning + 5h);
  for (std::size_t left = 3; left > 0; --left) {
    CHECK(v.it->size() == 1);
    REQUIRE(t.open.size() == 1);
    t.succeed();
    v.it->pump();
  }
  CHECK(t.given == texts{"08:00", "09:00", "10:00"});
  CHECK(v.it->size() == 0);
  v.it.reset();
}

TEST_CASE("scheduler: after so many failures in a row a schedule pauses, is reported, and goes on when it is enabled") {
  virtual_scheduler v(morning);
  slow_target t;
  rulebus::schedule s = slow_schedule(v, t, overlap::allow_all);
  s.pause_after_failures = 2;
  v.it->create_schedule(s).value();
  v.it->pump();
  t.fail();
  v.run_until(morning + 1h);
  t.succeed();  // the count begins anew
  v.run_until(morning + 2h);
  t.fail();
  CHECK_FALSE(v.it->status("s")->paused);
  v.run_until(morning + 3h);
  t.fail();
  CHECK(v.it->status("s")->paused);
  CHECK_FALSE(v.it->status("s")->next);
  CHECK(v.told() == texts{"paused s " + at(morning + 3h)});
  v.run_until(morning + 6h + 1min);
  CHECK(t.given.size() == 4);
  v.it->enable_schedule("s").value();
  CHECK(v.it->status("s")->failures == 0);
  v.run_until(morning + 7h);
  CHECK(t.given == texts{"08:00", "09:00", "10:00", "11:00", "15:00"});
  v.it.reset();
}

TEST_CASE("scheduler: what is missed is caught up with by the policy, and every miss is reported") {
  const auto slept = [](catch_up how, std::chrono::seconds window, texts& reports) {
    virtual_scheduler v(morning + 1min);
    rulebus::schedule s = v.make("s", "cron(0 * * * ? *)");
    s.catch_up = how;
    s.catch_up_window = window;
    v.it->create_schedule(s).value();
    v.sleep(4h + 30min);  // it is 12:31
    v.run_until(morning + 5h);
    reports = v.told();
    texts hours;
    for (const std::string& f : v.taken()) hours.push_back(f.substr(f.size() - 9, 5));
    return hours;
  };
  const auto told = [](const texts& what) {
    texts all;
    for (std::size_t i = 0; i < what.size(); ++i) all.push_back(what[i] + " s " + at(morning + (i + 1) * 1h));
    return all;
  };
  texts reports;
  CHECK(slept(catch_up::fire_once, 24h, reports) == texts{"12:00", "13:00"});
  CHECK(reports == told({"superseded", "superseded", "superseded", "fired_late"}));
  CHECK(slept(catch_up::fire_all, 24h, reports) == texts{"09:00", "10:00", "11:00", "12:00", "13:00"});
  CHECK(reports == told({"fired_late", "fired_late", "fired_late", "fired_late"}));
  CHECK(slept(catch_up::skip, 24h, reports) == texts{"13:00"});
  CHECK(reports == told({"skipped", "skipped", "skipped", "skipped"}));
  CHECK(slept(catch_up::fire_all, 2h, reports) == texts{"11:00", "12:00", "13:00"});
  CHECK(reports == told({"too_old", "too_old", "fired_late", "fired_late"}));
  CHECK(slept(catch_up::fire_once, 30min, reports) == texts{"13:00"});
  CHECK(reports == told({"too_old", "too_old", "too_old", "too_old"}));
}

TEST_CASE("scheduler: what is late by less than late_after fires as if it were in time") {
  virtual_scheduler v(morning + 1min);
  rulebus::schedule s = v.make("s", "cron(0 * * * ? *)");
  s.catch_up = catch_up::skip;
  v.it->create_schedule(s).value();
  v.sleep(60min);
  CHECK(v.taken() == texts{"default/s 2026-11-25T09:00:00Z"});
  v.sleep(60min + 1ms);
  CHECK(v.taken().empty());
  CHECK(v.told() == texts{"skipped s " + at(morning + 2h)});
}

TEST_CASE("scheduler: a clock that is put back makes nothing fire twice") {
  virtual_scheduler v(morning);
  v.it->create_schedule(v.make("s", "cron(0 * * * ? *)")).value();
  v.run_until(morning + 2h);
  v.taken();
  v.sleep(-90min);
  v.run_until(morning + 3h);
  CHECK(v.taken() == texts{"default/s 2026-11-25T11:00:00Z"});
  for (int i = 0; i < 20; ++i) {  // a clock that trembles around an instant
    v.sleep(i % 2 ? 61min : -60min);
  }
  const texts fires = v.taken();
  for (std::size_t i = 1; i < fires.size(); ++i) CHECK(fires[i - 1] < fires[i]);
}

TEST_CASE("scheduler: trigger_now fires once more, also what is disabled, and tells the execution") {
  virtual_scheduler v(morning + 90s);
  rulebus::schedule s = v.make("s", "cron(0 9 * * ? *)");
  s.state = rulebus::schedule_state::disabled;
  texts executions;
  s.target.target = rulebus::make_target([&](const rulebus::delivery& d) {
    executions.push_back(std::string(d.details().execution_id) + std::string(d.details().scheduled_time));
  });
  v.it->create_schedule(s).value();
  const std::string one = v.it->trigger_now("s").value(), two = v.it->trigger_now("s").value();
  CHECK(one != two);
  CHECK(one.size() == 36);
  v.it->pump();
  CHECK(executions == texts{one + "2026-11-25T08:01:30Z", two + "2026-11-25T08:01:30Z"});
  CHECK(v.it->trigger_now("t").error().code == rulebus::errc::not_found);
}

TEST_CASE("scheduler: a backfill fires for every instant of a span, by the overlap policy") {
  virtual_scheduler v(morning + 1min);
  v.it->create_schedule(v.make("s", "cron(0 0/6 * * ? *)")).value();
  v.it->backfill("s", utc(2026, 1, 1), utc(2026, 1, 2)).value();
  v.it->pump();
  CHECK(v.taken() == texts{"default/s 2026-01-01T00:00:00Z", "default/s 2026-01-01T06:00:00Z", "default/s 2026-01-01T12:00:00Z",
                           "default/s 2026-01-01T18:00:00Z"});
  CHECK(v.it->backfill("s", utc(2026, 1, 2), utc(2026, 1, 2)).error().code == rulebus::errc::invalid_argument);

  slow_target t;
  rulebus::schedule s = slow_schedule(v, t, overlap::buffer_all);
  s.name = "slow";
  s.schedule_expression = "cron(0 0/6 * * ? *)";
  v.it->create_schedule(s).value();
  v.it->backfill("slow", utc(2026, 1, 1), utc(2026, 1, 2)).value();
  v.it->pump();
  CHECK(t.given == texts{"00:00"});
  while (!t.open.empty()) {
    t.succeed();
    v.it->pump();
  }
  CHECK(t.given == texts{"00:00", "06:00", "12:00", "18:00"});
  CHECK(v.told().empty());
  v.it.reset();
}

TEST_CASE("scheduler: a target may change its own schedule, make others and end itself") {
  virtual_scheduler v(morning);
  int calls = 0;
  rulebus::schedule s = v.make("s", "rate(1 hour)");
  s.target.target = rulebus::make_target([&](const rulebus::delivery&) {
    ++calls;
    v.it->create_schedule(v.make("child" + std::to_string(calls), "at(2026-11-25T12:00:00)")).value();
    if (calls == 2) v.it->delete_schedule("s").value();
  });
  v.it->create_schedule(s).value();
  s = {};
  v.run_until(morning + 6h);
  CHECK(calls == 2);
  CHECK(v.taken() == texts{"default/child1 2026-11-25T12:00:00Z", "default/child2 2026-11-25T12:00:00Z"});
}

TEST_CASE("scheduler: a target that is slow to return holds back no other schedule, whatever its options say") {
  for (const bool with_options : {false, true}) {
    CAPTURE(with_options);
    const auto clock = std::make_shared<rulebus::manual_clock>(morning);
    std::atomic<bool> held{false}, over{false};
    std::atomic<int> others{0};
    rulebus::scheduler_options by_default;
    by_default.clock = clock;
    by_default.delivery.timeout = 0ms;  // a minute of this clock passes at once
    rulebus::scheduler s(by_default);
    rulebus::schedule slow{.name = "slow", .schedule_expression = "rate(1 minute)"};
    slow.target.target = rulebus::make_target([&](const rulebus::delivery&) {
      held = true;
      while (!over) std::this_thread::sleep_for(1ms);
    });
    if (with_options) {  // the caller would be the thread that fires, and waits for room in a queue of one
      slow.target.delivery = {.dispatch = rulebus::dispatch::caller,
                              .timeout = 0ms,
                              .queue_capacity = 1,
                              .when_full = rulebus::overflow::block,
                              .max_in_flight = 1};
    }
    rulebus::schedule other{.name = "other", .schedule_expression = "rate(1 minute)"};
    other.target.target = rulebus::make_target([&](const rulebus::delivery&) { ++others; });
    s.create_schedule(slow).value();
    s.create_schedule(other).value();
    for (int minute = 0; minute < 4; ++minute) {
      const auto until = std::chrono::steady_clock::now() + 20s;
      while ((others <= minute || !held) && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
      CHECK(others == minute + 1);
      CHECK(held);
      clock->advance(1min);
    }
    over = true;
    s.flush(20s).value();
  }
}

TEST_CASE("scheduler: fires wait for nothing but their target: a share of them at a time, however many are due") {
  virtual_scheduler v(morning);
  rulebus::schedule s = v.make("s", "rate(1 minute)");
  s.catch_up = catch_up::fire_all;
  s.target.delivery = rulebus::delivery_options{.queue_capacity = 256};  // what is over would be dropped
  v.it->create_schedule(s).value();
  v.it->pump();
  v.sleep(20h);
  CHECK(v.taken().size() == 1201);
  v.clock->jump(v.clock->now() + 20h);
  v.it->flush().value();
  CHECK(v.taken().size() == 1200);
  CHECK(v.it->metrics().dropped == 0);
}

TEST_CASE("scheduler: with threads and the system's clock, fires come by themselves") {
  std::atomic<int> fired{0};
  {
    rulebus::scheduler s;
    for (int i = 0; i < 10; ++i) {
      rulebus::schedule one;
      one.name = "s" + std::to_string(i);
      one.schedule_expression = "rate(1 minute)";
      // Still to come when the schedule is there, on a busy machine too: a start in the past fires a minute later.
      one.start_date = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) + 500ms + 30ms * i;
      one.target.target = rulebus::make_target([&](const rulebus::delivery&) { ++fired; });
      s.create_schedule(one).value();
    }
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (fired < 10 && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(1ms);
    s.flush(5s).value();
    CHECK(fired == 10);
    CHECK(s.metrics().successful_invocation_attempts == 10);
  }
  CHECK(fired == 10);
}
