#include "rulebus/detail/json_tokens.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "random_source.hpp"
#include "rulebus/detail/json_text.hpp"
#include "support/json_text.hpp"

using namespace rulebus;

namespace {

struct first_stage {
  std::string name;
  bool (*can)() noexcept;
  bool (*find)(std::string_view, detail::token_rows&) noexcept;
};

/// Those that this processor can run.
std::vector<first_stage> stages() {
  std::vector<first_stage> out;
  for (const first_stage& s : {first_stage{"AVX-512", detail::can_find_tokens_avx512, detail::find_tokens_avx512},
                               first_stage{"AVX2", detail::can_find_tokens_avx2, detail::find_tokens_avx2}}) {
    if (s.can()) {
      out.push_back(s);
    } else {
      MESSAGE("not tested here: this processor has no " << s.name);
    }
  }
  return out;
}

struct found_tokens {
  bool valid = false;
  std::vector<std::uint32_t> offsets{};
  std::vector<int> kinds{};
  bool escapes = false, other = false, plain_numbers = false;
};

found_tokens fast(const first_stage& stage, std::string_view text) {
  const tests::exact_text exact(text);
  const std::unique_ptr<std::uint32_t[]> offsets(new std::uint32_t[detail::token_room(text.size())]);
  const std::unique_ptr<std::uint8_t[]> kinds(new std::uint8_t[detail::token_room(text.size())]);
  detail::token_rows rows;
  rows.offsets = offsets.get(), rows.kinds = kinds.get();
  found_tokens out;
  out.valid = stage.find(exact.view(), rows);
  out.offsets.assign(rows.offsets, rows.offsets + rows.count);
  out.kinds.assign(rows.kinds, rows.kinds + rows.count);
  out.escapes = rows.has_escapes, out.other = rows.has_other_than_ascii, out.plain_numbers = rows.has_plain_numbers;
  if (rows.offsets[rows.count] != text.size()) out.offsets.clear();
  if (std::any_of(rows.kinds + rows.count, rows.kinds + rows.count + 64, [](int k) { return k != 0; })) out.kinds.clear();
  return out;
}

// The same, byte by byte. A backslash escapes the byte behind it wherever it is, and an escaped quote outside strings is
// nothing; that text is not valid, for its backslash.
found_tokens slow(std::string_view text) {
  found_tokens out;
  out.valid = true;
  bool in_string = false, in_scalar = false, is_escaped = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool quote = c == '"' && !is_escaped, other = static_cast<unsigned char>(c) >= 0x80;
    const bool control = static_cast<unsigned char>(c) < 0x20;
    out.other |= other;
    out.escapes |= c == '\\';
    is_escaped = c == '\\' && !is_escaped;
    if (in_string) {
      if (quote) in_string = false;
      if (control) out.valid = false;
      continue;
    }
    if (other) out.valid = false;
    in_string = quote;
    if (c == '"' && !quote) {
      in_scalar = false;
      continue;
    }
    const std::string_view structure = "{}[],:";
    const int structure_kinds[] = {detail::token_open_object, detail::token_close_object, detail::token_open_array,
                                   detail::token_close_array, detail::token_comma,        detail::token_colon};
    int kind = detail::is_digit(c) || c == '-' ? detail::token_number : detail::token_literal;
    const bool goes_on = in_scalar;
    in_scalar = false;
    if (detail::is_json_space(c)) continue;
    if (const std::size_t at = structure.find(c); at != std::string_view::npos) {
      kind = structure_kinds[at];
    } else if (quote) {
      kind = detail::token_string;
    } else {
      in_scalar = true;
      if (goes_on) continue;
    }
    out.offsets.push_back(static_cast<std::uint32_t>(i));
    out.kinds.push_back(kind);
  }
  out.valid &= !in_string;
  return out;
}

void compare(const first_stage& stage, std::string_view text) {
  CAPTURE(stage.name);
  CAPTURE(text);
  const found_tokens a = fast(stage, text), b = slow(text);
  REQUIRE(a.valid == b.valid);
  if (!b.valid) return;
  REQUIRE(a.offsets == b.offsets);
  REQUIRE(a.kinds == b.kinds);
  REQUIRE(a.escapes == b.escapes);
  REQUIRE(a.other == b.other);
}

}  // namespace

TEST_CASE("json_tokens: what a loop over the bytes finds, on random bytes of JSON") {
  const std::vector<first_stage> all = stages();
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  const std::string_view bytes = "{}[],:\"\"\"\\\\ \n\t0159-+.eEtrufalsn\x01\x1f\x7f\x80\xa2\xc3\xdc\xfb\xff";
  int valid = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string text;
    for (auto n = random() % (i % 2 == 0 ? 12 : 300); n > 0; --n) text += bytes[random() % (i % 3 == 0 ? bytes.size() : 34)];
    if (random() % 2 == 0) text += '"';
    for (const first_stage& stage : all) compare(stage, text);
    valid += slow(text).valid ? 1 : 0;
  }
  CHECK(valid > 1000);
}

TEST_CASE("json_tokens: what a loop over the bytes finds, on objects, wherever they begin and with any byte changed") {
  const std::vector<first_stage> all = stages();
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20000; ++i) {
    std::string text = std::string(random() % 70, ' ') + tests::random_object(random, 3);
    for (const first_stage& stage : all) compare(stage, text);
    text[random() % text.size()] = static_cast<char>(random() % 256);
    for (const first_stage& stage : all) compare(stage, text);
  }
}

TEST_CASE("json_tokens: as many tokens as bytes") {
  for (const first_stage& stage : stages()) {
    for (std::size_t size = 0; size < 200; ++size) compare(stage, std::string(size, '['));
    compare(stage, std::string(1000, '['));
  }
}

TEST_CASE("json_tokens: numbers are plain exactly when each is a number without an exponent") {
  const std::vector<first_stage> all = stages();
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  const std::string_view bytes = "001259--..eE+t";
  int plain = 0, wrong = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string text = "{\"" + std::string(random() % 70, 'k') + "\":[";
    bool all_plain = true, all_numbers = true;
    for (auto n = 1 + random() % 4; n > 0; --n) {
      std::string item;
      switch (random() % 5) {
        case 2:  // longer than what is looked at at once
          item = std::string(1 + random() % 150, static_cast<char>('0' + random() % 3));
          for (auto k = random() % 3; k > 0; --k) item.insert(random() % item.size(), 1, '.');
          break;
        case 0: item = std::to_string(random() % 100000); break;
        case 1: item = '-' + std::to_string(random() % 100) + '.' + std::to_string(random()); break;
        default:
          for (auto k = 1 + random() % 5; k > 0; --k) item += bytes[random() % bytes.size()];
      }
      const char* const end = item.data() + item.size();
      const bool is_number = detail::number_end(item.data(), end) == end;
      all_numbers &= is_number;
      // What does not begin like a number is a literal. It may hide no number, but need not be right itself.
      if (detail::begins_number(item[0])) all_plain &= is_number && item.find_first_of("eE") == std::string::npos;
      text += item + (random() % 4 == 0 ? " " : "") + (n > 1 ? "," : "");
    }
    text += random() % 2 == 0 ? "]}" : "],\"more\":\"1.2.3 -- .5 01\"}";
    CAPTURE(text);
    for (const first_stage& stage : all) {
      CAPTURE(stage.name);
      if (const bool said = fast(stage, text).plain_numbers; said || all_numbers) REQUIRE(said == all_plain);
    }
    ++(all_plain && all_numbers ? plain : wrong);
  }
  CHECK(plain > 10000);
  CHECK(wrong > 10000);
}

TEST_CASE("json_tokens: rows of kinds are equal when all of them are") {
  std::mt19937_64 random(34);
  for (std::uint32_t count = 1; count < 200; ++count) {
    std::vector<std::uint8_t> a(count + 64, 0);
    std::generate_n(a.begin(), count, [&] { return static_cast<std::uint8_t>(random()); });
    std::vector<std::uint8_t> b = a;
    CHECK(detail::same_kinds(a.data(), b.data(), count));
    b[random() % count] ^= 1;
    CHECK_FALSE(detail::same_kinds(a.data(), b.data(), count));
  }
}
