// target: where matching events go. The extension point: one class, one function.
//
//   class webhook final : public rulebus::target {
//     void deliver(rulebus::delivery d) override { post(d.input()) ? d.succeed() : d.retry({errc::target_failed, "…"}); }
//   };
//
// Thread safety: deliver may be called by several threads at once, up to delivery_options::max_in_flight.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "rulebus/delivery.hpp"

namespace rulebus::inline v1 {

class target {
 public:
  target() = default;
  target(const target&) = delete;
  target& operator=(const target&) = delete;
  virtual ~target() = default;

  /// Answers d now or later, from any thread. An exception out of it counts as a retry; no lock is held while it runs, so
  /// it may call the bus.
  virtual void deliver(delivery d) = 0;

  /// Where delivery_options::batch asks for more than one at a time: answers each, as above. An exception out of it is a
  /// retry for those that are not answered.
  virtual void deliver_batch(std::vector<delivery> batch) {
    for (delivery& d : batch) deliver(std::move(d));
  }
};

/// A target from a function (const delivery&) -> void or result<void>: an error is a failure, an exception a retry.
template <class F>
  requires std::invocable<F&, const delivery&> std::shared_ptr<target> make_target(F f) {
    class callback final : public target {
     public:
      explicit callback(F fn) : fn_(std::move(fn)) {}
      void deliver(delivery d) override {
        if constexpr (std::is_void_v<std::invoke_result_t<F&, const delivery&>>) {
          fn_(d);
          d.succeed();
        } else if (result<void> r = fn_(d); r) {
          d.succeed();
        } else {
          d.fail(std::move(r).error());
        }
      }

     private:
      F fn_;
    };
    return std::make_shared<callback>(std::move(f));
  }

}  // namespace rulebus::inline v1
