// rulebus transform: what targets would be given instead of events, and unit tests for that, one a line.
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "input.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "transform_case.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

class transform_run {
 public:
  transform_run(const transform_options& options, const common_options& common) : common_(common), paint_(common.colour) {
    if (options.aws_limits) limits_ = transformer_options::aws();
    limits_.allow_quoted_names = options.quoted_names;
  }

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
    if (common_.json && failed_ != 0) {
      complain(fmt::format("{} of {} lines are not as expected; run without --json to see why", failed_, lines_));
    }
    return failed_ == 0 ? exit_fine : exit_finding;
  }

 private:
  void line(const std::string& path, std::string_view text, std::size_t number, progress& shown) {
    ++lines_;
    std::string complaint;
    const bool short_enough = text.size() <= block_reader::max_line_bytes;
    if (!short_enough || !parse_transform_case(text, number, case_, complaint)) {
      return broken(path, number, short_enough ? complaint : too_long_message(), shown);
    }
    const transform_case_answer got = answer(case_, limits_);
    if (common_.json) output_.write(answer_json(case_, got));
    const auto difference = compare(case_, got);
    if (!difference) {
      ++(case_.expects_something() ? passed_ : unchecked_);
      return;
    }
    ++failed_;
    if (common_.json) return;
    const std::string id = paint_(colour::bold, printable(case_.id));
    report(path, number,
           fmt::format(" {}\n  expected: {}\n  got:      {}", id, indented(difference->expected), indented(difference->got)),
           shown);
  }

  void broken(const std::string& path, std::size_t number, const std::string& complaint, progress& shown) {
    ++failed_;
    if (common_.json) {
      output_.write(fmt::format("{{\"id\":{},\"line_error\":{}}}\n", number, json_string(complaint)));
    } else {
      report(path, number, "\n  not a case: " + printable(complaint), shown);
    }
  }

  void report(const std::string& path, std::size_t number, const std::string& what, progress& shown) {
    output_.write(fmt::format("{} {}:{}{}\n\n", paint_(colour::red, "FAIL"), shown_path(path), number, what));
    flush(shown);
  }

  /// Several lines below each other.
  static std::string indented(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
      out += c;
      if (c == '\n') out += "            ";
    }
    return out;
  }

  void flush(progress& shown) {
    shown.clear();
    output_.flush();
  }

  const common_options& common_;
  transformer_options limits_;
  painter paint_;
  standard_output output_;
  transform_case case_;  ///< reused from line to line
  std::uint64_t lines_ = 0, passed_ = 0, failed_ = 0, unchecked_ = 0;
};

}  // namespace

int run_transform(const transform_options& options, const common_options& common) {
  transform_run run(options, common);
  for (const std::string& path : options.files) run.file(path);
  return run.finish();
}

}  // namespace rulebus::cli
