#include "rulebus/detail/dispatcher.hpp"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "rulebus/detail/failure_reporter.hpp"
#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1::detail {

namespace dispatcher_source {

constexpr std::chrono::milliseconds glance{1};   // how often a flush looks whether anything can still happen by itself
constexpr std::chrono::microseconds moment{50};  // how often who destroys the bus looks whether all threads have left it

std::uint64_t mixed(std::uint64_t x) noexcept {  // SplitMix64's finalizer (Steele, Lea, Flood 2014)
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// Begins of visits of a lane by threads that keep up with who puts. Who comes sooner takes every event by itself, and the cache
/// lines of the lane away from who puts the next: where two processors are 250 ns apart, twice as much time for each event.
constexpr std::chrono::microseconds apart{20};

constexpr std::size_t turn_in_feeder = 64;  // targets, before the thread looks for what else is ready

void wait_here(nanoseconds time) noexcept {
  if (time <= nanoseconds(0)) return;
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) pause_briefly();
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

/// ask(executor), which is made now if it is to be a pool of our own. False: there is none, or it has no memory.
template <class Ask>
bool dispatcher::ask_executor(Ask ask) noexcept {
  try {
    if (settings_.executor) {
      ask(*settings_.executor);
      return true;
    }
    const std::lock_guard lock(pool_mutex_);  // also while it is asked: end_threads must be the last who has it
    if (!pool_ && !stopped()) pool_ = make_thread_pool(settings_.threads);
    if (pool_) ask(*pool_);
    return pool_ != nullptr;
  } catch (...) {  // NOLINT: the next who needs a thread asks again
    return false;
  }
}

/// One of the calls counted in called_.
void dispatcher::call_thread() noexcept {
  if (ask_executor([&](rulebus::executor& e) { e.ready(shared_from_this()); })) return;
  const brief_lock lock(mutex_);
  if (called_ > 0) --called_;
}

void dispatcher::call(const std::shared_ptr<work>& w, nanoseconds delay) noexcept {
  ask_executor([&](rulebus::executor& e) { delay <= nanoseconds(0) ? e.ready(w) : e.ready_after(w, delay); });
}

void dispatcher::end_threads() {
  {
    std::shared_ptr<rulebus::executor> pool;  // ends when nothing is locked
    const std::lock_guard lock(pool_mutex_);
    pool = std::exchange(pool_, nullptr);
  }
  const auto busy = [&] {
    if (answering_.load() != 0) return true;
    const brief_lock lock(mutex_);
    return !visitors_.empty();
  };
  if (within_target::here()) return;  // against the contract; at least it does not wait for itself
  while (busy()) std::this_thread::sleep_for(dispatcher_source::moment);
}

// ---- lanes

void dispatcher::enrol(lane& l) {
  const brief_lock lock(mutex_);
  timers_.reserve(lanes_.size() + 1);
  lanes_.push_back(l);
}

void dispatcher::dismiss(lane& l, const delivery_metrics* counts) noexcept {
  const brief_lock lock(mutex_);
  timers_.remove(l);
  lanes_.remove(l);
  if (counts) retired_.add(*counts);
}

/// The first that is no earlier in the list than the one behind l, and not being destroyed.
counted_ptr<lane> dispatcher::lane_after(const lane* l) {
  const brief_lock lock(mutex_);
  for (lane* next = l ? l->next : lanes_.front(); next; next = next->next) {
    if (auto held = counted_ptr<lane>::unless_gone(next)) return held;
  }
  return {};
}

delivery_metrics dispatcher::metrics() {
  delivery_metrics sum;
  std::vector<counted_ptr<lane>> present;
  distribute();
  {
    const brief_lock lock(mutex_);
    sum = retired_;
    for (lane* l = lanes_.front(); l; l = l->next) {
      if (l->is_for_dead_letters()) continue;
      if (auto held = counted_ptr<lane>::unless_gone(l)) {
        present.push_back(std::move(held));
      } else if (const delivery_metrics* const last = l->last_counts()) {
        sum.add(*last);
      }
    }
  }
  for (const counted_ptr<lane>& l : present) sum.add(l->metrics());
  return sum;
}

void dispatcher::enqueue(lane& l) noexcept {
  if (l.ready.self) return;
  l.ready.self = counted_ptr<lane>::unless_gone(&l);
  if (!l.ready.self) return;
  l.ready.next = nullptr;
  (ready_last_ ? ready_last_->ready.next : ready_first_) = &l;
  ready_last_ = &l;
  ++ready_;
}

counted_ptr<lane> dispatcher::dequeue() noexcept {
  lane* const first = ready_first_;
  if (!first) return {};
  ready_first_ = first->ready.next;
  if (!ready_first_) ready_last_ = nullptr;
  --ready_;
  return std::move(first->ready.self);
}

/// True, and counted: a thread is to be asked for. In a feeder there is work for all.
bool dispatcher::wants_thread() noexcept {
  if (called_ >= (feeders_.empty() ? std::min(ready_, concurrency_) : concurrency_)) return false;
  ++called_;
  return true;
}

void dispatcher::make_ready(lane& l) noexcept {
  {
    const brief_lock lock(mutex_);
    if (stopped()) return;
    enqueue(l);
    if (manual_ && !visitors_.empty()) return;  // who pumps sees it
    if (!wants_thread()) return;
  }
  call_thread();
}

bool dispatcher::list(lane_feeder& f) noexcept {
  {
    const brief_lock lock(mutex_);
    if (stopped()) return false;
    if (!f.self) {
      f.self = counted_ptr<lane_feeder>(&f);
      feeders_.push_back(f);
    }
    if (!wants_thread()) return true;
  }
  call_thread();
  return true;
}

void dispatcher::unlist(lane_feeder& f) noexcept {
  counted_ptr<lane_feeder> last;  // let go when nothing is locked
  const brief_lock lock(mutex_);
  if (!f.self) return;
  last = std::move(f.self);
  feeders_.remove(f);
}

/// By turns, as each of their threads goes for a while only.
counted_ptr<lane_feeder> dispatcher::next_feeder() noexcept {
  lane_feeder* const first = feeders_.pop_front();
  if (!first) return {};
  feeders_.push_back(*first);
  return counted_ptr<lane_feeder>(first);
}

/// Gives what waits for many lanes to them.
void dispatcher::distribute() {
  std::vector<counted_ptr<lane_feeder>> all;
  {
    const brief_lock lock(mutex_);
    for (lane_feeder* f = feeders_.front(); f; f = f->next) all.emplace_back(f);
  }
  for (const counted_ptr<lane_feeder>& f : all) f->distribute();
}

void dispatcher::wake_at(lane& l, nanoseconds when) noexcept {
  {
    const brief_lock lock(mutex_);
    if (stopped() || !timers_.set(l, when)) return;
    if (settings_.clock->passes() && when >= armed_) return;
  }
  if (settings_.clock->passes()) return arm(when);
  if (when > elapsed()) return;  // who moves the clock looks for it
  ask_executor([&](rulebus::executor& e) { e.ready(shared_from_this()); });
}

void dispatcher::put_off(lane& l, nanoseconds when) noexcept {
  const brief_lock lock(mutex_);
  if (stopped()) return;
  timers_.remove(l);
  if (when != never) timers_.set(l, when);
}

/// Tells the executor of the first wake, unless it knows of one that is no later and has not come.
void dispatcher::arm(nanoseconds when) noexcept {
  const auto delay = std::max(nanoseconds(0), when - elapsed());
  const auto real = std::chrono::steady_clock::now();
  {
    const brief_lock lock(mutex_);
    if (when >= armed_ && real < armed_until_) return;
    armed_ = when;
    armed_until_ = real + delay;
  }
  if (ask_executor([&](rulebus::executor& e) { e.ready_after(shared_from_this(), delay); })) return;
  const brief_lock lock(mutex_);
  armed_ = never;
}

// ---- threads

std::size_t dispatcher::run(std::size_t max) {
  std::size_t done = 0;
  visitor here;
  for (turn t = next_turn(here, max > 0);; t = next_turn(here, done < max)) {
    if (t.ask) call_thread();
    if (t.wake != never) arm(t.wake);
    if (!here.present) return done;
    dispatcher_source::wait_here(t.gather);
    const within_target called;  // whatever runs in there must not wait for what only this thread may do
    if (t.from) {
      done += t.from->run(std::min(max - done, dispatcher_source::turn_in_feeder), here.ended);
      end(here.ended.take());
      continue;
    }
    const lane::visited v = t.in->run(max - done, t.woken);
    here.took_all = v.took_all;
    done += v.deliveries;
  }
}

/// Where this call goes next, and then is, if something is ready and `want`ed; and whom to ask for what else there is to do.
dispatcher::turn dispatcher::next_turn(visitor& who, bool want) {
  const bool passes = settings_.clock->passes();
  const nanoseconds now = elapsed();
  turn t;
  const brief_lock lock(mutex_);
  if (who.present) {
    visitors_.remove(who);
    if (!who.in || !who.took_all) last_visited_ = nullptr;
  } else if (called_ > 0) {
    --called_;
  }
  while (!timers_.empty() && timers_.first() <= now) {
    lane& l = timers_.take();
    l.is_woken = true;
    enqueue(l);
  }
  const bool feeder_first = !std::exchange(was_feeder_, false) || !ready_first_;
  if (want && feeder_first) t.from = next_feeder();
  if (want && !t.from) t.in = dequeue();
  was_feeder_ = static_cast<bool>(t.from);
  who.in = t.in.get();
  who.present = t.in || t.from;
  if (t.from) {
    visitors_.push_back(who);
  } else if (t.in) {
    t.woken = std::exchange(t.in->is_woken, false);
    visitors_.push_back(who);
    const bool alone = passes && !manual_ && !t.woken && !ready_first_;
    if (alone && t.in.get() == last_visited_) t.gather = std::max(t.gather, last_visit_ + dispatcher_source::apart - now);
    last_visited_ = t.in.get();
    last_visit_ = now + t.gather;
  }
  t.ask = !(manual_ && who.present) && wants_thread();
  if (!passes || timers_.empty()) return t;
  if (armed_ <= now) armed_ = never;
  // When no thread is left to look later, also where the executor's time runs ahead of the clock's.
  const bool asked = timers_.first() >= armed_ && (who.present || std::chrono::steady_clock::now() < armed_until_);
  if (!asked) t.wake = timers_.first();
  return t;
}

/// Wakes are left standing when an answer comes, which is the cheapest for who answers; so who asks looks whether the first
/// is still for something.
std::optional<nanoseconds> dispatcher::next_due() {
  for (;;) {
    counted_ptr<lane> first;
    nanoseconds when{};
    {
      const brief_lock lock(mutex_);
      if (ready_first_ || !feeders_.empty()) return nanoseconds(0);
      if (timers_.empty()) return std::nullopt;
      when = timers_.first();
      first = counted_ptr<lane>::unless_gone(&timers_.of_first());
    }
    if (when <= elapsed() || !first || !first->put_off_wake()) return when;
  }
}

// ---- what is under way

std::uint8_t dispatcher::begin(std::size_t n) noexcept {
  const std::uint8_t g = generation_.load(std::memory_order_relaxed) & 1;
  pending_[g].fetch_add(static_cast<std::int64_t>(n), std::memory_order_relaxed);
  return g;
}

void dispatcher::begin_with(std::uint8_t generation) noexcept { pending_[generation].fetch_add(1, std::memory_order_relaxed); }

void dispatcher::end(std::uint8_t generation, std::size_t n) noexcept {
  const auto ended = static_cast<std::int64_t>(n);
  if (pending_[generation].fetch_sub(ended) != ended || waiting_.load() == 0) return;
  const std::lock_guard lock(quiet_mutex_);
  quiet_.notify_all();
}

void dispatcher::end(const std::array<std::size_t, 2>& ended) noexcept {
  for (std::size_t generation = 0; generation < ended.size(); ++generation) {
    if (ended[generation] > 0) end(static_cast<std::uint8_t>(generation), ended[generation]);
  }
}

bool dispatcher::flush(std::optional<std::chrono::steady_clock::time_point> deadline) {
  {
    std::unique_lock lock(quiet_mutex_);
    const auto free = [&] { return !flushing_; };
    if (!deadline) {
      quiet_.wait(lock, free);
    } else if (!quiet_.wait_until(lock, *deadline, free)) {
      return false;
    }
    flushing_ = true;
  }
  // Of the generation before, only what a flush gave up waiting for is left; then this one, and later puts count for the next.
  const auto g = static_cast<std::uint8_t>(generation_.load() & 1);
  bool done = wait_for(g ^ 1, deadline);
  if (done) {
    generation_.store(g ^ 1);
    done = wait_for(g, deadline);
  }
  const std::lock_guard lock(quiet_mutex_);
  flushing_ = false;
  quiet_.notify_all();
  return done;
}

bool dispatcher::wait_for(std::uint8_t generation, std::optional<std::chrono::steady_clock::time_point> deadline) {
  using dispatcher_source::glance;
  while (pending_[generation].load() != 0) {
    const bool helped = manual_ && run(deadline ? 1 : 64) > 0;
    book_for_visitors();
    if (pending_[generation].load() == 0) break;
    const auto now = std::chrono::steady_clock::now();
    if (deadline && now >= *deadline) return false;
    if (helped) continue;
    if (only_time_helps()) return false;
    std::unique_lock lock(quiet_mutex_);
    ++waiting_;
    quiet_.wait_until(lock, deadline ? std::min(*deadline, now + glance) : now + glance,
                      [&] { return pending_[generation].load() == 0; });
    --waiting_;
  }
  return true;
}

/// What has succeeded counts, though who visits its lane has not booked it: a target may stay in deliver for as long as it likes.
void dispatcher::book_for_visitors() noexcept {
  for (std::size_t nth = 0;; ++nth) {
    counted_ptr<lane> visited;
    std::array<std::size_t, 2> ended{};
    {
      const brief_lock lock(mutex_);
      visitor* v = visitors_.front();
      for (std::size_t i = 0; v && i < nth; ++i) v = v->next;
      if (!v) return;
      ended = v->ended.take();
      visited = counted_ptr<lane>(v->in);  // its visitor holds it
    }
    end(ended);
    if (visited) visited->book_what_succeeded();
  }
}

/// Nothing is ready, no thread is at work, and what is planned waits for a clock that somebody has to move.
bool dispatcher::only_time_helps() {
  if (settings_.clock->passes()) return false;
  const nanoseconds now = elapsed();
  const brief_lock lock(mutex_);
  return !ready_first_ && feeders_.empty() && visitors_.empty() && !timers_.empty() && timers_.first() > now;
}

// ---- the end

void dispatcher::stop() {
  {
    const std::lock_guard lock(leftover_mutex_);
    ++collecting_;
  }
  refusing_.store(true, std::memory_order_release);
  {
    const brief_lock lock(mutex_);
    stopped_.store(true, std::memory_order_release);
    timers_.clear();
  }
  counted_ptr<lane> l = lane_after(nullptr);
  for (; l; l = lane_after(l.get())) l->close();
  for (;;) {                 // from now on none is made ready
    counted_ptr<lane> left;  // let go when nothing is locked
    const brief_lock lock(mutex_);
    left = dequeue();
    if (!left) break;
  }
  distribute();  // to lanes that are closed
  for (;;) {
    counted_ptr<lane_feeder> left;
    const brief_lock lock(mutex_);
    lane_feeder* const f = feeders_.pop_front();
    if (!f) break;
    left = std::move(f->self);
  }
}

void dispatcher::undelivered(invocation& i, const error& why) noexcept {
  observe(log_type::invocation_stopped, i, i.attempts, &why);
  try {
    const delivery_details d = i.details();
    leftover left{i.event(), std::string(d.rule_name), std::string(d.target_id), i.attempts, why};
    const std::lock_guard lock(leftover_mutex_);
    if (collecting_ > 0) return leftovers_.push_back(std::move(left));
  } catch (...) {  // NOLINT: no memory to keep it; it is told at once
  }
  report(i, why, true, false);
}

std::vector<dispatcher::leftover> dispatcher::take_undelivered() {
  const std::lock_guard lock(leftover_mutex_);
  if (collecting_ > 0) --collecting_;
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
    const within_target here;
    settings_.observer->observe(told);
  } catch (...) {  // NOLINT: documented in observer.hpp
  }
}

void dispatcher::report(const invocation& i, const error& reason, bool retryable, bool dead_lettered) const noexcept {
  if (!settings_.failures) return;
  const within_target here;
  const delivery_details d = i.details();
  settings_.failures->report({d.rule_name, d.target_id, i.event(), reason, retryable, i.attempts, dead_lettered});
}

double dispatcher::jitter(std::uint64_t sequence, std::uint64_t lane, std::uint32_t attempt) const noexcept {
  using dispatcher_source::mixed;
  const std::uint64_t bits = mixed(mixed(mixed(settings_.seed ^ sequence) ^ lane) + attempt);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace rulebus::inline v1::detail
