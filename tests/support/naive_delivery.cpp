#include "naive_delivery.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "random_source.hpp"

namespace naive {

using rulebus::dispatch;
using rulebus::overflow;
using kind = planned_answer::kind;

namespace {

/// The documented wait: ceiling times a number from 0 to below 1 that follows from seed, event, target and attempt.
std::uint64_t mixed(std::uint64_t x) {
  return tests::random_source(x).next();  // SplitMix64
}
double jitter(std::uint64_t seed, std::uint64_t sequence, std::string_view target_id, unsigned attempt) {
  std::uint64_t name = 14695981039346656037u;  // FNV-1a
  for (const char c : target_id) name = (name ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return static_cast<double>(mixed(mixed(mixed(seed ^ sequence) ^ name) + attempt) >> 11) / 9007199254740992.0;
}

enum class place { queued, held, waiting, out, ended };

struct item {
  std::size_t event = 0;
  std::uint64_t sequence = 0;
  nanoseconds created{0};
  std::string key{};
  place in = place::ended;
  std::uint64_t turn = 0;  // queued: the smaller comes first
  nanoseconds since{0};    // out
  nanoseconds until{0};    // waiting
  unsigned attempts = 0;
  std::string last_error{};  // of the attempt before; empty: there was none
};

struct late_answer {
  nanoseconds at{0};
  std::size_t event = 0;
  unsigned attempt = 0;
  planned_answer what{};
};

struct failure {
  std::string message{}, code{};
  bool retryable = true;
};
failure of_target(std::string_view message, bool retryable = true) { return {std::string(message), "TARGET_FAILED", retryable}; }
const failure full{"the queue of the target is full", "THROTTLING"};
const failure no_answer{"the target did not answer in time", "TIMEOUT"};

class lane {
 public:
  explicit lane(const delivery_day& day) : day_(day), how_(day.how), tokens_(day.how.rate.burst) {}

  delivery_history run() {
    std::size_t next = 0;
    for (;;) {
      now_ = next_time(next);
      if (now_ >= day_.end) break;
      answer_late();
      for (; next < day_.puts.size() && day_.puts[next].at == now_; ++next) put(next);
      work();
    }
    now_ = day_.end;
    for (item& i : items_) {
      if (i.in == place::ended) continue;
      ++told_.left;
      const bool tried = !i.last_error.empty();
      say(i.event, "INVOCATION_STOPPED", i.attempts, tried ? i.last_error : "the bus was stopped before the event was delivered");
    }
    return std::move(told_);
  }

 private:
  // ---- time

  /// The next instant at which something might happen.
  nanoseconds next_time(std::size_t next_put) const {
    nanoseconds at = next_put < day_.puts.size() ? day_.puts[next_put].at : day_.end;
    const auto or_at = [&](nanoseconds t) {
      if (t > now_) at = std::min(at, t);
    };
    for (const late_answer& a : late_) or_at(a.at);
    for (const item& i : items_) {
      if (i.in == place::waiting) or_at(i.until);
      if (i.in == place::out && how_.timeout.count() > 0) or_at(i.since + how_.timeout);
    }
    or_at(open_until_);
    or_at(next_token_);
    return at;
  }

  // ---- what comes in

  void put(std::size_t event) {
    const planned_put& p = day_.puts[event];
    if (day_.put_by_target) ++sequence_;  // the one that brings it
    if (!p.deduplication_id.empty()) {
      const auto known = known_.find(p.deduplication_id);
      if (known != known_.end() && now_ < known->second.second) {
        ++told_.deduplicated;
        return say(event, "the same as " + std::to_string(known->second.first));
      }
      known_[p.deduplication_id] = {event, now_ + day_.deduplication_window};
    }
    items_.push_back({.event = event, .sequence = sequence_++, .created = now_, .key = p.ordering_key});
    item& i = items_.back();
    say(event, "EVENT_RECEIPT", 0);
    say(event, "INVOCATION_START", 0);
    if (goes_at_once(i)) {
      ++told_.at_once;
      return attempt(i);
    }
    item* dropped = nullptr;
    if (waiting_in_all() >= how_.queue_capacity) {
      if (how_.when_full != overflow::drop_oldest) {
        ++told_.refused;
        return give_up(i, full, "");
      }
      dropped = &oldest_waiting();
      ++told_.pushed_out;
      end(*dropped);
    }
    take_its_turn(i);
    if (out() >= how_.max_in_flight || !limits_allow()) {
      ++told_.throttled;
      say(event, "INVOCATION_THROTTLE_START", 0);
    }
    if (dropped) give_up(*dropped, full, "");
  }

  /// Whether the thread that puts it gives it to the target: nothing is in its way. What has limits always goes by the queue.
  bool goes_at_once(const item& i) const {
    if (how_.dispatch != dispatch::caller || how_.rate.per_second > 0 || how_.breaker.failures > 0) return false;
    if (count(place::queued) > 0 || out() >= how_.max_in_flight) return false;
    if (how_.max_in_flight == 1) return count(place::waiting) == 0;
    return !key_is_under_way(i);
  }

  void take_its_turn(item& i) {
    if (how_.max_in_flight > 1 && key_is_under_way(i)) {
      ++told_.held_back;
      i.in = place::held;
    } else {
      i.in = place::queued;
      i.turn = turn_++;
    }
  }

  bool key_is_under_way(const item& i) const {
    if (i.key.empty()) return false;
    return std::any_of(items_.begin(), items_.end(),
                       [&](const item& o) { return o.in != place::ended && o.key == i.key && o.event != i.event; });
  }

  std::size_t count(place p) const {
    return static_cast<std::size_t>(std::count_if(items_.begin(), items_.end(), [p](const item& i) { return i.in == p; }));
  }
  std::size_t out() const { return count(place::out); }
  std::size_t waiting_in_all() const { return count(place::queued) + count(place::held) + count(place::waiting); }

  item& oldest_waiting() {
    return *std::find_if(items_.begin(), items_.end(),
                         [](const item& i) { return i.in == place::queued || i.in == place::held || i.in == place::waiting; });
  }

  // ---- what goes out

  /// Does all that can be done now.
  void work() {
    for (;;) {
      if (item* const late = first_timed_out()) {
        ++told_.timeouts;
        fail(*late, no_answer, std::nullopt);
        continue;
      }
      item* const i = next_to_start();
      if (!i || out() >= how_.max_in_flight || !limits_allow()) return;
      if (now_ - i->created >= how_.retry.maximum_event_age) {
        ++told_.outlived;
        end(*i);
        give_up(*i, i->last_error.empty() ? failure{"the event is older than maximum_event_age", "TIMEOUT"} : failure_of(*i),
                "MaximumEventAgeInSeconds");
        continue;
      }
      attempt(*i);
    }
  }

  item* first_timed_out() {
    item* first = nullptr;
    for (item& i : items_) {
      if (how_.timeout.count() == 0 || i.in != place::out || i.since + how_.timeout > now_) continue;
      if (!first || std::pair(i.since, i.turn) < std::pair(first->since, first->turn)) first = &i;
    }
    return first;
  }

  /// Retries whose time has come, the first to come first; then the queue. With one at a time a retry holds back all others.
  item* next_to_start() {
    item* first = nullptr;
    for (item& i : items_) {
      if (i.in == place::waiting && (!first || i.until < first->until)) first = &i;
    }
    if (first && first->until <= now_) return first;
    if (first && how_.max_in_flight == 1) return nullptr;
    first = nullptr;
    for (item& i : items_) {
      if (i.in == place::queued && (!first || i.turn < first->turn)) first = &i;
    }
    return first;
  }

  void attempt(item& i) {
    use_limits(i);
    i.in = place::out;
    i.since = now_;
    i.turn = turn_++;
    ++i.attempts;
    ++told_.attempts;
    if (i.attempts > 1) ++told_.retries;
    say(i.event, "INVOCATION_ATTEMPT_START", i.attempts);
    const planned_answer a = day_.answer(i.event, i.attempts, now_);
    if (a.what == kind::never) return;
    if (a.later.count() > 0) return late_.push_back({now_ + a.later, i.event, i.attempts, a});
    take(i, a);
  }

  void answer_late() {
    std::vector<late_answer> now;
    for (const late_answer& a : late_) {
      if (a.at == now_) now.push_back(a);
    }
    std::erase_if(late_, [&](const late_answer& a) { return a.at == now_; });
    for (const late_answer& a : now) {
      item& i = of_event(a.event);
      if (i.in != place::out || i.attempts != a.attempt) {
        ++told_.late_answers;
      } else {
        take(i, a.what);
      }
    }
  }

  item& of_event(std::size_t event) {
    return *std::find_if(items_.begin(), items_.end(), [&](const item& i) { return i.event == event; });
  }

  // ---- what comes back

  void take(item& i, const planned_answer& a) {
    switch (a.what) {
      case kind::succeed:
        tell_breaker(i, true);
        end(i);
        ++told_.delivered;
        say(i.event, "INVOCATION_ATTEMPT_SUCCESS", i.attempts);
        return say(i.event, "INVOCATION_SUCCESS", i.attempts);
      case kind::fail: return fail(i, of_target(trouble, false), std::nullopt);
      case kind::retry: return fail(i, of_target(trouble), std::nullopt);
      case kind::retry_after: return fail(i, of_target(trouble), a.after);
      case kind::throws: return fail(i, of_target("the target threw: " + std::string(out_of_order)), std::nullopt);
      case kind::drop: return fail(i, of_target("the target dropped the delivery without an answer"), std::nullopt);
      case kind::never: return;
    }
  }

  void fail(item& i, const failure& why, std::optional<milliseconds> after) {
    const std::string type = why.retryable ? "RETRYABLE" : "PERMANENT";
    say(i.event, "INVOCATION_ATTEMPT_" + type + "_FAILURE", i.attempts, why.message);
    tell_breaker(i, !why.retryable);  // who refuses an event works
    std::string used_up;
    nanoseconds wait{0};
    if (why.retryable) {
      const rulebus::retry_policy& policy = how_.retry;
      double most = static_cast<double>(policy.backoff_base.count());  // milliseconds
      for (unsigned n = 1; n < i.attempts && most < static_cast<double>(policy.backoff_cap.count()); ++n) most *= 2;
      most = std::min(most, static_cast<double>(policy.backoff_cap.count()));
      wait = after ? nanoseconds(*after) : rounded_up(most / 1000 * jitter(day_.seed, i.sequence, day_.target_id, i.attempts));
      if (i.attempts > policy.maximum_retry_attempts) {
        ++told_.used_up;
        used_up = "MaximumRetryAttempts";
      } else if (now_ + wait >= i.created + policy.maximum_event_age) {
        ++told_.outlived;
        used_up = "MaximumEventAgeInSeconds";
      }
    }
    if (!why.retryable || !used_up.empty()) {
      end(i);
      return give_up(i, why, used_up);
    }
    i.in = place::waiting;
    i.until = now_ + wait;
    i.last_error = why.message;
    last_code_[i.event] = why.code;
  }

  failure failure_of(const item& i) { return {i.last_error, last_code_[i.event], true}; }

  static nanoseconds rounded_up(double seconds) { return nanoseconds(static_cast<std::int64_t>(std::ceil(seconds * 1e9))); }

  /// The next of its ordering key, if one was held back, goes to the end of the queue.
  void end(item& i) {
    const bool kept_others_back = i.in != place::held && how_.max_in_flight > 1 && !i.key.empty();
    i.in = place::ended;
    if (!kept_others_back) return;
    const auto next =
        std::find_if(items_.begin(), items_.end(), [&](const item& o) { return o.in == place::held && o.key == i.key; });
    if (next == items_.end()) return;
    next->in = place::queued;
    next->turn = turn_++;
  }

  void give_up(const item& i, const failure& why, const std::string& used_up) {
    say(i.event, day_.has_dead_letters ? "INVOCATION_DLQ" : "INVOCATION_FAILURE", i.attempts, why.message);
    say(i.event, day_.has_dead_letters ? "told of a dead letter" : "told of a loss", i.attempts, why.message);
    if (!day_.has_dead_letters) {
      ++told_.dropped;
      return;
    }
    ++told_.letters;
    const unsigned retries = i.attempts > 0 ? i.attempts - 1 : 0;
    say(i.event, "letter: INVOCATION_ATTEMPT_START", 1);
    say(i.event, "letter: " + why.code + ", " + used_up + ", " + std::to_string(retries) + ", " + why.message);
    if (day_.refuses_letter(i.event)) {
      ++told_.letters_refused;
      ++told_.dropped;
      say(i.event, "letter: INVOCATION_ATTEMPT_PERMANENT_FAILURE", 1, std::string(trouble));
      say(i.event, "letter: INVOCATION_FAILURE", 1, std::string(trouble));
      say(i.event, "letter: told of a loss", 1, std::string(trouble));
    } else {
      say(i.event, "letter: INVOCATION_ATTEMPT_SUCCESS", 1);
      say(i.event, "letter: INVOCATION_SUCCESS", 1);
    }
  }

  // ---- limits

  bool limits_allow() const {
    if (now_ < open_until_ || probe_) return false;
    return now_ >= next_token_;
  }

  void use_limits(const item& i) {
    if (how_.rate.per_second > 0) {
      const double passed = std::chrono::duration<double>(now_ - counted_).count();
      tokens_ = std::max(0.0, std::min(how_.rate.burst, tokens_ + passed * how_.rate.per_second) - 1);
      counted_ = now_;
      next_token_ = tokens_ >= 1 - 1e-6 ? now_ : now_ + rounded_up((1 - tokens_) / how_.rate.per_second);
      if (next_token_ > now_) ++told_.waits_for_token;
    }
    if (!tripped_) return;
    probe_ = i.event;
    ++told_.probes;
  }

  void tell_breaker(const item& i, bool works) {
    if (how_.breaker.failures == 0) return;
    const bool probe = probe_ == i.event;
    if (tripped_ && !probe) return;  // it was given out before
    probe_.reset();
    failures_ = works ? 0 : failures_ + 1;
    if (works) {
      tripped_ = false;
    } else if (probe || failures_ >= how_.breaker.failures) {
      ++(probe ? told_.failed_probes : told_.trips);
      tripped_ = true;
      open_until_ = now_ + how_.breaker.open_for;
    }
  }

  // ---- telling

  void say(std::size_t event, std::string what) { told_.lines.push_back({now_, event, std::move(what)}); }
  void say(std::size_t event, const std::string& what, unsigned attempt, const std::string& reason = {}) {
    say(event, what + " " + std::to_string(attempt) + (reason.empty() ? "" : ": " + reason));
  }

  const delivery_day& day_;
  const rulebus::delivery_options& how_;
  nanoseconds now_{-1};
  std::vector<item> items_;  // in the order in which they were put
  std::vector<late_answer> late_;
  std::map<std::string, std::pair<std::size_t, nanoseconds>> known_;  // by de-duplication id: the event, and until when
  std::map<std::size_t, std::string> last_code_;
  std::uint64_t sequence_ = 0, turn_ = 0;
  double tokens_;
  nanoseconds counted_{0}, next_token_{0}, open_until_{0};
  bool tripped_ = false;  // and no probe has succeeded since
  unsigned failures_ = 0;
  std::optional<std::size_t> probe_;  // the event
  delivery_history told_;
};

}  // namespace

planned_answer delivery_day::answer(std::size_t event, unsigned attempt, nanoseconds at) const {
  tests::random_source random(mixed(mixed(seed) + event) + attempt);
  planned_answer a;
  if (random.below(1000) < manners.late) a.later = nanoseconds(1 + random.below(std::size_t{1} << random.between(20, 40)));
  a.twice = random.below(1000) < manners.twice;
  const bool out = std::any_of(outages.begin(), outages.end(), [&](const auto& o) { return at >= o.first && at < o.second; });
  std::size_t n = random.below(1000);
  if (out) {
    a.what = n < 600 ? kind::retry : n < 800 ? kind::throws : kind::drop;
  } else {
    const auto is = [&](std::size_t share, kind what) {
      if (n < share) {
        a.what = what;
        return true;
      }
      n -= share;
      return false;
    };
    static_cast<void>(is(manners.fail, kind::fail) || is(manners.retry, kind::retry) ||
                      is(manners.retry_after, kind::retry_after) || is(manners.throws, kind::throws) ||
                      is(manners.drop, kind::drop) || is(manners.never, kind::never));
  }
  if (a.what == kind::throws) a.later = nanoseconds(0);
  a.after = milliseconds(1 + random.below(std::size_t{1} << random.between(4, 24)));
  return a;
}

bool delivery_day::refuses_letter(std::size_t event) const { return mixed(seed * 31 + event) % 5 == 0; }

delivery_history deliver(const delivery_day& day) { return lane(day).run(); }

}  // namespace naive
