// lane: one target of one rule, with what waits for it, what it has been given, its limits and its counts.
//
// An invocation is in one place at a time: queued (its turn comes), held (behind another of its ordering key), waiting (for
// its next attempt) or out (given to the target, no answer yet). Everything is guarded by one mutex, held for a few
// instructions and never while code of the user runs: a step first decides under the mutex and then acts outside.
// The target itself is owned by the rules (target_entry) and, as long as the lane is of a rule or something waits in it, by
// the lane; never by a delivery. So a target whose deliveries are all given out goes when it is removed, in the thread that
// removes it, and may wait there for its own threads.
// Invariants: 1. What is out has an open attempt, or one that succeeded and is not booked: what closes it also takes it out. 2.
// Of one ordering key one is queued, waiting or out, and all others are held. 3. What is in no place any more is in the hands of
// one thread, which ends it. Memory: 312 bytes while nothing ever came; limits, counts and ordering keys are made when first
// needed. Where there is none for a retry or a dead letter, the event ends as dropped; nothing is lost silently.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "rulebus/delivery_options.hpp"
#include "rulebus/detail/brief_lock.hpp"
#include "rulebus/detail/counted.hpp"
#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/intrusive_list.hpp"
#include "rulebus/detail/invocation.hpp"
#include "rulebus/detail/lane_state.hpp"
#include "rulebus/detail/lane_timers.hpp"
#include "rulebus/detail/late_vector.hpp"
#include "rulebus/detail/tally.hpp"
#include "rulebus/metrics.hpp"
#include "rulebus/target.hpp"

namespace rulebus::inline v1::detail {

/// Why an invocation ended without success.
struct verdict {
  error reason;
  bool retryable = false;
  std::string_view exhausted{};  // "MaximumRetryAttempts", "MaximumEventAgeInSeconds", or empty
};

class lane final : public counted {
 public:
  struct identity {
    std::shared_ptr<const std::string> rule_name;
    std::string target_id;
    std::shared_ptr<const std::string> arn{};  // null: it has none
  };
  /// Whose it is: a target's, or the dead letters' of one, whose target it has by itself or from its bus.
  enum class role : std::uint8_t { of_target, of_dead_letters, of_bus_dead_letters };
  /// `dead_letters` takes what is given up; null: it is dropped.
  lane(std::shared_ptr<dispatcher> in, identity who, std::shared_ptr<rulebus::target> to,
       std::shared_ptr<const delivery_options> options, counted_ptr<lane> dead_letters = {}, role r = role::of_target);
  ~lane() override;

  const identity& who() const noexcept { return who_; }
  static error reason(errc code, const char* text) noexcept;  ///< without memory for the text, the code alone
  std::shared_ptr<rulebus::target> to() const;                ///< null once it is let go
  const std::shared_ptr<const delivery_options>& options() const noexcept { return options_; }
  dispatcher& in() const noexcept { return *in_; }
  const counted_ptr<lane>& dead_letters() const noexcept { return dead_letters_; }

  enum class caller : std::uint8_t { putter, executor };
  /// Takes an event for the target, which is `to` (a closed lane has none: null), and makes the first attempt at once where that
  /// is allowed. No other thread has i yet. Out of memory: it throws, and i has not come.
  void offer(counted_ptr<invocation> i, const std::shared_ptr<rulebus::target>& to, nanoseconds now);
  /// The same in two steps, for who must hold a lock until the event has its place (fan_out.hpp). take_in calls no code of users
  /// and wakes nobody; go_on does the rest, once, with nothing locked. In a thread of the executor the first attempt may be made
  /// at once whatever the dispatch, and `ended` counts what ends while the target has it.
  struct taken_in;
  taken_in take_in(counted_ptr<invocation> i, const std::shared_ptr<rulebus::target>& to, nanoseconds now, caller by) noexcept;
  void go_on(taken_in& i, const std::shared_ptr<rulebus::target>& to, tally* ended = nullptr);
  /// The rule has it no more: the target is let go as soon as nothing waits for it.
  void retire();
  /// Counts an event for the target that cannot be given to it at all.
  void refuse(const counted_ptr<invocation>& i, error why);
  struct visited {
    std::size_t deliveries = 0;  // that it made
    bool took_all = false;       // that was there, but for what is the other threads'
  };
  /// From the dispatcher: does what is due, up to `max` deliveries or one batch. `woken`: the wake that was asked for has come.
  visited run(std::size_t max, bool woken) noexcept;
  /// The wake that was asked for may be for what is over by now: asks for a later one or none, and returns whether it did.
  bool put_off_wake() noexcept;
  /// An attempt of i has this outcome, unless it has another already.
  void answered(invocation& i, std::uint32_t attempt, delivery_outcome&& outcome);
  /// Gives back everything as undelivered; later offers too.
  void close();
  /// Counts, for dead letters, on the lane that they came from.
  void count_dead_letter(bool sent);
  void count_letter_left();  ///< when the bus was stopped
  /// Books the successes that those who visit the lane have not booked yet.
  void book_what_succeeded() noexcept;
  delivery_metrics metrics();
  const delivery_metrics* last_counts() const noexcept { return counts_.get(); }  ///< of a lane that nobody has any more
  bool is_for_dead_letters() const noexcept { return role_ != role::of_target; }
  bool is_from_bus() const noexcept { return role_ == role::of_bus_dead_letters; }

  // Of the dispatcher, and guarded by its mutex. Small members stand together, here and below: there are many lanes.
  timer_place timer{};
  lane* next = nullptr;
  lane* prev = nullptr;
  struct {
    counted_ptr<lane> self{};  // while it is in the list of those that are ready
    lane* next = nullptr;
  } ready{};
  bool is_woken = false;  // its time has come

 private:
  enum class room { there, full, closed };
  enum class admission { started, queued, full, closed, no_memory };

  using guard = brief_lock;

  /// What one visit of a thread takes on.
  struct started {
    counted_ptr<invocation> i;
    std::uint32_t attempt;
    counted_ptr<answerable> given{};  // null: for_attempt makes it
    bool booked = false;              // whose success the visit books, with that of others
    nanoseconds ended{0};             // when deliver came back
    tally* count = nullptr;           // of what ends before that
  };
  using booked = std::array<std::size_t, 2>;  // how many, by generation
  struct ending {
    counted_ptr<invocation> i;
    verdict why;
  };
  struct visit {
    std::shared_ptr<rulebus::target> to{};
    std::vector<started> start;
    std::vector<started> timed_out;
    std::vector<ending> ended;  // without another attempt
    booked done{};              // whose success was not booked yet
    bool took_all = false;
    std::unordered_set<std::string_view> keys;  // in the batch, where those behind them are not held
  };

  // Room and order (lane_queue.cpp), under the mutex.
  bool keyed(const invocation& i) const noexcept;
  bool at_once(const invocation& i, caller by) const noexcept;
  std::size_t backlog() const noexcept { return queue_.size() + waiting_.size() + held_.size(); }
  std::size_t calls() const noexcept { return options_->batch.size > 1 ? batches_ : out_.size(); }
  room make_room(guard& lock, counted_ptr<invocation>& pushed_out, nanoseconds now);
  room wait_for_room(guard& lock);
  bool holds_back(invocation& i);
  void enqueue(counted_ptr<invocation> i, nanoseconds now);
  void wait(invocation& i, nanoseconds until);
  invocation* next_to_start(nanoseconds now) const noexcept;
  bool fits_into(visit& v, const invocation& i) const;
  void unplace(invocation& i) noexcept;
  void leave_batch(invocation& i) noexcept;
  void unhold(invocation& i) noexcept;
  void arrive(invocation& i) noexcept;
  void depart(invocation& i) noexcept;
  invocation* oldest_waiting() const noexcept;
  void pass_on_key(const invocation& i, nanoseconds now) noexcept;
  counted_ptr<invocation> let_go(invocation& i, nanoseconds now) noexcept;

  // Time and limits (lane_limits.cpp), under the mutex.
  nanoseconds due(nanoseconds now);
  nanoseconds start_time(nanoseconds now);
  nanoseconds limits_allow(nanoseconds now);
  void spend_token(const invocation& by) noexcept;
  void note_outcome(const invocation& i, const delivery_outcome& o, nanoseconds now) noexcept;
  bool outlived(const invocation& i, nanoseconds now) const noexcept;
  nanoseconds retry_delay(const invocation& i, const delivery_outcome& o) const noexcept;
  std::optional<verdict> plan_retry(invocation& i, delivery_outcome& o, nanoseconds now);
  void plan(guard& lock, nanoseconds now) noexcept;  // unlocks, and then asks for a thread or a wake

  // What a thread does that comes by (lane_visit.cpp).
  void take_due(visit& v, nanoseconds now, std::size_t max);
  void expire_answers(visit& v, nanoseconds now);
  void put_back(const visit& v, std::size_t from, nanoseconds now) noexcept;
  void tell_ended(const visit& v);
  std::size_t attempt_each(visit& v, nanoseconds now);
  void end_visit(const visit& v, std::size_t begun) noexcept;
  bool books(const invocation& i) const noexcept;
  void book(invocation& i, std::uint32_t attempt, nanoseconds at, booked& done) noexcept;

  // Deliveries (lane.cpp).
  taken_in admit(guard& lock, counted_ptr<invocation> i, const std::shared_ptr<rulebus::target>& to, nanoseconds now,
                 caller by) noexcept;
  admission find_place(guard& lock, counted_ptr<invocation>& i, nanoseconds now, caller by, taken_in& out);
  void queued(guard& lock, taken_in& i);
  void take_out(invocation& i, nanoseconds now) noexcept;
  std::optional<verdict> settle(invocation& i, delivery_outcome& o, nanoseconds now);
  delivery_metrics& counts();
  void attempt(started& s, rulebus::target& to);
  void attempt_batch(const std::vector<started>& batch, rulebus::target& to);
  void let_go_of_target(std::shared_ptr<rulebus::target>& to);
  void threw(const started& s, std::string_view what);
  void end_of_deliver(const started& s);
  counted_ptr<invocation> write_letter(const invocation& i, const verdict& v) noexcept;
  void give_up(const counted_ptr<invocation>& i, const verdict& v);
  void finish(const invocation& i, bool delivered = false);

  const role role_;
  bool asked_ = false;  // for a thread, which has not come
  bool closed_ : 1 = false;
  bool retired_ : 1 = false;
  std::uint32_t batches_ = 0;  // out
  const std::shared_ptr<dispatcher> in_;
  const identity who_;
  const std::shared_ptr<const delivery_options> options_;
  const counted_ptr<lane> dead_letters_;

  mutable std::mutex mutex_;
  std::shared_ptr<rulebus::target> to_;
  intrusive_list<invocation> queue_, held_, out_;
  late_vector<invocation*> waiting_;  // a heap by `since`: the next retry first
  std::unique_ptr<lane_limits> limits_;
  std::unique_ptr<held_by_key> keys_;
  std::unique_ptr<delivery_metrics> counts_;
  const std::unique_ptr<lane_overflow> overflow_;  // null: overflow::reject
  nanoseconds woken_at_ = dispatcher::never;       // the wake that was asked for
};

/// An event that a lane has taken in, or not.
struct lane::taken_in {
  started first;  // keeps it, whatever became of it
  admission how = admission::no_memory;
  counted_ptr<invocation> pushed_out{};
  nanoseconds at{0};
};

/// How dead letters are delivered: never by the thread that failed, soon again, and for as long as any event is tried.
std::shared_ptr<const delivery_options> dead_letter_options();

}  // namespace rulebus::inline v1::detail
