#include "rulebus/detail/json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/utf8.hpp"

namespace rulebus::inline v1::detail {

namespace reader_text {

constexpr std::string_view value_expected =
    "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

// Most texts are not nested deeper than this; room for them at once saves growing step by step.
constexpr std::size_t usual_depth = 8;

bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

// Behind the bytes from `at` on that a string may hold as they are and that are ASCII.
std::size_t skip_plain(std::string_view text, std::size_t at) noexcept {
  const auto is_plain = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  };
  while (at < text.size() && is_plain(text[at])) ++at;
  return at;
}

// A character as the service's messages show it.
std::string describe(utf8_character c) {
  if (c.code < 0x20) return fmt::format("(CTRL-CHAR, code {})", c.code);
  std::string text;
  append_utf8(text, c.code);
  return c.code > 0xFF ? fmt::format("'{}' (code {} / {:#x})", text, c.code, c.code)
                       : fmt::format("'{}' (code {})", text, c.code);
}

}  // namespace reader_text

error error_at(errc code, std::string message, std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const std::size_t newline = before.rfind('\n');
  const auto lines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t column = newline == std::string_view::npos ? offset : offset - newline - 1;
  return {code, std::move(message), offset, lines + 1, column + 1};
}

json_reader::json_reader(std::string_view text, std::size_t max_depth) : input_(text), max_depth_(max_depth) {
  open_.reserve(std::min(max_depth, reader_text::usual_depth));
}

token json_reader::fail(errc code, std::string message, std::size_t offset) {
  failed_ = true;
  value_ = {};
  failure_ = error_at(code, std::move(message), input_, offset);
  return token::error;
}

token json_reader::unexpected(std::string_view why) {
  const utf8_character c = decode_utf8(input_, pos_);
  if (c.length == 0) {
    return fail(errc::invalid_json, fmt::format("Invalid UTF-8: byte {:#04x}", static_cast<unsigned char>(input_[pos_])), pos_);
  }
  if (c.code == '/') why = "maybe a (non-standard) comment?";
  const std::string shown = reader_text::describe(c);
  if (c.code < 0x20 && !is_json_space(input_[pos_])) {
    return fail(errc::invalid_json,
                fmt::format("Illegal character ({}): only regular white space (\\r, \\n, \\t) is allowed between tokens", shown),
                pos_);
  }
  return fail(errc::invalid_json, fmt::format("Unexpected character ({}){}{}", shown, why.starts_with("in ") ? " " : ": ", why),
              pos_);
}

std::string json_reader::place(std::size_t offset) const {
  const error at = error_at(errc::invalid_json, {}, input_, offset);
  return fmt::format("line: {}, column: {}", at.line, at.column);
}

token json_reader::over() {
  if (open_.empty()) return fail(errc::invalid_json, "Unexpected end-of-input: no JSON value", input_.size());
  return fail(errc::invalid_json,
              fmt::format("Unexpected end-of-input: expected close marker for {} (start marker at {})",
                          in_object() ? "Object" : "Array", place(open_.back())),
              input_.size());
}

void json_reader::skip_space() noexcept {
  while (!at_end() && is_json_space(input_[pos_])) ++pos_;
}

token json_reader::done(token kind) noexcept {
  expect_ = open_.empty() ? expect::nothing : expect::comma_or_end;
  return kind;
}

token json_reader::next() {
  if (failed_) return token::error;
  value_ = {};
  skip_space();
  start_ = pos_;
  if (expect_ == expect::nothing) return at_end() ? token::end : unexpected("was expecting the end of the text");
  if (at_end()) return over();
  const char c = input_[pos_];
  switch (expect_) {
    case expect::first_key_or_end: return c == '}' || c == ']' ? close() : key();
    case expect::first_value_or_end: return c == '}' || c == ']' ? close() : value();
    case expect::comma_or_end:
      if (c == '}' || c == ']') return close();
      if (c != ',') {
        return unexpected(in_object() ? "was expecting comma to separate Object entries"
                                      : "was expecting comma to separate Array entries");
      }
      break;
    case expect::colon:
      if (c != ':') return unexpected("was expecting a colon to separate field name and value");
      break;
    default: return value();
  }
  const bool after_comma = expect_ == expect::comma_or_end;
  ++pos_;
  skip_space();
  start_ = pos_;
  if (at_end()) return over();
  return after_comma && in_object() ? key() : value();
}

token json_reader::key() {
  if (input_[pos_] != '"') return unexpected("was expecting double-quote to start field name");
  return string(token::key);
}

token json_reader::value() {
  switch (const char c = input_[pos_]) {
    case '{': return open(token::object_begin, c);
    case '[': return open(token::array_begin, c);
    case '"': return string(token::string);
    default:
      if (c == '-' || is_digit(c)) return number();
      if (reader_text::is_word(c)) return literal();
      if (c == '+') return unexpected("in numeric value: JSON spec does not allow numbers to have plus signs");
      return unexpected(reader_text::value_expected);
  }
}

token json_reader::open(token kind, char bracket) {
  if (open_.size() >= max_depth_) {
    return fail(errc::limit_exceeded, fmt::format("Nesting of objects and arrays exceeds max depth of {}", max_depth_), pos_);
  }
  open_.push_back(pos_++);
  expect_ = bracket == '{' ? expect::first_key_or_end : expect::first_value_or_end;
  return kind;
}

token json_reader::close() {
  const bool object = in_object();
  if (input_[pos_] != (object ? '}' : ']')) {
    return fail(errc::invalid_json,
                fmt::format("Unexpected close marker '{}': expected '{}' (for {} starting at {})", input_[pos_],
                            object ? '}' : ']', object ? "Object" : "Array", place(open_.back())),
                pos_);
  }
  ++pos_;
  open_.pop_back();
  return done(object ? token::object_end : token::array_end);
}

token json_reader::string(token kind) {
  const std::size_t begin = ++pos_;
  pos_ = reader_text::skip_plain(input_, begin);
  if (!at_end() && input_[pos_] == '"') {
    value_ = std::string_view(input_.data() + begin, pos_ - begin);
  } else if (!rest_of_string(kind, begin)) {
    return token::error;
  }
  ++pos_;
  if (kind != token::key) return done(kind);
  expect_ = expect::colon;
  return kind;
}

// From pos_ to the closing quote, of a string whose content is at `begin`.
bool json_reader::rest_of_string(token kind, std::size_t begin) {
  bool escaped = false;
  std::size_t plain = begin;  // begin of what is not yet in decoded_, once there was an escape
  for (; at_end() || input_[pos_] != '"'; pos_ = reader_text::skip_plain(input_, pos_)) {
    if (at_end()) {
      fail(errc::invalid_json,
           kind == token::key ? "Unexpected end-of-input in field name"
                              : "Unexpected end-of-input: was expecting closing quote for a string value",
           pos_);
      return false;
    }
    const auto c = static_cast<unsigned char>(input_[pos_]);
    if (c == '\\') {
      if (!escaped) decoded_.clear();
      escaped = true;
      decoded_.append(input_, plain, pos_ - plain);
      if (!escape()) return false;
      plain = pos_;
    } else if (c >= 0x80) {
      const utf8_character multi = decode_utf8(input_, pos_);
      if (multi.length == 0) return unexpected({}), false;
      pos_ += multi.length;
    } else {
      fail(errc::invalid_json,
           fmt::format("Illegal unquoted character ({}): has to be escaped using backslash to be included in {}",
                       reader_text::describe({c, 1}), kind == token::key ? "name" : "string value"),
           pos_);
      return false;
    }
  }
  if (escaped) decoded_.append(input_, plain, pos_ - plain);
  value_ = escaped ? std::string_view(decoded_) : input_.substr(begin, pos_ - begin);
  return true;
}

// Decodes the escape at pos_, or fails at its backslash, and for four bad digits at the first of them.
bool json_reader::escape() {
  const char* const end = input_.data() + input_.size();
  const char* from = input_.data() + pos_;
  char bytes[4], *to = bytes;
  if (decode_escape(from, end, to)) {
    decoded_.append(bytes, to);
    pos_ = static_cast<std::size_t>(from - input_.data());
    return true;
  }
  const std::size_t left = input_.size() - pos_;
  if (left < 2) return fail(errc::invalid_json, "Unexpected end-of-input in character escape sequence", input_.size()), false;
  if (input_[pos_ + 1] != 'u') {
    const utf8_character c = decode_utf8(input_, pos_ + 1);
    const std::string shown = c.length == 0 ? "not UTF-8" : reader_text::describe(c);
    return fail(errc::invalid_json, fmt::format("Unrecognized character escape {}", shown), pos_), false;
  }
  for (std::size_t i = 2; i < 6; ++i) {
    if (i >= left) return fail(errc::invalid_json, "Unexpected end-of-input in character escape sequence", input_.size()), false;
    const char digit[4] = {'0', '0', '0', input_[pos_ + i]};
    if (hex4(digit, digit + 4) >= 0) continue;
    pos_ += i;
    return unexpected("expected a hex-digit for character escape sequence"), false;
  }
  return fail(errc::invalid_json, fmt::format("Unpaired surrogate escape {}", input_.substr(pos_, 6)), pos_), false;
}

bool json_reader::skip_digits() noexcept {
  const std::size_t from = pos_;
  while (!at_end() && is_digit(input_[pos_])) ++pos_;
  return pos_ != from;
}

token json_reader::number() {
  const auto missing = [this](std::string_view what) {
    if (at_end()) return fail(errc::invalid_json, "Unexpected end-of-input in numeric value", pos_);
    return unexpected(what);
  };
  if (input_[pos_] == '-') ++pos_;
  const std::size_t first = pos_;
  if (!skip_digits()) return missing("in numeric value: No digit following minus sign");
  if (input_[first] == '0' && pos_ - first > 1) {
    return fail(errc::invalid_json, "Invalid numeric value: Leading zeroes not allowed", first);
  }
  if (!at_end() && input_[pos_] == '.') {
    ++pos_;
    if (!skip_digits()) return missing("in numeric value: Decimal point not followed by a digit");
  }
  if (!at_end() && (input_[pos_] == 'e' || input_[pos_] == 'E')) {
    ++pos_;
    if (!at_end() && (input_[pos_] == '+' || input_[pos_] == '-')) ++pos_;
    if (!skip_digits()) return missing("in numeric value: Exponent indicator not followed by a digit");
  }
  value_ = input_.substr(start_, pos_ - start_);
  return done(token::number);
}

token json_reader::literal() {
  while (!at_end() && reader_text::is_word(input_[pos_])) ++pos_;
  const std::string_view word = input_.substr(start_, pos_ - start_);
  if (word == "true") return done(token::true_value);
  if (word == "false") return done(token::false_value);
  if (word == "null") return done(token::null_value);
  if (word == "NaN" || word == "Infinity") return fail(errc::invalid_json, fmt::format("Non-standard token '{}'", word), start_);
  return fail(
      errc::invalid_json,
      fmt::format(
          "Unrecognized token '{}{}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
          word.substr(0, 256), word.size() > 256 ? "..." : ""),
      start_);
}

result<void> check_json_object(std::string_view text, std::size_t max_depth) {
  json_reader reader(text, max_depth);
  const token first = reader.next();
  const std::size_t at = reader.offset();
  for (token t = first; t != token::end; t = reader.next()) {
    if (t == token::error) return reader.failure();
  }
  if (first != token::object_begin) return error_at(errc::invalid_event, "Event must be a JSON object", text, at);
  return {};
}

}  // namespace rulebus::inline v1::detail
