#include "delivery.hpp"

#if __has_include("rulebus/targets/file.hpp")  // scripts/bench_compare builds this with older revisions too

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "delivery_bus.hpp"
#include "measuring.hpp"

namespace rulebus::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* at_once = "delivery.inline";
constexpr const char* through_pool = "delivery.pool";
constexpr const char* fan_out = "delivery.fan_out_10000";
constexpr const char* idle_targets = "delivery.idle_targets_100000";
constexpr const char* one_dead = "delivery.one_of_100_dead";
constexpr const char* latency = "delivery.latency";

// ---- the first attempt in the thread that puts the event

/// The same events, to a matcher alone and to a bus with an inline callback.
struct counter {
  explicit counter(std::size_t events) : texts(orders(events)), on(bus_with_rule({})) {
    const rule_id id = rules.add(order_pattern).value();
    for (const std::string& text : texts) {
      ready.push_back(event::parse(text).value());
      const auto found = reader.match(text);
      must(found && found->size() == 1 && found->front() == id, "an order that does not match");
    }
    on->put_target("orders", {.id = "count", .target = counting(delivered)}).value();
  }
  std::size_t match_all() {
    std::size_t found = 0;
    for (const std::string& text : texts) found += reader.match(text).value().size();
    return found;
  }

  std::vector<std::string> texts;
  std::vector<event> ready{};
  std::size_t delivered = 0;
  rulebus::matcher rules{};
  rulebus::matcher::reader reader{rules};
  std::unique_ptr<bus> on;
};

void bare_match(benchmark::State& state, counter& c) {
  for ([[maybe_unused]] auto _ : state) {
    if (c.match_all() != c.texts.size()) state.SkipWithError("an event did not match");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(c.texts.size()));
}

/// A pass of bare matches, then one of puts, in turns: the difference is of the same moment of the machine.
template <class Put>
void beside_match(benchmark::State& state, counter& c, Put put) {
  const std::size_t before = c.delivered;
  std::vector<double> over;
  for ([[maybe_unused]] auto _ : state) {
    const stopwatch bare;
    benchmark::DoNotOptimize(c.match_all());
    const double match = bare.processor_seconds();
    const stopwatch whole;
    for (std::size_t i = 0; i < c.texts.size(); ++i) put(c, i);
    const double all = whole.processor_seconds();
    state.SetIterationTime(all);
    over.push_back((all - match) / number(c.texts.size()) * 1e9);
  }
  const std::size_t expected = static_cast<std::size_t>(state.iterations()) * c.texts.size();
  if (c.delivered - before != expected) state.SkipWithError("another number of deliveries than events");
  state.SetItemsProcessed(static_cast<std::int64_t>(expected));
  state.counters["over_match_ns"] = median(std::move(over));
}

void add_inline(std::vector<named_benchmark>& out, std::size_t at_most) {
  const auto c = std::make_shared<counter>(std::min<std::size_t>(1'000, at_most));
  const std::string prefix = std::string(at_once) + "/";
  out.push_back({prefix + "bare_match", [c](benchmark::State& state) { bare_match(state, *c); }});
  const auto add = [&](const char* name, auto put) {
    out.push_back({.name = prefix + name,
                   .run = [c, put](benchmark::State& state) { beside_match(state, *c, put); },
                   .clock = clocked::itself});
  };
  add("put_event_json", [](counter& x, std::size_t i) { x.on->put_event_json(x.texts[i]).value(); });
  add("forward", [](counter& x, std::size_t i) { x.on->forward(x.ready[i]).value(); });
  add("put_event", [](counter& x, std::size_t) {  // with the making of the envelope, which the bare match has no part in
    x.on->put_event({.source = "shop", .detail_type = "OrderPlaced", .detail = R"({"order":"o-1","total":101.50})"}).value();
  });
}

// ---- through queues and threads

struct pooled {
  explicit pooled(std::size_t threads, batching batch)
      : on(bus_with_rule({.delivery = {.dispatch = dispatch::executor, .when_full = overflow::block, .batch = batch},
                          .executor = make_thread_pool(threads)})) {
    on->put_target("orders", {.id = "count", .target = counting(delivered)}).value();
  }
  std::atomic<std::size_t> delivered = 0;
  std::unique_ptr<bus> on;
};

/// One thread puts, the pool delivers; from the first put to the last delivery.
void pool(benchmark::State& state, std::size_t threads, std::size_t events, batching batch) {
  pooled p(threads, batch);
  const std::vector<std::string> texts = orders(std::min<std::size_t>(events, 1'000));
  double processor = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::size_t before = p.delivered;
    const stopwatch time;
    for (std::size_t i = 0; i < events; ++i) p.on->put_event_json(texts[i % texts.size()]).value();
    p.on->flush().value();
    state.SetIterationTime(time.seconds());
    processor += time.processor_seconds();
    if (p.delivered - before != events) state.SkipWithError("another number of deliveries than events");
  }
  const auto deliveries = state.iterations() * static_cast<std::int64_t>(events);
  state.SetItemsProcessed(deliveries);
  state.counters["processor_ns"] = processor / static_cast<double>(deliveries) * 1e9;
  state.counters["per_second"] = benchmark::Counter(static_cast<double>(deliveries), benchmark::Counter::kIsRate);
}

void add_pool(std::vector<named_benchmark>& out, std::size_t at_most) {
  const std::size_t events = std::min<std::size_t>(50'000, at_most);
  const auto add = [&](const char* name, std::size_t threads, batching batch) {
    out.push_back({.name = std::string(through_pool) + "/" + name,
                   .run = [=](benchmark::State& state) { pool(state, threads, events, batch); },
                   .clock = clocked::itself});
  };
  add("one_thread", 1, {});
  add("two_threads", 2, {});
  add("batches_of_100", 1, {.size = 100});
}

/// One event at a time, to a pool that has gone to sleep: from before the put until the target is called.
void time_to_target(benchmark::State& state) {
  using steady = std::chrono::steady_clock;
  std::atomic<std::int64_t> called = 0;
  const auto on = bus_with_rule({.delivery = {.dispatch = dispatch::executor}, .executor = make_thread_pool(1)});
  on->put_target("orders", {.id = "now", .target = make_target([&](const delivery&) {
                                           called.store(steady::now().time_since_epoch().count(), std::memory_order_release);
                                           called.notify_one();
                                         })})
      .value();
  std::vector<double> microseconds;
  const std::string text = order(0);
  for ([[maybe_unused]] auto _ : state) {
    std::this_thread::sleep_for(200us);
    called.store(0, std::memory_order_relaxed);
    const auto begin = steady::now();
    on->put_event_json(text).value();
    called.wait(0, std::memory_order_acquire);
    const steady::duration took = steady::time_point(steady::duration(called.load())) - begin;
    state.SetIterationTime(std::chrono::duration<double>(took).count());
    microseconds.push_back(std::chrono::duration<double, std::micro>(took).count());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["p50_us"] = quantile(microseconds, 0.50);
  state.counters["p99_us"] = quantile(std::move(microseconds), 0.99);
}

// ---- many targets

std::vector<rule_target> same_targets(std::size_t count, const std::shared_ptr<target>& to) {
  std::vector<rule_target> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.push_back({.id = fmt::format("t{}", i), .target = to});
  return all;
}

/// One event; an item is the event, until the last of its targets has it. The first is timed by itself: it makes what each
/// lane counts with, some megabytes that the system has to give.
void one_to_many(benchmark::State& state, dispatch how, std::size_t targets) {
  std::atomic<std::size_t> delivered = 0;
  const auto on = bus_with_rule({.delivery = {.dispatch = how}, .executor = make_thread_pool(2)});
  on->put_targets("orders", same_targets(targets, counting(delivered))).value();
  const std::string text = order(0);
  const auto put = [&] {
    const stopwatch time;
    on->put_event_json(text).value();
    on->flush().value();
    return time;
  };
  state.counters["first_ms"] = put().seconds() * 1e3;
  double processor = 0;
  std::vector<double> milliseconds;
  for ([[maybe_unused]] auto _ : state) {
    const stopwatch time = put();
    const double wall = time.seconds();
    processor += time.processor_seconds();
    state.SetIterationTime(wall);
    milliseconds.push_back(wall * 1e3);
  }
  if (delivered != static_cast<std::size_t>(state.iterations() + 1) * targets) {
    state.SkipWithError("another number of deliveries than targets");
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["processor_ns"] = processor / static_cast<double>(state.iterations()) * 1e9;
  state.counters["median_ms"] = median(std::move(milliseconds));
}

/// Targets that nothing ever came for, 100 for each of 1,000 rules. What their users own, the target objects, is not counted.
void idle(benchmark::State& state, std::size_t count) {
  const std::size_t each = std::min<std::size_t>(count, 100), rules = count / each;
  double bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    std::atomic<std::size_t> delivered = 0;
    bus on("bench");
    std::vector<std::vector<rule_target>> all;
    for (std::size_t r = 0; r < rules; ++r) {
      on.put_rule({.name = fmt::format("r{}", r), .event_pattern = fmt::format(R"({{"source": ["s{}"]}})", r)}).value();
      for (rule_target& t : all.emplace_back(same_targets(each, nullptr))) t.target = counting(delivered);
    }
    const std::size_t before = heap_bytes();
    const stopwatch time;
    for (std::size_t r = 0; r < rules; ++r) on.put_targets(fmt::format("r{}", r), all[r]).value();
    state.SetIterationTime(time.seconds());
    bytes = (number(heap_bytes()) - number(before)) / number(rules * each);
    on.put_event_json(R"({"source": "s0"})").value();
    if (delivered != each) state.SkipWithError("the targets are not there");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rules * each));
  state.counters["bytes"] = bytes;
}

// ---- one that is dead among them

enum class health : unsigned char { well, silent, failing };

/// Keeps what it is given and never answers.
class silent_target final : public target {
 public:
  void deliver(delivery d) override {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::make_unique<delivery>(std::move(d)));
    if (kept_.size() > 1'000) kept_.erase(kept_.begin(), kept_.begin() + 500);  // answered as dropped, long after their timeout
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<delivery>> kept_;
};

/// 100 targets, of which the one in the middle is well or dead; only what the others get is counted and waited for.
class crowd {
 public:
  static constexpr std::size_t others = 99;
  explicit crowd(health of_one)
      : on_(bus_with_rule({.delivery = {.dispatch = dispatch::executor, .timeout = 100ms, .queue_capacity = 1'000},
                           .executor = make_thread_pool(2)})) {
    const auto well = make_target([this](const delivery&) {
      if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
    });
    std::vector<rule_target> all = same_targets(others + 1, well);
    std::shared_ptr<target>& one = all[others / 2].target;
    switch (of_one) {
      case health::well: one = counting(delivered_to_one_); break;
      case health::silent: one = std::make_shared<silent_target>(); break;
      case health::failing:
        one = make_target([this](const delivery&) {
          ++attempts_of_one_;
          throw std::runtime_error("dead");
        });
    }
    on_->put_targets("orders", std::move(all)).value();
    for (int i = 0; i < 12; ++i) run(100);  // the queue of a dead one is full from now on
  }

  struct times {
    double wall = 0, processor = 0;
    times& operator+=(const times& more) {
      wall += more.wall;
      processor += more.processor;
      return *this;
    }
  };
  times run(std::size_t events) {
    left_.store(events * others, std::memory_order_relaxed);
    const stopwatch time;
    for (std::size_t i = 0; i < events; ++i) on_->put_event_json(text_).value();
    for (std::size_t left = left_.load(); left != 0; left = left_.load(std::memory_order_acquire)) left_.wait(left);
    return {time.seconds(), time.processor_seconds()};
  }
  delivery_metrics metrics_of_one() const { return on_->metrics("orders", fmt::format("t{}", others / 2)).value(); }

 private:
  std::atomic<std::size_t> left_ = 0, delivered_to_one_ = 0, attempts_of_one_ = 0;
  const std::string text_ = order(0);
  std::unique_ptr<bus> on_;  // last: it ends before what its targets use
};

/// In turns: 100 that are well, and 100 of which one is dead; for each iteration both are made anew, since where their memory
/// falls decides more than what is sought. An item is a delivery to one of the others, beside the dead one.
void beside_dead(benchmark::State& state, health of_one, std::size_t events) {
  constexpr int turns = 4;
  std::vector<double> wall, processor;
  bool well_first = true;
  for ([[maybe_unused]] auto _ : state) {
    // Which is made first is by turns, too.
    std::optional<crowd> well, dead;
    if (well_first) well.emplace(health::well);
    dead.emplace(of_one);
    if (!well_first) well.emplace(health::well);
    crowd::times a{}, b{};
    for (int i = 0; i < turns; ++i) {
      if (well_first) a += well->run(events);
      b += dead->run(events);
      if (!well_first) a += well->run(events);
      well_first = !well_first;
    }
    well_first = !well_first;
    state.SetIterationTime(b.wall);
    wall.push_back(100 * (1 - a.wall / b.wall));
    processor.push_back(100 * (1 - a.processor / b.processor));
    const delivery_metrics of_dead = dead->metrics_of_one();
    if (of_dead.successful_invocation_attempts != 0) state.SkipWithError("the dead one is alive");
    if (of_dead.invocation_attempts == 0) state.SkipWithError("the dead one was not tried");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(turns * events * crowd::others));
  state.counters["loss_percent"] = median(std::move(wall));
  state.counters["loss_percent_processor"] = median(std::move(processor));
}

}  // namespace

std::vector<named_benchmark> delivery_benchmarks(const std::string& only, std::size_t at_most) {
  std::vector<named_benchmark> out;
  const auto add = [&](const char* workload, const char* name, std::int64_t iterations,
                       std::function<void(benchmark::State&)> run) {
    out.push_back({.name = std::string(workload) + "/" + name,
                   .run = std::move(run),
                   .clock = clocked::itself,
                   .iterations = std::min(iterations, static_cast<std::int64_t>(std::min<std::size_t>(at_most, 1'000'000)))});
  };
  if (selected(at_once, only)) add_inline(out, at_most);
  if (selected(through_pool, only)) add_pool(out, at_most);
  if (selected(latency, only)) add(latency, "sleeping_pool", 1'000, time_to_target);
  if (selected(fan_out, only)) {
    const std::size_t targets = std::min<std::size_t>(10'000, at_most);
    add(fan_out, "inline", 50, [=](benchmark::State& state) { one_to_many(state, dispatch::caller, targets); });
    add(fan_out, "pool", 50, [=](benchmark::State& state) { one_to_many(state, dispatch::executor, targets); });
  }
  if (selected(idle_targets, only)) {
    const std::size_t count = std::min<std::size_t>(100'000, at_most);
    add(idle_targets, "put_targets", 1, [=](benchmark::State& state) { idle(state, count); });
  }
  if (selected(one_dead, only)) {
    const std::size_t events = std::min<std::size_t>(200, at_most);
    const std::int64_t pairs = at_most < 1'000 ? 2 : 40;
    add(one_dead, "silent", pairs, [=](benchmark::State& state) { beside_dead(state, health::silent, events); });
    add(one_dead, "failing", pairs, [=](benchmark::State& state) { beside_dead(state, health::failing, events); });
  }
  return out;
}

}  // namespace rulebus::bench

#else

namespace rulebus::bench {
std::vector<named_benchmark> delivery_benchmarks(const std::string&, std::size_t) { return {}; }
}  // namespace rulebus::bench

#endif
