// dispatcher: what all lanes of a bus share: the list of those that are ready, the timer for those that wait, the count of
// what is under way, and whom to tell. The executor's threads come in by `run`.
//
//   offer ──▶ lane (queue, limits) ──ready──▶ dispatcher ──▶ executor's thread ──▶ lane::run ──▶ target
//                ▲                                                                      │
//                └──────────── wake_at: retry, timeout, next token, half-open ──────────┘
//
// A thread that goes into a lane may not come back for long: a target may be slow. So before it does, it sees to it that
// whatever else is ready or will be due has another thread to come for it.
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
#include "rulebus/detail/brief_lock.hpp"
#include "rulebus/detail/counted.hpp"
#include "rulebus/detail/intrusive_list.hpp"
#include "rulebus/detail/invocation.hpp"
#include "rulebus/detail/lane_feeder.hpp"
#include "rulebus/detail/lane_timers.hpp"
#include "rulebus/detail/spent_invocations.hpp"
#include "rulebus/detail/tally.hpp"
#include "rulebus/detail/within_target.hpp"
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
  static constexpr nanoseconds never = nanoseconds::max();

  explicit dispatcher(settings s);
  ~dispatcher() override;
  void start();  ///< once, right after construction: follows a clock that is set

  const settings& configuration() const noexcept { return settings_; }
  nanoseconds elapsed() const { return settings_.clock->elapsed(); }

  // Lanes.
  void enrol(lane& l);
  void dismiss(lane& l, const delivery_metrics* counts) noexcept;  ///< and what it counted, for the sum
  void make_ready(lane& l) noexcept;                               ///< a thread will call l.run
  void wake_at(lane& l, nanoseconds when) noexcept;                ///< at the latest: a wake that was sooner stays
  void put_off(lane& l, nanoseconds when) noexcept;                ///< the wake that it has, or none if `when` is never
  bool manual() const noexcept { return manual_; }                 ///< nobody but who pumps
  std::size_t concurrency() const noexcept { return concurrency_; }

  delivery_metrics metrics();  ///< of all lanes, also those gone

  // Events for many lanes.
  bool list(lane_feeder& f) noexcept;    ///< threads will call f.run, until it unlists itself; false: it was stopped
  void unlist(lane_feeder& f) noexcept;  ///< by who knows that nothing waits in it

  // Threads.
  std::size_t run(std::size_t max) override;
  std::optional<nanoseconds> next_due();  ///< by elapsed(): now or earlier when something is ready; empty: nothing is planned

  /// Has one of the executor's threads run w, after `delay` at the latest. Nothing where there is no memory for it: the next
  /// call asks again.
  void call(const std::shared_ptr<work>& w, nanoseconds delay) noexcept;

  // What is under way.
  std::uint8_t begin(std::size_t n = 1) noexcept;     ///< so many more; their generation
  void begin_with(std::uint8_t generation) noexcept;  ///< one more, that what began before waits for
  void end(std::uint8_t generation, std::size_t n = 1) noexcept;
  /// Several that begin at once; those that nobody took end with it.
  class begun {
   public:
    begun(dispatcher& in, std::size_t n) noexcept : in_(in), left_(n), generation_(in.begin(n)) {}
    ~begun() {
      if (left_ > 0) in_.end(generation_, left_);
    }
    begun(const begun&) = delete;
    begun& operator=(const begun&) = delete;
    std::uint8_t take() noexcept {
      --left_;
      return generation_;
    }

   private:
    dispatcher& in_;
    std::size_t left_;
    const std::uint8_t generation_;
  };
  void end(const std::array<std::size_t, 2>& ended) noexcept;  ///< so many of each generation
  std::int64_t under_way() const noexcept { return pending_[0].load() + pending_[1].load(); }
  /// Waits for what had begun before; false: the deadline (real time) came first, or nothing can happen before time is moved.
  bool flush(std::optional<std::chrono::steady_clock::time_point> deadline);

  // The end.
  void stop();  ///< closes every lane; what they still had is in take_undelivered, or, if it turns up later, told
  bool stopped() const noexcept { return stopped_.load(std::memory_order_acquire); }
  void refuse_events() noexcept { refusing_.store(true); }  ///< before the end: what is under way goes on
  bool refusing() const noexcept { return refusing_.load(std::memory_order_acquire); }
  /// After stop: ends the pool of its own, and returns when no thread is in a lane or works on an answer. For who destroys
  /// the bus, which nothing that it waits for may do.
  void end_threads();
  void undelivered(invocation& i, const error& why) noexcept;
  struct leftover {
    rulebus::event event;
    std::string rule_name, target_id;
    unsigned attempts;
    error reason;
  };
  std::vector<leftover> take_undelivered();

  spent_invocations& spent() noexcept { return spent_; }

  // Telling.
  std::string rule_arn(std::string_view rule_name) const;
  void observe(log_type type, const invocation& i, std::uint32_t attempt, const error* reason = nullptr) const noexcept {
    if (settings_.observer) tell_observer(type, i, attempt, reason);
  }
  void observe(const log_record& record) const noexcept;
  void report(const invocation& i, const error& reason, bool retryable, bool dead_lettered) const noexcept;

  /// While it exists, an answer is being worked on, which end_threads waits for.
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
  /// What a thread that comes by does next.
  struct turn {
    counted_ptr<lane> in{};  // at most one of these two; null: nothing
    counted_ptr<lane_feeder> from{};
    bool woken = false;        // its time has come
    bool ask = false;          // another thread, for what else is ready
    nanoseconds wake = never;  // what the executor is to be told
    nanoseconds gather{0};     // how long to wait before it goes in, so that events gather there
  };
  /// A thread that comes by, and where it is.
  struct visitor {
    bool present = false;
    lane* in = nullptr;     // null: in a feeder
    bool took_all = false;  // there
    tally ended{};          // what it has not told
    visitor* next = nullptr;
    visitor* prev = nullptr;
  };
  turn next_turn(visitor& who, bool want);
  void book_for_visitors() noexcept;
  void distribute();
  counted_ptr<lane> lane_after(const lane* l);
  void tell_observer(log_type type, const invocation& i, std::uint32_t attempt, const error* reason) const noexcept;
  template <class Ask>
  bool ask_executor(Ask ask) noexcept;
  void call_thread() noexcept;
  void arm(nanoseconds when) noexcept;
  bool wait_for(std::uint8_t generation, std::optional<std::chrono::steady_clock::time_point> deadline);
  bool only_time_helps();

  // Under mutex_.
  void enqueue(lane& l) noexcept;
  counted_ptr<lane> dequeue() noexcept;
  counted_ptr<lane_feeder> next_feeder() noexcept;
  bool wants_thread() noexcept;

  settings settings_;
  std::size_t concurrency_ = 1;
  bool manual_ = false;
  std::shared_ptr<void> clock_subscription_;
  std::mutex pool_mutex_;
  std::shared_ptr<rulebus::executor> pool_;  // guarded by pool_mutex_

  std::mutex mutex_;
  // All of these are guarded by mutex_.
  intrusive_list<lane> lanes_;   // all that exist, not owned
  lane* ready_first_ = nullptr;  // a list through lane::ready, whose elements own themselves
  lane* ready_last_ = nullptr;
  std::size_t ready_ = 0;                // how many
  intrusive_list<lane_feeder> feeders_;  // that have events; they own themselves
  bool was_feeder_ = false;              // what the last thread went into
  std::size_t called_ = 0;               // calls of run that were asked for and have not begun
  intrusive_list<visitor> visitors_;     // threads in lane::run or lane_feeder::run
  const lane* last_visited_ = nullptr;   // only compared; null: the last left something there
  nanoseconds last_visit_{0};            // when it began
  delivery_metrics retired_;
  lane_timers timers_;
  nanoseconds armed_ = never;                            // the wake that the executor knows of,
  std::chrono::steady_clock::time_point armed_until_{};  // and when it comes

  spent_invocations spent_;
  std::array<std::atomic<std::int64_t>, 2> pending_{};
  std::atomic<std::uint8_t> generation_{0};
  std::mutex quiet_mutex_;
  bool flushing_ = false;  // guarded by quiet_mutex_; one flush at a time turns the generation
  std::condition_variable quiet_;
  std::atomic<unsigned> waiting_{0};
  std::atomic<unsigned> answering_{0};  // threads between the closing of an attempt and what follows from it

  std::atomic<bool> stopped_{false}, refusing_{false};
  std::mutex leftover_mutex_;
  std::vector<leftover> leftovers_;  // guarded by leftover_mutex_
  unsigned collecting_ = 0;          // guarded by leftover_mutex_; calls of stop that will take them
};

}  // namespace rulebus::inline v1::detail
