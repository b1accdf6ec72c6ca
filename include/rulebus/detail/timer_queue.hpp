// timer_queue: which of many numbered things is due first. Each has at most one time, which can be moved or cancelled.
//
// A heap with four children a node (Johnson 1975), whose entries know their places: half the levels of a binary one, and the
// children of a node share a cache line. Numbers should be small and dense: there is a word for each up to the largest.
// Order: by time, and among equal times by `order`, then by number; so it does not depend on what happened before.
// Thread safety: none. Cost: O(log n) for set, cancel and pop, nothing for first. Memory: 16 bytes for each that has a time,
// 4 for each number. Only set allocates; when it throws, nothing has changed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rulebus::inline v1::detail {

class timer_queue {
 public:
  struct timer {
    std::int64_t when;
    std::uint32_t order, id;
    bool before(const timer& other) const noexcept {
      if (when != other.when) return when < other.when;
      return order != other.order ? order < other.order : id < other.id;
    }
    friend bool operator==(const timer&, const timer&) = default;
  };

  bool empty() const noexcept { return heap_.empty(); }
  std::size_t size() const noexcept { return heap_.size(); }
  const timer& first() const noexcept { return heap_.front(); }
  bool contains(std::uint32_t id) const noexcept { return id < places_.size() && places_[id] != none; }
  const timer& of(std::uint32_t id) const noexcept { return heap_[places_[id]]; }  ///< of one that is contained

  /// Gives `id` this time instead of any that it has.
  void set(std::uint32_t id, std::int64_t when, std::uint32_t order) {
    const timer t{when, order, id};
    if (contains(id)) return settle(places_[id], t);
    if (id >= places_.size()) places_.resize(std::size_t{id} + 1, none);
    heap_.push_back(t);
    up(heap_.size() - 1, t);
  }

  /// No error when it has no time.
  void cancel(std::uint32_t id) noexcept {
    if (!contains(id)) return;
    const std::size_t gap = places_[id];
    places_[id] = none;
    const timer last = heap_.back();
    heap_.pop_back();
    if (gap < heap_.size()) settle(gap, last);
  }

  /// Takes the first out.
  timer pop() noexcept {
    const timer t = heap_.front();
    cancel(t.id);
    return t;
  }

  void clear() noexcept {
    heap_.clear();
    places_.clear();
  }
  void reserve(std::size_t n) {
    heap_.reserve(n);
    places_.reserve(n);
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  static constexpr std::size_t width = 4;

  void put(std::size_t at, const timer& t) noexcept {
    heap_[at] = t;
    places_[t.id] = static_cast<std::uint32_t>(at);
  }
  void settle(std::size_t at, const timer& t) noexcept {
    if (at > 0 && t.before(heap_[(at - 1) / width])) {
      up(at, t);
    } else {
      down(at, t);
    }
  }
  void up(std::size_t at, const timer& t) noexcept {
    while (at > 0) {
      const std::size_t above = (at - 1) / width;
      if (!t.before(heap_[above])) break;
      put(at, heap_[above]);
      at = above;
    }
    put(at, t);
  }
  void down(std::size_t at, const timer& t) noexcept {
    for (;;) {
      const std::size_t begin = at * width + 1, end = std::min(begin + width, heap_.size());
      if (begin >= end) break;
      std::size_t least = begin;
      for (std::size_t i = begin + 1; i < end; ++i) {
        if (heap_[i].before(heap_[least])) least = i;
      }
      if (!heap_[least].before(t)) break;
      put(at, heap_[least]);
      at = least;
    }
    put(at, t);
  }

  std::vector<timer> heap_;
  std::vector<std::uint32_t> places_;  // by id; none: it has no time
};

}  // namespace rulebus::inline v1::detail
