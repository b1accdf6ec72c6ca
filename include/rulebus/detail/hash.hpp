// A 64-bit hash of short byte strings, for look-ups inside the matcher.
//
// Every input byte reaches every output bit through one 64x64->128 multiplication per 16 bytes, folded. Not for
// cryptography; look-ups compare the bytes, so a collision costs time, never a wrong answer.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace rulebus::inline v1::detail {

inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class Word>
std::uint64_t load(const char* p) noexcept {
  Word w;
  std::memcpy(&w, p, sizeof w);
  return w;
}

/// The bytes at p as a number, the first one lowest.
template <class Word>
std::uint64_t load_little(const char* p) noexcept {
  if constexpr (std::endian::native == std::endian::little) return load<Word>(p);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < sizeof(Word); ++i) word |= load<unsigned char>(p + i) << 8 * i;
  return word;
}
inline std::uint64_t load_word(const char* p) noexcept { return load_little<std::uint64_t>(p); }

/// The first eight bytes of a string likewise, with zeros if it is shorter.
inline std::uint64_t first_word(std::string_view bytes) noexcept {
  const char* const p = bytes.data();
  const std::size_t n = bytes.size();
  if (n >= 8) return load_word(p);
  // Reads that may overlap.
  if (n >= 4) return load_little<std::uint32_t>(p) | load_little<std::uint32_t>(p + n - 4) << 8 * (n - 4);
  if (n == 0) return 0;
  return load<unsigned char>(p) | load<unsigned char>(p + n / 2) << 8 * (n / 2) | load<unsigned char>(p + n - 1) << 8 * (n - 1);
}

/// Bytes as they are. Another such map stands for a string that was mapped byte by byte, zeros to zeros, and need not be written
/// down for it.
struct as_written {
  std::uint64_t operator()(std::uint64_t bytes) const noexcept { return bytes; }
};

/// a == map(b), for short strings that are expected to be equal: without a call.
template <class Map = as_written>
[[gnu::always_inline]] inline bool same_bytes(std::string_view a, std::string_view b, Map map = {}) noexcept {
  if (a.size() != b.size()) return false;
  const char *p = a.data(), *q = b.data();
  std::size_t n = a.size();
  for (; n > 8; n -= 8, p += 8, q += 8) {
    if (load<std::uint64_t>(p) != map(load<std::uint64_t>(q))) return false;
  }
  if (n >= 4) {  // the first and the last four, which may overlap
    return load<std::uint32_t>(p) == map(load<std::uint32_t>(q)) &&
           load<std::uint32_t>(p + n - 4) == map(load<std::uint32_t>(q + n - 4));
  }
  for (; n != 0; --n) {
    if (load<unsigned char>(p++) != map(load<unsigned char>(q++))) return false;
  }
  return true;
}

/// The hash of map(bytes).
template <class Map = as_written>
[[gnu::always_inline]] inline std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed, Map map = {}) noexcept {
  constexpr std::uint64_t odd_a = 0x9e3779b97f4a7c15, odd_b = 0xd1b54a32d192ed03, odd_c = 0x8cb92ba72f3d8dd7;
  const char* p = bytes.data();
  std::size_t n = bytes.size();
  std::uint64_t state = seed ^ odd_a;
  while (n > 16) {
    state = fold_multiply(map(load<std::uint64_t>(p)) ^ odd_b ^ state, map(load<std::uint64_t>(p + 8)) ^ odd_c);
    p += 16;
    n -= 16;
  }
  // The last 1 to 16 bytes, read as two words that may overlap.
  std::uint64_t low = 0, high = 0;
  if (n >= 8) {
    low = load<std::uint64_t>(p);
    high = load<std::uint64_t>(p + n - 8);
  } else if (n >= 4) {
    low = load<std::uint32_t>(p);
    high = load<std::uint32_t>(p + n - 4);
  } else if (n > 0) {
    low = static_cast<unsigned char>(p[0]) | load<unsigned char>(p + n / 2) << 8;
    high = static_cast<unsigned char>(p[n - 1]);
  }
  state = fold_multiply(map(low) ^ odd_b ^ state, map(high) ^ odd_c ^ bytes.size());
  return fold_multiply(state ^ odd_a, odd_c);
}

}  // namespace rulebus::inline v1::detail
