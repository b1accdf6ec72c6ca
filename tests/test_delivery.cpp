#include "rulebus/delivery.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/detail/failure_reporter.hpp"
#include "rulebus/target.hpp"

using namespace rulebus;
using probe::texts;

namespace {

event some_event() { return event::parse(R"({"source":"shop","detail":{"total":250}})").value(); }

// A delivery whose answers are written down as "succeeded", "retry: …", "fail: …", with "dropped" where so.
struct answers {
  delivery make() {
    return {some_event(), "r", "t", [this](const delivery::outcome& o) {
              std::string text = o.status ? "succeeded" : (o.retryable ? "retry: " : "fail: ") + o.status.error().message;
              if (o.dropped) text += " (dropped)";
              seen.push_back(std::move(text));
            }};
  }
  texts seen;
};

const error trouble{errc::target_failed, "trouble"};

// A target from a function that takes the delivery by value.
template <class F>
std::shared_ptr<target> taking(F f) {
  class taker final : public target {
   public:
    explicit taker(F fn) : fn_(std::move(fn)) {}
    void deliver(delivery d) override { fn_(std::move(d)); }

   private:
    F fn_;
  };
  return std::make_shared<taker>(std::move(f));
}

// What a bus reports of one delivery to this target.
texts reported(const std::shared_ptr<target>& t) {
  probe::failures failed;
  bus b("test", {.delivery = probe::once(), .on_error = failed.callback()});
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = t}).value();
  b.put_event(probe::order()).value();
  return failed.seen();
}

}  // namespace

TEST_CASE("delivery: has the event, its text, the rule and the target") {
  answers a;
  delivery d = a.make();
  CHECK(d.input() == R"({"source":"shop","detail":{"total":250}})");
  CHECK(d.event().source() == "shop");
  CHECK(d.rule_name() == "r");
  CHECK(d.target_id() == "t");
  d.succeed();
}

TEST_CASE("delivery: the first answer counts, later ones do nothing") {
  answers a;
  {
    delivery d = a.make();
    d.retry(trouble);
    d.succeed();
    d.fail(trouble);
  }
  CHECK(std::exchange(a.seen, {}) == texts{"retry: trouble"});
  a.make().succeed();
  a.make().fail(trouble);
  CHECK(a.seen == texts{"succeeded", "fail: trouble"});
}

TEST_CASE("delivery: without an answer it is a retry") {
  answers a;
  { const delivery d = a.make(); }
  CHECK(a.seen == texts{"retry: the target dropped the delivery without an answer (dropped)"});
}

TEST_CASE("delivery: what was moved from has nothing to answer") {
  answers a;
  {
    delivery d = a.make();
    delivery e = std::move(d);
    CHECK(e.input().size() == 40);
    CHECK(a.seen.empty());
    e.succeed();
  }
  CHECK(a.seen == texts{"succeeded"});
}

TEST_CASE("delivery: without somebody to hear them answers are fine") {
  delivery d(some_event(), "r", "t", nullptr);
  d.fail(trouble);
  const delivery dropped(some_event(), "r", "t", nullptr);
}

TEST_CASE("make_target: a function of nothing to return has succeeded when it returns") {
  answers a;
  make_target([](const delivery&) {})->deliver(a.make());
  CHECK(a.seen == texts{"succeeded"});
}

TEST_CASE("make_target: a result is the answer, an error of it a failure") {
  answers a;
  make_target([](const delivery&) { return result<void>(); })->deliver(a.make());
  make_target([](const delivery&) -> result<void> { return trouble; })->deliver(a.make());
  CHECK(a.seen == texts{"succeeded", "fail: trouble"});
}

TEST_CASE("make_target: an exception leaves the delivery without an answer") {
  answers a;
  const auto t = make_target([](const delivery&) { throw std::runtime_error("boom"); });
  CHECK_THROWS_AS(t->deliver(a.make()), std::runtime_error);
  CHECK(a.seen == texts{"retry: the target dropped the delivery without an answer (dropped)"});
}

TEST_CASE("make_target: the function may own what only moves, and may keep state") {
  answers a;
  auto owned = std::make_unique<int>(0);
  const int* count = owned.get();
  const auto t = make_target([mine = std::move(owned)](const delivery&) mutable { ++*mine; });
  t->deliver(a.make());
  t->deliver(a.make());
  CHECK(*count == 2);
}

TEST_CASE("on_error: hears what did not succeed, and whether to try again") {
  CHECK(reported(taking([](delivery d) { d.succeed(); })).empty());
  CHECK(reported(taking([](delivery d) { d.fail(trouble); })) == texts{"r/t: trouble"});
  CHECK(reported(taking([](delivery d) { d.retry(trouble); })) == texts{"r/t: trouble (retryable)"});
  CHECK(reported(taking([](delivery) {})) == texts{"r/t: the target dropped the delivery without an answer (retryable)"});
  CHECK(reported(make_target([](const delivery&) -> result<void> { return trouble; })) == texts{"r/t: trouble"});
}

TEST_CASE("on_error: an exception out of a target is a retry, told with what it says") {
  CHECK(reported(make_target([](const delivery&) { throw std::runtime_error("boom"); })) ==
        texts{"r/t: the target threw: boom (retryable)"});
  CHECK(reported(taking([](const delivery&) { throw std::runtime_error("boom"); })) ==
        texts{"r/t: the target threw: boom (retryable)"});
  CHECK(reported(make_target([](const delivery&) { throw 42; })) ==
        texts{"r/t: the target threw: something that is no std::exception (retryable)"});
}

TEST_CASE("on_error: an exception after the answer changes nothing") {
  CHECK(reported(taking([](delivery d) {
          d.succeed();
          throw std::runtime_error("too late");
        })).empty());
  CHECK(reported(taking([](delivery d) {
          d.fail(trouble);
          throw std::runtime_error("too late");
        })) == texts{"r/t: trouble"});
}

TEST_CASE("on_error: after an exception the answer of a delivery kept elsewhere changes nothing") {
  std::optional<delivery> kept;
  CHECK(reported(taking([&](delivery d) {
          kept.emplace(std::move(d));
          throw std::runtime_error("boom");
        })) == texts{"r/t: the target threw: boom (retryable)"});
  kept->fail(trouble);
}

TEST_CASE("on_error: the failure names the event, and one bad target does not keep others from it") {
  std::vector<std::string> ids;
  probe::recorder got;
  bus b("test", {.delivery = probe::once(), .on_error = [&](const delivery_failure& f) { ids.emplace_back(f.event.id()); }});
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "1", .target = make_target([](const delivery&) { throw std::runtime_error("boom"); })}).value();
  b.put_target("r", {.id = "2", .target = got.target()}).value();
  const std::string id = b.put_event(probe::order()).value();
  CHECK(ids == texts{id});
  CHECK(got.seen() == texts{"r/2"});
}

TEST_CASE("on_error: what it throws itself is ignored") {
  probe::recorder got;
  bus b("test", {.delivery = probe::once(), .on_error = [](const delivery_failure&) { throw std::runtime_error("again"); }});
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "1", .target = taking([](delivery d) { d.fail(trouble); })}).value();
  b.put_target("r", {.id = "2", .target = make_target([](const delivery&) { throw 1; })}).value();
  b.put_target("r", {.id = "3", .target = got.target()}).value();
  CHECK(b.put_event(probe::order()).has_value());
  CHECK(got.seen() == texts{"r/3"});
}

TEST_CASE("on_error: an answer may come later, from another thread") {
  probe::failures failed;
  std::vector<delivery> kept;
  bus b("test", {.delivery = probe::once(), .on_error = failed.callback()});
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = taking([&](delivery d) { kept.push_back(std::move(d)); })}).value();
  for (int i = 0; i < 3; ++i) b.put_event(probe::order()).value();
  CHECK(failed.seen().empty());
  std::thread([&] {
    kept[0].succeed();
    kept[1].retry(trouble);
    kept.clear();  // the third goes without an answer
  }).join();
  CHECK(failed.seen() == texts{"r/t: trouble (retryable)", "r/t: the target dropped the delivery without an answer (retryable)"});
}

TEST_CASE("on_error: answers after the bus is gone are dropped, and the event is still there") {
  probe::failures failed;
  std::vector<delivery> kept;
  {
    bus b("test", {.delivery = probe::once(), .on_error = failed.callback()});
    b.put_rule(probe::from_shop("r")).value();
    b.put_target("r", {.id = "t", .target = taking([&](delivery d) { kept.push_back(std::move(d)); })}).value();
    for (int i = 0; i < 2; ++i) b.put_event(probe::order()).value();
  }
  const std::string left = "r/t: the bus was stopped before the event was delivered (retryable)";
  CHECK(failed.seen() == texts{left, left});
  CHECK(kept[0].event().source() == "shop");
  CHECK(kept[0].rule_name() == "r");
  std::thread([&] { kept[0].fail(trouble); }).join();
  kept.clear();
  CHECK(failed.seen().empty());
}

TEST_CASE("on_error: what the function holds is destroyed with the bus, not with the last delivery") {
  const auto token = std::make_shared<int>(0);
  std::optional<delivery> kept;
  {
    bus b("test", {.delivery = probe::once(), .on_error = [token](const delivery_failure&) {}});
    b.put_rule(probe::from_shop("r")).value();
    b.put_target("r", {.id = "t", .target = taking([&](delivery d) { kept.emplace(std::move(d)); })}).value();
    b.put_event(probe::order()).value();
    CHECK(token.use_count() == 2);
  }
  CHECK(token.use_count() == 1);
}

TEST_CASE("failure_reporter: close waits for a call in progress, and none follows") {
  std::atomic<int> phase{0};
  std::atomic<int> calls{0};
  detail::failure_reporter r([&](const delivery_failure&) {
    ++calls;
    phase = 1;
    while (phase != 2) std::this_thread::yield();
    phase = 3;
  });
  const event e = some_event();
  std::thread other([&] { r.report({"r", "t", e, trouble, false}); });
  while (phase != 1) std::this_thread::yield();
  std::thread release([&] { phase = 2; });
  r.close();
  CHECK(phase == 3);
  release.join();
  other.join();
  r.report({"r", "t", e, trouble, false});
  CHECK(calls == 1);
}
