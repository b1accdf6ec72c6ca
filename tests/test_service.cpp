#include "rulebus/service.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bus_probe.hpp"

using namespace rulebus;
using probe::texts;
using namespace std::chrono_literals;

namespace {

rule all(std::string name = "all") { return {.name = std::move(name), .event_pattern = R"({"source": ["shop"]})"}; }

put_events_entry order_for(std::string_view bus) {
  put_events_entry entry = probe::order();
  entry.event_bus_name = bus;
  return entry;
}

/// A target that fails every delivery for good.
std::shared_ptr<target> failing() {
  return make_target([](const delivery&) -> result<void> { return error{errc::target_failed, "no"}; });
}

/// Puts what it gets on another bus of the service, as an event of its own.
std::shared_ptr<target> pass_on(service& events, std::string bus) {
  return make_target([&events, bus = std::move(bus)](const delivery& d) -> result<void> {
    return events.put_event_json(std::string(d.event().json()), bus);
  });
}

}  // namespace

TEST_CASE("service: the default bus is there from the beginning") {
  service events;
  CHECK(events.list_event_buses().size() == 1);
  CHECK(events.describe_event_bus().value().arn == "arn:aws:events:local:000000000000:event-bus/default");
  CHECK(events.event_bus().value() == events.event_bus("default").value());
  CHECK(events.find_event_bus("arn:aws:events:local:000000000000:event-bus/default") == events.find_event_bus());
  CHECK(events.find_event_bus("nobody") == nullptr);
}

TEST_CASE("service: names of buses are checked, and so are description and dead letter") {
  service events;
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a:b"), std::string(257, 'b')}) {
    CHECK(events.create_event_bus({.name = name}).error().code == errc::invalid_argument);
  }
  CHECK(!events.create_event_bus({.name = "b", .description = std::string(513, 'd')}));
  CHECK(!events.create_event_bus({.name = "b", .dead_letter_arn = std::string(1601, 'd')}));
  CHECK(!events.update_event_bus({.description = std::string(513, 'd')}));
  CHECK(events.list_event_buses().size() == 1);
  CHECK(events.create_event_bus({.name = std::string(256, 'b')}));
}

TEST_CASE("service: how many buses there may be is an option") {
  service events({.buses = {.limits = {.max_event_buses = 2}}});
  CHECK(events.create_event_bus({.name = "a"}));
  CHECK(events.create_event_bus({.name = "b"}).error() ==
        error{errc::limit_exceeded, "The requested resource exceeds the maximum number allowed."});
  events.delete_event_bus("a").value();
  CHECK(events.create_event_bus({.name = "b"}));
}

TEST_CASE("service: update changes what is given, and when") {
  auto time = probe::clock_at(1000);
  service events({.buses = {.clock = time}});
  events.create_event_bus({.name = "b", .description = "d", .dead_letter_arn = "arn:dlq"}).value();
  time->advance(60s);
  events.update_event_bus({.name = "b"}).value();
  auto d = events.describe_event_bus("b").value();
  CHECK(d.description == "d");
  CHECK(d.dead_letter_arn == "arn:dlq");
  CHECK(d.creation_time == time_point(1000s));
  CHECK(d.last_modified_time == time_point(1060s));
  events.update_event_bus({.name = d.arn, .description = "", .dead_letter_arn = "arn:other"}).value();
  d = events.describe_event_bus("b").value();
  CHECK(d.description.empty());
  CHECK(d.dead_letter_arn == "arn:other");
  time->advance(60s);
  events.put_permission({.principal = "*", .statement_id = "s"}, "b").value();
  CHECK(events.describe_event_bus("b").value().last_modified_time == time_point(1120s));
  CHECK(events.update_event_bus({.name = "nobody"}).error().message == "Event bus nobody does not exist.");
}

TEST_CASE("service: a bus that has rules is not deleted, and one that is gone takes no more of them") {
  service events;
  events.create_event_bus({.name = "b"}).value();
  events.put_rule(all(), "b").value();
  const auto held = events.event_bus("b").value();
  CHECK(events.delete_event_bus("b").error() ==
        error{errc::invalid_argument, "Event bus b can't be deleted since it has rules."});
  CHECK(events.describe_event_bus("b"));
  events.delete_rule("all", "b").value();
  events.delete_event_bus("b").value();
  CHECK(!events.describe_event_bus("b"));
  CHECK(held->put_rule(all()).error() == error{errc::not_found, "Event bus b does not exist."});
  CHECK(held->put_event(probe::order()).has_value());  // and goes nowhere
}

TEST_CASE("service: what waits on a bus that is deleted is told to on_error, with the bus's name") {
  auto time = probe::clock_at(0);
  texts told;
  service events({.buses = {.clock = time, .executor = make_manual_executor()},
                  .on_error = [&](std::string_view bus, const delivery_failure& f) {
                    told.push_back(std::string(bus) + ": " + f.reason.message);
                  }});
  events.create_event_bus({.name = "b"}).value();
  events.put_rule(all(), "b").value();
  class retrying final : public target {
    void deliver(delivery d) override { d.retry({errc::target_failed, "later"}); }
  };
  events.put_target("all", {.id = "t", .target = std::make_shared<retrying>()}, "b").value();
  events.put_event(order_for("b")).value();
  CHECK(told.empty());
  const texts ids = {"t"};
  events.remove_targets("all", ids, "b").value();
  events.delete_rule("all", "b").value();
  events.delete_event_bus("b").value();
  CHECK(told.size() == 1);
  CHECK(told.at(0).starts_with("b: "));
}

TEST_CASE("service: buses may be made and deleted from within targets and from on_error") {
  service* self = nullptr;
  int failed = 0;
  service events({.on_error = [&](std::string_view bus, const delivery_failure&) {
    ++failed;
    const texts ids = {"t"};
    self->remove_targets("all", ids, bus).value();
    self->delete_rule("all", bus).value();
    self->delete_event_bus(bus).value();
    self->create_event_bus({.name = "next"}).value();
  }});
  self = &events;
  events.create_event_bus({.name = "b"}).value();
  events.put_rule(all(), "b").value();
  auto fails_once = probe::once();
  events.put_target("all", {.id = "t", .target = failing(), .delivery = fails_once}, "b").value();
  events.put_event(order_for("b")).value();
  CHECK(failed == 1);
  CHECK(!events.describe_event_bus("b"));
  CHECK(events.describe_event_bus("next"));

  events.put_rule(all(), "next").value();
  events
      .put_target("all", {.id = "t", .target = make_target([&](const delivery&) {
                                       const texts ids = {"t"};
                                       events.remove_targets("all", ids, "next").value();
                                       events.delete_rule("all", "next").value();
                                       events.delete_event_bus("next").value();
                                     })},
                  "next")
      .value();
  events.put_event(order_for("next")).value();
  CHECK(!events.describe_event_bus("next"));
}

TEST_CASE("service: the dead-letter target of a bus is for targets that have none, and may change") {
  service events;
  probe::recorder of_bus, own, later;
  events.create_event_bus({.name = "b", .dead_letter = of_bus.target(), .dead_letter_arn = "arn:dlq"}).value();
  events.put_rule(all(), "b").value();
  events
      .put_targets("all",
                   {{.id = "a", .target = failing(), .delivery = probe::once()},
                    {.id = "b", .target = failing(), .delivery = probe::once(), .dead_letter = own.target()}},
                   "b")
      .value();
  events.put_event(order_for("b")).value();
  events.flush().value();
  CHECK(of_bus.seen() == texts{"all/a"});
  CHECK(own.seen() == texts{"all/b"});
  CHECK(events.list_targets_by_rule("all", {}, "b").value().targets[0].dead_letter == nullptr);
  CHECK(events.list_targets_by_rule("all", {}, "b").value().targets[1].dead_letter != nullptr);

  events.update_event_bus({.name = "b", .dead_letter = later.target()}).value();
  events.put_target("all", {.id = "c", .target = failing(), .delivery = probe::once()}, "b").value();
  events.put_event(order_for("b")).value();
  events.flush().value();
  CHECK(of_bus.count() == 0);
  CHECK(later.seen() == texts{"all/a", "all/c"});
  CHECK(own.seen() == texts{"all/b"});

  events.update_event_bus({.name = "b", .dead_letter = std::shared_ptr<target>()}).value();
  events.put_event(order_for("b")).value();
  events.flush().value();
  CHECK(later.count() == 0);
  CHECK(own.count() == 1);
  CHECK(events.event_bus("b").value()->metrics().deliveries.dropped == 2);
}

TEST_CASE("commit_all: all changes of all buses, or none, and which one failed") {
  service events;
  events.create_event_bus({.name = "b"}).value();
  const auto a = events.event_bus().value(), b = events.event_bus("b").value();
  transaction good, bad;
  good.put_rule(all("one")).put_rule(all("two"));
  bad.put_rule(all("three")).put_rule({.name = "four", .event_pattern = "{\n!"});
  commit_place at;
  const bus_changes mixed[] = {{a.get(), &good}, {b.get(), &bad}};
  const auto refused = bus::commit_all(mixed, &at);
  REQUIRE(!refused);
  CHECK(refused.error().line == 2);
  CHECK(at.bus == 1);
  CHECK(at.change == 1);
  CHECK(a->list_rules().empty());
  CHECK(b->list_rules().empty());

  const bus_changes fine[] = {{b.get(), &good}, {a.get(), &good}};
  CHECK(bus::commit_all(fine));
  CHECK(a->list_rules().size() == 2);
  CHECK(b->list_rules().size() == 2);
  const bus_changes twice[] = {{a.get(), &good}, {a.get(), &good}};
  CHECK(bus::commit_all(twice).error().code == errc::invalid_argument);
  CHECK(bus::commit_all({}));
}

TEST_CASE("service: flush waits for what targets put on other buses on the way") {
  service events({.buses = {.delivery = {.dispatch = dispatch::executor}, .threads = 2}});
  constexpr int length = 8;
  probe::recorder end;
  for (int i = 0; i < length; ++i) {  // against the order in which buses are flushed
    const std::string name = "bus-" + std::to_string(i);
    events.create_event_bus({.name = name}).value();
    events.put_rule(all(), name).value();
    const std::string next = "bus-" + std::to_string(i - 1);
    events.put_target("all", {.id = "t", .target = i == 0 ? end.target() : pass_on(events, next)}, name).value();
  }
  for (int n = 1; n <= 50; ++n) {
    events.put_event(order_for("bus-7")).value();
    events.flush().value();
    CHECK(end.count() == std::size_t(n));
  }
}

TEST_CASE("service: flush has a deadline, and names the bus that was late") {
  service events({.buses = {.clock = probe::clock_at(0), .executor = make_manual_executor()}});
  events.create_event_bus({.name = "late"}).value();
  events.put_rule(all(), "late").value();
  class silent final : public target {
    void deliver(delivery d) override { kept.push_back(std::move(d)); }
    std::vector<delivery> kept;
  };
  events.put_target("all", {.id = "t", .target = std::make_shared<silent>()}, "late").value();
  events.put_event(order_for("late")).value();
  const auto flushed = events.flush(5ms);
  REQUIRE(!flushed);
  CHECK(flushed.error().code == errc::timed_out);
  CHECK(flushed.error().message.starts_with("late: "));
  const auto left = events.drain_and_stop(5ms);
  REQUIRE(left.size() == 1);
  CHECK(left[0].event_bus_name == "late");
  CHECK(left[0].what.rule_name == "all");
  CHECK(left[0].what.attempts == 1);
  CHECK(events.put_event(order_for("late")).error().code == errc::stopped);
  CHECK(events.put_event(probe::order()).error().code == errc::stopped);
  CHECK(events.stop().empty());
}

TEST_CASE("service: one bus that was stopped fails its entries, and no others") {
  service events;
  events.create_event_bus({.name = "b"}).value();
  probe::recorder got;
  events.put_rule(all()).value();
  events.put_target("all", {.id = "t", .target = got.target()}).value();
  events.event_bus("b").value()->stop();
  const auto answer = events.put_events({order_for("b"), order_for("default"), order_for("b")}).value();
  CHECK(answer.failed_entry_count == 2);
  CHECK(answer.entries[0].failure->code == errc::stopped);
  CHECK(!answer.entries[1].failure);
  CHECK(got.count() == 1);
}

TEST_CASE("service: who pumps does the work of all buses") {
  service events({.buses = {.delivery = {.dispatch = dispatch::executor}, .executor = make_manual_executor()}});
  probe::recorder got;
  for (const std::string name : {"default", "b", "c"}) {
    if (name != "default") events.create_event_bus({.name = name}).value();
    events.put_rule(all(), name).value();
    events.put_target("all", {.id = "t", .target = got.target()}, name).value();
    events.put_event(order_for(name)).value();
  }
  CHECK(got.count() == 0);
  CHECK(events.next_due().value() <= 0ns);
  CHECK(events.pump(2) == 2);
  CHECK(events.pump() == 1);
  CHECK(events.pump() == 0);
  CHECK(got.count() == 3);
}

TEST_CASE("service: buses share one pool") {
  std::mutex mutex;
  std::vector<std::thread::id> seen;
  service events({.buses = {.delivery = {.dispatch = dispatch::executor}, .threads = 1}});
  for (const std::string name : {"a", "b", "c"}) {
    events.create_event_bus({.name = name}).value();
    events.put_rule(all(), name).value();
    events
        .put_target("all", {.id = "t", .target = make_target([&](const delivery&) {
                                         const std::lock_guard lock(mutex);
                                         seen.push_back(std::this_thread::get_id());
                                       })},
                    name)
        .value();
    events.put_event(order_for(name)).value();
  }
  events.flush().value();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0] != std::this_thread::get_id());
  CHECK(seen[1] == seen[0]);
  CHECK(seen[2] == seen[0]);
}

TEST_CASE("service: events, rules and buses change in several threads at once") {
  service events({.buses = {.threads = 2}});
  events.create_event_bus({.name = "stays"}).value();
  probe::recorder got;
  events.put_rule(all(), "stays").value();
  events.put_target("all", {.id = "t", .target = got.target()}, "stays").value();
  constexpr int rounds = 300;
  std::atomic<int> wrong = 0;
  const auto expect = [&](bool right) { wrong += right ? 0 : 1; };
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        const auto answer = events.put_events({order_for("stays"), order_for("comes-and-goes"), probe::order()});
        expect(answer && answer->failed_entry_count == 0 && answer->entries.size() == 3);
      }
    });
    threads.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        static_cast<void>(events.create_event_bus({.name = "comes-and-goes"}));
        if (events.put_rule(all(), "comes-and-goes")) static_cast<void>(events.delete_rule("all", "comes-and-goes"));
        const auto deleted = events.delete_event_bus("comes-and-goes");
        expect(deleted || deleted.error().code == errc::invalid_argument);
        expect(events.list_event_buses().size() >= 2);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(got.count() == 2 * rounds);
}
