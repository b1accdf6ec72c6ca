#include "changes.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

namespace rulebus::bench {
namespace {

constexpr std::size_t largest_rebuilt = 10'000;  // building more than this many rules again and again takes minutes

/// A rule like those of the workload, and none of them.
std::string another_rule(std::size_t i) { return fmt::format(R"({{"source":["depot"],"detail":{{"id":["more{}"]}}}})", i); }

std::vector<std::string> texts_of(const workload& w) {
  std::vector<std::string> out;
  out.reserve(w.rules);
  for (std::size_t i = 0; i < w.rules; ++i) out.push_back(w.rule(i));
  return out;
}

/// Adds the rules; their ids in an order that is not that of adding.
std::vector<rule_id> fill(matcher& m, const std::vector<std::string>& texts) {
  std::vector<rule_id> ids;
  ids.reserve(texts.size());
  for (const std::string& text : texts) ids.push_back(m.add(text).value());
  tests::random_source random(texts.size());
  for (std::size_t i = ids.size(); i > 1; --i) std::swap(ids[i - 1], ids[random.below(i)]);
  return ids;
}

void add_all(benchmark::State& state, const std::vector<std::string>& texts) {
  std::optional<matcher> m;
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    m.reset();
    m.emplace();
    state.ResumeTiming();
    for (const std::string& text : texts) benchmark::DoNotOptimize(m->add(text));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(texts.size()));
}

void remove_all(benchmark::State& state, const std::vector<std::string>& texts) {
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    matcher m;
    const std::vector<rule_id> ids = fill(m, texts);
    state.ResumeTiming();
    for (const rule_id id : ids) m.remove(id).value();
    state.PauseTiming();
    if (m.size() != 0) state.SkipWithError("rules are left");
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(texts.size()));
}

/// Both changes count: an item is one of them.
void change_one(benchmark::State& state, arena& a) {
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) a.matcher().remove(a.matcher().add(another_rule(i++)).value()).value();
  if (a.matcher().size() != a.about().rules) state.SkipWithError("rules are left, or lost");
  state.SetItemsProcessed(state.iterations() * 2);
}

/// Adds and removes a rule over and over in a thread of its own.
class writer {
 public:
  writer(matcher& m, std::chrono::microseconds rest)
      : thread_([this, &m, rest](const std::stop_token& stop) { run(m, rest, stop); }) {}
  std::size_t changes() const { return changes_; }

 private:
  void run(matcher& m, std::chrono::microseconds rest, const std::stop_token& stop) {
    auto next = std::chrono::steady_clock::now();
    for (std::size_t i = 0; !stop.stop_requested(); ++i) {
      m.remove(m.add(another_rule(i)).value()).value();
      changes_ += 2;
      if (rest.count() != 0) std::this_thread::sleep_until(next += 2 * rest);
    }
  }

  std::atomic<std::size_t> changes_ = 0;
  std::jthread thread_;  // last: it uses the others
};

enum class writing : unsigned char { none, paced, restless };

void match_together(benchmark::State& state, arena& a, writing w) {
  static std::unique_ptr<writer> other;  // of the benchmark that runs; thread 0 sets it outside of the timed loop
  if (w != writing::none && state.thread_index() == 0) {
    other = std::make_unique<writer>(a.matcher(), std::chrono::microseconds(w == writing::paced ? 1'000 : 0));
  }
  matcher::reader reader(a.matcher());
  const auto events = a.events();
  const std::size_t changes_before = state.thread_index() == 0 && other ? other->changes() : 0;
  for ([[maybe_unused]] auto _ : state) {
    std::size_t matches = 0;
    for (const std::string_view event : events) {
      const auto ids = reader.match(event);
      matches += ids ? ids->size() : events.size();
    }
    if (matches != a.matches()) {
      state.SkipWithError("the number of matches changed while rules were added and removed that match nothing here");
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events.size()));
  if (state.thread_index() == 0 && other) {
    state.counters["changes_per_second"] =
        benchmark::Counter(static_cast<double>(other->changes() - changes_before), benchmark::Counter::kIsRate);
    other.reset();
  }
}

}  // namespace

std::vector<named_benchmark> change_benchmarks(arena& a) {
  std::vector<named_benchmark> out;
  const std::string& name = a.about().name;
  out.push_back({"change." + name + "/change_one", [&a](benchmark::State& state) { change_one(state, a); }});
  if (a.about().rules > largest_rebuilt || a.about().rules < 100) return out;
  const auto texts = std::make_shared<const std::vector<std::string>>(texts_of(a.about()));
  out.push_back({"change." + name + "/add_all", [texts](benchmark::State& state) { add_all(state, *texts); }});
  out.push_back({"change." + name + "/remove_all", [texts](benchmark::State& state) { remove_all(state, *texts); }});
  return out;
}

std::vector<named_benchmark> concurrent_benchmarks(arena& a) {
  std::vector<named_benchmark> out;
  for (const int threads : {1, 2}) {
    const std::string readers = threads == 1 ? "one_reader" : "two_readers";
    const auto add = [&](const std::string& name, writing w) {
      out.push_back({"concurrent." + a.about().name + "/" + name,
                     [&a, w](benchmark::State& state) { match_together(state, a, w); }, threads, clocked::wall});
    };
    add(readers, writing::none);
    add(readers + "_paced_writer", writing::paced);
    add(readers + "_restless_writer", writing::restless);
  }
  return out;
}

}  // namespace rulebus::bench
