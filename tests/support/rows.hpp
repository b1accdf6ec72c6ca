// rows: cases of the pattern language as JSON Lines, as they are in tests/data and in the conformance data:
//   {"id", "rules": {name: pattern | "pattern text" | [several, any of which]}, "event": object | "text",
//    "matched": [names], "errors": [names with an invalid pattern]?, "event_error": true?, "why"?}
// Patterns and events that are objects keep the text of their numbers and their duplicate keys.
#pragma once

#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "naive_json.hpp"

namespace rows {

/// What a set of rules says to an event.
struct answer {
  std::set<std::string> matched{}, errors{};
  bool event_error = false;
  friend bool operator==(const answer&, const answer&) = default;
};

struct row {
  std::string id{};
  std::vector<std::pair<std::string, std::string>> rules{};  // name, pattern text; a name may come several times
  std::string event{};
  answer expected{};
  naive::value whole{};
};

/// The text that a member stands for: a string is text itself, anything else is written again.
inline std::string text_of(const naive::value& v) { return v.is(naive::kind::string) ? v.text : naive::to_json(v); }

inline std::set<std::string> names_in(const naive::value* v) {
  std::set<std::string> out;
  if (v != nullptr)
    for (const auto& item : v->items) out.insert(item.text);
  return out;
}

inline row to_row(const std::string& line) {
  row r;
  r.whole = naive::parse_json(line, 2000);
  if (const auto* id = r.whole.find("id")) r.id = id->text;
  if (const auto* rules = r.whole.find("rules"))
    for (std::size_t i = 0; i < rules->items.size(); ++i) {
      const naive::value& v = rules->items[i];
      const bool several = v.is(naive::kind::array);
      for (const auto& one : several ? v.items : std::vector<naive::value>{v}) r.rules.emplace_back(rules->keys[i], text_of(one));
    }
  if (const auto* event = r.whole.find("event")) r.event = text_of(*event);
  const auto* event_error = r.whole.find("event_error");
  r.expected = {names_in(r.whole.find("matched")), names_in(r.whole.find("errors")),
                event_error != nullptr && event_error->is(naive::kind::true_value)};
  return r;
}

/// All rows of a file. Throws when it cannot be read.
inline std::vector<row> load(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<row> out;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) out.push_back(to_row(line));
  return out;
}

/// A row that says what was expected, to be put into tests/data: texts go in as strings, so that nothing of them is lost.
inline std::string to_line(const row& r) {
  using naive::kind;
  const auto strings = [](const std::set<std::string>& set) {
    naive::value v{kind::array};
    for (const std::string& s : set) v.items.push_back({kind::string, s});
    return v;
  };
  naive::value rules{kind::object};
  for (const auto& [name, text] : r.rules) rules.keys.push_back(name), rules.items.push_back({kind::string, text});
  naive::value v{kind::object};
  const auto put = [&](const char* key, naive::value item) {
    v.keys.emplace_back(key);
    v.items.push_back(std::move(item));
  };
  put("id", {kind::string, r.id});
  put("rules", rules);
  put("event", {kind::string, r.event});
  put("matched", strings(r.expected.matched));
  if (!r.expected.errors.empty()) put("errors", strings(r.expected.errors));
  if (r.expected.event_error) put("event_error", {kind::true_value});
  return naive::to_json(v);
}

}  // namespace rows
