// stop_watch: ends long work when the user asks for it: SIGINT and SIGTERM. The first is a wish, the second, or too much time
// since the first, is an order.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace rulebus::cli {

/// One at a time in a process. While it lives, the two signals no longer end the process.
class stop_watch {
 public:
  /// `order` is called at most once, in a thread of its own.
  stop_watch(std::chrono::milliseconds patience, std::function<void()> order);
  ~stop_watch();
  stop_watch(const stop_watch&) = delete;
  stop_watch& operator=(const stop_watch&) = delete;

  bool asked() const noexcept;      ///< a signal came
  int descriptor() const noexcept;  ///< polls readable from then on

 private:
  void watch(std::chrono::milliseconds patience, const std::function<void()>& order);
  std::thread thread_;
};

}  // namespace rulebus::cli
