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
#include <string_view>

#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/text_skip.hpp"

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
    const char* end = plain_number_end();
    if (end == nullptr && ((end = scalar_end()) == at_ || !is_number(at_, end, end_))) return false;
    content = {at_, static_cast<std::size_t>(end - at_)};
    return move_to(end), true;
  }

  /// Moves behind the key under the cursor and its colon if it is this one, written without escapes; `first` and `mask` are
  /// those of near_children::child. Quick, since the end of the key is not searched for.
  bool take_key(std::string_view key, std::uint64_t first, std::uint64_t mask) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < key.size() + 16) return false;
    const char* const p = at_ + 1;
    if ((load_word(p) & mask) != first || p[key.size()] != '"' || p[key.size() + 1] != ':') return false;
    if (mask == 0 || (key.size() > 8 && !same_bytes(key.substr(8), {p + 8, key.size() - 8}))) return false;
    return move_to(p + key.size() + 2), true;
  }

  bool literal(std::string_view word) noexcept {
    const char* const end = scalar_end();
    return std::string_view(at_, static_cast<std::size_t>(end - at_)) == word && (move_to(end), true);
  }

  bool skip_value() noexcept {
    std::string_view ignored;
    const char c = peek();
    if (c == '"') return raw_string(ignored);
    if (c == '{' || c == '[') return step(), skip_rest();
    return move_to(scalar_end()), true;
  }

  /// Moves behind the closing bracket of the object that was entered last, from behind one of its values.
  bool skip_rest_of_object() noexcept { return --depth_, skip_rest(); }

  /// Moves from a member's key over members that are passed quickly and whose keys do not begin with one of the bytes (as in
  /// path_node::first_bytes): to the next member, or to the closing bracket.
  void skip_members(std::uint64_t first_bytes) noexcept {
    if (end_ - at_ > 1 && !is_wanted_key(at_, first_bytes)) at_ = behind_members(at_, end_, first_bytes);
  }

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

  // The end of a number without exponent and with less than 32 digits, unless it is near the end of the text; null otherwise.
  const char* plain_number_end() const noexcept {
    if (end_ - at_ < 34) return nullptr;
    const char* const p = at_ + (*at_ == '-' ? 1 : 0);
    std::uint32_t others = ~digit_mask(p);
    if (others == 0) return nullptr;
    auto end = static_cast<std::size_t>(std::countr_zero(others));
    if (end == 0 || (end > 1 && *p == '0')) return nullptr;
    if (p[end] == '.') {
      others &= others - 1;
      if (others == 0 || (others >> (end + 1) & 1U) != 0) return nullptr;
      end = static_cast<std::size_t>(std::countr_zero(others));
    }
    return ends_scalar(p + end, end_) ? p + end : nullptr;
  }

  // Moves behind the bracket that closes the container.
  bool skip_rest() noexcept {
    const char* const p = behind_container(at_, end_);
    if (p == nullptr) return at_ = end_, false;
    return move_to(p), true;
  }

  const char* at_;
  const char* end_;
  std::size_t depth_ = 0, max_depth_;
  bool is_escaped_ = false;
};

}  // namespace rulebus::inline v1::detail
