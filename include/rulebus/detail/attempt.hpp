// attempt: handing one event to one target, and hearing what became of it: now, later, from another thread, or never.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "rulebus/delivery.hpp"
#include "rulebus/target.hpp"

namespace rulebus::inline v1::detail {

/// Calls a function for each failure until it is closed. Deliveries share it, so that they may outlive the bus.
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

/// One delivery as the bus sees it: the first answer counts. A target that throws usually drops the delivery on the way out,
/// before anybody can see the exception; so what is dropped while deliver runs waits for the end of deliver.
class attempt {
 public:
  attempt(std::shared_ptr<failure_reporter> to, const rulebus::event& e, std::string rule_name, std::string target_id)
      : to_(std::move(to)), event_(e), rule_name_(std::move(rule_name)), target_id_(std::move(target_id)) {}

  /// From any thread, once.
  void answer(const delivery::outcome& o) {
    if (!o.dropped) return settle(o);
    dropped_ = o;
    phase expected = phase::delivering;
    if (!phase_.compare_exchange_strong(expected, phase::dropped)) settle(dropped_);
  }

  // From the thread that delivers, once: how deliver ended.
  void returned() {
    if (phase_.exchange(phase::returned) == phase::dropped) settle(dropped_);
  }
  void threw(std::string_view what) {
    phase_.exchange(phase::returned);
    settle({error{errc::target_failed, "the target threw: " + std::string(what)}, true});
  }

 private:
  enum class phase { delivering, dropped, returned };

  void settle(const delivery::outcome& o) {
    if (settled_.exchange(true) || o.status) return;
    to_->report({rule_name_, target_id_, event_, o.status.error(), o.retryable});
  }

  std::shared_ptr<failure_reporter> to_;
  rulebus::event event_;
  std::string rule_name_, target_id_;
  delivery::outcome dropped_{};  // written before phase_ says so, read after
  std::atomic<phase> phase_{phase::delivering};
  std::atomic<bool> settled_{false};
};

/// Calls deliver. Whatever goes wrong in it is an answer; answers go to `failures`, which may be null.
inline void hand_over(target& to, const event& e, const std::string& rule_name, const std::string& target_id,
                      const std::shared_ptr<failure_reporter>& failures) {
  std::shared_ptr<attempt> watched;
  if (failures) watched = std::make_shared<attempt>(failures, e, rule_name, target_id);
  delivery::answer on_answer;
  if (watched) on_answer = [watched](const delivery::outcome& o) { watched->answer(o); };
  try {
    to.deliver(delivery(e, rule_name, target_id, std::move(on_answer)));
    if (watched) watched->returned();
  } catch (const std::exception& thrown) {
    if (watched) watched->threw(thrown.what());
  } catch (...) {
    if (watched) watched->threw("something that is no std::exception");
  }
}

}  // namespace rulebus::inline v1::detail
