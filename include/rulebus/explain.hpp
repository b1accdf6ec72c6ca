// explain: why an event matches a pattern, or what is missing.
//
//   auto why = rulebus::explain(p, event_json).value();
//   std::cout << why.text();        // for people: one line per field with what was expected and what was found
//   std::cout << why.json();        // for programs
//
// Thread safety: pure functions. Cost: reads every leaf of the event; meant for people and tools, not for the hot path.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/event.hpp"
#include "rulebus/export.hpp"
#include "rulebus/pattern.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

/// One field of a pattern against an event.
struct explained_field {
  std::string path{};                ///< dotted
  std::string conditions{};          ///< the alternatives, as canonical JSON array text
  std::vector<std::string> found{};  ///< the values at that path as JSON text, in event order; empty: absent
  std::size_t found_in_all = 0;      ///< how many values there are; found keeps at most 16 of them
  bool passed = false;
};

struct explained_choice;

/// Fields that must all pass, and `$or` groups of which each needs one branch that passes.
struct explained_group {
  std::vector<explained_field> fields{};
  std::vector<explained_choice> choices;
  bool passed = false;  ///< every field and every choice here passed
};

struct explained_choice {
  std::vector<explained_group> branches{};
  bool passed = false;  ///< one of the branches passed
};

struct explanation {
  bool matched = false;
  explained_group root{};
  /// True when every field passes by itself, but only with values from different elements of one array, or in an order in
  /// which an `exists: false` no longer holds (array consistency, docs/patterns.md).
  bool array_conflict = false;
  std::size_t passed = 0;  ///< conditions that hold: fields outside `$or`, and each `$or` by its best branch
  std::size_t total = 0;   ///< of so many

  RULEBUS_API std::string text() const;  ///< readable, several lines, each ended by a newline
  RULEBUS_API std::string json() const;  ///< one line, stable: {"matched", "passed", "total", "array_conflict", "fields", "or"}
};

/// Errors: those of matcher::reader::match.
RULEBUS_API result<explanation> explain(const pattern& p, std::string_view event_json, const event_options& options = {});

struct named_pattern {
  std::string name{};
  pattern value;
};

struct near_miss {
  std::string name{};
  explanation why{};
};

/// Explains all and ranks them: those that match first, then those that miss the fewest conditions, then by name;
/// at most `limit` of them. Reads the event once.
RULEBUS_API result<std::vector<near_miss>> explain(std::span<const named_pattern> rules, std::string_view event_json,
                                                   std::size_t limit = 10, const event_options& options = {});

}  // namespace rulebus::inline v1
