// measuring: what benchmarks that look at their own clock share: two clocks, the middle of many runs, and memory.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <stdexcept>
#include <vector>

#if defined(__linux__)
#include <malloc.h>
#endif

namespace rulebus::bench {

/// Times of the clock on the wall, and of all threads of this process together: what other programs take is not in the second.
class stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count(); }
  double processor_seconds() const { return static_cast<double>(std::clock() - processor_) / CLOCKS_PER_SEC; }

 private:
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  std::clock_t processor_ = std::clock();
};

/// The q-quantile (0 to 1), by the nearest rank; 0 of nothing.
inline double quantile(std::vector<double> of, double q) {
  if (of.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::lround(q * static_cast<double>(of.size() - 1)));
  std::nth_element(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(rank), of.end());
  return of[rank];
}

/// A count where a ratio is wanted.
inline double number(std::size_t n) { return static_cast<double>(n); }

inline double median(std::vector<double> of) { return quantile(std::move(of), 0.5); }

/// Bytes that the program has from malloc now, with malloc's own for each block. 0 where the system's malloc does not say.
inline std::size_t heap_bytes() {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  const auto now = mallinfo2();
  return now.uordblks + now.hblkhd;
#else
  return 0;
#endif
}

/// An answer that is not what it has to be, in a benchmark that has no state to tell it to.
inline void must(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

}  // namespace rulebus::bench
