// intrusive_list<T>: a doubly linked list through T's own members `next` and `prev`: no allocation, removal anywhere in O(1).
// Not an owner. An element is in one list at a time.
#pragma once

#include <cstddef>

namespace rulebus::inline v1::detail {

template <class T>
class intrusive_list {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  std::size_t size() const noexcept { return size_; }
  T* front() const noexcept { return head_; }

  void push_back(T& element) noexcept {
    element.next = nullptr;
    if (head_) {
      element.prev = head_->prev;
      element.prev->next = &element;
    } else {
      head_ = &element;
    }
    head_->prev = &element;
    ++size_;
  }
  void push_front(T& element) noexcept {
    element.next = head_;
    element.prev = head_ ? head_->prev : &element;
    if (head_) head_->prev = &element;
    head_ = &element;
    ++size_;
  }
  void remove(T& element) noexcept {
    if (head_ == &element) {
      head_ = element.next;
      if (head_) head_->prev = element.prev;
    } else {
      element.prev->next = element.next;
      (element.next ? element.next : head_)->prev = element.prev;
    }
    element.next = element.prev = nullptr;
    --size_;
  }
  /// Null when empty.
  T* pop_front() noexcept {
    T* const first = head_;
    if (first) remove(*first);
    return first;
  }

 private:
  T* head_ = nullptr;  // whose prev is the last
  std::size_t size_ = 0;
};

}  // namespace rulebus::inline v1::detail
