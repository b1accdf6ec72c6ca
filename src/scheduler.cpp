// The scheduler: schedules and groups are made and changed. They are listed in scheduler_list.cpp; what happens as time passes is
// in scheduler_fire.cpp.
#include "rulebus/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "rulebus/detail/names.hpp"
#include "rulebus/detail/scheduler_impl.hpp"

namespace rulebus::inline v1 {

namespace detail::scheduler_source {

constexpr std::size_t max_input = std::size_t{256} * 1024;

error wrong(std::string_view member, std::string_view must) {
  return {errc::invalid_argument, fmt::format("{} must be {}", member, must)};
}

std::int64_t count(time_point t) { return t.time_since_epoch().count(); }

result<void> check_schedule(const schedule& s) {
  if (result<void> valid = check_name(s.name, "name"); !valid) return valid;
  if (result<void> valid = check_length(s.description, 512, "description"); !valid) return valid;
  if (result<void> valid = check_length(s.target.arn, 1600, "target.arn"); !valid) return valid;
  if (result<void> valid = check_length(s.target.dead_letter_arn, 1600, "target.deadLetterConfig.arn"); !valid) return valid;
  if (!s.target.target) return wrong("target.target", "a target");
  if (s.target.input.size() > max_input) return wrong("target.input", "at most 262144 bytes");
  if (s.target.delivery) {
    if (result<void> valid = check(*s.target.delivery); !valid) return valid;
  }
  if (s.flexible_time_window.count() < 0 || s.flexible_time_window > std::chrono::hours(24)) {
    return wrong("flexible_time_window", "0 (off) to 1440 minutes");
  }
  if (s.catch_up_window.count() < 0 || s.catch_up_window > std::chrono::hours(24 * 366 * 1000)) {
    return wrong("catch_up_window", "0 seconds to 1000 years");
  }
  for (const auto& [name, date] : {std::pair("start_date", s.start_date), std::pair("end_date", s.end_date)}) {
    if (date && (count(*date) < -furthest_ms || count(*date) > furthest_ms))
      return wrong(name, "within 36 million years of 1970");
  }
  if (s.start_date && s.end_date && *s.end_date < *s.start_date) return wrong("end_date", "no earlier than start_date");
  return check_tags(s.tags);
}

error no_group(std::string_view group) { return {errc::not_found, fmt::format("Schedule group {} does not exist.", group)}; }

}  // namespace detail::scheduler_source

// ---- the beginning and the end

scheduler::impl::impl(scheduler_options given)
    : options_(std::move(given)),
      failures_(options_.on_error ? std::make_shared<detail::failure_reporter>(std::exchange(options_.on_error, nullptr))
                                  : nullptr),
      default_delivery_(std::make_shared<const delivery_options>(options_.delivery)),
      dead_letter_delivery_(detail::dead_letter_options()),
      lane_name_(std::make_shared<const std::string>("schedule")) {
  if (!options_.clock) options_.clock = system_clock();
  const std::chrono::seconds longest = std::chrono::years(1000);
  options_.late_after = std::clamp(options_.late_after, std::chrono::seconds(0), longest);
  if (options_.seed == 0) options_.seed = std::random_device()() + (std::uint64_t{std::random_device()()} << 32);
  executor_ = options_.executor ? options_.executor : make_thread_pool(1);  // which no target holds up
  deliveries_ = std::make_shared<detail::dispatcher>(detail::dispatcher::settings{
      .bus_name = "scheduler",
      .bus_arn = {},
      .rule_arn_prefix = fmt::format("arn:aws:scheduler:{}:{}:schedule/", options_.region, options_.account),
      .clock = options_.clock,
      .executor = options_.executor,
      .threads = std::max<std::size_t>(1, options_.threads),
      .seed = options_.seed,
      .failures = failures_,
      .observer = options_.observer});
}

void scheduler::impl::start() {
  deliveries_->start();
  clock_subscription_ = options_.clock->subscribe([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->wake();
  });
}

void scheduler::impl::stop() {
  std::shared_ptr<executor> timers;
  {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    timers = std::exchange(executor_, nullptr);
    if (!detail::within_target::here()) idle_.wait(lock, [this] { return running_ == 0; });
  }
  clock_subscription_ = nullptr;
  deliveries_->stop();
  timers = nullptr;  // of a pool of our own, the threads end
  deliveries_->end_threads();
  for (const detail::dispatcher::leftover& left : deliveries_->take_undelivered()) {
    if (failures_) failures_->report({left.rule_name, left.target_id, left.event, left.reason, true, left.attempts, false});
  }
  if (failures_) failures_->close();
}

// ---- schedules

/// All of a schedule but its place: errors, and what is kept.
result<scheduler::impl::parts> scheduler::impl::compile(schedule s, std::int64_t now) const {
  using namespace detail::scheduler_source;
  if (result<void> valid = check_schedule(s); !valid) return std::move(valid).error();
  result<schedule_expression> expression =
      schedule_expression::parse(s.schedule_expression, dialect::scheduler, s.schedule_expression_timezone);
  if (!expression) {
    error e = std::move(expression).error();
    if (e.code == errc::invalid_schedule)
      e.message = fmt::format("Invalid Schedule Expression {}. {}", s.schedule_expression, e.message);
    return e;
  }
  const time_point anchor = s.start_date.value_or(time_point(std::chrono::milliseconds(now)));
  detail::schedule_entry e{.expression = expression->anchored_at(anchor),
                           .texts = detail::text_block({s.name, s.schedule_expression, s.target.input, s.description})};
  if (!s.tags.empty()) e.tags = std::make_unique<const string_map>(std::move(s.tags));
  if (s.start_date) e.start = count(*s.start_date);
  if (s.end_date) e.end = count(*s.end_date);
  e.state = s.state;
  detail::schedule_profile p{.target = std::move(s.target.target),
                             .dead_letter = std::move(s.target.dead_letter),
                             .arn = std::move(s.target.arn),
                             .dead_letter_arn = std::move(s.target.dead_letter_arn),
                             .delivery = s.target.delivery,
                             .overlap = s.overlap,
                             .catch_up = s.catch_up,
                             .action_after_completion = s.action_after_completion,
                             .window_minutes = static_cast<std::uint32_t>(s.flexible_time_window.count()),
                             .pause_after_failures = s.pause_after_failures,
                             .catch_up_window = s.catch_up_window.count()};
  return parts{std::move(e), std::move(p)};
}

result<std::uint32_t> scheduler::impl::find(std::string_view name, std::string_view group) const {
  const std::uint32_t g = table_.find_group(group);
  if (g == detail::schedule_table::none) return detail::scheduler_source::no_group(group);
  const std::uint32_t id = table_.find(g, name);
  if (id != detail::schedule_table::none) return id;
  return error{errc::not_found, fmt::format("Schedule {} does not exist.", name)};
}

result<std::string> scheduler::impl::create(schedule s) {
  const std::string name = s.name, group = s.group;
  const std::int64_t now = now_ms();
  result<parts> made = compile(std::move(s), now);
  if (!made) return std::move(made).error();
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return error{errc::stopped, "the scheduler was stopped"};
    const std::uint32_t g = table_.find_group(group);
    if (g == detail::schedule_table::none) return detail::scheduler_source::no_group(group);
    if (table_.find(g, name) != detail::schedule_table::none) {
      return error{errc::already_exists, fmt::format("Schedule {} already exists.", name)};
    }
    made->entry.group = g;
    plan_from(made->entry, now);
    arm(table_.add(std::move(made->entry), std::move(made->profile)));
  }
  wake();
  return arn(name, group);
}

result<void> scheduler::impl::update(schedule s) {
  const std::string name = s.name, group = s.group;
  const std::int64_t now = now_ms();
  const bool has_start = s.start_date.has_value();
  result<parts> made = compile(std::move(s), now);
  if (!made) return std::move(made).error();
  visit v;
  {
    const std::lock_guard lock(mutex_);
    const auto id = find(name, group);
    if (!id) return id.error();
    const detail::schedule_entry& before = table_[*id];
    const schedule_expression as_before = made->entry.expression.anchored_at(before.expression.anchor());
    if (!has_start && before.start == made->entry.start && as_before == before.expression) made->entry.expression = as_before;
    made->entry.group = before.group;
    made->entry.last = before.last;
    plan_from(made->entry, now);
    table_.replace(*id, std::move(made->entry), std::move(made->profile), v.left);
    if (table_[*id].progress) table_[*id].progress->failures = 0;
    arm(*id);
  }
  finish(v);
  wake();
  return {};
}

result<void> scheduler::impl::remove(std::string_view name, std::string_view group) {
  visit v;
  {
    const std::lock_guard lock(mutex_);
    const auto id = find(name, group);
    if (!id) return id.error();
    remove_entry(*id, v);
  }
  finish(v);
  return {};
}

schedule scheduler::impl::describe(const detail::schedule_entry& e) const {
  const detail::schedule_profile& p = *e.profile;
  schedule s;
  s.name = e.name();
  s.group = table_.group(e.group).name;
  s.schedule_expression = e.texts[detail::text_block::expression];
  s.schedule_expression_timezone = e.expression.zone().name();
  s.description = e.texts[detail::text_block::description];
  if (e.start != std::numeric_limits<std::int64_t>::min()) s.start_date = time_point(std::chrono::milliseconds(e.start));
  if (e.end != detail::never_ms) s.end_date = time_point(std::chrono::milliseconds(e.end));
  s.flexible_time_window = std::chrono::minutes(p.window_minutes);
  s.state = e.state;
  s.action_after_completion = p.action_after_completion;
  s.target = {p.target, p.arn, std::string(e.texts[detail::text_block::input]), p.delivery, p.dead_letter, p.dead_letter_arn};
  s.overlap = p.overlap;
  s.catch_up = p.catch_up;
  s.catch_up_window = std::chrono::seconds(p.catch_up_window);
  s.pause_after_failures = p.pause_after_failures;
  if (e.tags) s.tags = *e.tags;
  return s;
}

result<schedule> scheduler::impl::get(std::string_view name, std::string_view group) const {
  const std::lock_guard lock(mutex_);
  const auto id = find(name, group);
  if (!id) return id.error();
  return describe(table_[*id]);
}

result<schedule_status> scheduler::impl::status(std::string_view name, std::string_view group) const {
  const std::lock_guard lock(mutex_);
  const auto id = find(name, group);
  if (!id) return id.error();
  const detail::schedule_entry& e = table_[*id];
  schedule_status s;
  if (e.active() && e.next != detail::never_ms) s.next = time_point(std::chrono::milliseconds(e.next));
  if (e.last != std::numeric_limits<std::int64_t>::min()) s.last = time_point(std::chrono::milliseconds(e.last));
  s.paused = e.paused;
  if (e.progress) {
    s.failures = e.progress->failures;
    s.running = e.progress->running;
    s.buffered = e.progress->buffered.size();
  }
  return s;
}

result<void> scheduler::impl::set_state(std::string_view name, std::string_view group, schedule_state state) {
  {
    const std::int64_t now = now_ms();
    const std::lock_guard lock(mutex_);
    const auto id = find(name, group);
    if (!id) return id.error();
    detail::schedule_entry& e = table_[*id];
    const bool was_active = e.active();
    e.state = state;
    if (state == schedule_state::enabled) {
      e.paused = false;
      if (e.progress) e.progress->failures = 0;
      if (!was_active) plan_from(e, now);
    }
    arm(*id);
  }
  wake();
  return {};
}

std::size_t scheduler::impl::size() const {
  const std::lock_guard lock(mutex_);
  return table_.size();
}

// ---- groups

result<void> scheduler::impl::create_group(std::string_view group, const string_map& tags) {
  if (result<void> valid = detail::check_name(group, "name"); !valid) return valid;
  if (result<void> valid = check_tags(tags); !valid) return valid;
  const std::lock_guard lock(mutex_);
  if (table_.find_group(group) != detail::schedule_table::none) {
    return error{errc::already_exists, fmt::format("Schedule group {} already exists.", group)};
  }
  table_.add_group(std::string(group), tags);
  return {};
}

result<void> scheduler::impl::remove_group(std::string_view group) {
  if (group == "default") return error{errc::invalid_argument, "The default schedule group cannot be deleted."};
  visit v;
  {
    const std::lock_guard lock(mutex_);
    const std::uint32_t g = table_.find_group(group);
    if (g == detail::schedule_table::none) return detail::scheduler_source::no_group(group);
    for (std::uint32_t id = 0; id < table_.capacity(); ++id) {
      if (table_[id].used && table_[id].group == g) remove_entry(id, v);
    }
    table_.remove_group(g);
  }
  finish(v);
  return {};
}

// ---- the interface

scheduler::scheduler(scheduler_options options) : impl_(std::make_shared<impl>(std::move(options))) { impl_->start(); }
scheduler::~scheduler() { impl_->stop(); }

result<std::string> scheduler::create_schedule(schedule s) { return impl_->create(std::move(s)); }
result<void> scheduler::update_schedule(schedule s) { return impl_->update(std::move(s)); }
result<void> scheduler::delete_schedule(std::string_view name, std::string_view group) { return impl_->remove(name, group); }
result<schedule> scheduler::get_schedule(std::string_view name, std::string_view group) const { return impl_->get(name, group); }
result<schedule_status> scheduler::status(std::string_view name, std::string_view group) const {
  return impl_->status(name, group);
}
result<void> scheduler::enable_schedule(std::string_view name, std::string_view group) {
  return impl_->set_state(name, group, schedule_state::enabled);
}
result<void> scheduler::disable_schedule(std::string_view name, std::string_view group) {
  return impl_->set_state(name, group, schedule_state::disabled);
}
std::size_t scheduler::size() const { return impl_->size(); }
std::string scheduler::arn(std::string_view name, std::string_view group) const { return impl_->arn(name, group); }

result<void> scheduler::create_schedule_group(std::string_view group, const string_map& tags) {
  return impl_->create_group(group, tags);
}
result<void> scheduler::delete_schedule_group(std::string_view group) { return impl_->remove_group(group); }

result<std::string> scheduler::trigger_now(std::string_view name, std::string_view group) { return impl_->trigger(name, group); }
result<void> scheduler::backfill(std::string_view name, time_point from, time_point to, std::string_view group) {
  return impl_->backfill(name, from, to, group);
}

std::size_t scheduler::pump(std::size_t max) { return impl_->pump(max); }
std::optional<std::chrono::nanoseconds> scheduler::next_due() const { return impl_->next_due(); }
result<void> scheduler::flush(std::optional<std::chrono::milliseconds> deadline) { return impl_->flush(deadline); }
delivery_metrics scheduler::metrics() const { return impl_->deliveries().metrics(); }

std::string scheduler::save() const { return impl_->save(); }
result<void> scheduler::restore(std::string_view state, const target_finder& find) { return impl_->restore(state, find); }

}  // namespace rulebus::inline v1
