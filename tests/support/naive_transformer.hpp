// naive_transformer: docs/transformers.md once more, slow and obvious, over a whole tree of the event. It shares no code with
// the library. What it answers is compared as values: how strings are escaped is not its business.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "naive_json.hpp"

namespace naive {

/// The rows' way to write paths is enough here: $.name, [3], [*], .* ; none of them is refused.
struct step {
  enum { by_name, by_index, every } type = by_name;
  std::string name{};
  std::size_t index = 0;
};

inline std::vector<step> steps_of(std::string_view path) {
  std::vector<step> out;
  for (std::size_t at = 1; at < path.size();) {
    const bool bracket = path[at] == '[';
    const std::size_t end = bracket ? path.find(']', at) : std::min(path.find_first_of(".[", at + 1), path.size());
    const std::string inside(path.substr(at + 1, end - at - 1));
    if (inside == "*")
      out.push_back({step::every});
    else if (bracket)
      out.push_back({step::by_index, {}, std::stoul(inside)});
    else
      out.push_back({step::by_name, inside});
    at = bracket ? end + 1 : end;
  }
  return out;
}

/// All values that the steps from `at` on lead to.
inline void walk(const value& from, const std::vector<step>& steps, std::size_t at, std::vector<const value*>& out) {
  if (at == steps.size()) return out.push_back(&from);
  const step& s = steps[at];
  if (s.type == step::every) {
    for (const value& item : from.items) walk(item, steps, at + 1, out);
  } else if (s.type == step::by_name && from.is(kind::object)) {
    if (const value* found = from.find(s.name)) walk(*found, steps, at + 1, out);
  } else if (s.type == step::by_index && from.is(kind::array) && s.index < from.items.size()) {
    walk(from.items[s.index], steps, at + 1, out);
  }
}

inline std::optional<value> select(const value& event, std::string_view path) {
  const std::vector<step> steps = steps_of(path);
  std::size_t definite = 0;
  while (definite < steps.size() && steps[definite].type != step::every) ++definite;
  std::vector<const value*> found;
  walk(event, std::vector<step>(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(definite)), 0, found);
  if (found.empty()) return std::nullopt;
  if (definite == steps.size()) return *found.front();
  std::vector<const value*> list;
  walk(*found.front(), steps, definite, list);
  value out{kind::array};
  for (const value* v : list) out.items.push_back(*v);
  return out;
}

/// Without the quotes around strings, which are escaped as they must be inside a string.
inline std::string without_quotes(const value& v) {
  std::string out;
  if (v.is(kind::string)) return write_string(v.text, out), out.substr(1, out.size() - 2);
  if (!v.is(kind::array) && !v.is(kind::object)) return to_json(v);
  out += v.is(kind::object) ? '{' : '[';
  for (std::size_t i = 0; i < v.items.size(); ++i) {
    if (i != 0) out += ',';
    if (v.is(kind::object)) out += without_quotes({kind::string, v.keys[i]}) + ':';
    out += without_quotes(v.items[i]);
  }
  return out + (v.is(kind::object) ? '}' : ']');
}

struct transform_input {
  std::map<std::string, std::string> paths{};
  std::string text{};  // of the template
  std::map<std::string, std::string> reserved{};
};

struct transform_output {
  std::optional<std::string> text{};  // nothing: dropped
  std::string broken{};               // what it would have been
};

inline value envelope_of(const value& event) {
  value out{kind::object};
  for (const char* name : {"id", "account", "detail-type", "time", "source", "region", "resources", "version"})
    if (const value* v = event.find(name)) {
      out.keys.emplace_back(std::string_view(name) == "detail-type" ? "detailType" : name);
      out.items.push_back(*v);
    }
  return out;
}

inline std::optional<value> variable(const transform_input& in, const value& event, const std::string& name) {
  if (name == "aws.events.event") return envelope_of(event);
  if (name == "aws.events.event.json") return event;
  if (const auto found = in.reserved.find(name); found != in.reserved.end()) return value{kind::string, found->second};
  return select(event, in.paths.at(name));
}

/// A valid template over a valid event.
inline transform_output transform(const transform_input& in, const value& event) {
  const bool is_text = in.text[in.text.find_first_not_of(" \n\t\r")] == '"';
  bool in_string = false, dropped = false;
  std::string out;
  for (std::size_t at = 0; at < in.text.size(); ++at) {
    const char c = in.text[at];
    const std::size_t end = c == '<' ? in.text.find_first_of("<>\"\n", at + 1) : std::string::npos;
    if (end != std::string::npos && in.text[end] == '>' && end != at + 1) {
      const auto v = variable(in, event, in.text.substr(at + 1, end - at - 1));
      at = end;
      if (!in_string) {
        out += v ? to_json(*v) : "\"\"";
      } else if (v && !is_text && (v->is(kind::array) || v->is(kind::object))) {
        const std::string json = to_json(*v);
        dropped = dropped || json.find('"') != std::string::npos;
        out += json;
      } else if (v) {
        out += without_quotes(*v);
      }
      continue;
    }
    out += c;
    if (in_string && c == '\\') out += in.text[++at];
    if (c == '"') in_string = !in_string;
  }
  if (dropped) return {std::nullopt, out};
  return {out, {}};
}

}  // namespace naive
