// lane, continued: what waits in it, in which order, and whether there is room for more.
#include <algorithm>
#include <utility>

#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1::detail {

namespace lane_queue_source {

/// For a heap whose front is the next to be tried again; among equals, the event that was put first.
bool later(const invocation* a, const invocation* b) noexcept {
  return a->since != b->since ? a->since > b->since : a->sequence > b->sequence;
}

constexpr std::chrono::milliseconds glance{1};

/// Of the last in the queue: the one that stands some places before it is told where it is. Who takes them, mostly on another
/// processor, finds each by the one before, and would wait for one after the other with the lane locked.
void tell_where_last_is(const intrusive_list<invocation>& queue, const invocation& last) noexcept {
  constexpr std::size_t places = 6;
  if (queue.size() <= places) return;
  invocation* before = last.prev;
  for (std::size_t n = 1; n < places; ++n) before = before->prev;
  before->soon = &last;
}

}  // namespace lane_queue_source

/// Whether i has to keep its place among those of its ordering key. One at a time is in order anyway, all of them.
bool lane::keyed(const invocation& i) const noexcept { return options_->max_in_flight > 1 && !i.ordering_key().empty(); }

bool lane::at_once(const invocation& i, caller by) const noexcept {
  if (by == caller::putter && (i.scheduled || options_->dispatch != dispatch::caller)) return false;
  if (by == caller::executor && backlog() >= options_->queue_capacity) return false;  // what waits for a retry fills it, too
  if (is_for_dead_letters() || limits_ || options_->batch.size > 1) return false;
  if (!queue_.empty() || out_.size() >= options_->max_in_flight) return false;
  if (options_->max_in_flight == 1 && !waiting_.empty()) return false;
  return !keys_ || !keyed(i) || !keys_->contains(i.ordering_key());
}

lane::room lane::make_room(guard& lock, counted_ptr<invocation>& pushed_out, nanoseconds now) {
  if (backlog() < options_->queue_capacity) return room::there;
  if (options_->when_full == overflow::block && !within_target::here()) return wait_for_room(lock);
  if (options_->when_full != overflow::drop_oldest) return room::full;
  invocation* const oldest = oldest_waiting();
  const bool key_goes_on = oldest->in == invocation::place::held;
  unplace(*oldest);
  if (key_goes_on) depart(*oldest);
  pushed_out = key_goes_on ? std::move(oldest->self) : let_go(*oldest, now);
  return room::there;
}

void lane::arrive(invocation& i) noexcept {
  if (options_->when_full != overflow::drop_oldest) return;
  invocation*& oldest = overflow_->oldest;
  if (!oldest) oldest = i.older = &i;
  i.newer = oldest;
  i.older = std::exchange(oldest->older, &i);
  i.older->newer = &i;
}

void lane::depart(invocation& i) noexcept {
  if (!i.newer) return;
  if (overflow_->oldest == &i) overflow_->oldest = i.newer == &i ? nullptr : i.newer;
  i.older->newer = i.newer;
  i.newer->older = i.older;
  i.older = i.newer = nullptr;
}

/// Where something waits. Cost: of those that are out and came before it.
invocation* lane::oldest_waiting() const noexcept {
  invocation* i = overflow_->oldest;
  while (i->in == invocation::place::out) i = i->newer;
  return i;
}

lane::room lane::wait_for_room(guard& lock) {
  while (!closed_ && backlog() >= options_->queue_capacity) {
    if (in_->manual()) {  // nobody else may be there to make room
      lock.unlock();
      const bool helped = in_->run(1) > 0;
      lock.lock();
      if (helped) continue;
    }
    ++overflow_->waiting;
    overflow_->room.wait_for(lock, lane_queue_source::glance);
    --overflow_->waiting;
  }
  return closed_ ? room::closed : room::there;
}

/// True: another of its ordering key is on its way, and i is held.
bool lane::holds_back(invocation& i) {
  if (!keyed(i)) return false;
  if (!keys_) keys_ = std::make_unique<held_by_key>();
  const auto [at, first] = keys_->try_emplace(std::string(i.ordering_key()));
  if (first) return false;
  i.in = invocation::place::held;
  i.beside = nullptr;
  held_key& key = at->second;
  (key.last ? key.last->beside : key.first) = &i;
  key.last = &i;
  held_.push_back(i);
  return true;
}

/// Takes i, which is the first of its key, out of the line.
void lane::unhold(invocation& i) noexcept {
  held_key& key = keys_->find(i.ordering_key())->second;
  key.first = std::exchange(i.beside, nullptr);
  if (!key.first) key.last = nullptr;
  held_.remove(i);
}

void lane::enqueue(counted_ptr<invocation> i, nanoseconds now) {
  i->since = now;
  if (!holds_back(*i)) {
    i->in = invocation::place::queued;
    queue_.push_back(*i);
    lane_queue_source::tell_where_last_is(queue_, *i);
  }
  invocation& queued = *i;
  queued.self = std::move(i);
  arrive(queued);
}

void lane::wait(invocation& i, nanoseconds until) {
  waiting_.push_back(&i);
  i.in = invocation::place::waiting;
  i.since = until;
  std::push_heap(waiting_.begin(), waiting_.end(), lane_queue_source::later);
}

/// Retries that are due come first. With one at a time a retry that is not due holds back the rest.
invocation* lane::next_to_start(nanoseconds now) const noexcept {
  if (!waiting_.empty() && (waiting_.front()->since <= now || options_->max_in_flight == 1)) return waiting_.front();
  return queue_.front();
}

/// Whether i may go with the batch that is being made: of one ordering key one at a time, also where that is not held.
bool lane::fits_into(visit& v, const invocation& i) const {
  if (options_->max_in_flight > 1 || options_->batch.size == 1 || i.ordering_key().empty()) return true;
  return v.keys.insert(i.ordering_key()).second;
}

/// Takes i out of the place it is in.
void lane::unplace(invocation& i) noexcept {
  switch (i.in) {
    case invocation::place::queued: queue_.remove(i); break;
    case invocation::place::held: unhold(i); break;
    case invocation::place::out:
      out_.remove(i);
      leave_batch(i);
      break;
    case invocation::place::waiting: {
      const auto at = std::find(waiting_.begin(), waiting_.end(), &i);  // nearly always the first
      i.since = nanoseconds::min();                                     // so that it becomes it
      std::push_heap(waiting_.begin(), at + 1, lane_queue_source::later);
      std::pop_heap(waiting_.begin(), waiting_.end(), lane_queue_source::later);
      waiting_.pop_back();
      break;
    }
    case invocation::place::none: break;
  }
  i.in = invocation::place::none;
  if (overflow_ && overflow_->waiting > 0) overflow_->room.notify_all();
}

void lane::leave_batch(invocation& i) noexcept {
  std::uint32_t* const open = std::exchange(i.batch, nullptr);
  if (!open || --*open > 0) return;
  delete open;
  --batches_;
}

/// i has ended: the next of its ordering key may go.
void lane::pass_on_key(const invocation& i, nanoseconds now) noexcept {
  if (!keyed(i) || !keys_) return;
  const auto at = keys_->find(i.ordering_key());
  if (at == keys_->end()) return;
  invocation* const first = at->second.first;
  if (!first) {
    keys_->erase(at);
    return;
  }
  unhold(*first);
  first->in = invocation::place::queued;
  first->since = now;
  queue_.push_back(*first);
}

/// The lane has no more to do with i, which is in no place.
counted_ptr<invocation> lane::let_go(invocation& i, nanoseconds now) noexcept {
  pass_on_key(i, now);
  depart(i);
  return std::move(i.self);
}

}  // namespace rulebus::inline v1::detail
