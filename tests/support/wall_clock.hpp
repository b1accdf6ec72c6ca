// wall_clock: what a clock on the wall of a time zone shows, by the C library: the twin of time_zone, which reads the same
// files with other code. One thread only: it sets the environment variable TZ, and puts back what was there.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <stdexcept>
#include <string>

namespace tests {

class wall_clock {
 public:
  explicit wall_clock(const std::string& zone) {
    if (const char* old = std::getenv("TZ")) before_ = old;
    setenv("TZ", (":" + zone).c_str(), 1);
    tzset();
  }
  ~wall_clock() {
    if (before_) {
      setenv("TZ", before_->c_str(), 1);
    } else {
      unsetenv("TZ");
    }
    tzset();
  }
  wall_clock(const wall_clock&) = delete;
  wall_clock& operator=(const wall_clock&) = delete;

  std::tm at(std::int64_t instant) const {
    const std::time_t t = instant;
    std::tm out{};
    if (localtime_r(&t, &out) == nullptr) throw std::runtime_error("localtime_r");
    return out;
  }
  std::int64_t offset(std::int64_t instant) const { return at(instant).tm_gmtoff; }

 private:
  std::optional<std::string> before_{};
};

}  // namespace tests
