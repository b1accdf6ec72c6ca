// pointer_ring<T, size>: a bounded queue of pointers between any number of threads, without a lock. It may refuse: push when it
// is full, pop when it is empty, or when a push before is not finished. For what one would rather pass on, but need not.
//
// Dmitry Vyukov's bounded queue: every cell carries the number of the turn that it waits for, so that who gets a turn has the
// cell to himself, and no pointer is compared with one that came back (ABA).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rulebus::inline v1::detail {

template <class T, std::size_t size>
class pointer_ring {
  static_assert((size & (size - 1)) == 0, "a power of two");

 public:
  pointer_ring() noexcept {
    for (std::size_t i = 0; i < size; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }

  bool push(T* p) noexcept {
    std::size_t at = pushed_.load(std::memory_order_relaxed);
    for (;;) {
      cell& c = cells_[at % size];
      const std::size_t turn = c.turn.load(std::memory_order_acquire);
      if (turn == at) {
        if (!pushed_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        c.p.store(p, std::memory_order_relaxed);
        c.turn.store(at + 1, std::memory_order_release);
        return true;
      }
      if (turn < at) return false;  // what was pushed a round ago is still there
      at = pushed_.load(std::memory_order_relaxed);
    }
  }

  /// Null: it has none now.
  T* pop() noexcept {
    std::size_t at = popped_.load(std::memory_order_relaxed);
    for (;;) {
      cell& c = cells_[at % size];
      const std::size_t turn = c.turn.load(std::memory_order_acquire);
      if (turn == at + 1) {
        if (!popped_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        T* const p = c.p.load(std::memory_order_relaxed);
        c.turn.store(at + size, std::memory_order_release);
        return p;
      }
      if (turn <= at) return nullptr;
      at = popped_.load(std::memory_order_relaxed);
    }
  }

  /// What is popped after `behind` others, if it is there already. Another thread may have it by now: not to be looked into.
  const T* look_ahead(std::size_t behind) const noexcept {
    const std::size_t at = popped_.load(std::memory_order_relaxed) + behind;
    const cell& c = cells_[at % size];
    return c.turn.load(std::memory_order_acquire) == at + 1 ? c.p.load(std::memory_order_relaxed) : nullptr;
  }

 private:
  struct cell {
    std::atomic<std::size_t> turn;
    std::atomic<T*> p{nullptr};  // of who has the turn; look_ahead may read it besides
  };
  static constexpr std::size_t line = 64;  // bytes of a cache line: who pushes and who pops do not share one
  alignas(line) std::atomic<std::size_t> pushed_{0};
  alignas(line) std::atomic<std::size_t> popped_{0};
  alignas(line) std::array<cell, size> cells_;
};

}  // namespace rulebus::inline v1::detail
