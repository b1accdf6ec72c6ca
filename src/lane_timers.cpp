#include "rulebus/detail/lane_timers.hpp"

#include <algorithm>

#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1::detail {

void lane_timers::put(std::size_t at, const timer& t) noexcept {
  t.of->timer.index = static_cast<std::uint32_t>(at);
  heap_[at] = t;
}

void lane_timers::up(std::size_t at, timer t) noexcept {
  while (at > 0 && t.before(heap_[(at - 1) / 2])) {
    put(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  put(at, t);
}

void lane_timers::down(std::size_t at, timer t) noexcept {
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(t)) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, t);
}

bool lane_timers::set(lane& l, std::chrono::nanoseconds when) noexcept {
  std::size_t at = l.timer.index;
  if (at == timer_place::none) {
    at = heap_.size();
    heap_.push_back({});  // within what was reserved
  } else if (when >= heap_[at].when) {
    return false;
  }
  up(at, {when, asked_++, &l});
  return l.timer.index == 0;
}

lane& lane_timers::take() noexcept {
  lane& first = *heap_.front().of;
  remove(first);
  return first;
}

void lane_timers::remove(lane& l) noexcept {
  const std::size_t at = l.timer.index;
  if (at == timer_place::none) return;
  l.timer.index = timer_place::none;
  const timer last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  if (at > 0 && last.before(heap_[(at - 1) / 2])) {
    up(at, last);
  } else {
    down(at, last);
  }
}

void lane_timers::clear() noexcept {
  for (const timer& t : heap_) t.of->timer.index = timer_place::none;
  heap_.clear();
}

void lane_timers::reserve(std::size_t lanes) {
  if (lanes > heap_.capacity()) heap_.reserve(std::max<std::size_t>(16, 2 * heap_.capacity()));
}

}  // namespace rulebus::inline v1::detail
