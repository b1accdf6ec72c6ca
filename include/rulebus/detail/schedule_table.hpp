// schedule_table: what a scheduler keeps for each of its schedules, in as few bytes as it can, found by number and by name.
//
// Texts of a schedule are one block. Whatever many schedules have in common (target, options, policies) is a profile, which they
// share: the same values are found again when a schedule is added. Numbers are dense and reused.
// Thread safety: none; the scheduler guards it. Cost: add and find O(1), groups O(log n); memory: 208 bytes for a schedule, 4 to
// 8 for its name, one allocation for its texts; tags and their index, and what runs or is buffered, where there is any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rulebus/delivery_options.hpp"
#include "rulebus/detail/counted.hpp"
#include "rulebus/detail/lane.hpp"
#include "rulebus/detail/tag_index.hpp"
#include "rulebus/schedule.hpp"
#include "rulebus/schedule_expression.hpp"

namespace rulebus::inline v1::detail {

/// No instant: none that comes.
inline constexpr std::int64_t never_ms = std::numeric_limits<std::int64_t>::max();

/// Instants that are given are no further from 1970: 36 million years.
inline constexpr std::int64_t furthest_ms = std::int64_t{1} << 60;

/// A few strings in one allocation.
class text_block {
 public:
  enum part : std::uint8_t { name, expression, input, description, parts };
  text_block() = default;
  explicit text_block(const std::string_view (&texts)[parts]);
  std::string_view operator[](part p) const noexcept;

 private:
  std::unique_ptr<char[]> bytes_{};  // where each part ends, as numbers of 32 bits; then the parts
};

/// What schedules share. The lane is made when the first of them fires.
struct schedule_profile {
  std::shared_ptr<rulebus::target> target{}, dead_letter{};
  std::string arn{}, dead_letter_arn{};
  std::optional<delivery_options> delivery{};
  rulebus::overlap overlap{};
  rulebus::catch_up catch_up{};
  completion action_after_completion{};
  std::uint32_t window_minutes = 0, pause_after_failures = 0;
  std::int64_t catch_up_window = 0;  // seconds
  bool same_as(const schedule_profile& other) const noexcept;

  counted_ptr<lane> to{};
  std::size_t uses = 0;
};

/// A fire that waits, or is asked for.
struct planned_fire {
  std::int64_t time = 0;     // of the expression, in ms
  std::uint64_t serial = 0;  // 0: by the expression; else which trigger or backfill
  friend bool operator==(const planned_fire&, const planned_fire&) = default;
};

/// Where somebody has to know what became of fires.
struct schedule_progress {
  std::uint32_t running = 0, failures = 0;
  std::deque<planned_fire> buffered{};
};

struct schedule_entry {
  schedule_expression expression;
  text_block texts{};
  schedule_profile* profile = nullptr;
  std::unique_ptr<const string_map> tags{};
  std::unique_ptr<schedule_progress> progress{};
  std::int64_t start = std::numeric_limits<std::int64_t>::min(), end = never_ms;  // in ms
  std::int64_t next = never_ms;                                                   // the instant that is taken up next
  std::int64_t last = std::numeric_limits<std::int64_t>::min();                   // the latest that was
  std::uint32_t group = 0;
  std::uint32_t order = 0;  // of creation; also tells whether a number still means the same schedule
  schedule_state state = schedule_state::enabled;
  bool paused = false;
  bool used = true;

  std::string_view name() const noexcept { return texts[text_block::name]; }
  bool active() const noexcept { return used && !paused && state == schedule_state::enabled; }
  bool idle() const noexcept { return !progress || (progress->running == 0 && progress->buffered.empty()); }
};

struct schedule_group {
  std::string name{};
  string_map tags{};
  bool used = true;
};

class schedule_table {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  /// What a removed schedule leaves: to be destroyed when nothing is locked, since targets are the user's.
  struct remains {
    std::vector<std::unique_ptr<schedule_profile>> profiles{};
  };

  schedule_table() { add_group("default", {}); }

  std::uint32_t find(std::uint32_t group, std::string_view name) const noexcept;
  std::uint32_t find_group(std::string_view name) const noexcept;
  std::uint32_t add_group(std::string name, string_map tags);
  void remove_group(std::uint32_t group);  ///< which has no schedules
  const schedule_group& group(std::uint32_t id) const noexcept { return groups_[id]; }
  const std::map<std::string, std::uint32_t, std::less<>>& groups_by_name() const noexcept { return group_ids_; }

  /// Takes e, whose name is not there; its profile is shared with those that have the same.
  std::uint32_t add(schedule_entry e, schedule_profile with);
  /// Gives it other values; name, group, order and progress stay.
  void replace(std::uint32_t id, schedule_entry e, schedule_profile with, remains& left);
  void remove(std::uint32_t id, remains& left);

  void set_tags(std::uint32_t id, string_map tags);
  void set_group_tags(std::uint32_t group, string_map tags);
  /// Its own tags, and those of its group that it lacks.
  string_map all_tags(const schedule_entry& e) const;
  /// All schedules that the filter can match by all_tags, and perhaps more, in no order; empty: any may.
  std::optional<std::vector<std::uint32_t>> tagged(const pattern& filter) const;
  const tag_index& tags() const noexcept { return tagged_; }

  schedule_entry& operator[](std::uint32_t id) noexcept { return entries_[id]; }
  const schedule_entry& operator[](std::uint32_t id) const noexcept { return entries_[id]; }
  std::size_t size() const noexcept { return entries_.size() - free_.size(); }
  std::uint32_t capacity() const noexcept { return static_cast<std::uint32_t>(entries_.size()); }  ///< numbers are below
  bool is_present(std::uint32_t id, std::uint32_t order) const noexcept {
    return id < entries_.size() && entries_[id].used && entries_[id].order == order;
  }
  bool before_by_name(std::uint32_t a, std::uint32_t b) const noexcept;  ///< by group and name
  std::vector<std::uint32_t> by_order() const;                           ///< all, as they were created

 private:
  std::uint32_t home(std::uint32_t group, std::string_view name) const noexcept;
  void index(std::uint32_t id) noexcept;
  void unindex(std::uint32_t id) noexcept;
  void grow_index();
  schedule_profile* share(schedule_profile with);
  void unshare(schedule_profile* p, remains& left);
  std::string tagged_name(const schedule_entry& e) const;

  std::deque<schedule_entry> entries_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> index_;  // open addressing, linear probing (Knuth 6.4, algorithm L and R); a power of two
  std::vector<schedule_group> groups_;
  std::map<std::string, std::uint32_t, std::less<>> group_ids_;
  std::vector<std::uint32_t> free_groups_;
  tag_index tagged_;  // "group/name" of schedules, "group" of groups; may name too much, never too little
  std::unordered_multimap<std::size_t, std::unique_ptr<schedule_profile>> profiles_;
  std::uint32_t created_ = 0;
};

}  // namespace rulebus::inline v1::detail
