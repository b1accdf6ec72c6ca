// text_cursor: goes through an event that the caller vouches for, straight over its text.
//
// No index is made first: what lies behind the last field that a rule needs is never looked at, which is what makes trusted
// events cheap. Strings are passed 16 bytes at a time, containers that no rule uses 64 bytes at a time. The text may be
// anything: each function answers false when it cannot go on, and no byte outside the text is read; but only what is
// needed to find the way is checked.
//
// Thread safety: one thread each. Lifetime: as long as the text. Allocates nothing.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "rulebus/detail/byte_block.hpp"
#include "rulebus/detail/json_text.hpp"

namespace rulebus::inline v1::detail {

class text_cursor {
 public:
  /// The walk may stop when no rule needs anything more.
  static constexpr bool stops_early = true;

  text_cursor(std::string_view text, std::size_t max_depth) noexcept
      : at_(text.data()), end_(text.data() + text.size()), max_depth_(max_depth) {
    move_to(at_);
  }

  // As in json_cursor. At the end of the text peek() is '\0'.
  char peek() const noexcept { return at_ != end_ ? *at_ : '\0'; }
  const char* where() const noexcept { return at_; }
  bool at_end() const noexcept { return at_ == end_; }
  bool enter(bool) noexcept { return depth_++ != max_depth_ && (step(), true); }
  void leave() noexcept { --depth_, step(); }
  void step() noexcept { move_to(at_ + 1); }

  bool key(std::string_view& content) noexcept { return peek() == '"' && raw_string(content) && peek() == ':' && (step(), true); }
  after_value behind_value(char bracket) noexcept {
    const char c = peek();
    if (c == bracket) return after_value::closing;
    return c == ',' ? (step(), after_value::another) : after_value::invalid;
  }

  bool raw_string(std::string_view& content) noexcept {
    const char* const first = at_ + 1;
    const char* p = find_quote(first, end_);
    is_escaped_ = false;
    if (p == end_ || *p != '"') p = find_end_of_escaped(p);
    if (p == nullptr) return false;
    content = {first, static_cast<std::size_t>(p - first)};
    return move_to(p + 1), true;
  }
  bool is_escaped(std::string_view) const noexcept { return is_escaped_; }

  bool number(std::string_view& content) noexcept {
    const char* const end = scalar_end();
    if (end == at_ || !is_number(at_, end, end_)) return false;
    content = {at_, static_cast<std::size_t>(end - at_)};
    return move_to(end), true;
  }

  bool literal(std::string_view word) noexcept {
    const char* const end = scalar_end();
    return std::string_view(at_, static_cast<std::size_t>(end - at_)) == word && (move_to(end), true);
  }

  bool skip_value() noexcept {
    std::string_view ignored;
    const char c = peek();
    if (c == '"') return raw_string(ignored);
    if (c == '{' || c == '[') return ++at_, skip_rest();
    return move_to(scalar_end()), true;
  }

  /// Moves behind the closing bracket of the container that was entered last.
  bool skip_rest_of_container() noexcept { return --depth_, skip_rest(); }

 private:
  // Behind white space, of which there seldom is any.
  void move_to(const char* p) noexcept {
    if (p == end_ || static_cast<unsigned char>(*p) <= ' ') p = behind_space(p);
    at_ = p;
  }
  [[gnu::noinline]] const char* behind_space(const char* p) const noexcept {
    while (p != end_ && is_json_space(*p)) ++p;
    return p;
  }
  [[gnu::noinline]] const char* scalar_end() const noexcept { return find_scalar_end(at_, end_); }

  // The quote that ends a string, from its first escape on; null when there is none. Apart, like what skips containers, to
  // leave little to the functions that are called for each member.
  [[gnu::noinline]] const char* find_end_of_escaped(const char* p) noexcept {
    is_escaped_ = true;
    while (p != end_ && *p == '\\') {
      if (end_ - p < 2) return nullptr;
      p = find_quote(p + 2, end_);
    }
    return p == end_ ? nullptr : p;
  }

  // Brackets are counted, outside strings, up to the one that closes the container around the cursor.
  [[gnu::noinline]] bool skip_rest() noexcept {
    std::uint64_t in_string = 0;   // all bits: the block begins in a string
    std::uint64_t is_escaped = 0;  // bit 0: the block's first byte is escaped
    std::size_t open = 1;
    for (; end_ - at_ >= 64; at_ += 64) {
      const byte_block block(at_);
      const std::uint64_t quotes = block.equal('"') & ~escaped_bytes(block.equal('\\'), is_escaped);
      const std::uint64_t inside = prefix_xor(quotes) ^ in_string;
      in_string = std::uint64_t{0} - (inside >> 63);
      const std::uint64_t opening = block.equal_bracket('{') & ~inside, closing = block.equal_bracket('}') & ~inside;
      const std::size_t closed = count(closing);
      if (open <= closed && find_closing(opening, closing, open)) return true;
      open += count(opening) - closed;
    }
    return skip_rest_by_byte(open, in_string != 0, is_escaped != 0);
  }

  // The bracket of this block that closes the last of `open` containers.
  bool find_closing(std::uint64_t opening, std::uint64_t closing, std::size_t open) noexcept {
    for (std::uint64_t rest = closing; rest != 0; rest &= rest - 1) {
      const std::uint64_t before = (rest & -rest) - 1;
      if (open + count(opening & before) != count(closing & before) + 1) continue;
      at_ += std::countr_zero(rest);
      return step(), true;
    }
    return false;
  }

  bool skip_rest_by_byte(std::size_t open, bool in_string, bool is_escaped) noexcept {
    for (; at_ != end_; ++at_) {
      const char c = *at_;
      if (in_string) {
        if (!is_escaped && c == '"') in_string = false;
        is_escaped = !is_escaped && c == '\\';
        continue;
      }
      if (c == '"') in_string = true;
      if (c == '{' || c == '[') ++open;
      if ((c == '}' || c == ']') && --open == 0) return step(), true;
    }
    return false;
  }

  static std::size_t count(std::uint64_t bits) noexcept { return static_cast<std::size_t>(std::popcount(bits)); }

  const char* at_;
  const char* end_;
  std::size_t depth_ = 0, max_depth_;
  bool is_escaped_ = false;
};

}  // namespace rulebus::inline v1::detail
