#include "rulebus/detail/tag_index.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "rulebus/detail/pattern_tree.hpp"

namespace rulebus::inline v1::detail {

void tag_index::add(const std::string& name, const string_map& tags) {
  for (const auto& [key, value] : tags) {
    carriers& with_key = by_key_[key];
    if (with_key.values[value].insert(name).second) ++with_key.count;
  }
}

void tag_index::remove(const std::string& name, const string_map& tags, const string_map& still) noexcept {
  for (const auto& [key, value] : tags) {
    if (const auto kept = still.find(key); kept != still.end() && kept->second == value) continue;
    const auto with_key = by_key_.find(key);
    if (with_key == by_key_.end()) continue;
    const auto with_value = with_key->second.values.find(value);
    if (with_value == with_key->second.values.end() || with_value->second.erase(name) == 0) continue;
    if (with_value->second.empty()) with_key->second.values.erase(with_value);
    if (--with_key->second.count == 0) by_key_.erase(with_key);
  }
}

/// Finds, for each part of a filter, the sets of names of which one must contain whatever matches it; and takes the part that
/// has the fewest.
class tag_search {
 public:
  explicit tag_search(const tag_index& in) : in_(in) {}

  struct found {
    std::vector<const tag_index::names*> sets{};
    std::size_t count = 0;
  };
  /// Empty: nothing in the group asks for a tag to be there.
  std::optional<found> of(const group& g) const {
    std::optional<found> best;
    const auto consider = [&](std::optional<found> one) {
      if (one && (!best || one->count < best->count)) best = std::move(one);
    };
    for (const auto& f : g.fields) consider(of(*f));
    for (const choice& c : g.choices) consider(of(c));
    return best;
  }

 private:
  std::optional<found> of(const choice& c) const {
    found all;
    for (const group& branch : c.branches) {
      std::optional<found> one = of(branch);
      if (!one) return std::nullopt;
      all.sets.insert(all.sets.end(), one->sets.begin(), one->sets.end());
      all.count += one->count;
    }
    return all;
  }

  std::optional<found> of(const field& f) const {
    const auto asks_absent = [](const condition& c) { return c.kind == test_kind::absent; };
    // A path with an empty step means several keys.
    const bool odd = f.path.empty() || f.path.front() == '.' || f.path.back() == '.' || f.path.find("..") != std::string::npos;
    if (odd || std::any_of(f.any_of.begin(), f.any_of.end(), asks_absent)) return std::nullopt;
    const auto with_key = in_.by_key_.find(f.path);
    found all;
    if (with_key == in_.by_key_.end()) return all;
    const auto& values = with_key->second.values;
    const auto is_equality = [](const condition& c) { return c.kind == test_kind::string_equals; };
    if (std::all_of(f.any_of.begin(), f.any_of.end(), is_equality)) {
      for (const condition& c : f.any_of) {
        if (const auto with_value = values.find(c.text); with_value != values.end()) take(all, with_value->second);
      }
    } else {
      for (const auto& [value, names] : values) {
        const leaf tag{value, leaf_type::string};
        if (std::any_of(f.any_of.begin(), f.any_of.end(), [&](const condition& c) { return passes(c, tag, scratch_); })) {
          take(all, names);
        }
      }
    }
    return all;
  }

  static void take(found& all, const tag_index::names& names) {
    all.sets.push_back(&names);
    all.count += names.size();
  }

  const tag_index& in_;
  mutable test_scratch scratch_{};
};

std::optional<tag_index::names> tag_index::candidates(const pattern& filter) const {
  const auto found = tag_search(*this).of(filter.tree().root);
  if (!found) return std::nullopt;
  names all;
  for (const names* set : found->sets) all.insert(set->begin(), set->end());
  return all;
}

}  // namespace rulebus::inline v1::detail
