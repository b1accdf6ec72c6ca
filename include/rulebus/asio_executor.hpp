// asio_executor: a bus on a Boost.Asio io_context, in whatever threads run it. The only header that needs Boost (1.70 or newer),
// and so no part of rulebus.hpp.
//
//   boost::asio::io_context io;
//   rulebus::bus bus("orders", {.executor = std::make_shared<rulebus::asio_executor>(io)});
//   …
//   io.run();                                     // deliveries, retries and timeouts run in here
//
// What the bus wants done soon is posted, what it wants done later waits for one timer. With several threads in io.run(), say so:
// asio_executor(io, 4). io.run() comes back when nothing is left to do, and a timer is something to do: it may stay for as long
// as a delivery may take (delivery_options::timeout), or until the bus is gone. io.stop() ends it at once. bus::flush must not be
// called in the only thread that runs the context: it would wait for itself; bus::pump may.
//
// Thread safety: all of it. Lifetime: context, executor and bus may go in any order, also while work is posted. Without its
// context a bus still delivers in the caller's thread (dispatch::caller) and by bus::pump.
#pragma once

#include <algorithm>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "rulebus/executor.hpp"

namespace rulebus::inline v1 {

namespace detail {

/// What handlers share with the executor. Its mutex guards the timer too, which by itself is for one thread.
class asio_state : public std::enable_shared_from_this<asio_state> {
 public:
  explicit asio_state(boost::asio::io_context& context) : context_(&context), timer_(std::in_place, context) {}

  void post(std::weak_ptr<work> w) {
    const std::lock_guard lock(mutex_);
    if (context_) boost::asio::post(*context_, [w = std::move(w)] { run(w); });
  }

  void post_after(std::weak_ptr<work> w, std::chrono::nanoseconds delay) {
    using duration = std::chrono::steady_clock::duration;
    const auto now = std::chrono::steady_clock::now();
    const auto when = now + std::clamp<duration>(delay, duration::zero(), std::chrono::hours(24 * 365));
    const std::lock_guard lock(mutex_);
    if (!context_) return;
    const auto at = later_.emplace(when, std::move(w));
    if (at == later_.begin()) arm();
  }

  /// The context goes, or the executor: nothing is posted from now on.
  void close() {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
    timer_.reset();  // cancels what it waited for
    later_.clear();
  }

 private:
  static void run(const std::weak_ptr<work>& w) {
    constexpr std::size_t quantum = 256;  // pieces, before other handlers of the context have their turn
    if (const std::shared_ptr<work> present = w.lock()) present->run(quantum);
  }

  void arm() {  // under the mutex
    timer_->expires_at(later_.begin()->first);
    timer_->async_wait([self = weak_from_this()](const boost::system::error_code& failed) {
      const auto state = self.lock();
      if (state && !failed) state->fire();
    });
  }

  void fire() {
    std::vector<std::weak_ptr<work>> due;
    {
      const std::lock_guard lock(mutex_);
      const auto end = later_.upper_bound(std::chrono::steady_clock::now());
      for (auto at = later_.begin(); at != end; ++at) due.push_back(std::move(at->second));
      later_.erase(later_.begin(), end);
      if (context_ && !later_.empty()) arm();
    }
    for (const auto& w : due) run(w);
  }

  std::mutex mutex_;
  boost::asio::io_context* context_;                                                 // null: gone
  std::optional<boost::asio::steady_timer> timer_;                                   // guarded by mutex_; empty: gone
  std::multimap<std::chrono::steady_clock::time_point, std::weak_ptr<work>> later_;  // guarded by mutex_
};

/// Lives in the context, and tells the executors when it goes.
class asio_farewell final : public boost::asio::execution_context::service {
 public:
  using key_type = asio_farewell;
  inline static boost::asio::execution_context::id id;

  explicit asio_farewell(boost::asio::execution_context& of) : service(of) {}
  void add(const std::shared_ptr<asio_state>& s) {
    const std::lock_guard lock(mutex_);
    std::erase_if(states_, [](const auto& gone) { return gone.expired(); });
    states_.push_back(s);
  }

 private:
  void shutdown() override {
    std::vector<std::weak_ptr<asio_state>> all;
    {
      const std::lock_guard lock(mutex_);
      all.swap(states_);
    }
    for (const auto& s : all) {
      if (const auto present = s.lock()) present->close();
    }
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<asio_state>> states_;  // guarded by mutex_
};

}  // namespace detail

class asio_executor final : public executor {
 public:
  /// `threads`: how many run the context, at least 1.
  explicit asio_executor(boost::asio::io_context& context, std::size_t threads = 1)
      : state_(std::make_shared<detail::asio_state>(context)), threads_(std::max<std::size_t>(1, threads)) {
    boost::asio::use_service<detail::asio_farewell>(context).add(state_);
  }
  ~asio_executor() override { state_->close(); }

  void ready(const std::shared_ptr<work>& w) override { state_->post(w); }
  void ready_after(const std::shared_ptr<work>& w, std::chrono::nanoseconds delay) override { state_->post_after(w, delay); }
  std::size_t concurrency() const override { return threads_; }

 private:
  const std::shared_ptr<detail::asio_state> state_;
  const std::size_t threads_;
};

}  // namespace rulebus::inline v1
