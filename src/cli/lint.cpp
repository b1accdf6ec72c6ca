// rulebus lint: is a pattern valid, and if not, what is wrong where?
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "excerpt.hpp"
#include "input.hpp"
#include "json_slices.hpp"
#include "output.hpp"
#include "rules_file.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

/// Does a line of the text hold an object by itself? Not when it is indented: that is a part of something larger.
bool has_objects_by_line(std::string_view text) {
  std::vector<raw_member> members;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.starts_with('{') && slice_object(line, members)) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

/// A file is an array of rows, or one row over as many lines as it likes, or rows by line. A row is a rule or a pattern.
void cut(rules_file& file) {
  const std::string_view body = trimmed(file.text);
  if (std::vector<raw_member> members; !body.empty() && slice_object(body, members)) {
    std::size_t line = 1, column = 1;
    for (const char* c = file.text.data(); c != body.data(); ++c) {
      column = *c == '\n' ? 1 : column + 1;
      line += *c == '\n' ? 1 : 0;
    }
    return parse_rule_row(file, body, line, column, row_shape::rule_or_pattern);
  }
  if (body.starts_with('[') || has_objects_by_line(file.text)) return parse_rules(file, row_shape::rule_or_pattern);
  file.rows.push_back({.raw = file.text});
}

class lint_run {
 public:
  explicit lint_run(const common_options& common) : common_(common), paint_(common.colour) {}

  void file(const std::string& path) {
    rules_file file;
    file.path = path;
    file.text = read_file(path);
    cut(file);
    std::size_t invalid = 0, next = 0;
    const auto findings_before = [&](std::size_t line) {
      for (; next < file.findings.size() && file.findings[next].line < line; ++next, ++invalid)
        print_finding(file, file.findings[next]);
    };
    for (const rule_row& row : file.rows) {
      findings_before(row.line);
      const auto parsed = pattern::parse(row.pattern(), common_.patterns);
      if (!parsed) ++invalid;
      print_row(file, row, parsed ? nullptr : &parsed.error());
    }
    findings_before(std::string::npos);
    found_ = found_ || invalid != 0;
    if (!common_.json) summary(file, invalid);
    output_.flush();
  }

  int finish() const { return found_ ? exit_finding : exit_fine; }

 private:
  void summary(const rules_file& file, std::size_t invalid) {
    const std::size_t total = file.rows.size() + file.findings.size();
    std::string verdict = paint_(colour::green, "valid");
    if (invalid != 0) verdict = paint_(colour::red, total == 1 ? "invalid" : fmt::format("{} invalid", grouped(invalid)));
    if (total != 1) verdict += fmt::format(" ({} patterns)", grouped(total));
    output_.write(fmt::format("{}: {}\n", printable(shown_path(file.path)), verdict));
  }

  void print_row(const rules_file& file, const rule_row& row, const error* e) {
    if (!common_.json) {
      if (e == nullptr) return;
      finding f = locate(file, row, *e);
      f.message = e->message;
      if (!row.name.empty()) f.message = fmt::format("rule {}: {}", json_string(row.name), e->message);
      return print(file, f, row.is_text ? excerpt_at(row.decoded, e->offset) : excerpt_at(file.text, f.offset));
    }
    std::string out = json_start(file, row.line);
    if (!row.name.empty()) out += R"(,"name":)" + json_string(row.name);
    out += fmt::format(R"(,"valid":{})", e == nullptr);
    if (e != nullptr) {
      out += fmt::format(R"(,"error":{},"code":"{}","offset":{},"error_line":{},"error_column":{})", json_string(e->message),
                         name(e->code), e->offset, e->line, e->column);
    }
    output_.write(out + "}\n");
  }

  void print_finding(const rules_file& file, const finding& f) {
    if (!common_.json) return print(file, f, excerpt_at(file.text, f.offset));
    output_.write(json_start(file, f.line) + fmt::format(R"(,"valid":false,"error":{}}})", json_string(f.message)) + '\n');
  }

  static std::string json_start(const rules_file& file, std::size_t line) {
    return fmt::format(R"({{"file":{},"line":{})", json_string(shown_path(file.path)), line);
  }

  void print(const rules_file& file, const finding& f, const excerpt& shown) {
    output_.write(fmt::format("{}:{}:{}: {} {}\n    {}\n    {}\n", printable(shown_path(file.path)), f.line, f.column,
                              paint_(colour::red, "error:"), printable(f.message), shown.line,
                              paint_(colour::green, shown.caret)));
  }

  const common_options& common_;
  painter paint_;
  standard_output output_;
  bool found_ = false;
};

}  // namespace

int run_lint(const lint_options& options, const common_options& common) {
  lint_run run(common);
  for (const std::string& path : options.files) run.file(path);
  return run.finish();
}

}  // namespace rulebus::cli
