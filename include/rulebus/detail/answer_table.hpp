// answer_table: what a reader knows of conditions while it matches one event.
//
// A hash table of the conditions that this event asked for, and not a row for each condition that there is: of a million
// rules an event asks for a few, and their rows stay in the processor's nearest caches, where a row by number would be waited
// for each time. A condition has the row of its number's lower bits; only one that finds there another stands elsewhere. A row
// is valid when it carries the number of the event, so nothing is cleared between events.
//
// Cost: find, at O(1) on average. Memory: 16 KB, and 16 bytes a row for twice as many conditions as ever had to stand elsewhere.
// Thread safety: one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rulebus::inline v1::detail {

/// Of a condition in one event.
struct condition_answer {
  // What first_hit is beside the number of a hit.
  static constexpr std::uint32_t none = UINT32_MAX;         ///< no leaf passes
  static constexpr std::uint32_t some = UINT32_MAX - 1;     ///< a leaf passes; which ones do was not asked yet
  static constexpr std::uint32_t unknown = UINT32_MAX - 2;  ///< of a row that was just made

  std::uint64_t key = 0;  ///< the event's number, above the condition's
  std::uint32_t first_hit = unknown;
};

class answer_table {
 public:
  /// Forgets all answers. The first call of all comes before anything else.
  void begin_event() {
    if (rows_.empty()) rows_.resize(rows);
    others_used_ = 0;
    event_ += next_event;
    if (event_ != 0) return;
    std::fill(rows_.begin(), rows_.end(), condition_answer{});  // after 2^32 events the numbers start again
    std::fill(others_.begin(), others_.end(), condition_answer{});
    event_ = next_event;
  }

  /// Null: nothing is known of the condition. Valid until the next at().
  const condition_answer* find(std::uint32_t condition) const noexcept {
    const condition_answer& row = rows_[condition % rows];
    if (row.key == key_of(condition)) return &row;
    return is_taken(row) ? find_elsewhere(condition) : nullptr;
  }

  /// The answer, `unknown` if there was none. Valid until the next at(). Throws std::bad_alloc; then nothing has changed.
  condition_answer& at(std::uint32_t condition) {
    condition_answer& row = rows_[condition % rows];
    if (row.key == key_of(condition)) return row;
    if (is_taken(row)) return at_elsewhere(condition);
    return row = {key_of(condition), condition_answer::unknown};
  }

 private:
  static constexpr std::uint64_t next_event = std::uint64_t{1} << 32;
  static constexpr std::size_t rows = 1024;

  std::uint64_t key_of(std::uint32_t condition) const noexcept { return event_ | condition; }
  bool is_taken(const condition_answer& row) const noexcept { return (row.key ^ event_) < next_event; }

  // ---- seldom needed, and apart

  [[gnu::noinline]] const condition_answer* find_elsewhere(std::uint32_t condition) const noexcept {
    if (others_used_ == 0) return nullptr;
    const condition_answer& row = others_[place_elsewhere(condition)];
    return is_taken(row) ? &row : nullptr;
  }
  [[gnu::noinline]] condition_answer& at_elsewhere(std::uint32_t condition) {
    if (2 * (others_used_ + 1) > others_.size()) grow();
    condition_answer& row = others_[place_elsewhere(condition)];
    if (is_taken(row)) return row;
    ++others_used_;
    return row = {key_of(condition), condition_answer::unknown};
  }
  // The row that the condition has there, or would get: the first from its place on that is its own or free.
  std::size_t place_elsewhere(std::uint32_t condition) const noexcept {
    const std::size_t mask = others_.size() - 1;
    std::size_t at = condition * std::uint64_t{0x9e3779b97f4a7c15} >> 32 & mask;
    while (is_taken(others_[at]) && others_[at].key != key_of(condition)) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<condition_answer> before(std::max(rows, 2 * others_.size()));
    before.swap(others_);
    for (const condition_answer& row : before) {
      if (is_taken(row)) others_[place_elsewhere(static_cast<std::uint32_t>(row.key))] = row;
    }
  }

  std::vector<condition_answer> rows_;
  std::vector<condition_answer> others_;  // a power of two of them, half of them free
  std::size_t others_used_ = 0;
  std::uint64_t event_ = 0;  // its number, times next_event
};

}  // namespace rulebus::inline v1::detail
