#include "rulebus/detail/json_tokens.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include <array>
#include <cstring>

#include "rulebus/detail/byte_block.hpp"

#define RULEBUS_AVX2 gnu::target("avx2,bmi,bmi2,popcnt,pclmul")
#define RULEBUS_AVX2_PART RULEBUS_AVX2, gnu::always_inline
#endif

namespace rulebus::inline v1::detail {

#ifdef RULEBUS_AVX2

namespace json_tokens_avx2_source {

// What a byte can be, a bit for each. A byte is in a class when both its halves are, so that two look-ups in 16 bytes find all
// classes; the structural characters and white space take several bits for that.
enum byte_class : std::uint8_t {
  bracket = 1,
  comma = 2,
  colon = 4,
  structure = bracket | comma | colon,
  space = 8,
  other_space = 16,
  between = structure | space | other_space,
  digit = 32,
  point = 64,
  minus = 128,
};

constexpr std::uint8_t classes_by_high_half(std::size_t high) {
  constexpr std::array<std::uint8_t, 8> classes = {other_space, 0,      space | comma | point | minus, digit | colon, 0, bracket,
                                                   0,           bracket};
  return high < classes.size() ? classes[high] : std::uint8_t{0};
}

constexpr std::uint8_t classes_by_low_half(std::size_t low) {
  const auto is = [low](std::size_t c) { return low == c % 16; };
  std::uint8_t out = low < 10 ? digit : 0;
  if (is('[') || is(']')) out |= bracket;
  if (is(',')) out |= comma;
  if (is(':')) out |= colon;
  if (is(' ')) out |= space;
  if (is('\t') || is('\n') || is('\r')) out |= other_space;
  if (is('.')) out |= point;
  if (is('-')) out |= minus;
  return out;
}

/// A byte for each half of a byte, in both halves of a register.
struct alignas(32) half_table {
  std::array<std::uint8_t, 32> bytes{};
  template <class Map>
  constexpr explicit half_table(Map map) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = map(i % 16);
  }
  [[RULEBUS_AVX2_PART]] __m256i operator[](__m256i halves) const noexcept {
    return _mm256_shuffle_epi8(_mm256_load_si256(reinterpret_cast<const __m256i*>(bytes.data())), halves);
  }
};

constexpr half_table by_high_half(classes_by_high_half), by_low_half(classes_by_low_half);

constexpr auto kinds = [] {
  std::array<std::uint8_t, 256> out{};
  for (std::size_t c = 0; c < out.size(); ++c) out[c] = token_kind_of(static_cast<char>(c));
  return out;
}();

[[RULEBUS_AVX2_PART]] inline std::uint64_t mask(__m256i low, __m256i high) noexcept {
  const auto bits = [](int half) { return std::uint64_t{static_cast<std::uint32_t>(half)}; };
  return bits(_mm256_movemask_epi8(low)) | bits(_mm256_movemask_epi8(high)) << 32;
}

/// 64 bytes as masks.
struct block {
  __m256i low, high, low_classes, high_classes;

  [[RULEBUS_AVX2_PART]] explicit block(const char* p) noexcept
      : low(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))),
        high(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))),
        low_classes(classes_of(low)),
        high_classes(classes_of(high)) {}

  /// Which are c.
  [[RULEBUS_AVX2_PART]] std::uint64_t equal(char c) const noexcept {
    const __m256i wanted = _mm256_set1_epi8(c);
    return mask(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
  }
  /// Which are less than c, as signed numbers.
  [[RULEBUS_AVX2_PART]] std::uint64_t less(char c) const noexcept {
    const __m256i limit = _mm256_set1_epi8(c);
    return mask(_mm256_cmpgt_epi8(limit, low), _mm256_cmpgt_epi8(limit, high));
  }
  [[RULEBUS_AVX2_PART]] std::uint64_t other_than_ascii() const noexcept { return mask(low, high); }
  /// Which are in some of these classes, of which bit 7 is none.
  [[RULEBUS_AVX2_PART]] std::uint64_t any_of(byte_class wanted) const noexcept {
    const __m256i bits = _mm256_set1_epi8(static_cast<char>(wanted)), none = _mm256_setzero_si256();
    return mask(_mm256_cmpgt_epi8(_mm256_and_si256(low_classes, bits), none),
                _mm256_cmpgt_epi8(_mm256_and_si256(high_classes, bits), none));
  }
  /// Which are in the class that has bit 7 - Shift.
  template <int Shift>
  [[RULEBUS_AVX2_PART]] std::uint64_t in_class() const noexcept {
    return mask(_mm256_slli_epi16(low_classes, Shift), _mm256_slli_epi16(high_classes, Shift));
  }

 private:
  [[RULEBUS_AVX2_PART]] static __m256i classes_of(__m256i bytes) noexcept {
    const __m256i high_halves = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
    return _mm256_and_si256(by_high_half[high_halves], by_low_half[bytes]);
  }
};

/// The bits of one block after the other, each moved to the next place.
class moved_on {
 public:
  std::uint64_t operator()(std::uint64_t bits) noexcept {
    const std::uint64_t out = bits << 1 | last_;
    last_ = bits >> 63;
    return out;
  }

 private:
  std::uint64_t last_ = 0;
};

/// Finds out, from block to block, whether all numbers are plain. What begins with a letter is no number, whatever follows; where
/// such a token holds what no literal has, the answer may be that they are not.
class number_check {
 public:
  /// `scalars` are the bytes of numbers and literals, `first` those that begin one.
  [[RULEBUS_AVX2_PART]] void add(const block& b, std::uint64_t first, std::uint64_t scalars) noexcept {
    const std::uint64_t digits = b.in_class<2>() & scalars, points = b.in_class<1>() & scalars;
    const std::uint64_t minuses = b.in_class<0>() & scalars, letters = scalars & ~(digits | points | minuses);
    const std::uint64_t behind_digit = behind_digit_(digits), behind_point = behind_point_(points);
    const std::uint64_t behind_minus = behind_minus_(minuses);
    std::uint64_t unusual = (letters & (behind_digit | behind_point | behind_minus)) | (minuses & ~first);
    unusual |= (points & ~behind_digit) | ((behind_point | behind_minus) & ~digits);

    const std::uint64_t first_zeros = b.equal('0') & digits & ~(behind_digit | behind_point);
    unusual |= digits & behind_first_zero_(first_zeros);

    // A sum carries the first digit behind a point to the end of the digits: no second point may be there.
    unsigned long long ends = 0;
    const std::uint64_t fractions = (behind_point & digits) | fraction_goes_on_;
    fraction_goes_on_ = __builtin_uaddll_overflow(digits, fractions, &ends) ? 1 : 0;
    unusual_ |= unusual | (ends & ~digits & points);
  }
  bool are_plain() const noexcept { return unusual_ == 0; }

 private:
  moved_on behind_digit_, behind_point_, behind_minus_, behind_first_zero_;
  std::uint64_t fraction_goes_on_ = 0;  // bit 0
  std::uint64_t unusual_ = 0;
};

class finder {
 public:
  [[RULEBUS_AVX2_PART]] bool run(std::string_view text, token_rows& out) noexcept {
    const auto size = static_cast<std::uint32_t>(text.size());
    std::uint32_t at = 0;
    for (; size - at >= 64; at += 64) add(text.data() + at, at, out);
    if (at != size) {
      char rest[64];
      std::memset(rest, ' ', sizeof rest);
      std::memcpy(rest, text.data() + at, size - at);
      add(rest, at, out);
    }
    out.offsets[out.count] = size;
    std::memset(out.kinds + out.count, 0, 64);
    out.has_plain_numbers = numbers_.are_plain();
    return in_string_ == 0 && !is_invalid_;
  }

 private:
  [[RULEBUS_AVX2_PART]] void add(const char* p, std::uint32_t at, token_rows& out) noexcept {
    const block b(p);
    const std::uint64_t quote_bytes = b.equal('"'), backslashes = b.equal('\\');
    std::uint64_t quotes = quote_bytes;
    if ((backslashes | first_is_escaped_) != 0) [[unlikely]] {
      out.has_escapes = true;
      quotes &= ~escaped_bytes(backslashes, first_is_escaped_);
    }
    const std::uint64_t inside = prefix(quotes) ^ in_string_;
    in_string_ = std::uint64_t{0} - (inside >> 63);
    if (const std::uint64_t low = b.less(' '); low != 0) [[unlikely]] {
      const std::uint64_t other = b.other_than_ascii();
      out.has_other_than_ascii |= other != 0;
      is_invalid_ |= ((low & ~other & inside) | (other & ~inside)) != 0;
    }
    const std::uint64_t outside = ~(inside | quotes);
    const std::uint64_t scalars = outside & ~(b.any_of(between) | quote_bytes);
    const std::uint64_t first = scalars & ~behind_scalar_(scalars);
    write((b.any_of(structure) & outside) | first | (quotes & inside), b, at, out);
    numbers_.add(b, first, scalars);
  }

  [[RULEBUS_AVX2_PART]] static void write(std::uint64_t tokens, const block& b, std::uint32_t at, token_rows& out) noexcept {
    // Behind the last token there are some of offset 64, which count for nothing.
    alignas(32) char bytes[65];
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), b.low);
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes + 32), b.high);
    bytes[64] = ' ';
    std::uint32_t* const offsets = out.offsets + out.count;
    std::uint8_t* const to = out.kinds + out.count;
    const auto count = static_cast<std::uint32_t>(_mm_popcnt_u64(tokens));
    out.count += count;
    for (std::uint32_t i = 0; i < count; i += 8) {
      for (std::uint32_t k = i; k < i + 8; ++k) {
        const std::size_t place = _tzcnt_u64(tokens);
        tokens = _blsr_u64(tokens);
        offsets[k] = at + static_cast<std::uint32_t>(place);
        to[k] = kinds[static_cast<unsigned char>(bytes[place])];
      }
    }
  }

  // prefix_xor as a multiplication without carries
  [[RULEBUS_AVX2_PART]] static std::uint64_t prefix(std::uint64_t bits) noexcept {
    const __m128i factor = _mm_cvtsi64_si128(static_cast<long long>(bits));
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(factor, _mm_set1_epi8(-1), 0)));
  }

  // What one block hands on to the next.
  std::uint64_t in_string_ = 0;  // all bits: it begins in a string
  moved_on behind_scalar_;
  std::uint64_t first_is_escaped_ = 0;  // bit 0
  bool is_invalid_ = false;
  number_check numbers_;
};

}  // namespace json_tokens_avx2_source

bool can_find_tokens_avx2() noexcept {
  static const bool can = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                          __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul");
  return can;
}

[[RULEBUS_AVX2]] bool find_tokens_avx2(std::string_view text, token_rows& out) noexcept {
  token_rows rows{out.offsets, out.kinds};
  json_tokens_avx2_source::finder finder;
  const bool found = finder.run(text, rows);
  out = rows;
  return found;
}

#undef RULEBUS_AVX2_PART
#undef RULEBUS_AVX2

#else

bool can_find_tokens_avx2() noexcept { return false; }
bool find_tokens_avx2(std::string_view, token_rows&) noexcept { return false; }

#endif

}  // namespace rulebus::inline v1::detail
