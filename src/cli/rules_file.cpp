#include "rules_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "input.hpp"
#include "json_slices.hpp"
#include "output.hpp"

namespace rulebus::cli {
namespace {

constexpr std::string_view rule_object = R"(an object {"name": …, "pattern": …})";

/// Line and column while walking forward through a text.
class place {
 public:
  explicit place(std::string_view text) : text_(text) {}
  void go_to(const char* where) {
    const std::size_t target = static_cast<std::size_t>(where - text_.data());
    for (std::size_t end; (end = text_.find('\n', pos_)) < target; pos_ = end + 1) ++line_;
    column_ = target - pos_ + 1;
  }
  std::size_t line() const noexcept { return line_; }
  std::size_t column() const noexcept { return column_; }

 private:
  std::string_view text_;
  std::size_t pos_ = 0;  ///< start of the line
  std::size_t line_ = 1, column_ = 1;
};

/// Fills `row` from the members of one {"name", "pattern"}; false when that is something else.
bool fill_row(const std::vector<raw_member>& members, rule_row& row) {
  std::optional<std::string> name;
  for (const raw_member& m : members) {
    const auto key = decode_string(m.key);
    if (key == "name") name = decode_string(m.value);
    if (key == "pattern") row.raw = m.value;
  }
  if (!name || row.raw.empty()) return false;
  if (row.raw.front() == '"') {
    auto decoded = decode_string(row.raw);
    if (!decoded) return false;
    row.decoded = *std::move(decoded);
    row.is_text = true;
  }
  row.name = *std::move(name);
  return true;
}

/// `e` happened in a part of file.text that begins at that line and column.
finding find_in(const rules_file& file, std::string_view part, std::size_t line, std::size_t column, const error& e) {
  const std::size_t offset = static_cast<std::size_t>(part.data() - file.text.data()) + e.offset;
  if (e.line <= 1) return {offset, line, column + (e.column == 0 ? 0 : e.column - 1), e.message};
  return {offset, line + e.line - 1, e.column, e.message};
}

void parse_array(rules_file& file, row_shape shape) {
  std::vector<std::string_view> elements;
  if (!slice_array(file.text, elements)) {
    const error e = json_complaint(file.text, fmt::format("an array of {}", rule_object));
    file.findings.push_back(find_in(file, file.text, 1, 1, e));
    return;
  }
  place at(file.text);
  for (const std::string_view element : elements) {
    at.go_to(element.data());
    parse_rule_row(file, element, at.line(), at.column(), shape);
  }
}

}  // namespace

void parse_rule_row(rules_file& file, std::string_view text, std::size_t line, std::size_t column, row_shape shape) {
  std::vector<raw_member> members;
  const bool is_object = slice_object(text, members);
  rule_row row;
  if (is_object && fill_row(members, row)) {
    place at(text);
    at.go_to(row.raw.data());
    row.line = line + at.line() - 1;
    row.column = at.line() == 1 ? column + at.column() - 1 : at.column();
  } else if (is_object && shape == row_shape::rule_or_pattern) {
    row = {.raw = text, .line = line, .column = column};
  } else {
    file.findings.push_back(find_in(file, text, line, column, json_complaint(text, rule_object)));
    return;
  }
  file.rows.push_back(std::move(row));
}

void parse_rules(rules_file& file, row_shape shape) {
  if (trimmed(file.text).starts_with('[')) return parse_array(file, shape);
  std::size_t number = 1;
  for (std::string_view rest = file.text; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (const std::string_view line = rest.substr(0, end); !blank(line)) parse_rule_row(file, line, number, 1, shape);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

finding locate(const rules_file& file, const rule_row& row, const error& e) {
  if (!row.is_text) return find_in(file, row.raw, row.line, row.column, e);
  return find_in(file, row.raw, row.line, row.column,
                 {e.code, fmt::format("{} (at byte {} of the pattern's text)", e.message, e.offset)});
}

rule_loader::rule_loader(const std::string& path) {
  file_.path = path;
  file_.text = read_file(path);
  parse_rules(file_, row_shape::rule);
}

void rule_loader::report(const finding& f) {
  ++reported_;
  complain(fmt::format("{}:{}:{}: {}", shown_path(file_.path), f.line, f.column, f.message));
}

void rule_loader::report(const rule_row& row, const error& e) {
  finding f = locate(file_, row, e);
  f.message = fmt::format("rule {}: {}", json_string(row.name), f.message);
  report(f);
}

bool rule_loader::finish() const {
  if (reported_ == 0) return true;
  const std::string advice = file_.path == "-" ? "" : fmt::format("; see each place with 'rulebus lint {}'", file_.path);
  complain(fmt::format("{} of {} rules cannot be used, so nothing was done{}", reported_,
                       file_.rows.size() + file_.findings.size(), advice));
  return false;
}

}  // namespace rulebus::cli
