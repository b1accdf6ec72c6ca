// What the tests of deliveries share: a bus whose time and work are in the test's hands, and targets that do as they are told.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/bus.hpp"

namespace probe {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// A target from a function that takes the delivery by value.
inline std::shared_ptr<rulebus::target> taking(std::function<void(rulebus::delivery)> f) {
  class taker final : public rulebus::target {
   public:
    explicit taker(std::function<void(rulebus::delivery)> fn) : fn_(std::move(fn)) {}
    void deliver(rulebus::delivery d) override { fn_(std::move(d)); }

   private:
    std::function<void(rulebus::delivery)> fn_;
  };
  return std::make_shared<taker>(std::move(f));
}

/// A target from a function that takes a batch.
inline std::shared_ptr<rulebus::target> taking_batches(std::function<void(std::vector<rulebus::delivery>)> f) {
  class taker final : public rulebus::target {
   public:
    explicit taker(std::function<void(std::vector<rulebus::delivery>)> fn) : fn_(std::move(fn)) {}
    void deliver(rulebus::delivery) override { throw std::runtime_error("one at a time, where batches were asked for"); }
    void deliver_batch(std::vector<rulebus::delivery> batch) override { fn_(std::move(batch)); }

   private:
    std::function<void(std::vector<rulebus::delivery>)> fn_;
  };
  return std::make_shared<taker>(std::move(f));
}

/// A target that keeps its deliveries for the test to answer. Thread-safe.
class keeper final : public rulebus::target {
 public:
  void deliver(rulebus::delivery d) override {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(d));
    came_.notify_all();
  }
  /// The oldest; waits for it, but not for ever.
  rulebus::delivery take() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, seconds(20), [&] { return !kept_.empty(); })) throw std::runtime_error("no delivery came");
    rulebus::delivery d = std::move(kept_.front());
    kept_.pop_front();
    return d;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return kept_.size();
  }
  /// The `detail.n` of those kept.
  texts numbers();

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<rulebus::delivery> kept_;
};

/// An event of this number, as text; and the number of an event.
inline std::string numbered(std::size_t n) { return R"({"source":"shop","detail":{"n":)" + std::to_string(n) + "}}"; }
inline std::string number_of(const rulebus::event& e) {
  const std::string_view json = e.json();
  const auto at = json.find(R"("n":)") + 4;
  return std::string(json.substr(at, json.find_first_not_of("0123456789", at) - at));
}

inline texts keeper::numbers() {
  const std::lock_guard lock(mutex_);
  texts all;
  for (const rulebus::delivery& d : kept_) all.push_back(number_of(d.event()));
  return all;
}

inline const rulebus::error trouble{rulebus::errc::target_failed, "trouble"};

/// A bus with one rule "r" for all events of probe::numbered, a manual clock and a manual executor.
struct bus_in_hand {
  explicit bus_in_hand(rulebus::bus_options o = {}) : b("hand", with_hands(std::move(o))) { b.put_rule(from_shop("r")).value(); }

  void add(std::shared_ptr<rulebus::target> t, rulebus::delivery_options how = {}, std::shared_ptr<rulebus::target> dead = {},
           std::string id = "t") {
    b.put_target("r", {.id = std::move(id), .target = std::move(t), .delivery = how, .dead_letter = std::move(dead)}).value();
  }
  void put(std::size_t n, std::string_view key = {}) {
    const std::string detail = R"({"n":)" + std::to_string(n) + "}";
    b.put_event({.source = "shop", .detail_type = "n", .detail = detail, .ordering_key = key}).value();
  }
  /// Lets time pass, from each thing that is due to the next.
  void pass(nanoseconds by) {
    const nanoseconds end = time->elapsed() + by;
    for (;;) {
      b.pump();
      const auto due = b.next_due();
      const nanoseconds left = end - time->elapsed();
      if (left.count() <= 0) return;
      time->advance(due ? std::clamp(*due, nanoseconds(1), left) : left);
    }
  }
  rulebus::delivery_metrics metrics() { return b.metrics("r", "t").value(); }

  std::shared_ptr<rulebus::manual_clock> time = clock_at(1'700'000'000);
  std::shared_ptr<rulebus::manual_executor> work = rulebus::make_manual_executor();
  failures failed;
  rulebus::bus b;

 private:
  rulebus::bus_options with_hands(rulebus::bus_options o) {
    o.clock = time;
    o.executor = work;
    if (!o.on_error) o.on_error = failed.callback();
    if (o.seed == 0) o.seed = 1;
    return o;
  }
};

/// Something that other threads wait for.
class gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// False: it did not open for a long time.
  bool pass(milliseconds patience = seconds(20)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

}  // namespace probe
