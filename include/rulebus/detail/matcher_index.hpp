// The compiled form of many patterns: what a matcher publishes and its readers walk.
//
// A version is a handful of roots (struct snapshot):
//
//   paths    a trie of the path steps that rules use. Each node holds the index of its path: a set of *entries*.
//   always   the rules that can match without any leaf ({"exists": false} alone): candidates of every event.
//   by_id    all rules, for remove.
//   forms    what rules have in common that differ in their values only: for the writer; a rule points to its form.
//
// An entry is a key by which a leaf at that path is looked up: a string, a number, a prefix, a network, "any leaf", … An
// entry carries the rules that it makes candidates. Each rule stands under the entries of *one* of its fields (or one `$or`),
// the one that is expected to make it a candidate least often; its other conditions are checked once it is a candidate.
// So combining conditions costs a sum, never a product, in time and in memory.
//
// Three kinds of condition: those that an entry *is* (equality with a string, a number, an address, a literal, and "exists"):
// the look-up answers them, for all rules at once; and the others (`lazy`), for which an entry is at most a hint (the
// literal beginning of a wildcard) and which are evaluated once per event, when the first candidate asks. Between the two
// are prefixes, suffixes, networks and ranges: looked for are only those that make rules candidates; being found is their
// answer, others are evaluated. A rule of one field whose entries all answer it is *settled*: once found, it has matched.
//
// Every condition has a small number, unique within the matcher, under which a reader keeps its answer for the event.
// All of it is immutable once published (version_store.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rulebus/detail/compiled_rule.hpp"
#include "rulebus/detail/entry_keys.hpp"
#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/hash_trie.hpp"
#include "rulebus/detail/infix_set.hpp"
#include "rulebus/detail/interval_tree.hpp"
#include "rulebus/detail/number_heads.hpp"
#include "rulebus/detail/pattern_tree.hpp"
#include "rulebus/detail/quick_test.hpp"
#include "rulebus/detail/version_store.hpp"
#include "rulebus/fwd.hpp"

namespace rulebus::inline v1::detail {

/// What an entry's key is, and so which leaves find it.
enum class key_kind : std::uint8_t {
  any_leaf,  ///< no bytes: every leaf

  // Equality; these answer their condition.
  string,
  number,       ///< number_key
  number_text,  ///< as written
  ip,           ///< address_key
  literal,      ///< literal_key

  // Found, these answer their condition; but they are looked for only while rules are under them (or others of their length).
  prefix,
  suffix,
  lower,  ///< a text that is ASCII, in lower case: the whole string, ignoring the case of ASCII letters
  lower_prefix,
  lower_suffix,
  network,  ///< address_key with mask bits, of the masked address
  range,    ///< range_key (index_range.hpp)

  // These are a hint, looked for likewise.
  folded,  ///< the whole string in its folded form (case_mapping.hpp)
  folded_prefix,
  folded_suffix,
  infix,  ///< a text of one of infix_lengths anywhere in a string

  lazy,  ///< the condition's canonical text; those with rules under them are evaluated on every leaf
};
constexpr std::size_t key_kinds = static_cast<std::size_t>(key_kind::lazy) + 1;
constexpr std::uint32_t bit_of(key_kind k) noexcept { return 1U << static_cast<unsigned>(k); }
/// True when looking up answers the condition: found or not.
constexpr bool is_answer(key_kind k) noexcept { return k <= key_kind::literal; }
/// True when being found answers the condition.
constexpr bool answers_when_found(key_kind k) noexcept { return k <= key_kind::range; }

/// A condition that an entry does not answer by itself. Never changes.
struct lazy_condition : block {
  std::uint32_t hash = 0, id = 0;  ///< of its entry
  condition* test = nullptr;
  quick_test quick;
};

/// The entry's place in a path's set.
template <class Map = as_written>
[[gnu::always_inline]] inline std::uint32_t key_hash(key_kind kind, std::string_view key, Map map = {}) noexcept {
  return static_cast<std::uint32_t>(hash_bytes(key, 0x100 + static_cast<std::uint64_t>(kind), map));
}

/// Small, for there is one for nearly every rule; what can be had otherwise is not stored.
struct entry : block {
  std::uint32_t id = 0;    ///< number of the condition that it answers; otherwise a number of its own
  std::uint32_t uses = 0;  ///< conditions of rules that it answers (or holds), and rules under it
  std::uint32_t key_size = 0;
  key_kind kind{};
  hash_trie<compiled_rule> rules;  ///< those that it makes candidates

  /// What is evaluated when the entry is not looked for; null while it is no rule's condition. It stands before the key, in
  /// entries of the kinds for which before_key is not 0.
  lazy_condition*& condition() noexcept { return *reinterpret_cast<lazy_condition**>(this + 1); }
  const lazy_condition* condition() const noexcept { return *reinterpret_cast<lazy_condition* const*>(this + 1); }
  bool has_condition() const noexcept { return before_key(kind) != 0 && condition() != nullptr; }
  static constexpr std::size_t before_key(key_kind k) noexcept {
    return !is_answer(k) && (answers_when_found(k) || k == key_kind::lazy) ? sizeof(void*) : 0;
  }
  char* key_bytes() noexcept { return reinterpret_cast<char*>(this + 1) + before_key(kind); }
  std::string_view key() const noexcept { return {reinterpret_cast<const char*>(this + 1) + before_key(kind), key_size}; }
  std::uint32_t hash() const noexcept { return key_hash(kind, key()); }
};

/// The lengths of prefixes, suffixes and masks with rules under them at a path, so that a reader looks up each once.
struct length_list : block {
  struct item {
    key_kind kind;
    std::uint32_t length;  ///< bytes; for networks: family size * 256 + mask bits
    std::uint32_t count;   ///< entries
  };
  std::uint32_t size = 0;
  item* items() noexcept { return reinterpret_cast<item*>(this + 1); }
  const item* items() const noexcept { return reinterpret_cast<const item*>(this + 1); }
};

/// A path's name and number. Never changes.
struct path_name : block {
  std::uint32_t id = 0;
  std::uint32_t size = 0;
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(this + 1), size}; }
};

struct path_node;

/// The children of a node once more, while they are few: compared, not hashed.
struct near_children : block {
  static constexpr std::size_t most = 4;
  struct child {
    std::uint64_t first = 0;  ///< first_word of its step
    std::uint64_t mask = 0;   ///< of the bytes that `first` has; 0: in an event the step is not written as it is
    path_node* node = nullptr;
  };
  child list[most];
};

struct path_node : block {
  path_name* name = nullptr;  ///< null: no rule has this very path
  hash_trie<path_node> children;
  near_children* near = nullptr;  ///< null: none, or too many
  hash_trie<entry, true> entries;
  entry* any_leaf = nullptr;  ///< that of key_kind::any_leaf, which is among the entries
  // The entries that leaves search, while rules are under them: evaluated on every leaf; intervals; pieces of strings.
  hash_trie<entry> scans;
  interval_tree<entry> ranges;
  infix_set<entry> infixes;
  length_list* lengths = nullptr;  ///< null: none
  std::uint64_t first_bytes = 0;   ///< a filter: bit b is set if a child's step begins with b modulo 64 ('.' if empty)
  std::uint64_t number_bits = 0;   ///< a filter: number_key::bit of each number among the entries
  number_heads heads;              ///< another one: of the same numbers
  std::uint32_t kinds = 0;         ///< bit_of each key_kind among the entries
  std::uint32_t path_id = 0;       ///< name->id
  std::uint32_t hash = 0;          ///< of the step
  std::uint32_t child_count = 0;
  std::uint32_t inner_children = 0;  ///< children that have children: only then can a dotted key lead anywhere
  std::uint32_t uses = 0;            ///< fields of rules at this path
  std::uint32_t settled = 0;         ///< those of them whose rule is settled, and never looks at leaves again
  std::uint32_t entry_count[key_kinds] = {};
  std::uint32_t step_size = 0;
  std::string_view step() const noexcept { return {reinterpret_cast<const char*>(this + 1), step_size}; }

  static std::uint32_t hash_of(std::string_view step) noexcept { return static_cast<std::uint32_t>(hash_bytes(step, 1)); }
  static std::uint64_t first_byte_bit(std::string_view step) noexcept {
    return std::uint64_t{1} << (static_cast<unsigned char>(step.empty() ? '.' : step.front()) & 63U);
  }
  /// Whether leaves at this path are asked for once they are looked up.
  bool keeps_leaves() const noexcept { return uses != settled; }
  path_node* child(std::string_view step) const noexcept {
    if (near != nullptr) {
      const std::uint64_t first = first_word(step);
      for (std::uint32_t i = 0; i < child_count; ++i) {
        path_node& n = *near->list[i].node;
        if (near->list[i].first != first || n.step_size != step.size()) continue;
        if (step.size() <= sizeof first || same_bytes(n.step(), step)) return &n;
      }
      return nullptr;
    }
    return children.find(hash_of(step), [step](const path_node& n) { return same_bytes(n.step(), step); });
  }
  /// Down several steps, joined by dots.
  const path_node* descendant(std::string_view steps) const noexcept {
    const path_node* node = this;
    for (std::size_t from = 0;;) {
      const std::size_t dot = steps.find('.', from);
      node = node->child(steps.substr(from, dot - from));
      if (node == nullptr || dot == std::string_view::npos) return node;
      from = dot + 1;
    }
  }
};

/// The entry whose key is map(text). Inlined, so that for keys of a size that is known little is left of the hash.
template <class Map = as_written>
[[gnu::always_inline]] inline entry* find_entry_inline(const path_node& n, key_kind kind, std::string_view text,
                                                       Map map = {}) noexcept {
  return n.entries.find(key_hash(kind, text, map),
                        [=](const entry& e) { return e.kind == kind && same_bytes(e.key(), text, map); });
}

template <class Map = as_written>
entry* find_entry(const path_node& n, key_kind kind, std::string_view text, Map map = {}) noexcept {
  return find_entry_inline(n, kind, text, map);
}

/// One published version.
struct snapshot {
  path_node* paths = nullptr;  ///< the root, whose own path does not exist
  hash_trie<compiled_rule> always, by_id;
  hash_trie<form_entry> forms;
  // Numbers in use are below these: how large a reader's tables must be.
  std::uint32_t path_limit = 0, slot_limit = 0;
  /// Rules with a path that has an empty step before a non-empty one (or is just that). An event's key "" is seen only
  /// when there is such a rule (docs/patterns.md, "Empty keys").
  std::uint32_t empty_steps = 0;
  std::uint64_t rules = 0;
};

}  // namespace rulebus::inline v1::detail
