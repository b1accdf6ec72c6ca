// progress: one line on standard error that says how far long work is; nothing at all when that is not a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace rulebus::cli {

class progress {
 public:
  /// `wanted` false silences it. `total_bytes` 0: unknown.
  progress(std::string what, bool wanted, std::uint64_t total_bytes);
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// So many more were done; redraws at most ten times a second, and not in the first half second.
  void advance(std::uint64_t items, std::uint64_t bytes);
  /// Takes the line away, so that something else can be printed.
  void clear();

 private:
  using clock = std::chrono::steady_clock;
  std::string what_;
  bool on_, shown_ = false;
  std::uint64_t items_ = 0, bytes_ = 0, total_;
  clock::time_point next_;
};

}  // namespace rulebus::cli
