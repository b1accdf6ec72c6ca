#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "rulebus/detail/pattern_program.hpp"

// The normal form without multiplying. A program means: go through its items in order, keeping a list of combinations; a
// field is set in all of them, a choice replaces each by one copy per branch. Here a group stands for that list, as fields
// and choices whose paths are disjoint, and each item is applied to the group:
//   - a field takes its path out of every choice of the group;
//   - a choice that sets a path of one of the group's fields gets that field in all branches that do not set it;
//   - a choice that sets a path of another choice is multiplied with that one, and only with that one.

namespace rulebus::inline v1::detail {

namespace pattern_or {

using field_pointer = std::shared_ptr<const field>;

bool has_choices(const program& p) {
  return std::any_of(p.items.begin(), p.items.end(), [](const program_item& item) { return item.choose != nullptr; });
}

// ---- fields that are overridden for sure

// Up to so many fields, comparing every two paths costs less than hashing each.
constexpr std::size_t few_fields = 8;

// Of a program without choices.
void drop_by_pairs(std::vector<program_item>& items) {
  for (auto item = items.begin(); item != items.end();) {
    const bool is_set_again =
        std::any_of(item + 1, items.end(), [&](const program_item& later) { return later.set->path == item->set->path; });
    item = is_set_again ? items.erase(item) : item + 1;
  }
}

// Walks backwards, knowing what later items set in every combination.
class overridden_fields {
 public:
  // What every combination of the program sets is added to `sure`.
  void drop(program& p, std::vector<std::string_view>& sure) {
    std::vector<std::string_view> added;  // to later_
    std::unordered_set<std::string_view> set_here;
    const auto note = [&](std::string_view path) {
      set_here.insert(path);
      if (later_.insert(path).second) added.push_back(path);
    };
    std::optional<std::string_view> smallest;
    const auto lose = [&](std::string_view path) {
      if (!smallest || path < *smallest) smallest = path;
    };
    for (auto item = p.items.rbegin(); item != p.items.rend(); ++item) {
      if (item->set) {
        const std::string_view path = item->set->path;
        if (later_.contains(path)) {
          lose(path);
          kept_alive_.push_back(std::move(item->set));
        }
        note(path);
      } else {
        for (const std::string_view path : drop_in_branches(*item->choose)) note(path);
        const auto& branches = item->choose->branches;
        if (std::all_of(branches.begin(), branches.end(), [](const program& b) { return b.items.empty(); })) {
          for (const program& b : branches) lose(b.overridden);
          kept_choices_.push_back(std::move(item->choose));
        }
      }
    }
    std::erase_if(p.items, [](const program_item& item) { return !item.set && !item.choose; });
    if (p.items.empty() && smallest) p.overridden = *smallest;
    for (const std::string_view path : added) later_.erase(path);
    sure.insert(sure.end(), set_here.begin(), set_here.end());
  }

 private:
  // The paths that all branches set in every combination.
  std::vector<std::string_view> drop_in_branches(program_choice& choice) {
    std::unordered_map<std::string_view, std::size_t> counts;
    std::vector<std::string_view> sure;
    for (program& branch : choice.branches) {
      sure.clear();
      drop(branch, sure);
      for (const std::string_view path : sure) ++counts[path];
    }
    sure.clear();
    for (const auto& [path, count] : counts) {
      if (count == choice.branches.size()) sure.push_back(path);
    }
    return sure;
  }

  std::unordered_set<std::string_view> later_;
  // What was dropped: the paths above are views of it.
  std::vector<field_pointer> kept_alive_;
  std::vector<std::shared_ptr<program_choice>> kept_choices_;
};

// ---- groups in the making; paths are views of the program's fields

struct utf16_order {
  bool operator()(std::string_view a, std::string_view b) const noexcept { return utf16_less(a, b); }
};

struct open_choice;
struct open_group {
  std::map<std::string_view, field_pointer, utf16_order> fields;
  std::vector<open_choice> choices;
};
struct open_choice {
  std::string path{};
  std::vector<open_group> branches{};
  std::size_t most = 0;  // paths that one combination of it sets
};

// Distinct paths of the largest combination. The parts have no path in common, so their sizes add up.
std::size_t count_paths(const open_group& g) {
  std::size_t count = g.fields.size();
  for (const open_choice& c : g.choices) count += c.most;
  return count;
}

void recount(open_choice& c) {
  c.most = 0;
  for (const open_group& b : c.branches) c.most = std::max(c.most, count_paths(b));
}

bool sets(const open_choice& c, std::string_view path) {
  return std::any_of(c.branches.begin(), c.branches.end(), [&](const open_group& b) {
    return b.fields.contains(path) ||
           std::any_of(b.choices.begin(), b.choices.end(), [&](const open_choice& n) { return sets(n, path); });
  });
}

void collect(const open_choice& c, std::unordered_set<std::string_view>& out) {
  for (const open_group& b : c.branches) {
    for (const auto& entry : b.fields) out.insert(entry.first);
    for (const open_choice& n : b.choices) collect(n, out);
  }
}

bool share_a_path(const open_choice& a, const open_choice& b) {
  std::unordered_set<std::string_view> of_a, of_b;
  collect(a, of_a);
  collect(b, of_b);
  return std::any_of(of_a.begin(), of_a.end(), [&](std::string_view path) { return of_b.contains(path); });
}

void erase_path(std::vector<open_choice>& choices, std::string_view path) {
  for (open_choice& c : choices) {
    if (!sets(c, path)) continue;
    for (open_group& b : c.branches) {
      b.fields.erase(path);
      erase_path(b.choices, path);
    }
    recount(c);
  }
  // A choice between nothing and nothing is none.
  std::erase_if(choices, [](const open_choice& c) {
    return std::all_of(c.branches.begin(), c.branches.end(),
                       [](const open_group& b) { return b.fields.empty() && b.choices.empty(); });
  });
}

void apply(open_group& g, const field_pointer& f) {
  erase_path(g.choices, f->path);
  g.fields.insert_or_assign(f->path, f);
}

// Sets the field wherever a combination of the choice does not.
void push_down(open_choice& c, const field_pointer& f) {
  for (open_group& b : c.branches) {
    if (b.fields.contains(f->path)) continue;
    const auto nested = std::find_if(b.choices.begin(), b.choices.end(), [&](const open_choice& n) { return sets(n, f->path); });
    if (nested == b.choices.end()) {
      b.fields.emplace(f->path, f);
    } else {
      push_down(*nested, f);
    }
  }
  recount(c);
}

// The longest path that both begin with, by whole steps.
std::string common_path(std::string_view a, std::string_view b) {
  const auto length = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const auto ends = [length](std::string_view s) { return s.size() == length || s[length] == '.'; };
  if (ends(a) && ends(b)) return std::string(a.substr(0, length));
  const std::size_t dot = a.substr(0, length).rfind('.');
  return dot == std::string_view::npos ? std::string() : std::string(a.substr(0, dot));
}

void apply(open_group& g, open_choice c);

open_choice product(const open_choice& first, const open_choice& second) {
  open_choice out{.path = common_path(first.path, second.path)};
  out.branches.reserve(first.branches.size() * second.branches.size());
  for (const open_group& a : first.branches) {
    for (const open_group& b : second.branches) {
      open_group& both = out.branches.emplace_back(a);
      for (const auto& entry : b.fields) apply(both, entry.second);
      for (const open_choice& nested : b.choices) apply(both, nested);
    }
  }
  recount(out);
  return out;
}

void apply(open_group& g, open_choice c) {
  for (auto at = g.fields.begin(); at != g.fields.end();) {
    if (sets(c, at->first)) {
      push_down(c, at->second);
      at = g.fields.erase(at);
    } else {
      ++at;
    }
  }
  std::vector<open_choice> apart;
  std::optional<open_choice> merged;
  for (open_choice& other : g.choices) {
    if (!share_a_path(other, c)) {
      apart.push_back(std::move(other));
    } else {
      merged = merged ? product(*merged, other) : std::move(other);
    }
  }
  apart.push_back(merged ? product(*merged, c) : std::move(c));
  g.choices = std::move(apart);
}

// False when some combination gets more than max_paths paths: `offset` is then of the item that does it.
bool build(const program& p, std::size_t max_paths, open_group& out, std::size_t& offset) {
  for (const program_item& item : p.items) {
    if (item.set) {
      apply(out, item.set);
    } else {
      open_choice c{.path = item.choose->path};
      for (const program& branch : item.choose->branches) {
        if (!build(branch, max_paths, c.branches.emplace_back(), offset)) return false;
      }
      recount(c);
      apply(out, std::move(c));
    }
    if (count_paths(out) > max_paths) {
      offset = item.offset;
      return false;
    }
  }
  return true;
}

group finish(open_group&& from) {
  group out;
  out.fields.reserve(from.fields.size());
  for (auto& entry : from.fields) out.fields.push_back(std::move(entry.second));
  out.choices.reserve(from.choices.size());
  for (open_choice& c : from.choices) {
    choice& made = out.choices.emplace_back();
    made.path = std::move(c.path);
    made.branches.reserve(c.branches.size());
    for (open_group& b : c.branches) made.branches.push_back(finish(std::move(b)));
  }
  return out;
}

// The normal form of a program without choices, whose paths are distinct: its fields, sorted.
group sorted_fields(const program& p) {
  group out;
  out.fields.reserve(p.items.size());
  for (const program_item& item : p.items) out.fields.push_back(item.set);
  std::sort(out.fields.begin(), out.fields.end(),
            [](const field_pointer& a, const field_pointer& b) { return utf16_less(a->path, b->path); });
  return out;
}

error too_many_paths(std::size_t max_paths, std::size_t offset) {
  return {errc::limit_exceeded, fmt::format("Size of rule exceeds max value of {}", max_paths), offset};
}

}  // namespace pattern_or

void drop_overridden(program& p) {
  if (p.items.size() <= pattern_or::few_fields && !pattern_or::has_choices(p)) return pattern_or::drop_by_pairs(p.items);
  std::vector<std::string_view> sure;
  pattern_or::overridden_fields().drop(p, sure);
}

result<group> normalise(const program& p, std::size_t max_paths) {
  if (!pattern_or::has_choices(p)) {
    if (p.items.size() > max_paths) return pattern_or::too_many_paths(max_paths, p.items[max_paths].offset);
    return pattern_or::sorted_fields(p);
  }
  pattern_or::open_group root;
  std::size_t offset = 0;
  if (!pattern_or::build(p, max_paths, root, offset)) return pattern_or::too_many_paths(max_paths, offset);
  return pattern_or::finish(std::move(root));
}

}  // namespace rulebus::inline v1::detail
