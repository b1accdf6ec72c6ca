// lane_feeder: something that has events for many lanes, which the executor's threads fetch (fan_out.hpp).
#pragma once

#include <cstddef>

#include "rulebus/detail/counted.hpp"
#include "rulebus/detail/tally.hpp"

namespace rulebus::inline v1::detail {

class lane_feeder : public counted {
 public:
  /// Gives an event to up to `max` lanes, and attempts it where they allow it; how many. Where it finds nothing it unlists itself
  /// from its dispatcher. `ended` counts what has ended by then. From any number of threads.
  virtual std::size_t run(std::size_t max, tally& ended) noexcept = 0;
  /// Gives everything to the lanes, whose queues have it when this returns.
  virtual void distribute() = 0;

  // Of the dispatcher, and guarded by its mutex.
  counted_ptr<lane_feeder> self{};  // while it is in the list of those that have events
  lane_feeder* next = nullptr;
  lane_feeder* prev = nullptr;
};

}  // namespace rulebus::inline v1::detail
