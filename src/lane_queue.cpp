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

}  // namespace lane_queue_source

bool lane::at_once(const invocation& i) const noexcept {
  if (options_->dispatch != dispatch::caller || for_dead_letters_ || limits_ || options_->batch.size > 1) return false;
  if (!queue_.empty() || out_.size() >= options_->max_in_flight) return false;
  if (options_->max_in_flight == 1 && !waiting_.empty()) return false;
  return !keys_ || i.ordering_key().empty() || !keys_->contains(std::string(i.ordering_key()));
}

lane::room lane::make_room(guard& lock, counted_ptr<invocation>& pushed_out) {
  if (backlog() < options_->queue_capacity) return room::there;
  if (options_->when_full == overflow::block && !within_target::here()) return wait_for_room(lock);
  if (options_->when_full != overflow::drop_oldest) return room::full;
  invocation* const oldest = !queue_.empty() ? queue_.front() : !waiting_.empty() ? waiting_.front() : nullptr;
  if (!oldest) return room::full;
  unplace(*oldest);
  pushed_out = let_go(*oldest, oldest->since);
  return room::there;
}

lane::room lane::wait_for_room(guard& lock) {
  if (!room_) room_ = std::make_unique<std::condition_variable>();
  while (!closed_ && backlog() >= options_->queue_capacity) {
    if (in_->manual()) {  // nobody else may be there to make room
      lock.unlock();
      const bool helped = in_->run(1) > 0;
      lock.lock();
      if (helped) continue;
    }
    room_->wait_for(lock, lane_queue_source::glance);
  }
  return closed_ ? room::closed : room::there;
}

/// True, with i taken: another of its ordering key is on its way.
bool lane::holds_back(counted_ptr<invocation>& i) {
  if (i->ordering_key().empty()) return false;
  if (!keys_) keys_ = std::make_unique<held_by_key>();
  const auto [at, first] = keys_->try_emplace(std::string(i->ordering_key()));
  if (first) return false;
  invocation& held = *i;
  held.in = invocation::place::held;
  held.self = std::move(i);
  at->second.push_back(held);
  ++held_;
  return true;
}

void lane::enqueue(counted_ptr<invocation> i, nanoseconds now) {
  invocation& queued = *i;
  queued.since = now;
  if (holds_back(i)) return;
  queued.in = invocation::place::queued;
  queued.self = std::move(i);
  queue_.push_back(queued);
}

void lane::wait(invocation& i, nanoseconds until) {
  i.in = invocation::place::waiting;
  i.since = until;
  waiting_.push_back(&i);
  std::push_heap(waiting_.begin(), waiting_.end(), lane_queue_source::later);
}

/// Retries that are due come first. With one at a time a retry that is not due holds back the rest.
invocation* lane::next_to_start(nanoseconds now) const noexcept {
  if (!waiting_.empty() && (waiting_.front()->since <= now || options_->max_in_flight == 1)) return waiting_.front();
  return queue_.front();
}

/// Takes i out of the place it is in.
void lane::unplace(invocation& i) noexcept {
  switch (i.in) {
    case invocation::place::queued: queue_.remove(i); break;
    case invocation::place::out: out_.remove(i); break;
    case invocation::place::waiting:  // only ever the first
      std::pop_heap(waiting_.begin(), waiting_.end(), lane_queue_source::later);
      waiting_.pop_back();
      break;
    case invocation::place::held:
    case invocation::place::none: break;
  }
  i.in = invocation::place::none;
  if (room_) room_->notify_all();
}

/// i has ended: the next of its ordering key may go.
void lane::pass_on_key(const invocation& i, nanoseconds now) {
  if (i.ordering_key().empty() || !keys_) return;
  const auto at = keys_->find(std::string(i.ordering_key()));
  if (at == keys_->end()) return;
  invocation* const first = at->second.pop_front();
  if (!first) {
    keys_->erase(at);
    return;
  }
  --held_;
  first->in = invocation::place::queued;
  first->since = now;
  queue_.push_back(*first);
}

/// The lane has no more to do with i, which is in no place.
counted_ptr<invocation> lane::let_go(invocation& i, nanoseconds now) {
  pass_on_key(i, now);
  return std::move(i.self);
}

}  // namespace rulebus::inline v1::detail
