#include "json_slices.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "rulebus/detail/json_reader.hpp"

namespace rulebus::cli {
namespace {

constexpr std::string_view space = " \t\r\n";

/// Walks one text; every step answers false at the first thing that cannot be cut.
class cutter {
 public:
  explicit cutter(std::string_view text) : text_(text) {}

  bool take(char c) {
    skip_space();
    if (pos_ >= text_.size() || text_[pos_] != c) return false;
    ++pos_;
    return true;
  }
  bool at_end() {
    skip_space();
    return pos_ == text_.size();
  }
  bool value(std::string_view& out) {
    skip_space();
    const std::size_t start = pos_;
    if (pos_ >= text_.size()) return false;
    const char c = text_[pos_];
    const bool cut = c == '"' ? string() : (c == '{' || c == '[') ? nested() : scalar();
    out = text_.substr(start, pos_ - start);
    return cut;
  }

 private:
  void skip_space() {
    while (pos_ < text_.size() && space.find(text_[pos_]) != std::string_view::npos) ++pos_;
  }
  bool string() {
    for (++pos_;; pos_ += 2) {
      pos_ = text_.find_first_of("\"\\", pos_);
      if (pos_ == std::string_view::npos) return pos_ = text_.size(), false;
      if (text_[pos_] == '"') return ++pos_, true;
      if (pos_ + 1 >= text_.size()) return false;
    }
  }
  bool scalar() {
    const std::size_t start = pos_;
    pos_ = text_.find_first_of(",:]}[{\" \t\r\n", pos_);
    if (pos_ == std::string_view::npos) pos_ = text_.size();
    return pos_ > start;
  }
  bool nested() {
    open_.clear();
    do {
      pos_ = text_.find_first_of("\"{}[]", pos_);
      if (pos_ == std::string_view::npos) return pos_ = text_.size(), false;
      const char c = text_[pos_];
      if (c == '"') {
        if (!string()) return false;
        continue;
      }
      ++pos_;
      if (c == '{' || c == '[') {
        open_ += c == '{' ? '}' : ']';
      } else if (open_.back() != c) {
        return false;
      } else {
        open_.pop_back();
      }
    } while (!open_.empty());
    return true;
  }

  std::string_view text_;
  std::size_t pos_ = 0;
  std::string open_;  ///< the closing brackets awaited
};

/// The four hexadecimal digits of \uXXXX; -1 when they are not.
int hex4(std::string_view digits) {
  if (digits.size() < 4) return -1;
  int value = 0;
  for (const char c : digits.substr(0, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | (c >> 6));
  } else {
    if (c < 0x10000) {
      put(0xe0 | (c >> 12));
    } else {
      put(0xf0 | (c >> 18));
      put(0x80 | ((c >> 12) & 0x3f));
    }
    put(0x80 | ((c >> 6) & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

/// Decodes the escape behind a backslash at `pos`, and moves `pos` behind it.
bool decode_escape(std::string_view body, std::size_t& pos, std::string& out) {
  if (pos >= body.size()) return false;
  static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
  const char c = body[pos++];
  if (const std::size_t simple = from.find(c); simple != std::string_view::npos) return out += to[simple], true;
  const int unit = c == 'u' ? hex4(body.substr(pos)) : -1;
  if (unit < 0) return false;
  pos += 4;
  auto code = static_cast<std::uint32_t>(unit);
  if (unit >= 0xd800 && unit < 0xdc00 && body.substr(pos, 2) == "\\u") {
    if (const int low = hex4(body.substr(pos + 2)); low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (static_cast<std::uint32_t>(low) - 0xdc00);
      pos += 6;
    }
  }
  return append_utf8(out, code), true;
}

}  // namespace

bool slice_object(std::string_view text, std::vector<raw_member>& out) {
  out.clear();
  cutter cut(text);
  if (!cut.take('{')) return false;
  if (cut.take('}')) return cut.at_end();
  do {
    raw_member m;
    if (!cut.value(m.key) || m.key.front() != '"' || !cut.take(':') || !cut.value(m.value)) return false;
    out.push_back(m);
  } while (cut.take(','));
  return cut.take('}') && cut.at_end();
}

bool slice_array(std::string_view text, std::vector<std::string_view>& out) {
  out.clear();
  cutter cut(text);
  if (!cut.take('[')) return false;
  if (cut.take(']')) return cut.at_end();
  do {
    std::string_view element;
    if (!cut.value(element)) return false;
    out.push_back(element);
  } while (cut.take(','));
  return cut.take(']') && cut.at_end();
}

std::optional<std::string> decode_string(std::string_view raw) {
  if (raw.size() < 2 || raw.front() != '"' || raw.back() != '"') return std::nullopt;
  const std::string_view body = raw.substr(1, raw.size() - 2);
  std::string out;
  out.reserve(body.size());
  for (std::size_t pos = 0; pos < body.size();) {
    const char c = body[pos];
    if (c == '"' || static_cast<unsigned char>(c) < 0x20) return std::nullopt;
    ++pos;
    if (c != '\\') {
      out += c;
    } else if (!decode_escape(body, pos, out)) {
      return std::nullopt;
    }
  }
  return out;
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

error json_complaint(std::string_view text, std::string_view expected) {
  detail::json_reader reader(text);
  detail::token t = reader.next();
  while (t != detail::token::end && t != detail::token::error) t = reader.next();
  error e{errc::invalid_json, fmt::format("this should be {}", expected), 0, 1, 1};
  if (t == detail::token::end) return e;
  const error& first = reader.failure();
  return {first.code, fmt::format("{}: {}", e.message, first.message), first.offset, first.line, first.column};
}

}  // namespace rulebus::cli
