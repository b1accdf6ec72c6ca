#include "rulebus/detail/lane_timers.hpp"

#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1::detail {

void lane_timers::put(std::size_t at, timer t) noexcept {
  t.of->timer.index = static_cast<std::uint32_t>(at);
  heap_[at] = std::move(t);
}

void lane_timers::up(std::size_t at, timer t) noexcept {
  while (at > 0 && t.before(heap_[(at - 1) / 2])) {
    put(at, std::move(heap_[(at - 1) / 2]));
    at = (at - 1) / 2;
  }
  put(at, std::move(t));
}

void lane_timers::down(std::size_t at, timer t) noexcept {
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(t)) break;
    put(at, std::move(heap_[child]));
    at = child;
  }
  put(at, std::move(t));
}

bool lane_timers::set(lane& l, std::chrono::nanoseconds when) {
  std::size_t at = l.timer.index;
  if (at == timer_place::none) {
    at = heap_.size();
    heap_.push_back({});
    up(at, {when, asked_++, counted_ptr<lane>(&l)});
  } else if (when < heap_[at].when) {
    timer moved = std::move(heap_[at]);
    moved.when = when;
    moved.order = asked_++;
    up(at, std::move(moved));
  } else {
    return false;
  }
  return l.timer.index == 0;
}

counted_ptr<lane> lane_timers::take() {
  counted_ptr<lane> first = std::move(heap_.front().of);
  first->timer.index = timer_place::none;
  timer last = std::move(heap_.back());
  heap_.pop_back();
  if (!heap_.empty()) down(0, std::move(last));
  return first;
}

std::vector<counted_ptr<lane>> lane_timers::clear() {
  std::vector<counted_ptr<lane>> all;
  all.reserve(heap_.size());
  for (timer& t : heap_) {
    t.of->timer.index = timer_place::none;
    all.push_back(std::move(t.of));
  }
  heap_.clear();
  return all;
}

}  // namespace rulebus::inline v1::detail
