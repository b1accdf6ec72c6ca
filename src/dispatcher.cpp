#include "rulebus/detail/dispatcher.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "rulebus/detail/failure_reporter.hpp"
#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1::detail {

namespace dispatcher_source {

constexpr std::chrono::milliseconds glance{1};  // how often a flush looks whether anything can still happen by itself

std::uint64_t mixed(std::uint64_t x) noexcept {  // SplitMix64's finalizer (Steele, Lea, Flood 2014)
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace dispatcher_source

dispatcher::dispatcher(settings s) : settings_(std::move(s)) {
  manual_ = settings_.executor && settings_.executor->concurrency() == 0;
  concurrency_ = std::max<std::size_t>(1, settings_.executor ? settings_.executor->concurrency() : settings_.threads);
}

dispatcher::~dispatcher() = default;

void dispatcher::start() {
  clock_subscription_ = settings_.clock->subscribe([weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      const auto due = self->next_due();
      if (due && *due <= self->elapsed()) self->ask_executor([&](rulebus::executor& e) { e.ready(self); });
    }
  });
}

/// ask(executor), which is made now if it is to be a pool of our own.
template <class Ask>
void dispatcher::ask_executor(Ask ask) {
  std::shared_ptr<rulebus::executor> to = settings_.executor;
  if (!to) {
    const std::lock_guard lock(pool_mutex_);
    if (!pool_ && !stopped_.load(std::memory_order_acquire)) pool_ = make_thread_pool(settings_.threads);
    to = pool_;
  }
  if (to) ask(*to);
}

void dispatcher::end_threads() {
  std::shared_ptr<rulebus::executor> pool;
  const std::lock_guard lock(pool_mutex_);
  pool = std::exchange(pool_, nullptr);
}

// ---- lanes

void dispatcher::enrol(lane& l) {
  const std::lock_guard lock(mutex_);
  lanes_.push_back(l);
}

void dispatcher::dismiss(lane& l) noexcept {
  const std::lock_guard lock(mutex_);
  lanes_.remove(l);
}

void dispatcher::retire(const delivery_metrics& counts) {
  const std::lock_guard lock(mutex_);
  retired_.add(counts);
}

std::vector<counted_ptr<lane>> dispatcher::present_lanes() {
  std::vector<counted_ptr<lane>> all;
  const std::lock_guard lock(mutex_);
  for (lane* l = lanes_.front(); l; l = l->next) {
    if (auto held = counted_ptr<lane>::unless_gone(l)) all.push_back(std::move(held));
  }
  return all;
}

delivery_metrics dispatcher::metrics() {
  delivery_metrics sum;
  const auto present = present_lanes();
  {
    const std::lock_guard lock(mutex_);
    sum = retired_;
  }
  for (const counted_ptr<lane>& l : present) {
    if (!l->is_for_dead_letters()) sum.add(l->metrics());
  }
  return sum;
}

void dispatcher::make_ready(counted_ptr<lane> l) {
  {
    const std::lock_guard lock(mutex_);
    ready_.push_back(std::move(l));
    if (called_ >= std::min(ready_.size() - ready_first_, concurrency_)) return;
    ++called_;
  }
  ask_executor([&](rulebus::executor& e) { e.ready(shared_from_this()); });
}

void dispatcher::wake_at(lane& l, nanoseconds when) {
  {
    const std::lock_guard lock(mutex_);
    if (!timers_.set(l, when)) return;
  }
  arm(when);
}

void dispatcher::arm(nanoseconds when) {
  if (!settings_.clock->passes()) return;
  {
    const std::lock_guard lock(mutex_);
    if (when >= armed_) return;
    armed_ = when;
  }
  ask_executor([&](rulebus::executor& e) { e.ready_after(shared_from_this(), std::max(nanoseconds(0), when - elapsed())); });
}

// ---- threads

std::size_t dispatcher::run(std::size_t max) {
  std::size_t done = 0;
  bool more = false;
  nanoseconds next = never;
  for (bool first = true;; first = false) {
    const nanoseconds now = elapsed();
    counted_ptr<lane> l;
    {
      const std::lock_guard lock(mutex_);
      if (first && called_ > 0) --called_;
      if (armed_ <= now) armed_ = never;
      if (!timers_.empty() && timers_.first() <= now) {
        l = timers_.take();
      } else if (ready_first_ < ready_.size()) {
        l = std::move(ready_[ready_first_++]);
        if (ready_first_ == ready_.size() || ready_first_ >= 1024) {
          ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(ready_first_));
          ready_first_ = 0;
        }
      }
      if (done >= max) {  // give back what this call may not do any more
        more = l || ready_first_ < ready_.size();
        if (l) ready_.push_back(std::move(l));
        if (more) ++called_;
      }
      if (!l) {
        if (!timers_.empty()) next = timers_.first();
        break;
      }
    }
    ++running_;
    done += l->run(max - done);
    --running_;
  }
  if (more) ask_executor([&](rulebus::executor& e) { e.ready(shared_from_this()); });
  if (next != never) arm(next);
  return done;
}

std::optional<nanoseconds> dispatcher::next_due() {
  const std::lock_guard lock(mutex_);
  if (ready_first_ < ready_.size()) return nanoseconds(0);
  if (timers_.empty()) return std::nullopt;
  return timers_.first();
}

// ---- what is under way

std::uint8_t dispatcher::begin() noexcept {
  const std::uint8_t g = generation_.load(std::memory_order_relaxed) & 1;
  pending_[g].fetch_add(1, std::memory_order_relaxed);
  return g;
}

void dispatcher::end(std::uint8_t generation) noexcept {
  if (pending_[generation].fetch_sub(1) != 1 || waiting_.load() == 0) return;
  const std::lock_guard lock(quiet_mutex_);
  quiet_.notify_all();
}

bool dispatcher::flush(std::optional<std::chrono::steady_clock::time_point> deadline) {
  std::unique_lock one(flushing_, std::defer_lock);
  if (!deadline) {
    one.lock();
  } else if (!one.try_lock_until(*deadline)) {
    return false;
  }
  // Of the generation before, only what a flush gave up waiting for is left; then this one, and later puts count for the next.
  const auto g = static_cast<std::uint8_t>(generation_.load() & 1);
  if (!wait_for(g ^ 1, deadline)) return false;
  generation_.store(g ^ 1);
  return wait_for(g, deadline);
}

bool dispatcher::wait_for(std::uint8_t generation, std::optional<std::chrono::steady_clock::time_point> deadline) {
  using dispatcher_source::glance;
  while (pending_[generation].load() != 0) {
    if (manual_ && run(64) > 0) continue;
    const auto now = std::chrono::steady_clock::now();
    if (deadline && now >= *deadline) return false;
    const auto due = next_due();
    if (due && *due > elapsed() && !settings_.clock->passes() && running_.load() == 0) return false;
    std::unique_lock lock(quiet_mutex_);
    ++waiting_;
    quiet_.wait_until(lock, deadline ? std::min(*deadline, now + glance) : now + glance,
                      [&] { return pending_[generation].load() == 0; });
    --waiting_;
  }
  return true;
}

// ---- the end

void dispatcher::stop() {
  {
    const std::lock_guard lock(leftover_mutex_);
    collecting_ = true;
  }
  refusing_.store(true, std::memory_order_release);
  stopped_.store(true, std::memory_order_release);
  const std::vector<counted_ptr<lane>> all = present_lanes();
  std::vector<counted_ptr<lane>> idle;
  {
    const std::lock_guard lock(mutex_);
    idle = timers_.clear();
    idle.insert(idle.end(), std::make_move_iterator(ready_.begin() + static_cast<std::ptrdiff_t>(ready_first_)),
                std::make_move_iterator(ready_.end()));
    ready_.clear();
    ready_first_ = 0;
  }
  for (const counted_ptr<lane>& l : all) l->close();
  // What is left are answers being given just now, a few instructions each; a put that is in progress reports by itself.
  for (int i = 0; i < 1000 && answering_.load() != 0; ++i) std::this_thread::yield();
}

void dispatcher::undelivered(invocation& i, const error& why) {
  observe(log_type::invocation_stopped, i, i.attempts, &why);
  {
    const std::lock_guard lock(leftover_mutex_);
    if (collecting_) {
      const delivery_details d = i.details();
      leftovers_.push_back({i.event(), std::string(d.rule_name), std::string(d.target_id), i.attempts, why});
      return;
    }
  }
  report(i, why, true, false);
}

std::vector<dispatcher::leftover> dispatcher::take_undelivered() {
  const std::lock_guard lock(leftover_mutex_);
  collecting_ = false;
  return std::exchange(leftovers_, {});
}

// ---- telling

std::string dispatcher::rule_arn(std::string_view rule_name) const { return settings_.rule_arn_prefix + std::string(rule_name); }

void dispatcher::tell_observer(log_type type, const invocation& i, std::uint32_t attempt, const error* reason) const noexcept {
  const delivery_details d = i.details();
  observe({.type = type,
           .event_id = i.event().id(),
           .rule_name = d.rule_name,
           .target_id = d.target_id,
           .attempt = attempt,
           .reason = reason});
}

void dispatcher::observe(const log_record& record) const noexcept {
  if (!settings_.observer) return;
  try {
    log_record told = record;
    told.bus_name = settings_.bus_name;
    told.time = settings_.clock->now();
    settings_.observer->observe(told);
  } catch (...) {  // NOLINT: documented in observer.hpp
  }
}

void dispatcher::report(const invocation& i, const error& reason, bool retryable, bool dead_lettered) const {
  if (!settings_.failures) return;
  const delivery_details d = i.details();
  settings_.failures->report({d.rule_name, d.target_id, i.event(), reason, retryable, i.attempts, dead_lettered});
}

double dispatcher::jitter(std::uint64_t sequence, std::uint64_t lane, std::uint32_t attempt) const noexcept {
  using dispatcher_source::mixed;
  const std::uint64_t bits = mixed(mixed(mixed(settings_.seed ^ sequence) ^ lane) + attempt);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace rulebus::inline v1::detail
