// dispatcher: what all lanes of a bus share: the list of those that are ready, the timer for those that wait, the count of
// what is under way, and whom to tell. The executor's threads come in by `run`.
//
//   offer ──▶ lane (queue, limits) ──ready──▶ dispatcher ──▶ executor's thread ──▶ lane::run ──▶ target
//                ▲                                                                      │
//                └──────────── wake_at: retry, timeout, next token, half-open ──────────┘
//
// Thread safety: all of it. Its mutex is never held while a lane's is taken, nor while code of the user runs.
// Lifetime: lanes share it, so that deliveries may be answered when the bus is gone.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/clock.hpp"
#include "rulebus/detail/counted.hpp"
#include "rulebus/detail/intrusive_list.hpp"
#include "rulebus/detail/invocation.hpp"
#include "rulebus/detail/lane_timers.hpp"
#include "rulebus/executor.hpp"
#include "rulebus/metrics.hpp"
#include "rulebus/observer.hpp"

namespace rulebus::inline v1::detail {

class failure_reporter;

class dispatcher final : public work, public std::enable_shared_from_this<dispatcher> {
 public:
  struct settings {
    std::string bus_name, bus_arn;
    std::string rule_arn_prefix;  // "arn:aws:events:region:account:rule/", and "bus/" but for the default bus
    std::shared_ptr<rulebus::clock> clock;
    std::shared_ptr<rulebus::executor> executor;  // null: a pool of its own, made when first needed
    std::size_t threads = 1;                      // of that pool
    std::uint64_t seed = 0;
    std::shared_ptr<failure_reporter> failures;   // may be null
    std::shared_ptr<rulebus::observer> observer;  // may be null
  };
  explicit dispatcher(settings s);
  ~dispatcher() override;
  void start();  ///< once, right after construction: follows a clock that is set

  const settings& configuration() const noexcept { return settings_; }
  nanoseconds elapsed() const { return settings_.clock->elapsed(); }

  // Lanes.
  void enrol(lane& l);
  void dismiss(lane& l) noexcept;
  void make_ready(counted_ptr<lane> l);             ///< l is not in the list; a thread will call l->run
  void wake_at(lane& l, nanoseconds when);          ///< at the latest: a wake that was sooner stays
  bool manual() const noexcept { return manual_; }  ///< nobody but who pumps
  std::size_t concurrency() const noexcept { return concurrency_; }

  void retire(const delivery_metrics& counts);  ///< of a lane that goes
  delivery_metrics metrics();                   ///< of all lanes, also those gone

  // Threads.
  std::size_t run(std::size_t max) override;
  std::optional<nanoseconds> next_due();  ///< by elapsed(): now or earlier when something is ready; empty: nothing is planned

  // What is under way.
  std::uint8_t begin() noexcept;  ///< one more; its generation
  void end(std::uint8_t generation) noexcept;
  std::int64_t under_way() const noexcept { return pending_[0].load() + pending_[1].load(); }
  /// Waits for what had begun before; false: the deadline (real time) came first, or nothing can happen before time is moved.
  bool flush(std::optional<std::chrono::steady_clock::time_point> deadline);

  // The end.
  void stop();  ///< closes every lane; what they still had is in taken_undelivered, or, if it turns up later, told
  void refuse_events() noexcept { refusing_.store(true); }  ///< before the end: what is under way goes on
  bool refusing() const noexcept { return refusing_.load(std::memory_order_acquire); }
  void end_threads();  ///< of the pool of its own, after stop; waits for them, but for the calling one
  void undelivered(invocation& i, const error& why);
  struct leftover {
    rulebus::event event;
    std::string rule_name, target_id;
    unsigned attempts;
    error reason;
  };
  std::vector<leftover> take_undelivered();

  // Telling.
  std::string rule_arn(std::string_view rule_name) const;
  void observe(log_type type, const invocation& i, std::uint32_t attempt, const error* reason = nullptr) const noexcept {
    if (settings_.observer) tell_observer(type, i, attempt, reason);
  }
  void observe(const log_record& record) const noexcept;
  void report(const invocation& i, const error& reason, bool retryable, bool dead_lettered) const;

  /// While it exists, an answer is being worked on, which stop waits for.
  class answer_scope {
   public:
    explicit answer_scope(dispatcher& in) noexcept : in_(in) { ++in_.answering_; }
    ~answer_scope() { --in_.answering_; }
    answer_scope(const answer_scope&) = delete;
    answer_scope& operator=(const answer_scope&) = delete;

   private:
    dispatcher& in_;
  };

  /// A number from 0 to below 1 that follows from the seed, the event and the attempt alone.
  double jitter(std::uint64_t sequence, std::uint64_t lane, std::uint32_t attempt) const noexcept;

 private:
  void tell_observer(log_type type, const invocation& i, std::uint32_t attempt, const error* reason) const noexcept;
  template <class Ask>
  void ask_executor(Ask ask);
  bool wait_for(std::uint8_t generation, std::optional<std::chrono::steady_clock::time_point> deadline);
  void arm(nanoseconds when);
  std::vector<counted_ptr<lane>> present_lanes();

  settings settings_;
  std::size_t concurrency_ = 1;
  bool manual_ = false;
  std::shared_ptr<void> clock_subscription_;
  std::mutex pool_mutex_;
  std::shared_ptr<rulebus::executor> pool_;  // guarded by pool_mutex_

  std::mutex mutex_;
  intrusive_list<lane> lanes_;            // guarded by mutex_; all that exist, not owned
  std::vector<counted_ptr<lane>> ready_;  // guarded by mutex_; a ring from ready_first_
  std::size_t ready_first_ = 0;
  std::size_t called_ = 0;     // guarded by mutex_; calls of run that were asked for and have not begun
  delivery_metrics retired_;   // guarded by mutex_
  lane_timers timers_;         // guarded by mutex_
  nanoseconds armed_ = never;  // guarded by mutex_; the wake that the executor knows of

  std::array<std::atomic<std::int64_t>, 2> pending_{};
  std::atomic<std::uint8_t> generation_{0};
  std::timed_mutex flushing_;  // one flush at a time turns the generation
  std::mutex quiet_mutex_;
  std::condition_variable quiet_;
  std::atomic<unsigned> waiting_{0};
  std::atomic<unsigned> running_{0};    // threads in lane::run
  std::atomic<unsigned> answering_{0};  // threads between the closing of an attempt and what follows from it

  std::atomic<bool> stopped_{false}, refusing_{false};
  std::mutex leftover_mutex_;
  std::vector<leftover> leftovers_;  // guarded by leftover_mutex_
  bool collecting_ = false;          // guarded by leftover_mutex_

 public:
  static constexpr nanoseconds never = nanoseconds::max();
};

/// Counts, for this thread, the calls of targets that it is in.
class within_target {
 public:
  within_target() noexcept { ++depth(); }
  ~within_target() { --depth(); }
  within_target(const within_target&) = delete;
  within_target& operator=(const within_target&) = delete;
  static bool here() noexcept { return depth() != 0; }

 private:
  static std::size_t& depth() noexcept {
    thread_local std::size_t calls = 0;
    return calls;
  }
};

}  // namespace rulebus::inline v1::detail
