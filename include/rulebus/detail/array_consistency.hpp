// array_solver: can the fields of one rule be satisfied by leaves that agree on array positions?
//
// Every object (or array) that is an element of an array has a position in it. Two leaves conflict when they come from
// different elements of the same array. A rule matches when a leaf can be chosen for each of its fields, in path order, so
// that no two chosen leaves conflict; a field with {"exists": false} may instead go without, if no leaf at its path agrees
// with those chosen before (docs/patterns.md, "Arrays").
//
// Method: depth-first, one field after the other. What lies ahead depends on the choices made only through the positions
// in arrays that later fields can touch; a combination of those that once failed is remembered and not tried again. For
// rules and events without repeated keys that bounds the work by fields times elements; a budget bounds it for the rest.
//
// Thread safety: one thread each. Keeps its memory, so that after warm-up nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

/// One element of one array in an event. Element 0 of the list stands for "in no array".
struct array_element {
  std::uint32_t array = 0;  ///< number of the array in the event, from 1
  std::uint32_t index = 0;
  std::uint32_t outer = 0;  ///< the element that the array itself is in
};

class array_solver {
 public:
  /// Starts a problem. `elements` must stay until solve returns.
  RULEBUS_API void begin(std::span<const array_element> elements, std::uint32_t array_count);

  // Fields, in UTF-16 order of their paths; each followed by the elements that its leaves are in.
  RULEBUS_API void add_field(bool or_absent);
  RULEBUS_API void add_passing(std::uint32_t element);  ///< of a leaf that passes one of the field's conditions
  RULEBUS_API void add_present(std::uint32_t element);  ///< of any leaf at the path; needed only with or_absent

  /// Takes from `steps` what it uses; when they run out it gives up, answers false and leaves 0.
  RULEBUS_API bool solve(std::size_t& steps);

 private:
  struct field {
    std::uint32_t passing_begin, passing_end, present_begin, present_end;
    bool or_absent, free_choice;  // free_choice: a passing leaf in no array, and no {"exists": false} ahead
  };
  void note_use(std::uint32_t element, std::uint32_t number);
  bool agrees(std::uint32_t element) const noexcept;
  bool choose(std::uint32_t element);
  void undo(std::size_t trail_size) noexcept;
  bool walk(std::uint32_t at, std::size_t& steps);
  bool walk_field(std::uint32_t at, std::size_t& steps);
  void make_state(std::uint32_t at);
  bool has_failed();
  void remember_failure();
  void grow_table();

  std::span<const array_element> elements_;
  std::vector<field> fields_;
  std::vector<std::uint32_t> passing_, present_;
  std::vector<std::uint32_t> chosen_index_;  // per array: index + 1, or 0
  std::vector<std::uint32_t> last_use_;      // per array: 1 + the last field that can touch it
  std::vector<std::uint32_t> noted_;         // arrays with a last use
  std::vector<std::uint32_t> trail_;         // arrays with a chosen index, in order
  // Failed states: {words, field, array, index, …} one after the other; the table has their offsets + 1.
  std::vector<std::uint32_t> states_, table_, state_;
  std::size_t state_count_ = 0;
};

}  // namespace rulebus::inline v1::detail
