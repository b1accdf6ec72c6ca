// bench_floor: the least that any reader of JSON events with simdjson pays, so that a ratio to it says something on any machine.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rulebus::cli {

/// Events one behind the other in one piece of memory, each followed by the bytes that simdjson may read beyond it.
class padded_events {
 public:
  void add(std::string_view event);
  /// To be called after the last add; only then are there views.
  void finish();
  std::span<const std::string_view> views() const noexcept { return views_; }
  std::size_t bytes() const noexcept { return bytes_; }  ///< without the padding

 private:
  std::string text_;
  std::vector<std::size_t> sizes_;
  std::vector<std::string_view> views_;
  std::size_t bytes_ = 0;
};

/// simdjson's On-Demand `iterate` over events: checks UTF-8 and finds the structure, and looks at nothing. One thread each.
class floor_reader {
 public:
  floor_reader();
  ~floor_reader();
  floor_reader(floor_reader&&) noexcept;
  floor_reader& operator=(floor_reader&&) = delete;

  /// Which of simdjson's implementations does it, as "haswell" (AVX2) or "icelake" (AVX-512).
  static std::string implementation();

  /// Iterates over each event, which must be of padded_events. How many were refused.
  std::size_t pass(std::span<const std::string_view> events);

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace rulebus::cli
