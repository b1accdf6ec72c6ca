// run_report: what `rulebus run` tells on standard error: invalid events, deliveries that failed, what was left, and the sum.
// Thread safety: all of it; on_error comes from every thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "progress.hpp"
#include "rulebus/service.hpp"

namespace rulebus::cli {

/// Everything that was counted, for the last line.
struct run_totals {
  std::uint64_t lines = 0, invalid = 0, nowhere = 0;
  bus_metrics sum{};  ///< over all buses
  double seconds = 0;
  bool interrupted = false;

  bool fine() const noexcept {
    return invalid == 0 && sum.deliveries.dropped == 0 && sum.deliveries.undelivered == 0 &&
           sum.deliveries.invocations_failed_to_be_sent_to_dlq == 0;
  }
};

class run_report {
 public:
  explicit run_report(std::string events_path) : path_(std::move(events_path)) {}
  /// The line to take away before anything is said; null: there is none.
  void over(progress* shown);

  void invalid(std::size_t line, const error& e);
  void failed(std::string_view event_bus_name, const delivery_failure& f);
  void left(const std::vector<undelivered_of_bus>& undelivered);
  void end(const run_totals& totals, bool json);

 private:
  /// Says the first few of a kind, and once that there are more.
  void say(std::uint64_t& said, std::string_view kind, const std::string& what);

  const std::string path_;
  std::mutex mutex_;
  progress* shown_ = nullptr;                          // guarded by mutex_
  std::uint64_t invalid_ = 0, failed_ = 0, left_ = 0;  // guarded by mutex_
};

/// {"event_bus_name", "rule", "target", "attempts", "error", "event"} for each, a line.
std::string undelivered_lines(const std::vector<undelivered_of_bus>& undelivered);

}  // namespace rulebus::cli
