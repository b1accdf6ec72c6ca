// A target of your own: it takes deliveries in deliver(), hands them to a thread of its own, and answers there, later.
// What does not succeed is heard by on_error.
#include <condition_variable>
#include <deque>
#include <iostream>
#include <mutex>
#include <rulebus/rulebus.hpp>
#include <string>
#include <thread>
#include <utility>

namespace {

// Sends mail, or rather prints it. Thread safety: deliver may be called by several threads.
class mailer final : public rulebus::target {
 public:
  mailer() : worker_([this] { work(); }) {}
  ~mailer() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_one();
    worker_.join();  // what is in the queue is still sent
  }

  void deliver(rulebus::delivery d) override {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(d));
    }
    changed_.notify_one();
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      rulebus::delivery d = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      send(std::move(d));
    }
  }

  static void send(rulebus::delivery d) {
    const std::string_view type = d.event().detail_type();
    if (type == "OrderLost") {
      d.retry({rulebus::errc::target_failed, "the mail server is busy"});  // another attempt makes sense
    } else if (type == "OrderSpam") {
      d.fail({rulebus::errc::target_failed, "nobody of that name"});  // it does not
    } else {
      std::cout << "mail to " << d.target_id() << ": " << d.event().detail() << '\n';
      d.succeed();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<rulebus::delivery> queue_;  // guarded by mutex_
  bool closing_ = false;                 // guarded by mutex_
  std::thread worker_;                   // last: it uses all of the above
};

}  // namespace

int main() {
  int failures = 0, retryable = 0;
  const auto on_error = [&](const rulebus::delivery_failure& f) {
    std::cout << "no mail to " << f.target_id << ": " << f.reason.message << (f.retryable ? " (try again)" : "") << '\n';
    ++failures;
    retryable += f.retryable ? 1 : 0;
  };
  {
    rulebus::bus bus("orders", {.delivery = {.retry = {.maximum_retry_attempts = 0}}, .on_error = on_error});
    bus.put_rule({.name = "orders", .event_pattern = R"({"detail-type": [{"prefix": "Order"}]})"}).value();
    bus.put_target("orders", {.id = "customer", .target = std::make_shared<mailer>()}).value();

    for (const char* type : {"OrderPlaced", "OrderLost", "OrderSpam", "Invoice", "OrderShipped"}) {
      bus.put_event({.source = "shop", .detail_type = type, .detail = R"({"id": 17})"})
          .value();  // returns before the mail is sent
    }
    bus.remove_target("orders", "customer").value();  // the last owner: the mailer sends what it has, and stops
  }
  return failures == 2 && retryable == 1 ? 0 : 1;
}
