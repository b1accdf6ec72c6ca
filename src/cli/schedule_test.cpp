// rulebus schedule test: unit tests for schedule expressions, one a line.
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "input.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "schedule_case.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

class schedule_test_run {
 public:
  explicit schedule_test_run(const common_options& common) : common_(common), paint_(common.colour) {}

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
    schedule_case c;
    std::string complaint = too_long_message();
    if (text.size() > block_reader::max_line_bytes || !parse_schedule_case(text, c, complaint)) {
      return broken(path, number, complaint, shown);
    }
    // Of two dialects the first whose answer is not as expected; otherwise they say the same, but for details of errors.
    schedule_answer got;
    std::vector<schedule_disagreement> wrong;
    dialect asked{};
    for (const dialect d : c.dialects) {
      got = answer(c, d);
      wrong = compare(c, got);
      asked = d;
      if (!wrong.empty()) break;
    }
    if (common_.json) output_.write(json_of(c, got));
    if (wrong.empty()) {
      ++(c.expects_something() ? passed_ : unchecked_);
      return;
    }
    ++failed_;
    if (common_.json) return;
    std::string report = heading(path, number) + fmt::format(" {} ({})\n", paint_(colour::bold, printable(c.expression)),
                                                             asked == dialect::rule ? "rule" : "scheduler");
    for (const schedule_disagreement& d : wrong) {
      report += fmt::format("  {}\n    expected: {}\n    got:      {}\n", d.what, printable(d.expected), printable(d.got));
    }
    output_.write(report + '\n');
    flush(shown);
  }

  static std::string json_of(const schedule_case& c, const schedule_answer& a) {
    const std::string start = fmt::format(R"({{"expr":{},)", json_string(c.expression));
    if (a.error) return start + fmt::format("\"error\":{}}}\n", json_string(a.error->message));
    return start + fmt::format("\"next\":{}}}\n", instants_json(a.next));
  }

  void broken(const std::string& path, std::size_t number, const std::string& complaint, progress& shown) {
    ++failed_;
    if (common_.json) {
      output_.write(fmt::format("{{\"line\":{},\"line_error\":{}}}\n", number, json_string(complaint)));
      return;
    }
    output_.write(fmt::format("{}\n  not a test: {}\n\n", heading(path, number), printable(complaint)));
    flush(shown);
  }

  std::string heading(const std::string& path, std::size_t number) const {
    return fmt::format("{} {}:{}", paint_(colour::red, "FAIL"), shown_path(path), number);
  }

  void flush(progress& shown) {
    shown.clear();
    output_.flush();
  }

  const common_options& common_;
  painter paint_;
  standard_output output_;
  std::uint64_t lines_ = 0, passed_ = 0, failed_ = 0, unchecked_ = 0;
};

}  // namespace

int run_schedule_test(const test_options& options, const common_options& common) {
  schedule_test_run run(common);
  for (const std::string& path : options.files) run.file(path);
  return run.finish();
}

}  // namespace rulebus::cli
