// pattern_program: what the parts of the pattern parser hand to each other. A pattern is read to a program (its fields and
// `$or` choices in the order of the text, paths joined), the program loses what later fields override for sure, and then
// becomes the tree (pattern_tree.hpp) and the canonical text.
//
//   pattern.cpp text -> program · pattern_values.cpp the conditions of one field · wildcard.cpp wildcards
//   pattern_or.cpp program -> tree · pattern_dump.cpp conditions and program -> text
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/pattern_tree.hpp"
#include "rulebus/pattern.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

// ---- programs

/// Takes out the fields that later items override in every combination. A branch may lose all its fields and stay, empty; a
/// choice of empty branches only goes. Recursive over nested `$or`, as everything here. Cost: linear.
RULEBUS_API void drop_overridden(program& p);

/// The normal form of a program after drop_overridden(). Error: errc::limit_exceeded for more than max_paths distinct paths
/// in one combination, with the offset of the field or `$or` that is too many, but without line and column.
RULEBUS_API result<group> normalise(const program& p, std::size_t max_paths);

/// The canonical text of a program after drop_overridden().
RULEBUS_API std::string dump_program(const program& p);

/// True for the keys that the language does not take as field names inside `$or`.
bool is_reserved(std::string_view key) noexcept;

// ---- values

/// One parse: the text, how far it is read, and what went wrong first.
class pattern_source {
 public:
  pattern_source(std::string_view text, const pattern_options& limits, std::size_t max_depth)
      : options(limits), reader(text, max_depth), text_(text) {}

  /// The next token, which becomes `last`. token::error: failure() says what.
  token next() {
    last = reader.next();
    if (last == token::error) failure_ = reader.failure();
    return last;
  }

  /// Notes the error; always false. Without an offset: at the last token.
  bool fail(std::string message) { return fail(std::move(message), reader.offset()); }
  bool fail(std::string message, std::size_t offset, errc code = errc::invalid_pattern) {
    // What the reader could not read was reported already, and is the first error.
    if (last != token::error) failure_ = error_at(code, std::move(message), text_, offset);
    return false;
  }
  const error& failure() const noexcept { return failure_; }

  /// The last token as it is written in the text.
  std::string_view written() const { return text_.substr(reader.offset(), reader.end_offset() - reader.offset()); }

  const pattern_options& options;
  json_reader reader;
  token last = token::end;
  std::size_t regexps = 0;  ///< compiled so far

 private:
  std::string_view text_;
  error failure_;
};

/// Reads the values of a field, whose `[` is the last token, to the `]`. Canonical order, each once. False: see failure().
bool read_values(pattern_source& source, std::vector<condition>& out);

/// Sorts by canonical text, `absent` last, and leaves each condition once.
RULEBUS_API void make_canonical(std::vector<condition>& any_of);

/// One condition as canonical JSON.
void append_condition(std::string& out, const condition& c);

/// Splits a wildcard into its literal pieces. Error: errc::invalid_pattern, without a place.
RULEBUS_API result<wildcard_pieces> parse_wildcard(std::string_view text);

}  // namespace rulebus::inline v1::detail
