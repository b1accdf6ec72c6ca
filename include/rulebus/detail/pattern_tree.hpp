// The tree that an event pattern is parsed to, in normal form, and the test of one condition against one leaf.
//
// Normal form: a group is fields that must all hold and choices (`$or`) of which each needs one branch. Every path occurs
// at most once in any combination of branches: what a later field overrides is resolved by the parser, so that readers of
// the tree can forget that rule. Fields of a group are sorted by path in UTF-16 order, the order that `exists: false`
// depends on (docs/patterns.md, "Arrays"); a combination's fields taken together are sorted by the same order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/detail/case_mapping.hpp"
#include "rulebus/detail/ip_address.hpp"
#include "rulebus/detail/number.hpp"
#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

class regexp;  // RE2, behind regexp.cpp

/// What one condition asks of a leaf.
enum class test_kind : std::uint8_t {
  string_equals,  ///< text
  ip_equals,      ///< ip: a plain string value that is an IP address
  number_equals,  ///< number: a comparable number; `text` is its canonical form
  number_text,    ///< text: a literal that is not comparable, same text only
  true_value,
  false_value,
  null_value,
  exists,  ///< any leaf
  absent,  ///< no leaf ({"exists": false}); never true of a leaf
  prefix,
  suffix,  ///< text
  caseless_equals,
  caseless_prefix,
  caseless_suffix,    ///< text, caseless
  wildcard,           ///< steps, literals in `pieces`
  caseless_wildcard,  ///< caseless pieces; beyond the reference
  range,              ///< low, high
  cidr,               ///< network
  regexp,             ///< compiled; beyond the reference
  anything_but,       ///< of: none of them holds (true of every leaf of another type)
  all,                ///< of: all of them hold for one leaf; beyond the reference
};

/// Literal pieces between `*`: "a*b*" is {"a", "b", ""}; one piece means no star at all.
struct wildcard_pieces {
  std::vector<std::string> literals;
  std::vector<caseless_text> caseless;  ///< instead of literals, for caseless_wildcard
};

struct number_range {
  double low = 0, high = 0;
  bool low_open = false, high_open = false;  ///< open: the bound itself is outside
  friend bool operator==(const number_range&, const number_range&) = default;
};

struct condition {
  test_kind kind{};
  std::string text{};        ///< as far as the kind has one: the literal, canonical number text, wildcard or regexp source
  double number = 0;         ///< number_equals
  number_range range{};      ///< range
  ip_address ip{};           ///< ip_equals
  ip_network network{};      ///< cidr
  caseless_text caseless{};  ///< caseless_*
  wildcard_pieces pieces{};  ///< wildcard, caseless_wildcard
  std::shared_ptr<const detail::regexp> compiled{};  ///< regexp
  std::vector<condition> of{};                       ///< anything_but, all
};

struct field {
  std::string path;               ///< steps joined by '.'
  std::vector<condition> any_of;  ///< canonical order, each once; absent, if there, comes last
};

struct choice;
struct group {
  std::vector<std::shared_ptr<const field>> fields;  ///< shared where the normal form needs a field in several branches
  std::vector<choice> choices;
};
struct choice {
  std::string path;  ///< of the object that the `$or` was written in; "" at the top
  std::vector<group> branches;
};

// ---- what it is made from (pattern_program.hpp)

struct program_choice;

/// Either a field or a choice.
struct program_item {
  std::shared_ptr<const field> set{};
  std::shared_ptr<program_choice> choose{};
  std::size_t offset = 0;  ///< of the key in the text
};

/// Items in the order of the text: each combination of branches sets the fields one after the other, later ones override.
struct program {
  std::vector<program_item> items;
  /// Of a branch that drop_overridden() left without items: the smallest of the paths that it had. There is no empty branch
  /// in the language, so the canonical text sets this path, which later items set again.
  std::string overridden;
};

struct program_choice {
  std::string path;  ///< of the object that the `$or` was written in
  std::vector<program> branches;
};

struct pattern_tree {
  group root;
  program written;  ///< what dump() writes: without what later fields override
};

/// True for a path that has an empty step before a non-empty one, or is just an empty step. An event's key "" is seen only
/// while some rule has such a path (docs/patterns.md).
RULEBUS_API bool shows_empty_keys(std::string_view path) noexcept;

/// True when path a sorts before path b by UTF-16 code units.
RULEBUS_API bool utf16_less(std::string_view a, std::string_view b) noexcept;

/// The conditions of a field as a canonical JSON array; one condition as JSON.
RULEBUS_API std::string dump_conditions(const std::vector<condition>& any_of);

// ---- one leaf

enum class leaf_type : std::uint8_t { string, number, true_value, false_value, null_value };

/// A string (decoded), a number (as written), true, false or null.
struct leaf {
  std::string_view text{};
  leaf_type type = leaf_type::null_value;
};

/// Working memory of tests, reused between calls so that after warm-up nothing is allocated. One thread each.
struct test_scratch {
  std::vector<std::uint32_t> positions, more_positions;
};

/// Does the leaf pass the condition? `absent` never passes. Cost: the leaf's length, times the positions alive for the
/// wildcard and caseless kinds. Never backtracks.
RULEBUS_API bool passes(const condition& c, const leaf& value, test_scratch& scratch);

}  // namespace rulebus::inline v1::detail
