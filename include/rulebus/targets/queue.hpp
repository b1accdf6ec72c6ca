// queue_target: keeps events until somebody fetches them: what a worker loop wants, and what dead letters go to.
//
//   auto jobs = std::make_shared<rulebus::queue_target>();
//   bus.put_target("big", {.id = "jobs", .target = jobs}).value();
//   …
//   std::jthread worker([&](std::stop_token stop) {
//     while (!stop.stop_requested()) {
//       for (const rulebus::queue_message& m : jobs->receive(10, 20s, stop)) {
//         if (work(m.body())) jobs->acknowledge(m.receipt());   // done: it is gone
//       }                                                       // not done: it comes again after the visibility timeout
//     }
//   });
//
// As in Amazon SQS: a message that was received is invisible to others until it is acknowledged, released, or its visibility
// timeout is over. So it is received at least once: a worker that takes longer, or a delivery whose answer came too late for the
// bus, may bring a message twice. A delivery succeeds once its message is stored - in memory: it ends with the process.
//
// Order: messages are received in the order in which they came; one that was released takes its old place. Of messages with
// the same ordering key (put_events_entry) only the first is visible, until it is acknowledged.
// Full: a delivery is asked to come again (delivery::retry), so what does not fit waits in the bus, by the bus's limits.
//
// Thread safety: all of it; no lock is held while a delivery is answered. Cost: receive and acknowledge are logarithmic in the
// number of messages. Memory: the event's text is shared with the bus.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "rulebus/bus.hpp"
#include "rulebus/clock.hpp"
#include "rulebus/dead_letter.hpp"
#include "rulebus/export.hpp"
#include "rulebus/target.hpp"

namespace rulebus::inline v1 {

class queue_target;

struct queue_options {
  std::size_t capacity = 100'000;                        ///< messages, those received and not acknowledged included
  std::chrono::milliseconds visibility_timeout{30'000};  ///< 0 to 12 hours
  /// A message that was received so often and comes back is moved to `dead_letters`. 0: it comes again and again.
  unsigned max_receives = 0;
  std::shared_ptr<queue_target> dead_letters{};  ///< while it is full, messages stay and are received again
  /// When a delivery that did not fit is to come again; empty: by its retry policy.
  std::optional<std::chrono::milliseconds> retry_when_full{};
  std::shared_ptr<rulebus::clock> clock = system_clock();
};

/// For acknowledge and the like. Each receive of a message has its own, and only the last one is valid.
struct receipt_handle {
  std::uint64_t message = 0, receive = 0;
  friend bool operator==(const receipt_handle&, const receipt_handle&) = default;
};

/// Thread safety: a value; copies share what is in it. Views live as long as any copy.
class queue_message {
 public:
  RULEBUS_API std::string_view body() const noexcept;  ///< delivery::input
  RULEBUS_API const rulebus::event& event() const noexcept;
  /// Of a dead letter: what dead_letter.hpp says; else empty.
  RULEBUS_API const string_map& attributes() const noexcept;
  RULEBUS_API delivery_details details() const noexcept;  ///< of the delivery that brought it
  RULEBUS_API std::optional<dead_letter> as_dead_letter() const;

  unsigned receive_count() const noexcept { return receive_count_; }  ///< this time included; 0 when it was only looked at
  receipt_handle receipt() const noexcept { return receipt_; }        ///< of no use when it was only looked at
  std::chrono::nanoseconds age() const noexcept { return age_; }      ///< since it was stored

  struct content;  // of the library
  queue_message(std::shared_ptr<const content> c, unsigned receives, receipt_handle r, std::chrono::nanoseconds age);

 private:
  std::shared_ptr<const content> content_;
  unsigned receive_count_;
  receipt_handle receipt_;
  std::chrono::nanoseconds age_;
};

struct queue_depth {
  std::size_t visible = 0;    ///< can be received now
  std::size_t in_flight = 0;  ///< received, neither acknowledged nor back
  std::size_t held = 0;       ///< behind another of their ordering key
  friend bool operator==(const queue_depth&, const queue_depth&) = default;
};

/// What redrive did.
struct redrive_report {
  std::size_t redriven = 0;            ///< accepted by the bus, and gone from the queue
  std::size_t refused = 0;             ///< would have been, but the bus did not take them; they stay
  std::optional<error> first_error{};  ///< of those
};

class queue_target final : public target {
 public:
  /// Throws bad_result for options out of range: check first where they come from users.
  RULEBUS_API explicit queue_target(queue_options options = {});
  RULEBUS_API ~queue_target() override;
  /// Error: errc::invalid_argument, with the member and its range.
  RULEBUS_API static result<void> check(const queue_options& options);

  RULEBUS_API void deliver(delivery d) override;

  /// Up to `max` messages. Where there are none, waits for the first up to `wait`, by the queue's clock: with a manual clock
  /// until another thread moves it so far. Ends at once when `stop` is requested. Messages that were received are in flight.
  RULEBUS_API std::vector<queue_message> receive(std::size_t max = 1, std::chrono::milliseconds wait = {},
                                                 const std::stop_token& stop = {});

  // For a message that was received. Error: errc::not_found when the receipt is not valid: the message was acknowledged,
  // released, moved or purged, or received again since.

  /// It is done: removes it. Works after the visibility timeout too, while nobody has received it again.
  RULEBUS_API result<void> acknowledge(receipt_handle r);
  /// It stays invisible for so long from now: 0 to 12 hours. Errors: also when the timeout is over; errc::invalid_argument.
  RULEBUS_API result<void> change_visibility(receipt_handle r, std::chrono::milliseconds timeout);
  /// It is visible again now. Counts as a receive, so it may be moved to the dead letters.
  RULEBUS_API result<void> release(receipt_handle r);

  RULEBUS_API queue_depth depth() const;
  /// The first `max` that are not in flight, in order, without receiving them.
  RULEBUS_API std::vector<queue_message> peek(std::size_t max = SIZE_MAX) const;
  /// Removes everything, also what is in flight; how many there were.
  RULEBUS_API std::size_t purge();

  /// Sends dead letters back to the targets that they were meant for (bus::redrive): of those that are here and not in flight
  /// when it begins, in order, up to `max` whose event matches the pattern; "": all. Each is removed only when the bus has
  /// accepted it; one that fails again comes back as a new message. Errors: those of pattern::parse, and nothing was done.
  RULEBUS_API result<redrive_report> redrive(bus& to, std::string_view event_pattern = {}, std::size_t max = SIZE_MAX);

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace rulebus::inline v1
