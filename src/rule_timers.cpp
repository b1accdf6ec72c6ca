#include "rulebus/detail/rule_timers.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace rulebus::inline v1::detail {

namespace rule_timers_source {

using milliseconds = std::chrono::milliseconds;

constexpr milliseconds longest_sleep{1000};  // then the time of day is looked at, which may have been set
constexpr milliseconds late_after{60'000};   // an instant that is looked at later than this was missed

std::int64_t count(time_point t) { return t.time_since_epoch().count(); }

}  // namespace rule_timers_source

rule_timers::rule_timers(std::shared_ptr<dispatcher> deliveries, fire tell)
    : deliveries_(std::move(deliveries)), tell_(std::move(tell)) {}

void rule_timers::start() {
  clock_subscription_ = deliveries_->configuration().clock->subscribe([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->wake();
  });
}

void rule_timers::stop() noexcept {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  if (!within_target::here()) idle_.wait(lock, [this] { return running_ == 0; });
}

// ---- rules come and go

followed::followed(std::shared_ptr<rule_timers> by, std::shared_ptr<const std::string> rule_name,
                   std::shared_ptr<rule_schedule> schedule)
    : by_(std::move(by)) {
  const std::lock_guard lock(by_->mutex_);
  number_ = ++by_->numbers_;
  place_ = by_->add({std::move(schedule), std::move(rule_name), number_});
}

followed::~followed() {
  const std::lock_guard lock(by_->mutex_);
  by_->remove(place_);
}

/// All or nothing.
std::uint32_t rule_timers::add(slot s) {
  using rule_timers_source::count;
  free_.reserve(slots_.size() + 1);
  const time_point now = deliveries_->configuration().clock->now();
  const time_point last{rule_timers_source::milliseconds(s.schedule->last.load(std::memory_order_relaxed))};
  const auto next = s.schedule->expression.next_after(std::max(now, last));
  const auto order = static_cast<std::uint32_t>(s.number);
  const auto place = free_.empty() ? static_cast<std::uint32_t>(slots_.size()) : free_.back();
  if (next) timers_.set(place, count(*next), order);
  if (!free_.empty()) {
    free_.pop_back();
    slots_[place] = std::move(s);
    return place;
  }
  try {
    slots_.push_back(std::move(s));
  } catch (...) {
    timers_.cancel(place);
    throw;
  }
  return place;
}

void rule_timers::remove(std::uint32_t place) noexcept {
  timers_.cancel(place);
  slots_[place] = {};
  free_.push_back(place);
}

// ---- time passes

/// The next instant that is there and fires; those before it that were missed are counted.
std::optional<rule_timers::due_rule> rule_timers::take_due() {
  using namespace rule_timers_source;
  const std::int64_t now = count(deliveries_->configuration().clock->now());
  while (!timers_.empty() && timers_.first().when <= now) {
    const timer_queue::timer due = timers_.first();
    const slot& s = slots_[due.id];
    const auto next = s.schedule->expression.next_after(time_point(milliseconds(due.when)));
    s.schedule->last.store(due.when, std::memory_order_relaxed);
    if (next) {
      timers_.set(due.id, count(*next), due.order);
    } else {
      timers_.cancel(due.id);
    }
    const bool missed = now - due.when > late_after.count();
    if (missed && next && count(*next) <= now) {
      missed_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    return due_rule{s.rule_name, s.number, time_point(milliseconds(due.when))};
  }
  return std::nullopt;
}

std::size_t rule_timers::run(std::size_t max) {
  std::size_t done = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || timers_.empty() || deliveries_->refusing()) return 0;
    ++running_;
  }
  while (done < max) {
    std::optional<due_rule> due;
    {
      const std::lock_guard lock(mutex_);
      if (!stopped_) due = take_due();
    }
    if (!due) break;
    const within_target here;  // a full queue must not make this thread wait, for which others do
    try {
      tell_(due->number, *due->rule_name, due->instant);
    } catch (const std::bad_alloc&) {
      missed_.fetch_add(1, std::memory_order_relaxed);
    }
    ++done;
  }
  {
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) idle_.notify_all();
    if (armed_ <= deliveries_->elapsed()) armed_ = dispatcher::never;
  }
  wake();
  return done;
}

/// Instants may be further away than nanoseconds can tell.
std::optional<std::chrono::nanoseconds> rule_timers::wait_under_lock() const {
  using namespace rule_timers_source;
  if (stopped_ || timers_.empty() || deliveries_->refusing()) return std::nullopt;
  constexpr std::int64_t far = std::int64_t{250} * 365 * 86'400'000;
  return milliseconds(std::clamp(timers_.first().when - count(deliveries_->configuration().clock->now()), -far, far));
}

std::optional<std::chrono::nanoseconds> rule_timers::next_due() const {
  const std::lock_guard lock(mutex_);
  return wait_under_lock();
}

void rule_timers::wake() noexcept {
  nanoseconds delay{0};
  {
    const std::lock_guard lock(mutex_);
    const auto wait = wait_under_lock();
    if (!wait) return;
    if (*wait > nanoseconds(0)) {
      if (!deliveries_->configuration().clock->passes()) return;
      delay = std::min<nanoseconds>(*wait, rule_timers_source::longest_sleep);
      const nanoseconds now = deliveries_->elapsed(), when = now + delay;
      if (armed_ > now && when >= armed_) return;
      armed_ = when;
    }
  }
  deliveries_->call(shared_from_this(), delay);
}

}  // namespace rulebus::inline v1::detail
