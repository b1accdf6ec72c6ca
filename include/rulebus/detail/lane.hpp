// lane: one target of one rule, with what waits for it, what it has been given, its limits and its counts.
//
// An invocation is in one place at a time: queued (its turn comes), held (behind another of its ordering key), waiting (for
// its next attempt) or out (given to the target, no answer yet). Everything is guarded by one mutex, held for a few
// instructions and never while code of the user runs: a step first decides under the mutex and then acts outside.
// The target itself is owned by the rules (target_entry) and, as long as the lane is of a rule or something waits in it, by
// the lane; never by a delivery. So a target whose deliveries are all given out goes when it is removed, in the thread that
// removes it, and may wait there for its own threads.
// Memory: under 400 bytes while nothing ever came; limits, counts and ordering keys are made when first needed.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rulebus/delivery_options.hpp"
#include "rulebus/detail/counted.hpp"
#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/intrusive_list.hpp"
#include "rulebus/detail/invocation.hpp"
#include "rulebus/detail/lane_timers.hpp"
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
  /// `dead_letters` takes what is given up; null: it is dropped. `for_dead_letters`: this is such a lane.
  lane(std::shared_ptr<dispatcher> in, identity who, std::shared_ptr<rulebus::target> to,
       std::shared_ptr<const delivery_options> options, counted_ptr<lane> dead_letters = {}, bool for_dead_letters = false);
  ~lane() override;

  const identity& who() const noexcept { return who_; }
  std::shared_ptr<rulebus::target> to() const;  ///< null once it is let go
  const std::shared_ptr<const delivery_options>& options() const noexcept { return options_; }
  dispatcher& in() const noexcept { return *in_; }
  const counted_ptr<lane>& dead_letters() const noexcept { return dead_letters_; }

  /// Takes an event for the target, which is `to`, and makes the first attempt at once where that is allowed.
  void offer(counted_ptr<invocation> i, const std::shared_ptr<rulebus::target>& to);
  /// The rule has it no more: the target is let go as soon as nothing waits for it.
  void retire();
  /// Counts an event for the target that cannot be given to it at all.
  void refuse(counted_ptr<invocation> i, error why);
  /// From the dispatcher: does what is due, up to `max` deliveries; returns how many it made.
  std::size_t run(std::size_t max);
  /// An attempt of i, which was closed by the caller, has this outcome.
  void answered(invocation& i, delivery_outcome outcome);
  /// Gives back everything as undelivered; later offers too.
  void close();
  /// Counts, for dead letters, on the lane that they came from.
  void count_dead_letter(bool sent);
  delivery_metrics metrics() const;
  bool is_for_dead_letters() const noexcept { return for_dead_letters_; }

  // Of the dispatcher.
  lane* next = nullptr;
  lane* prev = nullptr;
  timer_place timer{};

 private:
  enum class breaker : std::uint8_t { closed, open, half_open };
  enum class room { there, full, closed };

  /// State of limits that most targets do not have.
  struct limits {
    double tokens = 0;
    nanoseconds refilled{0};
    unsigned failures = 0;  // retryable, in a row
    breaker state = breaker::closed;
    nanoseconds open_until{0};
  };
  /// By ordering key: what waits behind the one that is on its way.
  using held_by_key = std::unordered_map<std::string, intrusive_list<invocation>>;
  using guard = std::unique_lock<std::mutex>;

  /// What one visit of a thread takes on.
  struct started {
    counted_ptr<invocation> i;
    std::uint32_t attempt;
  };
  struct visit {
    std::shared_ptr<rulebus::target> to{};
    std::vector<started> start;
    std::vector<counted_ptr<invocation>> outlived;  // older than the retry policy allows, before their turn came
    std::vector<started> timed_out;
  };

  // Room and order (lane_queue.cpp), under the mutex.
  bool at_once(const invocation& i) const noexcept;
  std::size_t backlog() const noexcept { return queue_.size() + waiting_.size() + held_; }
  room make_room(guard& lock, counted_ptr<invocation>& pushed_out);
  room wait_for_room(guard& lock);
  bool holds_back(counted_ptr<invocation>& i);
  void enqueue(counted_ptr<invocation> i, nanoseconds now);
  void wait(invocation& i, nanoseconds until);
  invocation* next_to_start(nanoseconds now) const noexcept;
  void unplace(invocation& i) noexcept;
  void pass_on_key(const invocation& i, nanoseconds now);
  counted_ptr<invocation> let_go(invocation& i, nanoseconds now);

  // Time and limits (lane_limits.cpp), under the mutex.
  nanoseconds due(nanoseconds now);
  nanoseconds start_time(nanoseconds now);
  nanoseconds limits_allow(nanoseconds now);
  void spend_token() noexcept;
  void note_outcome(const delivery_outcome& o, nanoseconds now);
  bool outlived(const invocation& i, nanoseconds now) const noexcept;
  std::optional<verdict> plan_retry(invocation& i, delivery_outcome& o, nanoseconds now);
  void plan(guard& lock, nanoseconds now);  // unlocks, and then asks for a thread or a wake

  // Deliveries (lane.cpp).
  void take_out(invocation& i, nanoseconds now);
  visit take_due(nanoseconds now, std::size_t max);
  void expire_answers(nanoseconds now, visit& v);
  void end_early(const visit& v);
  void count_outcome(const invocation& i, const delivery_outcome& o, nanoseconds now);
  delivery_metrics& counts();
  void attempt(const started& s, rulebus::target& to);
  void attempt_batch(const std::vector<started>& batch, rulebus::target& to);
  void let_go_of_target(std::shared_ptr<rulebus::target>& to);
  void threw(const started& s, std::string_view what);
  void end_of_deliver(const started& s);
  void give_up(const counted_ptr<invocation>& i, const verdict& v);
  void finish(const invocation& i);

  const std::shared_ptr<dispatcher> in_;
  const identity who_;
  const std::shared_ptr<const delivery_options> options_;
  const counted_ptr<lane> dead_letters_;

  mutable std::mutex mutex_;
  std::shared_ptr<rulebus::target> to_;
  intrusive_list<invocation> queue_, out_;
  std::vector<invocation*> waiting_;  // a heap by `since`: the next retry first
  std::unique_ptr<limits> limits_;
  std::unique_ptr<held_by_key> keys_;
  std::unique_ptr<delivery_metrics> counts_;
  std::unique_ptr<std::condition_variable> room_;
  nanoseconds woken_at_ = dispatcher::never;  // the wake that was asked for
  std::uint32_t held_ = 0;
  bool in_ready_list_ = false;
  bool closed_ = false;
  bool retired_ = false;
  const bool for_dead_letters_;
};

}  // namespace rulebus::inline v1::detail
