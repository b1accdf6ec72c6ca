// input_rows: rows about what targets are given, as in tests/data/inputs.jsonl and in the conformance data:
//   {"id", "event": object | "text", "input"? | "input_path"? | "input_transformer"?: {"InputPathsMap"?, "InputTemplate"},
//    "rule"?: {"rule_name", "rule_arn", "ingestion_time"}, "target_id"?, "quoted_names"?, "aws_limits"?,
//    "delivered"? and "delivered_text"? | "error"? or "error_message"? | "dropped"?: true or the reason, "why"?}
#pragma once

#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "naive_json.hpp"
#include "rows.hpp"
#include "rulebus/transformer.hpp"

namespace input_rows {

struct row {
  std::string id{}, event{}, target_id = "<target-id>";
  std::string rule_name{}, rule_arn{}, ingestion_time{};
  rulebus::target_input target{};
  rulebus::transformer_options options{};
  naive::value whole{};

  rulebus::transform_context context() const { return {rule_name, rule_arn, ingestion_time}; }
};

inline const naive::value* member(const naive::value& in, const char* name) {
  const naive::value* v = in.find(name);
  return v == nullptr || v->is(naive::kind::null_value) ? nullptr : v;
}
inline std::optional<std::string> text(const naive::value& in, const char* name) {
  const naive::value* v = member(in, name);
  return v == nullptr ? std::nullopt : std::optional(rows::text_of(*v));
}

inline row to_row(const std::string& line) {
  row r;
  r.whole = naive::parse_json(line, 2000);
  r.id = text(r.whole, "id").value();
  r.event = text(r.whole, "event").value();
  r.target_id = text(r.whole, "target_id").value_or(r.target_id);
  r.target.input = text(r.whole, "input");
  r.target.input_path = text(r.whole, "input_path");
  if (const naive::value* t = member(r.whole, "input_transformer")) {
    auto& made = r.target.input_transformer.emplace();
    made.input_template = t->find("InputTemplate")->text;
    if (auto path = text(*t, "InputPath")) r.target.input_path = path;  // recorded so
    if (const naive::value* map = member(*t, "InputPathsMap"))
      for (std::size_t i = 0; i < map->keys.size(); ++i) made.input_paths_map[map->keys[i]] = map->items[i].text;
  }
  if (const naive::value* rule = member(r.whole, "rule")) {
    r.rule_name = text(*rule, "rule_name").value_or("");
    r.rule_arn = text(*rule, "rule_arn").value_or("");
    r.ingestion_time = text(*rule, "ingestion_time").value_or("");
  }
  if (member(r.whole, "aws_limits") != nullptr) r.options = rulebus::transformer_options::aws();
  r.options.allow_quoted_names = member(r.whole, "quoted_names") != nullptr;
  return r;
}

inline std::vector<row> load(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<row> out;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) out.push_back(to_row(line));
  return out;
}

/// Empty when the answer is as the row expects; otherwise both.
inline std::string difference(const row& r, const rulebus::result<rulebus::transform_answer>& got) {
  const std::string shown = !got ? "error: " + got.error().message : got->input ? *got->input : "dropped: " + got->reason;
  std::optional<std::string> message = text(r.whole, "error");
  if (!message) message = text(r.whole, "error_message");
  if (message) return !got && got.error().message == *message ? "" : "expected error: " + *message + "\n  got " + shown;
  if (const naive::value* dropped = member(r.whole, "dropped")) {
    const bool any = dropped->is(naive::kind::true_value);
    return got && !got->input && (any || got->reason == dropped->text) ? "" : "expected dropped\n  got " + shown;
  }
  if (!got || !got->input) return "expected a delivery\n  got " + shown;
  if (const auto exact = text(r.whole, "delivered_text"); exact && *exact != *got->input)
    return "expected " + *exact + "\n  got " + shown;
  const naive::value* delivered = member(r.whole, "delivered");
  if (delivered == nullptr) return text(r.whole, "delivered_text") ? "" : "the row expects nothing";
  try {
    const std::string value = naive::to_json(naive::parse_json(*got->input, 3000));
    return value == naive::to_json(*delivered) ? "" : "expected " + naive::to_json(*delivered) + "\n  got " + value;
  } catch (const naive::bad_json&) {  // several lines of text are noted as a string
    return delivered->is(naive::kind::string) && delivered->text == *got->input ? "" : "not JSON: " + shown;
  }
}

}  // namespace input_rows
