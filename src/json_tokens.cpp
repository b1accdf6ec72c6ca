#include "rulebus/detail/json_tokens.hpp"

#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include <array>

#include "rulebus/detail/byte_block.hpp"

#if !defined(__clang__) && __GNUC__ < 13
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // both are wrong about these intrinsics: gcc.gnu.org/PR105593
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#define RULEBUS_AVX512 gnu::target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt,pclmul")
#define RULEBUS_AVX512_PART RULEBUS_AVX512, gnu::always_inline
#endif

namespace rulebus::inline v1::detail {

#ifdef RULEBUS_AVX512

namespace json_tokens_source {

// What a byte is to a number; behind_zero is a digit's second bit.
enum number_part : std::uint8_t { digit = 1, point = 2, minus = 4, between = 8, letter = 16, behind_zero = 128 };

constexpr std::uint8_t part_of(char c) {
  if (c >= '0' && c <= '9') return digit | behind_zero;
  if (c == '.') return point;
  if (c == '-') return minus;
  return token_kind_of(c) == token_literal ? letter : between;
}

// The parts that cannot follow a byte in a plain number. What begins with a letter is no number, whatever follows.
constexpr std::uint8_t refused_behind(char c) {
  switch (part_of(c)) {
    case digit | behind_zero: return minus | letter | (c == '0' ? behind_zero : 0);
    case point:
    case minus: return point | minus | between | letter;
    default: return 0;
  }
}

// The same of the byte after the next: a digit behind a zero is refused only if the zero is the number's first digit.
constexpr std::uint8_t refused_two_behind(char c) {
  constexpr std::uint8_t others = 127;
  return (part_of(c) & (minus | between)) != 0 ? others | behind_zero : others;
}

/// A byte for each ASCII character. Others get any of these; it does not matter, since they are refused outside strings.
struct alignas(64) byte_table {
  std::array<std::uint8_t, 128> bytes{};
  template <class Map>
  constexpr explicit byte_table(Map map) {
    for (std::size_t c = 0; c < 128; ++c) bytes[c] = map(static_cast<char>(c));
  }
  [[RULEBUS_AVX512_PART]] __m512i operator[](__m512i characters) const noexcept {
    return _mm512_permutex2var_epi8(_mm512_load_si512(bytes.data()), characters, _mm512_load_si512(bytes.data() + 64));
  }
};

constexpr byte_table kinds(token_kind_of), parts(part_of), behind(refused_behind), two_behind(refused_two_behind);
constexpr byte_table ascending([](char c) { return static_cast<std::uint8_t>(c); });

/// Finds out, from block to block, whether all numbers are plain.
class number_check {
 public:
  [[RULEBUS_AVX512_PART]] number_check() noexcept : last_block_(_mm512_setzero_si512()) {}

  /// `first` are the bytes that begin a number or literal, `outside` those outside strings.
  [[RULEBUS_AVX512_PART]] void add(__m512i bytes, std::uint64_t first, std::uint64_t outside) noexcept {
    // The byte before each, and the one before that: shifted within quarters, whose first bytes come from `moved`.
    const __m512i moved = _mm512_alignr_epi64(bytes, last_block_, 6);
    const __m512i one = _mm512_alignr_epi8(bytes, moved, 15), two = _mm512_alignr_epi8(bytes, moved, 14);
    last_block_ = bytes;
    const __m512i part = parts[bytes];
    const std::uint64_t refused = _mm512_test_epi8_mask(_mm512_and_si512(behind[one], two_behind[two]), part);
    // Behind a point must come the beginning of the next number before the next point.
    const std::uint64_t points = _mm512_test_epi8_mask(part, _mm512_set1_epi8(point)) & outside;
    const std::uint64_t in_order = _pext_u64(points, first | points);
    const std::uint64_t twice = in_order & (in_order << 1 | behind_point_);
    if ((first | points) != 0) behind_point_ = points > first ? 1 : 0;
    unusual_ |= (refused & outside) | twice;
  }
  bool are_plain() const noexcept { return unusual_ == 0; }

 private:
  __m512i last_block_;
  std::uint64_t behind_point_ = 0;  // bit 0: the number that was last seen to begin has had its point
  std::uint64_t unusual_ = 0;
};

class finder {
 public:
  [[RULEBUS_AVX512_PART]] finder() noexcept {}  // NOLINT(modernize-use-equals-default): needs the attribute

  [[RULEBUS_AVX512_PART]] bool run(std::string_view text, token_rows& out) noexcept {
    const auto size = static_cast<std::uint32_t>(text.size());
    std::uint32_t at = 0;
    for (; size - at >= 64; at += 64) add(_mm512_loadu_si512(text.data() + at), at, out);
    if (const __mmask64 rest = _bzhi_u64(~std::uint64_t{0}, size - at); rest != 0) {
      add(_mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), rest, text.data() + at), at, out);
    }
    out.offsets[out.count] = size;
    _mm512_storeu_si512(out.kinds + out.count, _mm512_setzero_si512());
    out.has_plain_numbers = numbers_.are_plain();
    return in_string_ == 0 && !is_invalid_;
  }

 private:
  [[RULEBUS_AVX512_PART]] void add(__m512i bytes, std::uint32_t at, token_rows& out) noexcept {
    const __m512i kind = kinds[bytes];
    std::uint64_t quotes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
    const std::uint64_t backslashes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\'));
    if ((backslashes | first_is_escaped_) != 0) [[unlikely]] {
      out.has_escapes = true;
      quotes &= ~escaped_bytes(backslashes, first_is_escaped_);
    }
    const std::uint64_t inside = prefix(quotes) ^ in_string_;
    in_string_ = std::uint64_t{0} - (inside >> 63);
    const std::uint64_t low = _mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(' '));  // as signed numbers
    if (low != 0) [[unlikely]] {
      const std::uint64_t other = _mm512_movepi8_mask(bytes);
      out.has_other_than_ascii |= other != 0;
      is_invalid_ |= ((low & ~other & inside) | (other & ~inside)) != 0;
    }
    std::uint64_t outside = ~(inside | quotes);

    const std::uint64_t scalars = _mm512_movepi8_mask(kind) & outside;
    const std::uint64_t first = scalars & ~(scalars << 1 | in_scalar_);
    in_scalar_ = scalars >> 63;
    const std::uint64_t structure = _mm512_test_epi8_mask(kind, _mm512_set1_epi8(token_colon)) & outside;
    write(structure | first | (quotes & inside), kind, at, out);
    numbers_.add(bytes, first, outside);
  }

  [[RULEBUS_AVX512_PART]] static void write(std::uint64_t tokens, __m512i kind, std::uint32_t at, token_rows& out) noexcept {
    _mm512_storeu_si512(out.kinds + out.count, _mm512_maskz_compress_epi8(tokens, kind));
    const __m512i places = _mm512_maskz_compress_epi8(tokens, _mm512_load_si512(ascending.bytes.data()));
    const __m512i base = _mm512_set1_epi32(static_cast<int>(at));
    std::uint32_t* const to = out.offsets + out.count;
    const auto count = static_cast<std::uint32_t>(_mm_popcnt_u64(tokens));
    out.count += count;
    // Sixteen a store. More than 32 are too rare, and more than 16 too common, to ask for anything else.
    _mm512_storeu_si512(to, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(places))));
    _mm512_storeu_si512(to + 16, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(places, 1))));
    if (count <= 32) return;
    _mm512_storeu_si512(to + 32, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(places, 2))));
    _mm512_storeu_si512(to + 48, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(places, 3))));
  }

  // prefix_xor as a multiplication without carries
  [[RULEBUS_AVX512_PART]] static std::uint64_t prefix(std::uint64_t bits) noexcept {
    const __m128i factor = _mm_cvtsi64_si128(static_cast<long long>(bits));
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(factor, _mm_set1_epi8(-1), 0)));
  }

  // What one block hands on to the next.
  std::uint64_t in_string_ = 0;         // all bits: it begins in a string
  std::uint64_t in_scalar_ = 0;         // bit 0: it begins behind a byte of a number or literal
  std::uint64_t first_is_escaped_ = 0;  // bit 0
  bool is_invalid_ = false;
  number_check numbers_;
};

}  // namespace json_tokens_source

bool can_find_tokens_avx512() noexcept {
  static const bool can = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
                          __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("pclmul");
  return can;
}

[[RULEBUS_AVX512]] bool find_tokens_avx512(std::string_view text, token_rows& out) noexcept {
  token_rows rows{out.offsets, out.kinds};
  json_tokens_source::finder finder;
  const bool found = finder.run(text, rows);
  out = rows;
  return found;
}

namespace json_tokens_source {

[[RULEBUS_AVX512]] bool same_kinds_avx512(const std::uint8_t* a, const std::uint8_t* b, std::uint32_t count) noexcept {
  __mmask64 different = 0;
  for (std::uint32_t i = 0; i < count; i += 64) {
    different |= _mm512_cmpneq_epi8_mask(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
  }
  return different == 0;
}

const bool has_avx512 = can_find_tokens_avx512();

}  // namespace json_tokens_source

bool same_kinds(const std::uint8_t* a, const std::uint8_t* b, std::uint32_t count) noexcept {
  if (json_tokens_source::has_avx512) return json_tokens_source::same_kinds_avx512(a, b, count);
  return std::memcmp(a, b, count) == 0;
}

#undef RULEBUS_AVX512_PART
#undef RULEBUS_AVX512
#if !defined(__clang__) && __GNUC__ < 13
#pragma GCC diagnostic pop
#endif

#else

bool can_find_tokens_avx512() noexcept { return false; }
bool find_tokens_avx512(std::string_view, token_rows&) noexcept { return false; }
bool same_kinds(const std::uint8_t* a, const std::uint8_t* b, std::uint32_t count) noexcept {
  return std::memcmp(a, b, count) == 0;
}

#endif

}  // namespace rulebus::inline v1::detail
