// rulebus_benchmarks: how fast the matcher is, beside others that give the same answers and beside the floor of reading JSON;
// delivery, schedules and the scheduler. Benchmarks are named <workload>/<contender>; an item is one event, one change, one
// delivery, one instant or one fire. Options of Google Benchmark, and:
//
//   --only=REGEX   prepare only workloads in whose names it is found (--benchmark_filter selects later, among what is prepared)
//   --events=N     at most so many events a pass, targets and schedules, for a quick look
//   --quiet        no table on standard output; for use with --benchmark_out
//   --list         names of the workloads, nothing else
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arena.hpp"
#include "changes.hpp"
#include "delivery.hpp"
#include "scheduler.hpp"
#include "schedules.hpp"

namespace rulebus::bench {
namespace {

struct options {
  std::string only{};
  std::size_t events = ~std::size_t{0};
  bool quiet = false, list = false;
};

/// Takes ours out of the arguments; an error is a text.
std::optional<std::string> take(options& o, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&](std::string_view name) -> std::optional<std::string> {
      if (argument.substr(0, name.size()) != name) return {};
      return std::string(argument.substr(name.size()));
    };
    if (const auto only = value("--only=")) {
      o.only = *only;
    } else if (const auto events = value("--events=")) {
      o.events = std::strtoull(events->c_str(), nullptr, 10);
      if (o.events == 0) return "--events wants a number above 0";
    } else if (argument == "--quiet") {
      o.quiet = true;
    } else if (argument == "--list") {
      o.list = true;
    } else {
      return fmt::format("unknown argument {}", argument);
    }
  }
  return {};
}

/// Shows that something is going on: a line every few seconds, to standard error.
class progress {
 public:
  void expect(std::size_t runs) { expected_ = runs; }
  void say(const std::string& what) { fmt::print(stderr, "[{:4.0f} s] {}\n", seconds(), what); }
  /// Google Benchmark calls each function a few times to find how often to repeat it, so that the number of runs is a guess.
  void run(const std::string& name) {
    ++runs_;
    if (seconds() - shown_ < 5) return;
    shown_ = seconds();
    say(fmt::format("run {} of about {}: {}", runs_, expected_, name));
  }

 private:
  using clock = std::chrono::steady_clock;
  double seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }

  clock::time_point start_ = clock::now();
  double shown_ = 0;
  std::size_t runs_ = 0, expected_ = 0;
};

class silent_reporter final : public benchmark::BenchmarkReporter {
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>&) override {}
};

class suite {
 public:
  explicit suite(options o) : options_(std::move(o)) {}

  void prepare() {
    const std::regex only(options_.only);
    for (workload& w : all_workloads()) {
      if (!std::regex_search(w.name, only)) continue;
      if (options_.list) {
        fmt::print("{}\n", w.name);
        continue;
      }
      const auto events = events_of(w.events);
      arenas_.push_back(std::make_unique<arena>(std::move(w), events));
      const arena& a = *arenas_.back();
      progress_.say(fmt::format("{}: {} rules added in {:.3g} s; answers to {} events agree, {} of them with the slow twin",
                                a.about().name, a.about().rules, a.add_seconds(), a.events().size(), a.verified_by_twin()));
    }
    for (const auto& a : arenas_) enlist(*a);
    if (options_.list) {
      for (const auto& names : {schedule_workloads(), delivery_workloads(), scheduler_workloads()}) {
        for (const std::string& name : names) {
          if (std::regex_search(name, only)) fmt::print("{}\n", name);
        }
      }
      return;
    }
    enlist(schedule_benchmarks(options_.only));
    enlist(delivery_benchmarks(options_.only, options_.events));
    enlist(boxed_target_benchmarks(options_.only, options_.events));
    enlist(scheduler_benchmarks(options_.only, options_.events));
  }

  int run() {
    progress_.expect(registered_ * 8);
    silent_reporter silent;
    const std::size_t ran = options_.quiet ? benchmark::RunSpecifiedBenchmarks(&silent) : benchmark::RunSpecifiedBenchmarks();
    return ran == 0 || failed_ ? 1 : 0;
  }

 private:
  std::shared_ptr<const cli::padded_events> events_of(const event_recipe& recipe) {
    auto& found = events_[recipe.name];
    if (!found) {
      auto made = std::make_shared<cli::padded_events>();
      for (const std::string& event : make_events(recipe, std::min(recipe.count, options_.events))) made->add(event);
      made->finish();
      found = made;
    }
    return found;
  }

  benchmark::internal::Benchmark* enlist(const std::string& name, std::function<void(benchmark::State&)> f) {
    ++registered_;
    return benchmark::RegisterBenchmark(name.c_str(), [this, name, f = std::move(f)](benchmark::State& state) {
      if (state.thread_index() == 0) progress_.run(name);
      f(state);
      if (state.error_occurred()) failed_ = true;
    });
  }

  void enlist(std::vector<named_benchmark> all) {
    for (named_benchmark& b : all) {
      benchmark::internal::Benchmark* const one = enlist(b.name, std::move(b.run));
      if (b.threads > 1) one->Threads(b.threads);
      if (b.clock == clocked::wall) one->UseRealTime();
      if (b.clock == clocked::itself) one->UseManualTime();
      if (b.iterations > 0) one->Iterations(b.iterations);
    }
  }

  /// A contender: `pass` goes over `events` events and must find `expected` matches.
  template <class Pass>
  void enlist(arena& a, const std::string& contender, std::size_t events, std::size_t expected, Pass pass) {
    double bytes = 0;
    for (const std::string_view event : a.events()) bytes += static_cast<double>(event.size());
    enlist(a.about().name + "/" + contender, [&a, bytes, events, expected, pass](benchmark::State& state) {
      for ([[maybe_unused]] auto _ : state) {
        if (pass(a) != expected) state.SkipWithError("another number of matches than before");
      }
      state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events));
      const auto number = [](std::size_t n) { return static_cast<double>(n); };
      state.counters["events"] = number(events);
      state.counters["rules"] = number(a.about().rules);
      state.counters["matches_per_event"] = number(expected) / number(events);
      state.counters["event_bytes"] = bytes / number(a.events().size());
      state.counters["rule_bytes"] = number(a.memory_bytes()) / number(a.about().rules);
      state.counters["add_seconds"] = a.add_seconds();
    });
  }

  void enlist(arena& a) {
    const std::size_t all = a.events().size();
    enlist(a, "floor", all, 0, [](arena& x) { return x.pass_floor(); });
    enlist(a, "rulebus_checked", all, a.matches(), [](arena& x) { return x.pass_checked(); });
    enlist(a, "rulebus_trusted", all, a.matches(), [](arena& x) { return x.pass_trusted(); });
    if (a.naive_events() != 0) {
      enlist(a, "naive_twin", a.naive_events(), a.naive_matches(), [](arena& x) { return x.pass_naive(); });
    }
    if (a.re2_events() != 0) enlist(a, "re2", a.re2_events(), a.re2_matches(), [](arena& x) { return x.pass_re2(); });
    if (a.about().name.substr(0, 6) != "exact_") return;
    enlist(change_benchmarks(a));
    if (a.about().name == "exact_10000") enlist(concurrent_benchmarks(a));
  }

  options options_;
  progress progress_;
  std::map<std::string, std::shared_ptr<const cli::padded_events>> events_;
  std::vector<std::unique_ptr<arena>> arenas_;
  std::size_t registered_ = 0;
  std::atomic<bool> failed_ = false;
};

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.substr(0, 10) == "model name") return line.substr(std::min(line.find(':') + 2, line.size()));
  }
  return "unknown";
}

int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  options o;
  if (const auto error = take(o, argc, argv)) {
    fmt::print(stderr, "rulebus_benchmarks: {}\n", *error);
    return 2;
  }
#if defined(__clang__)
  benchmark::AddCustomContext("compiler", "clang " __clang_version__);
#else
  benchmark::AddCustomContext("compiler", "g++ " __VERSION__);
#endif
  benchmark::AddCustomContext("processor", processor());
  benchmark::AddCustomContext("simdjson", fmt::format("{}.{}.{}, {}", static_cast<int>(simdjson::SIMDJSON_VERSION_MAJOR),
                                                      static_cast<int>(simdjson::SIMDJSON_VERSION_MINOR),
                                                      static_cast<int>(simdjson::SIMDJSON_VERSION_REVISION),
                                                      simdjson::get_active_implementation()->name()));
  suite s(o);
  s.prepare();
  return o.list ? 0 : s.run();
}

}  // namespace
}  // namespace rulebus::bench

int main(int argc, char** argv) {
  try {
    return rulebus::bench::run(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "rulebus_benchmarks: {}\n", e.what());
    return 1;
  }
}
