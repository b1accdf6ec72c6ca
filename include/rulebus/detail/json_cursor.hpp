// json_cursor: reads values off the structural indexes of an event, without a tree, and checks all that it passes.
//
// Every value that passes under the cursor is validated in full, also when skipped: together with the first stage (UTF-8,
// control characters) that makes the whole text checked once the cursor has passed all of it. (Events that the caller
// vouches for are read by text_cursor.hpp.) Nothing outside the text is ever touched.
//
// Invariant: index()[count] is never followed. The last index is that of a '}', which can only be consumed as a closing
// bracket, so it is enough to compare with the end after each complete value.
//
// Thread safety: one thread each. Cost: per structural index a few instructions; skipping allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "rulebus/detail/json_index.hpp"
#include "rulebus/detail/json_text.hpp"

namespace rulebus::inline v1::detail {

/// One bit per level: is the open container an object? Made once for a maximal depth.
class container_stack {
 public:
  explicit container_stack(std::size_t max_depth) : words_(max_depth / 64 + 1), max_depth_(max_depth) {}
  std::size_t depth() const noexcept { return depth_; }
  void clear() noexcept { depth_ = 0; }
  bool push(bool object) noexcept {
    if (depth_ == max_depth_) return false;
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    if (object) {
      words_[depth_ / 64] |= bit;
    } else {
      words_[depth_ / 64] &= ~bit;
    }
    ++depth_;
    return true;
  }
  void pop() noexcept { --depth_; }
  bool in_object() const noexcept { return words_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1; }

 private:
  std::vector<std::uint64_t> words_;
  std::size_t depth_ = 0, max_depth_;
};

class json_cursor {
 public:
  /// All of the event is read, to check it, and since repeated keys count.
  static constexpr bool stops_early = false;

  json_cursor(const json_structure& s, container_stack& open) noexcept
      : text_(s.text),
        end_(s.text + s.size),
        at_(s.index),
        last_(s.index + s.count),
        has_escapes_(s.has_escapes),
        has_plain_numbers_(s.has_plain_numbers),
        open_(open) {
    open_.clear();
  }

  /// The first byte of the token under the cursor.
  char peek() const noexcept { return text_[*at_]; }
  const char* where() const noexcept { return text_ + *at_; }
  bool at_end() const noexcept { return at_ == last_; }

  // Each returns false when the text is not valid there (or deeper than allowed).

  bool enter(bool object) noexcept { return open_.push(object) && (++at_, true); }
  void leave() noexcept { open_.pop(), ++at_; }
  void step() noexcept { ++at_; }  ///< over a ',' or ':' that peek() showed

  /// The content of the string under the cursor, as written; moves behind it. Escapes are not looked at: see is_escaped.
  bool raw_string(std::string_view& content) noexcept {
    const char* const first = where() + 1;
    const char* const last = token_end(at_) - 1;
    if (last < first || *last != '"') return false;
    content = {first, static_cast<std::size_t>(last - first)};
    ++at_;
    return true;
  }

  /// The name of the member under the cursor, as written; moves to its value.
  bool key(std::string_view& content) noexcept { return peek() == '"' && raw_string(content) && peek() == ':' && (step(), true); }

  /// What comes behind a value in a container that is closed by `bracket`; moves over a comma.
  after_value behind_value(char bracket) noexcept {
    if (at_end()) return after_value::invalid;
    const char c = peek();
    if (c == bracket) return after_value::closing;
    return c == ',' ? (step(), after_value::another) : after_value::invalid;
  }

  /// Whether a string that raw_string gave has escapes.
  bool is_escaped(std::string_view content) const noexcept {
    return has_escapes_ && std::memchr(content.data(), '\\', content.size()) != nullptr;
  }

  bool number(std::string_view& content) noexcept {
    const char* const first = where();
    const char* const last = token_end(at_);
    if (!is_number(first, last, end_)) return false;
    content = {first, static_cast<std::size_t>(last - first)};
    ++at_;
    return true;
  }

  bool literal(std::string_view word) noexcept {
    const char* const first = where();
    if (static_cast<std::size_t>(end_ - first) < word.size() || std::memcmp(first, word.data(), word.size()) != 0) return false;
    if (!ends_scalar(first + word.size(), end_)) return false;
    ++at_;
    return true;
  }

  /// Moves behind the value under the cursor.
  bool skip_value() noexcept { return has_escapes_ ? skip_checked<true>() : skip_checked<false>(); }

 private:
  // Behind the scalar at `at`: the next token's place, less the white space before it.
  const char* token_end(const std::uint32_t* at) const noexcept {
    const char* end = text_ + at[1];
    if (static_cast<unsigned char>(end[-1]) > ' ') return end;
    while (is_json_space(end[-1])) --end;
    return end;
  }

  // A string under the cursor has its closing quote, and nothing but white space before the next token: the first stage saw
  // to that. So only escapes can be wrong.
  template <bool Escapes>
  bool is_string(const std::uint32_t* at) const noexcept {
    if (!Escapes) return true;
    const char* const first = text_ + *at + 1;
    return valid_escapes({first, static_cast<std::size_t>(token_end(at) - 1 - first)});
  }

  bool is_literal(const std::uint32_t* at, std::string_view word) const noexcept {
    const char* const first = text_ + *at;
    return std::string_view(first, static_cast<std::size_t>(token_end(at) - first)) == word;
  }

  template <bool Escapes>
  [[gnu::always_inline]] bool is_scalar(const std::uint32_t* at) const noexcept {
    const char c = text_[*at];
    if (c == '"') return is_string<Escapes>(at);
    if (c < 'a') return (has_plain_numbers_ && begins_number(c)) || is_number(text_ + *at, token_end(at), end_);
    return is_literal(at, "true") || is_literal(at, "false") || is_literal(at, "null");
  }

  // The grammar as a loop. This is where most of a checked event's time goes, so: one round per member or element, the place
  // in a local, the stack touched only at brackets, and the end compared only behind a closing one (see the invariant at the
  // top).
  template <bool Escapes>
  bool skip_checked() noexcept {
    const std::uint32_t* at = at_;
    const std::size_t stop = open_.depth();
    if (const char c = text_[*at]; c != '{' && c != '[') return is_scalar<Escapes>(at) && (++at_, true);

  open:
    if (text_[*at] == '{') {
      if (!open_.push(true)) return false;
      if (text_[*++at] == '}') goto close;
    } else {
      if (!open_.push(false)) return false;
      if (text_[*++at] == ']') goto close;
      goto element;
    }
  member:
    if (text_[*at] != '"' || text_[at[1]] != ':' || !is_string<Escapes>(at)) return false;
    at += 2;
    if (const char c = text_[*at]; c == '{' || c == '[') goto open;
    if (!is_scalar<Escapes>(at)) return false;
    ++at;
  after_member:
    if (text_[*at] == ',') {
      ++at;
      goto member;
    }
    if (text_[*at] != '}') return false;
    goto close;

  element:
    if (const char c = text_[*at]; c == '{' || c == '[') goto open;
    if (!is_scalar<Escapes>(at)) return false;
    ++at;
  after_element:
    if (text_[*at] == ',') {
      ++at;
      goto element;
    }
    if (text_[*at] != ']') return false;

  close:
    open_.pop();
    ++at;
    if (open_.depth() == stop) {
      at_ = at;
      return true;
    }
    if (at == last_) return false;
    if (open_.in_object()) goto after_member;
    goto after_element;
  }

  const char* text_;
  const char* end_;
  const std::uint32_t* at_;
  const std::uint32_t* last_;
  bool has_escapes_, has_plain_numbers_;
  container_stack& open_;
};

}  // namespace rulebus::inline v1::detail
