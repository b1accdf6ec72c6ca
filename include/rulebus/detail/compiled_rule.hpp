// One rule as the index has it: its form, which it shares with all rules that differ from it in their values only, and those
// values, as numbers of conditions. Immutable once published (version_store.hpp); made by index_rules.cpp.
#pragma once

#include <bit>
#include <cstdint>

#include "rulebus/detail/version_store.hpp"
#include "rulebus/fwd.hpp"

namespace rulebus::inline v1::detail {

struct lazy_condition;
struct path_name;

/// One alternative of a field.
union compiled_condition {
  struct {
    std::uint32_t id, hash;
  } entry;                     ///< which answers it, if it is among the first compiled_field::answered
  const lazy_condition* lazy;  ///< otherwise
};

struct compiled_field {
  const path_name* path;
  std::uint32_t path_id;
  std::uint32_t first_condition, condition_count;
  std::uint32_t answered;   ///< the first so many conditions are answered by entries, and sorted by id
  std::uint32_t or_absent;  ///< 1: {"exists": false} is among the alternatives
  std::uint32_t order;      ///< rank of the path among the rule's fields, by UTF-16 order
};

/// What many rules have in common: all but the values. `shape` is the tree in preorder as numbers: a group is {its fields,
/// its choices, words of the whole group, fields of the whole group} then its choices, a choice is {branches} then its
/// branches; `fields` has the fields of the groups in that same order. Never changes.
struct rule_form : block {
  struct numbers {
    std::uint32_t fields = 0, conditions = 0, postings = 0, shape = 0;
    std::uint32_t is_always = 0;        ///< 1: the rule stands among snapshot::always instead of under entries
    std::uint32_t uses_empty_step = 0;  ///< see snapshot::empty_steps
    friend bool operator==(const numbers&, const numbers&) = default;
  };
  std::uint32_t hash = 0;
  numbers count{};
  const compiled_field* fields() const noexcept { return reinterpret_cast<const compiled_field*>(this + 1); }
  const std::uint32_t* shape() const noexcept { return reinterpret_cast<const std::uint32_t*>(fields() + count.fields); }
};

/// A form's place in snapshot::forms.
struct form_entry : block {
  std::uint32_t hash = 0;
  std::uint32_t uses = 0;  ///< rules
  rule_form* form = nullptr;
};

/// Where a rule is posted: the entry that makes it a candidate, at the path of one of its fields.
struct posting {
  std::uint32_t field, entry_hash, entry_id;
};

/// Rules that were added one after the other stand together in a trie of rules: 32 of them in one list, mostly. So who adds or
/// removes many has the nodes in his processor's cache; by hashes that are mixed it would have been another list each time.
inline std::uint32_t rule_hash(rule_id id) noexcept {
  const auto n = static_cast<std::uint64_t>(id);
  return std::rotr(static_cast<std::uint32_t>(n ^ n >> 32), 5);
}

/// A rule: its form and its values.
struct compiled_rule : block {
  static constexpr std::uint32_t no_slot = UINT32_MAX;
  rule_id id{};
  const rule_form* form = nullptr;
  std::uint32_t slot = no_slot;  ///< small number, reused; for a reader's marks, if several entries have the rule
  std::uint32_t is_settled = 0;  ///< 1: has matched once one of its entries is found

  std::uint32_t hash() const noexcept { return rule_hash(id); }
  const compiled_condition* conditions() const noexcept { return reinterpret_cast<const compiled_condition*>(this + 1); }
  const posting* postings() const noexcept { return reinterpret_cast<const posting*>(conditions() + form->count.conditions); }
};

}  // namespace rulebus::inline v1::detail
