// null_target: takes everything, keeps nothing, and counts. For measuring, for dry runs, and for rules that are only there to be
// seen in the metrics.
//
//   auto nowhere = std::make_shared<rulebus::null_target>();
//   bus.put_target("all", {.id = "count", .target = nowhere}).value();
//   …
//   nowhere->deliveries();
//
// Thread safety: all of it.
#pragma once

#include <atomic>
#include <cstdint>

#include "rulebus/target.hpp"

namespace rulebus::inline v1 {

class null_target final : public target {
 public:
  void deliver(delivery d) override {
    bytes_.fetch_add(d.input().size(), std::memory_order_relaxed);
    deliveries_.fetch_add(1, std::memory_order_relaxed);
    d.succeed();
  }

  std::uint64_t deliveries() const noexcept { return deliveries_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }  ///< of their inputs

 private:
  std::atomic<std::uint64_t> deliveries_{0}, bytes_{0};
};

}  // namespace rulebus::inline v1
