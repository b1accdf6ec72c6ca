// Writing JSON text: the one place that knows how to quote a string.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rulebus::inline v1::detail {

/// Appends text as a JSON string with its quotes. Escapes what must be escaped (RFC 8259, section 7) and nothing else;
/// valid UTF-8 stays as it is.
inline void append_json_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  std::size_t from = 0;  // what needs no escape is appended in runs
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(from, i - from));
    from = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += hex[static_cast<unsigned char>(c) >> 4];
        out += hex[static_cast<unsigned char>(c) & 15];
    }
  }
  out.append(text.substr(from));
  out += '"';
}

}  // namespace rulebus::inline v1::detail
