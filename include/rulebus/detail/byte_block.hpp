// byte_block: 64 bytes (or fewer) at once as 64-bit masks: bit i answers a question about byte i.
//
// With SSE2, which every x86-64 has; a plain loop elsewhere. The constructor reads exactly so many bytes, nothing else reads
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace rulebus::inline v1::detail {

#if defined(__SSE2__)

template <std::size_t Bytes>
class some_bytes {
  static constexpr std::size_t parts = Bytes / 16;

 public:
  static constexpr std::size_t bytes = Bytes;
  explicit some_bytes(const char* p) noexcept {
    for (std::size_t i = 0; i < parts; ++i) part_[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + i);
  }
  /// Which bytes are c.
  std::uint64_t equal(char c) const noexcept {
    const __m128i wanted = _mm_set1_epi8(c);
    return mask([wanted](__m128i v) { return _mm_cmpeq_epi8(v, wanted); });
  }
  /// Which bytes are c once bit 5 is set: '{' finds both kinds of opening bracket, '}' both of closing.
  std::uint64_t equal_bracket(char c) const noexcept {
    const __m128i wanted = _mm_set1_epi8(c), bit = _mm_set1_epi8(0x20);
    return mask([wanted, bit](__m128i v) { return _mm_cmpeq_epi8(_mm_or_si128(v, bit), wanted); });
  }
  /// Which bytes are at most c, without a sign.
  std::uint64_t at_most(char c) const noexcept {
    const __m128i most = _mm_set1_epi8(c);
    return mask([most](__m128i v) { return _mm_cmpeq_epi8(_mm_min_epu8(v, most), v); });
  }
  /// Whether some byte is c.
  bool has(char c) const noexcept {
    const __m128i wanted = _mm_set1_epi8(c);
    return any([wanted](__m128i v) { return _mm_cmpeq_epi8(v, wanted); });
  }
  /// False: no byte is a bracket or a backslash. True: nearly certainly one is ('|' counts as well).
  bool may_have_brackets_or_backslash() const noexcept {
    // With bit 5 set they are the three from '{' to '}'.
    const __m128i bit = _mm_set1_epi8(0x20), first = _mm_set1_epi8('{'), last = _mm_set1_epi8('}' - '{');
    return any([=](__m128i v) {
      const __m128i behind_first = _mm_sub_epi8(_mm_or_si128(v, bit), first);
      return _mm_cmpeq_epi8(_mm_min_epu8(behind_first, last), behind_first);
    });
  }

 private:
  template <class Compare>
  bool any(Compare compare) const noexcept {
    __m128i out = compare(part_[0]);
    for (std::size_t i = 1; i < parts; ++i) out = _mm_or_si128(out, compare(part_[i]));
    return _mm_movemask_epi8(out) != 0;
  }
  template <class Compare>
  std::uint64_t mask(Compare compare) const noexcept {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < parts; ++i) {
      out |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(compare(part_[i])))} << 16 * i;
    }
    return out;
  }
  __m128i part_[parts];
};

#else

template <std::size_t Bytes>
class some_bytes {
 public:
  static constexpr std::size_t bytes = Bytes;
  explicit some_bytes(const char* p) noexcept { std::memcpy(bytes_, p, sizeof bytes_); }
  std::uint64_t equal(char c) const noexcept {
    return mask([c](char b) { return b == c; });
  }
  std::uint64_t equal_bracket(char c) const noexcept {
    return mask([c](char b) { return (b | ' ') == c; });
  }
  std::uint64_t at_most(char c) const noexcept {
    return mask([c](char b) { return static_cast<unsigned char>(b) <= static_cast<unsigned char>(c); });
  }
  bool has(char c) const noexcept { return equal(c) != 0; }
  bool may_have_brackets_or_backslash() const noexcept { return (equal_bracket('{') | equal_bracket('}') | equal('\\')) != 0; }

 private:
  template <class Test>
  std::uint64_t mask(Test test) const noexcept {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < Bytes; ++i) out |= static_cast<std::uint64_t>(test(bytes_[i]) ? 1 : 0) << i;
    return out;
  }
  char bytes_[Bytes];
};

#endif

using byte_block = some_bytes<64>;

/// Bit i: an odd number of the bits 0 to i are set. Of quotes: from the opening one up to, not including, the closing one.
template <std::size_t Bits = 64>
std::uint64_t prefix_xor(std::uint64_t bits) noexcept {
  for (std::size_t shift = 1; shift < Bits; shift *= 2) bits ^= bits << shift;
  return bits;
}

/// The bytes that a backslash escapes; `first` is bit 0 of that for this block, and becomes it for the next.
template <std::size_t Bits = 64>
std::uint64_t escaped_bytes(std::uint64_t backslashes, std::uint64_t& first) noexcept {
  std::uint64_t out = first;
  backslashes &= ~first;
  first = 0;
  while (backslashes != 0) {
    const std::uint64_t lowest = backslashes & -backslashes, next = lowest << 1;
    if (lowest >> (Bits - 1) != 0) first = 1;
    out |= next;
    backslashes &= ~(lowest | next);
  }
  return out;
}

}  // namespace rulebus::inline v1::detail
