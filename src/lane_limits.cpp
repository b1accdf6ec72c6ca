// lane, continued: when something may start, and when a thread is needed again.
#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1::detail {

namespace lane_limits_source {

std::uint64_t hash(std::string_view text) noexcept {  // FNV-1a; the same on every machine, as the retries of a seed must be
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

nanoseconds from_seconds(double s) {
  constexpr double longest = 1e9;  // 31 years; what is longer could not be added to a time
  return nanoseconds(static_cast<std::int64_t>(std::ceil(std::min(s, longest) * 1e9)));
}

}  // namespace lane_limits_source

/// When a visit of a thread would find something to do.
nanoseconds lane::due(nanoseconds now) {
  nanoseconds at = start_time(now);
  if (options_->timeout.count() > 0 && !out_.empty()) at = std::min(at, out_.front()->since + options_->timeout);
  return at;
}

nanoseconds lane::start_time(nanoseconds now) {
  constexpr nanoseconds never = dispatcher::never;
  if (calls() >= options_->max_in_flight) return never;
  const invocation* const first = next_to_start(now);
  if (!first && waiting_.empty()) return never;
  nanoseconds at = first && first->in == invocation::place::queued ? now : waiting_.front()->since;
  const batching& batch = options_->batch;
  if (first && first->in == invocation::place::queued && queue_.size() < batch.size)
    at = std::max(at, first->since + batch.window);
  return std::max(at, limits_allow(now));
}

nanoseconds lane::limits_allow(nanoseconds now) {
  if (!limits_) return now;
  lane_limits& l = *limits_;
  nanoseconds at = now;
  if (l.state == breaker::open && l.open_until <= now) l.state = breaker::half_open;
  if (l.state == breaker::open) at = l.open_until;
  if (l.state == breaker::half_open && l.probe) return dispatcher::never;
  const rate_limit& rate = options_->rate;
  if (rate.per_second > 0) {
    if (now > l.refilled) {  // times of several threads may come out of order
      const double passed = std::chrono::duration<double>(now - l.refilled).count();
      l.tokens = std::min(rate.burst, l.tokens + passed * rate.per_second);
      l.refilled = now;
    }
    // A hair less than one is one: the wait for it was rounded.
    if (l.tokens < 1 - 1e-6) at = std::max(at, now + lane_limits_source::from_seconds((1 - l.tokens) / rate.per_second));
  }
  return at;
}

/// by starts now, with a token; while half open it is the probe.
void lane::spend_token(const invocation& by) noexcept {
  if (!limits_) return;
  if (options_->rate.per_second > 0) limits_->tokens = std::max(0.0, limits_->tokens - 1);
  if (limits_->state == breaker::half_open) limits_->probe = &by;
}

/// While the breaker is closed failures in a row count; while it is open, nothing; while half open, what becomes of the probe.
void lane::note_outcome(const invocation& i, const delivery_outcome& o, nanoseconds now) noexcept {
  const circuit_breaker& b = options_->breaker;
  if (!limits_ || b.failures == 0) return;
  lane_limits& l = *limits_;
  const bool works = o.status || !o.retryable;  // whatever it thinks of this event
  const bool probe = l.probe == &i;
  if (probe) l.probe = nullptr;
  if (l.state != breaker::closed && !(l.state == breaker::half_open && probe)) return;
  l.failures = works ? 0 : l.failures + 1;
  if (works) {
    l.state = breaker::closed;
  } else if (probe || l.failures >= b.failures) {
    l.state = breaker::open;
    l.open_until = now + b.open_for;
  }
}

bool lane::outlived(const invocation& i, nanoseconds now) const noexcept {
  return now - i.created >= options_->retry.maximum_event_age;
}

/// As the target wishes, or by the policy; either not much longer than any event lives.
nanoseconds lane::retry_delay(const invocation& i, const delivery_outcome& o) const noexcept {
  const retry_policy& policy = options_->retry;
  if (o.after) return std::clamp<std::chrono::milliseconds>(*o.after, std::chrono::milliseconds(0), policy.maximum_event_age);
  const auto base = static_cast<double>(policy.backoff_base.count());
  const double ceiling =
      std::min(static_cast<double>(policy.backoff_cap.count()), std::ldexp(base, static_cast<int>(i.attempts) - 1));
  return lane_limits_source::from_seconds(ceiling / 1e3 *
                                          in_->jitter(i.sequence, lane_limits_source::hash(who_.target_id), i.attempts));
}

/// Makes i wait for its next attempt, or says why there is none.
std::optional<verdict> lane::plan_retry(invocation& i, delivery_outcome& o, nanoseconds now) {
  error reason = std::move(o.status).error();
  if (!o.retryable) return verdict{std::move(reason), false, {}};
  if (!to_) {
    try {
      reason = {errc::not_found, "the target was removed before the next attempt: " + reason.message};
    } catch (const std::bad_alloc&) {  // NOLINT: then without saying so
    }
    return verdict{std::move(reason), true, {}};
  }
  const retry_policy& policy = options_->retry;
  if (i.attempts > policy.maximum_retry_attempts) return verdict{std::move(reason), true, "MaximumRetryAttempts"};
  const nanoseconds delay = retry_delay(i, o);
  if (now - i.created + delay >= policy.maximum_event_age) return verdict{std::move(reason), true, "MaximumEventAgeInSeconds"};
  try {
    if (!i.last_error) i.last_error = std::make_unique<error>();
    wait(i, now + delay);
  } catch (const std::bad_alloc&) {
    return verdict{std::move(reason), true, {}};
  }
  *i.last_error = std::move(reason);
  return std::nullopt;
}

bool lane::put_off_wake() noexcept {
  const nanoseconds now = in_->elapsed();
  const guard lock(mutex_);
  const nanoseconds at = closed_ ? dispatcher::never : due(now);
  if (at <= woken_at_) return false;
  woken_at_ = at;
  in_->put_off(*this, at);  // under the mutex: nobody may ask for a sooner one in between
  return true;
}

/// Whatever is to be done next, somebody comes for it.
void lane::plan(guard& lock, nanoseconds now) noexcept {
  if (closed_ || (queue_.empty() && waiting_.empty() && (out_.empty() || options_->timeout.count() == 0))) return lock.unlock();
  const nanoseconds at = due(now);
  if (at <= now) {
    const bool already = std::exchange(asked_, true);
    lock.unlock();
    if (!already) in_->make_ready(*this);
  } else if (at < woken_at_) {
    woken_at_ = at;
    lock.unlock();
    in_->wake_at(*this, at);
  } else {
    lock.unlock();
  }
}

}  // namespace rulebus::inline v1::detail
