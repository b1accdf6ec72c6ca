// delivery: one attempt to give one event to one target.
//
// A target receives it by value and answers it once: succeed(), retry(error) or fail(error), now or later.
// Thread safety: move-only; used by one thread at a time. Lifetime: self-contained; it may outlive the bus, and its answer
// is then dropped, as is every answer after the first and every one after the timeout.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "rulebus/detail/counted.hpp"
#include "rulebus/event.hpp"
#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

/// Names to values, in order.
using string_map = std::map<std::string, std::string, std::less<>>;

/// What a delivery is of, and for whom.
struct delivery_details {
  std::string_view bus_name{};
  std::string_view bus_arn{};
  std::string_view rule_name{};
  std::string_view target_id{};
  std::string_view target_arn{};           ///< of rule_target; may be empty
  std::string_view ordering_key{};         ///< of the entry; may be empty
  std::string_view trace_header{};         ///< of the entry; may be empty
  std::string_view traceparent{};          ///< W3C Trace Context for this event; may be empty
  std::span<const std::string> via{};      ///< ARNs of the buses that it came through before this one (targets/bus.hpp)
  const string_map* attributes = nullptr;  ///< of a dead letter (dead_letter.hpp); else null
  std::string_view schedule_arn{};         ///< of a scheduler's delivery; else empty, as the next two
  std::string_view scheduled_time{};       ///< 2026-11-25T08:00:00Z: the instant of the expression
  std::string_view execution_id{};         ///< the same for all attempts
};

/// What became of an attempt: success, or the error and whether another attempt makes sense.
struct delivery_outcome {
  result<void> status{};
  bool retryable = false;
  bool dropped = false;                              ///< the delivery was destroyed without an answer
  std::optional<std::chrono::milliseconds> after{};  ///< the target's own wish for the wait; else the retry policy decides
};

namespace detail {
/// What a delivery is a view of: it holds the event, and takes the answer.
class answerable : public counted {
 public:
  using never_listed = void;  // who has none finds none (counted.hpp)
  explicit answerable(rulebus::event e) : event_(std::move(e)) {}
  const rulebus::event& event() const noexcept { return event_; }
  virtual std::string_view input() const noexcept { return event_.json(); }
  virtual delivery_details details() const noexcept = 0;
  virtual void answer(std::uint32_t attempt, delivery_outcome&& outcome) = 0;

 private:
  rulebus::event event_;
};

/// Of a delivery that was destroyed without an answer.
delivery_outcome outcome_of_drop() noexcept;
}  // namespace detail

class delivery {
 public:
  using outcome = delivery_outcome;

  /// For tests of targets: a delivery whose answer goes to `on_answer`.
  RULEBUS_API delivery(rulebus::event e, std::string rule_name, std::string target_id,
                       std::function<void(const outcome&)> on_answer);
  delivery(detail::counted_ptr<detail::answerable> of, std::uint32_t attempt) : of_(std::move(of)), attempt_(attempt) {}
  delivery(delivery&& other) noexcept
      : of_(std::move(other.of_)), attempt_(other.attempt_), answered_(std::exchange(other.answered_, true)) {}
  delivery& operator=(delivery&&) = delete;
  /// A delivery that nobody answered counts as a retry.
  ~delivery() {
    if (!answered_) drop();
  }

  /// What to deliver: JSON text, or lines of it from a text template. Valid as long as the delivery.
  std::string_view input() const noexcept { return of_->input(); }
  const rulebus::event& event() const noexcept { return of_->event(); }  ///< the event itself
  delivery_details details() const noexcept { return of_->details(); }
  std::string_view rule_name() const noexcept { return details().rule_name; }
  std::string_view target_id() const noexcept { return details().target_id; }
  unsigned attempt() const noexcept { return attempt_; }  ///< 1 for the first

  // The answer. The first one counts; later ones do nothing. May run what follows from it (the next delivery of a queue does
  // not: that is the executor's), so no lock of the target's should be held that its own deliver needs.
  void succeed() { give({}); }
  void retry(error e) { give({std::move(e), true}); }
  void retry(error e, std::chrono::milliseconds after) { give({std::move(e), true, false, after}); }
  void fail(error e) { give({std::move(e), false}); }

 private:
  void give(outcome&& o) {
    if (!std::exchange(answered_, true)) of_->answer(attempt_, std::move(o));
  }
  RULEBUS_API void drop() noexcept;

  detail::counted_ptr<detail::answerable> of_;
  std::uint32_t attempt_ = 1;
  bool answered_ = false;
};

/// How a delivery ended that did not succeed; valid for the call.
struct delivery_failure {
  std::string_view rule_name;
  std::string_view target_id;
  const rulebus::event& event;
  const error& reason;         ///< of the last attempt
  bool retryable;              ///< the last attempt failed in a way that another might not: the retries are used up
  unsigned attempts = 0;       ///< made
  bool dead_lettered = false;  ///< it is on its way to the dead-letter target; otherwise it is dropped here
};

}  // namespace rulebus::inline v1
