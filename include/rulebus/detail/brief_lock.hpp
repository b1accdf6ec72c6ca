// brief_lock: holds a std::mutex that everybody holds for a few instructions only. Who finds it taken looks again for a moment
// before it sleeps: the holder is mostly done by then, and to sleep and be woken costs both sides thousands of instructions.
#pragma once

#include <mutex>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace rulebus::inline v1::detail {

/// Says to the processor that this thread waits for another.
inline void pause_briefly() noexcept {
#if defined(__SSE2__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// A std::unique_lock, so that condition variables take it. Its lock() after an unlock() does not look again.
class brief_lock : public std::unique_lock<std::mutex> {
 public:
  explicit brief_lock(std::mutex& m) : std::unique_lock<std::mutex>(m, std::try_to_lock) {
    for (int looks = 0, pauses = 1; !owns_lock() && looks < patience; ++looks) {
      for (int i = 0; i < pauses; ++i) pause_briefly();
      if (pauses < most_pauses) pauses *= 2;
      static_cast<void>(try_lock());
    }
    if (!owns_lock()) lock();
  }

 private:
  // Some 12 microseconds, where to take 32 events out of a queue holds it for 5. The longer it looks, the more seldom: each look
  // takes the mutex's cache line from who holds it.
  static constexpr int patience = 40, most_pauses = 16;
};

}  // namespace rulebus::inline v1::detail
