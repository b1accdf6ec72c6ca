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

using extras_ptr = std::shared_ptr<const entry_extras>;

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
/// one of them closes the attempt, under the mutex of the lane, so that what is out is open, or has succeeded and will be
/// booked. A target that throws usually drops its delivery on the way out, before the exception is seen; so what is dropped
/// while `deliver` runs waits for its end. Dropping, succeeding and asking need no mutex.
class attempt_state {
 public:
  void begin(std::uint32_t attempt) noexcept { word_.store(word(attempt, delivering), std::memory_order_release); }

  /// True: this answer is the one that counts.
  bool answer(std::uint32_t attempt) noexcept {
    std::uint32_t seen = word_.load(std::memory_order_acquire);
    while (is_open(seen, attempt)) {
      if (word_.compare_exchange_weak(seen, word(attempt, closed), std::memory_order_acq_rel)) return true;
    }
    return false;
  }
  /// A delivery was dropped. True: the end of deliver will decide; false: it is to be answered as dropped.
  bool drop(std::uint32_t attempt) noexcept { return move(attempt, delivering, dropped); }
  /// It succeeded while `deliver` runs. True: that is how it ended, and who called `deliver` will book it.
  bool succeed(std::uint32_t attempt) noexcept { return move(attempt, delivering, succeeded); }
  /// True: a success that nobody has booked yet, and who asks now has.
  bool book(std::uint32_t attempt) noexcept {
    return word_.load(std::memory_order_acquire) == word(attempt, succeeded) && move(attempt, succeeded, closed);
  }

  enum class ended { answered, open, dropped };
  /// deliver came back: with an answer, without, or with the delivery dropped (which is to be answered as such).
  ended returned(std::uint32_t attempt) noexcept {
    if (!is_open(attempt)) return ended::answered;  // as mostly
    if (move(attempt, delivering, returned_)) return ended::open;
    return word_.load(std::memory_order_acquire) == word(attempt, dropped) ? ended::dropped : ended::answered;
  }
  bool is_open(std::uint32_t attempt) const noexcept { return is_open(word_.load(std::memory_order_acquire), attempt); }

 private:
  static constexpr std::uint32_t closed = 0, succeeded = 1, delivering = 2, dropped = 3, returned_ = 4;
  static constexpr std::uint32_t word(std::uint32_t attempt, std::uint32_t state) noexcept { return attempt << 3 | state; }
  static constexpr bool is_open(std::uint32_t seen, std::uint32_t attempt) noexcept {
    return seen >> 3 == attempt && (seen & 7) >= delivering;
  }
  bool move(std::uint32_t attempt, std::uint32_t from, std::uint32_t to) noexcept {
    std::uint32_t seen = word(attempt, from);
    return word_.compare_exchange_strong(seen, word(attempt, to), std::memory_order_acq_rel);
  }
  std::atomic<std::uint32_t> word_{0};
};

class invocation final : public answerable {
 public:
  invocation(rulebus::event e, counted_ptr<lane> l, std::shared_ptr<const entry_extras> extras) noexcept;
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

  // What changes while it is delivered stands together: in another thread, mostly, than what made it.
  counted_ptr<lane> to;  // null only in who has nobody any more (dispose)
  attempt_state state;

  // Guarded by the lane's mutex.
  std::uint32_t attempts = 0;  // begun
  enum class place : std::uint8_t { none, queued, held, waiting, out };
  place in = place::none;
  bool prepared = false;           // own_input is what the transformer made
  bool scheduled = false;          // nobody puts it: the first attempt is made by the executor; written before that
  std::uint8_t generation = 0;     // whose flush waits for it; written before the first attempt
  nanoseconds since{0};            // queued: when it came; out: when the attempt began; waiting: when to try again
  invocation* next = nullptr;      //
  invocation* prev = nullptr;      //
  counted_ptr<invocation> self{};  // while a lane has it
  // Queued: one that comes some places later. Only to prefetch it, as it may be gone.
  const invocation* soon = nullptr;

  // Written before the first attempt.
  nanoseconds created{0};                          // when the event was put
  std::uint64_t sequence = 0;                      // of the event on its bus: the order, and the jitter's seed
  std::unique_ptr<std::string> own_input{};        // null: the event as it is
  std::unique_ptr<const string_map> attributes{};  // of a dead letter
  counted_ptr<occasion> of{};                      // of a scheduler; and of its dead letter
  counted_ptr<lane> origin{};                      // of a dead letter: the lane that gave it up

  // What few have; guarded by the lane's mutex.
  invocation* beside = nullptr;    // held: the next of its ordering key
  invocation* older = nullptr;     // came to the lane before it, and after it, in a ring; null where nobody asks for the oldest
  invocation* newer = nullptr;     //
  std::uint32_t* batch = nullptr;  // out: how many of its batch are
  std::unique_ptr<error> last_error{};

  /// Events up to this size, with what belongs to them, go back to the thread that they came from.
  static constexpr std::size_t small = 4096;

 private:
  /// What ends elsewhere than it was made goes back there (spent_invocations.hpp).
  void dispose() noexcept override;

  const std::shared_ptr<const entry_extras> extras_;
  const void* const made_by_;  // which thread
  const bool small_;           // with what came with it; who ends it elsewhere would have to fetch the text's size
};

}  // namespace rulebus::inline v1::detail
