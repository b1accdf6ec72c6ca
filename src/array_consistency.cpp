#include "rulebus/detail/array_consistency.hpp"

#include <algorithm>
#include <string_view>

#include "rulebus/detail/hash.hpp"

namespace rulebus::inline v1::detail {

// Wherever memory may run out, what tells that something is there is written last: begin() finds all that is to be undone.

void array_solver::begin(std::span<const array_element> elements, std::uint32_t array_count) {
  elements_ = elements;
  fields_.clear();
  passing_.clear();
  present_.clear();
  undo(0);
  for (const std::uint32_t array : noted_) last_use_[array] = 0;
  noted_.clear();
  if (state_count_ != 0) std::fill(table_.begin(), table_.end(), 0);
  states_.clear();
  state_count_ = 0;
  if (chosen_index_.size() <= array_count) {
    last_use_.resize(array_count + 1);
    chosen_index_.resize(array_count + 1);
  }
}

void array_solver::add_field(bool or_absent) {
  const auto passing = static_cast<std::uint32_t>(passing_.size());
  const auto present = static_cast<std::uint32_t>(present_.size());
  fields_.push_back({passing, passing, present, present, or_absent, false});
}

void array_solver::add_passing(std::uint32_t element) {
  passing_.push_back(element);
  ++fields_.back().passing_end;
}

void array_solver::add_present(std::uint32_t element) {
  present_.push_back(element);
  ++fields_.back().present_end;
}

bool array_solver::solve(std::size_t& steps) {
  bool absence_ahead = false;
  for (std::size_t i = fields_.size(); i > 0; --i) {
    field& f = fields_[i - 1];
    const auto begin = passing_.begin() + f.passing_begin, end = passing_.begin() + f.passing_end;
    f.free_choice = !absence_ahead && std::find(begin, end, 0U) != end;
    absence_ahead = absence_ahead || f.or_absent;
    const auto number = static_cast<std::uint32_t>(i - 1);
    for (std::uint32_t k = f.passing_begin; k < f.passing_end; ++k) note_use(passing_[k], number);
    for (std::uint32_t k = f.present_begin; k < f.present_end; ++k) note_use(present_[k], number);
  }
  return walk(0, steps);
}

// Fields come from the last to the first, so the first note of an array is that of its last use.
void array_solver::note_use(std::uint32_t element, std::uint32_t number) {
  for (; element != 0; element = elements_[element].outer) {
    const std::uint32_t array = elements_[element].array;
    if (last_use_[array] != 0) continue;
    noted_.push_back(array);
    last_use_[array] = number + 1;
  }
}

bool array_solver::agrees(std::uint32_t element) const noexcept {
  for (; element != 0; element = elements_[element].outer) {
    const std::uint32_t chosen = chosen_index_[elements_[element].array];
    if (chosen != 0 && chosen != elements_[element].index + 1) return false;
  }
  return true;
}

bool array_solver::choose(std::uint32_t element) {
  for (; element != 0; element = elements_[element].outer) {
    const array_element& e = elements_[element];
    std::uint32_t& chosen = chosen_index_[e.array];
    if (chosen == e.index + 1) continue;
    if (chosen != 0) return false;
    trail_.push_back(e.array);
    chosen = e.index + 1;
  }
  return true;
}

void array_solver::undo(std::size_t trail_size) noexcept {
  for (; trail_.size() > trail_size; trail_.pop_back()) chosen_index_[trail_.back()] = 0;
}

bool array_solver::walk(std::uint32_t at, std::size_t& steps) {
  if (at == fields_.size()) return true;
  const field& f = fields_[at];
  if (f.free_choice) return walk(at + 1, steps);
  const bool several = f.passing_end - f.passing_begin + (f.or_absent ? 1U : 0U) > 1;
  if (!several) return walk_field(at, steps);
  make_state(at);
  if (has_failed()) return false;
  if (walk_field(at, steps)) return true;
  make_state(at);
  if (steps != 0) remember_failure();
  return false;
}

bool array_solver::walk_field(std::uint32_t at, std::size_t& steps) {
  const field& f = fields_[at];
  const std::size_t cost = std::size_t{1} + (f.present_end - f.present_begin);
  if (steps <= cost) return steps = 0, false;
  steps -= cost;
  if (f.or_absent) {
    const auto begin = present_.begin() + f.present_begin, end = present_.begin() + f.present_end;
    if (std::none_of(begin, end, [this](std::uint32_t e) { return agrees(e); }) && walk(at + 1, steps)) return true;
  }
  for (std::uint32_t k = f.passing_begin; k < f.passing_end; ++k) {
    if (steps == 0 || --steps == 0) return false;
    const std::size_t mark = trail_.size();
    if (choose(passing_[k]) && walk(at + 1, steps)) return true;
    undo(mark);
  }
  return false;
}

// ---- failed states

/// The state in which field `at` is reached: positions chosen in arrays that it or a later field can touch.
void array_solver::make_state(std::uint32_t at) {
  state_.assign({0, at});
  for (const std::uint32_t array : trail_) {
    if (last_use_[array] > at) state_.push_back(array);
  }
  std::sort(state_.begin() + 2, state_.end());
  const std::size_t arrays = state_.size() - 2;
  for (std::size_t i = 0; i < arrays; ++i) state_.push_back(chosen_index_[state_[2 + i]]);
  state_[0] = static_cast<std::uint32_t>(state_.size());
}

bool array_solver::has_failed() {
  if (state_count_ == 0) return false;
  const std::string_view bytes(reinterpret_cast<const char*>(state_.data()), state_.size() * sizeof state_[0]);
  for (std::size_t i = hash_bytes(bytes, 3) & (table_.size() - 1); table_[i] != 0; i = (i + 1) & (table_.size() - 1)) {
    const std::uint32_t* known = states_.data() + table_[i] - 1;
    if (known[0] == state_.size() && std::equal(state_.begin(), state_.end(), known)) return true;
  }
  return false;
}

void array_solver::remember_failure() {
  if (2 * (state_count_ + 1) > table_.size()) grow_table();
  const std::string_view bytes(reinterpret_cast<const char*>(state_.data()), state_.size() * sizeof state_[0]);
  std::size_t i = hash_bytes(bytes, 3) & (table_.size() - 1);
  while (table_[i] != 0) i = (i + 1) & (table_.size() - 1);
  const auto offset = static_cast<std::uint32_t>(states_.size());
  states_.insert(states_.end(), state_.begin(), state_.end());
  table_[i] = offset + 1;
  ++state_count_;
}

void array_solver::grow_table() {
  table_.assign(std::max<std::size_t>(64, 2 * table_.size()), 0);
  for (std::size_t offset = 0; offset < states_.size(); offset += states_[offset]) {
    const std::string_view bytes(reinterpret_cast<const char*>(states_.data() + offset), states_[offset] * sizeof states_[0]);
    std::size_t i = hash_bytes(bytes, 3) & (table_.size() - 1);
    while (table_[i] != 0) i = (i + 1) & (table_.size() - 1);
    table_[i] = static_cast<std::uint32_t>(offset + 1);
  }
}

}  // namespace rulebus::inline v1::detail
