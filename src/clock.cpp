#include "rulebus/clock.hpp"

#include <cstdint>

#include "rulebus/detail/tick_clock.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define RULEBUS_HAS_TICKS
#include <cpuid.h>

#include <fstream>
#include <string>
#endif

namespace rulebus::inline v1::detail {

#if defined(RULEBUS_HAS_TICKS)

namespace clock_source {

struct processor {
  static std::uint64_t ticks() noexcept { return __builtin_ia32_rdtsc(); }
  static std::int64_t steady() noexcept {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  /// The processor says that its ticks are of one length ("invariant TSC": AMD64 Architecture Programmer's Manual, volume 3,
  /// CPUID Fn8000_0007), and the kernel has found that they are the same everywhere: it reads its own clock from them.
  static bool is_steady() noexcept {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(0x80000007, &a, &b, &c, &d) == 0 || (d & 1U << 8) == 0) return false;
    try {
      std::string name;
      std::ifstream("/sys/devices/system/clocksource/clocksource0/current_clocksource") >> name;
      return name == "tsc" || name == "kvm-clock" || name == "hyperv_clocksource_tsc_page";
    } catch (...) {  // NOLINT: no memory to ask
      return false;
    }
  }
};

constinit tick_clock<processor> by_ticks;

}  // namespace clock_source

std::chrono::nanoseconds steady_time() noexcept { return clock_source::by_ticks.elapsed(); }

#else

std::chrono::nanoseconds steady_time() noexcept { return std::chrono::steady_clock::now().time_since_epoch(); }

#endif

}  // namespace rulebus::inline v1::detail
