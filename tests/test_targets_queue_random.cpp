// queue_target against a twin that keeps a plain list and looks at all of it: random operations on a queue and its dead letters,
// behind a bus, on a manual clock. RULEBUS_SEED chooses the cases.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rulebus/bus.hpp"
#include "rulebus/executor.hpp"
#include "rulebus/targets/queue.hpp"
#include "support/random_source.hpp"

using namespace rulebus;
using namespace std::chrono_literals;

namespace {

using nanoseconds = std::chrono::nanoseconds;

struct entry {
  int n = 0;
  std::string key{};
  unsigned receives = 0;
  std::uint64_t receipt = 0;  // the last; 0: none
  bool out = false;
  nanoseconds back{0};  // while out
};

// The twin: arrival is the position in the list.
struct twin {
  std::size_t capacity;
  nanoseconds visibility;
  unsigned max_receives;
  twin* letters;
  std::vector<entry> all{};
  std::uint64_t receipts = 0;

  void put(int n, const std::string& key) {
    if (all.size() < capacity) all.push_back({.n = n, .key = key});
  }
  bool held(std::size_t i) const {
    if (all[i].out || all[i].key.empty()) return false;
    return std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i),
                       [&](const entry& e) { return e.key == all[i].key; });
  }
  void come_back(std::size_t i) {
    entry& e = all[i];
    e.out = false;
    if (max_receives == 0 || e.receives < max_receives || letters->all.size() >= letters->capacity) return;
    letters->put(e.n, e.key);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
  }
  void settle(nanoseconds now) {
    for (;;) {
      std::optional<std::size_t> first;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].out && all[i].back <= now && (!first || all[i].back < all[*first].back)) first = i;
      }
      if (!first) return;
      come_back(*first);
    }
  }
  std::vector<entry> receive(std::size_t max, nanoseconds now) {
    std::vector<entry> taken;
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < all.size() && which.size() < max; ++i) {
      if (!all[i].out && !held(i)) which.push_back(i);
    }
    for (const std::size_t i : which) {
      entry& e = all[i];
      e.out = true;
      e.back = now + visibility;
      ++e.receives;
      e.receipt = ++receipts;
      taken.push_back(e);
    }
    return taken;
  }
  entry* find(int n, std::uint64_t receipt) {
    for (entry& e : all) {
      if (e.n == n && receipt != 0 && e.receipt == receipt) return &e;
    }
    return nullptr;
  }
  bool acknowledge(int n, std::uint64_t receipt) {
    entry* const e = find(n, receipt);
    if (e) all.erase(all.begin() + (e - all.data()));
    return e != nullptr;
  }
  bool change(int n, std::uint64_t receipt, nanoseconds timeout, nanoseconds now) {
    entry* const e = find(n, receipt);
    if (!e || !e->out) return false;
    e->back = now + timeout;
    if (timeout.count() == 0) {
      e->receipt = 0;
      come_back(static_cast<std::size_t>(e - all.data()));
    }
    return true;
  }
  queue_depth depth() const {
    queue_depth d;
    for (std::size_t i = 0; i < all.size(); ++i) ++(all[i].out ? d.in_flight : held(i) ? d.held : d.visible);
    return d;
  }
};

int number_of(const queue_message& m) { return std::stoi(std::string(m.event().detail().substr(5))); }  // {"n":17}

// What was received once: the twin's receipt and the queue's.
struct held_receipt {
  int n;
  std::uint64_t twin;
  receipt_handle real;
};

class run {
 public:
  explicit run(std::uint64_t seed)
      : random_(seed),
        twin_letters_{random_.between(1, 6), 3s, 0, nullptr},
        twin_jobs_{random_.between(1, 12), std::chrono::milliseconds(random_.below(3) * 700),
                   static_cast<unsigned>(random_.below(4)), &twin_letters_} {
    letters_ = std::make_shared<queue_target>(
        queue_options{.capacity = twin_letters_.capacity, .visibility_timeout = 3s, .clock = time_});
    queue_options o{.capacity = twin_jobs_.capacity,
                    .visibility_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(twin_jobs_.visibility),
                    .clock = time_};
    if (twin_jobs_.max_receives > 0) {
      o.max_receives = twin_jobs_.max_receives;
      o.dead_letters = letters_;
    }
    jobs_ = std::make_shared<queue_target>(o);
    bus_.put_rule({.name = "all", .event_pattern = R"({"source": ["s"]})"}).value();
    bus_.put_target("all", {.id = "jobs", .target = jobs_, .delivery = delivery_options{.retry = {.maximum_retry_attempts = 0}}})
        .value();
  }

  void step() {
    const bool on_jobs = random_.percent(75);
    queue_target& real = on_jobs ? *jobs_ : *letters_;
    twin& model = on_jobs ? twin_jobs_ : twin_letters_;
    const nanoseconds now = time_->elapsed();
    switch (random_.below(12)) {
      case 0:
      case 1:
      case 2: return put(now);
      case 3:
      case 4: return receive(real, model, now);
      case 5:
      case 6: return acknowledge(real, model, now);
      case 7: return change(real, model, now);
      case 8:
      case 9: return time_->advance(std::chrono::milliseconds(random_.below(1500)));
      case 10: return redrive(now);
      default:
        if (!random_.percent(5)) return;
        model.settle(now);
        CHECK(real.purge() == model.all.size());
        model.all.clear();
    }
  }

  void compare() {
    const nanoseconds now = time_->elapsed();
    settle_twins(now);
    compare(*jobs_, twin_jobs_);
    compare(*letters_, twin_letters_);
  }

 private:
  // The jobs first: what moves must find the letters as they are.
  void settle_twins(nanoseconds now) {
    twin_jobs_.settle(now);
    twin_letters_.settle(now);
  }
  static void compare(queue_target& real, const twin& model) {
    CHECK(real.depth() == model.depth());
    std::vector<int> expected, got;
    for (const entry& e : model.all) {
      if (!e.out) expected.push_back(e.n);
    }
    for (const queue_message& m : real.peek()) got.push_back(number_of(m));
    CHECK(got == expected);
  }
  void put(nanoseconds) {
    const int n = ++last_;
    const std::string key = random_.percent(50) ? std::string(1, static_cast<char>('a' + random_.below(3))) : "";
    bus_.put_event({.source = "s", .detail_type = "t", .detail = "{\"n\":" + std::to_string(n) + "}", .ordering_key = key})
        .value();
    twin_jobs_.put(n, key);
  }
  void receive(queue_target& real, twin& model, nanoseconds now) {
    const std::size_t max = random_.below(4);
    const auto got = real.receive(max);
    const auto expected = model.receive(max, now);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(number_of(got[i]) == expected[i].n);
      CHECK(got[i].receive_count() == expected[i].receives);
      CHECK(got[i].details().ordering_key == expected[i].key);
      receipts_.push_back({expected[i].n, expected[i].receipt, got[i].receipt()});
      of_jobs_.push_back(&real == jobs_.get());
    }
  }
  std::optional<held_receipt> some_receipt(bool of_jobs) {
    for (int tries = 0; tries < 10 && !receipts_.empty(); ++tries) {
      const std::size_t recent = std::min<std::size_t>(receipts_.size(), 12);
      const std::size_t i = receipts_.size() - 1 - random_.below(recent);
      if (of_jobs_[i] == of_jobs) return receipts_[i];
    }
    return std::nullopt;
  }
  void acknowledge(queue_target& real, twin& model, nanoseconds) {
    if (const auto r = some_receipt(&real == jobs_.get())) {
      CHECK(real.acknowledge(r->real).has_value() == model.acknowledge(r->n, r->twin));
    }
  }
  void change(queue_target& real, twin& model, nanoseconds now) {
    const auto timeout = std::chrono::milliseconds(random_.percent(50) ? 0 : random_.below(3000));
    if (const auto r = some_receipt(&real == jobs_.get())) {
      CHECK(real.change_visibility(r->real, timeout).has_value() == model.change(r->n, r->twin, timeout, now));
    }
  }
  void redrive(nanoseconds) {
    const int above = static_cast<int>(random_.below(static_cast<std::size_t>(last_) + 1));
    const std::size_t max = random_.below(4);
    const redrive_report done =
        letters_->redrive(bus_, R"({"detail": {"n": [{"numeric": [">", )" + std::to_string(above) + "]}]}}", max).value();
    std::size_t expected = 0;
    for (std::size_t i = 0; i < twin_letters_.all.size() && expected < max;) {
      const entry e = twin_letters_.all[i];
      if (e.out || e.n <= above) {
        ++i;
        continue;
      }
      ++expected;
      twin_letters_.all.erase(twin_letters_.all.begin() + static_cast<std::ptrdiff_t>(i));
      twin_jobs_.put(e.n, e.key);
    }
    CHECK(done.redriven == expected);
    CHECK(done.refused == 0);
    CHECK(bus_.flush());
  }

  tests::random_source random_;
  std::shared_ptr<manual_clock> time_ = std::make_shared<manual_clock>();
  twin twin_letters_, twin_jobs_;
  std::shared_ptr<queue_target> letters_, jobs_;
  bus bus_{"b", {.clock = time_, .executor = make_manual_executor()}};
  std::vector<held_receipt> receipts_;
  std::vector<bool> of_jobs_;
  int last_ = 0;
};

}  // namespace

TEST_CASE("queue: random operations do what they do to the twin") {
  const std::uint64_t first = tests::seed();
  MESSAGE("RULEBUS_SEED=" << first);
  const std::uint64_t cases = tests::number_from_environment("RULEBUS_RANDOM_CASES", 400 / tests::build_slowness + 1);
  for (std::uint64_t seed = first; seed < first + cases; ++seed) {
    CAPTURE(seed);
    run r(seed);
    for (int i = 0; i < 250; ++i) {
      CAPTURE(i);
      r.compare();
      r.step();
    }
    r.compare();
  }
}
