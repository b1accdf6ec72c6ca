// What the tests of the bus share: a target that keeps what it got, and a bus that keeps the failures reported.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "rulebus/bus.hpp"

namespace probe {

/// Keeps "rule/target" and the input of every delivery. Thread-safe.
class recorder {
 public:
  std::shared_ptr<rulebus::target> target() {
    return rulebus::make_target([this](const rulebus::delivery& d) {
      const std::lock_guard lock(mutex_);
      seen_.push_back(std::string(d.rule_name()) + "/" + std::string(d.target_id()));
      inputs_.emplace_back(d.input());
    });
  }
  /// What came since the last call.
  std::vector<std::string> seen() { return taken(seen_); }
  std::vector<std::string> inputs() { return taken(inputs_); }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return seen_.size();
  }

 private:
  std::vector<std::string> taken(std::vector<std::string>& from) {
    const std::lock_guard lock(mutex_);
    return std::exchange(from, {});
  }
  std::mutex mutex_;
  std::vector<std::string> seen_, inputs_;
};

/// Keeps failures as "rule/target: message" and "(retryable)" where so. Thread-safe.
class failures {
 public:
  auto callback() {
    return [this](const rulebus::delivery_failure& f) {
      const std::lock_guard lock(mutex_);
      seen_.push_back(std::string(f.rule_name) + "/" + std::string(f.target_id) + ": " + f.reason.message +
                      (f.retryable ? " (retryable)" : ""));
    };
  }
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return std::exchange(seen_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> seen_;
};

using texts = std::vector<std::string>;

inline std::shared_ptr<rulebus::manual_clock> clock_at(std::int64_t seconds) {
  return std::make_shared<rulebus::manual_clock>(rulebus::time_point(std::chrono::seconds(seconds)));
}

/// No second attempts: each failure is the end.
inline rulebus::delivery_options once() { return {.retry = {.maximum_retry_attempts = 0}}; }

inline rulebus::put_events_entry order(std::string_view detail = R"({"total": 250})") {
  return {.source = "shop", .detail_type = "OrderPlaced", .detail = detail};
}

inline rulebus::rule from_shop(std::string name) { return {.name = std::move(name), .event_pattern = R"({"source": ["shop"]})"}; }

}  // namespace probe
