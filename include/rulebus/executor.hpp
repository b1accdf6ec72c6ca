// executor: who runs what is not done at once: deliveries that wait in queues, retries, timeouts, schedules.
//
//   bus with_pool("orders", {.executor = rulebus::make_thread_pool(4)});       // may be shared by many buses
//   bus in_my_loop("orders", {.executor = rulebus::make_manual_executor()});   // bus.pump() in a game's or robot's loop
//
// Extension point: an executor is told that some `work` wants a thread, now or later, and calls it; asio_executor.hpp is one.
// Thread safety: every function may be called from any thread; ready and ready_after must not call the work themselves.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "rulebus/export.hpp"

namespace rulebus::inline v1 {

/// Something that has pieces to run now and then: a bus.
class work {
 public:
  work() = default;
  work(const work&) = delete;
  work& operator=(const work&) = delete;
  virtual ~work() = default;

  /// Runs up to `max` pieces that are due, and returns how many it ran. Asks its executor again when there are more.
  virtual std::size_t run(std::size_t max) = 0;
};

class executor {
 public:
  executor() = default;
  executor(const executor&) = delete;
  executor& operator=(const executor&) = delete;
  virtual ~executor() = default;

  /// One thread should call w->run soon. Told again while a call is outstanding, another thread may join in.
  virtual void ready(const std::shared_ptr<work>& w) = 0;
  /// A thread should call w->run after `delay`. Sooner is no harm; a call with a shorter delay does not undo an earlier one.
  virtual void ready_after(const std::shared_ptr<work>& w, std::chrono::nanoseconds delay) = 0;
  /// How many threads may be in run at once; 0: none but those that pump.
  virtual std::size_t concurrency() const = 0;
};

/// Threads of its own, at least one, which end with the executor. When its last owner lets go within one of these threads,
/// that thread ends by itself.
RULEBUS_API std::shared_ptr<executor> make_thread_pool(std::size_t threads);

/// No threads: work is done by whoever calls bus::pump (or flush). `descriptor` is for foreign event loops.
class manual_executor : public executor {
 public:
  /// A file descriptor that polls readable while something is due: put it into select, poll or epoll, and pump when it is.
  /// Owned by the executor. Follows the system's clock, so it says nothing of a manual clock's time. -1 where not supported.
  virtual int descriptor() const = 0;
  /// To be called by who polls, before pumping: makes the descriptor unreadable until there is more to do.
  virtual void acknowledge() = 0;
};
RULEBUS_API std::shared_ptr<manual_executor> make_manual_executor();

}  // namespace rulebus::inline v1
