// naive_matcher: which of these patterns match this event? By brute force, written to be obviously right, not fast: the
// event becomes a table from paths to leaves, and every combination of every pattern is tried by backtracking. The slow
// twin of rulebus::matcher (docs/patterns.md is what both are written from); nothing of the library's matching is in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "naive_json.hpp"
#include "naive_pattern.hpp"

namespace naive {

struct bad_event : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Backtracking took more steps than any small case needs: no answer.
struct gave_up : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws bad_event.
inline value parse_event(std::string_view text, std::size_t max_depth = 1000) {
  try {
    value v = parse_json(text, max_depth);
    if (!v.is(kind::object)) throw bad_event("not an object");
    return v;
  } catch (const bad_json& e) {
    throw bad_event(e.what());
  }
}

class matcher {
 public:
  /// The patterns must outlive the matcher.
  explicit matcher(std::vector<const pattern*> patterns) : patterns_(std::move(patterns)) {
    for (const pattern* p : patterns_) steps_.insert(p->steps.begin(), p->steps.end());
  }

  /// For each pattern, whether it matches.
  std::vector<bool> match(const value& event) const {
    const leaf_table leaves = table(event);
    std::vector<bool> out;
    for (const pattern* p : patterns_) {
      std::size_t steps = 0;
      out.push_back(std::any_of(p->combinations.begin(), p->combinations.end(),
                                [&](const combination& c) { return holds(c.begin(), c.end(), {}, leaves, steps); }));
    }
    return out;
  }

 private:
  using positions = std::map<int, std::size_t>;  // number of an array -> index of the element
  struct found {
    const value* leaf;
    positions where;
  };
  using leaf_table = std::map<std::u16string, std::vector<found>>;

  static bool consistent(const positions& a, const positions& b) {
    return std::all_of(a.begin(), a.end(), [&](const auto& p) {
      const auto other = b.find(p.first);
      return other == b.end() || other->second == p.second;
    });
  }

  // ---- the event

  /// Only keys that some pattern uses, anywhere in a path, are looked into. Who reads docs/patterns.md can see this only
  /// by an empty key at the end of a path, which the paths of patterns lose.
  bool used(const std::string& key) const {
    if (steps_.count(key) != 0) return true;
    if (key.find('.') == std::string::npos) return false;
    const auto steps = steps_of(key);
    return std::all_of(steps.begin(), steps.end(), [&](const std::string& s) { return steps_.count(s) != 0; });
  }

  leaf_table table(const value& event) const {
    leaf_table out;
    int arrays = 0;
    object(event, {}, {}, arrays, out);
    return out;
  }

  void object(const value& o, const std::vector<std::string>& path, const positions& where, int& arrays, leaf_table& out) const {
    for (std::size_t i = 0; i < o.items.size(); ++i) {
      if (!used(o.keys[i])) continue;
      auto longer = path;
      longer.push_back(o.keys[i]);
      any(o.items[i], longer, where, arrays, out);
    }
  }

  void any(const value& v, const std::vector<std::string>& path, const positions& where, int& arrays, leaf_table& out) const {
    if (v.is(kind::object)) return object(v, path, where, arrays, out);
    if (!v.is(kind::array)) {
      std::string joined = path[0];
      for (std::size_t i = 1; i < path.size(); ++i) joined += '.' + path[i];
      out[to_utf16(joined)].push_back({&v, where});
      return;
    }
    const int number = arrays++;
    for (std::size_t i = 0; i < v.items.size(); ++i) {
      const bool leaf = !v.items[i].is(kind::object) && !v.items[i].is(kind::array);
      positions here = where;
      if (!leaf) here[number] = i;  // leaves have no position: any of them goes with any
      any(v.items[i], path, here, arrays, out);
    }
  }

  // ---- one combination of fields

  using place = combination::const_iterator;

  static bool holds(place field, place end, const positions& fixed, const leaf_table& leaves, std::size_t& steps) {
    if (++steps > 100'000) throw gave_up("too many steps");
    if (field == end) return true;
    const auto& any_of = *field->second;
    const auto at_path = leaves.find(field->first);
    std::vector<const found*> candidates;
    if (at_path != leaves.end())
      for (const found& f : at_path->second)
        if (consistent(fixed, f.where)) candidates.push_back(&f);
    const bool may_be_absent = std::any_of(any_of.begin(), any_of.end(), [](const condition& c) { return c.absent; });
    if (may_be_absent && candidates.empty()) return holds(std::next(field), end, fixed, leaves, steps);
    for (const found* f : candidates) {
      const auto passes = [&](const condition& c) { return c.passes(*f->leaf); };
      if (std::none_of(any_of.begin(), any_of.end(), passes)) continue;
      positions more = fixed;
      more.insert(f->where.begin(), f->where.end());
      if (holds(std::next(field), end, more, leaves, steps)) return true;
    }
    return false;
  }

  std::vector<const pattern*> patterns_;
  std::set<std::string> steps_;
};

/// One pattern and one event. Throws rejected, bad_event, gave_up.
inline bool test(std::string_view pattern_text, std::string_view event_text) {
  const pattern p = parse_pattern(pattern_text);
  return matcher({&p}).match(parse_event(event_text))[0];
}

}  // namespace naive
