// rulebus test: unit tests for rules, one a line.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "input.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "rulebus/explain.hpp"
#include "test_case.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

/// {"id", "matched", "errors"?, "event_error"?}
std::string answer_json(const test_case& c, const test_answer& a) {
  std::string out = fmt::format(R"({{"id":{},"matched":[)", c.id);
  const char* separator = "";
  for (const std::string& name : a.matched) {
    out += separator;
    append_json_string(out, name);
    separator = ",";
  }
  out += ']';
  separator = R"(,"errors":{)";
  for (const auto& [name, message] : a.errors) {
    out += separator;
    append_json_string(out, name);
    out += ':';
    append_json_string(out, message);
    separator = ",";
  }
  if (!a.errors.empty()) out += '}';
  if (a.event_error) {
    out += R"(,"event_error":)";
    append_json_string(out, *a.event_error);
  }
  return out + "}\n";
}

class test_run {
 public:
  test_run(const test_options& options, const common_options& common)
      : options_(options), common_(common), paint_(common.colour) {}

  void file(const std::string& path) {
    block_reader in(path);
    progress shown("cases of " + shown_path(path), true, in.total_bytes());
    for (block b; in.next(b);) {
      const std::uint64_t before = lines_;
      for_each_line(b, [&](std::string_view text, std::size_t number) {
        if (!blank(text)) line(path, text, number, shown);
      });
      if (common_.json) flush(shown);
      shown.advance(lines_ - before, b.text.size());
    }
  }

  int finish() {
    if (!common_.json) {
      std::string summary = fmt::format("{} passed, {} failed", passed_, failed_);
      if (unchecked_ != 0) summary += fmt::format(", {} without expectation", unchecked_);
      output_.write(paint_(failed_ == 0 ? colour::green : colour::red, summary) + '\n');
    }
    output_.flush();
    if (common_.json && failed_ != 0)
      complain(fmt::format("{} of {} lines are not as expected; run without --json to see why", failed_, lines_));
    return failed_ == 0 ? exit_fine : exit_finding;
  }

 private:
  void line(const std::string& path, std::string_view text, std::size_t number, progress& shown) {
    ++lines_;
    std::string complaint;
    const bool short_enough = text.size() <= block_reader::max_line_bytes;
    if (!short_enough || !parse_test_case(text, number, case_, complaint)) {
      return broken(path, number, short_enough ? complaint : too_long_message(), shown);
    }
    const test_answer got = answer(case_, common_.patterns, options_.envelope);
    if (common_.json) output_.write(answer_json(case_, got));
    const auto disagreements = compare(case_, got);
    if (disagreements.empty()) {
      ++(case_.expects_something() ? passed_ : unchecked_);
      return;
    }
    ++failed_;
    if (common_.json) return;
    std::string report = heading(path, number);
    for (const disagreement& d : disagreements) report += describe(d);
    output_.write(report + '\n');
    flush(shown);
  }

  void broken(const std::string& path, std::size_t number, const std::string& complaint, progress& shown) {
    ++failed_;
    if (common_.json) {
      output_.write(fmt::format("{{\"id\":{},\"matched\":[],\"line_error\":{}}}\n", number, json_string(complaint)));
      return;
    }
    output_.write(fmt::format("{} {}:{}\n  not a test: {}\n\n", paint_(colour::red, "FAIL"), shown_path(path), number,
                              printable(complaint)));
    flush(shown);
  }

  std::string heading(const std::string& path, std::size_t number) const {
    return fmt::format("{} {}:{} {}\n", paint_(colour::red, "FAIL"), shown_path(path), number,
                       paint_(colour::bold, printable(case_.id)));
  }

  std::string describe(const disagreement& d) const {
    std::string out = fmt::format("  {}\n    expected: {}\n    got:      {}\n", d.what, printable(d.expected), printable(d.got));
    if (d.rule) out += why(*d.rule);
    return out;
  }

  /// The explanation of the first pattern of that name that is valid, indented.
  std::string why(const std::string& name) const {
    const auto rule = std::find_if(case_.rules.begin(), case_.rules.end(), [&](const case_rule& r) { return r.name == name; });
    if (rule == case_.rules.end()) return fmt::format("  there is no rule {}\n", printable(json_string(name)));
    for (const std::string& text : rule->patterns) {
      const auto parsed = pattern::parse(text, case_.patterns(common_.patterns));
      if (!parsed) continue;
      const auto explained = explain(*parsed, *case_.event);
      if (!explained) break;
      std::string out = fmt::format("  {}\n", paint_(colour::bold, printable(json_string(name))));
      return out + indented(explained->text());
    }
    return {};
  }

  static std::string indented(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      out += fmt::format("    {}\n", printable(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
  }

  void flush(progress& shown) {
    shown.clear();
    output_.flush();
  }

  const test_options& options_;
  const common_options& common_;
  painter paint_;
  standard_output output_;
  test_case case_;  ///< reused from line to line
  std::uint64_t lines_ = 0, passed_ = 0, failed_ = 0, unchecked_ = 0;
};

}  // namespace

int run_test(const test_options& options, const common_options& common) {
  test_run run(options, common);
  for (const std::string& path : options.files) run.file(path);
  return run.finish();
}

}  // namespace rulebus::cli
