// The bus: one published table of rules and targets beside one matcher, so that each event sees one version of both.
//
// An event takes the table, matches, and looks the matched ids up in that table. Invariants:
//  1. Every id of a table is in the matcher for as long as the table lives: a pattern is added before the first table that
//     names it is published, and removed when the last table that names it is gone (`installed`).
//  2. So the matcher may know more patterns than a table, never fewer, and ids that the table does not name are skipped.
//     What is left is exactly the answer for the version of the table.
//  3. Neither mutex is held while code of the user runs, destructors of targets included: what a change replaces is let go
//     after unlocking, and an event lets go of its table before the first target is called.
#include "rulebus/bus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <utility>

#include "rulebus/detail/attempt.hpp"
#include "rulebus/detail/id_table.hpp"
#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_write.hpp"

namespace rulebus::inline v1 {

namespace detail::bus_source {

// ---- envelopes

/// RFC 9562, version 4: 122 random bits from the system.
inline std::string make_uuid() {
  thread_local std::random_device entropy;
  std::array<std::uint32_t, 4> words{};
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(entropy());
  words[1] = (words[1] & 0xffff0fffu) | 0x00004000u;
  words[2] = (words[2] & 0x3fffffffu) | 0x80000000u;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16, words[1] & 0xffff, words[2] >> 16,
                     words[2] & 0xffff, words[3]);
}

inline constexpr std::int64_t first_second = -62167219200;  // 0000-01-01T00:00:00Z
inline constexpr std::int64_t last_second = 253402300799;   // 9999-12-31T23:59:59Z

/// `seconds` must be within first_second and last_second.
inline std::string utc_text(std::int64_t seconds) {
  const std::chrono::sys_seconds instant{std::chrono::seconds{seconds}};
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{instant - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

inline std::int64_t system_seconds() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch().count();
}

inline void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, text);
}

/// Valid JSON without the whitespace between its tokens.
inline void append_compact(std::string& out, std::string_view json) {
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\') {
      out += c;
      out += json[++i];
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\t' && c != '\n' && c != '\r')) out += c;
  }
}

inline error missing_argument(std::string_view name) {
  return {errc::invalid_argument, fmt::format("Parameter {0} is not valid. Reason: {0} is a required argument.", name)};
}

/// The service's formula, in bytes.
inline std::size_t entry_size(const put_events_entry& entry) {
  std::size_t size = entry.source.size() + entry.detail_type.size() + entry.detail.size() + (entry.time ? 14 : 0);
  for (const std::string_view resource : entry.resources) size += resource.size();
  return size;
}

// ---- names

/// The service's answer to a name that is not 1 to 64 of [.-_A-Za-z0-9]; `member` is where the service says it is.
inline result<void> check_name(std::string_view name, std::string_view member) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  };
  std::vector<std::string_view> broken;
  if (name.empty() || !std::all_of(name.begin(), name.end(), allowed)) {
    broken.push_back(R"(satisfy regular expression pattern: [\.\-_A-Za-z0-9]+)");
  }
  if (name.empty()) broken.push_back("have length greater than or equal to 1");
  if (name.size() > 64) broken.push_back("have length less than or equal to 64");
  if (broken.empty()) return {};
  std::string text = fmt::format("{} validation error{} detected: ", broken.size(), broken.size() == 1 ? "" : "s");
  for (const std::string_view constraint : broken) {
    if (constraint != broken.front()) text += "; ";
    text += fmt::format("Value '{}' at '{}' failed to satisfy constraint: Member must {}", name, member, constraint);
  }
  return error{errc::invalid_argument, std::move(text)};
}

/// Counts the puts that this thread is in.
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

// ---- rules

/// A pattern in a matcher, for as long as this lives.
class installed {
 public:
  installed(matcher& in, const pattern& p) : in_(in), id_(in.add(p)) {}
  ~installed() {
    try {
      static_cast<void>(in_.remove(id_));
    } catch (...) {  // NOLINT: without memory it stays, an id that no table names
    }
  }
  installed(const installed&) = delete;
  installed& operator=(const installed&) = delete;
  rule_id id() const noexcept { return id_; }

 private:
  matcher& in_;
  rule_id id_;
};

/// A rule with its targets. Never changed once it is in a table.
struct entry {
  rule fields;
  pattern value;
  std::vector<rule_target> targets{};             // by id
  std::shared_ptr<const installed> in_matcher{};  // null while disabled
};
using entry_ptr = std::shared_ptr<const entry>;

/// Where the target of that id is, or belongs.
inline std::vector<rule_target>::iterator position(std::vector<rule_target>& targets, std::string_view id) {
  return std::lower_bound(targets.begin(), targets.end(), id, [](const rule_target& t, std::string_view i) { return t.id < i; });
}

using table = id_table<entry>;

}  // namespace detail::bus_source

class bus::impl {
  using entry = detail::bus_source::entry;
  using entry_ptr = detail::bus_source::entry_ptr;
  using installed = detail::bus_source::installed;
  using table = detail::bus_source::table;

 public:
  impl(std::string bus_name, bus_options given)
      : name(std::move(bus_name)), options(std::move(given)), patterns_(options.matching) {
    if (options.on_error) failures_ = std::make_shared<detail::failure_reporter>(std::move(options.on_error));
  }
  ~impl() {
    if (failures_) failures_->close();
  }

  const std::string name;
  bus_options options;  // never changed once constructed

  result<void> put_rule(rule r) {
    if (result<void> valid = check_name(r.name, "name"); !valid) return valid;
    result<pattern> parsed = pattern::parse(r.event_pattern, options.matching.patterns);
    if (!parsed) return std::move(parsed).error();
    replaced old;
    const std::lock_guard lock(change_);
    const auto before = rules_.find(r.name);
    auto now = std::make_shared<entry>(entry{std::move(r), *std::move(parsed)});
    if (before != rules_.end()) now->targets = before->second->targets;
    old = publish(before == rules_.end() ? nullptr : before->second, std::move(now));
    return {};
  }

  result<void> delete_rule(std::string_view rule_name) {
    replaced old;
    const std::lock_guard lock(change_);
    const auto found = rules_.find(rule_name);
    if (found == rules_.end()) return no_rule(rule_name);
    if (!found->second->targets.empty()) return error{errc::invalid_argument, "Rule can't be deleted since it has targets."};
    old = publish(found->second, nullptr);
    return {};
  }

  /// change(entry&) -> result<void>, on a copy that is published when there is no error.
  template <class Change>
  result<void> change_rule(std::string_view rule_name, Change change) {
    replaced old;
    const std::lock_guard lock(change_);
    const auto found = rules_.find(rule_name);
    if (found == rules_.end()) return no_rule(rule_name);
    auto now = std::make_shared<entry>(*found->second);
    if (result<void> changed = change(*now); !changed) return changed;
    old = publish(found->second, std::move(now));
    return {};
  }

  result<entry_ptr> find_rule(std::string_view rule_name) const {
    const std::lock_guard lock(change_);
    const auto found = rules_.find(rule_name);
    if (found == rules_.end()) return no_rule(rule_name);
    return found->second;
  }

  std::vector<rule> list_rules(std::string_view prefix) const {
    std::vector<rule> listed;
    const std::lock_guard lock(change_);
    for (auto at = rules_.lower_bound(prefix); at != rules_.end() && at->first.starts_with(prefix); ++at) {
      listed.push_back(at->second->fields);
    }
    return listed;
  }

  result<event> envelope(const put_events_entry& from) const;
  result<void> deliver(const event& e);

 private:
  /// What a change let go; destroyed by whoever made it, after unlocking.
  struct replaced {
    table rules;
    entry_ptr rule;
  };

  /// What one event is matched with: the table, and a reader from the pool, whose version will be no older.
  class lease {
   public:
    explicit lease(impl& from) : from_(from) {
      {
        const std::lock_guard lock(from.publish_);
        rules_ = from.table_;
        if (!from.idle_.empty()) {
          reader_ = std::move(from.idle_.back());
          from.idle_.pop_back();
        }
      }
      if (!reader_) reader_ = std::make_unique<matcher::reader>(from.patterns_);
    }
    ~lease() {
      reader_->release();  // idle readers must not keep removed rules
      try {
        const std::lock_guard lock(from_.publish_);
        from_.idle_.push_back(std::move(reader_));
      } catch (...) {  // NOLINT: without memory there is one reader less
      }
    }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    matcher::reader& reader() noexcept { return *reader_; }
    entry_ptr find(rule_id id) const { return rules_.find(id); }

   private:
    impl& from_;
    table rules_;
    std::unique_ptr<matcher::reader> reader_;
  };

  error no_rule(std::string_view rule_name) const {
    return {errc::not_found, fmt::format("Rule {} does not exist on EventBus {}.", rule_name, name)};
  }
  static result<void> check_name(std::string_view text, std::string_view member) {
    return detail::bus_source::check_name(text, member);
  }

  /// With change_ held: puts `now` in the place of `before`; null where the rule is new, or goes. Changes all or, when
  /// memory runs out, nothing.
  replaced publish(entry_ptr before, std::shared_ptr<entry> now) {
    table next = table_;
    if (before && before->in_matcher) next.set(before->in_matcher->id(), nullptr);
    if (now) {
      install(before, *now);
      if (now->in_matcher) next.set(now->in_matcher->id(), now);
      rules_.try_emplace(now->fields.name).first->second = now;
    } else {
      rules_.erase(before->fields.name);
    }
    const std::lock_guard lock(publish_);
    std::swap(table_, next);
    return {std::move(next), std::move(before)};
  }

  void install(const entry_ptr& before, entry& now) {
    const auto& present = before ? before->in_matcher : nullptr;
    if (now.fields.state != rule_state::enabled) {
      now.in_matcher = nullptr;
    } else if (present && before->value == now.value) {
      now.in_matcher = present;
    } else {
      now.in_matcher = std::make_shared<installed>(patterns_, now.value);
    }
  }

  /// The rules that match, as of one version.
  result<std::vector<entry_ptr>> matching(const event& e) {
    lease version(*this);
    const auto ids = version.reader().match(e.json());
    if (!ids) return ids.error();
    std::vector<entry_ptr> rules;
    for (const rule_id id : *ids) {
      if (entry_ptr found = version.find(id)) rules.push_back(std::move(found));
    }
    std::sort(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a->fields.name < b->fields.name; });
    return rules;
  }

  // Destroyed from the last to the first: readers and entries before the matcher.
  std::shared_ptr<detail::failure_reporter> failures_;
  matcher patterns_;
  mutable std::mutex change_;                            // one change at a time; locked before publish_
  std::map<std::string, entry_ptr, std::less<>> rules_;  // guarded by change_
  std::mutex publish_;                                   // held for a few instructions
  table table_;                                          // written under both; read under either
  std::vector<std::unique_ptr<matcher::reader>> idle_;   // guarded by publish_
};

result<event> bus::impl::envelope(const put_events_entry& from) const {
  using namespace detail::bus_source;
  if (from.source.empty()) return missing_argument("Source");
  if (from.detail_type.empty()) return missing_argument("DetailType");
  if (from.detail.empty()) return missing_argument("Detail");
  if (const result<void> valid = detail::check_json_object(from.detail, options.matching.events.max_depth); !valid) {
    const error& e = valid.error();
    if (e.code == errc::limit_exceeded) return e;
    return error{errc::malformed_detail, "Detail is malformed.", e.offset, e.line, e.column};
  }
  const std::int64_t seconds = from.time ? *from.time : options.now ? options.now() : system_seconds();
  if (seconds < first_second || seconds > last_second) {
    return error{errc::invalid_argument, "Parameter Time is not valid. Reason: Time must be within the years 0 to 9999."};
  }
  std::string json = R"({"version":"0")";
  json.reserve(256 + detail::bus_source::entry_size(from));
  append_member(json, "id", make_uuid());
  append_member(json, "detail-type", from.detail_type);
  append_member(json, "source", from.source);
  append_member(json, "account", options.account);
  append_member(json, "time", utc_text(seconds));
  append_member(json, "region", options.region);
  json += ",\"resources\":[";
  for (const std::string_view& resource : from.resources) {
    if (&resource != from.resources.data()) json += ',';
    detail::append_json_string(json, resource);
  }
  json += "],\"detail\":";
  append_compact(json, from.detail);
  json += '}';
  result<event> made = event::parse(std::move(json), options.matching.events);
  if (!made && made.error().code == errc::invalid_json) {  // detail was checked, and strings are escaped
    return error{errc::invalid_argument, "Source, DetailType, Resources, account and region must be valid UTF-8."};
  }
  return made;
}

result<void> bus::impl::deliver(const event& e) {
  const result<std::vector<entry_ptr>> rules = matching(e);
  if (!rules) return rules.error();
  for (const entry_ptr& matched : *rules) {
    for (const rule_target& to : matched->targets) {
      detail::hand_over(*to.target, e, matched->fields.name, to.id, failures_);
    }
  }
  return {};
}

bus::bus(std::string name, bus_options options) : impl_(std::make_unique<impl>(std::move(name), std::move(options))) {}
bus::~bus() = default;

const std::string& bus::name() const noexcept { return impl_->name; }

result<void> bus::put_rule(rule r) { return impl_->put_rule(std::move(r)); }
result<void> bus::delete_rule(std::string_view rule_name) { return impl_->delete_rule(rule_name); }

result<void> bus::enable_rule(std::string_view rule_name) {
  return impl_->change_rule(rule_name, [](auto& r) { return r.fields.state = rule_state::enabled, result<void>(); });
}

result<void> bus::disable_rule(std::string_view rule_name) {
  return impl_->change_rule(rule_name, [](auto& r) { return r.fields.state = rule_state::disabled, result<void>(); });
}

result<rule> bus::describe_rule(std::string_view rule_name) const {
  return impl_->find_rule(rule_name).and_then([](const auto& found) { return result<rule>(found->fields); });
}

std::vector<rule> bus::list_rules(std::string_view name_prefix) const { return impl_->list_rules(name_prefix); }

result<void> bus::put_target(std::string_view rule_name, rule_target t) {
  if (result<void> valid = detail::bus_source::check_name(t.id, "targets.1.member.id"); !valid) return valid;
  if (!t.target) return detail::bus_source::missing_argument("Target");
  return impl_->change_rule(rule_name, [&t](auto& r) {
    const auto at = detail::bus_source::position(r.targets, t.id);
    if (at != r.targets.end() && at->id == t.id) {
      at->target = std::move(t.target);
    } else {
      r.targets.insert(at, std::move(t));
    }
    return result<void>();
  });
}

result<void> bus::remove_target(std::string_view rule_name, std::string_view target_id) {
  return impl_->change_rule(rule_name, [&](auto& r) -> result<void> {
    const auto at = detail::bus_source::position(r.targets, target_id);
    if (at == r.targets.end() || at->id != target_id) {
      return error{errc::not_found, fmt::format("Target {} does not exist on Rule {}.", target_id, rule_name)};
    }
    r.targets.erase(at);
    return {};
  });
}

result<std::vector<rule_target>> bus::list_targets_by_rule(std::string_view rule_name) const {
  return impl_->find_rule(rule_name).and_then([](const auto& found) { return result<std::vector<rule_target>>(found->targets); });
}

result<put_events_result> bus::put_events(std::span<const put_events_entry> entries) {
  const detail::bus_source::nesting here;
  if (const result<void> shallow = here.check(impl_->options.max_nesting); !shallow) return shallow.error();
  std::size_t size = 0;
  for (const put_events_entry& entry : entries) size += detail::bus_source::entry_size(entry);
  if (size > impl_->options.max_total_bytes) {
    return error{errc::limit_exceeded, "Total size of the entries in the request is over the limit."};
  }
  put_events_result answers;
  answers.entries.reserve(entries.size());
  for (const put_events_entry& entry : entries) {
    put_events_result_entry& answer = answers.entries.emplace_back();
    const result<event> made = impl_->envelope(entry);
    const result<void> done = made ? impl_->deliver(*made) : result<void>(made.error());
    if (done) {
      answer.event_id = made->id();
    } else {
      answer.failure = done.error();
      ++answers.failed_entry_count;
    }
  }
  return answers;
}

result<put_events_result> bus::put_events(std::initializer_list<put_events_entry> entries) {
  return put_events(std::span<const put_events_entry>(entries.begin(), entries.size()));
}

result<std::string> bus::put_event(const put_events_entry& entry) {
  result<put_events_result> all = put_events(std::span<const put_events_entry>(&entry, 1));
  if (!all) return std::move(all).error();
  put_events_result_entry& one = all->entries.front();
  if (one.failure) return *std::move(one.failure);
  return std::move(one.event_id);
}

result<void> bus::put_event_json(std::string json) {
  const detail::bus_source::nesting here;
  if (result<void> shallow = here.check(impl_->options.max_nesting); !shallow) return shallow;
  const result<event> parsed = event::parse(std::move(json), impl_->options.matching.events);
  if (!parsed) return parsed.error();
  return impl_->deliver(*parsed);
}

result<void> bus::flush() { return {}; }

}  // namespace rulebus::inline v1
