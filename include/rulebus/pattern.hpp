// pattern: an event pattern as a value, parsed and validated.
//
//   auto p = rulebus::pattern::parse(R"({"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}})");
//   if (!p) report(p.error());            // reason, byte offset, line and column
//   p->dump();                            // canonical: equal patterns have equal dumps
//
// The language is EventBridge's, exactly (docs/patterns.md); what goes beyond it is off unless pattern_options allows it.
// Thread safety: immutable after parse; copies share one tree. Cost: parse is linear in the text, but for fields that
// several `$or` groups set again, where it is bounded by max_combinations.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

namespace detail {
struct pattern_tree;
}

/// Limits, and the additions to the language. The default is the reference, exactly.
/// Joined field names may take 16 times max_bytes together.
struct pattern_options {
  // Limits: over them, parse answers errc::limit_exceeded.
  std::size_t max_bytes = std::size_t{1} << 20;  ///< of the text; the service's own limit is 4,096 characters
  std::size_t max_depth = 1000;                  ///< nested objects and arrays; at most 2,000 whatever is asked for
  std::size_t max_paths = 256;                   ///< distinct fields in one combination of `$or` branches
  std::size_t max_combinations = 1000;           ///< of `$or` branches: the product over all `$or` of a pattern
  /// Limit of wildcard_complexity for every wildcard; 0: no limit. 10 tells apart what the service takes and what it calls
  /// too complex, as far as its answers are known. Matching never backtracks, so there is no need of a limit here.
  std::size_t max_wildcard_complexity = 0;
  std::size_t max_regexps = 100;  ///< regular expressions in a pattern; each may take 1 MiB of memory

  // Additions to the language, each off by default.
  bool allow_regexp = false;                ///< {"regexp": S}, also in anything-but: RE2 syntax, anchored at both ends
  bool allow_wildcard_ignore_case = false;  ///< {"wildcard": {"equals-ignore-case": S}}
  bool allow_cidr_single_address = false;   ///< {"cidr": …} with /32 and /128
  bool allow_all = false;                   ///< {"all": [value, …]}: one value must pass every condition
};

class pattern {
 public:
  /// Parses and validates. Errors: errc::invalid_json, errc::invalid_pattern, errc::limit_exceeded: the first in the order
  /// of the text, with the service's words where it has them. The place is the first byte of the value that is wrong, of
  /// the key where the key is wrong (unknown or surplus operator, reserved name, `$or` over a limit, a field too many), of
  /// the bracket where something is missing inside, and for JSON errors the byte that cannot be there. Never throws on any
  /// input but for lack of memory.
  RULEBUS_API static result<pattern> parse(std::string_view json, const pattern_options& options = {});

  /// Canonical compact JSON: fields and alternatives in order and once, without what later fields override. parse(dump()) ==
  /// *this under the same additions; the canonical text may be longer and nested a little deeper than the original. Written anew
  /// by each call.
  RULEBUS_API std::string dump() const;

  /// True when both have the same canonical form, which it costs to write.
  RULEBUS_API friend bool operator==(const pattern& a, const pattern& b);

  const detail::pattern_tree& tree() const noexcept { return *tree_; }

 private:
  explicit pattern(std::shared_ptr<const detail::pattern_tree> tree) : tree_(std::move(tree)) {}
  std::shared_ptr<const detail::pattern_tree> tree_;
};

/// The number that pattern_options::max_wildcard_complexity limits, for one wildcard (as decoded from the JSON text): how
/// many of its positions, before and behind its bytes and stars, one value can keep alive at once. Found by trying, with
/// bounded work: where that does not suffice, the number of all positions. Errors: errc::invalid_pattern.
RULEBUS_API result<std::size_t> wildcard_complexity(std::string_view wildcard);

}  // namespace rulebus::inline v1
