// The bus when targets call it back, and when several threads use it.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/bus.hpp"

using namespace rulebus;
using probe::texts;

TEST_CASE("re-entry: an event put from a target is delivered before that put returns") {
  texts log;
  bus b("test");
  b.put_rule(probe::from_shop("outer")).value();
  b.put_rule({.name = "inner", .event_pattern = R"({"source": ["stock"]})"}).value();
  const auto first = make_target([&](const delivery&) {
    log.emplace_back("before");
    b.put_event({.source = "stock", .detail_type = "Reserve", .detail = "{}"}).value();
    log.emplace_back("after");
  });
  b.put_target("outer", {.id = "1", .target = first}).value();
  b.put_target("outer", {.id = "2", .target = make_target([&](const delivery&) { log.emplace_back("second"); })}).value();
  b.put_target("inner", {.id = "1", .target = make_target([&](const delivery&) { log.emplace_back("inner"); })}).value();
  b.put_event(probe::order()).value();
  CHECK(log == texts{"before", "inner", "after", "second"});
}

TEST_CASE("re-entry: puts within puts end at max_nesting, over all buses of the thread") {
  bus a("a", {.max_nesting = 5});
  bus b("b", {.max_nesting = 5});
  int deliveries = 0;
  error last;
  const auto forward = [&](bus& to) {
    return make_target([&](const delivery&) {
      ++deliveries;
      const result<std::string> r = to.put_event(probe::order());
      if (!r) last = r.error();
    });
  };
  for (bus* each : {&a, &b}) each->put_rule(probe::from_shop("r")).value();
  a.put_target("r", {.id = "t", .target = forward(b)}).value();
  b.put_target("r", {.id = "t", .target = forward(a)}).value();
  CHECK(a.put_event(probe::order()).has_value());
  CHECK(deliveries == 6);
  CHECK(last.code == errc::limit_exceeded);
  CHECK(b.put_event_json(R"({"source": "shop"})").has_value());  // the count is back to zero
  CHECK(deliveries == 12);
}

TEST_CASE("re-entry: with max_nesting 0 targets cannot put") {
  bus b("test", {.max_nesting = 0});
  errc seen{};
  b.put_rule(probe::from_shop("r")).value();
  const auto putting = make_target([&](const delivery&) { seen = b.put_event_json("{}").error().code; });
  b.put_target("r", {.id = "t", .target = putting}).value();
  CHECK(b.put_event(probe::order()).has_value());
  CHECK(seen == errc::limit_exceeded);
}

TEST_CASE("re-entry: what a target changes holds from the next event on") {
  probe::recorder got;
  bus b("test");
  for (const char* name : {"a", "b", "c"}) b.put_rule(probe::from_shop(name)).value();
  const auto changing = make_target([&](const delivery&) {
    if (b.list_targets_by_rule("b").value().empty()) return;
    b.remove_target("b", "t").value();
    b.delete_rule("b").value();
    b.disable_rule("c").value();
    b.put_rule(probe::from_shop("d")).value();
    b.put_target("d", {.id = "t", .target = got.target()}).value();
    b.put_rule(probe::from_shop("b")).value();  // a new one, without targets
  });
  b.put_target("a", {.id = "changes", .target = changing}).value();
  b.put_target("b", {.id = "t", .target = got.target()}).value();
  b.put_target("c", {.id = "t", .target = got.target()}).value();
  b.put_event(probe::order()).value();
  CHECK(got.seen() == texts{"b/t", "c/t"});
  b.put_event(probe::order()).value();
  CHECK(got.seen() == texts{"d/t"});
}

TEST_CASE("re-entry: a target may remove itself, and lives until it returns") {
  struct once final : target {
    explicit once(bus& b, bool& gone) : bus_(b), gone_(gone) {}
    ~once() override { gone_ = true; }
    void deliver(delivery d) override {
      bus_.remove_target("r", "t").value();
      bus_.delete_rule("r").value();
      CHECK_FALSE(gone_);
      d.succeed();
    }
    bus& bus_;
    bool& gone_;
  };
  bool gone = false;
  bus b("test");
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = std::make_shared<once>(b, gone)}).value();
  b.put_event(probe::order()).value();
  CHECK(gone);
  CHECK(b.list_rules().empty());
}

TEST_CASE("re-entry: the destructor of a target may call the bus, whichever call lets it go") {
  struct talkative final : target {
    explicit talkative(bus& b, std::size_t& rules) : bus_(b), rules_(rules) {}
    ~talkative() override {
      rules_ += bus_.list_rules().size();
      bus_.put_event(probe::order()).value();
      bus_.put_rule({.name = "other", .event_pattern = R"({"source": ["x"]})"}).value();
    }
    void deliver(delivery d) override { d.succeed(); }
    bus& bus_;
    std::size_t& rules_;
  };
  std::size_t rules = 0;
  bus b("test");
  b.put_rule(probe::from_shop("r")).value();
  const auto put = [&] { b.put_target("r", {.id = "t", .target = std::make_shared<talkative>(b, rules)}).value(); };
  put();
  put();  // replaced
  CHECK(rules == 1);
  b.remove_target("r", "t").value();
  CHECK(rules == 3);
  CHECK_FALSE(b.put_target("nowhere", {.id = "t", .target = std::make_shared<talkative>(b, rules)}).has_value());
  CHECK(rules == 5);
}

TEST_CASE("re-entry: on_error may call the bus") {
  probe::recorder got;
  bus* self = nullptr;
  const auto on_error = [&](const delivery_failure& f) {
    self->put_event({.source = "failures", .detail_type = "DeliveryFailed", .detail = "{}"}).value();
    self->remove_target(f.rule_name, f.target_id).value();
  };
  bus b("test", {.on_error = on_error});
  self = &b;
  b.put_rule(probe::from_shop("r")).value();
  b.put_rule({.name = "failed", .event_pattern = R"({"source": ["failures"]})"}).value();
  const auto failing = make_target([](const delivery&) -> result<void> { return error{errc::target_failed, "no"}; });
  b.put_target("r", {.id = "t", .target = failing}).value();
  b.put_target("failed", {.id = "t", .target = got.target()}).value();
  b.put_event(probe::order()).value();
  b.put_event(probe::order()).value();
  CHECK(got.seen() == texts{"failed/t"});
}

// Every version has the rule "r" once, and every pattern it ever has matches the event: so each event must be delivered
// exactly once, however the changes fall. A reader that saw the old and the new pattern, or neither, would show.
TEST_CASE("threads: each event sees one version of a rule that is replaced all the time") {
  constexpr int putters = 3, events_each = 1500;
  std::atomic<int> delivered{0}, running{putters};
  bus b("test");
  const auto counting = make_target([&](const delivery&) { ++delivered; });
  const std::array<const char*, 4> patterns = {R"({"source": ["shop"]})", R"({"detail": {"total": [{"numeric": [">", 100]}]}})",
                                               R"({"source": [{"prefix": "sh"}]})", R"({"detail-type": [{"exists": true}]})"};
  b.put_rule({.name = "r", .event_pattern = patterns[0]}).value();
  b.put_target("r", {.id = "t", .target = counting}).value();
  std::vector<std::thread> threads;
  for (int i = 0; i < putters; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < events_each; ++n) b.put_event(probe::order()).value();
      --running;
    });
  }
  threads.emplace_back([&] {
    for (std::size_t i = 0; running > 0; ++i) b.put_rule({.name = "r", .event_pattern = patterns[i % patterns.size()]}).value();
  });
  threads.emplace_back([&] {
    for (int i = 0; running > 0; ++i) {
      b.put_target("r", {.id = "t", .target = make_target([&](const delivery&) { ++delivered; })}).value();
      const std::string other = "other-" + std::to_string(i % 5);
      b.put_rule({.name = other, .event_pattern = patterns[static_cast<std::size_t>(i) % patterns.size()]}).value();
      if (i % 2 != 0) b.disable_rule(other).value();
      CHECK(b.describe_rule("r").has_value());
      b.delete_rule(other).value();
    }
  });
  for (std::thread& t : threads) t.join();
  CHECK(delivered == putters * events_each);
}

TEST_CASE("threads: when a change has returned, no later event sees what was before") {
  bus b("test");
  probe::recorder got;
  b.put_rule(probe::from_shop("r")).value();
  std::atomic<bool> stop{false};
  std::thread noise([&] {
    for (int i = 0; !stop; ++i) {
      const std::string pattern = R"({"detail": {"x": [)" + std::to_string(i) + "]}}";
      b.put_rule({.name = "n" + std::to_string(i % 10), .event_pattern = pattern}).value();
      b.put_event(probe::order(R"({"x": 1})")).value();
    }
  });
  for (int i = 0; i < 300; ++i) {
    b.put_rule({.name = "mine", .event_pattern = R"({"source": ["me"]})"}).value();
    b.put_target("mine", {.id = "t", .target = got.target()}).value();
    b.put_event({.source = "me", .detail_type = "t", .detail = "{}"}).value();
    CHECK(got.seen() == texts{"mine/t"});
    b.remove_target("mine", "t").value();
    b.delete_rule("mine").value();
    b.put_event({.source = "me", .detail_type = "t", .detail = "{}"}).value();
    CHECK(got.seen().empty());
  }
  stop = true;
  noise.join();
}

TEST_CASE("threads: deliveries answered elsewhere while the bus goes") {
  for (int round = 0; round < 50; ++round) {
    std::vector<delivery> kept;
    std::atomic<int> reported{0};
    struct keeper final : target {
      explicit keeper(std::vector<delivery>& into) : kept_(into) {}
      void deliver(delivery d) override { kept_.push_back(std::move(d)); }
      std::vector<delivery>& kept_;
    };
    auto b = std::make_unique<bus>(
        "test", bus_options{.delivery = probe::once(), .on_error = [&](const delivery_failure&) { ++reported; }});
    b->put_rule(probe::from_shop("r")).value();
    b->put_target("r", {.id = "t", .target = std::make_shared<keeper>(kept)}).value();
    for (int i = 0; i < 20; ++i) b->put_event(probe::order()).value();
    std::thread answering([&] {
      for (delivery& d : kept) d.retry({errc::target_failed, "later"});
    });
    b.reset();
    const int at_the_end = reported;
    answering.join();
    CHECK(reported == at_the_end);
    CHECK(reported == 20);  // as failed, or as left when the bus went
  }
}
