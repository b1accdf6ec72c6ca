// lane, continued: when something may start, and when a thread is needed again.
#include <algorithm>
#include <cmath>
#include <utility>

#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1::detail {

namespace lane_limits_source {

std::uint64_t hash(std::string_view text) noexcept {  // FNV-1a; the same on every machine, as the retries of a seed must be
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

nanoseconds from_seconds(double s) { return nanoseconds(static_cast<std::int64_t>(std::ceil(s * 1e9))); }

}  // namespace lane_limits_source

/// When a visit of a thread would find something to do.
nanoseconds lane::due(nanoseconds now) {
  nanoseconds at = start_time(now);
  if (options_->timeout.count() > 0 && !out_.empty()) at = std::min(at, out_.front()->since + options_->timeout);
  return at;
}

nanoseconds lane::start_time(nanoseconds now) {
  constexpr nanoseconds never = dispatcher::never;
  if (out_.size() >= options_->max_in_flight) return never;
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
  limits& l = *limits_;
  nanoseconds at = now;
  if (l.state == breaker::open && l.open_until <= now) l.state = breaker::half_open;
  if (l.state == breaker::open) at = l.open_until;
  if (l.state == breaker::half_open && !out_.empty()) return dispatcher::never;
  const rate_limit& rate = options_->rate;
  if (rate.per_second > 0) {
    const double passed = std::chrono::duration<double>(now - l.refilled).count();
    l.tokens = std::min(rate.burst, l.tokens + passed * rate.per_second);
    l.refilled = now;
    // A hair less than one is one: the wait for it was rounded.
    if (l.tokens < 1 - 1e-6) at = std::max(at, now + lane_limits_source::from_seconds((1 - l.tokens) / rate.per_second));
  }
  return at;
}

void lane::spend_token() noexcept {
  if (limits_ && options_->rate.per_second > 0) limits_->tokens = std::max(0.0, limits_->tokens - 1);
}

void lane::note_outcome(const delivery_outcome& o, nanoseconds now) {
  const circuit_breaker& b = options_->breaker;
  if (!limits_ || b.failures == 0) return;
  limits& l = *limits_;
  if (o.status || !o.retryable) {  // the target works, whatever it thinks of this event
    l.failures = 0;
    l.state = breaker::closed;
  } else if (++l.failures >= b.failures || l.state == breaker::half_open) {
    l.state = breaker::open;
    l.open_until = now + b.open_for;
  }
}

bool lane::outlived(const invocation& i, nanoseconds now) const noexcept {
  return now - i.created >= options_->retry.maximum_event_age;
}

/// Makes i wait for its next attempt, or says why there is none.
std::optional<verdict> lane::plan_retry(invocation& i, delivery_outcome& o, nanoseconds now) {
  error& reason = const_cast<error&>(o.status.error());
  if (!o.retryable) return verdict{std::move(reason), false, {}};
  if (!to_) return verdict{error{errc::not_found, "the target was removed before the next attempt: " + reason.message}, true, {}};
  const retry_policy& policy = options_->retry;
  if (i.attempts > policy.maximum_retry_attempts) return verdict{std::move(reason), true, "MaximumRetryAttempts"};
  nanoseconds delay{0};
  if (o.after) {
    delay = std::max(*o.after, std::chrono::milliseconds(0));
  } else {
    const auto base = static_cast<double>(policy.backoff_base.count());
    const double ceiling =
        std::min(static_cast<double>(policy.backoff_cap.count()), std::ldexp(base, static_cast<int>(i.attempts) - 1));
    delay = lane_limits_source::from_seconds(ceiling / 1e3 *
                                             in_->jitter(i.sequence, lane_limits_source::hash(who_.target_id), i.attempts));
  }
  if (now - i.created + delay >= policy.maximum_event_age) return verdict{std::move(reason), true, "MaximumEventAgeInSeconds"};
  i.last_error = std::make_unique<error>(std::move(reason));
  wait(i, now + delay);
  return std::nullopt;
}

void lane::plan(guard& lock, nanoseconds now) {
  if (closed_ || (queue_.empty() && waiting_.empty() && (out_.empty() || options_->timeout.count() == 0))) return lock.unlock();
  const nanoseconds at = due(now);
  if (at <= now) {
    if (std::exchange(in_ready_list_, true)) return lock.unlock();
    lock.unlock();
    in_->make_ready(counted_ptr<lane>(this));
  } else if (at != dispatcher::never && at < woken_at_) {
    woken_at_ = at;
    lock.unlock();
    in_->wake_at(*this, at);
  } else {
    lock.unlock();
  }
}

}  // namespace rulebus::inline v1::detail
