#include "rulebus/executor.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <queue>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "rulebus/detail/brief_lock.hpp"

#if defined(__linux__)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#endif

namespace rulebus::inline v1 {

namespace detail::executor_source {

using steady = std::chrono::steady_clock;
constexpr std::size_t quantum = 256;               // pieces of one work before another has its turn
constexpr std::chrono::microseconds patience{20};  // a thread looks this long before it sleeps: waking one costs about 5

/// What the threads of a pool share; it outlives the pool until the last of them has ended.
///
/// Of the threads with nothing to do one waits for the next time that something is due (the watch), all others for work. The
/// watch is woken for work only when it is the only one; when it leaves, another takes over: so a time is never left to a
/// thread that is in a slow target.
class pool_state {
 public:
  void ready(std::weak_ptr<work> w) {
    std::condition_variable* sleeper = nullptr;
    {
      const brief_lock lock(mutex_);
      ready_.push_back(std::move(w));
      count_.store(ready_.size(), std::memory_order_release);
      sleeper = sleeping_ > 0 ? &changed_ : watched_ ? &watch_ : nullptr;
    }
    if (sleeper) sleeper->notify_one();
  }

  void ready_at(std::weak_ptr<work> w, steady::time_point when) {
    const std::lock_guard lock(mutex_);
    const bool first = later_.empty() || when < later_.top().when;
    later_.push({when, std::move(w)});
    if (!first) return;
    if (watched_) {
      watch_.notify_one();
    } else if (sleeping_ > 0) {
      changed_.notify_one();
    }
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_.store(true, std::memory_order_release);
    changed_.notify_all();
    watch_.notify_all();
  }

  void work_until_closed() {
    while (!closed_.load(std::memory_order_acquire)) {
      look();
      if (const std::shared_ptr<work> next = take()) next->run(quantum);
    }
  }

 private:
  struct timed {
    steady::time_point when;
    std::weak_ptr<work> of;
    bool operator<(const timed& other) const { return when > other.when; }  // the earliest on top
  };

  void look() const {
    const auto until = steady::now() + patience;
    while (count_.load(std::memory_order_acquire) == 0 && steady::now() < until) std::this_thread::yield();
  }

  void wake_one() {
    if (sleeping_ > 0) {
      changed_.notify_one();
    } else if (watched_) {
      watch_.notify_one();
    }
  }

  bool due() const { return !later_.empty() && later_.top().when <= steady::now(); }

  std::shared_ptr<work> take() {
    brief_lock lock(mutex_);
    while (!closed_.load(std::memory_order_relaxed) && ready_.empty() && !due()) wait(lock);
    if (closed_.load(std::memory_order_relaxed)) return nullptr;
    std::weak_ptr<work> next;
    if (due()) {
      next = later_.top().of;
      later_.pop();
    } else {
      next = std::move(ready_.front());
      ready_.pop_front();
      count_.store(ready_.size(), std::memory_order_release);
    }
    if (!ready_.empty() || (!later_.empty() && !watched_)) wake_one();
    lock.unlock();
    return next.lock();
  }

  void wait(std::unique_lock<std::mutex>& lock) {
    if (later_.empty() || watched_) {
      ++sleeping_;
      changed_.wait(lock);
      --sleeping_;
      return;
    }
    watched_ = true;
    const auto until = later_.top().when;  // a copy: the queue changes while we wait
    watch_.wait_until(lock, until);
    watched_ = false;
  }

  std::mutex mutex_;
  std::condition_variable changed_, watch_;
  std::deque<std::weak_ptr<work>> ready_;  // guarded by mutex_
  std::priority_queue<timed> later_;       // guarded by mutex_
  std::size_t sleeping_ = 0;               // guarded by mutex_; without the watch
  bool watched_ = false;                   // guarded by mutex_
  std::atomic<std::size_t> count_{0};      // of ready_
  std::atomic<bool> closed_{false};
};

class thread_pool final : public executor {
 public:
  explicit thread_pool(std::size_t threads) : state_(std::make_shared<pool_state>()) {
    threads_.reserve(threads);
    try {
      while (threads_.size() < threads) threads_.emplace_back([s = state_] { s->work_until_closed(); });
    } catch (const std::system_error&) {  // the system has no more; fewer will do, but none will not
      if (threads_.empty()) throw;
    }
  }
  ~thread_pool() override {
    state_->close();
    for (std::thread& t : threads_) {
      if (t.get_id() == std::this_thread::get_id()) {
        t.detach();
      } else {
        t.join();
      }
    }
  }
  void ready(const std::shared_ptr<work>& w) override { state_->ready(w); }
  void ready_after(const std::shared_ptr<work>& w, std::chrono::nanoseconds delay) override {
    state_->ready_at(w, steady::now() + delay);
  }
  std::size_t concurrency() const override { return threads_.size(); }

 private:
  std::shared_ptr<pool_state> state_;
  std::vector<std::thread> threads_;
};

#if defined(__linux__)
/// An epoll set of an event counter and a timer is itself a descriptor that can be polled.
class manual final : public manual_executor {
 public:
  manual()
      : set_(epoll_create1(EPOLL_CLOEXEC)),
        event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    for (const int fd : {event_, timer_}) {
      epoll_event readable{};
      readable.events = EPOLLIN;
      readable.data.fd = fd;
      epoll_ctl(set_, EPOLL_CTL_ADD, fd, &readable);
    }
  }
  ~manual() override {
    for (const int fd : {timer_, event_, set_}) {
      if (fd >= 0) close(fd);
    }
  }
  void ready(const std::shared_ptr<work>&) override {
    const std::uint64_t one = 1;
    static_cast<void>(!write(event_, &one, sizeof one));  // a full counter is readable already
  }
  void ready_after(const std::shared_ptr<work>& w, std::chrono::nanoseconds delay) override {
    if (delay.count() <= 0) return ready(w);
    const auto when = steady::now() + delay;
    const std::lock_guard lock(mutex_);
    if (when >= armed_ && armed_ > steady::now()) return;
    armed_ = when;
    itimerspec spec{};
    spec.it_value.tv_sec = static_cast<time_t>(delay.count() / 1'000'000'000);
    spec.it_value.tv_nsec = static_cast<long>(delay.count() % 1'000'000'000);
    timerfd_settime(timer_, 0, &spec, nullptr);
  }
  std::size_t concurrency() const override { return 0; }
  int descriptor() const override { return set_; }
  void acknowledge() override {
    std::uint64_t count = 0;
    static_cast<void>(!read(event_, &count, sizeof count));
    static_cast<void>(!read(timer_, &count, sizeof count));
  }

 private:
  int set_, event_, timer_;
  std::mutex mutex_;
  steady::time_point armed_{};  // guarded by mutex_
};
#else
class manual final : public manual_executor {
 public:
  void ready(const std::shared_ptr<work>&) override {}
  void ready_after(const std::shared_ptr<work>&, std::chrono::nanoseconds) override {}
  std::size_t concurrency() const override { return 0; }
  int descriptor() const override { return -1; }
  void acknowledge() override {}
};
#endif

}  // namespace detail::executor_source

std::shared_ptr<executor> make_thread_pool(std::size_t threads) {
  return std::make_shared<detail::executor_source::thread_pool>(std::max<std::size_t>(1, threads));
}

std::shared_ptr<manual_executor> make_manual_executor() { return std::make_shared<detail::executor_source::manual>(); }

}  // namespace rulebus::inline v1
