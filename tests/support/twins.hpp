// twins: a rulebus::matcher and its slow twin, given the same rules and the same events, and what they disagree about.
//
//   twins t;
//   if (!t.add(pattern_text) || !t.check(event_text)) FAIL(t.difference());
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "naive_answer.hpp"
#include "naive_matcher.hpp"
#include "rows.hpp"
#include "rulebus/explain.hpp"
#include "rulebus/matcher.hpp"
#include "shrink.hpp"

namespace tests {

/// Does some object have a key twice, or once as part of a dotted key? Then a trusting reader may see only one of them.
inline bool ambiguous(const naive::value& v) {
  for (std::size_t i = 0; i < v.keys.size(); ++i)
    for (std::size_t k = 0; k < v.keys.size(); ++k)
      if (i != k && (v.keys[i] == v.keys[k] || v.keys[k].starts_with(v.keys[i] + '.'))) return true;
  return std::any_of(v.items.begin(), v.items.end(), ambiguous);
}

inline rulebus::pattern_options to_options(const naive::additions& a) {
  rulebus::pattern_options o;
  o.allow_regexp = a.regexp;
  o.allow_wildcard_ignore_case = a.wildcard_ignore_case;
  o.allow_cidr_single_address = a.cidr_single_address;
  o.allow_all = a.all;
  return o;
}

inline rulebus::event_options trusted_events() {
  rulebus::event_options o;
  o.trusted = true;
  return o;
}

class twins {
 public:
  explicit twins(const naive::additions& allowed = {})
      : allowed_(allowed), fast_({to_options(allowed), {}}), checked_(fast_), trusting_(fast_, trusted_events()) {}

  std::size_t size() const { return rules_.size(); }
  /// Empty while they agree. Otherwise a line for tests/data with what the twin says, and what the matcher said.
  const std::string& difference() const { return difference_; }

  /// Both take the pattern, or neither.
  bool add(const std::string& text) {
    std::optional<naive::pattern> slow;
    std::string why;
    try {
      slow = naive::parse_pattern(text, allowed_);
    } catch (const naive::rejected& e) {
      why = e.what();
    }
    const std::size_t before = fast_.size();
    const auto added = fast_.add(text);
    if (added.has_value() != slow.has_value()) {
      const rows::row row{"", {{"r", text}}, "{}", {{}, slow ? std::set<std::string>{} : std::set<std::string>{"r"}, false}, {}};
      return differ(row, added ? "the matcher takes it; the twin: " + why : "the matcher says: " + added.error().message);
    }
    if (!added) return fast_.size() == before || differ_in_history("a failed add changed size()");
    const std::string name = "r" + std::to_string(next_name_++);
    history_ += "add " + name + ' ' + text + '\n';
    if (!names_.emplace(*added, name).second) return differ_in_history("an id was given twice");
    rules_.push_back({*added, name, text, std::make_unique<naive::pattern>(*slow)});
    remake();
    return true;
  }

  bool remove(std::size_t i) {
    history_ += "remove " + rules_[i].name + '\n';
    const bool removed = fast_.remove(rules_[i].id).has_value();
    const bool twice = fast_.remove(rules_[i].id).has_value();
    rules_.erase(rules_.begin() + static_cast<std::ptrdiff_t>(i));
    remake();
    if (!removed || twice) return differ_in_history("remove must work once");
    return fast_.size() == rules_.size() || differ_in_history("size() is wrong after remove");
  }

  /// All rules against one event, read with both kinds of reader.
  bool check(const std::string& event) {
    std::optional<naive::value> parsed;
    std::set<std::string> expected;
    try {
      parsed = naive::parse_event(event);
      const auto slow = slow_->match(*parsed);
      for (std::size_t i = 0; i < rules_.size(); ++i)
        if (slow[i]) expected.insert(rules_[i].name);
    } catch (const naive::bad_event&) {
    } catch (const naive::gave_up&) {
      return true;
    }
    matches_ += expected.size();
    if (!parsed) {
      (void)trusting_.match(event).has_value();  // anything, but no crash
      return !checked_.match(event) || differ_at(event, expected, true, "checked reader: no error");
    }
    // Three times: a shape that is new, comes again and is learned, and is known.
    for (int i = 0; i < 3; ++i)
      if (!one_reader(checked_, "checked", event, expected)) return false;
    return ambiguous(*parsed) || one_reader(trusting_, "trusting", event, expected);
  }

  /// One rule alone: test_event_pattern and explain.
  bool check_alone(std::size_t i, const std::string& event) {
    std::set<std::string> expected;
    bool valid = true, slow = false;
    try {
      slow = naive::matcher({rules_[i].slow.get()}).match(naive::parse_event(event))[0];
    } catch (const naive::bad_event&) {
      valid = false;
    } catch (const naive::gave_up&) {
      return true;
    }
    const auto p = rulebus::pattern::parse(rules_[i].text, to_options(allowed_)).value();
    const auto tested = rulebus::test_event_pattern(p, event);
    const auto explained = rulebus::explain(p, event);
    std::string got;
    if (tested.has_value() != valid || (valid && *tested != slow)) got = "test_event_pattern: " + said(tested);
    if (explained.has_value() != valid || (valid && explained->matched != slow))
      got = "explain: " + (explained ? explained->json() : explained.error().message);
    if (got.empty()) return true;
    if (slow) expected.insert(rules_[i].name);
    return differ({"", {{rules_[i].name, rules_[i].text}}, event, {expected, {}, !valid}, {}}, got);
  }

  std::size_t matches() const { return matches_; }  ///< rules that matched, over all events
  std::size_t memory_bytes() const { return fast_.memory_bytes(); }
  void release() { checked_.release(), trusting_.release(); }

 private:
  struct rule {
    rulebus::rule_id id;
    std::string name, text;
    std::unique_ptr<naive::pattern> slow;
  };

  void remake() {
    std::vector<const naive::pattern*> patterns;
    for (const rule& r : rules_) patterns.push_back(r.slow.get());
    slow_.emplace(std::move(patterns));
  }

  static std::string said(const rulebus::result<bool>& r) {
    return r ? (*r ? "match" : "no match") : "error: " + r.error().message;
  }

  bool one_reader(rulebus::matcher::reader& reader, const char* kind, const std::string& event,
                  const std::set<std::string>& expected) {
    const auto fast = reader.match(event);
    if (!fast) return differ_at(event, expected, false, std::string(kind) + " reader: error: " + fast.error().message);
    std::set<std::string> got;
    for (const rulebus::rule_id id : *fast) got.insert(names_.at(id));
    if (got == expected && got.size() == fast->size()) return true;
    std::string text = std::string(kind) + " reader:";
    for (const rulebus::rule_id id : *fast) text += ' ' + names_.at(id);
    return differ_at(event, expected, false, text);
  }

  bool differ(const rows::row& row, const std::string& got) {
    difference_ = rows::to_line(row) + "\n  " + got;
    return false;
  }
  bool differ_in_history(const std::string& got) {
    difference_ = got + ", after:\n" + history_;
    return false;
  }

  /// Tries to say it with fewer rules and a smaller event, in new matchers.
  bool differ_at(const std::string& event, const std::set<std::string>& expected, bool bad_event, const std::string& got) {
    rows::row row{"", {}, event, {expected, {}, bad_event}, {}};
    for (const rule& r : rules_) row.rules.emplace_back(r.name, r.text);
    if (shrinking_) return differ(row, got);
    if (!fails(row)) return differ_in_history(got + " to the event " + rows::to_line(row));
    for (std::size_t i = row.rules.size(); i-- > 0;) {
      rows::row fewer = row;
      fewer.rules.erase(fewer.rules.begin() + static_cast<std::ptrdiff_t>(i));
      if (fails(fewer)) row = fewer;
    }
    const auto with = [&](std::string& text) {
      return [&](const std::string& smaller) { return std::exchange(text, smaller), fails(row); };
    };
    for (auto& [name, text] : row.rules) text = shrink(std::string(text), with(text));
    row.event = shrink(std::string(row.event), with(row.event));
    row.expected = naive::answer(row, allowed_);
    return differ(row, got + " (before it was made small)");
  }

  bool fails(const rows::row& row) const {
    twins fresh(allowed_);
    fresh.shrinking_ = true;
    for (const auto& named : row.rules)
      if (!fresh.add(named.second)) return false;
    return fresh.size() == row.rules.size() && !fresh.check(row.event);
  }

  naive::additions allowed_;
  rulebus::matcher fast_;
  rulebus::matcher::reader checked_, trusting_;
  std::optional<naive::matcher> slow_{std::in_place, std::vector<const naive::pattern*>{}};
  std::vector<rule> rules_{};
  std::map<rulebus::rule_id, std::string> names_{};
  std::string difference_{}, history_{};
  std::size_t next_name_ = 0, matches_ = 0;
  bool shrinking_ = false;
};

}  // namespace tests
