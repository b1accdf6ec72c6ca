// naive_answer: what the slow twin says to a row of tests/data.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "naive_matcher.hpp"
#include "rows.hpp"

namespace naive {

inline rows::answer answer(const rows::row& r, const additions& allowed = {}) {
  rows::answer out;
  std::list<pattern> patterns;
  std::vector<const pattern*> valid;
  std::vector<std::string> names;
  for (const auto& [name, text] : r.rules) {
    try {
      patterns.push_back(parse_pattern(text, allowed));
      valid.push_back(&patterns.back());
      names.push_back(name);
    } catch (const rejected&) {
      out.errors.insert(name);
    }
  }
  try {
    const auto matches = matcher(valid).match(parse_event(r.event));
    for (std::size_t i = 0; i < names.size(); ++i)
      if (matches[i]) out.matched.insert(names[i]);
  } catch (const bad_event&) {
    out.event_error = true;
  }
  return out;
}

}  // namespace naive
