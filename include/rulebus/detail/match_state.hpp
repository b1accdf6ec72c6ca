// match_state: everything a reader remembers while it matches one event, and the memory for it.
//
// The walk reports leaves (leaf); each is looked up in the index of its path at once (probe), which answers conditions and
// makes rules candidates. Afterwards the candidates are checked (match_candidates): the rest of each rule's fields and its
// `$or`, with conditions that no entry answered evaluated when first asked for, and array consistency where it can matter.
//
// Paths and rules are kept in tables by their small numbers, answers in a small hash table (answer_table). An entry is valid
// when it carries the number of the current event, so nothing is cleared between events.
//
// Thread safety: one thread each. After warm-up nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/detail/answer_table.hpp"
#include "rulebus/detail/array_consistency.hpp"
#include "rulebus/detail/matcher_index.hpp"
#include "rulebus/detail/pattern_tree.hpp"
#include "rulebus/matcher.hpp"

namespace rulebus::inline v1::detail {

class match_state {
 public:
  /// Room for a version's numbers.
  void fit(const snapshot& version);
  void begin(std::string_view event, std::size_t max_array_steps);

  // ---- what event_walk reports
  bool decode(std::string_view& text);
  std::uint32_t new_array() noexcept { return ++arrays_; }
  std::uint32_t new_element(std::uint32_t array, std::uint32_t index, std::uint32_t outer) {
    elements_.push_back({array, index, outer});
    return static_cast<std::uint32_t>(elements_.size() - 1);
  }
  void leaf(const path_node& node, const detail::leaf& value, std::uint32_t element);

  // ---- afterwards
  /// Checks the candidates; false when the budget for array consistency ran out.
  bool match_candidates(const snapshot& version);
  std::span<const rule_id> matches() const noexcept { return matches_; }

 private:
  static constexpr std::uint32_t none = condition_answer::none, some = condition_answer::some;
  struct leaf_record {
    detail::leaf value;
    std::uint32_t element;  ///< the array element it is in; 0: none
    std::uint32_t next;     ///< at the same path
  };
  struct path_state {
    std::uint32_t event = 0, first = 0, last = 0;
    bool in_array = false;  ///< some leaf is in an array element
    bool outside = false;   ///< some leaf is in none
  };
  /// At a path: what no number strictly between these finds, was found already.
  struct searched {
    std::uint32_t event = 0;
    interval around;
  };
  struct hit {
    std::uint32_t leaf, condition;
    std::uint32_t next;  ///< of the same condition
  };
  /// A place in a rule's shape, with the fields that begin there.
  struct group_place {
    const std::uint32_t* shape;
    const compiled_field* fields;
  };

  inline void keep(const path_node& node, const detail::leaf& value, std::uint32_t element);
  [[gnu::always_inline]] inline void probe(const path_node& node, const detail::leaf& value, std::uint32_t number);
  [[gnu::always_inline]] inline void probe_string(const path_node& node, std::string_view text, std::uint32_t number);
  [[gnu::always_inline]] inline void probe_number(const path_node& node, std::string_view text, std::uint32_t number);
  template <class Map = as_written>
  void probe_ends(const path_node& node, std::string_view text, key_kind beginning, key_kind end, std::uint32_t number,
                  Map map = {});
  void probe_caseless(const path_node& node, std::string_view text, std::uint32_t number);
  void probe_lower(const path_node& node, std::string_view text, std::uint32_t number);
  void probe_folded(const path_node& node, std::string_view text, std::uint32_t number);
  void probe_address(const path_node& node, std::string_view text, std::uint32_t number);
  void probe_ranges(const path_node& node, const decimal& value, std::uint32_t number);
  void probe_infixes(const path_node& node, std::string_view text, std::uint32_t number);
  void scan(const path_node& node, const detail::leaf& value);
  inline bool leaf_passes(const lazy_condition& c, const detail::leaf& value);
  void found(const entry* e, std::uint32_t leaf_number);
  void add_candidates(const entry& e);
  void add_candidate(const compiled_rule& rule);
  void ask_for_awaited();

  bool holds(const compiled_rule& rule);
  bool group_holds(const compiled_rule& rule, group_place& at);
  inline bool field_holds(const compiled_rule& rule, const compiled_field& f);
  inline bool is_answered(const compiled_condition* first, const compiled_condition* end, const path_state& path) const;
  bool is_any_found(const compiled_condition* first, const compiled_condition* end, const path_state& path) const;
  inline bool lazy_holds(const lazy_condition& c, const path_state& path);
  bool evaluate(const lazy_condition& c, const path_state& path);
  void list_hits(const path_state& path, const lazy_condition& c);
  void add_hit(std::uint32_t leaf_number, std::uint32_t condition, condition_answer& a);
  const path_state* leaves_at(const compiled_field& f) const noexcept;
  bool positions_agree(const compiled_rule& rule);
  void pick_group(group_place at);
  bool pick_branches(const compiled_rule& rule, std::size_t choice);
  bool picked_agree(const compiled_rule& rule);
  void add_leaves(const compiled_rule& rule, const compiled_field& f, const path_state& path);

  std::uint32_t event_ = 0;
  std::vector<leaf_record> leaves_;
  std::vector<path_state> paths_;
  std::vector<searched> searched_;  // by path
  answer_table answers_;
  std::vector<hit> hits_;            // first those of look-ups, in the order of leaves
  std::ptrdiff_t look_up_hits_ = 0;  // how many these are
  std::vector<std::uint32_t> rule_marks_;
  std::vector<const compiled_rule*> candidates_;
  bool has_many_rules_ = false;
  hash_trie<compiled_rule> awaited_;             // with many rules: those under the entry found last
  std::vector<const compiled_rule*> asked_for_;  // and under the ones before
  std::vector<rule_id> matches_;

  std::string decoded_;  // as long as an event that has escapes; never grows while views of it are about
  std::size_t decoded_size_ = 0, event_size_ = 0;
  const char* last_word_ = nullptr;  // the last place in the event, and in what is decoded, with eight bytes to read
  std::string folded_;
  test_scratch scratch_;

  std::vector<array_element> elements_;
  std::uint32_t arrays_ = 0;
  std::size_t array_steps_ = 0;
  std::uint32_t fields_in_arrays_ = 0;  // of the rule being checked
  bool must_agree_ = false;
  std::vector<const compiled_field*> picked_, in_path_order_;
  std::vector<group_place> open_choices_;
  std::vector<std::uint32_t> element_marks_;
  std::uint32_t element_mark_ = 0;
  array_solver solver_;
};

inline void match_state::add_hit(std::uint32_t leaf_number, std::uint32_t condition, condition_answer& a) {
  hits_.push_back({leaf_number, condition, a.first_hit});
  a.first_hit = static_cast<std::uint32_t>(hits_.size() - 1);
}

inline void match_state::add_candidate(const compiled_rule& rule) {
  __builtin_prefetch(reinterpret_cast<const char*>(&rule) + 64);  // its conditions, while the beginning is waited for
  if (rule.slot != compiled_rule::no_slot) {
    std::uint32_t& mark = rule_marks_[rule.slot];
    if (mark == event_) return;
    mark = event_;
  }
  if (rule.is_settled != 0) {
    matches_.push_back(rule.id);
  } else {
    candidates_.push_back(&rule);
  }
}

// Many rules are not in the processor's cache: each that is found is waited for, and a list of several before. So they are
// asked for, and read when the walk is over (six fields, 100,000 rules: a third of the time of an event). Few are there at
// once, and asking would be one more thing to do (40 rules, 20 of which match: 7 % of the instructions).
inline void match_state::add_candidates(const entry& e) {
  if (!has_many_rules_) return e.rules.for_each([this](const compiled_rule& rule) { add_candidate(rule); });
  if (e.rules.empty()) return;
  ask_for_awaited();
  awaited_ = e.rules;
  awaited_.prefetch();
}

inline bool match_state::leaf_passes(const lazy_condition& c, const detail::leaf& value) {
  if (value.type == leaf_type::string) {
    const quick_test::answer quick = c.quick.ask(value.text, last_word_);
    if (quick != quick_test::answer::unknown) return quick == quick_test::answer::passes;
  }
  return passes(*c.test, value, scratch_);
}

inline void match_state::found(const entry* e, std::uint32_t leaf_number) {
  if (e == nullptr) return;
  condition_answer& a = answers_.at(e->id);
  if (a.first_hit == condition_answer::unknown) {
    a.first_hit = is_answer(e->kind) ? none : some;
    add_candidates(*e);
  }
  if (is_answer(e->kind)) add_hit(leaf_number, e->id, a);
}

}  // namespace rulebus::inline v1::detail
