// random_source: small reproducible random numbers (splitmix64, public domain algorithm by Sebastiano Vigna), the same on
// every platform, and the seed and case count that a test run was asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace tests {

class random_source {
 public:
  explicit random_source(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  bool percent(std::size_t p) { return below(100) < p; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

 private:
  std::uint64_t state_;
};

inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

/// RULEBUS_SEED, or a new one. Every test that uses it prints it.
inline std::uint64_t seed() {
  std::random_device device;
  return number_from_environment("RULEBUS_SEED", device() * (std::uint64_t{1} << 32) + device());
}

// How much slower this build is than a release build, roughly: random tests do so many times fewer cases by default.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::uint64_t build_slowness = 20;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr std::uint64_t build_slowness = 20;
#else
inline constexpr std::uint64_t build_slowness = 1;
#endif
#elif !defined(__OPTIMIZE__)
inline constexpr std::uint64_t build_slowness = 5;
#else
inline constexpr std::uint64_t build_slowness = 1;
#endif

}  // namespace tests
