// shape_cursor: goes through an event whose structure is known to be valid, by its shape (json_shapes.hpp).
//
// Nothing is left to check, so nothing is: a value of any size is passed in a few instructions. The functions are those of
// json_cursor; where those answer whether the text is valid, these answer true.
//
// Thread safety: one thread each. Lifetime: as long as the structure.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "rulebus/detail/json_index.hpp"
#include "rulebus/detail/json_shapes.hpp"
#include "rulebus/detail/json_text.hpp"

namespace rulebus::inline v1::detail {

class shape_cursor {
 public:
  static constexpr bool stops_early = false;

  explicit shape_cursor(const json_structure& s) noexcept
      : text_(s.text),
        offsets_(s.index),
        kinds_(s.shape->kinds.data()),
        link_(s.shape->link.data()),
        count_(s.count),
        has_escapes_(s.has_escapes) {}

  char peek() const noexcept { return text_[offsets_[at_]]; }
  bool at_end() const noexcept { return at_ == count_; }
  bool enter(bool) noexcept { return ++at_, true; }
  void leave() noexcept { ++at_; }
  void step() noexcept { ++at_; }

  bool key(std::string_view& content) noexcept {
    content = string_at(at_);
    at_ += 2;
    return true;
  }
  after_value behind_value(char) noexcept {
    if (kinds_[at_] != token_comma) return after_value::closing;
    ++at_;
    return after_value::another;
  }

  bool raw_string(std::string_view& content) noexcept {
    content = string_at(at_++);
    return true;
  }
  bool is_escaped(std::string_view content) const noexcept {
    return has_escapes_ && std::memchr(content.data(), '\\', content.size()) != nullptr;
  }
  bool number(std::string_view& content) noexcept {
    content = {text_ + offsets_[at_], static_cast<std::size_t>(end_of(at_) - text_ - offsets_[at_])};
    ++at_;
    return true;
  }
  bool literal(std::string_view) noexcept { return ++at_, true; }

  bool skip_value() noexcept {
    if (const std::uint8_t k = kinds_[at_]; k == token_open_object || k == token_open_array) at_ = link_[at_];
    return ++at_, true;
  }

 private:
  std::string_view string_at(std::uint32_t at) const noexcept {
    const char* const first = text_ + offsets_[at] + 1;
    return {first, static_cast<std::size_t>(end_of(at) - 1 - first)};
  }
  // The next token's place, less the white space before it.
  const char* end_of(std::uint32_t at) const noexcept {
    const char* end = text_ + offsets_[at + 1];
    while (is_json_space(end[-1])) --end;
    return end;
  }

  const char* text_;
  const std::uint32_t* offsets_;
  const std::uint8_t* kinds_;
  const std::uint16_t* link_;
  std::uint32_t at_ = 0, count_;
  bool has_escapes_;
};

}  // namespace rulebus::inline v1::detail
