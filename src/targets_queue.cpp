// queue_target. Every message is in `order_` under the time at which it may be received: `visible`, the end of its visibility
// timeout (in flight), or `never` (held behind another of its ordering key); among equal times in the order in which they came.
// All that happens to a message is that its time changes, which allocates nothing.
//
// What concerns other objects - answering deliveries, the clock, the dead-letter queue, the bus - is done without the mutex.
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "rulebus/matcher.hpp"
#include "rulebus/targets/queue.hpp"

namespace rulebus::inline v1 {

struct queue_message::content {
  rulebus::event event;
  std::optional<std::string> own_body{};  // empty: the event as it is
  std::string bus_name{}, bus_arn{}, rule_name{}, target_id{}, target_arn{}, ordering_key{}, trace_header{}, traceparent{};
  std::vector<std::string> via{};
  std::optional<string_map> attributes{};
};

namespace detail::targets_queue_source {

using content = queue_message::content;
constexpr std::chrono::hours longest_timeout{12};     // as the service has it
constexpr std::chrono::hours longest_wait{24 * 365};  // for what is meant as "for ever"; nanoseconds must not overflow

result<void> check_timeout(std::chrono::milliseconds t) {
  if (t.count() >= 0 && t <= longest_timeout) return {};
  return error{errc::invalid_argument, "visibility_timeout must be 0 to 12 hours"};
}

error no_receipt() {
  return {errc::not_found,
          "the receipt is not valid: the message was acknowledged, released, moved or purged, or received again"};
}

std::shared_ptr<const content> content_of(const delivery& d) {
  const delivery_details of = d.details();
  content made{.event = d.event(),
               .bus_name = std::string(of.bus_name),
               .bus_arn = std::string(of.bus_arn),
               .rule_name = std::string(of.rule_name),
               .target_id = std::string(of.target_id),
               .target_arn = std::string(of.target_arn),
               .ordering_key = std::string(of.ordering_key),
               .trace_header = std::string(of.trace_header),
               .traceparent = std::string(of.traceparent),
               .via = {of.via.begin(), of.via.end()}};
  if (d.input().data() != d.event().json().data()) made.own_body = std::string(d.input());
  if (of.attributes) made.attributes = *of.attributes;
  return std::make_shared<const content>(std::move(made));
}

/// "arn:aws:events:local:1:event-bus/orders" and "big" make "arn:aws:events:local:1:rule/orders/big".
std::string rule_arn(std::string_view bus_arn, std::string_view rule_name) {
  constexpr std::string_view mark = ":event-bus/";
  const std::size_t at = bus_arn.find(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view bus_name = bus_arn.substr(at + mark.size());
  if (bus_name == "default") return fmt::format("{}:rule/{}", bus_arn.substr(0, at), rule_name);
  return fmt::format("{}:rule/{}/{}", bus_arn.substr(0, at), bus_name, rule_name);
}

/// What a message is among dead letters. One that is a dead letter already stays as it is: redriven, it goes to the target
/// that could not take it first.
std::shared_ptr<const content> as_letter(const std::shared_ptr<const content>& c, unsigned receives) {
  if (c->attributes) return c;
  content made = *c;
  made.attributes = string_map{{"RULE_ARN", rule_arn(c->bus_arn, c->rule_name)},
                               {"TARGET_ARN", c->target_arn},
                               {"TARGET_ID", c->target_id},
                               {"ERROR_CODE", "TARGET_FAILED"},
                               {"ERROR_MESSAGE", fmt::format("it was received {} times and not acknowledged", receives)},
                               {"EXHAUSTED_RETRY_CONDITION", "MaximumReceives"},
                               {"RETRY_ATTEMPTS", std::to_string(receives - 1)}};
  return std::make_shared<const content>(std::move(made));
}

}  // namespace detail::targets_queue_source

// ---- message

queue_message::queue_message(std::shared_ptr<const content> c, unsigned receives, receipt_handle r, std::chrono::nanoseconds age)
    : content_(std::move(c)), receive_count_(receives), receipt_(r), age_(age) {}

std::string_view queue_message::body() const noexcept {
  return content_->own_body ? std::string_view(*content_->own_body) : content_->event.json();
}
const event& queue_message::event() const noexcept { return content_->event; }
const string_map& queue_message::attributes() const noexcept {
  static const string_map none;
  return content_->attributes ? *content_->attributes : none;
}
delivery_details queue_message::details() const noexcept {
  const content& c = *content_;
  return {.bus_name = c.bus_name,
          .bus_arn = c.bus_arn,
          .rule_name = c.rule_name,
          .target_id = c.target_id,
          .target_arn = c.target_arn,
          .ordering_key = c.ordering_key,
          .trace_header = c.trace_header,
          .traceparent = c.traceparent,
          .via = c.via,
          .attributes = c.attributes ? &*c.attributes : nullptr};
}
std::optional<dead_letter> queue_message::as_dead_letter() const {
  const content& c = *content_;
  if (!c.attributes) return std::nullopt;
  return dead_letter{c.event, *c.attributes, c.ordering_key, c.trace_header, c.traceparent, c.via};
}

// ---- the messages

class queue_target::impl {
 public:
  using nanoseconds = std::chrono::nanoseconds;
  using content_ptr = std::shared_ptr<const queue_message::content>;

  explicit impl(queue_options o) : options(std::move(o)) {
    if (!options.clock) options.clock = system_clock();
  }
  const queue_options& configuration() const noexcept { return options; }
  nanoseconds elapsed() const { return options.clock->elapsed(); }
  void follow_clock(const std::shared_ptr<impl>& self);

  bool store(const content_ptr& c);
  std::vector<queue_message> receive(std::size_t max, nanoseconds wait, const std::stop_token& stop);
  result<void> acknowledge(receipt_handle r);
  result<void> change_visibility(receipt_handle r, nanoseconds timeout);
  result<void> release(receipt_handle r);
  queue_depth depth();
  std::vector<queue_message> peek(std::size_t max);
  std::size_t purge();

  // For redrive.
  struct candidate {
    std::uint64_t id;
    content_ptr what;
  };
  std::vector<candidate> waiting();
  std::optional<receipt_handle> lease(std::uint64_t id);
  void end_lease(receipt_handle r);

  queue_options options;

 private:
  static constexpr nanoseconds visible = nanoseconds::min(), never = nanoseconds::max();
  using place = std::pair<nanoseconds, std::uint64_t>;  // when it may be received, and which message
  using guard = std::unique_lock<std::mutex>;

  struct stored {
    content_ptr what;
    nanoseconds since;
    nanoseconds when = visible;
    unsigned receives = 0;
    std::uint64_t receive = 0;  // of the valid receipt; 0: there is none
  };
  using messages = std::unordered_map<std::uint64_t, stored>;
  struct line {  // of one ordering key
    std::uint64_t head = 0;
    std::set<std::uint64_t> behind{};  // held, or being redriven
  };
  struct doomed {  // on its way to the dead letters
    messages::node_type message{};
    std::set<place>::node_type at{};
    bool moved = false;
  };

  static bool out(nanoseconds when) noexcept { return when != visible && when != never; }
  void put_at(std::uint64_t id, stored& s, nanoseconds when) noexcept;
  void comes_back(messages::iterator m, std::vector<doomed>& gone);
  void settle(nanoseconds now, std::vector<doomed>& gone);
  void move_to_dead_letters(guard& lock, std::vector<doomed>& gone);
  void put_back(doomed d) noexcept;
  bool is_behind(std::uint64_t id, const stored& s) const;
  void leave_line(std::uint64_t id, const std::string& key) noexcept;
  void erase(messages::iterator m) noexcept;
  messages::iterator find(receipt_handle r);
  std::vector<queue_message> take(std::size_t max, nanoseconds now);
  void tell(std::size_t more) noexcept;
  void wait_for_change(guard& lock, std::uint64_t seen, nanoseconds now, nanoseconds until, const std::stop_token& stop);
  template <class F>
  auto at_present(F f);

  std::shared_ptr<void> clock_subscription_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  // All of the following is guarded by mutex_.
  messages messages_;
  std::set<place> order_;
  std::unordered_map<std::string, line> lines_;
  std::size_t moving_ = 0;  // to the dead letters, and perhaps back
  std::size_t in_flight_ = 0, held_ = 0;
  std::uint64_t last_id_ = 0, last_receive_ = 0, changes_ = 0;
  std::size_t waiting_ = 0;            // threads
  nanoseconds earliest_wake_ = never;  // when the first of them will look by itself; `never` also where that is not known
};

void queue_target::impl::follow_clock(const std::shared_ptr<impl>& self) {
  clock_subscription_ = options.clock->subscribe([weak = std::weak_ptr<impl>(self)] {
    if (const auto i = weak.lock()) {
      const guard lock(i->mutex_);
      i->tell(SIZE_MAX);
    }
  });
}

/// f(now), under the mutex, once everything has happened that was due.
template <class F>
auto queue_target::impl::at_present(F f) {
  const nanoseconds now = elapsed();
  std::vector<doomed> gone;
  guard lock(mutex_);
  settle(now, gone);
  if (!gone.empty()) move_to_dead_letters(lock, gone);
  auto answer = f(now, gone);
  if (!gone.empty()) move_to_dead_letters(lock, gone);
  return answer;
}

bool queue_target::impl::store(const content_ptr& c) {
  const nanoseconds now = elapsed();
  const guard lock(mutex_);
  if (messages_.size() + moving_ >= options.capacity) return false;
  const std::uint64_t id = last_id_ + 1;
  const std::string& key = c->ordering_key;
  nanoseconds when = visible;
  if (!key.empty()) {
    line& l = lines_[key];
    if (l.head == 0) {
      l.head = id;
    } else {
      l.behind.insert(id);
      when = never;
    }
  }
  try {
    order_.emplace(when, id);
    messages_.emplace(id, stored{c, now, when});
  } catch (...) {
    order_.erase({when, id});
    if (!key.empty()) leave_line(id, key);
    throw;
  }
  last_id_ = id;
  if (when == never) {
    ++held_;
  } else {
    tell(1);
  }
  return true;
}

void queue_target::impl::tell(std::size_t more) noexcept {
  ++changes_;
  if (waiting_ == 0) return;
  if (more == 1) {
    changed_.notify_one();
  } else {
    changed_.notify_all();
  }
}

// ---- what becomes of a message

void queue_target::impl::put_at(std::uint64_t id, stored& s, nanoseconds when) noexcept {
  auto node = order_.extract({s.when, id});
  node.value().first = when;
  order_.insert(std::move(node));
  in_flight_ = in_flight_ - (out(s.when) ? 1 : 0) + (out(when) ? 1 : 0);
  held_ = held_ - (s.when == never ? 1 : 0) + (when == never ? 1 : 0);
  s.when = when;
  if (out(when) && when < earliest_wake_) tell(SIZE_MAX);
}

bool queue_target::impl::is_behind(std::uint64_t id, const stored& s) const {
  return !s.what->ordering_key.empty() && lines_.at(s.what->ordering_key).head != id;
}

/// Its visibility timeout is over, or it was released.
void queue_target::impl::comes_back(messages::iterator m, std::vector<doomed>& gone) {
  const std::uint64_t id = m->first;
  stored& s = m->second;
  bool moves = options.max_receives != 0 && s.receives >= options.max_receives;
  try {
    if (moves) gone.emplace_back();
  } catch (const std::bad_alloc&) {  // then another time
    moves = false;
  }
  put_at(id, s, is_behind(id, s) ? never : visible);
  if (!moves) return tell(1);
  if (s.when == never) --held_;
  gone.back().at = order_.extract({s.when, id});
  gone.back().message = messages_.extract(m);
  ++moving_;
}

void queue_target::impl::settle(nanoseconds now, std::vector<doomed>& gone) {
  for (;;) {
    const auto first = order_.lower_bound({visible + nanoseconds(1), 0});
    if (first == order_.end() || first->first == never || first->first > now) return;
    comes_back(messages_.find(first->second), gone);
  }
}

void queue_target::impl::move_to_dead_letters(guard& lock, std::vector<doomed>& gone) {
  lock.unlock();
  for (doomed& d : gone) {
    const stored& s = d.message.mapped();
    try {
      d.moved = options.dead_letters->impl_->store(detail::targets_queue_source::as_letter(s.what, s.receives));
    } catch (const std::bad_alloc&) {  // it stays
    }
  }
  lock.lock();
  for (doomed& d : gone) {
    --moving_;
    if (d.moved) {
      leave_line(d.message.key(), d.message.mapped().what->ordering_key);
    } else {
      put_back(std::move(d));
    }
  }
  gone.clear();
}

/// The dead letters have no room for it. After a purge in the meantime another may be at the head of its line.
void queue_target::impl::put_back(doomed d) noexcept {
  const std::uint64_t id = d.message.key();
  const std::string& key = d.message.mapped().what->ordering_key;
  if (!key.empty()) {
    line& l = lines_[key];
    if (l.head == 0) l.head = id;
    if (l.head != id) l.behind.insert(id);
  }
  const auto m = messages_.insert(std::move(d.message)).position;
  m->second.when = is_behind(id, m->second) ? never : visible;
  d.at.value().first = m->second.when;
  order_.insert(std::move(d.at));
  if (m->second.when == never) ++held_;
  tell(1);
}

/// The next of its ordering key may go.
void queue_target::impl::leave_line(std::uint64_t id, const std::string& key) noexcept {
  const auto at = lines_.find(key);
  if (at == lines_.end()) return;
  line& l = at->second;
  if (l.head != id) {
    l.behind.erase(id);
    return;
  }
  if (l.behind.empty()) {
    lines_.erase(at);
    return;
  }
  l.head = *l.behind.begin();
  l.behind.erase(l.behind.begin());
  const auto next = messages_.find(l.head);
  if (next == messages_.end() || next->second.when != never) return;  // it is being moved, or redriven
  put_at(l.head, next->second, visible);
  tell(1);
}

void queue_target::impl::erase(messages::iterator m) noexcept {
  auto node = messages_.extract(m);
  put_at(node.key(), node.mapped(), visible);  // so that it is in no count
  order_.erase({visible, node.key()});
  leave_line(node.key(), node.mapped().what->ordering_key);
}

// ---- from outside

std::vector<queue_message> queue_target::impl::take(std::size_t max, nanoseconds now) {
  std::vector<queue_message> taken;
  const nanoseconds until = now + options.visibility_timeout;
  while (taken.size() < max && !order_.empty() && order_.begin()->first == visible) {
    const std::uint64_t id = order_.begin()->second;
    stored& s = messages_.find(id)->second;
    taken.emplace_back(s.what, s.receives + 1, receipt_handle{id, last_receive_ + 1}, now - s.since);
    s.receive = ++last_receive_;
    ++s.receives;
    put_at(id, s, until);
  }
  return taken;
}

std::vector<queue_message> queue_target::impl::receive(std::size_t max, nanoseconds wait, const std::stop_token& stop) {
  const nanoseconds longest = detail::targets_queue_source::longest_wait;
  const nanoseconds end = elapsed() + std::clamp(wait, nanoseconds(0), longest);
  for (;;) {
    guard lock(mutex_);
    const std::uint64_t seen = changes_;
    lock.unlock();
    const nanoseconds now = elapsed();
    lock.lock();
    std::vector<doomed> gone;
    settle(now, gone);
    if (!gone.empty()) move_to_dead_letters(lock, gone);
    std::vector<queue_message> taken = take(max, now);
    if (!taken.empty() || max == 0 || now >= end || stop.stop_requested()) return taken;
    const auto next = order_.lower_bound({visible + nanoseconds(1), 0});
    const nanoseconds until = next == order_.end() ? end : std::min(end, next->first);
    wait_for_change(lock, seen, now, until, stop);
  }
}

void queue_target::impl::wait_for_change(guard& lock, std::uint64_t seen, nanoseconds now, nanoseconds until,
                                         const std::stop_token& stop) {
  const auto changed = [&] { return changes_ != seen; };
  ++waiting_;
  earliest_wake_ = waiting_ == 1 ? until : std::min(earliest_wake_, until);
  if (options.clock->passes()) {
    changed_.wait_for(lock, stop, until - now, changed);
  } else {
    changed_.wait(lock, stop, changed);
  }
  --waiting_;
  earliest_wake_ = never;
}

queue_target::impl::messages::iterator queue_target::impl::find(receipt_handle r) {
  const auto m = r.receive == 0 ? messages_.end() : messages_.find(r.message);
  return m != messages_.end() && m->second.receive == r.receive ? m : messages_.end();
}

result<void> queue_target::impl::acknowledge(receipt_handle r) {
  return at_present([&](nanoseconds, std::vector<doomed>&) -> result<void> {
    const auto m = find(r);
    if (m == messages_.end()) return detail::targets_queue_source::no_receipt();
    erase(m);
    return {};
  });
}

result<void> queue_target::impl::change_visibility(receipt_handle r, nanoseconds timeout) {
  return at_present([&](nanoseconds now, std::vector<doomed>& gone) -> result<void> {
    const auto m = find(r);
    if (m == messages_.end()) return detail::targets_queue_source::no_receipt();
    if (m->second.when == visible || m->second.when == never) {
      return error{errc::not_found, "the visibility timeout of the message is over"};
    }
    if (timeout.count() > 0) {
      put_at(m->first, m->second, now + timeout);
    } else {
      m->second.receive = 0;
      comes_back(m, gone);
    }
    return {};
  });
}

queue_depth queue_target::impl::depth() {
  return at_present([&](nanoseconds, std::vector<doomed>&) {
    return queue_depth{messages_.size() - in_flight_ - held_, in_flight_ + moving_, held_};
  });
}

std::vector<queue_target::impl::candidate> queue_target::impl::waiting() {
  return at_present([&](nanoseconds, std::vector<doomed>&) {
    std::vector<candidate> all;
    for (const auto& [id, s] : messages_) {
      if (s.when == visible || s.when == never) all.push_back({id, s.what});
    }
    std::sort(all.begin(), all.end(), [](const candidate& a, const candidate& b) { return a.id < b.id; });
    return all;
  });
}

std::vector<queue_message> queue_target::impl::peek(std::size_t max) {
  return at_present([&](nanoseconds now, std::vector<doomed>&) {
    std::vector<std::uint64_t> ids;
    for (const place& p : order_) {
      if (p.first == visible || p.first == never) ids.push_back(p.second);
    }
    std::sort(ids.begin(), ids.end());
    std::vector<queue_message> seen;
    for (const std::uint64_t id : ids) {
      if (seen.size() >= max) break;
      const stored& s = messages_.find(id)->second;
      seen.emplace_back(s.what, s.receives, receipt_handle{}, now - s.since);
    }
    return seen;
  });
}

std::size_t queue_target::impl::purge() {
  messages all;  // destroyed without the mutex
  return at_present([&](nanoseconds, std::vector<doomed>&) {
    std::swap(all, messages_);
    order_.clear();
    lines_.clear();
    in_flight_ = held_ = 0;
    return all.size();
  });
}

// ---- for redrive

std::optional<receipt_handle> queue_target::impl::lease(std::uint64_t id) {
  return at_present([&](nanoseconds now, std::vector<doomed>&) -> std::optional<receipt_handle> {
    const auto m = messages_.find(id);
    if (m == messages_.end() || (m->second.when != visible && m->second.when != never)) return std::nullopt;
    m->second.receive = ++last_receive_;
    put_at(id, m->second, now + std::max<nanoseconds>(options.visibility_timeout, std::chrono::seconds(1)));
    return receipt_handle{id, m->second.receive};
  });
}

/// It is to be as if there had been no lease.
void queue_target::impl::end_lease(receipt_handle r) {
  const guard lock(mutex_);
  const auto m = find(r);
  if (m == messages_.end()) return;
  m->second.receive = 0;
  put_at(m->first, m->second, is_behind(m->first, m->second) ? never : visible);
  tell(1);
}

// ---- the target

queue_target::queue_target(queue_options options) {
  check(options).value();
  impl_ = std::make_shared<impl>(std::move(options));
  impl_->follow_clock(impl_);
}
queue_target::~queue_target() = default;

result<void> queue_target::check(const queue_options& o) {
  if (o.capacity == 0) return error{errc::invalid_argument, "capacity must be 1 or more"};
  if (o.max_receives > 0 && !o.dead_letters) return error{errc::invalid_argument, "max_receives needs dead_letters"};
  if (o.max_receives == 0 && o.dead_letters) return error{errc::invalid_argument, "dead_letters need max_receives"};
  if (o.retry_when_full && o.retry_when_full->count() < 0) {
    return error{errc::invalid_argument, "retry_when_full must be 0 or more"};
  }
  return detail::targets_queue_source::check_timeout(o.visibility_timeout);
}

void queue_target::deliver(delivery d) {
  if (impl_->store(detail::targets_queue_source::content_of(d))) return d.succeed();
  const queue_options& o = impl_->configuration();
  error full{errc::limit_exceeded, fmt::format("the queue is full: it has {} messages", o.capacity)};
  o.retry_when_full ? d.retry(std::move(full), *o.retry_when_full) : d.retry(std::move(full));
}

std::vector<queue_message> queue_target::receive(std::size_t max, std::chrono::milliseconds wait, const std::stop_token& stop) {
  return impl_->receive(max, std::min<std::chrono::milliseconds>(wait, detail::targets_queue_source::longest_wait), stop);
}
result<void> queue_target::acknowledge(receipt_handle r) { return impl_->acknowledge(r); }
result<void> queue_target::change_visibility(receipt_handle r, std::chrono::milliseconds timeout) {
  if (result<void> valid = detail::targets_queue_source::check_timeout(timeout); !valid) return valid;
  return impl_->change_visibility(r, timeout);
}
result<void> queue_target::release(receipt_handle r) { return impl_->change_visibility(r, std::chrono::nanoseconds(0)); }
queue_depth queue_target::depth() const { return impl_->depth(); }
std::vector<queue_message> queue_target::peek(std::size_t max) const { return impl_->peek(max); }
std::size_t queue_target::purge() { return impl_->purge(); }

result<redrive_report> queue_target::redrive(bus& to, std::string_view event_pattern, std::size_t max) {
  std::optional<matcher> wanted;
  std::optional<matcher::reader> reader;
  if (!event_pattern.empty()) {
    wanted.emplace();
    if (const result<rule_id> added = wanted->add(event_pattern); !added) return added.error();
    reader.emplace(*wanted);
  }
  redrive_report done;
  for (const impl::candidate& c : impl_->waiting()) {
    if (done.redriven + done.refused >= max) break;
    const queue_message m(c.what, 0, {}, {});
    const std::optional<dead_letter> letter = m.as_dead_letter();
    if (!letter) continue;
    if (reader) {
      const auto found = reader->match(m.event().json());
      if (!found || found->empty()) continue;
    }
    const std::optional<receipt_handle> lease = impl_->lease(c.id);
    if (!lease) continue;  // somebody received it in the meantime
    if (result<void> put = to.redrive(*letter); put) {
      ++done.redriven;
      static_cast<void>(impl_->acknowledge(*lease));
    } else {
      ++done.refused;
      if (!done.first_error) done.first_error = std::move(put).error();
      impl_->end_lease(*lease);
    }
  }
  return done;
}

}  // namespace rulebus::inline v1
