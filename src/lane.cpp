#include "rulebus/detail/lane.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace rulebus::inline v1::detail {

namespace lane_source {

/// Without memory for it, the code alone.
error say(errc code, const char* text) noexcept {
  error e{code};
  try {
    e.message = text;
  } catch (const std::bad_alloc&) {  // NOLINT: as above
  }
  return e;
}

error queue_full() noexcept { return say(errc::limit_exceeded, "the queue of the target is full"); }
error too_old() noexcept { return say(errc::timed_out, "the event is older than maximum_event_age"); }
error no_answer() noexcept { return say(errc::timed_out, "the target did not answer in time"); }
error bus_stopped() noexcept { return say(errc::stopped, "the bus was stopped before the event was delivered"); }

std::optional<error> copy(const error& e) noexcept {
  try {
    return e;
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

/// The service's word for why an event was given up, for a dead letter's ERROR_CODE.
std::string_view error_code(const error& reason) {
  switch (reason.code) {
    case errc::timed_out: return "TIMEOUT";
    case errc::limit_exceeded: return "THROTTLING";
    case errc::not_found: return "NO_RESOURCE";
    case errc::already_exists: return "RESOURCE_ALREADY_EXISTS";
    case errc::invalid_json:
    case errc::invalid_argument: return "INVALID_INPUT";
    default: return "TARGET_FAILED";
  }
}

constexpr std::size_t many = 256;             // ends without an attempt, at most in one visit
constexpr std::chrono::milliseconds slow{1};  // what was taken and is not begun by then goes back: another thread may come first

/// For one more, at no cost on average: what follows must not fail.
template <class T>
void reserve_one(std::vector<T>& v) {
  if (v.size() == v.capacity()) v.reserve(2 * v.size() + 4);
}

/// How many to take in one visit: a long queue is worth a thread's while, a short one is shared among threads.
std::size_t fair_share(std::size_t queued, std::size_t threads, std::size_t max) {
  return std::clamp<std::size_t>(queued / (2 * threads), 1, std::max<std::size_t>(1, std::min<std::size_t>(max, 32)));
}

}  // namespace lane_source

lane::lane(std::shared_ptr<dispatcher> in, identity who, std::shared_ptr<rulebus::target> to,
           std::shared_ptr<const delivery_options> options, counted_ptr<lane> dead_letters, role r)
    : role_(r),
      in_(std::move(in)),
      who_(std::move(who)),
      options_(std::move(options)),
      dead_letters_(std::move(dead_letters)),
      to_(std::move(to)),
      overflow_(options_->when_full == overflow::reject ? nullptr : std::make_unique<overflowing>()) {
  if (options_->rate.per_second > 0 || options_->breaker.failures > 0) {
    limits_ = std::make_unique<limits>();
    limits_->tokens = options_->rate.burst;
    limits_->refilled = in_->elapsed();
  }
  in_->enrol(*this);
}

lane::~lane() { in_->dismiss(*this, is_for_dead_letters() ? nullptr : counts_.get()); }

delivery_metrics& lane::counts() {
  if (!counts_) counts_ = std::make_unique<delivery_metrics>();
  return *counts_;
}

// ---- an event comes in

void lane::offer(counted_ptr<invocation> i, const std::shared_ptr<rulebus::target>& to, nanoseconds now) {
  started first{i.copy_unshared(), 1};
  const counted_ptr<invocation>& kept = first.i;
  counted_ptr<invocation> pushed_out;
  guard lock(mutex_);
  admission how{};
  try {
    how = admit(lock, i, now, pushed_out, first.given);
  } catch (...) {
    if (lock) lock.unlock();
    if (pushed_out) give_up(pushed_out, {lane_source::queue_full(), true, {}});
    finish(*kept);
    throw;
  }
  switch (how) {
    case admission::started: lock.unlock(); return attempt(first, *to);
    case admission::closed:
      lock.unlock();
      if (kept->origin) kept->origin->count_letter_left();
      in_->undelivered(*kept, lane_source::bus_stopped());
      return finish(*kept);
    case admission::full: lock.unlock(); return give_up(kept, {lane_source::queue_full(), true, {}});
    case admission::queued: break;
  }
  if (!to_) to_ = to;
  const bool throttled = calls() >= options_->max_in_flight || limits_allow(now) > now;
  if (throttled) ++counts().throttled_invocations;
  plan(lock, now);
  if (throttled) in_->observe(log_type::invocation_throttle_start, *kept, 0);
  if (pushed_out) give_up(pushed_out, {lane_source::queue_full(), true, {}});
}

/// Finds a place for i, which the lane then owns, unless it is closed or full.
lane::admission lane::admit(guard& lock, counted_ptr<invocation>& i, nanoseconds now, counted_ptr<invocation>& pushed_out,
                            counted_ptr<answerable>& given) {
  delivery_metrics& count = counts();
  const auto closed = [&] {
    ++count.invocations_created;
    ++count.undelivered;
    return admission::closed;
  };
  if (closed_ || in_->stopped()) return closed();  // stopped: it was made while that went from lane to lane
  if (at_once(*i)) {
    holds_back(*i);  // it does not: it is the first of its key
    invocation& taken = *i;
    if (!taken.of) given = i.copy_unshared<answerable>();  // the delivery's: it costs less now than when others see it
    taken.self = std::move(i);
    arrive(taken);
    take_out(taken, now);
    ++count.invocations_created;
    return admission::started;
  }
  const room found = make_room(lock, pushed_out, now);
  if (found == room::closed) return closed();
  if (found == room::there) enqueue(std::move(i), now);
  ++count.invocations_created;
  return found == room::full ? admission::full : admission::queued;
}

void lane::refuse(const counted_ptr<invocation>& i, error why) {
  try {
    const guard lock(mutex_);
    ++counts().invocations_created;
    ++counts().invocations;
  } catch (...) {
    finish(*i);
    throw;
  }
  give_up(i, {std::move(why), false, {}});
}

// ---- a thread comes by

std::size_t lane::run(std::size_t max, bool woken) noexcept {
  visit v;
  const nanoseconds now = in_->elapsed();
  {
    const dispatcher::answer_scope working(*in_);
    guard lock(mutex_);
    asked_ = false;
    if (woken) woken_at_ = dispatcher::never;
    if (closed_) return 0;
    try {
      take_due(v, now, max);
    } catch (const std::bad_alloc&) {  // NOLINT: what it took so far is in v, and the rest is still where it was
    }
    v.to = to_;
    if (retired_) let_go_of_target(v.to);
    plan(lock, now);
    tell_ended(v);
  }
  const std::size_t count = v.start.size() + v.timed_out.size() + v.ended.size();
  if (options_->batch.size > 1 && !v.start.empty()) {
    attempt_batch(v.start, *v.to);
    return count;
  }
  for (std::size_t i = 0; i < v.start.size(); ++i) {
    attempt(v.start[i], *v.to);
    if (i + 1 == v.start.size()) break;
    if (const nanoseconds later = in_->elapsed(); later - now > lane_source::slow) {
      put_back(v, i + 1, later);
      return count - (v.start.size() - i - 1);
    }
  }
  return count;
}

void lane::tell_ended(const visit& v) {
  for (const started& late : v.timed_out) {
    const error reason = lane_source::no_answer();
    in_->observe(log_type::invocation_attempt_retryable_failure, *late.i, late.attempt, &reason);
  }
  for (const ending& e : v.ended) give_up(e.i, e.why);
}

void lane::take_due(visit& v, nanoseconds now, std::size_t max) {
  expire_answers(v, now);
  const bool batched = options_->batch.size > 1;
  const bool singly = options_->breaker.failures > 0;  // each may be the one that opens it
  const std::size_t share = batched  ? options_->batch.size
                            : singly ? 1
                                     : lane_source::fair_share(queue_.size(), in_->concurrency(), max);
  v.start.reserve(std::min(share, queue_.size() + waiting_.size()));
  auto open = batched ? std::make_unique<std::uint32_t>(0) : nullptr;
  std::uint32_t* of_batch = nullptr;
  while (v.start.size() < share && v.ended.size() < lane_source::many) {
    const bool first = v.start.empty();
    if ((first || !batched) && start_time(now) > now) break;
    invocation* const candidate = next_to_start(now);
    if (!candidate || (candidate->in == invocation::place::waiting && candidate->since > now)) break;
    if (outlived(*candidate, now)) {
      lane_source::reserve_one(v.ended);
      verdict why{candidate->last_error ? *candidate->last_error : lane_source::too_old(), true, "MaximumEventAgeInSeconds"};
      unplace(*candidate);
      v.ended.push_back({let_go(*candidate, now), std::move(why)});
      continue;
    }
    if (!fits_into(v, *candidate)) break;
    lane_source::reserve_one(v.start);
    unplace(*candidate);
    if (first || !batched) spend_token(*candidate);
    take_out(*candidate, now);
    v.start.push_back({candidate->self, candidate->attempts});
    if (!batched) continue;
    if (first) {
      of_batch = open.release();
      ++batches_;
    }
    candidate->batch = of_batch;
    ++*of_batch;
  }
}

void lane::take_out(invocation& i, nanoseconds now) noexcept {
  i.in = invocation::place::out;
  i.since = now;
  i.state.begin(++i.attempts);
  out_.push_back(i);
  ++counts_->invocation_attempts;
  if (i.attempts > 1) ++counts_->retry_invocation_attempts;
}

/// What a visit took and has not begun waits again, first in line.
void lane::put_back(const visit& v, std::size_t from, nanoseconds now) noexcept {
  guard lock(mutex_);
  for (std::size_t n = v.start.size(); n-- > from;) {
    invocation& i = *v.start[n].i;
    if (!i.state.answer(v.start[n].attempt)) continue;  // no answer, as nobody has it, but a timeout or a stop
    unplace(i);
    --counts_->invocation_attempts;
    if (i.attempts-- > 1) --counts_->retry_invocation_attempts;
    if (limits_) {
      limits_->tokens = std::min(options_->rate.burst, limits_->tokens + 1);
      if (limits_->probe == &i) limits_->probe = nullptr;
    }
    i.in = invocation::place::queued;
    i.since = now;
    queue_.push_front(i);
    if (!to_) to_ = v.to;
  }
  plan(lock, now);
}

void lane::expire_answers(visit& v, nanoseconds now) {
  if (options_->timeout.count() == 0) return;
  while (invocation* const i = out_.front()) {
    if (i->since + options_->timeout > now || v.timed_out.size() == lane_source::many) break;
    lane_source::reserve_one(v.timed_out);
    lane_source::reserve_one(v.ended);
    delivery_outcome late{lane_source::no_answer(), true};
    i->state.answer(i->attempts);
    v.timed_out.push_back({i->self, i->attempts});
    if (auto over = settle(*i, late, now)) v.ended.push_back({let_go(*i, now), *std::move(over)});
  }
}

// ---- attempts

void lane::attempt(started& s, rulebus::target& to) {
  if (!s.i->state.is_open(s.attempt)) return;  // it took so long to get here that it timed out, or the bus was stopped
  in_->observe(log_type::invocation_attempt_start, *s.i, s.attempt);
  try {
    const within_target here(s.i.get());
    to.deliver(delivery(s.given ? std::move(s.given) : s.i->for_attempt(s.attempt), s.attempt));
  } catch (const std::exception& thrown) {
    return threw(s, thrown.what());
  } catch (...) {
    return threw(s, "something that is no std::exception");
  }
  end_of_deliver(s);
}

void lane::attempt_batch(const std::vector<started>& batch, rulebus::target& to) {
  try {
    std::vector<delivery> deliveries;
    deliveries.reserve(batch.size());
    for (const started& s : batch) {
      if (!s.i->state.is_open(s.attempt)) continue;
      in_->observe(log_type::invocation_attempt_start, *s.i, s.attempt);
      deliveries.emplace_back(s.i->for_attempt(s.attempt), s.attempt);
    }
    const within_target here;
    to.deliver_batch(std::move(deliveries));
  } catch (const std::exception& thrown) {
    for (const started& s : batch) threw(s, thrown.what());
    return;
  } catch (...) {
    for (const started& s : batch) threw(s, "something that is no std::exception");
    return;
  }
  for (const started& s : batch) end_of_deliver(s);
}

void lane::threw(const started& s, std::string_view what) {
  error reason{errc::target_failed, "it threw"};  // short enough to need no memory
  try {
    reason.message = "the target threw: " + std::string(what);
  } catch (const std::bad_alloc&) {  // NOLINT: as above
  }
  answered(*s.i, s.attempt, {std::move(reason), true});
}

void lane::end_of_deliver(const started& s) {
  switch (s.i->state.returned(s.attempt)) {
    case attempt_state::ended::answered: return;
    case attempt_state::ended::dropped: return answered(*s.i, s.attempt, outcome_of_drop());
    case attempt_state::ended::open: break;
  }
  if (options_->timeout.count() == 0) return;
  const nanoseconds now = in_->elapsed();
  guard lock(mutex_);
  plan(lock, now);
}

// ---- answers

void lane::answered(invocation& i, std::uint32_t attempt, delivery_outcome&& outcome) {
  if (!i.state.is_open(attempt)) return;
  // Within deliver, whoever called that is waited for anyway.
  std::optional<dispatcher::answer_scope> working;
  if (!within_target::is_given(i)) working.emplace(*in_);
  const bool success = outcome.status.has_value();
  const log_type told = success             ? log_type::invocation_attempt_success
                        : outcome.retryable ? log_type::invocation_attempt_retryable_failure
                                            : log_type::invocation_attempt_permanent_failure;
  std::optional<error> reason;  // a copy: the retry that it leads to may be over before it is told
  if (!success && in_->configuration().observer) reason = lane_source::copy(outcome.status.error());
  const nanoseconds now = in_->elapsed();
  counted_ptr<invocation> done;
  guard lock(mutex_);
  if (!i.state.answer(attempt)) return;
  std::optional<verdict> over = settle(i, outcome, now);
  if (success || over) done = let_go(i, now);
  plan(lock, now);
  in_->observe(told, i, attempt, reason ? &*reason : nullptr);
  if (over) return give_up(done, *over);
  if (!success) return;
  if (i.origin) i.origin->count_dead_letter(true);
  in_->observe(log_type::invocation_success, i, attempt);
  finish(i, true);
}

/// What the outcome of i's attempt, which is closed, means for the lane: i waits for another, or is in no place.
std::optional<verdict> lane::settle(invocation& i, delivery_outcome& o, nanoseconds now) {
  delivery_metrics& c = *counts_;
  if (i.attempts == 1) {
    c.ingestion_to_invocation_start.add(i.since - i.created);
    if (o.status || !o.retryable) ++c.invocations;
  }
  unplace(i);
  note_outcome(i, o, now);
  if (!o.status) return plan_retry(i, o, now);
  ++c.successful_invocation_attempts;
  c.ingestion_to_invocation_success.add(now - i.created);
  return std::nullopt;
}

void lane::count_dead_letter(bool sent) {
  const guard lock(mutex_);
  ++(sent ? counts().invocations_sent_to_dlq : counts().invocations_failed_to_be_sent_to_dlq);
  if (!sent) ++counts().dropped;
}

void lane::count_letter_left() {
  const guard lock(mutex_);
  ++counts().invocations_failed_to_be_sent_to_dlq;
}

/// What tells the dead-letter target of i; null without memory for it.
counted_ptr<invocation> lane::write_letter(const invocation& i, const verdict& v) noexcept {
  if (!dead_letters_) return {};
  try {
    const delivery_details d = i.details();
    string_map attributes{
        {"RULE_ARN", in_->rule_arn(d.rule_name)}, {"TARGET_ARN", std::string(d.target_arn)},
        {"TARGET_ID", std::string(d.target_id)},  {"ERROR_CODE", std::string(lane_source::error_code(v.reason))},
        {"ERROR_MESSAGE", v.reason.message},      {"RETRY_ATTEMPTS", std::to_string(i.attempts == 0 ? 0 : i.attempts - 1)}};
    if (!v.exhausted.empty()) attributes.emplace("EXHAUSTED_RETRY_CONDITION", v.exhausted);
    if (i.of) {
      attributes.erase("RULE_ARN");
      attributes.emplace("SCHEDULE_ARN", i.of->arn);
      attributes.emplace("SCHEDULED_TIME", i.of->time);
      attributes.emplace("EXECUTION_ID", i.of->execution_id);
    }
    auto letter = make_counted<invocation>(i.event(), dead_letters_, i.extras());
    letter->of = i.of;
    if (i.of) letter->own_input = std::make_unique<std::string>(const_cast<invocation&>(i).for_attempt(i.attempts)->input());
    letter->attributes = std::make_unique<const string_map>(std::move(attributes));
    letter->origin = counted_ptr<lane>(this);
    letter->sequence = i.sequence;
    letter->created = in_->elapsed();
    letter->generation = i.generation;  // who waits for i waits for this
    return letter;
  } catch (const std::bad_alloc&) {
    return {};
  }
}

/// i has ended without success: to the dead letters, or dropped where there are none.
void lane::give_up(const counted_ptr<invocation>& i, const verdict& v) {
  counted_ptr<invocation> letter = write_letter(*i, v);
  const bool dead_lettered = letter.get() != nullptr;
  {
    const guard lock(mutex_);
    ++counts().failed_invocations;
    if (!dead_lettered) ++counts().dropped;
  }
  if (i->origin) i->origin->count_dead_letter(false);
  in_->observe(dead_lettered ? log_type::invocation_dlq : log_type::invocation_failure, *i, i->attempts, &v.reason);
  in_->report(*i, v.reason, v.retryable, dead_lettered);
  if (dead_lettered) {
    in_->begin_with(i->generation);
    try {
      const nanoseconds now = letter->created;
      dead_letters_->offer(std::move(letter), dead_letters_->to(), now);
    } catch (const std::bad_alloc&) {
      count_dead_letter(false);
      in_->report(*i, v.reason, v.retryable, false);
    }
  }
  finish(*i);
}

void lane::finish(const invocation& i, bool delivered) {
  if (i.of && !i.origin) i.of->ended(delivered);
  in_->end(i.generation);
}

// ---- the end, and what was counted

std::shared_ptr<rulebus::target> lane::to() const {
  const guard lock(mutex_);
  return to_;
}

/// Of a retired lane, under the mutex: moves the target into `to`, when nothing waits for it.
void lane::let_go_of_target(std::shared_ptr<rulebus::target>& to) {
  if (backlog() == 0) to = std::move(to_);
}

void lane::retire() {
  std::shared_ptr<rulebus::target> gone;  // destroyed when nothing is locked
  const guard lock(mutex_);
  retired_ = true;
  let_go_of_target(gone);
}

void lane::close() {
  intrusive_list<invocation> left;
  std::shared_ptr<rulebus::target> gone;
  {
    const guard lock(mutex_);
    closed_ = true;
    gone = std::move(to_);
    while (invocation* const i = queue_.pop_front()) left.push_back(*i);
    for (invocation* const i : waiting_) left.push_back(*i);
    while (invocation* const i = held_.pop_front()) left.push_back(*i);
    while (invocation* const i = out_.front()) {
      i->state.answer(i->attempts);
      unplace(*i);
      left.push_back(*i);
    }
    waiting_.clear();
    if (overflow_) overflow_->oldest = nullptr;
    keys_.reset();
    if (!left.empty()) counts_->undelivered += left.size();
    if (overflow_) overflow_->room.notify_all();
  }
  while (invocation* const i = left.pop_front()) {
    const counted_ptr<invocation> last = std::move(i->self);
    if (i->origin) i->origin->count_letter_left();
    const error stopped = lane_source::bus_stopped();
    in_->undelivered(*i, i->last_error ? *i->last_error : stopped);
    finish(*i);
  }
}

delivery_metrics lane::metrics() const {
  const nanoseconds time = in_->elapsed();
  const guard lock(mutex_);
  delivery_metrics now = counts_ ? *counts_ : delivery_metrics{};
  now.queued = backlog();
  now.in_flight = out_.size();
  const auto age = [&](const invocation* i) {
    if (i) now.oldest_undelivered_age = std::max(now.oldest_undelivered_age, time - i->created);
  };
  age(queue_.front());
  age(held_.front());
  for (const invocation* i = out_.front(); i; i = i->next) age(i);
  for (const invocation* const i : waiting_) age(i);
  return now;
}

std::shared_ptr<const delivery_options> dead_letter_options() {
  delivery_options o;
  o.dispatch = dispatch::executor;
  o.retry.backoff_base = std::chrono::milliseconds(100);
  o.queue_capacity = SIZE_MAX;
  return std::make_shared<const delivery_options>(o);
}

}  // namespace rulebus::inline v1::detail
