// schedule_rows: cases of schedule expressions as JSON Lines, as they are in tests/data/schedules.jsonl and in the conformance
// data:
//   {"expr", "dialect": "rule" | "scheduler" | "both", "tz"?, "from"?, "anchor"?, "next": [instants] | "error": true,
//    "offset"?, "dump"?, "says"?}
// `next` are the first instants behind `from`, of a rate with an anchor those from the anchor on; fewer than 5 mean that there
// are no more, unless "more" is true. `offset` is the place of the error, `dump` the canonical form, `says` the description.
#pragma once

#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "naive_json.hpp"
#include "rulebus/schedule_expression.hpp"

namespace tests {

struct schedule_row {
  std::string line{}, expr{}, dialect = "both", tz = "UTC";
  std::optional<std::string> from{}, anchor{}, dump{}, says{};
  std::optional<std::size_t> offset{};
  std::vector<std::string> next{};
  bool error = false;

  std::vector<rulebus::dialect> dialects() const {
    if (dialect == "rule") return {rulebus::dialect::rule};
    if (dialect == "scheduler") return {rulebus::dialect::scheduler};
    return {rulebus::dialect::rule, rulebus::dialect::scheduler};
  }
};

inline rulebus::time_point instant(const std::string& text) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &y, &mo, &d, &h, &mi, &s, &ms) < 6)
    throw std::runtime_error("instant " + text);
  using namespace std::chrono;
  return sys_days(year(y) / mo / d) + hours(h) + minutes(mi) + seconds(s) + milliseconds(ms);
}

inline std::string text_of(rulebus::time_point t) {
  using namespace std::chrono;
  const auto day = floor<days>(t);
  const year_month_day date(day);
  const hh_mm_ss time(t - day);
  char out[64];
  const int n = std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                              static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                              static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                              static_cast<int>(time.seconds().count()));
  std::string text(out, static_cast<std::size_t>(n));
  if (const auto ms = time.subseconds().count(); ms != 0) text += '.' + std::to_string(1000 + ms).substr(1);
  return text + 'Z';
}

inline schedule_row to_schedule_row(const std::string& line) {
  const naive::value whole = naive::parse_json(line, 100);
  const auto text = [&](const char* key) -> std::optional<std::string> {
    const naive::value* v = whole.find(key);
    return v == nullptr ? std::nullopt : std::optional(v->text);
  };
  schedule_row r;
  r.line = line;
  r.expr = text("expr").value();
  r.dialect = text("dialect").value_or("both");
  r.tz = text("tz").value_or("UTC");
  r.from = text("from"), r.anchor = text("anchor"), r.dump = text("dump"), r.says = text("says");
  if (const auto offset = text("offset")) r.offset = std::stoul(*offset);
  r.error = whole.find("error") != nullptr;
  if (const naive::value* next = whole.find("next"))
    for (const auto& item : next->items) r.next.push_back(item.text);
  return r;
}

inline std::vector<schedule_row> load_schedules(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<schedule_row> out;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) out.push_back(to_schedule_row(line));
  return out;
}

/// What the library says to a row in one dialect.
struct schedule_answer {
  std::vector<std::string> next{};
  std::optional<rulebus::error> error{};
  std::string dump{}, says{};
};

inline schedule_answer ask(const schedule_row& row, rulebus::dialect dialect) {
  schedule_answer out;
  const auto parsed = rulebus::schedule_expression::parse(row.expr, dialect, row.tz);
  if (!parsed) {
    out.error = parsed.error();
    return out;
  }
  auto e = *parsed;
  rulebus::time_point from = instant("0001-01-01T00:00:00Z");
  if (row.anchor) e = e.anchored_at(instant(*row.anchor)), from = instant(*row.anchor) - std::chrono::milliseconds(1);
  if (row.from) from = instant(*row.from);
  // Fewer than the usual five are all that there are: one more would show.
  const std::size_t wanted = row.next.size() < 5 ? row.next.size() + 1 : row.next.size();
  for (auto t = e.next_after(from); t && out.next.size() < wanted; t = e.next_after(*t)) out.next.push_back(text_of(*t));
  out.dump = e.dump();
  out.says = e.describe();
  return out;
}

}  // namespace tests
