// The answers of the reference and of the service, if their files are at hand (RULEBUS_CONFORMANCE_DATA).
#include "rulebus/matcher.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/matcher_answer.hpp"
#include "support/naive_answer.hpp"
#include "support/rows.hpp"

namespace {

std::string environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

/// The rows of a file; none, and it is said plainly, when the data is not there. In CI that is a failure.
std::vector<rows::row> conformance_rows(const std::string& file) {
  std::string folder = environment("RULEBUS_CONFORMANCE_DATA");
  if (folder.empty()) folder = RULEBUS_CONFORMANCE_DATA;
  const auto path = std::filesystem::path(folder) / file;
  if (std::filesystem::exists(path)) return rows::load(path.string());
  MESSAGE("NOT TESTED: there is no " << path.string() << "; RULEBUS_CONFORMANCE_DATA says where it is");
  CHECK_MESSAGE(environment("RULEBUS_REQUIRE_CONFORMANCE") != "1", "RULEBUS_REQUIRE_CONFORMANCE is set");
  return {};
}

/// Every row through the matcher, and through the twin, so that the twin can be trusted where there are no rows.
void all_agree(const std::string& file) {
  const auto cases = conformance_rows(file);
  for (const rows::row& row : cases) {
    const rows::answer fast = tests::matcher_answer(row), slow = naive::answer(row);
    CHECK_MESSAGE(fast == row.expected, rows::to_line(row) << "\n  matcher: " << tests::to_text(fast));
    CHECK_MESSAGE(slow == row.expected, rows::to_line(row) << "\n  twin: " << tests::to_text(slow));
  }
  MESSAGE(file << ": " << cases.size() << " rows");
}

const std::string& text_at(const rows::row& row, const char* key) {
  static const std::string nothing;
  const naive::value* v = row.whole.find(key);
  return v == nullptr ? nothing : v->text;
}

/// The reason inside the service's message: from "Reason: " to where it quotes the source.
std::string reason_in(const std::string& message) {
  const std::string_view before = "Reason: ";
  const auto start = message.find(before);
  if (start == std::string::npos) return "";
  const auto from = start + before.size();
  return message.substr(from, message.find("\n at [Source", from) - from);
}

/// Rows that are about the service around the language, not about the language.
bool is_about_the_service(const std::string& id) {
  return id == "content_wildcard_complex_EXC" || id == "plain_string_payload" || id == "array_event_payload" ||
         id == "invalid_event_payload";
}

rows::row of_service(const rows::row& row) {
  return {row.id, {{"rule", text_at(row, "pattern_text")}}, text_at(row, "event_text"), {}, {}};
}

}  // namespace

TEST_CASE("conformance: every answer of the reference's own test suite") { all_agree("patterns_ruler.jsonl"); }

TEST_CASE("conformance: every edge case") { all_agree("patterns_edge.jsonl"); }

TEST_CASE("conformance: every verdict on whether a pattern is valid") {
  const auto cases = conformance_rows("pattern_errors.jsonl");
  for (const rows::row& row : cases) {
    const std::string& text = text_at(row, "pattern");
    const bool valid = row.whole.find("valid")->is(naive::kind::true_value);
    const auto parsed = rulebus::pattern::parse(text);
    CHECK_MESSAGE(parsed.has_value() == valid, row.id << ' ' << text << (parsed ? "" : ": " + parsed.error().message));
  }
  MESSAGE("pattern_errors.jsonl: " << cases.size() << " rows");
}

TEST_CASE("conformance: every recorded answer of the service, its errors in its own words") {
  const auto cases = conformance_rows("patterns_aws.jsonl");
  for (const rows::row& row : cases) {
    if (is_about_the_service(row.id)) continue;
    const std::string& expect = text_at(row, "expect");
    const auto answer = tests::matcher_answer(of_service(row));
    const std::string got = !answer.errors.empty() || answer.event_error ? "error"
                            : answer.matched.empty()                     ? "no-match"
                                                                         : "match";
    CHECK_MESSAGE(got == expect, rows::to_line(of_service(row)) << " expected: " << expect);
    if (expect != "error") continue;
    const auto parsed = rulebus::pattern::parse(text_at(row, "pattern_text"));
    if (!parsed) CHECK_MESSAGE(parsed.error().message == reason_in(text_at(row, "error_message")), row.id);
  }
  MESSAGE("patterns_aws.jsonl: " << cases.size() << " rows");
}

TEST_CASE("conformance: the service's limit on wildcards is an option") {
  for (const rows::row& row : conformance_rows("patterns_aws.jsonl")) {
    if (row.id != "content_wildcard_complex_EXC") continue;
    const std::string& text = text_at(row, "pattern_text");
    CHECK(rulebus::pattern::parse(text).has_value());
    const auto wildcard = row.whole.find("pattern")->items[0].items[0].items[0].text;
    rulebus::pattern_options options;
    options.max_wildcard_complexity = rulebus::wildcard_complexity(wildcard).value();
    CHECK(rulebus::pattern::parse(text, options).has_value());
    --options.max_wildcard_complexity;
    const auto parsed = rulebus::pattern::parse(text, options);
    REQUIRE(!parsed.has_value());
    CHECK(parsed.error().code == rulebus::errc::limit_exceeded);
    CHECK(parsed.error().message == reason_in(text_at(row, "error_message")));
  }
}

TEST_CASE("conformance: the service's checks of the envelope are not the matcher's, which wants an object") {
  for (const rows::row& row : conformance_rows("patterns_aws.jsonl")) {
    if (row.id == "plain_string_payload") CHECK(tests::matcher_answer(of_service(row)).event_error);
    if (row.id == "array_event_payload") CHECK(tests::matcher_answer(of_service(row)).event_error);
    if (row.id == "invalid_event_payload") CHECK(tests::matcher_answer(of_service(row)) == rows::answer{});
  }
}
