// Nothing is lost and nothing is doubled: every event that was accepted ends, for every target that it matched, in exactly
// one of delivered, dead-lettered, dropped (and told) or reported at stop, whatever targets do and whatever else happens.
//
// RULEBUS_DELIVERIES: how many invocations to make (10000000 before a release); RULEBUS_SEED: the first round's.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "delivery_ledger.hpp"
#include "lane_probe.hpp"
#include "random_source.hpp"
#include "rulebus/bus.hpp"
#include "rulebus/detail/fan_out.hpp"
#include "rulebus/tags.hpp"

using namespace rulebus;
using probe::milliseconds;
using probe::trouble;
using tests::delivery_ledger;
using tests::random_source;

namespace {

constexpr std::size_t rules = 4;

/// Deliveries on their way to be answered by some other thread.
class answers_later {
 public:
  void add(delivery d) {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(d));
  }
  std::optional<delivery> take() {
    const std::lock_guard lock(mutex_);
    if (kept_.empty()) return std::nullopt;
    std::optional<delivery> d(std::move(kept_.front()));
    kept_.pop_front();
    return d;
  }

 private:
  std::mutex mutex_;
  std::deque<delivery> kept_;
};

class round_of_deliveries {
 public:
  round_of_deliveries(std::uint64_t seed, std::uint32_t events)
      : random_(seed),
        seed_(seed),
        wide_(seed % 5 == 0),
        targets_per_rule_(wide_ ? detail::fan_out::fewest_targets + 2 : 3),
        events_(wide_ ? events / 20 : events),
        ledger_(std::make_shared<delivery_ledger>(events_, rules * targets_per_rule_)),
        accepted_(events_) {
    manual_ = !wide_ && random_.percent(20);
    shared_ = random_.percent(30);
    observed_ = !wide_ && random_.percent(60);
    bus_options o{.threads = 2, .seed = seed + 1};
    if (observed_) o.observer = ledger_;
    o.on_error = [this](const delivery_failure& f) {
      const auto m = f.dead_lettered ? delivery_ledger::told_dead : delivery_ledger::told_dropped;
      ledger_->set(number_of(f.event), f.target_id, m);
    };
    if (manual_) o.executor = make_manual_executor();
    if (!manual_ && shared_) o.executor = make_thread_pool(2);
    bus_.emplace("conservation", std::move(o));
    for (std::size_t r = 0; r < rules; ++r) put_rule(random_, r);
  }

  /// Puts all events with four threads while others answer and change rules; how all of them ended.
  delivery_ledger::totals run() {
    std::vector<std::thread> putters, others;
    for (std::uint64_t t = 0; t < 4; ++t) putters.emplace_back([this, t] { put_events(random_source(seed_ * 8 + t)); });
    others.emplace_back([this] { change_rules(random_source(seed_ * 8 + 4)); });
    others.emplace_back([this] { answer(random_source(seed_ * 8 + 5)); });
    if (manual_)
      others.emplace_back([this] {
        while (!no_more_calls_) bus_->pump(7), std::this_thread::yield();
      });
    const std::size_t how = random_.below(5);
    if (how == 0) {  // in the middle of it all
      while (next_ < events_ / 2) std::this_thread::yield();
      report(bus_->stop());
    }
    for (std::thread& t : putters) t.join();
    if (how == 1) CHECK_MESSAGE(bus_->flush(std::chrono::seconds(120)).has_value(), "seed ", seed_);
    if (how == 2) report(bus_->drain_and_stop(milliseconds(random_.below(30))));
    if (how == 3) {
      std::thread second([this] { report(bus_->stop()); });
      report(bus_->stop());
      second.join();
    }
    no_more_calls_ = true;
    others[0].join();
    if (manual_) others[2].join();
    if (how == 1) metrics_ = bus_->metrics();
    if (how != 4) report(bus_->stop());
    if (how == 0 || how == 3 || (!observed_ && how == 2)) metrics_ = bus_->metrics();
    bus_.reset();  // while the answering thread goes on
    no_more_answers_ = true;
    others[1].join();
    while (later_.take()) {}  // what nobody answered, long after the bus is gone
    return observed_ ? check() : check_unobserved();
  }

 private:
  static std::uint32_t number_of(const event& e) { return static_cast<std::uint32_t>(std::stoul(probe::number_of(e))); }
  void report(const std::vector<undelivered_event>& all) {
    for (const undelivered_event& u : all) ledger_->set(number_of(u.event), u.target_id, delivery_ledger::reported);
  }

  // ---- targets

  /// How the k-th kind of target answers.
  void act(delivery d, std::size_t kind, std::uint64_t chance) {
    const std::uint32_t event = number_of(d.event());
    const std::size_t target = delivery_ledger::target_number(d.target_id());
    const auto yes = [&](delivery& of) {
      ledger_->say_yes(event, target);
      of.succeed();
    };
    switch (kind) {
      case 0: return yes(d);
      case 1:
        if (chance % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(chance % 50));
        return yes(d);
      case 2: return chance % 3 ? d.retry(trouble) : yes(d);
      case 3: return chance % 2 ? d.fail(trouble) : yes(d);
      case 4: chance % 3 ? throw std::runtime_error("thrown") : yes(d); return;
      case 5: return later_.add(std::move(d));
      case 6:
        if (chance % 16 == 0) return never_.add(std::move(d));
        return yes(d);
      case 7:
        if (chance % 2) return;  // dropped
        yes(d);
        return d.fail(trouble);  // twice
      case 8:
        if (chance % 64 == 0) nested_put(chance);
        return yes(d);
      default: d.retry(trouble, milliseconds(chance % 3)); return;
    }
  }

  class acting final : public target {
   public:
    acting(round_of_deliveries& in, std::size_t kind, std::uint64_t seed) : in_(in), kind_(kind), state_(seed) {}
    void deliver(delivery d) override { in_.act(std::move(d), kind_, chance()); }
    void deliver_batch(std::vector<delivery> batch) override {
      if (chance() % 32 == 0) throw std::runtime_error("a whole batch");
      for (delivery& d : batch) in_.act(std::move(d), kind_ == 4 ? 0 : kind_, chance());
    }

   private:
    std::uint64_t chance() { return random_source(state_.fetch_add(0x9e3779b97f4a7c15u)).next() >> 8; }
    round_of_deliveries& in_;
    const std::size_t kind_;
    std::atomic<std::uint64_t> state_;
  };

  std::shared_ptr<target> dead_letters(std::uint64_t seed) {
    auto state = std::make_shared<std::atomic<std::uint64_t>>(seed);
    return probe::taking([this, state](delivery d) {
      if (state->fetch_add(1) % 7 == 0) return d.fail(trouble);
      ledger_->set(number_of(d.event()), d.target_id(), delivery_ledger::letter_arrived);
      d.succeed();
    });
  }

  // ---- rules

  delivery_options random_options(random_source& random) const {
    delivery_options o;
    o.dispatch = !wide_ && random.percent(50) ? dispatch::caller : dispatch::executor;
    o.retry = {.maximum_retry_attempts = static_cast<unsigned>(random.below(4)),
               .backoff_base = milliseconds(random.below(2)),
               .backoff_cap = milliseconds(3)};
    o.timeout = milliseconds(random.between(3, 12));
    o.queue_capacity = random.percent(30) ? random.between(8, 60) : 100'000;
    o.when_full = random.pick(std::vector{overflow::reject, overflow::drop_oldest, overflow::block});
    if (wide_ && o.when_full == overflow::block) o.when_full = overflow::reject;
    o.max_in_flight = random.percent(25) ? 1 : random.between(2, 64);
    if (random.percent(15)) o.rate = {.per_second = 50'000, .burst = static_cast<double>(random.between(1, 20))};
    if (random.percent(15)) o.breaker = {.failures = 3, .open_for = milliseconds(2)};
    if (random.percent(25)) o.batch = {.size = random.between(2, 8), .window = milliseconds(random.below(3))};
    return o;
  }

  rule_target random_target(random_source& random, std::size_t number) {
    rule_target t{.id = std::to_string(number)};
    t.target = std::make_shared<acting>(*this, random.below(10), random.next());
    t.delivery = random_options(random);
    if (random.percent(50)) t.dead_letter = dead_letters(random.next());
    if (random.percent(30)) t.tags = {{"team", random.percent(50) ? "a" : "b"}};
    return t;
  }

  void put_rule(random_source& random, std::size_t r) {
    transaction all;
    const std::string rule_name = "r" + std::to_string(r);
    all.put_rule({.name = rule_name, .event_pattern = R"({"source":["shop"]})"});
    std::vector<rule_target> made;
    for (std::size_t t = 0; t < targets_per_rule_; ++t) made.push_back(random_target(random, r * targets_per_rule_ + t));
    if (r == 0) {  // never changed: two that are sure to get everything, of which one is in order
      const dispatch how = wide_ ? dispatch::executor : dispatch::caller;
      made[0] = {
          .id = "0", .target = std::make_shared<acting>(*this, 1, random.next()), .delivery = delivery_options{.dispatch = how}};
      made[1] = {.id = "1", .target = in_order(), .delivery = delivery_options{.dispatch = how, .timeout = milliseconds(0)}};
    }
    all.put_targets(rule_name, std::move(made));
    bus_->commit(all).value();
  }

  /// Checks that first attempts of one ordering key come in the order of their events' numbers, one at a time.
  std::shared_ptr<target> in_order() {
    return probe::taking([this](delivery d) {
      const std::uint32_t event = number_of(d.event());
      if (const std::string_view key = d.details().ordering_key; !key.empty()) {
        ordered& o = keys_[static_cast<std::size_t>(key[0] - '0')];
        if (d.attempt() == 1 && o.last.exchange(event) > event) ++out_of_order_;
        if (o.in.fetch_add(1) != 0) ++out_of_order_;
        --o.in;
      }
      if (event % 5 == 0 && d.attempt() == 1) return d.retry(trouble, milliseconds(event % 3));
      ledger_->say_yes(event, 1);
      d.succeed();
    });
  }

  void change_rules(random_source random) {
    while (!no_more_calls_) {
      const std::size_t r = random.between(1, rules - 1);
      const std::string rule_name = "r" + std::to_string(r);
      const std::size_t t = r * targets_per_rule_ + random.below(targets_per_rule_);
      switch (random.below(6)) {
        case 0: static_cast<void>(bus_->put_target(rule_name, random_target(random, t))); break;
        case 1: static_cast<void>(bus_->remove_target(rule_name, std::to_string(t))); break;
        case 2: static_cast<void>(bus_->disable_rule(rule_name)); break;
        case 3: static_cast<void>(bus_->enable_rule(rule_name)); break;
        case 4: static_cast<void>(bus_->put_rule({.name = rule_name, .event_pattern = R"({"source":["shop","x"]})"})); break;
        default: put_rule(random, r); break;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random.below(500)));
    }
  }

  // ---- events

  bool put(std::uint32_t n, std::string_view key, bool only_a) {
    const std::uint32_t before = std::exchange(delivery_ledger::putting(), n);
    const std::string detail = R"({"n":)" + std::to_string(n) + "}";
    const auto id = bus_->put_event({.source = "shop", .detail_type = "n", .detail = detail, .ordering_key = key},
                                    {.only = only_a ? &team_a_ : nullptr});
    delivery_ledger::putting() = before;
    if (!id) {
      CHECK_MESSAGE(id.error().code == errc::stopped, id.error().message);
      return false;
    }
    if (!only_a) accepted_[n] = true;
    if (!observed_) return true;
    if (!only_a && !(ledger_->has(n, 0, delivery_ledger::created) && ledger_->has(n, 1, delivery_ledger::created))) ++missed_;
    if (only_a && ledger_->has(n, 0, delivery_ledger::created)) ++missed_;
    return true;
  }

  void put_events(random_source random) {
    const std::string key(1, static_cast<char>('0' + putter_.fetch_add(1)));  // its own: then it knows the order
    for (std::uint32_t n = next_++; n < events_; n = next_++) {
      put(n, random.percent(40) ? key : std::string(), random.percent(10));
    }
  }

  void nested_put(std::uint64_t chance) {
    if (const std::uint32_t n = next_++; n < events_) put(n, {}, chance % 4 == 0);
  }

  void answer(random_source random) {
    while (!no_more_answers_) {
      auto d = later_.take();
      if (!d) {
        std::this_thread::yield();
        continue;
      }
      answer_one(*std::move(d), random.below(5));
    }
  }

  void answer_one(delivery d, std::size_t how) {
    switch (how) {
      case 0: return d.retry(trouble);
      case 1: return d.fail(trouble);
      case 2: return;  // dropped
      default:
        ledger_->say_yes(number_of(d.event()), delivery_ledger::target_number(d.target_id()));
        d.succeed();
        d.retry(trouble);  // twice
    }
  }

  // ---- the books

  delivery_ledger::totals check() {
    delivery_ledger::totals sum;
    CHECK_MESSAGE(ledger_->check(sum, std::min<std::uint32_t>(next_, events_)) == "", "seed ", seed_);
    CHECK_MESSAGE(missed_ == 0, "seed ", seed_);
    CHECK_MESSAGE(out_of_order_ == 0, "seed ", seed_);
    if (metrics_) {
      const delivery_metrics& m = metrics_->deliveries;
      CHECK_MESSAGE(m.invocations_created == sum.created, "seed ", seed_);
      CHECK_MESSAGE(m.successful_invocation_attempts == sum.succeeded, "seed ", seed_);
      CHECK_MESSAGE(m.failed_invocations == sum.dead + sum.failed, "seed ", seed_);
      CHECK_MESSAGE(m.dropped == sum.failed + sum.letters_failed, "seed ", seed_);
      CHECK_MESSAGE(m.undelivered == sum.left, "seed ", seed_);
      CHECK_MESSAGE(m.invocations_sent_to_dlq == sum.letters, "seed ", seed_);
      CHECK_MESSAGE(m.invocations_failed_to_be_sent_to_dlq == sum.letters_failed + sum.letters_left, "seed ", seed_);
      CHECK_MESSAGE(m.queued == 0, "seed ", seed_);
      CHECK_MESSAGE(m.in_flight == 0, "seed ", seed_);
    }
    return sum;
  }

  /// The same books from the metrics, the targets, on_error and the report of stop. The bus takes another way where nobody
  /// observes it: a visit of a lane books its successes together.
  delivery_ledger::totals check_unobserved() {
    using l = delivery_ledger;
    const std::uint64_t told_dropped = ledger_->count(l::told_dropped), told_dead = ledger_->count(l::told_dead),
                        reported = ledger_->count(l::reported);
    CHECK_MESSAGE(ledger_->count(l::twice) == 0, "seed ", seed_);
    CHECK_MESSAGE(out_of_order_ == 0, "seed ", seed_);
    l::totals sum;
    for (std::uint32_t n = 0; n < std::min<std::uint32_t>(next_, events_); ++n) {
      for (std::size_t target = 0; accepted_[n] && target < 2; ++target) {  // the two that are never changed
        const bool lost = ledger_->has(n, target, l::mark(l::told_dropped | l::told_dead | l::reported));
        if (!lost && !ledger_->has(n, target, l::said_yes)) ++missed_;
        sum.created += metrics_ ? 0u : 1u;
      }
    }
    CHECK_MESSAGE(missed_ == 0, "seed ", seed_);
    if (!metrics_) return sum;
    const delivery_metrics& m = metrics_->deliveries;
    sum.created = m.invocations_created;
    sum.succeeded = m.successful_invocation_attempts;
    sum.dead = told_dead;
    sum.failed = m.failed_invocations - told_dead;
    sum.left = m.undelivered;
    sum.letters = m.invocations_sent_to_dlq;
    sum.letters_failed = m.dropped - sum.failed;
    sum.letters_left = m.invocations_failed_to_be_sent_to_dlq - sum.letters_failed;
    CHECK_MESSAGE(sum.created == sum.succeeded + m.failed_invocations + sum.left, "seed ", seed_);
    CHECK_MESSAGE(told_dead == sum.letters + sum.letters_failed + sum.letters_left, "seed ", seed_);
    CHECK_MESSAGE(told_dropped + reported == m.dropped + sum.left + sum.letters_left, "seed ", seed_);
    CHECK_MESSAGE(sum.succeeded <= ledger_->count(l::said_yes), "seed ", seed_);
    CHECK_MESSAGE(m.queued == 0, "seed ", seed_);
    CHECK_MESSAGE(m.in_flight == 0, "seed ", seed_);
    return sum;
  }

  struct ordered {
    std::atomic<std::uint32_t> last{0};
    std::atomic<int> in{0};
  };

  random_source random_;
  const std::uint64_t seed_;
  const bool wide_;  // rules have so many targets that their events wait as a whole (fan_out.hpp), also for the order
  const std::size_t targets_per_rule_;
  const std::uint32_t events_;
  bool manual_ = false, shared_ = false, observed_ = true;
  std::shared_ptr<delivery_ledger> ledger_;
  const tag_filter team_a_ = tag_filter::parse(R"({"team":["a"]})").value();
  answers_later later_, never_;
  std::array<ordered, 16> keys_;
  std::vector<std::atomic<bool>> accepted_;  // by event; for all rules
  std::atomic<std::uint32_t> next_{0}, putter_{0};
  std::atomic<std::uint64_t> missed_{0}, out_of_order_{0};
  std::atomic<bool> no_more_calls_{false}, no_more_answers_{false};
  std::optional<bus_metrics> metrics_;
  std::optional<bus> bus_;
};

}  // namespace

TEST_CASE("conservation: every accepted event ends in exactly one way at every target that it matched") {
  const std::uint64_t wanted = tests::number_from_environment("RULEBUS_DELIVERIES", 150'000 / tests::build_slowness);
  const std::uint64_t seed = tests::seed() % 1'000'000'000;
  MESSAGE("seed ", seed);
  const auto begin = std::chrono::steady_clock::now();
  delivery_ledger::totals sum;
  std::uint64_t rounds = 0;
  for (; sum.created < wanted; ++rounds) {
    round_of_deliveries r(seed + rounds, wanted > 1'000'000 ? 20'000 : 2'000);
    sum.add(r.run());
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  MESSAGE(sum.created, " deliveries in ", rounds, " rounds, ", took.count(), " seconds: ", sum.succeeded, " delivered, ",
          sum.dead, " dead-lettered (of these ", sum.letters_failed, " refused, ", sum.letters_left, " left), ", sum.failed,
          " dropped, ", sum.left, " left at stop");
  if (rounds < 10) return;  // some of these happen in some rounds only
  CHECK(sum.succeeded > 0);
  CHECK(sum.dead > 0);
  CHECK(sum.letters > 0);
  CHECK(sum.letters_failed > 0);
  CHECK(sum.failed > 0);
  CHECK(sum.left > 0);
}
