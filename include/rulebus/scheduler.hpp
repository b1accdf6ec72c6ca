// scheduler: schedules by name, in groups; what is due goes to its target. EventBridge Scheduler, embedded.
//
//   rulebus::scheduler s;
//   s.create_schedule({.name = "nightly", .schedule_expression = "cron(30 2 * * ? *)",
//                      .schedule_expression_timezone = "Europe/Kyiv",
//                      .target = {.target = rulebus::make_target([](const rulebus::delivery& d) { run(d.input()); })}}).value();
//
// Every instant of an expression is taken up once: it fires, or is reported to on_report with the reason. So a clock that is
// put back makes nothing fire twice, and one that is put forward, a stop or a sleep loses nothing silently (catch_up).
// With a manual clock and a manual executor nothing happens but in pump: next_due says how far to move the clock.
// Deliveries are made as those of a bus: retries, queues, timeouts, dead letters (delivery_options), but never by the thread that
// fires: a target that is slow to return delays no other schedule. Schedules with the same
// target, ARN and options share one queue. delivery::rule_name is "group/name"; dead letters have SCHEDULE_ARN, EXECUTION_ID
// and SCHEDULED_TIME among their attributes.
// Order: by time; among equal times in the order of creation.
// Thread safety: every function may be called from any thread, also from within a target. No lock is held while code of the
// user runs. Lifetime: the scheduler must outlive calls into it; deliveries may outlive it, and their answers are dropped.
// Cost: some 250 bytes for a schedule beyond its texts; a fire about a microsecond beyond its target.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/clock.hpp"
#include "rulebus/delivery.hpp"
#include "rulebus/executor.hpp"
#include "rulebus/export.hpp"
#include "rulebus/metrics.hpp"
#include "rulebus/observer.hpp"
#include "rulebus/result.hpp"
#include "rulebus/schedule.hpp"
#include "rulebus/tags.hpp"
#include "rulebus/transaction.hpp"

namespace rulebus::inline v1 {

struct scheduler_options {
  std::string account = "000000000000";  ///< for ARNs and events
  std::string region = "local";          ///< likewise
  /// Of targets that have none of their own; must be valid (check). Whatever `dispatch` says, targets are called by the
  /// executor's threads, never by the one that fires; and where a queue is full, `block` is as `reject`.
  delivery_options delivery{.dispatch = dispatch::executor, .queue_capacity = 1'000'000, .max_in_flight = 8};
  std::shared_ptr<rulebus::clock> clock = system_clock();
  /// Default: pools of its own, one thread that fires and `threads` that call targets. A target that is slow to return holds up
  /// to max_in_flight of these, and another for each retry after its timeout; while any is left, no other schedule waits.
  std::shared_ptr<rulebus::executor> executor{};
  std::size_t threads = 16;
  std::uint64_t seed = 0;               ///< of flexible windows, execution ids and the jitter of retries. 0: any
  std::chrono::seconds late_after{60};  ///< a fire that is later than this was missed (catch_up). 0: all but those in time
  std::function<void(const delivery_failure&)> on_error{};  ///< as bus_options::on_error
  std::function<void(const schedule_report&)> on_report{};  ///< in the thread that saw it; what it throws is ignored
  std::shared_ptr<rulebus::observer> observer{};
};

/// Which schedules; what is empty asks for nothing.
struct schedule_filter {
  std::optional<std::string> group{};
  std::string name_prefix{};
  std::optional<schedule_state> state{};
  const tag_filter* tags = nullptr;  ///< over the tags of the schedule and, where it lacks them, of its group
};

struct schedule_page {
  std::vector<schedule> schedules{};
  std::string next_token{};  ///< empty: the last page
};

class scheduler {
 public:
  RULEBUS_API explicit scheduler(scheduler_options options = {});
  /// Fires no more, and waits for targets that are being called. What was not delivered is told to on_error.
  RULEBUS_API ~scheduler();
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  // ---- schedules. Names not found are errc::not_found.

  /// Its ARN. Errors: errc::already_exists, errc::not_found (group, zone), errc::invalid_schedule, errc::invalid_argument.
  /// A rate without a start date counts from now, and fires at once.
  RULEBUS_API result<std::string> create_schedule(schedule s);
  /// Replaces everything, tags too, and ends a pause. No instant that was taken up before comes again. A rate goes on counting
  /// from where it did if its expression is the same. Errors: as create_schedule.
  RULEBUS_API result<void> update_schedule(schedule s);
  RULEBUS_API result<void> delete_schedule(std::string_view name, std::string_view group = "default");
  RULEBUS_API result<schedule> get_schedule(std::string_view name, std::string_view group = "default") const;
  RULEBUS_API result<schedule_status> status(std::string_view name, std::string_view group = "default") const;
  /// By group and name; none where there is no such group. Cost: looks at all schedules; with a tag filter at those that carry a
  /// tag that it asks for, or, where a group does, at all.
  RULEBUS_API std::vector<schedule> list_schedules(const schedule_filter& filter = {}) const;
  /// A page of them: at most `limit`, 0: all. Errors: errc::not_found (group), errc::invalid_argument (not a token of a list).
  RULEBUS_API result<schedule_page> list_schedules(const schedule_filter& filter, std::size_t limit,
                                                   std::string_view next_token = {}) const;
  /// Ends a pause, or makes disabled ones enabled; goes on from now.
  RULEBUS_API result<void> enable_schedule(std::string_view name, std::string_view group = "default");
  RULEBUS_API result<void> disable_schedule(std::string_view name, std::string_view group = "default");
  RULEBUS_API std::size_t size() const;
  RULEBUS_API std::string arn(std::string_view name, std::string_view group = "default") const;

  // ---- groups. "default" is always there.

  RULEBUS_API result<void> create_schedule_group(std::string_view group, const string_map& tags = {});
  RULEBUS_API result<void> delete_schedule_group(std::string_view group);  ///< with its schedules
  RULEBUS_API std::vector<std::string> list_schedule_groups() const;       ///< by name
  /// A page of them. Error: errc::invalid_argument (a token that no list gave).
  RULEBUS_API result<name_page> list_schedule_groups(const list_request& request) const;
  RULEBUS_API std::string group_arn(std::string_view group) const;
  RULEBUS_API result<string_map> list_tags(std::string_view group) const;

  // ---- tags, by the ARN of a schedule or a group. Errors: errc::invalid_argument (no such name; check_tags), errc::not_found.

  RULEBUS_API result<void> tag_resource(std::string_view resource_arn, const string_map& tags);
  RULEBUS_API result<void> untag_resource(std::string_view resource_arn, std::span<const std::string> keys);
  RULEBUS_API result<string_map> list_tags_for_resource(std::string_view resource_arn) const;

  // ---- beyond the expression

  /// Fires once more, now, by the overlap policy; also when disabled. The execution's id.
  RULEBUS_API result<std::string> trigger_now(std::string_view name, std::string_view group = "default");
  /// Fires for every instant in [from, to), one after the other, by the overlap policy, whether it has fired before or not.
  /// Error: errc::invalid_argument (to is not behind from).
  RULEBUS_API result<void> backfill(std::string_view name, time_point from, time_point to, std::string_view group = "default");

  // ---- doing it

  /// Does what is due, in the calling thread: at most about `max` fires and deliveries; how many it made.
  RULEBUS_API std::size_t pump(std::size_t max = SIZE_MAX);
  /// How long until something is due by the clock: zero or less when something is; empty when nothing waits.
  RULEBUS_API std::optional<std::chrono::nanoseconds> next_due() const;
  /// Fires what is due, and returns when all that was fired has ended. Error: errc::timed_out, as bus::flush.
  RULEBUS_API result<void> flush(std::optional<std::chrono::milliseconds> deadline = {});
  RULEBUS_API delivery_metrics metrics() const;

  // ---- state as a value

  /// Groups, schedules and how they stand, as JSON text of one object; the same for the same state. Targets are in it by ARN.
  /// Fires that were handed to their target and have not ended are not in it.
  RULEBUS_API std::string save() const;
  /// Finds a target by its ARN; null when there is none.
  using target_finder = std::function<std::shared_ptr<target>(std::string_view arn)>;
  /// Makes an empty scheduler what save saw; what was missed since is for catch_up. All, or nothing with an error:
  /// errc::invalid_json, errc::invalid_argument (not a state; schedules are there already), errc::not_found (a target), and
  /// those of create_schedule; with their place in the state where it is the state that is wrong.
  RULEBUS_API result<void> restore(std::string_view state, const target_finder& find);

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

/// The event that EventBridge sends for a rule with a schedule: source "aws.events", detail-type "Scheduled Event",
/// resources [rule_arn], detail {}.
struct scheduled_event {
  std::string_view rule_arn{};
  std::string_view id{};  ///< a UUID; empty: a new one
  time_point time{};      ///< of the years 0 to 9999; told in whole seconds
  std::string_view account = "000000000000";
  std::string_view region = "local";
};
RULEBUS_API std::string scheduled_event_json(const scheduled_event& e);

}  // namespace rulebus::inline v1
