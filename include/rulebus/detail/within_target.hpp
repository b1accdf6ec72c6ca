// within_target: what this thread knows of the calls of users' code that it is in.
#pragma once

#include <cstddef>

namespace rulebus::inline v1::detail {

class invocation;
class tally;

/// Counts, for this thread, the calls of targets, of observers and of on_error that it is in, and knows what the innermost was
/// given, whether who called it books the success of that (lane::book), and where he counts what ends (tally.hpp).
class within_target {
 public:
  explicit within_target(const invocation* given = nullptr, bool booked = false, tally* count = nullptr) noexcept
      : before_(now()) {
    now() = {before_.depth + 1, given, booked, count};
  }
  ~within_target() { now() = before_; }
  within_target(const within_target&) = delete;
  within_target& operator=(const within_target&) = delete;
  static bool here() noexcept { return now().depth != 0; }
  static bool is_given(const invocation& i) noexcept { return now().given == &i; }
  static bool is_booked() noexcept { return now().booked; }
  static tally* count() noexcept { return now().count; }

 private:
  struct calls {
    std::size_t depth = 0;
    const invocation* given = nullptr;
    bool booked = false;
    tally* count = nullptr;
  };
  static calls& now() noexcept {
    thread_local calls of_this_thread;
    return of_this_thread;
  }

  const calls before_;
};

}  // namespace rulebus::inline v1::detail
