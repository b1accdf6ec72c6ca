// shrink: makes a failing case small enough to be read. Leaves out one member or element after the other for as long as
// the case still fails.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "naive_json.hpp"

namespace tests {

using still_fails = std::function<bool(const std::string& json)>;

/// Leaves out one thing below `v`, or nothing and says so.
inline bool leave_out_one(const naive::value& root, naive::value& v, const still_fails& fails) {
  for (std::size_t i = 0; i < v.items.size(); ++i) {
    const naive::value before = v;
    const auto at = static_cast<std::ptrdiff_t>(i);
    v.items.erase(v.items.begin() + at);
    if (!v.keys.empty()) v.keys.erase(v.keys.begin() + at);
    if (fails(naive::to_json(root))) return true;
    v = before;
    if (leave_out_one(root, v.items[i], fails)) return true;
  }
  return false;
}

/// A smaller text that fails too; the same text when there is none, or when it is not JSON.
inline std::string shrink(const std::string& json, const still_fails& fails) {
  try {
    naive::value v = naive::parse_json(json);
    if (!fails(naive::to_json(v))) return json;
    while (leave_out_one(v, v, fails)) {}
    return naive::to_json(v);
  } catch (const naive::bad_json&) {
    return json;
  }
}

}  // namespace tests
