// recent_ids: the de-duplication ids of the last minutes, and the events they belong to.
// Thread safety: all of it. Memory: what was put within the window.
#pragma once

#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace rulebus::inline v1::detail {

class recent_ids {
 public:
  explicit recent_ids(std::chrono::nanoseconds window) : window_(window) {}

  /// The event of that id within the window before `now`; when there is none, from now on it is `event_id`.
  std::optional<std::string> find_or_add(std::string_view id, std::string_view event_id, std::chrono::nanoseconds now) {
    const std::lock_guard lock(mutex_);
    forget(now);
    const auto [at, added] = known_.try_emplace(std::string(id), event_id);
    if (!added) return at->second;
    try {
      order_.emplace_back(now + window_, &at->first);
    } catch (...) {
      known_.erase(at);
      throw;
    }
    return std::nullopt;
  }

  /// What was added last under that id was not put after all.
  void remove(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto at = known_.find(std::string(id));
    if (at == known_.end()) return;
    std::erase_if(order_, [&](const auto& entry) { return entry.second == &at->first; });
    known_.erase(at);
  }

 private:
  void forget(std::chrono::nanoseconds now) {
    while (!order_.empty() && order_.front().first <= now) {
      known_.erase(*order_.front().second);
      order_.pop_front();
    }
  }

  const std::chrono::nanoseconds window_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> known_;                         // guarded by mutex_
  std::deque<std::pair<std::chrono::nanoseconds, const std::string*>> order_;  // guarded by mutex_; the first ends first
};

}  // namespace rulebus::inline v1::detail
