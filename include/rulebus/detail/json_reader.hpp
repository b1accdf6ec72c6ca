// json_reader: JSON text, token by token, with the place of everything; strict RFC 8259, no unpaired surrogates (RFC 7493),
// valid UTF-8. For patterns and for saying where an event is broken: exact places and the service's words come before
// speed here. (Events themselves are read by json_index.hpp.)
//
// Thread safety: one thread each. Lifetime: tokens of strings without escapes, and of numbers, are views of the text; a
// string with escapes is decoded into the reader and lives until the next call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

/// An error at a byte of a text, with line and column worked out. Lines end at \n; columns count bytes from 1.
RULEBUS_API error error_at(errc code, std::string message, std::string_view text, std::size_t offset);

enum class token : std::uint8_t {
  object_begin,
  object_end,
  array_begin,
  array_end,
  key,     ///< member name; text() decoded
  string,  ///< text() decoded
  number,  ///< text() as written
  true_value,
  false_value,
  null_value,
  end,    ///< the text is over, and was one complete value
  error,  ///< see failure(); every further next() gives error again
};

class json_reader {
 public:
  RULEBUS_API explicit json_reader(std::string_view text, std::size_t max_depth = 1000);

  RULEBUS_API token next();

  std::string_view text() const noexcept { return value_; }  ///< of the last key, string or number
  std::size_t offset() const noexcept { return start_; }     ///< of the last token's first byte
  std::size_t end_offset() const noexcept { return pos_; }   ///< just behind the last token
  std::size_t depth() const noexcept { return open_.size(); }
  /// errc::invalid_json, at the byte that cannot be (at the end of the text when it is cut off, at the backslash of a bad
  /// escape, at the first character of an unknown word); errc::limit_exceeded at the bracket that is one too deep.
  const error& failure() const noexcept { return failure_; }

 private:
  token fail(errc code, std::string message, std::size_t offset);
  token unexpected(std::string_view why);  // the character at pos_
  token over();                            // the text, too early
  token value();
  token open(token kind, char bracket);
  token close();
  token key();
  token string(token kind);
  bool rest_of_string(token kind, std::size_t begin);
  bool escape();
  token number();
  token literal();
  bool at_end() const noexcept { return pos_ >= input_.size(); }
  bool skip_digits() noexcept;
  void skip_space() noexcept;
  bool in_object() const noexcept { return !open_.empty() && input_[open_.back()] == '{'; }
  std::string place(std::size_t offset) const;
  token done(token kind) noexcept;

  enum class expect : std::uint8_t { value, first_key_or_end, colon, first_value_or_end, comma_or_end, nothing };
  std::string_view input_, value_;
  std::size_t pos_ = 0, start_ = 0, max_depth_;
  std::vector<std::size_t> open_;  // where the '{' and '[' are
  std::string decoded_;
  error failure_;
  expect expect_ = expect::value;
  bool failed_ = false;
};

/// The first thing wrong with a text that should be one JSON object: errc::invalid_json, errc::limit_exceeded, or
/// errc::invalid_event (valid JSON, but no object); no error at all when it is fine.
RULEBUS_API result<void> check_json_object(std::string_view text, std::size_t max_depth);

}  // namespace rulebus::inline v1::detail
