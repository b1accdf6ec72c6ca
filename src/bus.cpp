// The bus: how events come in, find their rules, and become invocations. Rules and tags are in bus_rules.cpp.
#include "rulebus/bus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "rulebus/detail/bus_impl.hpp"
#include "rulebus/detail/envelope.hpp"
#include "rulebus/detail/names.hpp"
#include "rulebus/detail/own_input.hpp"

namespace rulebus::inline v1 {

namespace detail::bus_source {

/// Counts the puts that this thread is in, over all buses.
class nesting {
 public:
  nesting() { ++depth(); }
  ~nesting() { --depth(); }
  nesting(const nesting&) = delete;
  nesting& operator=(const nesting&) = delete;

  result<void> check(std::size_t max) const {
    if (depth() - 1 <= max) return {};
    return error{errc::limit_exceeded, fmt::format("events are put from within targets more than {} deep", max)};
  }

 private:
  static std::size_t& depth() {
    thread_local std::size_t puts = 0;
    return puts;
  }
};

error stopped() { return {errc::stopped, "the bus was stopped and takes no more events"}; }

std::string bus_arn(const std::string& bus_name, const bus_options& o) {
  return fmt::format("arn:aws:events:{}:{}:event-bus/{}", o.region, o.account, bus_name);
}

std::string rule_arn_prefix(const std::string& bus_name, const bus_options& o) {
  return fmt::format("arn:aws:events:{}:{}:rule/{}", o.region, o.account, bus_name == "default" ? "" : bus_name + "/");
}

dispatcher::settings dispatcher_settings(const std::string& bus_name, const bus_options& o,
                                         std::shared_ptr<failure_reporter> failures) {
  return {.bus_name = bus_name,
          .bus_arn = bus_arn(bus_name, o),
          .rule_arn_prefix = rule_arn_prefix(bus_name, o),
          .clock = o.clock ? o.clock : system_clock(),
          .executor = o.executor,
          .threads = std::max<std::size_t>(1, o.threads),
          .seed = o.seed ? o.seed : std::random_device()(),
          .failures = std::move(failures),
          .observer = o.observer};
}

}  // namespace detail::bus_source

bus::impl::impl(std::string bus_name, bus_options given)
    : name(std::move(bus_name)),
      options(std::move(given)),
      failures_(options.on_error ? std::make_shared<detail::failure_reporter>(std::exchange(options.on_error, nullptr))
                                 : nullptr),
      patterns_(options.matching),
      deliveries_(std::make_shared<detail::dispatcher>(detail::bus_source::dispatcher_settings(name, options, failures_))),
      context_{
          name,
          options.limits,
          options.matching.patterns,
          options.inputs,
          std::make_shared<const delivery_options>(options.delivery),
          detail::dead_letter_options(),
          deliveries_,
          std::make_shared<detail::rule_timers>(deliveries_, [this](std::uint64_t number, const std::string& rule_name,
                                                                    time_point instant) { fire(number, rule_name, instant); })},
      dead_letter_(options.dead_letter),
      sessions_(patterns_),
      recent_(options.deduplication_window) {
  deliveries_->start();
  context_.timers->start();
}

bus::impl::~impl() {
  deliveries_->stop();
  context_.timers->stop();
  deliveries_->end_threads();
  for (const detail::dispatcher::leftover& left : deliveries_->take_undelivered()) {
    if (failures_) failures_->report({left.rule_name, left.target_id, left.event, left.reason, true, left.attempts, false});
  }
  if (failures_) failures_->close();
}

std::int64_t bus::impl::seconds_now() const {
  return std::chrono::floor<std::chrono::seconds>(deliveries_->configuration().clock->now()).time_since_epoch().count();
}

// ---- events come in

result<void> detail::check_put_events(std::span<const put_events_entry> entries, const limits& allowed) {
  if (entries.size() > allowed.max_entries) {
    return error{
        errc::limit_exceeded,
        fmt::format("1 validation error detected: Value '[PutEventsRequestEntry(time=null, source={}, ...)]' at 'entries' "
                    "failed to satisfy constraint: Member must have length less than or equal to {}",
                    entries.front().source, allowed.max_entries)};
  }
  std::size_t size = 0;
  for (const put_events_entry& entry : entries) size += detail::entry_size(entry);
  if (size > allowed.max_total_bytes) {
    return error{errc::limit_exceeded, "Total size of the entries in the request is over the limit."};
  }
  return {};
}

result<put_events_result> bus::impl::put_events(std::span<const put_events_entry> entries, const put_options& how) {
  const detail::bus_source::nesting here;
  counted_.calls.fetch_add(1, std::memory_order_relaxed);
  result<void> valid = here.check(options.max_nesting);
  if (valid && deliveries_->refusing()) valid = detail::bus_source::stopped();
  if (valid) valid = detail::check_put_events(entries, options.limits);
  if (!valid) {
    counted_.failed_calls.fetch_add(1, std::memory_order_relaxed);
    return valid.error();
  }
  put_events_result answers;
  answers.entries.reserve(entries.size());
  for (const put_events_entry& entry : entries) {
    put_events_result_entry& answer = answers.entries.emplace_back();
    put_entry(entry, how, answer);
    if (!answer.failure) continue;
    ++answers.failed_entry_count;
    answer.event_id.clear();
    deliveries_->observe({.type = log_type::event_ingest_failure, .reason = &*answer.failure});
  }
  counted_.entries.fetch_add(entries.size(), std::memory_order_relaxed);
  counted_.failed_entries.fetch_add(answers.failed_entry_count, std::memory_order_relaxed);
  return answers;
}

void bus::impl::put_entry(const put_events_entry& entry, const put_options& how, put_events_result_entry& answer) {
  answer.event_id = detail::make_uuid();
  if (entry.trace_header.size() > 500) {
    answer.failure = detail::check_length(entry.trace_header, 500, "traceHeader").error();
    return;
  }
  if (entry.tags) {
    if (result<void> valid = check_tags(*entry.tags); !valid) {
      answer.failure = std::move(valid).error();
      return;
    }
  }
  result<std::string> json = detail::make_envelope(entry, {answer.event_id, options.account, options.region, seconds_now()},
                                                   options.matching.events.max_depth);
  if (!json) {
    answer.failure = std::move(json).error();
    return;
  }
  if (!entry.deduplication_id.empty()) {
    if (auto first = recent_.find_or_add(entry.deduplication_id, answer.event_id, deliveries_->elapsed())) {
      answer.event_id = std::move(*first);
      answer.deduplicated = true;
      counted_.deduplicated.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  result<void> routed =
      route({*std::move(json), {}}, make_extras(entry.ordering_key, entry.trace_header, entry.traceparent, {}), how);
  if (routed) return;
  if (!entry.deduplication_id.empty()) recent_.remove(entry.deduplication_id);
  answer.failure = std::move(routed).error();
  if (answer.failure->code == errc::invalid_json) {  // detail was checked, and strings are escaped
    answer.failure = error{errc::invalid_argument, "Source, DetailType, Resources, account and region must be valid UTF-8."};
  }
}

result<void> bus::impl::put_event_json(std::string json, const put_options& how) {
  const detail::bus_source::nesting here;
  if (result<void> shallow = here.check(options.max_nesting); !shallow) return shallow;
  if (deliveries_->refusing()) return detail::bus_source::stopped();
  return route({std::move(json), {}}, nullptr, how);
}

result<void> bus::impl::forward(const event& e, const event_context& context, const put_options& how) {
  const detail::bus_source::nesting here;
  if (result<void> shallow = here.check(options.max_nesting); !shallow) return shallow;
  if (deliveries_->refusing()) return detail::bus_source::stopped();
  return route({{}, e}, make_extras(context.ordering_key, context.trace_header, context.traceparent, context.via), how);
}

detail::extras_ptr bus::impl::make_extras(std::string_view ordering_key, std::string_view trace_header,
                                          std::string_view traceparent, std::span<const std::string> via) {
  if (ordering_key.empty() && trace_header.empty() && traceparent.empty() && via.empty()) return nullptr;
  return std::make_shared<const detail::entry_extras>(detail::entry_extras{
      std::string(ordering_key), std::string(trace_header), std::string(traceparent), {via.begin(), via.end()}});
}

// ---- and find their rules

result<void> bus::impl::route(incoming from, const extras_ptr& extras, const put_options& how) {
  const detail::session_pool::lease session(sessions_);
  const auto ids = session->reader.match(from.text());
  if (!ids) return ids.error();
  const std::uint64_t sequence = counted_.events.fetch_add(1, std::memory_order_relaxed);
  std::size_t matched = 0;
  std::optional<event> e;
  if (!ids->empty() || options.observer) e = from.take();
  if (options.observer) deliveries_->observe({.type = log_type::event_receipt, .event_id = e->id()});
  std::vector<rule_id> several;  // what targets put uses other sessions; but a thread that waits for room may run others' work
  arrival when{sequence, ids->empty() ? detail::nanoseconds(0) : deliveries_->elapsed(), !options.observer};
  if (ids->size() > 1) {
    several.assign(ids->begin(), ids->end());
    std::sort(several.begin(), several.end());
  }
  for (const rule_id id : several.empty() ? *ids : std::span<const rule_id>(several)) {
    const detail::rule_entry* const r = session->rules.find(id);
    if (!r) continue;
    ++matched;
    if (r->may_wait > 0 && !how.only) {
      r->matched->fetch_add(1, std::memory_order_relaxed);
      r->fan->put({session->rules.share(id), *e, extras, sequence, when.put_at});
    } else {
      deliver(*e, *r, extras, how, when);
    }
  }
  if (matched > 1) counted_.further_rules.fetch_add(matched - 1, std::memory_order_release);
  if (matched == 0) {
    counted_.unmatched.fetch_add(1, std::memory_order_release);
    if (options.observer) deliveries_->observe({.type = log_type::no_standard_rules_matched, .event_id = e->id()});
  }
  return {};
}

void bus::impl::deliver(const event& e, const detail::rule_entry& r, const extras_ptr& extras, const put_options& how,
                        arrival& when) {
  const bool by_rule = !how.only || how.only->matches(r.fields.tags);
  r.matched->fetch_add(1, std::memory_order_relaxed);
  if (options.observer) deliveries_->observe({.type = log_type::rule_match, .event_id = e.id(), .rule_name = *r.name});
  if (r.fan) r.fan->distribute();
  if (!how.only) {
    detail::dispatcher::begun all(*deliveries_, r.targets.size());
    for (const detail::target_entry& t : r.targets) offer(e, r, t, extras, when, all);
    return;
  }
  for (const detail::target_entry& t : r.targets) {
    bool chosen = by_rule;
    if (!t.tags().empty()) {
      string_map both = t.tags();
      both.insert(r.fields.tags.begin(), r.fields.tags.end());  // its own come first
      chosen = how.only->matches(both);
    }
    if (!chosen) continue;
    detail::dispatcher::begun one(*deliveries_, 1);
    offer(e, r, t, extras, when, one);
  }
}

/// Makes an invocation with the target's input, and gives it to the target's lane.
void bus::impl::offer(const event& e, const detail::rule_entry& r, const detail::target_entry& t, const extras_ptr& extras,
                      arrival& when, detail::dispatcher::begun& from, put_by whom) {
  auto made = deliveries_->spent().make(e, t.lane, extras);
  std::optional<error> refused;
  if (t.has_own_input()) refused = detail::set_own_input(*made, r, t);
  made->scheduled = whom == put_by::schedule;
  made->sequence = when.sequence;
  made->created = when.put_at;
  made->generation = from.take();  // from here on it ends, whatever happens
  deliveries_->observe(log_type::invocation_start, *made, 0);
  if (refused) return t.lane->refuse(made, *std::move(refused));
  // The targets before may have taken their time.
  const detail::nanoseconds now = std::exchange(when.is_now, false) ? when.put_at : deliveries_->elapsed();
  t.lane->offer(std::move(made), t.target, now);
}

result<void> bus::impl::redrive(const dead_letter& letter) {
  if (deliveries_->refusing()) return detail::bus_source::stopped();
  const auto arn = letter.attributes.find("RULE_ARN"), id = letter.attributes.find("TARGET_ID");
  const std::string prefix = deliveries_->rule_arn({});
  if (arn == letter.attributes.end() || id == letter.attributes.end() || !arn->second.starts_with(prefix) ||
      arn->second.find('/', prefix.size()) != std::string::npos) {  // of another bus than the default one
    return error{errc::invalid_argument, "this is not a dead letter of this bus"};
  }
  const std::string_view rule_name = std::string_view(arn->second).substr(prefix.size()), target_id = id->second;
  const result<detail::rule_entry_ptr> r = find_rule(rule_name);
  if (!r) return r.error();
  const auto at = detail::target_position((*r)->targets, target_id);
  if (at == (*r)->targets.end() || at->lane->who().target_id != target_id) return detail::no_target(target_id, rule_name);
  if ((*r)->fan) (*r)->fan->distribute();
  const extras_ptr extras = make_extras(letter.ordering_key, letter.trace_header, letter.traceparent, letter.via);
  arrival when{counted_.events.load(std::memory_order_relaxed), deliveries_->elapsed(), true};
  detail::dispatcher::begun one(*deliveries_, 1);
  offer(letter.event, **r, *at, extras, when, one);
  return {};
}

// ---- delivery

std::size_t bus::impl::pump(std::size_t max, std::optional<std::chrono::milliseconds> deadline) {
  using steady = std::chrono::steady_clock;
  const auto end = steady::now() + deadline.value_or(std::chrono::milliseconds(0));
  std::size_t done = 0;
  while (done < max) {
    timers().run(256);
    const std::size_t now = deliveries_->run(deadline ? 1 : std::min<std::size_t>(max - done, 256));
    done += now;
    if (deadline && steady::now() >= end) break;
    if (now == 0) {
      const auto due = deliveries_->next_due();
      if (!due || *due > deliveries_->elapsed()) break;
    }
  }
  return done;
}

bus_metrics bus::impl::metrics() const {
  const auto of = [](const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  bus_metrics now;
  now.put_events_calls = of(counted_.calls);
  now.put_events_failed_calls = of(counted_.failed_calls);
  now.put_events_entries = of(counted_.entries);
  now.put_events_failed_entries = of(counted_.failed_entries);
  now.deduplicated_entries = of(counted_.deduplicated);
  // First, and so that the events they are of are then seen as well: a difference must not be less than nothing.
  const std::uint64_t unmatched = counted_.unmatched.load(std::memory_order_acquire);
  const std::uint64_t further_rules = counted_.further_rules.load(std::memory_order_acquire);
  now.events = of(counted_.events);
  now.matched_events = now.events - unmatched;
  now.triggered_rules = now.matched_events + further_rules;
  now.missed_schedules = timers().missed();
  now.deliveries = deliveries_->metrics();
  return now;
}

// ---- the interface

bus::bus(std::string name, bus_options options) : impl_(std::make_unique<impl>(std::move(name), std::move(options))) {}
bus::~bus() = default;

const std::string& bus::name() const noexcept { return impl_->name; }
std::string bus::arn() const { return impl_->deliveries().configuration().bus_arn; }
std::string bus::rule_arn(std::string_view rule_name) const { return impl_->deliveries().rule_arn(rule_name); }

result<put_events_result> bus::put_events(std::span<const put_events_entry> entries, const put_options& how) {
  return impl_->put_events(entries, how);
}
result<put_events_result> bus::put_events(std::initializer_list<put_events_entry> entries, const put_options& how) {
  return impl_->put_events(std::span<const put_events_entry>(entries.begin(), entries.size()), how);
}
result<std::string> bus::put_event(const put_events_entry& entry, const put_options& how) {
  result<put_events_result> all = impl_->put_events(std::span<const put_events_entry>(&entry, 1), how);
  if (!all) return std::move(all).error();
  put_events_result_entry& one = all->entries.front();
  if (one.failure) return *std::move(one.failure);
  return std::move(one.event_id);
}
result<void> bus::put_event_json(std::string json, const put_options& how) { return impl_->put_event_json(std::move(json), how); }
result<void> bus::forward(const event& e, const event_context& context, const put_options& how) {
  return impl_->forward(e, context, how);
}

result<void> bus::flush(std::optional<std::chrono::milliseconds> deadline) {
  std::optional<std::chrono::steady_clock::time_point> end;
  if (deadline) end = std::chrono::steady_clock::now() + *deadline;
  while (impl_->timers().run(256) > 0) {}
  if (impl_->deliveries().flush(end)) return {};
  return error{errc::timed_out, fmt::format("{} deliveries have not ended", impl_->deliveries().under_way())};
}
std::size_t bus::pump(std::size_t max, std::optional<std::chrono::milliseconds> deadline) { return impl_->pump(max, deadline); }
std::optional<std::chrono::nanoseconds> bus::next_due() const {
  const auto due = impl_->deliveries().next_due();
  const auto scheduled = impl_->timers().next_due();
  if (!due) return scheduled;
  const auto wait = *due - impl_->deliveries().elapsed();
  return scheduled ? std::min(wait, *scheduled) : wait;
}

std::vector<undelivered_event> bus::stop() {
  impl_->deliveries().stop();
  std::vector<undelivered_event> told;
  for (detail::dispatcher::leftover& left : impl_->deliveries().take_undelivered()) {
    told.push_back(
        {std::move(left.event), std::move(left.rule_name), std::move(left.target_id), left.attempts, std::move(left.reason)});
  }
  return told;
}
std::vector<undelivered_event> bus::drain_and_stop(std::chrono::milliseconds deadline) {
  impl_->deliveries().refuse_events();
  static_cast<void>(flush(deadline));
  return stop();
}
result<void> bus::redrive(const dead_letter& letter) { return impl_->redrive(letter); }
result<void> bus::redrive(const delivery& letter) {
  const std::optional<dead_letter> copy = as_dead_letter(letter);
  if (!copy) return error{errc::invalid_argument, "this is not a dead letter of this bus"};
  return impl_->redrive(*copy);
}
bus_metrics bus::metrics() const { return impl_->metrics(); }

}  // namespace rulebus::inline v1
