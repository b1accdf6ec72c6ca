// matcher_answer: what the library says to a row of tests/data: all of its rules in one matcher, one event.
#pragma once

#include <map>
#include <string>

#include "rows.hpp"
#include "rulebus/matcher.hpp"

namespace tests {

inline rows::answer matcher_answer(const rows::row& r, const rulebus::matcher_options& options = {}) {
  rows::answer out;
  rulebus::matcher matcher(options);
  std::map<rulebus::rule_id, std::string> names;
  for (const auto& [name, text] : r.rules) {
    if (const auto id = matcher.add(text))
      names.emplace(*id, name);
    else
      out.errors.insert(name);
  }
  rulebus::matcher::reader reader(matcher);
  const auto matched = reader.match(r.event);
  out.event_error = !matched;
  if (matched)
    for (const rulebus::rule_id id : *matched) out.matched.insert(names.at(id));
  return out;
}

/// For messages of failed checks.
inline std::string to_text(const rows::answer& a) {
  std::string out = a.event_error ? "event error" : "matched:";
  for (const std::string& name : a.matched) out += ' ' + name;
  if (!a.errors.empty()) out += "; invalid:";
  for (const std::string& name : a.errors) out += ' ' + name;
  return out;
}

}  // namespace tests
