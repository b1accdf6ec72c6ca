#include "excerpt.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "output.hpp"

namespace rulebus::cli {
namespace {

constexpr std::size_t columns_before = 60, columns_after = 40;
constexpr std::size_t longest_character = 4;  // bytes of UTF-8

/// One character as it is shown.
struct cell {
  std::string text{};
  std::size_t width = 1;
};

/// Columns of a character: the blocks that terminals agree on.
std::size_t width_of(char32_t c) {
  struct span {
    char32_t first, last;
  };
  static constexpr std::array<span, 6> none = {
      {{0x300, 0x36f}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}}};
  static constexpr std::array<span, 10> wide = {{{0x1100, 0x115f},
                                                 {0x2e80, 0xa4cf},
                                                 {0xac00, 0xd7a3},
                                                 {0xf900, 0xfaff},
                                                 {0xfe30, 0xfe6f},
                                                 {0xff00, 0xff60},
                                                 {0xffe0, 0xffe6},
                                                 {0x1f300, 0x1f64f},
                                                 {0x1f900, 0x1f9ff},
                                                 {0x20000, 0x3fffd}}};
  const auto has = [c](const auto& spans) {
    return std::any_of(spans.begin(), spans.end(), [c](const span& s) { return c >= s.first && c <= s.last; });
  };
  return has(none) ? 0 : has(wide) ? 2 : 1;
}

std::vector<cell> cells_of(std::string_view text) {
  std::vector<cell> cells;
  for (std::size_t pos = 0; pos < text.size();) {
    const decoded_character c = character_at(text, pos);
    if (c.code == '\t') {
      cells.push_back({" ", 1});
    } else {
      cells.push_back({printable(text.substr(pos, c.bytes)), width_of(c.code)});
    }
    pos += c.bytes;
  }
  return cells;
}

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

}  // namespace

excerpt excerpt_at(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::size_t newline = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  std::size_t end = std::min(text.find('\n', offset), text.size());
  if (end > offset && text[end - 1] == '\r') --end;

  std::size_t from = offset - start > columns_before * longest_character ? offset - columns_before * longest_character : start;
  while (from > start && from < offset && continues(text[from])) ++from;
  const std::size_t to = std::min(end, offset + columns_after * longest_character);
  const std::vector<cell> before = cells_of(text.substr(from, offset - from)), after = cells_of(text.substr(offset, to - offset));

  excerpt out;
  std::size_t width = 0, first = before.size();
  while (first > 0 && width + before[first - 1].width <= columns_before) width += before[--first].width;
  const bool cut_before = first > 0 || from > start;
  if (cut_before) out.line = "…";
  for (std::size_t i = first; i < before.size(); ++i) out.line += before[i].text;
  out.caret = std::string(width + (cut_before ? 1 : 0), ' ') + '^';

  std::size_t shown = 0;
  for (width = 0; shown < after.size() && width + after[shown].width <= columns_after; ++shown) {
    width += after[shown].width;
    out.line += after[shown].text;
  }
  if (shown < after.size() || to < end) out.line += "…";
  return out;
}

}  // namespace rulebus::cli
