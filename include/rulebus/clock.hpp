// clock: where the library's time comes from. Nothing else in it asks the system what time it is.
//
//   auto time = std::make_shared<rulebus::manual_clock>();
//   rulebus::bus bus("test", {.clock = time, .executor = rulebus::make_manual_executor()});
//   …                                                 // a target asks for another attempt in an hour
//   time->advance(std::chrono::hours(1));
//   bus.pump();                                       // there it is
//
// Two readings, as in the standard library: `now` is the time of day, which people and other machines share and which may
// jump; `elapsed` only grows, and is what waiting is measured with.
// Thread safety: all of it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "rulebus/export.hpp"

namespace rulebus::inline v1 {

/// An instant, in milliseconds of Unix time (UTC without leap seconds). Schedules fire on whole seconds, but a rate counts
/// from the instant when its schedule was made, and clocks are asked in less than seconds; 64 bits last for 292 million years.
/// Seconds convert to it by themselves; for other clocks: std::chrono::floor<std::chrono::milliseconds>(system_clock::now()).
using time_point = std::chrono::sys_time<std::chrono::milliseconds>;

class clock {
 public:
  clock() = default;
  clock(const clock&) = delete;
  clock& operator=(const clock&) = delete;
  virtual ~clock() = default;

  virtual time_point now() const = 0;
  virtual std::chrono::nanoseconds elapsed() const = 0;  ///< since an arbitrary instant; never goes back

  /// Calls `changed` whenever time moved otherwise than by passing: a manual clock that was set. What real time brings is
  /// not told. The subscription ends when the returned token is gone. Clocks that only pass return null.
  virtual std::shared_ptr<void> subscribe(const std::function<void()>& changed) {
    static_cast<void>(changed);
    return nullptr;
  }
  /// False: time stands still until it is moved, so waiting for it in real time makes no sense.
  virtual bool passes() const { return true; }
};

namespace detail {
/// std::chrono::steady_clock to a microsecond, at half its cost where the processor allows it (detail/tick_clock.hpp).
RULEBUS_API std::chrono::nanoseconds steady_time() noexcept;
}  // namespace detail

/// The system's clocks: std::chrono::system_clock and, to a microsecond, std::chrono::steady_clock.
inline std::shared_ptr<clock> system_clock() {
  class system final : public clock {
   public:
    time_point now() const override { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }
    std::chrono::nanoseconds elapsed() const override { return detail::steady_time(); }
  };
  static const auto shared = std::make_shared<system>();
  return shared;
}

/// A clock that its owner moves: for tests and simulations. Subscribers are called in the thread that moves it.
class manual_clock final : public clock {
 public:
  explicit manual_clock(time_point start = time_point{}) : now_(start) {}

  time_point now() const override {
    const std::lock_guard lock(mutex_);
    return std::chrono::floor<std::chrono::milliseconds>(now_);
  }
  std::chrono::nanoseconds elapsed() const override {
    const std::lock_guard lock(mutex_);
    return elapsed_;
  }

  /// Lets time pass; `by` must not be negative.
  void advance(std::chrono::nanoseconds by) {
    move([&] {
      now_ += by;
      elapsed_ += by;
    });
  }
  /// Sets the time of day as a person or NTP does: nothing has passed.
  void jump(time_point to) {
    move([&] { now_ = to; });
  }

  std::shared_ptr<void> subscribe(const std::function<void()>& changed) override {
    const std::lock_guard lock(mutex_);
    auto called = std::make_shared<std::function<void()>>(changed);
    std::erase_if(subscribers_, [](const auto& s) { return s.expired(); });
    subscribers_.push_back(called);
    return called;
  }
  bool passes() const override { return false; }

 private:
  template <class Change>
  void move(Change change) {
    std::vector<std::shared_ptr<std::function<void()>>> told;
    {
      const std::lock_guard lock(mutex_);
      change();
      for (const auto& s : subscribers_) {
        if (auto present = s.lock()) told.push_back(std::move(present));
      }
    }
    for (const auto& changed : told) (*changed)();
  }

  mutable std::mutex mutex_;
  std::chrono::sys_time<std::chrono::nanoseconds> now_;            // guarded by mutex_
  std::chrono::nanoseconds elapsed_{0};                            // guarded by mutex_
  std::vector<std::weak_ptr<std::function<void()>>> subscribers_;  // guarded by mutex_
};

}  // namespace rulebus::inline v1
