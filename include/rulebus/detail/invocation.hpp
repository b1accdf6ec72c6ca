// invocation: one event on its way to one target, over all its attempts. The lane that it is in (lane.hpp) guards everything
// here but the attempt's state.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rulebus/delivery.hpp"
#include "rulebus/detail/counted.hpp"
#include "rulebus/event.hpp"

namespace rulebus::inline v1::detail {

class lane;
using nanoseconds = std::chrono::nanoseconds;

/// What an entry may say beyond its event; shared by the invocations of the event.
struct entry_extras {
  std::string ordering_key{}, trace_header{}, traceparent{};
  std::vector<std::string> via{};  // ARNs of buses
};

/// What a delivery of a scheduler is of. Not of an event that was put: it has a time of its own, and someone waits for its end.
class occasion : public counted {
 public:
  std::string schedule{}, arn{}, time{}, execution_id{};  // "group/name"; never changed once there are deliveries
  std::string numbered_input{};                           // with <aws.scheduler.attempt-number> in it; else empty
  static constexpr std::string_view attempt_number = "<aws.scheduler.attempt-number>";

  /// The invocation has ended: delivered, or not. From any thread, with no lock held.
  virtual void ended(bool delivered) = 0;
};

/// Whether the attempt that is being made has its answer. Answers, timeouts, a stop and the end of `deliver` may race: exactly
/// one of them closes the attempt, under the mutex of the lane, so that what is out is always open. A target that throws
/// usually drops its delivery on the way out, before the exception is seen; so what is dropped while `deliver` runs waits for
/// its end. Dropping and asking need no mutex.
class attempt_state {
 public:
  void begin(std::uint32_t attempt) noexcept { word_.store(attempt << 2 | delivering, std::memory_order_release); }

  /// True: this answer is the one that counts.
  bool answer(std::uint32_t attempt) noexcept {
    std::uint32_t seen = word_.load(std::memory_order_acquire);
    while (seen >> 2 == attempt && (seen & 3) != closed) {
      if (word_.compare_exchange_weak(seen, attempt << 2 | closed, std::memory_order_acq_rel)) return true;
    }
    return false;
  }
  /// A delivery was dropped. True: the end of deliver will decide; false: it is to be answered as dropped.
  bool drop(std::uint32_t attempt) noexcept {
    std::uint32_t seen = attempt << 2 | delivering;
    return word_.compare_exchange_strong(seen, attempt << 2 | dropped, std::memory_order_acq_rel);
  }

  enum class ended { answered, open, dropped };
  /// deliver came back: with an answer, without, or with the delivery dropped (which is to be answered as such).
  ended returned(std::uint32_t attempt) noexcept {
    std::uint32_t seen = word_.load(std::memory_order_acquire);
    if (seen >> 2 != attempt || (seen & 3) == closed) return ended::answered;  // as mostly
    seen = attempt << 2 | delivering;
    if (word_.compare_exchange_strong(seen, attempt << 2 | returned_, std::memory_order_acq_rel)) return ended::open;
    return seen == (attempt << 2 | dropped) ? ended::dropped : ended::answered;
  }
  bool is_open(std::uint32_t attempt) const noexcept {
    const std::uint32_t seen = word_.load(std::memory_order_acquire);
    return seen >> 2 == attempt && (seen & 3) != closed;
  }

 private:
  static constexpr std::uint32_t closed = 0, delivering = 1, dropped = 2, returned_ = 3;
  std::atomic<std::uint32_t> word_{0};
};

class invocation final : public answerable {
 public:
  invocation(rulebus::event e, counted_ptr<lane> l, std::shared_ptr<const entry_extras> extras);
  ~invocation() override;

  std::string_view input() const noexcept override { return own_input ? std::string_view(*own_input) : event().json(); }
  delivery_details details() const noexcept override;
  void answer(std::uint32_t attempt, delivery_outcome&& outcome) override;
  /// What the target is given: this, or, where the input tells the attempt's number, a view of it with an input of its own.
  counted_ptr<answerable> for_attempt(std::uint32_t attempt);
  std::string_view ordering_key() const noexcept {
    return extras_ ? std::string_view(extras_->ordering_key) : std::string_view();
  }
  const std::shared_ptr<const entry_extras>& extras() const noexcept { return extras_; }

  counted_ptr<lane> to;  // null only in who has nobody any more (dispose)
  attempt_state state;

  // Written before the first attempt.
  std::unique_ptr<std::string> own_input{};        // null: the event as it is
  std::unique_ptr<const string_map> attributes{};  // of a dead letter
  counted_ptr<occasion> of{};                      // of a scheduler; and of its dead letter
  counted_ptr<lane> origin{};                      // of a dead letter: the lane that gave it up
  std::uint64_t sequence = 0;                      // of the event on its bus: the order, and the jitter's seed
  nanoseconds created{0};                          // when the event was put
  std::uint8_t generation = 0;                     // whose flush waits for it
  bool scheduled = false;                          // nobody puts it: the first attempt is made by the executor

  // Guarded by the lane's mutex.
  enum class place : std::uint8_t { none, queued, held, waiting, out };
  place in = place::none;
  bool prepared = false;       // own_input is what the transformer made
  std::uint32_t attempts = 0;  // begun
  nanoseconds since{0};        // queued: when it came; out: when the attempt began; waiting: when to try again
  invocation* next = nullptr;
  invocation* prev = nullptr;
  invocation* beside = nullptr;    // held: the next of its ordering key
  invocation* older = nullptr;     // came to the lane before it, and after it, in a ring; null where nobody asks for the oldest
  invocation* newer = nullptr;     //
  std::uint32_t* batch = nullptr;  // out: how many of its batch are
  counted_ptr<invocation> self{};  // while a lane has it
  std::unique_ptr<error> last_error{};

  /// Events up to this size, with what belongs to them, go back to the thread that they came from.
  static constexpr std::size_t small = 4096;

 private:
  /// What one thread allocates and another frees makes the two wait for each other within malloc. So what ends elsewhere goes
  /// back to the dispatcher, and the next event that is put frees it (dispatcher::free_spent).
  void dispose() noexcept override;
  std::size_t bytes() const noexcept;

  const std::shared_ptr<const entry_extras> extras_;
  const void* const made_by_;  // which thread
};

}  // namespace rulebus::inline v1::detail
