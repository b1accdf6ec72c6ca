// late_vector<T>: a vector that is one word as long as nothing is put into it. For the objects of which there are many, and of
// which few ever need it. What throws, throws std::bad_alloc and has changed nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace rulebus::inline v1::detail {

template <class T>
class late_vector {
 public:
  bool empty() const noexcept { return !all_ || all_->empty(); }
  std::size_t size() const noexcept { return all_ ? all_->size() : 0; }
  T* begin() noexcept { return all_ ? all_->data() : nullptr; }
  T* end() noexcept { return begin() + size(); }
  const T* begin() const noexcept { return all_ ? all_->data() : nullptr; }
  const T* end() const noexcept { return begin() + size(); }
  const T& front() const noexcept { return all_->front(); }  ///< of one that is not empty

  void push_back(const T& value) {
    if (!all_) all_ = std::make_unique<std::vector<T>>();
    all_->push_back(value);
  }
  void pop_back() noexcept { all_->pop_back(); }
  void clear() noexcept { all_.reset(); }

 private:
  std::unique_ptr<std::vector<T>> all_;
};

}  // namespace rulebus::inline v1::detail
