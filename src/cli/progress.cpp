#include "progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "output.hpp"

namespace rulebus::cli {

progress::progress(std::string what, bool wanted, std::uint64_t total_bytes)
    : what_(std::move(what)),
      on_(wanted && progress_possible()),
      total_(total_bytes),
      next_(clock::now() + std::chrono::milliseconds(500)) {}

void progress::advance(std::uint64_t items, std::uint64_t bytes) {
  items_ += items;
  bytes_ += bytes;
  if (!on_) return;
  const clock::time_point now = clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  const std::string share = total_ == 0 ? "" : fmt::format(", {} %", std::min<std::uint64_t>(bytes_ * 100 / total_, 100));
  fmt::print(stderr, "\r{} {}{}\x1b[K", grouped(items_), what_, share);
  std::fflush(stderr);
  shown_ = true;
}

void progress::clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace rulebus::cli
