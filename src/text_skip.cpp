#include "rulebus/detail/text_skip.hpp"

#include <bit>
#include <cstddef>

#include "rulebus/detail/byte_block.hpp"
#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/json_tokens.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define RULEBUS_TEXT_SKIP_AVX512 gnu::target("avx512f,avx512bw,bmi,bmi2,popcnt")
#endif

namespace rulebus::inline v1::detail {

namespace text_skip {

// ---- containers

std::uint64_t odd(std::uint64_t bits) noexcept { return static_cast<std::uint64_t>(__builtin_parityll(bits)); }

// By hand, since on x86-64 as of old std::popcount is a call.
std::size_t count(std::uint64_t bits) noexcept {
  bits -= bits >> 1 & 0x5555555555555555;
  bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
  return static_cast<std::size_t>(((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
}

struct place {
  std::size_t open = 1;          // containers
  std::uint64_t in_string = 0;   // all bits: the next block begins in a string
  std::uint64_t is_escaped = 0;  // bit 0: its first byte is escaped
};

// The bracket, as a bit, that closes the last of the open containers; if there is none, counts how many are open behind it.
std::uint64_t find_closing(std::uint64_t opening, std::uint64_t closing, std::size_t& open) noexcept {
  std::uint64_t end = closing & -closing;
  if (open == 1 && end != 0 && (opening & (end - 1)) == 0) return end;  // simply the first
  const std::size_t closed = count(closing), opened = count(opening);
  end = open <= closed ? closing : 0;
  while (end != 0 && open + count(opening & ((end & -end) - 1)) != count(closing & ((end & -end) - 1)) + 1) end &= end - 1;
  if (end == 0) open += opened - closed;
  return end & -end;
}

// The bracket in this block, as a bit, that closes the container; 0: it goes on behind the block.
template <class Block>
[[gnu::always_inline]] inline std::uint64_t closing_bracket(const Block& block, place& at) noexcept {
  constexpr std::size_t bits = Block::bytes;
  std::uint64_t quotes = block.equal('"');
  if (at.is_escaped == 0 && !block.may_have_brackets_or_backslash()) {  // as most
    at.in_string ^= std::uint64_t{0} - odd(quotes);
    return 0;
  }
  if (at.is_escaped != 0 || block.has('\\')) quotes &= ~escaped_bytes<bits>(block.equal('\\'), at.is_escaped);
  const std::uint64_t opening = block.equal_bracket('{'), closing = block.equal_bracket('}');
  const std::uint64_t first = closing & -closing, before = first - 1;
  // Often the first closing bracket is it. Whether it is in a string takes no more than to count the quotes before it.
  if (first != 0 && at.open == 1 && (opening & before) == 0 && (at.in_string & 1U) == odd(quotes & before)) return first;
  const std::uint64_t inside = prefix_xor<bits>(quotes) ^ at.in_string;
  at.in_string = std::uint64_t{0} - (inside >> (bits - 1) & 1U);
  return find_closing(opening & ~inside, closing & ~inside, at.open);
}

const char* behind_container_by_byte(const char* p, const char* end, const place& at) noexcept {
  std::size_t open = at.open;
  bool in_string = at.in_string != 0, is_escaped = at.is_escaped != 0;
  for (; p != end; ++p) {
    const char c = *p;
    if (in_string) {
      if (!is_escaped && c == '"') in_string = false;
      is_escaped = !is_escaped && c == '\\';
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++open;
    if ((c == '}' || c == ']') && --open == 0) return p + 1;
  }
  return nullptr;
}

// Block by block while there are whole ones; true at the end of the container, when p is behind it.
template <class Block>
[[gnu::always_inline]] inline bool pass_blocks(const char*& p, const char* end, place& at, std::size_t most = SIZE_MAX) noexcept {
  for (; most != 0 && static_cast<std::size_t>(end - p) >= Block::bytes; p += Block::bytes, --most) {
    const std::uint64_t bracket = closing_bracket(Block(p), at);
    if (bracket != 0) return p += std::countr_zero(bracket) + 1, true;
  }
  return false;
}

// ---- members

const char* behind_blank(const char* p) noexcept {
  if (*p == ' ') [[unlikely]]
    ++p;
  return p;
}

// The quotes of a block are found at once, and which of them begins the next member follows from their order; what is between
// them is only looked at to see that it is so. If each step had to wait for what the one before has read, that would be most
// of the time.
template <class Block>
[[gnu::always_inline]] inline const char* pass_members(const char* p, const char* end_of_text, std::uint64_t wanted) noexcept {
  static_assert(Block::bytes == 64);
  for (const char* base = nullptr; p != base && end_of_text - p >= 80;) {
    base = p;
    const Block block(base);
    if (block.has('\\')) return p;
    for (std::uint64_t quotes = block.equal('"'); quotes != 0;) {
      const auto take = [base, &quotes] {
        const char* const quote = base + std::countr_zero(quotes);
        return quotes &= quotes - 1, quote;
      };
      const char* const key = take();
      if (is_wanted_key(key, wanted)) return key;
      if (quotes == 0) break;
      const char* end = take();
      if (end == key + 1 || end[1] != ':') return key;
      const char* const value = behind_blank(end + 2);
      if (*value == '"') {
        quotes &= quotes - 1;
        if (quotes == 0) break;
        end = take() + 1;
      } else {
        if (*value == '{' || *value == '[') return key;
        end = find_scalar_end(value, end_of_text);
        if (end_of_text - end < 3) return key;
      }
      if (*end != ',') return *end == '}' ? end : key;
      p = behind_blank(end + 1);
      if (*p != '"') return key;
    }
  }
  return p;
}

// ---- AVX-512

#ifdef RULEBUS_TEXT_SKIP_AVX512

// As byte_block. It keeps the place instead of the bytes, so that no such register passes through code for other processors.
class wide_block {
 public:
  static constexpr std::size_t bytes = 64;
  explicit wide_block(const char* p) noexcept : p_(p) {}
  [[RULEBUS_TEXT_SKIP_AVX512]] std::uint64_t equal(char c) const noexcept {
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p_), _mm512_set1_epi8(c));
  }
  [[RULEBUS_TEXT_SKIP_AVX512]] std::uint64_t equal_bracket(char c) const noexcept {
    const __m512i lower = _mm512_or_si512(_mm512_loadu_si512(p_), _mm512_set1_epi8(0x20));
    return _mm512_cmpeq_epi8_mask(lower, _mm512_set1_epi8(c));
  }
  [[RULEBUS_TEXT_SKIP_AVX512]] bool has(char c) const noexcept { return equal(c) != 0; }
  [[RULEBUS_TEXT_SKIP_AVX512]] bool may_have_brackets_or_backslash() const noexcept {
    const __m512i lower = _mm512_or_si512(_mm512_loadu_si512(p_), _mm512_set1_epi8(0x20));
    return _mm512_cmple_epu8_mask(_mm512_sub_epi8(lower, _mm512_set1_epi8('{')), _mm512_set1_epi8('}' - '{')) != 0;
  }

 private:
  const char* p_;
};

[[RULEBUS_TEXT_SKIP_AVX512]] const char* behind_container_wide(const char* p, const char* end) noexcept {
  place at;
  if (pass_blocks<wide_block>(p, end, at) || pass_blocks<some_bytes<16>>(p, end, at)) return p;
  return behind_container_by_byte(p, end, at);
}

[[RULEBUS_TEXT_SKIP_AVX512]] const char* behind_members_wide(const char* p, const char* end, std::uint64_t wanted) noexcept {
  return pass_members<wide_block>(p, end, wanted);
}

const bool is_wide = can_find_tokens_avx512();

#endif

}  // namespace text_skip

// The first block is a small one, since often little is left.
const char* portable::behind_container(const char* p, const char* end) noexcept {
  text_skip::place at;
  if (text_skip::pass_blocks<some_bytes<16>>(p, end, at, 1) || text_skip::pass_blocks<byte_block>(p, end, at) ||
      text_skip::pass_blocks<some_bytes<16>>(p, end, at)) {
    return p;
  }
  return text_skip::behind_container_by_byte(p, end, at);
}

const char* portable::behind_members(const char* p, const char* end, std::uint64_t first_bytes) noexcept {
  return text_skip::pass_members<byte_block>(p, end, first_bytes);
}

const char* behind_container(const char* p, const char* end) noexcept {
#ifdef RULEBUS_TEXT_SKIP_AVX512
  if (text_skip::is_wide) return text_skip::behind_container_wide(p, end);
#endif
  return portable::behind_container(p, end);
}

const char* behind_members(const char* p, const char* end, std::uint64_t first_bytes) noexcept {
#ifdef RULEBUS_TEXT_SKIP_AVX512
  if (text_skip::is_wide) return text_skip::behind_members_wide(p, end, first_bytes);
#endif
  return portable::behind_members(p, end, first_bytes);
}

#undef RULEBUS_TEXT_SKIP_AVX512

}  // namespace rulebus::inline v1::detail
