// rule_timers: when the rules of a bus that have a schedule fire. Says so to the bus, rule by rule and instant by instant.
//
// The bus lets a `followed` live for each such rule while it is enabled. Its instants come once each and in order: a clock
// that is put back brings none again. Of those that went by unseen, because the machine slept or the clock was put forward,
// the last fires and the others are counted.
// Thread safety: all of it. No lock is held while the bus is told.
// Cost: O(log n) for a rule that comes, goes or fires; some 250 bytes a rule.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "rulebus/clock.hpp"
#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/timer_queue.hpp"
#include "rulebus/executor.hpp"
#include "rulebus/schedule_expression.hpp"

namespace rulebus::inline v1::detail {

/// What a rule with a schedule keeps, also while it is disabled and when it is put again with the same expression.
struct rule_schedule {
  explicit rule_schedule(const schedule_expression& e) : expression(e) {}
  const schedule_expression expression;                                      // a rate counts from when the rule got it
  std::atomic<std::int64_t> last{std::numeric_limits<std::int64_t>::min()};  // the latest instant that came, in ms
};

class rule_timers final : public work, public std::enable_shared_from_this<rule_timers> {
 public:
  /// The rule that is followed under this number fires for this instant.
  using fire = std::function<void(std::uint64_t number, const std::string& rule_name, time_point instant)>;

  rule_timers(std::shared_ptr<dispatcher> deliveries, fire tell);
  void start();          ///< once, right after construction: follows a clock that is set
  void stop() noexcept;  ///< tells nothing more; returns when no thread does, but for the calling one

  /// Tells what is due, in the calling thread; how many fired.
  std::size_t run(std::size_t max) override;
  /// Until the next instant: zero or less when it is there; empty: no rule has one.
  std::optional<std::chrono::nanoseconds> next_due() const;
  /// Asks the executor for a thread: now, or when the next instant comes. To be called when rules have come to be followed.
  void wake() noexcept;
  std::uint64_t missed() const noexcept { return missed_.load(std::memory_order_relaxed); }

 private:
  friend class followed;
  struct slot {
    std::shared_ptr<rule_schedule> schedule{};
    std::shared_ptr<const std::string> rule_name{};
    std::uint64_t number = 0;
  };
  struct due_rule {
    std::shared_ptr<const std::string> rule_name{};
    std::uint64_t number = 0;
    time_point instant{};
  };

  std::uint32_t add(slot s);
  void remove(std::uint32_t place) noexcept;
  std::optional<due_rule> take_due();
  std::optional<std::chrono::nanoseconds> wait_under_lock() const;

  const std::shared_ptr<dispatcher> deliveries_;
  const fire tell_;
  std::shared_ptr<void> clock_subscription_;
  std::atomic<std::uint64_t> missed_{0};

  mutable std::mutex mutex_;
  std::vector<slot> slots_;          // guarded by mutex_, as all below
  std::vector<std::uint32_t> free_;  // has room for all of them
  timer_queue timers_;               // by place; when in ms of the clock's time of day
  std::uint64_t numbers_ = 0;
  nanoseconds armed_ = dispatcher::never;  // by elapsed: the wake that the executor knows of
  std::size_t running_ = 0;                // threads in run
  bool stopped_ = false;
  std::condition_variable idle_;
};

/// A rule whose schedule is followed, for as long as this lives. Nobody is told of it before the next rule_timers::wake.
class followed {
 public:
  followed(std::shared_ptr<rule_timers> by, std::shared_ptr<const std::string> rule_name,
           std::shared_ptr<rule_schedule> schedule);
  ~followed();
  followed(const followed&) = delete;
  followed& operator=(const followed&) = delete;
  std::uint64_t number() const noexcept { return number_; }  ///< never that of another

 private:
  const std::shared_ptr<rule_timers> by_;
  std::uint64_t number_ = 0;
  std::uint32_t place_ = 0;
};

}  // namespace rulebus::inline v1::detail
