// rules_file: named patterns from a file, as JSON Lines or one JSON array of {"name": …, "pattern": …}.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/pattern.hpp"
#include "rulebus/result.hpp"

namespace rulebus::cli {

/// One pattern as written, and where that is.
struct rule_row {
  std::string name{};
  std::string_view raw{};  ///< the pattern's JSON as it stands in the file: an object, or a string with the text of one
  std::string decoded{};   ///< the text of that string
  bool is_text = false;    ///< it was such a string
  std::size_t line = 1;    ///< of raw in the file
  std::size_t column = 1;  ///< of raw in its line, in bytes

  std::string_view pattern() const noexcept { return is_text ? std::string_view(decoded) : raw; }
};

/// A place in a file and what is wrong there.
struct finding {
  std::size_t offset = 0;  ///< in bytes
  std::size_t line = 1, column = 1;
  std::string message{};
};

/// The rows of one file. Lifetime: rows look into text, so that a rules_file stays where it is.
struct rules_file {
  std::string path{}, text{};
  std::vector<rule_row> rows{};     ///< in the file's order
  std::vector<finding> findings{};  ///< what is no row

  rules_file() = default;
  rules_file(const rules_file&) = delete;
  rules_file& operator=(const rules_file&) = delete;
};

/// What a row may be.
enum class row_shape {
  rule,             ///< {"name", "pattern"}; members other than these are ignored
  rule_or_pattern,  ///< or a pattern by itself, which becomes a row without a name
};

/// Cuts file.text into rows and findings.
void parse_rules(rules_file& file, row_shape shape);

/// Cuts one row, which is a part of file.text that begins at that line and column.
void parse_rule_row(rules_file& file, std::string_view text, std::size_t line, std::size_t column, row_shape shape);

/// Where in the file, and what: an error of the row's pattern.
finding locate(const rules_file& file, const rule_row& row, const error& e);

/// Reads a rules file and calls add(row), which returns a result, for each row. Reports every finding and every error as
/// "path:line:column" on standard error; true when there was none.
class rule_loader {
 public:
  explicit rule_loader(const std::string& path);
  const rules_file& file() const noexcept { return file_; }

  template <class Add>
  bool load(Add&& add) {
    for (const finding& f : file_.findings) report(f);
    for (const rule_row& row : file_.rows) {
      if (const auto added = add(row); !added) report(row, added.error());
    }
    return finish();
  }

 private:
  void report(const finding& f);
  void report(const rule_row& row, const error& e);
  bool finish() const;

  rules_file file_;
  std::size_t reported_ = 0;
};

}  // namespace rulebus::cli
