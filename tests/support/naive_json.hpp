// naive_json: a small, obvious JSON reader for tests. It keeps what the pattern language can see: the raw text of numbers,
// duplicate keys and their order. It shares no code with the library, so that each can find the other's mistakes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace naive {

enum class kind { null_value, false_value, true_value, number, string, array, object };

struct value {
  kind type = kind::null_value;
  std::string text{};               // of a string: decoded; of a number: as written
  std::vector<std::string> keys{};  // of an object, beside `items`
  std::vector<value> items{};       // of an object or an array

  bool is(kind k) const { return type == k; }
  /// The last member with that key (as most readers see it), or nothing.
  const value* find(std::string_view key) const {
    for (std::size_t i = keys.size(); i-- > 0;)
      if (keys[i] == key) return &items[i];
    return nullptr;
  }
};

struct bad_json : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// RFC 8259, UTF-8, without unpaired surrogates (RFC 7493). Throws bad_json.
class json_parser {
 public:
  json_parser(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  value whole() {
    value v = any();
    skip_space();
    if (at_ != text_.size()) fail("trailing text");
    return v;
  }

 private:
  [[noreturn]] void fail(const char* why) const { throw bad_json(std::string(why) + " at byte " + std::to_string(at_)); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  char take() { return at_ < text_.size() ? text_[at_++] : (fail("unexpected end"), '\0'); }
  bool accept(char c) { return at_ < text_.size() && text_[at_] == c && ++at_ != 0; }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  value any() {
    skip_space();
    switch (peek()) {
      case '{': return object();
      case '[': return array();
      case '"': return {kind::string, string()};
      case 't': return word("true", kind::true_value);
      case 'f': return word("false", kind::false_value);
      case 'n': return word("null", kind::null_value);
      default: return {kind::number, number()};
    }
  }

  value word(std::string_view expected, kind k) {
    if (text_.substr(at_, expected.size()) != expected) fail("unknown word");
    at_ += expected.size();
    return {k};
  }

  value object() {
    value v{kind::object};
    open('{');
    if (!accept('}')) {
      do {
        skip_space();
        if (peek() != '"') fail("expected a key");
        v.keys.push_back(string());
        skip_space();
        if (!accept(':')) fail("expected ':'");
        v.items.push_back(any());
        skip_space();
      } while (accept(','));
      if (!accept('}')) fail("expected ',' or '}'");
    }
    --depth_;
    return v;
  }

  value array() {
    value v{kind::array};
    open('[');
    if (!accept(']')) {
      do {
        v.items.push_back(any());
        skip_space();
      } while (accept(','));
      if (!accept(']')) fail("expected ',' or ']'");
    }
    --depth_;
    return v;
  }

  void open(char c) {
    if (++depth_ > max_depth_) fail("too deep");
    accept(c);
    skip_space();
  }

  std::size_t digits() {
    const std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - start;
  }

  std::string number() {
    const std::size_t start = at_;
    accept('-');
    if (!accept('0') && digits() == 0) fail("expected a value");
    if (accept('.') && digits() == 0) fail("expected a digit");
    if (accept('e') || accept('E')) {
      if (!accept('+')) accept('-');
      if (digits() == 0) fail("expected a digit");
    }
    return std::string(text_.substr(start, at_ - start));
  }

  std::string string() {
    std::string out;
    accept('"');
    for (;;) {
      const auto c = static_cast<unsigned char>(take());
      if (c == '"') return out;
      if (c < 0x20) fail("control character");
      if (c == '\\')
        escape(out);
      else if (c < 0x80)
        out += static_cast<char>(c);
      else
        multibyte(c, out);
    }
  }

  void escape(std::string& out) {
    const char c = take();
    const std::string_view letters = "\"\\/bfnrt", means = "\"\\/\b\f\n\r\t";
    if (const auto i = letters.find(c); i != std::string_view::npos) return void(out += means[i]);
    if (c != 'u') fail("unknown escape");
    std::uint32_t code = four_hex();
    if (code >= 0xdc00 && code < 0xe000) fail("unpaired surrogate");
    if (code >= 0xd800 && code < 0xdc00) {
      if (!accept('\\') || !accept('u')) fail("unpaired surrogate");
      const std::uint32_t low = four_hex();
      if (low < 0xdc00 || low >= 0xe000) fail("unpaired surrogate");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(code, out);
  }

  std::uint32_t four_hex() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const auto digit = std::string_view("0123456789abcdef0123456789ABCDEF").find(take());
      if (digit == std::string_view::npos) fail("expected a hexadecimal digit");
      code = code * 16 + static_cast<std::uint32_t>(digit % 16);
    }
    return code;
  }

  static void append_utf8(std::uint32_t c, std::string& out) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) return put(c);
    if (c < 0x800) return put(0xc0 | c >> 6), put(0x80 | (c & 63));
    if (c < 0x10000) return put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
    put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  }

  void multibyte(unsigned char first, std::string& out) {
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    std::uint32_t code = first & (0x3fu >> more);
    if (first < 0xc0 || first > 0xf7) fail("invalid UTF-8");
    for (int i = 0; i < more; ++i) {
      const auto c = static_cast<unsigned char>(take());
      if ((c & 0xc0) != 0x80) fail("invalid UTF-8");
      code = code << 6 | (c & 63u);
    }
    const std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) fail("invalid UTF-8");
    append_utf8(code, out);
  }

  std::string_view text_;
  std::size_t at_ = 0, depth_ = 0, max_depth_;
};

inline value parse_json(std::string_view text, std::size_t max_depth = 1000) { return json_parser(text, max_depth).whole(); }

inline bool is_json_object(std::string_view text, std::size_t max_depth = 1000) {
  try {
    return parse_json(text, max_depth).is(kind::object);
  } catch (const bad_json&) {
    return false;
  }
}

inline void write_string(std::string_view s, std::string& out) {
  out += '"';
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += '\\', out += c;
    else if (byte < 0x20)
      out += "\\u00", out += "0123456789abcdef"[byte >> 4], out += "0123456789abcdef"[byte & 15];
    else
      out += c;
  }
  out += '"';
}

/// JSON text again; numbers exactly as they were written.
inline void write_json(const value& v, std::string& out) {
  switch (v.type) {
    case kind::null_value: out += "null"; return;
    case kind::false_value: out += "false"; return;
    case kind::true_value: out += "true"; return;
    case kind::number: out += v.text; return;
    case kind::string: return write_string(v.text, out);
    case kind::array:
    case kind::object: break;
  }
  out += v.is(kind::object) ? '{' : '[';
  for (std::size_t i = 0; i < v.items.size(); ++i) {
    if (i != 0) out += ',';
    if (v.is(kind::object)) write_string(v.keys[i], out), out += ':';
    write_json(v.items[i], out);
  }
  out += v.is(kind::object) ? '}' : ']';
}

inline std::string to_json(const value& v) {
  std::string out;
  return write_json(v, out), out;
}

}  // namespace naive
