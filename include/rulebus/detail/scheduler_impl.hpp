// scheduler_impl: what a scheduler is made of. scheduler.cpp changes schedules, scheduler_list.cpp lists and tags them,
// scheduler_fire.cpp lets time pass, scheduler_save.cpp and scheduler_restore.cpp make state a value.
//
// An instant of an expression is taken up exactly once, in `take_up`: `next` moves on, and it fires, waits or is reported. What
// is fired becomes an invocation in the lane of its profile, as a bus makes them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rulebus/arn.hpp"
#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/failure_reporter.hpp"
#include "rulebus/detail/lane.hpp"
#include "rulebus/detail/schedule_table.hpp"
#include "rulebus/detail/timer_queue.hpp"
#include "rulebus/scheduler.hpp"

namespace rulebus::inline v1 {

class scheduler::impl final : public work, public std::enable_shared_from_this<scheduler::impl> {
 public:
  explicit impl(scheduler_options given);
  void start();  ///< once, right after construction
  void stop();   ///< fires no more; waits for what is being called, but for the calling thread

  // Schedules (scheduler.cpp).
  result<std::string> create(schedule s);
  result<void> update(schedule s);
  result<void> remove(std::string_view name, std::string_view group);
  result<schedule> get(std::string_view name, std::string_view group) const;
  result<schedule_status> status(std::string_view name, std::string_view group) const;
  result<schedule_page> list(const schedule_filter& filter, std::size_t limit, std::string_view next_token) const;
  result<void> set_state(std::string_view name, std::string_view group, schedule_state state);
  std::size_t size() const;
  std::string arn(std::string_view name, std::string_view group) const;
  std::string group_arn(std::string_view group) const;
  result<void> create_group(std::string_view group, const string_map& tags);
  result<void> remove_group(std::string_view group);
  result<name_page> list_groups(const list_request& request) const;

  // Tags (scheduler_list.cpp, as the lists).
  result<resource_name> name_of(std::string_view resource_arn) const;  ///< of a schedule or a group
  result<string_map> tags_of(const resource_name& named) const;
  /// Gives it the tags that make(those that it has) makes of them.
  result<void> change_tags(std::string_view resource_arn, const std::function<void(string_map&)>& make);

  // Time (scheduler_fire.cpp).
  result<std::string> trigger(std::string_view name, std::string_view group);
  result<void> backfill(std::string_view name, time_point from, time_point to, std::string_view group);
  std::size_t run(std::size_t max) override;
  std::size_t pump(std::size_t max);
  std::optional<std::chrono::nanoseconds> next_due();
  result<void> flush(std::optional<std::chrono::milliseconds> deadline);
  detail::dispatcher& deliveries() const noexcept { return *deliveries_; }
  /// A fire of that schedule has ended.
  void ended(std::uint32_t id, std::uint32_t order, bool delivered);

  // State (scheduler_save.cpp, scheduler_restore.cpp).
  std::string save() const;
  result<void> restore(std::string_view state, const target_finder& find);

 private:
  struct parts {
    detail::schedule_entry entry;
    detail::schedule_profile profile;
  };
  struct wanted {  // a fire that is not by time
    std::uint32_t id, order;
    detail::planned_fire fire;
  };
  struct filling {  // what is left of a backfill
    std::uint32_t id, order;
    std::int64_t behind, to;  // in ms
    std::uint64_t serial;
  };
  class fired;
  struct told {
    schedule_event what;
    std::string name, group;
    std::int64_t time;
  };
  /// What one visit of a thread takes on: made under the mutex, done outside.
  struct visit {
    std::vector<std::pair<detail::counted_ptr<detail::invocation>, std::shared_ptr<target>>> start{};
    std::vector<told> reports{};
    detail::schedule_table::remains left{};
    std::size_t pieces = 0;
  };

  // Under the mutex, but for compile, tell and wake.
  result<parts> compile(schedule s, std::int64_t now) const;
  result<std::uint32_t> find(std::string_view name, std::string_view group) const;
  struct tagged {
    std::uint32_t group, id;  // id: none for the group itself
  };
  result<tagged> find_tagged(const resource_name& named) const;
  schedule describe(const detail::schedule_entry& e) const;
  void plan_from(detail::schedule_entry& e, std::int64_t from) const noexcept;
  std::int64_t following(const detail::schedule_entry& e, std::int64_t behind) const noexcept;
  std::int64_t due(const detail::schedule_entry& e) const noexcept;
  std::uint64_t identity(const detail::schedule_entry& e) const noexcept;
  void arm(std::uint32_t id);
  bool take_next(std::int64_t now, visit& v);
  bool asked() const noexcept { return !resumed_.empty() || !wanted_.empty() || !fillings_.empty(); }
  void take_up(std::uint32_t id, std::int64_t now, visit& v);
  bool catches_up(const detail::schedule_entry& e, std::int64_t time, std::int64_t late, std::int64_t now, visit& v);
  void fill(visit& v);
  void fire(std::uint32_t id, detail::planned_fire what, visit& v);
  void launch(std::uint32_t id, detail::planned_fire what, visit& v);
  void open_lane(detail::schedule_profile& p) const;
  std::string execution_id(const detail::schedule_entry& e, detail::planned_fire what) const;
  void remove_entry(std::uint32_t id, visit& v);
  void finish_completed(std::uint32_t id, visit& v);
  void pause(std::uint32_t id, visit& v);
  void note(schedule_event what, const detail::schedule_entry& e, std::int64_t time, visit& v) const;
  std::int64_t now_ms() const;
  void finish(visit& v);
  void wake();
  std::string make_event(const detail::schedule_entry& e, std::string_view arn, std::string_view id, std::int64_t time) const;

  scheduler_options options_;
  std::shared_ptr<executor> executor_;  // guarded by mutex_; none when stopped
  std::shared_ptr<detail::failure_reporter> failures_;
  std::shared_ptr<detail::dispatcher> deliveries_;
  std::shared_ptr<const delivery_options> default_delivery_, dead_letter_delivery_;
  std::shared_ptr<const std::string> lane_name_;
  std::shared_ptr<void> clock_subscription_;

  mutable std::mutex mutex_;
  detail::schedule_table table_;                                 // guarded by mutex_, as all below
  detail::timer_queue timers_;                                   // by number; when in ms of the clock's time of day
  std::deque<std::pair<std::uint32_t, std::uint32_t>> resumed_;  // number and order: restored while fires of it were buffered
  std::deque<wanted> wanted_;                                    // behind those, before all timers
  std::deque<filling> fillings_;                                 // behind all timers that are due
  std::uint64_t serials_ = 0;                                    // of triggers and backfills
  std::uint64_t fired_ = 0;
  detail::nanoseconds armed_ = detail::dispatcher::never;  // by elapsed: the wake that the executor knows of
  bool stopped_ = false;
  std::size_t running_ = 0;  // threads in run
  std::condition_variable idle_;
};

}  // namespace rulebus::inline v1
