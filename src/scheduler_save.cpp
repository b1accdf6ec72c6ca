// scheduler, continued: its state as JSON text. Members that have their default are left out. Version 1:
//   {"version": 1, "serials": n, "groups": [{"name", "tags"}], "schedules": [{…, "anchor": ms, "next": ms, …}],
//    "fires": [{"schedule": i, "time": ms, "serial": n}], "backfills": [{"schedule": i, "behind": ms, "to": ms, "serial": n}]}
// Schedules are in the order of their creation; fires and backfills name them by their place there. Times are in ms since 1970.
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "rulebus/detail/json_write.hpp"
#include "rulebus/detail/scheduler_impl.hpp"
#include "rulebus/detail/scheduler_names.hpp"

namespace rulebus::inline v1 {

namespace detail::scheduler_save_source {

/// Writes the members of one object.
class object {
 public:
  explicit object(std::string& out) : out_(out) { out_ += '{'; }
  ~object() { out_ += '}'; }
  object(const object&) = delete;
  object& operator=(const object&) = delete;

  void text(std::string_view key, std::string_view value) {
    member(key);
    append_json_string(out_, value);
  }
  void text_unless_empty(std::string_view key, std::string_view value) {
    if (!value.empty()) text(key, value);
  }
  template <class Number>
  void number(std::string_view key, Number value) {
    member(key);
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  template <class Value>
  void number_unless(std::string_view key, Value value, Value otherwise) {
    if (value != otherwise) number(key, value);
  }
  template <class E>
  void word_unless(std::string_view key, E value, E otherwise) {
    if (value != otherwise) text(key, word_of(value));
  }
  void tags(const string_map& tags) {
    if (tags.empty()) return;
    member("tags");
    object inner(out_);
    for (const auto& [key, value] : tags) inner.text(key, value);
  }
  std::string& member(std::string_view key) {
    if (out_.back() != '{') out_ += ',';
    append_json_string(out_, key);
    out_ += ':';
    return out_;
  }

 private:
  std::string& out_;
};

void write_delivery(object& in, const delivery_options& d) {
  object o(in.member("delivery"));
  o.text("dispatch", word_of(d.dispatch));
  o.number("maximum_retry_attempts", d.retry.maximum_retry_attempts);
  o.number("maximum_event_age", d.retry.maximum_event_age.count());
  o.number("backoff_base", d.retry.backoff_base.count());
  o.number("backoff_cap", d.retry.backoff_cap.count());
  o.number("timeout", d.timeout.count());
  o.number("queue_capacity", d.queue_capacity);
  o.text("when_full", word_of(d.when_full));
  o.number("max_in_flight", d.max_in_flight);
  o.number("rate_per_second", d.rate.per_second);
  o.number("rate_burst", d.rate.burst);
  o.number("breaker_failures", d.breaker.failures);
  o.number("breaker_open_for", d.breaker.open_for.count());
  o.number("batch_size", d.batch.size);
  o.number("batch_window", d.batch.window.count());
}

void write_profile(object& o, const schedule_profile& p) {
  const schedule plain;
  o.text("target", p.arn);
  if (p.dead_letter) o.text("dead_letter", p.dead_letter_arn);
  if (p.delivery) write_delivery(o, *p.delivery);
  o.number_unless("flexible_time_window", p.window_minutes, std::uint32_t{0});
  o.word_unless("action_after_completion", p.action_after_completion, plain.action_after_completion);
  o.word_unless("overlap", p.overlap, plain.overlap);
  o.word_unless("catch_up", p.catch_up, plain.catch_up);
  o.number_unless("catch_up_window", p.catch_up_window, std::int64_t{plain.catch_up_window.count()});
  o.number_unless("pause_after_failures", p.pause_after_failures, std::uint32_t{0});
}

void write_fire(std::string& out, planned_fire f, std::optional<std::size_t> place) {
  object o(out);
  if (place) o.number("schedule", *place);
  o.number("time", f.time);
  o.number_unless("serial", f.serial, std::uint64_t{0});
}

void write_schedule(std::string& out, const schedule_entry& e, std::string_view group) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  object o(out);
  o.text("name", e.name());
  if (group != "default") o.text("group", group);
  o.text("expression", e.texts[text_block::expression]);
  if (e.expression.zone().name() != "UTC") o.text("timezone", e.expression.zone().name());
  o.text_unless_empty("description", e.texts[text_block::description]);
  o.text_unless_empty("input", e.texts[text_block::input]);
  o.number_unless("start_date", e.start, least);
  o.number_unless("end_date", e.end, never_ms);
  o.word_unless("state", e.state, schedule_state::enabled);
  write_profile(o, *e.profile);
  if (e.tags) o.tags(*e.tags);
  o.number("anchor", e.expression.anchor().time_since_epoch().count());
  o.number_unless("next", e.next, never_ms);
  o.number_unless("last", e.last, least);
  if (e.paused) o.member("paused") += "true";
  if (!e.progress) return;
  o.number_unless("failures", e.progress->failures, std::uint32_t{0});
  if (e.progress->buffered.empty()) return;
  o.member("buffered") += '[';
  for (const planned_fire& f : e.progress->buffered) {
    if (out.back() != '[') out += ',';
    write_fire(out, f, std::nullopt);
  }
  out += ']';
}

}  // namespace detail::scheduler_save_source

std::string scheduler::impl::save() const {
  using namespace detail::scheduler_save_source;
  std::string out;
  const std::lock_guard lock(mutex_);
  const std::vector<std::uint32_t> all = table_.by_order();
  std::vector<std::size_t> place(table_.capacity());
  {
    object o(out);
    o.number("version", 1);
    o.number("serials", serials_);
    const auto list = [&](std::string_view key, const auto& values, auto write) {
      o.member(key) += '[';
      for (const auto& value : values) {
        if (out.back() == '}') out += ',';
        write(value);
      }
      out += ']';
    };
    list("groups", table_.groups_by_name(), [&](const auto& named) {
      object group(out);
      group.text("name", named.first);
      group.tags(table_.group(named.second).tags);
    });
    list("schedules", all, [&, n = std::size_t{0}](std::uint32_t id) mutable {
      place[id] = n++;
      write_schedule(out, table_[id], table_.group(table_[id].group).name);
    });
    std::vector<wanted> fires;
    for (const wanted& w : wanted_) {
      if (table_.is_present(w.id, w.order)) fires.push_back(w);
    }
    list("fires", fires, [&](const wanted& w) { write_fire(out, w.fire, place[w.id]); });
    std::vector<filling> backfills;
    for (const filling& f : fillings_) {
      if (table_.is_present(f.id, f.order)) backfills.push_back(f);
    }
    list("backfills", backfills, [&](const filling& f) {
      object b(out);
      b.number("schedule", place[f.id]);
      b.number("behind", f.behind);
      b.number("to", f.to);
      b.number("serial", f.serial);
    });
  }
  return out;
}

}  // namespace rulebus::inline v1
