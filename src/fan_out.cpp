#include "rulebus/detail/fan_out.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "rulebus/detail/brief_lock.hpp"
#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/lane.hpp"
#include "rulebus/detail/own_input.hpp"
#include "rulebus/detail/rule_table.hpp"

namespace rulebus::inline v1::detail {

namespace fan_out_source {

/// How long a thread waits that found no memory for an invocation.
constexpr std::chrono::milliseconds moment{1};
/// After that long a thread looks for what else is ready.
constexpr std::chrono::milliseconds slow{1};

/// Which piece this thread had last: of the next event it is the best, as the lanes are in the caches of its processor.
std::size_t& home() noexcept {
  thread_local std::size_t piece = 0;
  return piece;
}

}  // namespace fan_out_source

/// A range of the targets. On lines of its own, as one thread mostly has it.
struct alignas(64) fan_out::piece {
  std::mutex mutex;
  // Guarded by mutex.
  std::size_t next = 0, end = 0;          // targets that nobody has taken
  std::optional<rulebus::event> event{};  // a copy: the count of those that share a text would go from processor to processor
  extras_ptr extras{};
  // Guarded by the fan_out's mutex.
  std::size_t threads = 0;  // that are in it
};

/// What became of the event for one target, until it is told where nothing is locked.
struct fan_out::given {
  const target_entry* to;
  counted_ptr<invocation> refused{};
  std::optional<error> why{};  // of what is refused
  lane::taken_in taken{};      // of what is not

  void go_on(tally* ended = nullptr) noexcept {
    try {
      refused ? to->lane->refuse(refused, *std::move(why)) : to->lane->go_on(taken, to->target, ended);
    } catch (const std::bad_alloc&) {
      const error reason = lane::reason(errc::limit_exceeded, "there is no memory to deliver the event");
      to->lane->in().report(refused ? *refused : *taken.first.i, reason, true, false);
    }
  }
};

/// What has been given under a lock, and is told when that is let go.
struct fan_out::owed {
  owed() = default;
  owed(const owed&) = delete;
  owed& operator=(const owed&) = delete;
  ~owed() {
    for (given& g : all) g.go_on();
  }
  counted_ptr<burst> of{};  // has the targets; and is destroyed when nothing is locked, as it may be the last that has them
  std::vector<given> all{};
};

/// An event, and the targets that it has not been given to.
class fan_out::burst final : public counted {
 public:
  burst(const incoming& e, dispatcher& in) : in_(in), of_(e), pieces_(std::min(in.concurrency(), most_pieces)) {
    const std::size_t all = e.rule->targets.size(), n = pieces_.size();
    for (std::size_t i = 0; i < n; ++i) {
      pieces_[i].next = all * i / n;
      pieces_[i].end = all * (i + 1) / n;
    }
  }

  void begin() noexcept { generation_ = in_.begin(targets()); }

  /// Under the fan_out's mutex: where a thread finds targets; null: there are none.
  piece* choose() {
    piece *most = nullptr, *idle = nullptr;
    std::size_t left_in_most = 0;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const std::size_t index = (fan_out_source::home() + i) % pieces_.size();
      piece& p = pieces_[index];
      const std::size_t left = left_in(p);
      if (left > 0 && p.threads == 0) {
        fan_out_source::home() = index;
        return &p;
      }
      if (left == 0 && p.threads == 0) idle = &p;
      if (left <= left_in_most) continue;
      most = &p;
      left_in_most = left;
    }
    return most && idle && take_half(*most, *idle) ? idle : most;
  }

  /// Takes the next target of p, and gives its lane the event; empty: there is none. Out of memory: it throws, and the target is
  /// still there.
  std::optional<given> give_next(piece& p, lane::caller by) {
    const brief_lock lock(p.mutex);
    if (p.next == p.end) return std::nullopt;
    if (!p.event) take_copies(p);
    const target_entry& t = of_.rule->targets[p.next];
    given out{.to = &t};
    counted_ptr<invocation> made = in_.spent().make(*p.event, t.lane, p.extras);
    if (t.has_own_input()) out.why = set_own_input(*made, *of_.rule, t);
    made->sequence = of_.sequence;
    made->created = of_.put_at;
    made->generation = generation_;
    ++p.next;
    if (out.why) {
      out.refused = std::move(made);
    } else {
      out.taken = t.lane->take_in(std::move(made), t.target, in_.elapsed(), by);
    }
    return out;
  }

  std::vector<piece>& pieces() noexcept { return pieces_; }
  std::size_t targets() const noexcept { return of_.rule->targets.size(); }

 private:
  static std::size_t left_in(piece& p) noexcept {
    const brief_lock lock(p.mutex);
    return p.end - p.next;
  }

  /// From the end of one piece, for a thread in another; false: there is no more than the one that is next.
  static bool take_half(piece& from, piece& to) noexcept {
    std::size_t begin = 0, end = 0;
    {
      const brief_lock lock(from.mutex);
      end = from.end;
      begin = from.end -= (from.end - from.next) / 2;
    }
    const brief_lock lock(to.mutex);
    to.next = begin;
    to.end = end;
    return begin != end;
  }

  void take_copies(piece& p) const {
    if (of_.extras) p.extras = std::make_shared<const entry_extras>(*of_.extras);
    p.event = rulebus::event::checked(std::string(of_.event.json()));
  }

  dispatcher& in_;
  const incoming of_;
  std::vector<piece> pieces_;
  std::uint8_t generation_ = 0;
};

fan_out::fan_out(std::shared_ptr<dispatcher> in) : in_(std::move(in)) {}
fan_out::~fan_out() = default;

std::size_t fan_out::may_wait(const rule_entry& r, const dispatcher& in) noexcept {
  if (r.targets.size() < fewest_targets || in.manual() || in.configuration().observer) return 0;
  std::size_t events = std::max(fewest_events, most_deliveries / r.targets.size());
  for (const target_entry& t : r.targets) {
    const delivery_options& o = *t.lane->options();
    if (o.dispatch != dispatch::executor || o.when_full == overflow::block) return 0;
    events = std::min(events, o.queue_capacity);
  }
  return events;
}

// ---- an event comes in

void fan_out::put(const incoming& e) {
  bursts one(1);
  one.front() = make_counted<burst>(e, *in_);
  {
    owed pushed_out;
    const brief_lock lock(mutex_);
    if (waiting_.size() >= e.rule->may_wait) distribute_first(pushed_out);
    one.front()->begin();
    waiting_.splice(waiting_.end(), one);
  }
  if (!in_->list(*this)) distribute();
}

void fan_out::distribute() {
  for (bool any = false;; any = true) {
    owed to;
    const brief_lock lock(mutex_);
    if (waiting_.empty()) {
      if (any) in_->unlist(*this);
      return;
    }
    distribute_first(to);
  }
}

/// Under the mutex. Out of memory: it throws, and the targets that `to` does not have are still there.
void fan_out::distribute_first(owed& to) {
  to.of = waiting_.front();
  to.all.reserve(to.of->targets());
  for (piece& p : to.of->pieces()) {
    while (auto one = to.of->give_next(p, lane::caller::putter)) to.all.push_back(*std::move(one));
  }
  waiting_.pop_front();
}

// ---- a thread comes by

std::size_t fan_out::run(std::size_t max, tally& ended) noexcept {
  counted_ptr<burst> of;
  piece* const in = join(of);
  if (!in) return 0;
  std::size_t done = 0;
  const nanoseconds enough = in_->elapsed() + fan_out_source::slow;
  try {
    for (bool is_slow = false; done < max && !is_slow; ++done) {
      auto one = of->give_next(*in, lane::caller::executor);
      if (!one) break;
      one->go_on(&ended);
      is_slow = one->taken.at > enough;
    }
  } catch (...) {  // NOLINT: the next who comes tries again
    std::this_thread::sleep_for(fan_out_source::moment);
  }
  const brief_lock lock(mutex_);
  --in->threads;
  return done;
}

/// The piece in which this thread then is; null: nothing waits any more.
fan_out::piece* fan_out::join(counted_ptr<burst>& of) {
  bursts gone;
  const brief_lock lock(mutex_);
  while (!waiting_.empty()) {
    if (piece* const p = waiting_.front()->choose()) {
      ++p->threads;
      of = waiting_.front();
      return p;
    }
    gone.splice(gone.end(), waiting_, waiting_.begin());
  }
  in_->unlist(*this);
  return nullptr;
}

}  // namespace rulebus::inline v1::detail
