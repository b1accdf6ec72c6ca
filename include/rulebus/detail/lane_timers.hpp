// lane_timers: which lane is to be woken next. A binary heap whose elements know their places, so that a lane has at most one
// entry, which can be moved forward. Not an owner: a lane that goes removes itself.
// Cost: O(log n) for set and take; memory: two words for each lane that waits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rulebus::inline v1::detail {

class lane;

/// Where in the heap a lane is; a member of the lane.
struct timer_place {
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  std::uint32_t index = none;
};

class lane_timers {
 public:
  bool empty() const noexcept { return heap_.empty(); }
  std::chrono::nanoseconds first() const noexcept { return heap_.front().when; }
  lane& of_first() const noexcept { return *heap_.front().of; }

  /// Wakes l at `when`, or earlier if that was asked before. True: it is the first to be woken now.
  bool set(lane& l, std::chrono::nanoseconds when) noexcept;
  /// The first, whose time it is.
  lane& take() noexcept;
  void remove(lane& l) noexcept;  ///< nothing where it has no entry
  void clear() noexcept;
  /// Room for the entries of so many lanes, so that nothing else here fails. Cost: amortized.
  void reserve(std::size_t lanes);

 private:
  struct timer {
    std::chrono::nanoseconds when;
    std::uint64_t order;  // among equal times: who asked first
    lane* of;
    bool before(const timer& other) const noexcept { return when != other.when ? when < other.when : order < other.order; }
  };
  void put(std::size_t at, const timer& t) noexcept;
  void up(std::size_t at, timer t) noexcept;
  void down(std::size_t at, timer t) noexcept;

  std::vector<timer> heap_;
  std::uint64_t asked_ = 0;
};

}  // namespace rulebus::inline v1::detail
