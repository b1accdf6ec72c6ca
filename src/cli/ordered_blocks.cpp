#include "ordered_blocks.hpp"

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace rulebus::cli {
namespace {

/// A ring of slots: one thread fills them, workers take the filled in order, the caller empties the finished in order.
/// Invariant: emptied_ <= taken_ <= filled_ <= emptied_ + ring_.size(). Counters and `finished` are guarded by mutex_; the
/// contents of a slot belong to whoever the counters say.
class conveyor {
 public:
  using work_function = std::function<void(unsigned, const block&, std::string&)>;
  using done_function = std::function<void(const block&, const std::string&)>;

  conveyor(block_reader& in, unsigned threads, const work_function& work, const done_function& done)
      : in_(in), threads_(threads), work_(work), done_(done), ring_(std::size_t{2} * threads + 2) {}

  void run() {
    std::vector<std::thread> threads;
    const auto guarded = [this](auto&& body) {
      try {
        body();
      } catch (...) {
        stop(std::current_exception());
      }
    };
    guarded([&] {
      threads.emplace_back([&] { guarded([this] { fill(); }); });
      for (unsigned i = 0; i < threads_; ++i) threads.emplace_back([&guarded, this, i] { guarded([this, i] { work(i); }); });
      empty();
    });
    for (std::thread& t : threads) t.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  struct slot {
    block in;
    std::string out;
    bool finished = false;
  };

  slot& at(std::size_t n) { return ring_[n % ring_.size()]; }

  void stop(std::exception_ptr why) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(why);
    changed_.notify_all();
  }

  void fill() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return failure_ || filled_ - emptied_ < ring_.size(); });
      if (failure_) return;
      lock.unlock();
      const bool more = in_.next(at(filled_).in);
      lock.lock();
      if (more) ++filled_;
      ended_ = !more;
      changed_.notify_all();
      if (!more) return;
    }
  }

  void work(unsigned worker) {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return failure_ || ended_ || taken_ < filled_; });
      if (failure_ || taken_ == filled_) return;
      slot& mine = at(taken_++);
      lock.unlock();
      mine.out.clear();
      work_(worker, mine.in, mine.out);
      lock.lock();
      mine.finished = true;
      changed_.notify_all();
    }
  }

  void empty() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(
          lock, [this] { return failure_ || (emptied_ < filled_ && at(emptied_).finished) || (ended_ && emptied_ == filled_); });
      if (failure_ || emptied_ == filled_) return;
      slot& oldest = at(emptied_);
      lock.unlock();
      done_(oldest.in, oldest.out);
      lock.lock();
      oldest.finished = false;
      ++emptied_;
      changed_.notify_all();
    }
  }

  block_reader& in_;
  unsigned threads_;
  const work_function& work_;
  const done_function& done_;
  std::vector<slot> ring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t filled_ = 0, taken_ = 0, emptied_ = 0;
  bool ended_ = false;
  std::exception_ptr failure_;
};

}  // namespace

void run_ordered(block_reader& in, unsigned threads, const std::function<void(unsigned, const block&, std::string&)>& work,
                 const std::function<void(const block&, const std::string&)>& done) {
  if (threads > 1) return conveyor(in, threads, work, done).run();
  std::string out;
  for (block b; in.next(b);) {
    out.clear();
    work(0, b, out);
    done(b, out);
  }
}

}  // namespace rulebus::cli
