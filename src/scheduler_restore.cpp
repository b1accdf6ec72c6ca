// scheduler, continued: from saved state (scheduler_save.cpp) back to schedules. Everything is read and checked before anything
// is changed.
#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <map>
#include <utility>

#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/names.hpp"
#include "rulebus/detail/scheduler_impl.hpp"
#include "rulebus/detail/scheduler_names.hpp"

namespace rulebus::inline v1 {

namespace detail::scheduler_restore_source {

/// Reads values where they are expected, and keeps the first thing that is wrong. After that, every call fails.
class state_reader {
 public:
  explicit state_reader(std::string_view text) : text_(text), json_(text) { token_ = json_.next(); }

  /// Calls visit(key) with the reader at the member's value, which it must read or skip.
  template <class Visit>
  bool members(Visit visit) {
    if (!enter(token::object_begin, "an object")) return false;
    while (token_ == token::key) {
      const std::string key(json_.text());
      step();
      if (!visit(key)) return false;
    }
    return leave(token::object_end);
  }
  template <class Visit>
  bool elements(Visit visit) {
    if (!enter(token::array_begin, "an array")) return false;
    while (token_ != token::array_end) {
      if (token_ == token::error || !visit()) return stop();
    }
    return leave(token::array_end);
  }
  bool text(std::string& out) {
    if (token_ != token::string) return wrong("a string");
    out = json_.text();
    return step();
  }
  template <class Number>
  bool number(Number& out) {
    if (token_ != token::number) return wrong("a number");
    const std::string_view digits = json_.text();
    const auto end = digits.data() + digits.size();
    if (const auto r = std::from_chars(digits.data(), end, out); r.ec != std::errc() || r.ptr != end) {
      return wrong("a number in range");
    }
    return step();
  }
  template <class Rep, class Period>
  bool number(std::chrono::duration<Rep, Period>& out) {
    Rep count{};
    if (!number(count)) return false;
    out = std::chrono::duration<Rep, Period>(count);
    return true;
  }
  /// In ms; no further away than arithmetic with it is safe.
  bool instant(std::int64_t& out) {
    const std::size_t at = json_.offset();
    if (!number(out)) return false;
    return (out >= -furthest_ms && out <= furthest_ms) || wrong("an instant in range", at);
  }
  template <class E>
  bool word(E& out) {
    std::string said;
    const std::size_t at = json_.offset();
    if (!text(said)) return false;
    const auto found = from_word<E>(said);
    if (!found) return wrong("one of the words of a state", at);
    out = *found;
    return true;
  }
  bool boolean(bool& out) {
    if (token_ != token::true_value && token_ != token::false_value) return wrong("true or false");
    out = token_ == token::true_value;
    return step();
  }
  bool tags(string_map& out) {
    return members([&](const std::string& key) { return text(out[key]); });
  }
  /// A member that this version does not know.
  bool unknown(const std::string& key) { return wrong(fmt::format("no member \"{}\"", key)); }
  bool at_end() const noexcept { return token_ == token::end; }
  /// Where the next value begins.
  std::size_t offset() const noexcept { return json_.offset(); }
  bool wrong(std::string_view expected) { return wrong(expected, json_.offset()); }
  const error& failure() const noexcept { return failure_; }

 private:
  bool stop() {
    if (failure_.message.empty()) failure_ = json_.failure();
    return false;
  }
  bool step() {
    token_ = json_.next();
    return token_ != token::error || stop();
  }
  bool enter(token what, std::string_view name) {
    if (token_ != what) return wrong(name);
    return step();
  }
  bool leave(token what) {
    if (token_ != what) return stop();
    return step();
  }
  bool wrong(std::string_view expected, std::size_t at) {
    if (token_ == token::error) return stop();
    if (failure_.message.empty()) {
      failure_ = error_at(errc::invalid_argument, fmt::format("the state of a scheduler has {} here", expected), text_, at);
    }
    return false;
  }

  std::string_view text_;
  json_reader json_;
  token token_;
  error failure_{};
};

/// A schedule, and how it stood.
struct standing {
  std::size_t offset = 0, expression_offset = 0;  // of its object in the state, and of its expression there
  schedule of{};
  std::int64_t anchor = 0, next = never_ms, last = std::numeric_limits<std::int64_t>::min();
  bool paused = false;
  std::uint32_t failures = 0;
  std::vector<planned_fire> buffered{};
  bool has_dead_letter = false;
};

struct saved_fire {
  std::size_t offset = 0;  // of the number of its schedule, in the state
  std::size_t schedule = 0;
  planned_fire fire{};
  std::int64_t behind = 0, to = 0;  // of a backfill
};

struct saved_group {
  std::size_t offset = 0;
  std::string name{};
  string_map tags{};
};

struct saved_state {
  int version = 0;
  std::uint64_t serials = 0;
  std::vector<saved_group> groups{};
  std::vector<standing> schedules{};
  std::vector<saved_fire> fires{}, backfills{};
};

bool read_delivery(state_reader& in, delivery_options& d) {
  return in.members([&](const std::string& key) {
    if (key == "dispatch") return in.word(d.dispatch);
    if (key == "maximum_retry_attempts") return in.number(d.retry.maximum_retry_attempts);
    if (key == "maximum_event_age") return in.number(d.retry.maximum_event_age);
    if (key == "backoff_base") return in.number(d.retry.backoff_base);
    if (key == "backoff_cap") return in.number(d.retry.backoff_cap);
    if (key == "timeout") return in.number(d.timeout);
    if (key == "queue_capacity") return in.number(d.queue_capacity);
    if (key == "when_full") return in.word(d.when_full);
    if (key == "max_in_flight") return in.number(d.max_in_flight);
    if (key == "rate_per_second") return in.number(d.rate.per_second);
    if (key == "rate_burst") return in.number(d.rate.burst);
    if (key == "breaker_failures") return in.number(d.breaker.failures);
    if (key == "breaker_open_for") return in.number(d.breaker.open_for);
    if (key == "batch_size") return in.number(d.batch.size);
    if (key == "batch_window") return in.number(d.batch.window);
    return in.unknown(key);
  });
}

bool read_fire(state_reader& in, saved_fire& f) {
  return in.members([&](const std::string& key) {
    if (key == "schedule") {
      f.offset = in.offset();
      return in.number(f.schedule);
    }
    if (key == "time") return in.instant(f.fire.time);
    if (key == "serial") return in.number(f.fire.serial);
    if (key == "behind") return in.instant(f.behind);
    if (key == "to") return in.instant(f.to);
    return in.unknown(key);
  });
}

bool read_date(state_reader& in, std::optional<time_point>& out) {
  std::int64_t since = 0;
  if (!in.instant(since)) return false;
  out = time_point(std::chrono::milliseconds(since));
  return true;
}

bool read_progress(state_reader& in, const std::string& key, standing& s) {
  if (key == "anchor") return in.instant(s.anchor);
  if (key == "next") return in.instant(s.next);
  if (key == "last") return in.instant(s.last);
  if (key == "paused") return in.boolean(s.paused);
  if (key == "failures") return in.number(s.failures);
  if (key != "buffered") return in.unknown(key);
  return in.elements([&] {
    saved_fire f;
    if (!read_fire(in, f)) return false;
    s.buffered.push_back(f.fire);
    return true;
  });
}

bool read_schedule(state_reader& in, standing& s) {
  s.offset = s.expression_offset = in.offset();
  return in.members([&](const std::string& key) {
    schedule& of = s.of;
    if (key == "name") return in.text(of.name);
    if (key == "group") return in.text(of.group);
    if (key == "expression") {
      s.expression_offset = in.offset();
      return in.text(of.schedule_expression);
    }
    if (key == "timezone") return in.text(of.schedule_expression_timezone);
    if (key == "description") return in.text(of.description);
    if (key == "input") return in.text(of.target.input);
    if (key == "start_date") return read_date(in, of.start_date);
    if (key == "end_date") return read_date(in, of.end_date);
    if (key == "state") return in.word(of.state);
    if (key == "target") return in.text(of.target.arn);
    if (key == "dead_letter") {
      s.has_dead_letter = true;
      return in.text(of.target.dead_letter_arn);
    }
    if (key == "delivery") return read_delivery(in, of.target.delivery.emplace());
    if (key == "flexible_time_window") return in.number(of.flexible_time_window);
    if (key == "action_after_completion") return in.word(of.action_after_completion);
    if (key == "overlap") return in.word(of.overlap);
    if (key == "catch_up") return in.word(of.catch_up);
    if (key == "catch_up_window") return in.number(of.catch_up_window);
    if (key == "pause_after_failures") return in.number(of.pause_after_failures);
    if (key == "tags") return in.tags(of.tags);
    return read_progress(in, key, s);
  });
}

bool read_state(state_reader& in, saved_state& s) {
  return in.members([&](const std::string& key) {
    if (key == "version") return in.number(s.version);
    if (key == "serials") return in.number(s.serials);
    if (key == "groups") {
      return in.elements([&] {
        saved_group& g = s.groups.emplace_back();
        g.offset = in.offset();
        return in.members([&](const std::string& member) {
          if (member == "name") return in.text(g.name);
          return member == "tags" ? in.tags(g.tags) : in.unknown(member);
        });
      });
    }
    if (key == "schedules") return in.elements([&] { return read_schedule(in, s.schedules.emplace_back()); });
    if (key == "fires") return in.elements([&] { return read_fire(in, s.fires.emplace_back()); });
    if (key == "backfills") return in.elements([&] { return read_fire(in, s.backfills.emplace_back()); });
    return in.unknown(key);
  });
}

result<saved_state> parse_state(std::string_view text) {
  state_reader in(text);
  saved_state s;
  if (!read_state(in, s) || !in.at_end()) return in.failure();
  if (s.version != 1) return error_at(errc::invalid_argument, "this is not a scheduler's state of version 1", text, 0);
  for (const auto* list : {&s.fires, &s.backfills}) {
    for (const saved_fire& f : *list) {
      if (f.schedule >= s.schedules.size()) {
        return error_at(errc::invalid_argument, fmt::format("the state names schedule {}, which it does not have", f.schedule),
                        text, f.offset);
      }
    }
  }
  return s;
}

result<std::shared_ptr<target>> found(const scheduler::target_finder& find, const std::string& arn, const std::string& name) {
  std::shared_ptr<target> to = find ? find(arn) : nullptr;
  if (to) return to;
  return error{errc::not_found, fmt::format("the target '{}' of schedule {} was not found", arn, name)};
}

/// Finds the targets of a schedule that was saved. Error: errc::not_found.
result<void> find_targets(standing& s, const scheduler::target_finder& find) {
  auto to = found(find, s.of.target.arn, s.of.name);
  if (!to) return std::move(to).error();
  s.of.target.target = *std::move(to);
  if (!s.has_dead_letter) return {};
  auto dead = found(find, s.of.target.dead_letter_arn, s.of.name);
  if (!dead) return std::move(dead).error();
  s.of.target.dead_letter = *std::move(dead);
  return {};
}

/// How it stood.
void set_standing(detail::schedule_entry& e, const standing& s) {
  e.expression = e.expression.anchored_at(time_point(std::chrono::milliseconds(s.anchor)));
  e.next = s.next;
  e.last = s.last;
  e.paused = s.paused;
  if (s.failures == 0 && s.buffered.empty()) return;
  e.progress = std::make_unique<detail::schedule_progress>();
  e.progress->failures = s.failures;
  e.progress->buffered.assign(s.buffered.begin(), s.buffered.end());
}

}  // namespace detail::scheduler_restore_source

result<void> scheduler::impl::restore(std::string_view state, const target_finder& find) {
  using namespace detail::scheduler_restore_source;
  result<saved_state> saved = parse_state(state);
  if (!saved) return std::move(saved).error();
  // An error of a part knows nothing of the state, or a place within an expression: it gets its place in the state.
  const auto refused = [&](error e, std::size_t offset) { return detail::error_at(e.code, std::move(e.message), state, offset); };
  const auto wrong = [&](std::string what, std::size_t offset) {
    return refused({errc::invalid_argument, std::move(what)}, offset);
  };
  detail::schedule_table table;
  bool has_default = false;
  for (saved_group& g : saved->groups) {
    if (result<void> valid = detail::check_name(g.name, "groups.name"); !valid) return refused(valid.error(), g.offset);
    if (result<void> valid = check_tags(g.tags); !valid) return refused(valid.error(), g.offset);
    if (g.name == "default" && !std::exchange(has_default, true)) {  // it is always there
      table.set_group_tags(table.find_group(g.name), std::move(g.tags));
    } else if (table.find_group(g.name) == detail::schedule_table::none) {
      table.add_group(std::move(g.name), std::move(g.tags));
    } else {
      return wrong(fmt::format("the state has group {} twice", g.name), g.offset);
    }
  }
  std::vector<std::uint32_t> ids;
  ids.reserve(saved->schedules.size());
  for (standing& s : saved->schedules) {
    const std::string group = s.of.group, name = s.of.name;
    if (result<void> there = find_targets(s, find); !there) return refused(there.error(), s.offset);
    result<parts> made = compile(std::move(s.of), s.anchor);
    if (!made) return refused(made.error(), made.error().line > 0 ? s.expression_offset : s.offset);
    detail::schedule_entry& e = made->entry;
    set_standing(e, s);
    e.group = table.find_group(group);
    if (e.group == detail::schedule_table::none || table.find(e.group, name) != detail::schedule_table::none) {
      return wrong(fmt::format("the state has schedule {} twice, or without its group {}", name, group), s.offset);
    }
    ids.push_back(table.add(std::move(e), std::move(made->profile)));
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return error{errc::stopped, "the scheduler was stopped"};
    if (table_.size() > 0) return error{errc::invalid_argument, "only a scheduler without schedules can be restored"};
    table_ = std::move(table);
    timers_.clear();
    serials_ = saved->serials;
    for (const saved_fire& f : saved->fires) wanted_.push_back({ids[f.schedule], table_[ids[f.schedule]].order, f.fire});
    for (const saved_fire& f : saved->backfills) {
      fillings_.push_back({ids[f.schedule], table_[ids[f.schedule]].order, f.behind, f.to, f.fire.serial});
    }
    for (const std::uint32_t id : ids) {
      arm(id);
      const detail::schedule_entry& e = table_[id];  // what ran when it was saved does not run any more
      if (e.progress && !e.progress->buffered.empty()) resumed_.emplace_back(id, e.order);
    }
  }
  wake();
  return {};
}

}  // namespace rulebus::inline v1
