// naive_pattern: an event pattern read the slow and obvious way: every combination of `$or` branches becomes a table of its
// own from paths to conditions (docs/patterns.md). Invalid patterns throw naive::rejected.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "naive_condition.hpp"
#include "naive_json.hpp"
#include "naive_values.hpp"

namespace naive {

/// Valid but for a limit: more than 256 fields or 1,000 combinations.
struct over_limit : rejected {
  using rejected::rejected;
};

using conditions = std::shared_ptr<const std::vector<condition>>;
using combination = std::map<std::u16string, conditions>;  // path -> alternatives, in the order that `exists: false` needs

struct pattern {
  std::vector<combination> combinations{};
  std::set<std::string> steps{};  // of all paths
};

/// The steps of a path as the reference splits it: empty steps at the end vanish.
inline std::vector<std::string> steps_of(std::string_view path) {
  auto steps = split(path, '.');
  if (path.empty()) return steps;
  while (!steps.empty() && steps.back().empty()) steps.pop_back();
  return steps;
}

class pattern_compiler {
 public:
  explicit pattern_compiler(const additions& allowed) : conditions_(allowed) {}

  pattern compile(std::string_view text) {
    value v;
    try {
      v = parse_json(text);
    } catch (const bad_json& e) {
      throw rejected(e.what());
    }
    require(v.is(kind::object), "not an object");
    pattern p;
    object(v, "", false, p.combinations);
    p.steps = steps_;
    for (const combination& c : p.combinations)
      if (c.size() > 256) throw over_limit("more than 256 fields");
    return p;
  }

 private:
  static bool is_operator_name(const std::string& key) {
    static const std::set<std::string> names = {"exactly",
                                                "equals-ignore-case",
                                                "prefix",
                                                "suffix",
                                                "anything-but",
                                                "exists",
                                                "wildcard",
                                                "numeric",
                                                "cidr",
                                                "=",
                                                "<",
                                                "<=",
                                                ">",
                                                ">=",
                                                "regex",
                                                "not-wildcard",
                                                "not-equals-ignore-case",
                                                "date-after",
                                                "date-on-or-after",
                                                "date-before",
                                                "date-on-or-before",
                                                "in-date-range",
                                                "ip-address-in-range",
                                                "ip-address-not-in-range"};
    return names.count(key) != 0;
  }

  void object(const value& o, const std::string& path, bool inside_or, std::vector<combination>& out) {
    require(!o.items.empty(), "empty object");
    for (std::size_t i = 0; i < o.items.size(); ++i) {
      const std::string& key = o.keys[i];
      const value& v = o.items[i];
      if (key == "$or") {
        branches(v, path, out);
        continue;
      }
      require(!inside_or || !is_operator_name(key), "operator name as a key inside $or");
      const std::string name = path.empty() ? key : path + '.' + key;  // an empty first step vanishes, as in the reference
      require(v.is(kind::object) || v.is(kind::array), "neither object nor array");
      if (v.is(kind::object)) {
        object(v, name, inside_or, out);
        continue;
      }
      auto any_of = std::make_shared<std::vector<condition>>();
      for (const value& item : v.items) any_of->push_back(conditions_.one_value(item));
      require(!any_of->empty(), "empty array");
      if (out.empty()) out.emplace_back();
      for (combination& c : out) c[to_utf16(name)] = any_of;  // whatever is written later overrides
      for (const std::string& step : steps_of(name)) steps_.insert(step);
    }
  }

  void branches(const value& v, const std::string& path, std::vector<combination>& out) {
    require(v.is(kind::array), "$or is not an array");
    require(v.items.size() >= 2, "$or needs two branches");
    const std::vector<combination> before = out.empty() ? std::vector<combination>(1) : out;
    out.clear();
    for (const value& branch : v.items) {
      require(branch.is(kind::object), "branch is not an object");
      std::vector<combination> more = before;
      object(branch, path, true, more);
      out.insert(out.end(), more.begin(), more.end());
      if (out.size() > 1000) throw over_limit("more than 1,000 combinations");
    }
  }

  condition_compiler conditions_;
  std::set<std::string> steps_;
};

inline pattern parse_pattern(std::string_view text, const additions& allowed = {}) {
  return pattern_compiler(allowed).compile(text);
}

}  // namespace naive
