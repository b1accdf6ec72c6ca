// fan_out: events on their way to the many targets of one rule.
//
// To queue an event in 10,000 lanes, and to wake threads for each, takes longer than to deliver it. So for such a rule the event
// itself waits, and the executor's threads give it to the lanes, each making the first attempt where the lane allows it.
//
//   put ──▶ fan_out (events in order) ──▶ executor's thread ──▶ lane::take_in, lane::go_on ──▶ target
//
// Each thread has a piece of the targets for itself, the same from event to event where it can, and takes one after the other;
// who has none left takes half of another's. So a target that stays in deliver holds up no other.
// Order: a target is taken, and the event has its place in the lane, under the mutex of the piece; and of the next event nothing
// is taken while one before has targets left. Whatever else gives these lanes events calls `distribute` first.
// Bound: `may_wait` events. Who puts another gives the first to the lanes' queues himself, at thrice the cost: so many wait,
// though no more than `distribute` gives to the queues in a tenth of a second.
//
// Thread safety: all of it. Locks: the fan_out's, then a piece's, then a lane's; no code of users runs under them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "rulebus/detail/counted.hpp"
#include "rulebus/detail/invocation.hpp"
#include "rulebus/detail/lane_feeder.hpp"
#include "rulebus/event.hpp"

namespace rulebus::inline v1::detail {

class dispatcher;
struct rule_entry;

class fan_out final : public lane_feeder {
 public:
  static constexpr std::size_t fewest_targets = 64, most_pieces = 8;
  static constexpr std::size_t most_deliveries = 65'536, fewest_events = 8;

  explicit fan_out(std::shared_ptr<dispatcher> in);
  ~fan_out() override;

  /// How many events for r may wait. 0: they go another way, as it has few targets, or one that does not have its events from the
  /// executor anyway, or whose full queue or an observer wants to be known by who puts. Else those that make `most_deliveries`,
  /// or `fewest_events` where that is more, but never more than the smallest of its targets' queues has room for.
  static std::size_t may_wait(const rule_entry& r, const dispatcher& in) noexcept;

  struct incoming {
    std::shared_ptr<const rule_entry> rule;
    rulebus::event event;
    extras_ptr extras;
    std::uint64_t sequence;
    nanoseconds put_at;
  };
  /// Cost: a copy of `e`, however many targets there are, unless as many events as may wait do. Out of memory: it throws, and the
  /// event has not come.
  void put(const incoming& e);
  void distribute() override;  ///< cost: one place in a queue for each target of each event that waits
  std::size_t run(std::size_t max, tally& ended) noexcept override;

 private:
  struct piece;
  class burst;
  struct given;
  struct owed;
  using bursts = std::list<counted_ptr<burst>>;

  piece* join(counted_ptr<burst>& of);
  void distribute_first(owed& to);

  const std::shared_ptr<dispatcher> in_;
  std::mutex mutex_;
  bursts waiting_;  // guarded by mutex_; the first may have been given to all
};

}  // namespace rulebus::inline v1::detail
