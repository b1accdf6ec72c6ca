#include "rulebus/explain.hpp"

#include <algorithm>
#include <set>

#include "rulebus/detail/event_leaves.hpp"
#include "rulebus/detail/pattern_tree.hpp"

namespace rulebus::inline v1 {

namespace detail::why {

void collect_paths(const group& g, std::set<std::string>& paths) {
  for (const auto& f : g.fields) paths.insert(f->path);
  for (const choice& c : g.choices) {
    for (const group& branch : c.branches) collect_paths(branch, paths);
  }
}

/// Evaluates one pattern against the leaves of one event, field by field.
class evaluation {
 public:
  evaluation(const event_leaves& event, const event_options& options) : event_(event), steps_(options.max_array_steps) {}

  explained_group explain_group(const group& g) {
    explained_group out;
    out.passed = true;
    for (const auto& f : g.fields) {
      out.fields.push_back(explain_field(*f));
      out.passed = out.passed && out.fields.back().passed;
    }
    for (const choice& c : g.choices) {
      explained_choice explained;
      for (const group& branch : c.branches) {
        explained.branches.push_back(explain_group(branch));
        explained.passed = explained.passed || explained.branches.back().passed;
      }
      out.passed = out.passed && explained.passed;
      out.choices.push_back(std::move(explained));
    }
    return out;
  }

  /// Whether some combination of branches has leaves that agree on array positions.
  bool positions_agree(const group& root) {
    picked_.clear();
    open_choices_.clear();
    pick(root);
    return pick_branches(0);
  }

  bool ran_out_of_steps() const noexcept { return steps_ == 0; }

 private:
  static constexpr std::size_t shown_values = 16;

  explained_field explain_field(const field& f) {
    explained_field out;
    out.path = f.path;
    out.conditions = dump_conditions(f.any_of);
    bool outside_arrays = false;
    for (const event_leaf& l : event_.leaves) {
      if (l.path != f.path) continue;
      if (out.found_in_all++ < shown_values) out.found.push_back(l.json);
      outside_arrays = outside_arrays || l.element == 0;
      out.passed = out.passed || leaf_passes(f, l);
    }
    // A leaf inside an array may be absent from the elements that the other fields are in.
    out.passed = out.passed || (or_absent(f) && !outside_arrays);
    return out;
  }

  static bool or_absent(const field& f) {
    return std::any_of(f.any_of.begin(), f.any_of.end(), [](const condition& c) { return c.kind == test_kind::absent; });
  }

  bool leaf_passes(const field& f, const event_leaf& l) {
    const leaf value{l.text, l.type};
    return std::any_of(f.any_of.begin(), f.any_of.end(), [&](const condition& c) { return passes(c, value, scratch_); });
  }

  void pick(const group& g) {
    for (const auto& f : g.fields) picked_.push_back(f.get());
    for (const choice& c : g.choices) open_choices_.push_back(&c);
  }

  bool pick_branches(std::size_t at) {
    if (at == open_choices_.size()) return picked_agree();
    const std::size_t fields = picked_.size(), choices = open_choices_.size();
    for (const group& branch : open_choices_[at]->branches) {
      if (steps_ == 0) return false;
      if (!explain_group(branch).passed) continue;
      pick(branch);
      if (pick_branches(at + 1)) return true;
      picked_.resize(fields);
      open_choices_.resize(choices);
    }
    return false;
  }

  bool picked_agree() {
    std::vector<const field*> in_order = picked_;
    std::sort(in_order.begin(), in_order.end(), [](const auto* a, const auto* b) { return utf16_less(a->path, b->path); });
    solver_.begin(event_.elements, event_.arrays);
    for (const field* f : in_order) {
      solver_.add_field(or_absent(*f));
      std::set<std::uint32_t> passing;
      for (const event_leaf& l : event_.leaves) {
        if (l.path == f->path && leaf_passes(*f, l)) passing.insert(l.element);
      }
      for (const std::uint32_t element : passing) solver_.add_passing(element);
      if (!or_absent(*f)) continue;
      for (const event_leaf& l : event_.leaves) {
        if (l.path == f->path) solver_.add_present(l.element);
      }
    }
    return solver_.solve(steps_);
  }

  const event_leaves& event_;
  std::size_t steps_;
  test_scratch scratch_;
  array_solver solver_;
  std::vector<const field*> picked_;
  std::vector<const choice*> open_choices_;
};

struct score {
  std::size_t passed = 0, total = 0;
};

/// Fields, and of each choice the branch that misses least.
score count(const explained_group& g) {
  score sum;
  for (const explained_field& f : g.fields) {
    ++sum.total;
    sum.passed += f.passed ? 1 : 0;
  }
  for (const explained_choice& c : g.choices) {
    score best;
    bool first = true;
    for (const explained_group& branch : c.branches) {
      const score s = count(branch);
      const bool better = s.total - s.passed < best.total - best.passed ||
                          (s.total - s.passed == best.total - best.passed && s.passed > best.passed);
      if (first || better) best = s;
      first = false;
    }
    sum.passed += best.passed;
    sum.total += best.total;
  }
  return sum;
}

result<explanation> explain_with(const pattern& p, const event_leaves& event, const event_options& options) {
  evaluation e(event, options);
  explanation out;
  out.root = e.explain_group(p.tree().root);
  out.matched = out.root.passed && e.positions_agree(p.tree().root);
  if (e.ran_out_of_steps()) {
    return error{errc::limit_exceeded,
                 "The event needs more than event_options::max_array_steps steps to compare array positions"};
  }
  out.array_conflict = out.root.passed && !out.matched;
  const score s = count(out.root);
  out.passed = s.passed;
  out.total = s.total;
  return out;
}

}  // namespace detail::why

result<explanation> explain(const pattern& p, std::string_view event_json, const event_options& options) {
  std::set<std::string> paths;
  detail::why::collect_paths(p.tree().root, paths);
  auto event = detail::find_leaves(event_json, paths, options);
  if (!event) return std::move(event).error();
  return detail::why::explain_with(p, *event, options);
}

result<std::vector<near_miss>> explain(std::span<const named_pattern> rules, std::string_view event_json, std::size_t limit,
                                       const event_options& options) {
  std::set<std::string> paths;
  for (const named_pattern& rule : rules) detail::why::collect_paths(rule.value.tree().root, paths);
  auto event = detail::find_leaves(event_json, paths, options);
  if (!event) return std::move(event).error();
  std::vector<near_miss> all;
  for (const named_pattern& rule : rules) {
    auto why = detail::why::explain_with(rule.value, *event, options);
    if (!why) return std::move(why).error();
    all.push_back({rule.name, std::move(*why)});
  }
  const auto missing = [](const near_miss& m) { return m.why.total - m.why.passed; };
  std::sort(all.begin(), all.end(), [missing](const near_miss& a, const near_miss& b) {
    if (a.why.matched != b.why.matched) return a.why.matched;
    if (missing(a) != missing(b)) return missing(a) < missing(b);
    return a.name < b.name;
  });
  if (all.size() > limit) all.erase(all.begin() + static_cast<std::ptrdiff_t>(limit), all.end());
  return all;
}

}  // namespace rulebus::inline v1
