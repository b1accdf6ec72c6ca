// rulebus bench: matching throughput on the user's own rules and events, beside the floor that reading the events costs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "bench_floor.hpp"
#include "bench_measure.hpp"
#include "input.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "rulebus/matcher.hpp"
#include "rules_file.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

using clock = bench_clock;

/// Everything that is measured; the names are those of the JSON output.
struct measurements {
  std::size_t rules = 0, events = 0, event_bytes = 0, matcher_bytes = 0;
  double add_seconds = 0;
  unsigned passes = 0, threads = 0;
  statistics events_per_second{};
  double bytes_per_second = 0, nanoseconds_per_event = 0, floor_nanoseconds_per_event = 0, allocations_per_event = 0;
  std::string floor_implementation{};
  std::uint64_t matches_per_pass = 0;
};

/// What one thread works with, and what it measured in the last pass.
struct alignas(64) lane {
  lane(const matcher& m, const event_options& options) : reader(m, options) {}

  matcher::reader reader;
  floor_reader floor{};
  double seconds = 0;
  std::uint64_t matches = 0, allocations = 0;
};

class bench_run {
 public:
  bench_run(const bench_options& options, const common_options& common)
      : options_(options), common_(common), matcher_({.patterns = common.patterns}) {}

  int run() {
    if (!add_rules() || !load_events()) return exit_finding;
    measure();
    standard_output output;
    output.write(common_.json ? json() : table());
    output.flush();
    return exit_fine;
  }

 private:
  bool add_rules() {
    rule_loader loader(options_.rules);
    // Timed without the reading and cutting of the file.
    const clock::time_point start = clock::now();
    const bool loaded = loader.load([&](const rule_row& row) { return matcher_.add(row.pattern()); });
    out_.add_seconds = seconds_since(start);
    out_.rules = matcher_.size();
    return loaded;
  }

  /// Loads the events and checks each: what is timed later are answers that were right before.
  bool load_events() {
    std::vector<std::size_t> lines;
    block_reader in(options_.events);
    for (block b; in.next(b);) {
      for_each_line(b, [&](std::string_view line, std::size_t number) {
        if (blank(line)) return;
        events_.add(line);
        lines.push_back(number);
      });
    }
    events_.finish();
    if (lines.empty())
      throw failure(fmt::format("{} has no events; give a file with one JSON object a line", shown_path(options_.events)));
    out_.events = lines.size();
    out_.event_bytes = events_.bytes();
    return check_events(lines);
  }

  bool check_events(const std::vector<std::size_t>& lines) {
    matcher::reader strict(matcher_, {}), trusting(matcher_, {.trusted = true});
    std::vector<rule_id> expected, got;
    const auto sorted = [](const auto& ids, std::vector<rule_id>& out) {
      out.assign(ids->begin(), ids->end());
      std::sort(out.begin(), out.end());
    };
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string_view event = events_.views()[i];
      const auto ids = strict.match(event);
      if (!ids) {
        complain(fmt::format("{}:{}:{}: {}; take the line out of the events", shown_path(options_.events), lines[i],
                             ids.error().offset + 1, ids.error().message));
        return false;
      }
      out_.matches_per_pass += ids->size();
      if (!options_.trust) continue;
      sorted(ids, expected);
      const auto trusted_ids = trusting.match(event);
      if (trusted_ids) sorted(trusted_ids, got);
      if (!trusted_ids || got != expected) {
        complain(fmt::format("{}:{}: --trust gives another answer for this event; does it repeat a key?",
                             shown_path(options_.events), lines[i]));
        return false;
      }
    }
    return true;
  }

  void measure() {
    out_.passes = options_.passes;
    out_.threads = options_.threads;
    std::vector<lane> lanes;
    for (unsigned i = 0; i < options_.threads; ++i) lanes.emplace_back(matcher_, event_options{.trusted = options_.trust});
    out_.matcher_bytes = matcher_.memory_bytes();
    std::vector<double> rates, floor_rates;
    std::uint64_t allocations = 0;
    progress shown("passes", true, 0);
    for (unsigned pass = 0; pass < options_.warmup + options_.passes; ++pass) {
      const double rate = timed(lanes, [this](lane& l) { match_all(l); });
      const std::uint64_t allocated = allocated_by(lanes);
      const double floor_rate = timed(lanes, [this](lane& l) { read_all(l); });
      shown.advance(1, 0);
      if (pass < options_.warmup) continue;
      allocations += allocated;
      rates.push_back(rate);
      floor_rates.push_back(floor_rate);
    }
    shown.clear();
    out_.events_per_second = summarise(rates);
    const double median = out_.events_per_second.median, events = static_cast<double>(out_.events), threads = options_.threads;
    out_.bytes_per_second = median * static_cast<double>(out_.event_bytes) / events;
    out_.nanoseconds_per_event = threads * 1e9 / median;
    out_.floor_nanoseconds_per_event = threads * 1e9 / summarise(floor_rates).median;
    out_.floor_implementation = floor_reader::implementation();
    out_.allocations_per_event = static_cast<double>(allocations) / (events * threads * options_.passes);
  }

  void match_all(lane& l) {
    l.matches = 0;
    for (const std::string_view event : events_.views()) {
      const auto ids = l.reader.match(event);
      l.matches += ids ? ids->size() : ~std::uint64_t{0};
    }
  }

  void read_all(lane& l) {
    const std::size_t refused = l.floor.pass(events_.views());
    if (refused == 0) return;
    throw failure(
        fmt::format("simdjson's implementation \"{}\" refused {} events that are valid; if the environment sets "
                    "SIMDJSON_FORCE_IMPLEMENTATION, take that away",
                    floor_reader::implementation(), refused));
  }

  /// Runs f in all lanes; events per second, of all lanes together.
  double timed(std::vector<lane>& lanes, const std::function<void(lane&)>& f) {
    together(lanes.size(), [&](std::size_t i) {
      lane& l = lanes[i];
      const std::uint64_t before = allocations_of_this_thread();
      const clock::time_point start = clock::now();
      f(l);
      l.seconds = seconds_since(start);
      l.allocations = allocations_of_this_thread() - before;
    });
    double rate = 0;
    for (const lane& l : lanes) {
      rate += static_cast<double>(out_.events) / l.seconds;
      if (l.matches != out_.matches_per_pass) {
        throw failure(
            fmt::format("a pass found {} matches where the first found {}; this is a defect of rulebus, please report it",
                        l.matches, out_.matches_per_pass));
      }
    }
    return rate;
  }

  static std::uint64_t allocated_by(const std::vector<lane>& lanes) {
    std::uint64_t n = 0;
    for (const lane& l : lanes) n += l.allocations;
    return n;
  }

  std::string json() const {
    const measurements& m = out_;
    return fmt::format(
        R"({{"rules":{},"events":{},"event_bytes":{},"add_seconds":{},"matcher_bytes":{},"passes":{},"threads":{},)"
        R"("events_per_second":{{"min":{},"median":{},"max":{}}},"bytes_per_second":{},"nanoseconds_per_event":{},)"
        R"("matches_per_pass":{},"allocations_per_event":{},"floor_nanoseconds_per_event":{},)"
        R"("floor_implementation":"{}"}})"
        "\n",
        m.rules, m.events, m.event_bytes, m.add_seconds, m.matcher_bytes, m.passes, m.threads, m.events_per_second.min,
        m.events_per_second.median, m.events_per_second.max, m.bytes_per_second, m.nanoseconds_per_event, m.matches_per_pass,
        m.allocations_per_event, m.floor_nanoseconds_per_event, m.floor_implementation);
  }

  std::string table() const {
    const measurements& m = out_;
    const auto whole = [](double d) { return grouped(static_cast<std::uint64_t>(std::llround(d))); };
    std::string out;
    const auto row = [&out](std::string_view what, const std::string& value) { out += fmt::format("{:<12} {}\n", what, value); };
    row("rules", fmt::format("{} added in {:.3f} ms, {} bytes", grouped(m.rules), m.add_seconds * 1e3, grouped(m.matcher_bytes)));
    row("events", fmt::format("{} of {:.0f} bytes on average, {}", grouped(m.events),
                              static_cast<double>(m.event_bytes) / static_cast<double>(m.events),
                              options_.trust ? "trusted" : "each checked to be valid JSON"));
    row("passes", fmt::format("{} by {} {}", m.passes, m.threads, m.threads == 1 ? "thread" : "threads at once"));
    row("matches", fmt::format("{} in each pass", grouped(m.matches_per_pass)));
    row("throughput", fmt::format("{} events/s (from {} to {}), {:.1f} MB/s", whole(m.events_per_second.median),
                                  whole(m.events_per_second.min), whole(m.events_per_second.max), m.bytes_per_second / 1e6));
    row("per event", fmt::format("{:.0f} ns, {:.4g} allocations", m.nanoseconds_per_event, m.allocations_per_event));
    row("floor", fmt::format("{:.0f} ns per event to find the structure of the JSON (simdjson iterate, {})",
                             m.floor_nanoseconds_per_event, m.floor_implementation));
    row("ratio", fmt::format("{:.2f} × floor", m.nanoseconds_per_event / m.floor_nanoseconds_per_event));
    return out;
  }

  const bench_options& options_;
  const common_options& common_;
  matcher matcher_;
  padded_events events_;
  measurements out_;
};

}  // namespace

int run_bench(const bench_options& options, const common_options& common) {
  if (!options.pipeline.config.empty()) {
    if (!options.rules.empty() || options.trust) throw failure("--config excludes --rules and --trust; give one of them");
    return run_bench_pipeline(options, common);
  }
  if (options.rules.empty()) throw failure("bench needs --rules, or --config; see 'rulebus bench --help'");
  if (options.rules == "-" && options.events == "-") {
    throw failure("rules and events cannot both come from standard input; give one of them a file");
  }
  return bench_run(options, common).run();
}

}  // namespace rulebus::cli
