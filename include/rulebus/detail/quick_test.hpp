// quick_test: the first eight bytes of a condition on strings, kept where a leaf can be compared with them without a call.
//
// Made for `{"anything-but": "x"}` and its kin, which cannot be looked up: each is asked of every leaf at its path, and nearly
// always the first eight bytes are the whole answer. Of a wildcard they are those before its first star, or behind its last.
//
// Thread safety: immutable. Cost: two comparisons.
#pragma once

#include <cstdint>
#include <string_view>

#include "rulebus/detail/case_mapping.hpp"
#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/pattern_tree.hpp"

namespace rulebus::inline v1::detail {

class quick_test {
 public:
  enum class answer : std::uint8_t { fails, passes, unknown };

  quick_test() = default;  ///< knows nothing
  explicit quick_test(const condition& c) noexcept {
    const bool is_negation = c.kind == test_kind::anything_but;
    if (is_negation && c.of.size() != 1) return;
    const condition& of = is_negation ? c.of.front() : c;
    if (!find_place(of)) return;
    const bool is_wildcard = of.kind == test_kind::wildcard;
    const std::string_view text = is_wildcard ? literal_of(of.pieces) : ignores_case_ ? of.caseless.ascii : of.text;
    if (ignores_case_ && text.empty()) {  // it has characters beyond ASCII
      place_ = place::none;
      return;
    }
    // Of a wildcard the text is all when it has but one star beside it; one with escapes may look as if it had more.
    const bool is_all = text.size() <= sizeof bytes_ && (!is_wildcard || of.text.size() <= text.size() + 1);
    if_found_ = !is_all ? answer::unknown : is_negation ? answer::fails : answer::passes;
    otherwise_ = is_negation ? answer::passes : answer::fails;
    size_ = static_cast<std::uint32_t>(text.size());
    bytes_ = first_word(text);
    mask_ = text.size() < sizeof bytes_ ? (std::uint64_t{1} << 8 * text.size()) - 1 : UINT64_MAX;
  }

  /// What the condition says to a string, when eight bytes from `last` on can be read, as from any address below it where
  /// the string has bytes.
  answer ask(std::string_view text, const char* last) const noexcept {
    if (place_ == place::none || (place_ == place::whole ? text.size() != size_ : text.size() < size_)) {
      return place_ == place::none ? answer::unknown : otherwise_;
    }
    const char* const p = place_ == place::end ? text.data() + text.size() - size_ : text.data();
    if (p > last) return answer::unknown;
    const std::uint64_t word = load_word(p);
    return ((ignores_case_ ? to_lower_ascii(word) : word) & mask_) == bytes_ ? if_found_ : otherwise_;
  }

 private:
  enum class place : std::uint8_t { none, whole, beginning, end };

  bool find_place(const condition& c) noexcept {
    switch (c.kind) {
      case test_kind::caseless_equals: ignores_case_ = true; [[fallthrough]];
      case test_kind::string_equals: return place_ = place::whole, true;
      case test_kind::caseless_prefix: ignores_case_ = true; [[fallthrough]];
      case test_kind::prefix: return place_ = place::beginning, true;
      case test_kind::caseless_suffix: ignores_case_ = true; [[fallthrough]];
      case test_kind::suffix: return place_ = place::end, true;
      case test_kind::wildcard: return find_place(c.pieces);
      default: return false;
    }
  }
  bool find_place(const wildcard_pieces& pieces) noexcept {
    const auto& literals = pieces.literals;
    if (literals.size() == 1) return place_ = place::whole, true;
    if (!literals.front().empty()) return place_ = place::beginning, true;
    return !literals.back().empty() && (place_ = place::end, true);
  }
  std::string_view literal_of(const wildcard_pieces& pieces) const noexcept {
    return place_ == place::end ? pieces.literals.back() : pieces.literals.front();
  }

  std::uint64_t bytes_ = 0, mask_ = 0;  // of what is sought, as first_word; which of them count
  std::uint32_t size_ = 0;              // of all of it
  place place_ = place::none;
  bool ignores_case_ = false;  // of ASCII letters
  answer if_found_ = answer::unknown, otherwise_ = answer::unknown;
};

}  // namespace rulebus::inline v1::detail
