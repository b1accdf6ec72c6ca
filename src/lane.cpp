#include "rulebus/detail/lane.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace rulebus::inline v1::detail {

namespace lane_source {

error queue_full() { return {errc::limit_exceeded, "the queue of the target is full"}; }
error too_old() { return {errc::timed_out, "the event is older than maximum_event_age"}; }
error no_answer() { return {errc::timed_out, "the target did not answer in time"}; }
error bus_stopped() { return {errc::stopped, "the bus was stopped before the event was delivered"}; }

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

/// How many to take in one visit: a long queue is worth a thread's while, a short one is shared among threads.
std::size_t fair_share(std::size_t queued, std::size_t threads, std::size_t max) {
  return std::clamp<std::size_t>(queued / (2 * threads), 1, std::max<std::size_t>(1, std::min<std::size_t>(max, 32)));
}

}  // namespace lane_source

lane::lane(std::shared_ptr<dispatcher> in, identity who, std::shared_ptr<rulebus::target> to,
           std::shared_ptr<const delivery_options> options, counted_ptr<lane> dead_letters, bool for_dead_letters)
    : in_(std::move(in)),
      who_(std::move(who)),
      options_(std::move(options)),
      dead_letters_(std::move(dead_letters)),
      to_(std::move(to)),
      for_dead_letters_(for_dead_letters) {
  if (options_->rate.per_second > 0 || options_->breaker.failures > 0) {
    limits_ = std::make_unique<limits>();
    limits_->tokens = options_->rate.burst;
    limits_->refilled = in_->elapsed();
  }
  in_->enrol(*this);
}

lane::~lane() {
  in_->dismiss(*this);
  if (counts_ && !for_dead_letters_) in_->retire(*counts_);
}

delivery_metrics& lane::counts() {
  if (!counts_) counts_ = std::make_unique<delivery_metrics>();
  return *counts_;
}

// ---- an event comes in

void lane::offer(counted_ptr<invocation> i, const std::shared_ptr<rulebus::target>& to) {
  const nanoseconds now = i->created;
  const counted_ptr<invocation> kept = i;
  counted_ptr<invocation> pushed_out;
  guard lock(mutex_);
  ++counts().invocations_created;
  if (!closed_ && at_once(*i)) {
    if (!i->ordering_key().empty()) holds_back(i);  // it is the first of its key
    kept->self = std::move(i);
    take_out(*kept, now);
    lock.unlock();
    return attempt({kept, 1}, *to);
  }
  const room found = closed_ ? room::closed : make_room(lock, pushed_out);
  if (found == room::closed) {
    ++counts().undelivered;
    lock.unlock();
    in_->undelivered(*kept, lane_source::bus_stopped());
    return finish(*kept);
  }
  if (found == room::full) {
    lock.unlock();
    return give_up(kept, {lane_source::queue_full(), true, {}});
  }
  if (!to_) to_ = to;
  enqueue(std::move(i), now);
  const bool throttled = out_.size() >= options_->max_in_flight || limits_allow(now) > now;
  if (throttled) ++counts().throttled_invocations;
  plan(lock, now);
  if (throttled) in_->observe(log_type::invocation_throttle_start, *kept, 0);
  if (pushed_out) give_up(pushed_out, {lane_source::queue_full(), true, {}});
}

void lane::refuse(counted_ptr<invocation> i, error why) {
  {
    const guard lock(mutex_);
    ++counts().invocations_created;
    ++counts().invocations;
  }
  give_up(i, {std::move(why), false, {}});
}

// ---- a thread comes by

std::size_t lane::run(std::size_t max) {
  const nanoseconds now = in_->elapsed();
  guard lock(mutex_);
  in_ready_list_ = false;
  if (woken_at_ <= now) woken_at_ = dispatcher::never;
  if (closed_) return 0;
  visit v = take_due(now, max);
  v.to = to_;
  if (retired_) let_go_of_target(v.to);
  plan(lock, now);
  end_early(v);
  if (options_->batch.size > 1 && !v.start.empty()) {
    attempt_batch(v.start, *v.to);
  } else {
    for (const started& s : v.start) attempt(s, *v.to);
  }
  return v.start.size() + v.timed_out.size() + v.outlived.size();
}

/// What ends without an attempt now.
void lane::end_early(const visit& v) {
  const dispatcher::answer_scope working(*in_);
  for (const started& late : v.timed_out) answered(*late.i, {lane_source::no_answer(), true});
  for (const counted_ptr<invocation>& old : v.outlived) {
    give_up(old, {old->last_error ? *old->last_error : lane_source::too_old(), true, "MaximumEventAgeInSeconds"});
  }
}

lane::visit lane::take_due(nanoseconds now, std::size_t max) {
  visit v;
  expire_answers(now, v);
  const bool batched = options_->batch.size > 1;
  const std::size_t share = batched ? options_->batch.size : lane_source::fair_share(queue_.size(), in_->concurrency(), max);
  while (v.start.size() < share && out_.size() < options_->max_in_flight) {
    if (v.start.empty() || !batched) {
      if (start_time(now) > now) break;
    }
    invocation* const candidate = next_to_start(now);
    if (!candidate || (candidate->in == invocation::place::waiting && candidate->since > now)) break;
    unplace(*candidate);
    if (outlived(*candidate, now)) {
      v.outlived.push_back(let_go(*candidate, now));
      continue;
    }
    if (v.start.empty() || !batched) spend_token();
    take_out(*candidate, now);
    v.start.push_back({candidate->self, candidate->attempts});
  }
  return v;
}

void lane::take_out(invocation& i, nanoseconds now) {
  i.in = invocation::place::out;
  i.since = now;
  i.state.begin(++i.attempts);
  out_.push_back(i);
  delivery_metrics& c = counts();
  ++c.invocation_attempts;
  if (i.attempts > 1) {
    ++c.retry_invocation_attempts;
  } else {
    c.ingestion_to_invocation_start.add(now - i.created);
  }
}

void lane::expire_answers(nanoseconds now, visit& v) {
  if (options_->timeout.count() == 0) return;
  for (invocation* i = out_.front(); i && i->since + options_->timeout <= now; i = i->next) {
    if (i->state.answer(i->attempts)) v.timed_out.push_back({i->self, i->attempts});
  }
}

// ---- attempts

void lane::attempt(const started& s, rulebus::target& to) {
  if (!s.i->state.is_open(s.attempt)) return;  // it took so long to get here that it timed out, or the bus was stopped
  in_->observe(log_type::invocation_attempt_start, *s.i, s.attempt);
  try {
    const within_target here;
    to.deliver(delivery(counted_ptr<answerable>(s.i.get()), s.attempt));
  } catch (const std::exception& thrown) {
    return threw(s, thrown.what());
  } catch (...) {
    return threw(s, "something that is no std::exception");
  }
  end_of_deliver(s);
}

void lane::attempt_batch(const std::vector<started>& batch, rulebus::target& to) {
  std::vector<delivery> deliveries;
  deliveries.reserve(batch.size());
  for (const started& s : batch) {
    if (!s.i->state.is_open(s.attempt)) continue;
    in_->observe(log_type::invocation_attempt_start, *s.i, s.attempt);
    deliveries.emplace_back(counted_ptr<answerable>(s.i.get()), s.attempt);
  }
  try {
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
  const dispatcher::answer_scope working(*in_);
  if (s.i->state.answer(s.attempt)) answered(*s.i, {error{errc::target_failed, "the target threw: " + std::string(what)}, true});
}

void lane::end_of_deliver(const started& s) {
  const dispatcher::answer_scope working(*in_);
  switch (s.i->state.returned(s.attempt)) {
    case attempt_state::ended::answered: return;
    case attempt_state::ended::dropped:
      return answered(*s.i, {error{errc::target_failed, "the target dropped the delivery without an answer"}, true, true});
    case attempt_state::ended::open: break;
  }
  guard lock(mutex_);
  plan(lock, in_->elapsed());  // it may time out
}

// ---- answers

void lane::answered(invocation& i, delivery_outcome outcome) {
  const nanoseconds now = in_->elapsed();
  const counted_ptr<invocation> kept(&i);
  in_->observe(outcome.status      ? log_type::invocation_attempt_success
               : outcome.retryable ? log_type::invocation_attempt_retryable_failure
                                   : log_type::invocation_attempt_permanent_failure,
               i, i.attempts, outcome.status ? nullptr : &outcome.status.error());
  std::optional<verdict> ended;
  guard lock(mutex_);
  unplace(i);
  note_outcome(outcome, now);
  count_outcome(i, outcome, now);
  const bool stopped = closed_ && !outcome.status;
  if (!outcome.status && !stopped) ended = plan_retry(i, outcome, now);
  counted_ptr<invocation> done;
  if (outcome.status || ended || stopped) done = let_go(i, now);
  if (stopped) ++counts().undelivered;
  if (queue_.empty() && waiting_.empty()) {
    lock.unlock();
  } else {
    plan(lock, now);
  }
  if (stopped) {
    in_->undelivered(i, outcome.status.error());
    finish(i);
  } else if (ended) {
    give_up(kept, *ended);
  } else if (outcome.status) {
    if (i.origin) i.origin->count_dead_letter(true);
    in_->observe(log_type::invocation_success, i, i.attempts);
    finish(i);
  }
}

void lane::count_outcome(const invocation& i, const delivery_outcome& o, nanoseconds now) {
  delivery_metrics& c = counts();
  if (o.status) {
    ++c.successful_invocation_attempts;
    c.ingestion_to_invocation_success.add(now - i.created);
  }
  if (i.attempts == 1 && (o.status || !o.retryable)) ++c.invocations;
}

void lane::count_dead_letter(bool sent) {
  const guard lock(mutex_);
  ++(sent ? counts().invocations_sent_to_dlq : counts().invocations_failed_to_be_sent_to_dlq);
  if (!sent) ++counts().dropped;
}

/// i has ended without success: to the dead letters, or dropped where there are none.
void lane::give_up(const counted_ptr<invocation>& i, const verdict& v) {
  const bool dead_lettered = dead_letters_.get() != nullptr;
  {
    const guard lock(mutex_);
    ++counts().failed_invocations;
    if (!dead_lettered) ++counts().dropped;
  }
  if (i->origin) i->origin->count_dead_letter(false);
  in_->observe(dead_lettered ? log_type::invocation_dlq : log_type::invocation_failure, *i, i->attempts, &v.reason);
  in_->report(*i, v.reason, v.retryable, dead_lettered);
  if (dead_lettered) {
    const delivery_details d = i->details();
    string_map attributes{
        {"RULE_ARN", in_->rule_arn(d.rule_name)}, {"TARGET_ARN", std::string(d.target_arn)},
        {"TARGET_ID", std::string(d.target_id)},  {"ERROR_CODE", std::string(lane_source::error_code(v.reason))},
        {"ERROR_MESSAGE", v.reason.message},      {"RETRY_ATTEMPTS", std::to_string(i->attempts == 0 ? 0 : i->attempts - 1)}};
    if (!v.exhausted.empty()) attributes.emplace("EXHAUSTED_RETRY_CONDITION", v.exhausted);
    auto letter = make_counted<invocation>(i->event(), dead_letters_, i->extras());
    letter->attributes = std::make_unique<const string_map>(std::move(attributes));
    letter->origin = counted_ptr<lane>(this);
    letter->sequence = i->sequence;
    letter->created = in_->elapsed();
    letter->generation = in_->begin();
    if (const auto to = dead_letters_->to()) {
      dead_letters_->offer(std::move(letter), to);
    } else {  // the bus was stopped
      in_->undelivered(*letter, v.reason);
      finish(*letter);
    }
  }
  finish(*i);
}

void lane::finish(const invocation& i) { in_->end(i.generation); }

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
  std::vector<counted_ptr<invocation>> left;
  std::shared_ptr<rulebus::target> gone;
  {
    const guard lock(mutex_);
    closed_ = true;
    gone = std::move(to_);
    while (invocation* const i = queue_.pop_front()) left.push_back(std::move(i->self));
    for (invocation* const i : std::exchange(waiting_, {})) left.push_back(std::move(i->self));
    if (const auto keys = std::exchange(keys_, nullptr)) {
      for (auto& [key, held] : *keys) {
        while (invocation* const i = held.pop_front()) left.push_back(std::move(i->self));
      }
    }
    held_ = 0;
    for (invocation *i = out_.front(), *after = nullptr; i; i = after) {
      after = i->next;
      if (!i->state.answer(i->attempts)) continue;  // whoever answered it will find the lane closed
      out_.remove(*i);
      left.push_back(std::move(i->self));
    }
    if (!left.empty()) counts().undelivered += left.size();
    if (room_) room_->notify_all();
  }
  for (const counted_ptr<invocation>& i : left) {
    in_->undelivered(*i, i->last_error ? *i->last_error : lane_source::bus_stopped());
    finish(*i);
  }
}

delivery_metrics lane::metrics() const {
  const guard lock(mutex_);
  delivery_metrics now = counts_ ? *counts_ : delivery_metrics{};
  now.queued = backlog();
  now.in_flight = out_.size();
  const nanoseconds time = in_->elapsed();
  const auto age = [&](const invocation& i) {
    now.oldest_undelivered_age = std::max(now.oldest_undelivered_age, time - i.created);
  };
  if (queue_.front()) age(*queue_.front());
  if (out_.front()) age(*out_.front());
  for (const invocation* const i : waiting_) age(*i);
  return now;
}

}  // namespace rulebus::inline v1::detail
