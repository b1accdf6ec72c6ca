// counted_ptr<T>: shared ownership of a T that carries its own count, so that a pointer is one word and making one from a
// `this` is free. For the objects that every delivery touches; elsewhere std::shared_ptr is the better choice.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rulebus::inline v1::detail {

/// Base of what a counted_ptr points to. Thread safety: the count only.
class counted {
 public:
  counted() = default;
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  virtual ~counted() = default;

 protected:
  /// Nobody has it any more. What overrides it ends the object itself, now or later.
  virtual void dispose() noexcept { delete this; }

 private:
  template <class T>
  friend class counted_ptr;
  void retain() const noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  void retain_unshared() const noexcept { count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  bool retain_unless_gone() const noexcept {
    std::uint32_t seen = count_.load(std::memory_order_acquire);  // who finds it gone sees what was done before
    while (seen != 0 && !count_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) {}
    return seen != 0;
  }
  void release() const noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) const_cast<counted*>(this)->dispose();
  }
  /// The same for what no unless_gone can find: who sees that he is the last is, without what an atomic subtraction costs.
  void release_unlisted() const noexcept {
    if (count_.load(std::memory_order_acquire) == 1) return const_cast<counted*>(this)->dispose();
    release();
  }
  mutable std::atomic<std::uint32_t> count_{0};
};

template <class T>
class counted_ptr {
 public:
  counted_ptr() = default;
  counted_ptr(std::nullptr_t) {}  // NOLINT: implicit, as with every pointer
  explicit counted_ptr(T* p) noexcept : p_(p) {
    if (p_) p_->retain();
  }
  counted_ptr(const counted_ptr& other) noexcept : counted_ptr(other.p_) {}
  counted_ptr(counted_ptr&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  counted_ptr& operator=(counted_ptr other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~counted_ptr() {
    if (!p_) return;
    if constexpr (requires { typename T::never_listed; }) {
      p_->release_unlisted();
    } else {
      p_->release();
    }
  }

  /// For a list of what is not owned, whose lock the destructor takes: null when *p is being destroyed.
  static counted_ptr unless_gone(T* p) noexcept {
    static_assert(!requires { typename T::never_listed; });
    counted_ptr held;
    if (p->retain_unless_gone()) held.p_ = p;
    return held;
  }

  /// A copy, while no other thread has one: without what an atomic addition costs.
  template <class Base = T>
  counted_ptr<Base> copy_unshared() const noexcept {
    counted_ptr<Base> copy;
    copy.p_ = p_;
    if (p_) p_->retain_unshared();
    return copy;
  }
  /// The first pointer to what nobody has yet.
  static counted_ptr adopt(T* p) noexcept {
    counted_ptr made;
    made.p_ = p;
    p->retain_unshared();
    return made;
  }

  T* get() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  T* operator->() const noexcept { return p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  friend bool operator==(const counted_ptr&, const counted_ptr&) = default;

 private:
  template <class>
  friend class counted_ptr;
  T* p_ = nullptr;
};

template <class T, class... Args>
counted_ptr<T> make_counted(Args&&... args) {
  return counted_ptr<T>::adopt(new T(std::forward<Args>(args)...));
}

}  // namespace rulebus::inline v1::detail
