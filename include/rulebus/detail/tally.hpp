// tally: deliveries that ended in a thread and are told to the dispatcher together. The one count that all threads share would
// go from processor to processor for each of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rulebus::inline v1::detail {

/// Thread safety: all of it; a flush takes what another thread has counted.
class tally {
 public:
  void add(std::uint8_t generation) noexcept { ended_[generation].fetch_add(1, std::memory_order_release); }
  /// How many, by generation; none are left.
  std::array<std::size_t, 2> take() noexcept { return {take(0), take(1)}; }

 private:
  std::size_t take(std::size_t generation) noexcept {
    std::atomic<std::size_t>& n = ended_[generation];
    return n.load(std::memory_order_relaxed) == 0 ? 0 : n.exchange(0, std::memory_order_acq_rel);
  }
  std::array<std::atomic<std::size_t>, 2> ended_{};
};

}  // namespace rulebus::inline v1::detail
