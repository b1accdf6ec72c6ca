// text_skip: what text_cursor does with what no rule needs: passes over it, many bytes at a time.
//
// Each function is there twice: for every processor, and for those with AVX-512, which answers in two instructions what a
// byte_block needs twenty for. Which one runs is found out once.
//
// No byte outside the text is read. Thread safety: pure functions. Cost: one pass over what is skipped.
#pragma once

#include <cstdint>

#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

/// Whether the key, whose quote is at p, begins with one of the bytes: bit b stands for those that are b modulo 64.
inline bool is_wanted_key(const char* p, std::uint64_t first_bytes) noexcept {
  return (first_bytes >> (static_cast<unsigned char>(p[1]) & 63U) & 1U) != 0;
}

/// Behind the bracket that closes a container, from anywhere in it outside strings; null when the text ends before. Brackets
/// are counted, not told apart.
RULEBUS_API const char* behind_container(const char* p, const char* end) noexcept;

/// From the quote of a member's key to that of the first member whose key is wanted, or to the closing bracket, or,
/// sooner, to a member that is not quickly passed: one whose value is no scalar or has escapes or more than some bytes, or
/// that stands near the end of the text, or with more than one blank behind its punctuation.
RULEBUS_API const char* behind_members(const char* p, const char* end, std::uint64_t first_bytes) noexcept;

/// The same as every processor can do it.
namespace portable {
RULEBUS_API const char* behind_container(const char* p, const char* end) noexcept;
RULEBUS_API const char* behind_members(const char* p, const char* end, std::uint64_t first_bytes) noexcept;
}  // namespace portable

}  // namespace rulebus::inline v1::detail
