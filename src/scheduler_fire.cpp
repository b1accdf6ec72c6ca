// scheduler, continued: what happens as time passes.
#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/json_write.hpp"
#include "rulebus/detail/scheduler_impl.hpp"
#include "rulebus/detail/utc_text.hpp"

namespace rulebus::inline v1 {

namespace detail::scheduler_fire_source {

using milliseconds = std::chrono::milliseconds;

constexpr std::size_t share = 256;                              // pieces that one visit takes on
constexpr nanoseconds longest_sleep = std::chrono::seconds(1);  // then the time of day is looked at, which may have been set

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace detail::scheduler_fire_source

/// A fire, as its delivery sees it; tells the scheduler, if that is there and wants to know, when it has ended.
class scheduler::impl::fired final : public detail::occasion {
 public:
  fired(std::weak_ptr<impl> in, std::uint32_t id, std::uint32_t order) : in_(std::move(in)), id_(id), order_(order) {}
  void ended(bool delivered) override {
    if (const auto in = in_.lock()) in->ended(id_, order_, delivered);
  }

 private:
  const std::weak_ptr<impl> in_;
  const std::uint32_t id_, order_;
};

std::int64_t scheduler::impl::now_ms() const {
  return std::chrono::floor<std::chrono::milliseconds>(options_.clock->now()).time_since_epoch().count();
}

// ---- instants

/// The first instant behind that one; never_ms when there is none before the end.
std::int64_t scheduler::impl::following(const detail::schedule_entry& e, std::int64_t behind) const noexcept {
  const auto found = e.expression.next_after(time_point(std::chrono::milliseconds(behind)));
  if (!found) return detail::never_ms;
  const std::int64_t t = found->time_since_epoch().count();
  return e.expression.kind() != schedule_expression::form::at && t > e.end ? detail::never_ms : t;
}

/// Sets `next` to the first instant at or after `from` that was not taken up yet.
void scheduler::impl::plan_from(detail::schedule_entry& e, std::int64_t from) const noexcept {
  if (e.expression.kind() != schedule_expression::form::at) from = std::max(from, e.start);
  e.next = following(e, std::max(from - 1, e.last));
}

std::uint64_t scheduler::impl::identity(const detail::schedule_entry& e) const noexcept {
  const std::string_view group = table_.group(e.group).name;
  return detail::hash_bytes(e.name(), detail::hash_bytes(group, options_.seed));
}

/// When `next` is to be taken up: in the window at random, but before the instant that follows it.
std::int64_t scheduler::impl::due(const detail::schedule_entry& e) const noexcept {
  if (e.profile->window_minutes == 0 || e.next == detail::never_ms) return e.next;
  const std::int64_t after = following(e, e.next);
  std::int64_t window = std::int64_t{e.profile->window_minutes} * 60'000;
  if (after != detail::never_ms) window = std::min(window, after - e.next - 1);
  const std::uint64_t random = detail::fold_multiply(identity(e) ^ static_cast<std::uint64_t>(e.next), 0x9e3779b97f4a7c15u);
  return e.next + static_cast<std::int64_t>(random % (static_cast<std::uint64_t>(window) + 1));
}

void scheduler::impl::arm(std::uint32_t id) {
  const detail::schedule_entry& e = table_[id];
  if (e.active() && e.next != detail::never_ms) {
    timers_.set(id, due(e), e.order);
  } else {
    timers_.cancel(id);
  }
}

// ---- a thread comes by

std::size_t scheduler::impl::run(std::size_t max) {
  std::size_t done = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return 0;
    ++running_;
  }
  while (done < max) {
    visit v;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) break;
      const std::int64_t now = now_ms();
      const std::size_t most = std::min(max - done, detail::scheduler_fire_source::share);
      while (v.pieces < most && take_next(now, v)) ++v.pieces;
    }
    if (v.pieces == 0) break;
    done += v.pieces;
    finish(v);
  }
  {
    const std::lock_guard lock(mutex_);
    --running_;
    idle_.notify_all();
    if (armed_ <= deliveries_->elapsed()) armed_ = detail::dispatcher::never;
  }
  wake();
  return done;
}

/// Takes up one thing that is due; false when nothing is.
bool scheduler::impl::take_next(std::int64_t now, visit& v) {
  if (!resumed_.empty()) {
    const auto [id, order] = resumed_.front();
    resumed_.pop_front();
    if (!table_.is_present(id, order) || table_[id].idle() || table_[id].progress->running > 0) return true;
    const detail::planned_fire first = table_[id].progress->buffered.front();
    table_[id].progress->buffered.pop_front();
    launch(id, first, v);
    return true;
  }
  if (!wanted_.empty()) {
    const wanted w = wanted_.front();
    wanted_.pop_front();
    if (!table_.is_present(w.id, w.order)) return true;
    fire(w.id, w.fire, v);
    if (table_[w.id].next == detail::never_ms) finish_completed(w.id, v);
    return true;
  }
  if (!timers_.empty() && timers_.first().when <= now) {
    take_up(timers_.first().id, now, v);
    return true;
  }
  if (fillings_.empty()) return false;
  fill(v);
  return true;
}

/// The next instant of a schedule is there: decides about it, and moves on.
void scheduler::impl::take_up(std::uint32_t id, std::int64_t now, visit& v) {
  detail::schedule_entry& e = table_[id];
  const std::int64_t time = e.next, late = now - timers_.of(id).when;
  e.last = time;
  e.next = following(e, time);
  arm(id);
  const bool missed = late > options_.late_after.count() * 1000;
  if (!missed || catches_up(e, time, late, now, v)) fire(id, {time, 0}, v);
  if (table_[id].next == detail::never_ms) finish_completed(id, v);
}

/// What to do about an instant that was missed: reports it, and says whether it fires.
bool scheduler::impl::catches_up(const detail::schedule_entry& e, std::int64_t time, std::int64_t late, std::int64_t now,
                                 visit& v) {
  const detail::schedule_profile& p = *e.profile;
  schedule_event what = schedule_event::fired_late;
  if (late > p.catch_up_window * 1000) {
    what = schedule_event::too_old;
  } else if (p.catch_up == catch_up::skip) {
    what = schedule_event::skipped;
  } else if (p.catch_up == catch_up::fire_once && e.next != detail::never_ms && due(e) <= now) {
    what = schedule_event::superseded;
  }
  note(what, e, time, v);
  return what == schedule_event::fired_late;
}

/// One instant of the backfill whose turn it is.
void scheduler::impl::fill(visit& v) {
  filling& f = fillings_.front();
  const bool present = table_.is_present(f.id, f.order);
  const auto found = present ? table_[f.id].expression.next_after(time_point(std::chrono::milliseconds(f.behind))) : std::nullopt;
  if (!found || found->time_since_epoch().count() >= f.to) {
    fillings_.pop_front();
    return;
  }
  f.behind = found->time_since_epoch().count();
  fire(f.id, {f.behind, f.serial}, v);
}

// ---- firing

void scheduler::impl::fire(std::uint32_t id, detail::planned_fire what, visit& v) {
  detail::schedule_entry& e = table_[id];
  const overlap policy = e.profile->overlap;
  if (policy != overlap::allow_all && e.progress && e.progress->running > 0) {
    const bool waits = policy == overlap::buffer_all || (policy == overlap::buffer_one && e.progress->buffered.empty());
    if (waits) {
      e.progress->buffered.push_back(what);
    } else {
      note(schedule_event::overlapped, e, what.time, v);
    }
    return;
  }
  launch(id, what, v);
}

void scheduler::impl::open_lane(detail::schedule_profile& p) const {
  detail::lane::identity who{lane_name_, "target", nullptr};
  if (!p.arn.empty()) who.arn = std::make_shared<const std::string>(p.arn);
  detail::counted_ptr<detail::lane> dead;
  if (p.dead_letter) {
    dead = detail::make_counted<detail::lane>(deliveries_, who, p.dead_letter, dead_letter_delivery_,
                                              detail::counted_ptr<detail::lane>(), detail::lane::role::of_dead_letters);
  }
  const auto how = p.delivery ? std::make_shared<const delivery_options>(*p.delivery) : default_delivery_;
  p.to = detail::make_counted<detail::lane>(deliveries_, std::move(who), p.target, how, std::move(dead));
}

/// Makes the delivery of a fire.
void scheduler::impl::launch(std::uint32_t id, detail::planned_fire what, visit& v) {
  using namespace detail::scheduler_fire_source;
  detail::schedule_entry& e = table_[id];
  detail::schedule_profile& p = *e.profile;
  if (!p.to) open_lane(p);
  const bool watched = p.overlap != overlap::allow_all || p.pause_after_failures > 0;
  const std::string& group = table_.group(e.group).name;
  detail::counted_ptr<fired> of(new fired(watched ? weak_from_this() : std::weak_ptr<impl>(), id, e.order));
  of->schedule.reserve(group.size() + e.name().size() + 1);
  of->schedule.append(group).append("/").append(e.name());
  of->arn = arn(e.name(), group);
  of->execution_id = execution_id(e, what);
  of->time = detail::utc_text(std::clamp(what.time / 1000 - (what.time % 1000 < 0), detail::first_second, detail::last_second));
  auto made = detail::make_counted<detail::invocation>(event::checked(make_event(e, of->arn, of->execution_id, what.time)), p.to,
                                                       nullptr);
  if (const std::string_view input = e.texts[detail::text_block::input]; !input.empty()) {
    std::string text(input);
    if (text.find("<aws.scheduler.") != std::string::npos) {
      replace_all(text, "<aws.scheduler.schedule-arn>", of->arn);
      replace_all(text, "<aws.scheduler.scheduled-time>", of->time);
      replace_all(text, "<aws.scheduler.execution-id>", of->execution_id);
      if (text.find(detail::occasion::attempt_number) != std::string::npos) of->numbered_input = text;
    }
    made->own_input = std::make_unique<std::string>(std::move(text));
  }
  made->of = detail::counted_ptr<detail::occasion>(of.get());
  made->scheduled = true;
  made->sequence = fired_++;
  made->created = deliveries_->elapsed();
  v.start.emplace_back(std::move(made), p.target);
  if (!watched) return;
  if (!e.progress) e.progress = std::make_unique<detail::schedule_progress>();
  ++e.progress->running;
}

/// Does, with nothing locked, what a visit has taken on.
void scheduler::impl::finish(visit& v) {
  for (const told& r : v.reports) {
    if (!options_.on_report) break;
    try {
      options_.on_report({r.what, r.name, r.group, time_point(std::chrono::milliseconds(r.time))});
    } catch (...) {  // NOLINT: documented in scheduler_options
    }
  }
  for (auto& [i, to] : v.start) {
    const detail::within_target here;  // so that a full queue does not make this thread wait, for which all others do
    i->generation = deliveries_->begin();
    deliveries_->observe(log_type::invocation_start, *i, 0);
    const detail::counted_ptr<detail::lane> lane = i->to;
    const detail::nanoseconds now = i->created;
    lane->offer(std::move(i), to, now);
  }
  v.start.clear();
  for (const auto& p : v.left.profiles) {
    if (p->to) p->to->retire();
  }
  v.left.profiles.clear();
}

// ---- the end of a fire

void scheduler::impl::ended(std::uint32_t id, std::uint32_t order, bool delivered) {
  visit v;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || !table_.is_present(id, order) || !table_[id].progress) return;
    detail::schedule_entry& e = table_[id];
    detail::schedule_progress& p = *e.progress;
    if (p.running > 0) --p.running;
    p.failures = delivered ? 0 : p.failures + 1;
    const unsigned most = e.profile->pause_after_failures;
    if (most > 0 && p.failures >= most && !e.paused) {
      pause(id, v);
    } else if (p.running == 0 && !p.buffered.empty()) {
      wanted_.push_back({id, order, p.buffered.front()});
      p.buffered.pop_front();
    } else if (e.next == detail::never_ms) {
      finish_completed(id, v);
    }
  }
  finish(v);
  wake();
}

void scheduler::impl::pause(std::uint32_t id, visit& v) {
  detail::schedule_entry& e = table_[id];
  e.paused = true;
  timers_.cancel(id);
  if (e.progress->buffered.empty()) note(schedule_event::paused, e, e.last, v);
  for (const detail::planned_fire& f : std::exchange(e.progress->buffered, {})) note(schedule_event::paused, e, f.time, v);
}

/// It has had its last fire: deleted, if that was asked for and nothing of it is under way.
void scheduler::impl::finish_completed(std::uint32_t id, visit& v) {
  const detail::schedule_entry& e = table_[id];
  if (e.profile->action_after_completion == completion::remove && e.idle()) remove_entry(id, v);
}

void scheduler::impl::remove_entry(std::uint32_t id, visit& v) {
  timers_.cancel(id);
  table_.remove(id, v.left);
}

void scheduler::impl::note(schedule_event what, const detail::schedule_entry& e, std::int64_t time, visit& v) const {
  if (options_.on_report) v.reports.push_back({what, std::string(e.name()), table_.group(e.group).name, time});
}

// ---- asked for

result<std::string> scheduler::impl::trigger(std::string_view name, std::string_view group) {
  std::string execution;
  {
    const std::lock_guard lock(mutex_);
    const auto id = find(name, group);
    if (!id) return id.error();
    const detail::planned_fire what{now_ms(), ++serials_};
    execution = execution_id(table_[*id], what);
    wanted_.push_back({*id, table_[*id].order, what});
  }
  wake();
  return execution;
}

result<void> scheduler::impl::backfill(std::string_view name, time_point from, time_point to, std::string_view group) {
  if (to <= from) return error{errc::invalid_argument, "a backfill must end behind its beginning"};
  {
    const std::lock_guard lock(mutex_);
    const auto id = find(name, group);
    if (!id) return id.error();
    const auto limited = [](time_point t) {
      return std::clamp<std::int64_t>(t.time_since_epoch().count(), -detail::furthest_ms + 1, detail::furthest_ms);
    };
    fillings_.push_back({*id, table_[*id].order, limited(from) - 1, limited(to), ++serials_});
  }
  wake();
  return {};
}

// ---- waiting

std::optional<std::chrono::nanoseconds> scheduler::impl::next_due() {
  std::optional<std::chrono::nanoseconds> soonest;
  if (const auto due = deliveries_->next_due()) soonest = *due - deliveries_->elapsed();
  const std::lock_guard lock(mutex_);
  if (stopped_) return soonest;
  if (asked()) return std::chrono::nanoseconds(0);
  if (timers_.empty()) return soonest;
  // Instants may be further away than nanoseconds can tell.
  using namespace std::chrono;
  const std::int64_t now = now_ms(), far = 250LL * 365 * 86'400'000;
  const nanoseconds wait = milliseconds(std::clamp(timers_.first().when - now, -far, far)) -
                           (options_.clock->now() - floor<milliseconds>(options_.clock->now()));
  return soonest ? std::min(*soonest, wait) : wait;
}

/// Asks the executor for a thread: now, or when the next instant comes.
void scheduler::impl::wake() {
  using namespace detail;
  nanoseconds wait{0};
  bool at_once = false;
  std::shared_ptr<executor> to;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    to = executor_;
    at_once = asked();
    if (!at_once && timers_.empty()) return;
    if (!at_once) {
      const auto now = options_.clock->now();
      const std::int64_t far = scheduler_fire_source::longest_sleep / std::chrono::milliseconds(1) * 2;
      const std::int64_t floor_now = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
      const std::int64_t until = timers_.first().when <= floor_now ? 0 : std::min(timers_.first().when - floor_now, far);
      wait = std::chrono::milliseconds(until) - (now - std::chrono::floor<std::chrono::milliseconds>(now));
      at_once = wait <= nanoseconds(0);
    }
    if (!at_once) {
      if (!options_.clock->passes()) return;
      wait = std::min(wait, scheduler_fire_source::longest_sleep);
      const nanoseconds when = deliveries_->elapsed() + wait;
      if (when >= armed_) return;
      armed_ = when;
    }
  }
  if (at_once) {
    to->ready(shared_from_this());
  } else {
    to->ready_after(shared_from_this(), wait);
  }
}

std::size_t scheduler::impl::pump(std::size_t max) {
  std::size_t done = 0;
  for (std::size_t now = 1; now > 0 && done < max; done += now) {
    now = run(std::min(max - done, detail::scheduler_fire_source::share));  // a share, so that few wait for their target
    if (done + now < max) now += deliveries_->run(std::min(max - done - now, detail::scheduler_fire_source::share));
  }
  return done;
}

result<void> scheduler::impl::flush(std::optional<std::chrono::milliseconds> deadline) {
  using steady = std::chrono::steady_clock;
  std::optional<steady::time_point> end;
  if (deadline) end = steady::now() + *deadline;
  for (;;) {
    while (run(detail::scheduler_fire_source::share) > 0) {
      if (deliveries_->manual()) deliveries_->run(detail::scheduler_fire_source::share);
    }
    if (!deliveries_->flush(end)) {
      return error{errc::timed_out, fmt::format("{} deliveries have not ended", deliveries_->under_way())};
    }
    const std::lock_guard lock(mutex_);
    if (stopped_ || !asked()) return {};
  }
}

}  // namespace rulebus::inline v1
