// bus_impl: what a bus is made of; bus.cpp lets events in, bus_rules.cpp changes and lists rules,
// bus_schedules.cpp makes the events of rules that have a schedule.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rulebus/bus.hpp"
#include "rulebus/detail/bus_session.hpp"
#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/failure_reporter.hpp"
#include "rulebus/detail/recent_ids.hpp"
#include "rulebus/detail/rule_table.hpp"
#include "rulebus/detail/rule_timers.hpp"
#include "rulebus/detail/tag_index.hpp"
#include "rulebus/tags.hpp"

namespace rulebus::inline v1 {

namespace detail {
/// What put_events refuses as a whole.
result<void> check_put_events(std::span<const put_events_entry> entries, const limits& allowed);
}  // namespace detail

class bus::impl {
 public:
  impl(std::string bus_name, bus_options given);
  ~impl();

  const std::string name;
  bus_options options;  // never changed once constructed

  // Rules (bus_rules.cpp).
  /// Makes a change of one editor true, or nothing.
  result<void> change(const std::function<result<void>(detail::rule_editor&)>& make);
  static result<void> commit(std::span<const bus_changes> all, commit_place& at, commit_mode mode);
  result<void> retire();
  result<detail::rule_entry_ptr> find_rule(std::string_view rule_name) const;
  std::vector<detail::rule_entry_ptr> rules_with_prefix(std::string_view prefix, std::string_view after) const;
  std::vector<detail::rule_entry_ptr> rules_with_tags(const tag_filter& filter) const;
  result<string_map> list_tags(const resource& of) const;
  const detail::rule_context& context() const noexcept { return context_; }

  // Events (bus.cpp).
  result<put_events_result> put_events(std::span<const put_events_entry> entries, const put_options& how);
  result<void> put_event_json(std::string json, const put_options& how);
  result<void> forward(const event& e, const event_context& context, const put_options& how);
  result<void> redrive(const dead_letter& letter);
  bus_metrics metrics() const;
  detail::rule_timers& timers() const noexcept { return *context_.timers; }
  detail::dispatcher& deliveries() const noexcept { return *deliveries_; }
  /// Runs due work until `done`, `max` deliveries or the deadline.
  std::size_t pump(std::size_t max, std::optional<std::chrono::milliseconds> deadline);

 private:
  using extras_ptr = detail::extras_ptr;
  void put_entry(const put_events_entry& entry, const put_options& how, put_events_result_entry& answer);
  /// An event on its way in: a text that is not known to be one, or one that was ready.
  struct incoming {
    std::string json{};
    std::optional<event> ready{};
    std::string_view text() const noexcept { return ready ? ready->json() : json; }
    event take() { return ready ? *std::move(ready) : event::checked(std::move(json)); }  ///< once it is known to be one
  };
  static extras_ptr make_extras(std::string_view ordering_key, std::string_view trace_header, std::string_view traceparent,
                                std::span<const std::string> via);
  result<void> route(incoming from, const extras_ptr& extras, const put_options& how);
  /// Of an event that was put, what its invocations have in common.
  struct arrival {
    std::uint64_t sequence;
    detail::nanoseconds put_at;
    bool is_now;  ///< no target was called since
  };
  void deliver(const event& e, const detail::rule_entry& r, const extras_ptr& extras, const put_options& how, arrival& when);
  enum class put_by : std::uint8_t { caller, schedule };
  void offer(const event& e, const detail::rule_entry& r, const detail::target_entry& t, const extras_ptr& extras, arrival& when,
             detail::dispatcher::begun& from, put_by whom = put_by::caller);
  void fire(std::uint64_t number, const std::string& rule_name, time_point instant);  // bus_schedules.cpp
  std::int64_t seconds_now() const;
  /// A change that is ready: to publish it cannot fail.
  struct staged {
    detail::id_to_rule next;
    detail::rule_map added;
  };
  staged stage(detail::rule_editor& editor);
  void publish(detail::rule_editor& editor, staged ready, detail::session_pool::replaced_tables& replaced) noexcept;

  std::shared_ptr<detail::failure_reporter> failures_;
  matcher patterns_;
  std::shared_ptr<detail::dispatcher> deliveries_;
  detail::rule_context context_;
  mutable std::mutex change_;            // one change at a time
  detail::rule_map rules_;               // guarded by change_
  detail::tag_index tagged_;             // guarded by change_; of rules; may name too much, never too little
  string_map tags_;                      // guarded by change_
  std::shared_ptr<target> dead_letter_;  // guarded by change_; of targets without their own
  bool retired_ = false;                 // guarded by change_; its service has it no more
  detail::session_pool sessions_;
  detail::recent_ids recent_;

  struct counters {
    std::atomic<std::uint64_t> calls{0}, failed_calls{0}, entries{0}, failed_entries{0}, deduplicated{0};
    // Most events match one rule: so counted is what does not, and which rules are more than one.
    std::atomic<std::uint64_t> events{0}, unmatched{0}, further_rules{0};
  };
  counters counted_;
};

}  // namespace rulebus::inline v1
