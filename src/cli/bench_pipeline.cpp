// rulebus bench --config: from the put to the end of the last delivery, on the user's own buses, rules and events.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "bench_measure.hpp"
#include "configuration_file.hpp"
#include "event_line.hpp"
#include "input.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

constexpr std::size_t sample_every = 16;  // of many events, so many for each whose latency is taken: clocks cost, too
constexpr std::size_t many_events = 10'000;

std::uint64_t now_in_nanoseconds() {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(bench_clock::now().time_since_epoch()).count());
}

/// Takes everything. An event that is sampled carries the time of its put in its trace header.
class counting_target final : public target {
 public:
  void deliver(delivery d) override {
    if (const std::string_view stamp = d.details().trace_header; !stamp.empty()) {
      std::uint64_t put = 0;
      std::from_chars(stamp.data(), stamp.data() + stamp.size(), put);
      const std::uint64_t now = now_in_nanoseconds();
      const std::lock_guard lock(mutex_);
      latencies_.push_back(now > put ? now - put : 0);
    }
    d.succeed();
  }
  std::vector<std::uint64_t> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(latencies_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::uint64_t> latencies_;  // guarded by mutex_
};

struct pipeline_measurements {
  std::size_t buses = 0, rules = 0, targets = 0, events = 0, event_bytes = 0;
  double load_seconds = 0;
  std::uint64_t deliveries_per_pass = 0;
  statistics events_per_second{}, deliveries_per_second{};
  double bytes_per_second = 0, nanoseconds_per_event = 0, allocations_per_event = 0;
  double p50 = 0, p99 = 0, p999 = 0;
};

class bench_pipeline {
 public:
  bench_pipeline(const bench_options& options, const common_options& common) : options_(options), common_(common) {}

  int run() {
    if (!load() || !load_events()) return exit_finding;
    measure();
    standard_output output;
    output.write(common_.json ? json() : table());
    output.flush();
    return exit_fine;
  }

 private:
  // ---- what is measured with

  bool load() {
    pipeline_options pipeline = options_.pipeline;
    pipeline.threads = options_.threads;
    events_ = std::make_unique<service>(service_for(pipeline, common_));
    configuration_options how;
    if (!options_.real_targets) {
      how.replace = [this](std::string_view description) -> std::shared_ptr<target> {
        if (description.find(R"("type":"bus")") != std::string_view::npos) return nullptr;  // it is part of the way
        return targets_.emplace_back(std::make_shared<counting_target>());
      };
    }
    configuration_ = std::make_unique<configuration>(*events_, how);
    const std::string text = read_configuration_file(pipeline.config);
    const bench_clock::time_point start = bench_clock::now();
    if (result<void> loaded = configuration_->load(text); !loaded) {
      show_configuration_error(pipeline.config, text, loaded.error());
      return false;
    }
    out_.load_seconds = seconds_since(start);
    for (const event_bus_description& d : events_->list_event_buses()) {
      ++out_.buses;
      for (const rule& r : events_->event_bus(d.name).value()->list_rules()) {
        ++out_.rules;
        out_.targets += events_->list_targets_by_rule(r.name, {}, d.name).value().targets.size();
      }
    }
    return true;
  }

  /// An event in memory, ready to be put.
  struct loaded_event {
    std::string text;
    std::unique_ptr<event_line> entry;  // null: it is a ready event
  };

  /// Puts each event once before anything is timed: an invalid one is told, and what one pass delivers is known.
  bool load_events() {
    block_reader in(options_.events);
    std::vector<std::size_t> lines;
    for (block b; in.next(b);) {
      for_each_line(b, [&](std::string_view line, std::size_t number) {
        if (blank(line)) return;
        loaded_.push_back({std::string(line), nullptr});
        lines.push_back(number);
        out_.event_bytes += line.size();
      });
    }
    if (lines.empty())
      throw failure(fmt::format("{} has no events; give a file with one JSON object a line", shown_path(options_.events)));
    out_.events = lines.size();
    const std::uint64_t before = deliveries();
    for (std::size_t i = 0; i < loaded_.size(); ++i) {
      result<void> good = prepare(loaded_[i]);
      if (good) good = put(loaded_[i], {});
      if (good) continue;
      complain(fmt::format("{}:{}:{}: {}; take the line out of the events", shown_path(options_.events), lines[i],
                           good.error().offset + 1, good.error().message));
      return false;
    }
    finish_pass();
    out_.deliveries_per_pass = deliveries() - before;
    return true;
  }

  static result<void> prepare(loaded_event& e) {
    auto line = std::make_unique<event_line>(line_shape::by_members);
    if (result<void> read = line->read(e.text); !read) return read;
    if (line->is_entry()) e.entry = std::move(line);
    return {};
  }

  result<void> put(const loaded_event& e, std::string_view stamp) {
    if (e.entry) {
      put_events_entry entry = e.entry->entry();
      entry.deduplication_id = {};  // every pass is to do the same
      if (!stamp.empty()) entry.trace_header = stamp;
      const result<std::string> id = events_->put_event(entry);
      return id ? result<void>() : result<void>(id.error());
    }
    if (stamp.empty()) return events_->put_event_json(e.text);
    return events_->find_event_bus()->forward(event::checked(e.text), {.trace_header = stamp});
  }

  std::uint64_t deliveries() const {
    std::uint64_t n = 0;
    for (const event_bus_description& d : events_->list_event_buses()) {
      n += events_->event_bus(d.name).value()->metrics().deliveries.invocations_created;
    }
    return n;
  }

  void finish_pass() {
    if (const result<void> flushed = events_->flush(); !flushed) throw failure(flushed.error().message);
  }

  // ---- measuring

  void put_all(unsigned pass, std::atomic<std::uint64_t>& allocations) {
    const std::size_t every = loaded_.size() < many_events ? 1 : sample_every;
    const std::uint64_t before = allocations_of_this_thread();
    std::string stamp;
    for (std::size_t i = 0; i < loaded_.size(); ++i) {
      stamp.clear();
      if ((i + pass) % every == 0) fmt::format_to(std::back_inserter(stamp), "{}", now_in_nanoseconds());
      static_cast<void>(put(loaded_[i], stamp));
    }
    allocations += allocations_of_this_thread() - before;
  }

  void measure() {
    std::vector<double> rates, delivery_rates;
    std::vector<std::uint64_t> latencies;
    std::atomic<std::uint64_t> allocations{0};
    progress shown("passes", true, 0);
    for (unsigned pass = 0; pass < options_.warmup + options_.passes; ++pass) {
      if (pass <= options_.warmup) {
        allocations = 0;
        static_cast<void>(take_latencies());
      }
      const std::uint64_t before = deliveries();
      const bench_clock::time_point start = bench_clock::now();
      together(options_.threads, [&](std::size_t) { put_all(pass, allocations); });
      finish_pass();
      const double seconds = seconds_since(start);
      check_pass(deliveries() - before);
      shown.advance(1, 0);
      if (pass < options_.warmup) continue;
      const double threads = options_.threads;
      rates.push_back(static_cast<double>(out_.events) * threads / seconds);
      delivery_rates.push_back(static_cast<double>(out_.deliveries_per_pass) * threads / seconds);
    }
    shown.clear();
    out_.events_per_second = summarise(rates);
    out_.deliveries_per_second = summarise(delivery_rates);
    const double events = static_cast<double>(out_.events), median = out_.events_per_second.median;
    out_.bytes_per_second = median * static_cast<double>(out_.event_bytes) / events;
    out_.nanoseconds_per_event = 1e9 * options_.threads / median;
    out_.allocations_per_event = static_cast<double>(allocations.load()) / (events * options_.threads * options_.passes);
    options_.real_targets ? latencies_from_metrics() : latencies_from(take_latencies());
  }

  void check_pass(std::uint64_t made) const {
    if (made == out_.deliveries_per_pass * options_.threads) return;
    throw failure(fmt::format("a pass made {} deliveries where the first made {}; this is a defect of rulebus, please report it",
                              made, out_.deliveries_per_pass * options_.threads));
  }

  std::vector<std::uint64_t> take_latencies() {
    std::vector<std::uint64_t> all;
    for (const auto& t : targets_) {
      const auto some = t->take();
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  void latencies_from(std::vector<std::uint64_t> all) {
    if (all.empty()) return;
    std::sort(all.begin(), all.end());
    const auto quantile = [&](double q) {
      return static_cast<double>(all[static_cast<std::size_t>(std::ceil(q * static_cast<double>(all.size()))) - 1]);
    };
    out_.p50 = quantile(0.5);
    out_.p99 = quantile(0.99);
    out_.p999 = quantile(0.999);
  }

  /// Upper bounds, and over all passes: the targets themselves are not ours to measure in.
  void latencies_from_metrics() {
    latency_histogram all;
    for (const event_bus_description& d : events_->list_event_buses()) {
      all.add(events_->event_bus(d.name).value()->metrics().deliveries.ingestion_to_invocation_success);
    }
    const auto quantile = [&](double q) { return static_cast<double>(all.quantile(q).count()); };
    out_.p50 = quantile(0.5);
    out_.p99 = quantile(0.99);
    out_.p999 = quantile(0.999);
  }

  // ---- telling

  std::string json() const {
    const pipeline_measurements& m = out_;
    const auto spread = [](const statistics& s) {
      return fmt::format(R"({{"min":{},"median":{},"max":{}}})", s.min, s.median, s.max);
    };
    return fmt::format(
        R"({{"buses":{},"rules":{},"targets":{},"events":{},"event_bytes":{},"load_seconds":{},"passes":{},"threads":{},)"
        R"("events_per_second":{},"deliveries_per_second":{},"bytes_per_second":{},"nanoseconds_per_event":{},)"
        R"("deliveries_per_pass":{},"allocations_per_event":{},"latency_nanoseconds":{{"p50":{},"p99":{},"p999":{}}}}})"
        "\n",
        m.buses, m.rules, m.targets, m.events, m.event_bytes, m.load_seconds, options_.passes, options_.threads,
        spread(m.events_per_second), spread(m.deliveries_per_second), m.bytes_per_second, m.nanoseconds_per_event,
        m.deliveries_per_pass, m.allocations_per_event, m.p50, m.p99, m.p999);
  }

  std::string table() const {
    const pipeline_measurements& m = out_;
    const auto whole = [](double d) { return grouped(static_cast<std::uint64_t>(std::llround(d))); };
    const auto spread = [&](const statistics& s) {
      return fmt::format("{}/s (from {} to {})", whole(s.median), whole(s.min), whole(s.max));
    };
    std::string out;
    const auto row = [&out](std::string_view what, const std::string& value) { out += fmt::format("{:<12} {}\n", what, value); };
    row("pipeline", fmt::format("buses: {}, rules: {}, targets: {}{}; loaded in {:.3f} ms", grouped(m.buses), grouped(m.rules),
                                grouped(m.targets), options_.real_targets ? "" : " (which only count)", m.load_seconds * 1e3));
    row("events", fmt::format("{} of {:.0f} bytes on average", grouped(m.events),
                              static_cast<double>(m.event_bytes) / static_cast<double>(m.events)));
    row("passes",
        fmt::format("{} by {} {}", options_.passes, options_.threads, options_.threads == 1 ? "thread" : "threads at once"));
    row("deliveries", fmt::format("{} in each pass", grouped(m.deliveries_per_pass)));
    row("throughput", fmt::format("{} events, {:.1f} MB/s", spread(m.events_per_second), m.bytes_per_second / 1e6));
    row("", fmt::format("{} deliveries", spread(m.deliveries_per_second)));
    row("per event", fmt::format("{:.0f} ns, {:.4g} allocations", m.nanoseconds_per_event, m.allocations_per_event));
    row("latency", fmt::format("{}{} ns at the median, {} ns at 99 %, {} ns at 99.9 %", options_.real_targets ? "at most " : "",
                               whole(m.p50), whole(m.p99), whole(m.p999)));
    return out;
  }

  const bench_options& options_;
  const common_options& common_;
  std::vector<std::shared_ptr<counting_target>> targets_;
  std::unique_ptr<service> events_;
  std::unique_ptr<configuration> configuration_;
  std::vector<loaded_event> loaded_;
  pipeline_measurements out_;
};

}  // namespace

int run_bench_pipeline(const bench_options& options, const common_options& common) {
  if (options.pipeline.config == "-" && options.events == "-") {
    throw failure("the configuration and events cannot both come from standard input; give one of them a file");
  }
  return bench_pipeline(options, common).run();
}

}  // namespace rulebus::cli
