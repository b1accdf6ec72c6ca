// allocation_counter: how often memory was asked for, how much of that is still held, and the means to make it fail.
// For programs that link tests/allocations/operator_new.cpp, which replaces operator new and malloc. One thread only.
#pragma once

#include <cstddef>
#include <new>

namespace tests::allocations {

std::size_t made() noexcept;        ///< calls of operator new and malloc since the program began
std::size_t live() noexcept;        ///< of those, not yet given back
std::size_t live_bytes() noexcept;  ///< in those

/// The n-th allocation from now on fails, once; 0: none does.
void fail_at(std::size_t n) noexcept;

/// Calls `attempt` again and again while its first, second, third … allocation fails, until one goes through without a
/// failure; after each failure `check` is called. Answers how many failed.
template <class Attempt, class Check>
std::size_t fail_each(Attempt attempt, Check check) {
  for (std::size_t n = 1;; ++n) {
    try {
      fail_at(n);
      attempt();
      fail_at(0);
      return n - 1;
    } catch (const std::bad_alloc&) {
      fail_at(0);
      check();
    }
  }
}

}  // namespace tests::allocations
