// lane, continued: a thread comes by. A visit takes several events at once, gives them to the target one after the other (or as
// one batch), and then books those that succeeded while the target had them, all at one time: the mutex and the counts go from
// one processor to another once for up to 32 events. Until then their attempts are closed for other answers, and whoever must
// know (a flush, the metrics, a timeout, a stop) books them first.
#include <algorithm>
#include <new>
#include <utility>

#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1::detail {

namespace lane_visit_source {

error too_old() noexcept { return lane::reason(errc::timed_out, "the event is older than maximum_event_age"); }
error no_answer() noexcept { return lane::reason(errc::timed_out, "the target did not answer in time"); }

constexpr std::size_t most_at_once = 32;
constexpr std::size_t many = 256;             // ends without an attempt, at most in one visit
constexpr std::chrono::milliseconds slow{1};  // what was taken and is not begun by then goes back: another thread may come first

/// For one more, at no cost on average: what follows must not fail.
template <class T>
void reserve_one(std::vector<T>& v) {
  if (v.size() == v.capacity()) v.reserve(2 * v.size() + 4);
}

/// What is touched of it to take it out of a queue.
void prefetch(const invocation* i) noexcept {
  const auto* const begin = reinterpret_cast<const char*>(i);
  for (std::size_t at = 0; begin && at < 192; at += 64) __builtin_prefetch(begin + at, 1);
}

/// How many to take in one visit: a long queue is worth a thread's while, a short one is shared among threads.
std::size_t fair_share(std::size_t queued, std::size_t threads, std::size_t max) {
  return std::clamp<std::size_t>((queued + threads - 1) / threads, 1,
                                 std::max<std::size_t>(1, std::min<std::size_t>(max, most_at_once)));
}

}  // namespace lane_visit_source

lane::visited lane::run(std::size_t max, bool woken) noexcept {
  visit v;
  const nanoseconds now = in_->elapsed();
  {
    const dispatcher::answer_scope working(*in_);
    guard lock(mutex_);
    asked_ = false;
    if (woken) woken_at_ = dispatcher::never;
    if (closed_) return {};
    try {
      take_due(v, now, max);
    } catch (const std::bad_alloc&) {  // NOLINT: what it took so far is in v, and the rest is still where it was
    }
    v.to = to_;
    if (retired_) let_go_of_target(v.to);
    plan(lock, now);
    tell_ended(v);
  }
  std::size_t begun = v.start.size();
  if (options_->batch.size == 1) {
    begun = attempt_each(v, now);
    end_visit(v, begun);
  } else if (begun > 0) {
    attempt_batch(v.start, *v.to);
  }
  return {begun + v.timed_out.size() + v.ended.size(), v.took_all};
}

void lane::tell_ended(const visit& v) {
  in_->end(v.done);
  for (const started& late : v.timed_out) {
    const error reason = lane_visit_source::no_answer();
    in_->observe(log_type::invocation_attempt_retryable_failure, *late.i, late.attempt, &reason);
  }
  for (const ending& e : v.ended) give_up(e.i, e.why);
}

// ---- what it takes

void lane::take_due(visit& v, nanoseconds now, std::size_t max) {
  expire_answers(v, now);
  const bool batched = options_->batch.size > 1;
  const bool singly = options_->breaker.failures > 0;  // each may be the one that opens it
  const std::size_t share = batched  ? options_->batch.size
                            : singly ? 1
                                     : lane_visit_source::fair_share(queue_.size(), in_->concurrency(), max);
  v.start.reserve(std::min(share, queue_.size() + waiting_.size()));
  auto open = batched ? std::make_unique<std::uint32_t>(0) : nullptr;
  std::uint32_t* of_batch = nullptr;
  while (v.start.size() < share && v.ended.size() < lane_visit_source::many) {
    const bool first = v.start.empty();
    if ((first || !batched) && start_time(now) > now) break;
    invocation* const candidate = next_to_start(now);
    if (!candidate || (candidate->in == invocation::place::waiting && candidate->since > now)) break;
    lane_visit_source::prefetch(candidate->soon);
    if (outlived(*candidate, now)) {
      lane_visit_source::reserve_one(v.ended);
      verdict why{candidate->last_error ? *candidate->last_error : lane_visit_source::too_old(), true,
                  "MaximumEventAgeInSeconds"};
      unplace(*candidate);
      v.ended.push_back({let_go(*candidate, now), std::move(why)});
      continue;
    }
    if (!fits_into(v, *candidate)) break;
    lane_visit_source::reserve_one(v.start);
    unplace(*candidate);
    if (first || !batched) spend_token(*candidate);
    take_out(*candidate, now);
    v.start.push_back({.i = candidate->self, .attempt = candidate->attempts, .booked = books(*candidate)});
    if (!batched) continue;
    if (first) {
      of_batch = open.release();
      ++batches_;
    }
    candidate->batch = of_batch;
    ++*of_batch;
  }
  const bool took_share = share > 1 && share < lane_visit_source::most_at_once && v.start.size() == share;
  v.took_all = held_.empty() && (queue_.empty() || took_share);
}

void lane::take_out(invocation& i, nanoseconds now) noexcept {
  i.in = invocation::place::out;
  i.since = now;
  i.state.begin(++i.attempts);
  out_.push_back(i);
  ++counts_->invocation_attempts;
  if (i.attempts > 1) ++counts_->retry_invocation_attempts;
}

void lane::expire_answers(visit& v, nanoseconds now) {
  if (options_->timeout.count() == 0) return;
  while (invocation* const i = out_.front()) {
    if (i->since + options_->timeout > now || v.timed_out.size() == lane_visit_source::many) break;
    lane_visit_source::reserve_one(v.timed_out);
    lane_visit_source::reserve_one(v.ended);
    if (!i->state.answer(i->attempts)) {
      book(*i, i->attempts, now, v.done);
      continue;
    }
    delivery_outcome late{lane_visit_source::no_answer(), true};
    v.timed_out.push_back({i->self, i->attempts});
    if (auto over = settle(*i, late, now)) v.ended.push_back({let_go(*i, now), *std::move(over)});
  }
}

// ---- what becomes of it

/// Until it takes too long; returns how many were begun.
std::size_t lane::attempt_each(visit& v, nanoseconds now) {
  std::size_t begun = 0;
  while (begun < v.start.size()) {
    started& s = v.start[begun++];
    attempt(s, *v.to);
    s.ended = in_->elapsed();
    if (s.ended - now > lane_visit_source::slow) break;
  }
  return begun;
}

/// Books what succeeded, and puts back what was not begun.
void lane::end_visit(const visit& v, std::size_t begun) noexcept {
  const bool all_answered =
      begun == v.start.size() && std::none_of(v.start.begin(), v.start.end(), std::mem_fn(&started::booked));
  if (all_answered) return;
  const nanoseconds now = v.start[begun - 1].ended;
  booked done{};
  guard lock(mutex_);
  for (std::size_t n = 0; n < begun; ++n) {
    if (v.start[n].booked) book(*v.start[n].i, v.start[n].attempt, v.start[n].ended, done);
  }
  put_back(v, begun, now);
  plan(lock, now);
  in_->end(done);
}

/// Whether a success of i may be booked later: nobody hears of it at once, and nothing waits for it.
bool lane::books(const invocation& i) const noexcept {
  return !limits_ && !is_for_dead_letters() && !i.of && !keyed(i) && options_->batch.size == 1 && !in_->configuration().observer;
}

/// The attempt ended at `at` with a success that, unless somebody has, is booked now. What is let go is held by its visit.
void lane::book(invocation& i, std::uint32_t attempt, nanoseconds at, booked& done) noexcept {
  if (!i.state.book(attempt)) return;
  delivery_outcome success;
  settle(i, success, at);
  let_go(i, at);
  ++done[i.generation];
}

void lane::book_what_succeeded() noexcept {
  const dispatcher::answer_scope working(*in_);
  const nanoseconds now = in_->elapsed();
  booked done{};
  guard lock(mutex_);
  for (invocation *i = out_.front(), *following = nullptr; i; i = following) {
    following = i->next;
    book(*i, i->attempts, now, done);
  }
  plan(lock, now);
  in_->end(done);
}

/// What a visit took and has not begun waits again, first in line.
void lane::put_back(const visit& v, std::size_t from, nanoseconds now) noexcept {
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
}

}  // namespace rulebus::inline v1::detail
