// delivery, continued: the targets in the box, each behind one rule that every event matches.
#include "delivery.hpp"

#if __has_include("rulebus/targets/file.hpp")  // scripts/bench_compare builds this with older revisions too

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>
#include <utility>

#include "delivery_bus.hpp"
#include "measuring.hpp"
#include "rulebus/targets/bus.hpp"
#include "rulebus/targets/file.hpp"
#include "rulebus/targets/null.hpp"
#include "rulebus/targets/queue.hpp"

namespace rulebus::bench {
namespace {

constexpr const char* boxed = "delivery.targets";

void put_all(bus& on, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) on.put_event_json(text).value();
}

void finish(benchmark::State& state, std::size_t events) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events));
}

void to_null(benchmark::State& state, const std::vector<std::string>& texts) {
  const auto nowhere = std::make_shared<null_target>();
  const auto on = bus_with_rule({});
  on->put_target("orders", {.id = "null", .target = nowhere}).value();
  for ([[maybe_unused]] auto _ : state) put_all(*on, texts);
  if (nowhere->deliveries() != static_cast<std::size_t>(state.iterations()) * texts.size()) {
    state.SkipWithError("another number of deliveries than events");
  }
  finish(state, texts.size());
}

/// Stored, received ten at a time, and acknowledged.
void to_queue(benchmark::State& state, const std::vector<std::string>& texts) {
  const auto jobs = std::make_shared<queue_target>();
  const auto on = bus_with_rule({});
  on->put_target("orders", {.id = "jobs", .target = jobs}).value();
  for ([[maybe_unused]] auto _ : state) {
    put_all(*on, texts);
    std::size_t received = 0;
    for (auto some = jobs->receive(10); !some.empty(); some = jobs->receive(10)) {
      received += some.size();
      for (const queue_message& m : some) jobs->acknowledge(m.receipt()).value();
    }
    if (received != texts.size() || jobs->depth() != queue_depth{}) state.SkipWithError("another number of messages than events");
  }
  finish(state, texts.size());
}

/// A file that is gone when the benchmark is.
class scratch_file {
 public:
  explicit scratch_file(std::string_view name)
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("rulebus-bench-{}-{}.jsonl", name, std::chrono::steady_clock::now().time_since_epoch().count())) {}
  ~scratch_file() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;
  std::string path() const { return path_.string(); }
  std::size_t lines() const {
    std::ifstream in(path_);
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) ++count;
    return count;
  }

 private:
  std::filesystem::path path_;
};

/// Lines of a file, to where the system keeps them, not to the disk. `batch`: so many in one write, by who pumps the bus.
void to_file(benchmark::State& state, const std::vector<std::string>& texts, std::size_t batch) {
  const scratch_file file(batch > 1 ? "batches" : "lines");
  // Rotation keeps no more than the last pass in it.
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size() + 1;
  const auto to = file_target::open({.path = file.path(), .max_bytes = bytes, .keep = 0}).value();
  const auto on = bus_with_rule({.delivery = {.batch = {.size = batch}}, .executor = make_manual_executor()});
  on->put_target("orders", {.id = "file", .target = to}).value();
  for ([[maybe_unused]] auto _ : state) {
    put_all(*on, texts);
    on->pump();
  }
  const delivery_metrics m = on->metrics("orders", "file").value();
  if (m.successful_invocation_attempts != static_cast<std::size_t>(state.iterations()) * texts.size() ||
      file.lines() != texts.size()) {
    state.SkipWithError("another number of lines than events");
  }
  finish(state, texts.size());
}

/// From bus to bus, to a callback there; a second matching and a second rule.
void to_bus(benchmark::State& state, const std::vector<std::string>& texts) {
  std::size_t delivered = 0;
  const std::shared_ptr<bus> there = bus_with_rule({}, "there");
  there->put_target("orders", {.id = "count", .target = counting(delivered)}).value();
  const auto here = bus_with_rule({}, "here");
  here->put_target("orders", {.id = "there", .target = std::make_shared<bus_target>(there)}).value();
  for ([[maybe_unused]] auto _ : state) put_all(*here, texts);
  if (delivered != static_cast<std::size_t>(state.iterations()) * texts.size()) {
    state.SkipWithError("another number of deliveries than events");
  }
  finish(state, texts.size());
}

}  // namespace

std::vector<named_benchmark> boxed_target_benchmarks(const std::string& only, std::size_t at_most) {
  std::vector<named_benchmark> out;
  if (!selected(boxed, only)) return out;
  const auto texts = std::make_shared<const std::vector<std::string>>(orders(std::min<std::size_t>(1'000, at_most)));
  const auto add = [&](const char* name, auto run) {
    out.push_back(
        {.name = std::string(boxed) + "/" + name, .run = [texts, run](benchmark::State& state) { run(state, *texts); }});
  };
  add("null", to_null);
  add("queue", to_queue);
  add("file", [](benchmark::State& state, const std::vector<std::string>& all) { to_file(state, all, 1); });
  add("file_batches_of_100", [](benchmark::State& state, const std::vector<std::string>& all) { to_file(state, all, 100); });
  add("bus", to_bus);
  return out;
}

std::vector<std::string> delivery_workloads() {
  return {"delivery.inline",
          "delivery.pool",
          "delivery.latency",
          "delivery.fan_out_10000",
          "delivery.idle_targets_100000",
          "delivery.one_of_100_dead",
          boxed};
}

}  // namespace rulebus::bench

#else

namespace rulebus::bench {
std::vector<named_benchmark> boxed_target_benchmarks(const std::string&, std::size_t) { return {}; }
std::vector<std::string> delivery_workloads() { return {}; }
}  // namespace rulebus::bench

#endif
