#include "rulebus/prometheus.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "rulebus/bus.hpp"

namespace rulebus::inline v1 {

namespace detail::prometheus_source {

/// Label values: backslash, quote and new line are escaped.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

/// Names one series: `bus="orders",rule="big",target="print"`.
struct series {
  std::string labels;
  delivery_metrics of;
};

struct family {
  std::string_view name, help, type;
};

void begin(std::string& out, const family& f) { out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", f.name, f.help, f.type); }

void line(std::string& out, std::string_view name, std::string_view labels, std::uint64_t value) {
  out += fmt::format("{}{{{}}} {}\n", name, labels, value);
}

struct counter {
  family of;
  std::uint64_t delivery_metrics::*value;
};

constexpr counter counters[] = {
    {{"rulebus_invocations_created_total", "Events that matched, for this target.", "counter"},
     &delivery_metrics::invocations_created},
    {{"rulebus_invocations_total", "First attempts that succeeded or failed for good.", "counter"},
     &delivery_metrics::invocations},
    {{"rulebus_invocation_attempts_total", "Calls of the target.", "counter"}, &delivery_metrics::invocation_attempts},
    {{"rulebus_retry_invocation_attempts_total", "Calls of the target after the first for an event.", "counter"},
     &delivery_metrics::retry_invocation_attempts},
    {{"rulebus_successful_invocation_attempts_total", "Calls that the target answered with success.", "counter"},
     &delivery_metrics::successful_invocation_attempts},
    {{"rulebus_failed_invocations_total", "Events that ended without success.", "counter"},
     &delivery_metrics::failed_invocations},
    {{"rulebus_throttled_invocations_total", "Events that had to wait for a limit of the target.", "counter"},
     &delivery_metrics::throttled_invocations},
    {{"rulebus_invocations_sent_to_dlq_total", "Events that the dead-letter target took.", "counter"},
     &delivery_metrics::invocations_sent_to_dlq},
    {{"rulebus_invocations_failed_to_be_sent_to_dlq_total", "Events that the dead-letter target did not take.", "counter"},
     &delivery_metrics::invocations_failed_to_be_sent_to_dlq},
    {{"rulebus_dropped_total", "Events that ended without success and without a dead-letter target.", "counter"},
     &delivery_metrics::dropped},
    {{"rulebus_undelivered_total", "Events left when the bus was stopped.", "counter"}, &delivery_metrics::undelivered},
    {{"rulebus_queued", "Events that wait for their turn or for a retry.", "gauge"}, &delivery_metrics::queued},
    {{"rulebus_in_flight", "Events given to the target and not answered.", "gauge"}, &delivery_metrics::in_flight},
};

void append_histogram(std::string& out, const family& f, const std::vector<series>& all,
                      latency_histogram delivery_metrics::*of) {
  begin(out, f);
  for (const series& s : all) {
    const latency_histogram& h = s.of.*of;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i + 1 < latency_histogram::buckets && below < h.count; ++i) {
      below += h.counts[i];
      const double seconds = static_cast<double>(std::uint64_t{1} << i) / 1e6;
      out += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", f.name, s.labels, seconds, below);
    }
    out += fmt::format("{}_bucket{{{},le=\"+Inf\"}} {}\n", f.name, s.labels, h.count);
    out += fmt::format("{}_sum{{{}}} {}\n", f.name, s.labels, std::chrono::duration<double>(h.sum).count());
    out += fmt::format("{}_count{{{}}} {}\n", f.name, s.labels, h.count);
  }
}

void append_bus(std::string& out, const bus& of, std::string_view labels) {
  const bus_metrics m = of.metrics();
  const std::pair<family, std::uint64_t> values[] = {
      {{"rulebus_put_events_calls_total", "Calls of put_events.", "counter"}, m.put_events_calls},
      {{"rulebus_put_events_failed_calls_total", "Calls of put_events that were refused as a whole.", "counter"},
       m.put_events_failed_calls},
      {{"rulebus_put_events_entries_total", "Entries of put_events.", "counter"}, m.put_events_entries},
      {{"rulebus_put_events_failed_entries_total", "Entries that were refused.", "counter"}, m.put_events_failed_entries},
      {{"rulebus_deduplicated_entries_total", "Entries that had been put before.", "counter"}, m.deduplicated_entries},
      {{"rulebus_events_total", "Events accepted.", "counter"}, m.events},
      {{"rulebus_matched_events_total", "Events that any rule matched.", "counter"}, m.matched_events},
  };
  for (const auto& [f, value] : values) {
    begin(out, f);
    line(out, f.name, labels, value);
  }
}

}  // namespace detail::prometheus_source

std::string prometheus_text(const bus& of) {
  using namespace detail::prometheus_source;
  const std::string bus_label = fmt::format("bus=\"{}\"", escaped(of.name()));
  std::string out;
  append_bus(out, of, bus_label);
  std::vector<series> targets;
  begin(out, {"rulebus_triggered_rules_total", "Events that the rule matched.", "counter"});
  for (const rule& r : of.list_rules()) {
    const auto counted = of.metrics(r.name);
    const auto present = of.list_targets_by_rule(r.name);
    if (!counted || !present) continue;  // deleted meanwhile
    const std::string labels = fmt::format("{},rule=\"{}\"", bus_label, escaped(r.name));
    line(out, "rulebus_triggered_rules_total", labels, counted->triggered_rules);
    for (const rule_target& t : *present) {
      if (auto m = of.metrics(r.name, t.id))
        targets.push_back({fmt::format("{},target=\"{}\"", labels, escaped(t.id)), *std::move(m)});
    }
  }
  for (const counter& c : counters) {
    begin(out, c.of);
    for (const series& s : targets) line(out, c.of.name, s.labels, s.of.*c.value);
  }
  begin(out, {"rulebus_oldest_undelivered_age_seconds", "Since the oldest event that has not ended was put.", "gauge"});
  for (const series& s : targets) {
    out += fmt::format("rulebus_oldest_undelivered_age_seconds{{{}}} {}\n", s.labels,
                       std::chrono::duration<double>(s.of.oldest_undelivered_age).count());
  }
  append_histogram(out, {"rulebus_ingestion_to_invocation_start_seconds", "From put to the first attempt.", "histogram"}, targets,
                   &delivery_metrics::ingestion_to_invocation_start);
  append_histogram(out, {"rulebus_ingestion_to_invocation_success_seconds", "From put to success.", "histogram"}, targets,
                   &delivery_metrics::ingestion_to_invocation_success);
  return out;
}

}  // namespace rulebus::inline v1
