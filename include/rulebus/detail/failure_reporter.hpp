// failure_reporter: bus_options::on_error, callable for as long as the bus is there.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

#include "rulebus/delivery.hpp"

namespace rulebus::inline v1::detail {

/// Calls a function for each failure until it is closed. Lanes share it, so that deliveries may outlive the bus.
/// Thread safety: all of it.
class failure_reporter {
 public:
  using callback = std::function<void(const delivery_failure&)>;
  explicit failure_reporter(callback on_error) : on_error_(std::move(on_error)) {}

  void report(const delivery_failure& failure) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      ++running_;
    }
    try {
      on_error_(failure);
    } catch (...) {  // NOLINT: documented in bus_options
    }
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) idle_.notify_all();
  }

  /// Returns when no call is in progress; none starts afterwards. What the function holds is destroyed.
  void close() {
    callback last;
    std::unique_lock lock(mutex_);
    closed_ = true;
    idle_.wait(lock, [this] { return running_ == 0; });
    std::swap(last, on_error_);
    lock.unlock();
  }

 private:
  std::mutex mutex_;
  std::condition_variable idle_;
  callback on_error_;        // called without the lock; replaced under it, when no call is in progress
  std::size_t running_ = 0;  // guarded by mutex_
  bool closed_ = false;      // guarded by mutex_
};

}  // namespace rulebus::inline v1::detail
