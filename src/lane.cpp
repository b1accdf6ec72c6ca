#include "rulebus/detail/lane.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace rulebus::inline v1::detail {

namespace lane_source {

error queue_full() noexcept { return lane::reason(errc::limit_exceeded, "the queue of the target is full"); }
error bus_stopped() noexcept { return lane::reason(errc::stopped, "the bus was stopped before the event was delivered"); }

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

}  // namespace lane_source

lane::lane(std::shared_ptr<dispatcher> in, identity who, std::shared_ptr<rulebus::target> to,
           std::shared_ptr<const delivery_options> options, counted_ptr<lane> dead_letters, role r)
    : role_(r),
      in_(std::move(in)),
      who_(std::move(who)),
      options_(std::move(options)),
      dead_letters_(std::move(dead_letters)),
      to_(std::move(to)),
      overflow_(options_->when_full == overflow::reject ? nullptr : std::make_unique<lane_overflow>()) {
  if (options_->rate.per_second > 0 || options_->breaker.failures > 0) {
    limits_ = std::make_unique<lane_limits>();
    limits_->tokens = options_->rate.burst;
    limits_->refilled = in_->elapsed();
  }
  in_->enrol(*this);
}

error lane::reason(errc code, const char* text) noexcept {
  error e{code};
  try {
    e.message = text;
  } catch (const std::bad_alloc&) {  // NOLINT: as documented
  }
  return e;
}

lane::~lane() { in_->dismiss(*this, is_for_dead_letters() ? nullptr : counts_.get()); }

delivery_metrics& lane::counts() {
  if (!counts_) counts_ = std::make_unique<delivery_metrics>();
  return *counts_;
}

// ---- an event comes in

void lane::offer(counted_ptr<invocation> i, const std::shared_ptr<rulebus::target>& to, nanoseconds now) {
  guard lock(mutex_);
  taken_in taken = admit(lock, std::move(i), to, now, caller::putter);
  if (taken.how == admission::queued) return queued(lock, taken);
  if (lock) lock.unlock();
  go_on(taken, to);
}

lane::taken_in lane::take_in(counted_ptr<invocation> i, const std::shared_ptr<rulebus::target>& to, nanoseconds now,
                             caller by) noexcept {
  guard lock(mutex_);
  return admit(lock, std::move(i), to, now, by);
}

/// Finds a place for i, which the lane then owns, unless it is closed or full.
lane::taken_in lane::admit(guard& lock, counted_ptr<invocation> i, const std::shared_ptr<rulebus::target>& to, nanoseconds now,
                           caller by) noexcept {
  taken_in out{.first = {i.copy_unshared(), 1}, .at = now};
  try {
    out.how = find_place(lock, i, now, by, out);
    if (out.how == admission::queued && !to_) to_ = to;
  } catch (...) {  // NOLINT: go_on tells it
  }
  return out;
}

lane::admission lane::find_place(guard& lock, counted_ptr<invocation>& i, nanoseconds now, caller by, taken_in& out) {
  delivery_metrics& count = counts();
  const auto closed = [&] {
    ++count.invocations_created;
    ++count.undelivered;
    return admission::closed;
  };
  if (closed_ || in_->stopped()) return closed();  // stopped: it was made while that went from lane to lane
  if (at_once(*i, by)) {
    holds_back(*i);  // it does not: it is the first of its key
    invocation& taken = *i;
    if (!taken.of) out.first.given = i.copy_unshared<answerable>();  // the delivery's: it costs less now than when others see it
    taken.self = std::move(i);
    arrive(taken);
    take_out(taken, now);
    ++count.invocations_created;
    return admission::started;
  }
  const room found = make_room(lock, out.pushed_out, now);
  if (found == room::closed) return closed();
  if (found == room::there) enqueue(std::move(i), now);
  ++count.invocations_created;
  return found == room::full ? admission::full : admission::queued;
}

void lane::go_on(taken_in& i, const std::shared_ptr<rulebus::target>& to, tally* ended) {
  const counted_ptr<invocation>& kept = i.first.i;
  switch (i.how) {
    case admission::started: i.first.count = ended; return attempt(i.first, *to);
    case admission::queued: {
      guard lock(mutex_);
      return queued(lock, i);
    }
    case admission::full: return give_up(kept, {lane_source::queue_full(), true, {}});
    case admission::closed:
      if (kept->origin) kept->origin->count_letter_left();
      in_->undelivered(*kept, lane_source::bus_stopped());
      return finish(*kept);
    case admission::no_memory: break;
  }
  if (i.pushed_out) give_up(i.pushed_out, {lane_source::queue_full(), true, {}});
  finish(*kept);
  throw std::bad_alloc();
}

/// i is in the queue: somebody is to come for it, and those that it pushed out end.
void lane::queued(guard& lock, taken_in& i) {
  const bool throttled = calls() >= options_->max_in_flight || limits_allow(i.at) > i.at;
  if (throttled) ++counts().throttled_invocations;
  plan(lock, i.at);
  if (throttled) in_->observe(log_type::invocation_throttle_start, *i.first.i, 0);
  if (i.pushed_out) give_up(i.pushed_out, {lane_source::queue_full(), true, {}});
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

// ---- attempts

void lane::attempt(started& s, rulebus::target& to) {
  if (!s.i->state.is_open(s.attempt)) return;  // it took so long to get here that it timed out, or the bus was stopped
  in_->observe(log_type::invocation_attempt_start, *s.i, s.attempt);
  try {
    const within_target here(s.i.get(), s.booked, s.count);
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
  const bool success = outcome.status.has_value();
  if (success && within_target::is_booked() && within_target::is_given(i) && i.state.succeed(attempt)) return;
  const log_type told = success             ? log_type::invocation_attempt_success
                        : outcome.retryable ? log_type::invocation_attempt_retryable_failure
                                            : log_type::invocation_attempt_permanent_failure;
  // Within deliver, whoever called that is waited for anyway.
  std::optional<dispatcher::answer_scope> working;
  if (!within_target::is_given(i)) working.emplace(*in_);
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
  tally* const together = within_target::is_given(i) ? within_target::count() : nullptr;
  together ? together->add(i.generation) : in_->end(i.generation);
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
  booked done{};
  const nanoseconds now = in_->elapsed();
  {
    const guard lock(mutex_);
    closed_ = true;
    gone = std::move(to_);
    while (invocation* const i = queue_.pop_front()) left.push_back(*i);
    for (invocation* const i : waiting_) left.push_back(*i);
    while (invocation* const i = held_.pop_front()) left.push_back(*i);
    while (invocation* const i = out_.front()) {
      if (!i->state.answer(i->attempts)) {
        book(*i, i->attempts, now, done);
        continue;
      }
      unplace(*i);
      left.push_back(*i);
    }
    waiting_.clear();
    if (overflow_) overflow_->oldest = nullptr;
    keys_.reset();
    if (!left.empty()) counts_->undelivered += left.size();
    if (overflow_) overflow_->room.notify_all();
  }
  in_->end(done);
  while (invocation* const i = left.pop_front()) {
    const counted_ptr<invocation> last = std::move(i->self);
    if (i->origin) i->origin->count_letter_left();
    const error stopped = lane_source::bus_stopped();
    in_->undelivered(*i, i->last_error ? *i->last_error : stopped);
    finish(*i);
  }
}

delivery_metrics lane::metrics() {
  book_what_succeeded();
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
