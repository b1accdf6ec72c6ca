// The project's own rows of the language: every sentence of docs/patterns.md has some. tests/data/language_*.jsonl are the
// language as it is by default; tests/data/additions.jsonl has in "allow" which pattern_options a row needs.
#include "rulebus/matcher.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "support/matcher_answer.hpp"
#include "support/naive_answer.hpp"
#include "support/rows.hpp"

namespace {

std::vector<std::string> language_files() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(RULEBUS_SOURCE_DIR "/tests/data")) {
    const std::string name = entry.path().filename().string();
    if ((name.starts_with("language_") && name.ends_with(".jsonl")) || name == "additions.jsonl")
      out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

rulebus::pattern_options allowed_by(const rows::row& row) {
  rulebus::pattern_options o;
  const auto names = rows::names_in(row.whole.find("allow"));
  o.allow_regexp = names.count("regexp") != 0;
  o.allow_wildcard_ignore_case = names.count("wildcard_ignore_case") != 0;
  o.allow_cidr_single_address = names.count("cidr_single_address") != 0;
  o.allow_all = names.count("all") != 0;
  return o;
}

naive::additions additions_in(const rulebus::pattern_options& o) {
  return {o.allow_regexp, o.allow_wildcard_ignore_case, o.allow_cidr_single_address, o.allow_all};
}

const std::string& why(const rows::row& row) {
  static const std::string nothing;
  const naive::value* v = row.whole.find("why");
  return v == nullptr ? nothing : v->text;
}

}  // namespace

TEST_CASE("language data: the matcher gives the answer of every row") {
  std::size_t count = 0;
  for (const std::string& file : language_files())
    for (const rows::row& row : rows::load(file)) {
      ++count;
      const auto answer = tests::matcher_answer(row, {allowed_by(row), {}});
      CHECK_MESSAGE(answer == row.expected,
                    row.id << ' ' << why(row) << ": " << tests::to_text(answer) << "\n  " << rows::to_line(row));
    }
  MESSAGE(count << " rows");
  CHECK(count > 500);
}

TEST_CASE("language data: the slow twin gives the answer of every row") {
  for (const std::string& file : language_files())
    for (const rows::row& row : rows::load(file)) {
      const auto answer = naive::answer(row, additions_in(allowed_by(row)));
      CHECK_MESSAGE(answer == row.expected, row.id << ' ' << why(row) << ": " << tests::to_text(answer));
    }
}

TEST_CASE("language data: every row has an id of its own and says why") {
  std::set<std::string> ids;
  for (const std::string& file : language_files())
    for (const rows::row& row : rows::load(file)) {
      CHECK_MESSAGE(ids.insert(row.id).second, row.id);
      CHECK_MESSAGE(!why(row).empty(), row.id);
    }
}
