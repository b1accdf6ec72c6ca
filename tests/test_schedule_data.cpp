// Schedule expressions as data: the project's own rows (tests/data/schedules.jsonl), and the conformance file if it is at hand
// (RULEBUS_CONFORMANCE_DATA).
#include "rulebus/schedule_expression.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/naive_schedule.hpp"
#include "support/schedule_rows.hpp"

namespace {

std::string environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& t : texts) out += t + ' ';
  return out;
}

bool twin_accepts(const std::string& text, rulebus::dialect dialect) {
  try {
    naive::check_schedule(text, dialect == rulebus::dialect::scheduler);
    return true;
  } catch (const naive::rejected&) {
    return false;
  }
}

void check_row(const tests::schedule_row& row, rulebus::dialect dialect) {
  INFO(row.line);
  const auto got = tests::ask(row, dialect);
  CHECK(got.error.has_value() == row.error);
  if (row.tz == "UTC") CHECK(twin_accepts(row.expr, dialect) == !row.error);
  if (got.error) {
    CHECK(got.error->message.size() > 10);
    if (row.offset) CHECK(got.error->offset == *row.offset);
    return;
  }
  CHECK_MESSAGE(got.next == row.next, "got: " << joined(got.next));
  if (row.dump) CHECK(got.dump == *row.dump);
  if (row.says) CHECK(got.says == *row.says);
  const auto again = rulebus::schedule_expression::parse(got.dump, dialect, row.tz);
  REQUIRE_MESSAGE(again.has_value(), got.dump);
  CHECK(*again == rulebus::schedule_expression::parse(row.expr, dialect, row.tz).value());
  CHECK(again->dump() == got.dump);
}

}  // namespace

TEST_CASE("schedules: every row of the project's own") {
  const auto rows = tests::load_schedules(RULEBUS_SOURCE_DIR "/tests/data/schedules.jsonl");
  for (const auto& row : rows)
    for (const auto dialect : row.dialects()) check_row(row, dialect);
  CHECK(rows.size() > 100);
}

TEST_CASE("schedules: every example of docs/schedules.md, and its table of canonical forms") {
  std::ifstream page(RULEBUS_SOURCE_DIR "/docs/schedules.md");
  std::size_t examples = 0, forms = 0;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("{\"expr\"")) {
      ++examples;
      const auto row = tests::to_schedule_row(line);
      for (const auto dialect : row.dialects()) check_row(row, dialect);
    } else if (line.starts_with("| `cron(") || line.starts_with("| `rate(")) {
      ++forms;
      const std::size_t first = 3, middle = line.find("` | `"), last = line.rfind('`');
      const auto parsed = rulebus::schedule_expression::parse(line.substr(first, middle - first), rulebus::dialect::scheduler);
      CHECK(parsed.value().dump() == line.substr(middle + 5, last - middle - 5));
    }
  }
  CHECK(examples > 25);
  CHECK(forms == 4);
}

TEST_CASE("schedules: every row of the conformance file") {
  std::string folder = environment("RULEBUS_CONFORMANCE_DATA");
  if (folder.empty()) folder = RULEBUS_CONFORMANCE_DATA;
  const auto path = std::filesystem::path(folder) / "schedules.jsonl";
  if (!std::filesystem::exists(path)) {
    MESSAGE("NOT TESTED: there is no " << path.string() << "; RULEBUS_CONFORMANCE_DATA says where it is");
    CHECK_MESSAGE(environment("RULEBUS_REQUIRE_CONFORMANCE") != "1", "RULEBUS_REQUIRE_CONFORMANCE is set");
    return;
  }
  const auto rows = tests::load_schedules(path.string());
  for (const auto& row : rows)
    for (const auto dialect : row.dialects()) check_row(row, dialect);
  MESSAGE("schedules.jsonl: " << rows.size() << " rows");
}
