// bench_measure: what all benchmarks of the command line need: times, their spread, and threads that begin together.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace rulebus::cli {

using bench_clock = std::chrono::steady_clock;

inline double seconds_since(bench_clock::time_point start) {
  return std::max(std::chrono::duration<double>(bench_clock::now() - start).count(), 1e-9);
}

struct statistics {
  double min = 0, median = 0, max = 0;
};

/// `values` must not be empty.
inline statistics summarise(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {values.front(), median, values.back()};
}

/// Calls f(i) for all i below `n` at once, each in its own thread, and starts them together. A single one runs in this thread.
/// What one throws is thrown here.
template <class F>
void together(std::size_t n, F&& f) {
  if (n == 1) {
    f(std::size_t{0});
    return;
  }
  std::atomic<std::size_t> waiting = n;
  std::vector<std::exception_ptr> failures(n);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < n; ++i) {
    threads.emplace_back([&, i] {
      --waiting;
      while (waiting != 0) std::this_thread::yield();
      try {
        f(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
  }
  for (std::thread& t : threads) t.join();
  for (const std::exception_ptr& e : failures) {
    if (e) std::rethrow_exception(e);
  }
}

}  // namespace rulebus::cli
