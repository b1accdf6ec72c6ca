#include "run_report.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "input.hpp"
#include "output.hpp"

namespace rulebus::cli {

void run_report::over(progress* shown) {
  const std::lock_guard lock(mutex_);
  shown_ = shown;
}

void run_report::say(std::uint64_t& said, std::string_view kind, const std::string& what) {
  constexpr std::uint64_t enough = 10;
  const std::lock_guard lock(mutex_);
  if (said++ > enough) return;
  if (shown_) shown_->clear();
  complain(said <= enough ? what : fmt::format("more {} follow; the last line has how many", kind));
}

void run_report::invalid(std::size_t line, const error& e) {
  say(invalid_, "invalid events",
      fmt::format("{}:{}:{}: {}; this event was not put", shown_path(path_), line, e.offset + 1, e.message));
}

void run_report::failed(std::string_view event_bus_name, const delivery_failure& f) {
  say(failed_, "failed deliveries",
      fmt::format("bus {}, rule {}, target {}: {}; {} after {} attempt{}", event_bus_name, f.rule_name, f.target_id,
                  f.reason.message, f.dead_lettered ? "a dead letter" : "dropped", f.attempts, f.attempts == 1 ? "" : "s"));
}

void run_report::left(const std::vector<undelivered_of_bus>& undelivered) {
  for (const undelivered_of_bus& u : undelivered) {
    say(left_, "undelivered events",
        fmt::format("bus {}, rule {}, target {}: not delivered after {} attempt{}: {}", u.event_bus_name, u.what.rule_name,
                    u.what.target_id, u.what.attempts, u.what.attempts == 1 ? "" : "s", u.what.reason.message));
  }
}

void run_report::end(const run_totals& t, bool json) {
  const delivery_metrics& d = t.sum.deliveries;
  const std::lock_guard lock(mutex_);
  if (shown_) shown_->clear();
  if (json) {
    fmt::print(stderr,
               R"({{"events":{},"invalid":{},"matched":{},"unknown_bus":{},"deliveries":{},"delivered":{},"retries":{},)"
               R"("dead_lettered":{},"dropped":{},"undelivered":{},"interrupted":{},"seconds":{:.3f}}})"
               "\n",
               t.lines, t.invalid, t.sum.matched_events, t.nowhere, d.invocations_created, d.successful_invocation_attempts,
               d.retry_invocation_attempts, d.invocations_sent_to_dlq, d.dropped + d.invocations_failed_to_be_sent_to_dlq,
               d.undelivered, t.interrupted, t.seconds);
    return;
  }
  std::string text = fmt::format("{} events", grouped(t.lines));
  const auto add = [&text](std::uint64_t n, std::string_view what) {
    if (n > 0) text += fmt::format(", {} {}", grouped(n), what);
  };
  add(t.invalid, "invalid");
  add(t.nowhere, "for buses that do not exist");
  text += fmt::format(", {} matched; {} deliveries, {} delivered", grouped(t.sum.matched_events), grouped(d.invocations_created),
                      grouped(d.successful_invocation_attempts));
  add(d.retry_invocation_attempts, "retries");
  add(d.invocations_sent_to_dlq, "dead letters");
  add(d.dropped + d.invocations_failed_to_be_sent_to_dlq, "dropped");
  add(d.undelivered, "not delivered");
  complain(fmt::format("{}; {:.3f} s{}", text, t.seconds, t.interrupted ? ", interrupted" : ""));
}

std::string undelivered_lines(const std::vector<undelivered_of_bus>& undelivered) {
  std::string out;
  for (const undelivered_of_bus& u : undelivered) {
    fmt::format_to(std::back_inserter(out),
                   R"({{"event_bus_name":{},"rule":{},"target":{},"attempts":{},"error":{},"event":{}}})",
                   json_string(u.event_bus_name), json_string(u.what.rule_name), json_string(u.what.target_id), u.what.attempts,
                   json_string(u.what.reason.message), u.what.event.json());
    out += '\n';
  }
  return out;
}

}  // namespace rulebus::cli
