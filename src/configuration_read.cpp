// Reading a configuration: token by token into values, so that every error knows its place. The path of a place is found only
// when it is needed, by going through the text once more.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>
#include <utility>

#include "rulebus/detail/configuration_document.hpp"
#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_reader.hpp"

namespace rulebus::inline v1::detail {

namespace configuration_read_source {

constexpr std::size_t max_depth = 1000;

/// Of a target of a rule; those in the middle say where events go, and are all that a dead letter has.
constexpr std::string_view target_members[] = {"id",
                                               "type",
                                               "arn",
                                               "path",
                                               "max_bytes",
                                               "keep",
                                               "sync_every",
                                               "name",
                                               "capacity",
                                               "visibility_timeout_in_milliseconds",
                                               "max_receives",
                                               "dead_letter_queue",
                                               "event_bus_name",
                                               "max_hops",
                                               "input",
                                               "input_path",
                                               "input_transformer",
                                               "delivery",
                                               "dead_letter",
                                               "tags"};
constexpr auto describing_members = std::span(target_members).subspan(1, 13);

/// "buses[0].rules[2].name": what is at that byte, or begins last before it.
std::string path_at(std::string_view json, std::size_t offset) {
  struct level {
    bool array;
    std::optional<std::size_t> index{};
    std::string key{};
  };
  std::vector<level> levels;
  json_reader in(json, max_depth);
  for (token t = in.next(); t != token::end && t != token::error && in.offset() <= offset; t = in.next()) {
    if (t == token::object_end || t == token::array_end) {
      levels.pop_back();
      continue;
    }
    if (t == token::key) {
      levels.back().key = in.text();
      continue;
    }
    if (!levels.empty() && levels.back().array) levels.back().index = levels.back().index ? *levels.back().index + 1 : 0;
    if (t == token::object_begin || t == token::array_begin) levels.push_back({t == token::array_begin});
  }
  std::string path;
  for (const level& l : levels) {
    if (l.array) {
      if (l.index) path += fmt::format("[{}]", *l.index);
    } else if (!l.key.empty()) {
      path += path.empty() ? l.key : "." + l.key;
    }
  }
  return path;
}

std::string listed(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

class document_reader {
 public:
  document_reader(std::string_view json, const delivery_options& standard)
      : text_(json), in_(json, max_depth), standard_(standard) {}

  result<configuration_document> read() {
    configuration_document document;
    next();
    bool found = false;
    static constexpr std::string_view members[] = {"$schema", "buses"};
    const bool good = object("a configuration must be an object", members, [&](std::string_view key, std::size_t) {
      std::string schema;
      if (key == "$schema") return string(schema);
      found = true;
      return array([&] { return bus(document.buses); }) &&
             unique_names(document.buses, "bus", [](const bus_document& b) -> const std::string& { return b.name; });
    });
    if (good && !found) static_cast<void>(fail(0, "it has no member buses; an empty array is a configuration of nothing"));
    if (good && found && next() == token::end) return document;
    return failure();
  }

 private:
  using offset_of = std::vector<std::pair<std::string, std::size_t>>;

  // ---- tokens. Every function reads the value whose first token is token_, and answers whether all was well.

  token next() { return token_ = in_.next(); }

  bool fail(std::size_t offset, std::string_view what, errc code = errc::invalid_argument) {
    if (!failure_ && token_ != token::error) failure_ = error_in_document(code, what, text_, offset);
    return false;
  }
  bool unexpected(std::string_view wanted) { return fail(in_.offset(), fmt::format("must be {}", wanted)); }

  error failure() const {
    if (failure_) return *failure_;
    error broken = in_.failure();
    const std::string path = path_at(text_, broken.offset);
    if (!path.empty()) broken.message = path + ": " + broken.message;
    return broken;
  }

  /// Calls member(key, its offset) for each member, standing at its value.
  template <class Member>
  bool object(std::string_view wanted, std::span<const std::string_view> known, Member member) {
    if (token_ != token::object_begin) {
      return fail(in_.offset(), wanted.empty() ? fmt::format("must be an object with {}", listed(known)) : std::string(wanted));
    }
    std::vector<std::string> seen;
    while (next() == token::key) {
      const std::string key(in_.text());
      const std::size_t at = in_.offset();
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) return fail(at, "occurs twice in its object");
      if (!known.empty() && std::find(known.begin(), known.end(), key) == known.end())
        return fail(at, fmt::format("is no member that is known here; there are {}", listed(known)));
      seen.push_back(key);
      next();
      if (!member(std::string_view(seen.back()), at)) return false;
    }
    return token_ == token::object_end;
  }

  template <class Item>
  bool array(Item item) {
    if (token_ != token::array_begin) return unexpected("an array");
    while (next() != token::array_end) {
      if (token_ == token::error || !item()) return false;
    }
    return true;
  }

  bool string(std::string& out) {
    if (token_ != token::string) return unexpected("a string");
    out = in_.text();
    return true;
  }
  bool string(std::optional<std::string>& out) { return string(out.emplace()); }

  template <class Enum>
  bool word(Enum& out, std::span<const std::string_view> words) {
    const auto found = token_ == token::string ? std::find(words.begin(), words.end(), in_.text()) : words.end();
    if (found == words.end()) return unexpected(fmt::format("one of {}", listed(words)));
    out = static_cast<Enum>(found - words.begin());
    return true;
  }

  bool number(std::uint64_t& out, std::uint64_t max) {
    const std::string_view digits = in_.text();
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (token_ == token::number && wrong == std::errc() && end == digits.data() + digits.size() && out <= max) return true;
    return unexpected(fmt::format("a whole number from 0 to {}", max));
  }
  bool number(double& out) {
    const std::string_view digits = in_.text();
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return token_ == token::number && wrong == std::errc() ? true : unexpected("a number");
  }

  bool strings(string_map& out) {
    return object("must be an object of strings", {},
                  [&](std::string_view key, std::size_t) { return string(out[std::string(key)]); });
  }

  /// The text of a value of any kind, as it stands.
  bool raw(std::string_view& out) {
    const std::size_t start = in_.offset();
    if (token_ == token::object_begin || token_ == token::array_begin) {
      for (const std::size_t outside = in_.depth() - 1; in_.depth() > outside;) {
        if (next() == token::error) return false;
      }
    }
    out = text_.substr(start, in_.end_offset() - start);
    return token_ != token::error;
  }

  // ---- the document

  bool bus(std::vector<bus_document>& all) {
    bus_document& b = all.emplace_back();
    b.offset = in_.offset();
    static constexpr std::string_view members[] = {"name", "description", "dead_letter", "tags", "policy", "rules"};
    const bool good = object({}, members, [&](std::string_view key, std::size_t) {
      const std::size_t at = in_.offset();
      if (key == "name") return string(b.name);
      if (key == "description") return string(b.description);
      if (key == "tags") return b.tags_offset = at, strings(b.tags);
      if (key == "policy") return policy(b);
      if (key == "dead_letter") return b.dead_letter_offset = at, description(b.dead_letter.emplace());
      return array([&] { return rule(b.rules); });
    });
    if (!good) return false;
    if (b.name.empty()) return fail(b.offset, "a bus needs a name");
    return unique_names(b.rules, "rule", [](const rule_document& r) -> const std::string& { return r.fields.name; });
  }

  bool policy(bus_document& b) {
    b.policy_offset = in_.offset();
    std::string_view written;
    if (token_ != token::object_begin) return unexpected("an object");
    if (!raw(written)) return false;
    append_minified(b.policy, written);
    return true;
  }

  /// For many: sorts once instead of comparing each with each.
  template <class T, class Name>
  bool unique_names(const std::vector<T>& all, std::string_view what, Name name) {
    std::vector<std::pair<std::string_view, std::size_t>> names;
    names.reserve(all.size());
    for (const T& one : all) names.emplace_back(name(one), one.offset);
    std::sort(names.begin(), names.end());
    const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
    const auto twice = std::adjacent_find(names.begin(), names.end(), same);
    if (twice == names.end()) return true;
    return fail((twice + 1)->second, fmt::format("there is another {} of the name {}", what, twice->first));
  }

  bool rule(std::vector<rule_document>& all) {
    rule_document& r = all.emplace_back();
    r.offset = in_.offset();
    static constexpr std::string_view members[] = {"name", "event_pattern", "schedule_expression", "description", "state",
                                                   "tags", "targets"};
    const bool good = object({}, members, [&](std::string_view key, std::size_t) {
      const std::size_t at = in_.offset();
      if (key == "name") return string(r.fields.name);
      if (key == "event_pattern") return pattern(r);
      if (key == "schedule_expression") return r.schedule_offset = at, string(r.fields.schedule_expression);
      if (key == "description") return string(r.fields.description);
      if (key == "state") return word(r.fields.state, state_names);
      if (key == "tags") return r.tags_offset = at, strings(r.fields.tags);
      return array([&] { return target(r.targets); });
    });
    if (!good) return false;
    if (r.fields.name.empty()) return fail(r.offset, "a rule needs a name");
    if (r.pattern_size == 0 && r.fields.schedule_expression.empty())
      return fail(r.offset, "a rule needs an event_pattern or a schedule_expression");
    return unique_names(r.targets, "target", [](const target_document& t) -> const std::string& { return t.id; });
  }

  /// An object, or a string with the text of one.
  bool pattern(rule_document& r) {
    r.pattern_offset = in_.offset();
    if (token_ == token::string) {
      r.fields.event_pattern = in_.text();
      r.pattern_size = in_.end_offset() - r.pattern_offset;
      return true;
    }
    if (token_ != token::object_begin) return unexpected("an object, or a string with the text of one");
    std::string_view written;
    if (!raw(written)) return false;
    r.pattern_size = written.size();
    append_minified(r.fields.event_pattern, written);
    return true;
  }

  bool target(std::vector<target_document>& all) {
    target_document& t = all.emplace_back();
    t.offset = t.to.offset = in_.offset();
    offset_of parameters;
    const bool good = object({}, target_members, [&](std::string_view key, std::size_t key_at) {
      const std::size_t at = in_.offset();
      if (key == "id") return string(t.id);
      if (key == "delivery") return t.delivery_offset = at, delivery(t.delivery.emplace(standard_), at);
      if (key == "dead_letter") return description(t.dead_letter.emplace());
      if (key == "tags") return strings(t.tags);
      if (key.starts_with("input")) {
        if (t.input_offset == 0) t.input_offset = key_at;
        return input(t.input, key);
      }
      return parameter(t.to, key, key_at, parameters);
    });
    if (!good) return false;
    if (t.id.empty()) return fail(t.offset, "a target needs an id");
    return complete(t.to, parameters);
  }

  /// A target by itself, as for dead letters.
  bool description(target_description& d) {
    d.offset = in_.offset();
    offset_of parameters;
    if (!object({}, describing_members, [&](std::string_view key, std::size_t at) { return parameter(d, key, at, parameters); }))
      return false;
    if (d.type != target_type::by_arn && !d.arn.empty()) return fail(d.offset, "a dead letter has a type or an arn, not both");
    return complete(d, parameters);
  }

  bool parameter(target_description& d, std::string_view key, std::size_t at, offset_of& seen) {
    constexpr std::uint64_t most = std::uint64_t{1} << 53;  // what JSON's readers agree on
    if (key == "type") {
      static constexpr auto words = std::span(target_type_names).subspan(1);
      if (!word(d.type, words)) return false;
      d.type = static_cast<target_type>(static_cast<int>(d.type) + 1);
      return true;
    }
    if (key == "arn") return string(d.arn);
    seen.emplace_back(key, at);
    if (key == "path" || key == "name" || key == "event_bus_name") return string(d.name);
    if (key == "max_bytes") return number(d.max_bytes, most);
    if (key == "keep") return number(d.keep, 10'000);
    if (key == "sync_every") return number(d.sync_every, most);
    if (key == "capacity") return number(d.capacity, most);
    if (key == "max_hops") return number(d.max_hops, 1'000);
    if (key == "max_receives") return number(d.max_receives, 1'000'000);
    if (key == "dead_letter_queue") return dead_letter_queue(d);
    std::uint64_t milliseconds = 0;
    if (!number(milliseconds, std::uint64_t{12} * 3600 * 1000)) return false;
    d.visibility_timeout = std::chrono::milliseconds(milliseconds);
    return true;
  }

  /// Another queue, which may have one as well.
  bool dead_letter_queue(target_description& of) {
    target_description d{.type = target_type::queue, .offset = in_.offset()};
    offset_of parameters;
    static constexpr std::string_view members[] = {"name", "capacity", "visibility_timeout_in_milliseconds", "max_receives",
                                                   "dead_letter_queue"};
    if (!object({}, members, [&](std::string_view key, std::size_t at) { return parameter(d, key, at, parameters); }))
      return false;
    if (!complete(d, parameters)) return false;
    of.dead_letter_queue = std::make_shared<const target_description>(std::move(d));
    return true;
  }

  /// Are the parameters those of the type, and are those there that it needs?
  bool complete(const target_description& d, const offset_of& seen) {
    struct of_type {
      target_type type;
      std::string_view needed;
      std::vector<std::string_view> others;
    };
    static const std::vector<of_type> types = {
        {target_type::by_arn, "", {}},
        {target_type::standard_output, "", {}},
        {target_type::file, "path", {"max_bytes", "keep", "sync_every"}},
        {target_type::queue, "name", {"capacity", "visibility_timeout_in_milliseconds", "max_receives", "dead_letter_queue"}},
        {target_type::null, "", {}},
        {target_type::bus, "event_bus_name", {"max_hops"}},
    };
    const of_type& own = types[static_cast<std::size_t>(d.type)];
    const std::string_view type_name = target_type_names[static_cast<std::size_t>(d.type)];
    if (d.type == target_type::by_arn && d.arn.empty())
      return fail(d.offset, fmt::format("a target needs a type ({}) or an arn", listed(std::span(target_type_names).subspan(1))));
    for (const auto& [key, at] : seen) {
      if (key == own.needed || std::find(own.others.begin(), own.others.end(), key) != own.others.end()) continue;
      return fail(at, d.type == target_type::by_arn ? "belongs to a target that has a type"
                                                    : fmt::format("does not belong to a target of the type {}", type_name));
    }
    if (!own.needed.empty() && d.name.empty())
      return fail(d.offset, fmt::format("a target of the type {} needs {}", type_name, own.needed));
    if ((d.max_receives > 0) != (d.dead_letter_queue != nullptr))
      return fail(d.offset, "a queue has both max_receives and dead_letter_queue, or neither");
    return true;
  }

  bool input(target_input& out, std::string_view key) {
    if (key == "input") return string(out.input);
    if (key == "input_path") return string(out.input_path);
    input_transformer& transformer = out.input_transformer.emplace();
    static constexpr std::string_view members[] = {"input_paths_map", "input_template"};
    return object({}, members, [&](std::string_view member, std::size_t) {
      return member == "input_template" ? string(transformer.input_template) : strings(transformer.input_paths_map);
    });
  }

  // ---- delivery options

  bool delivery(delivery_options& out, std::size_t at) {
    offset_of seen;
    static constexpr std::string_view members[] = {"dispatch",       "retry_policy", "timeout_in_milliseconds",
                                                   "queue_capacity", "when_full",    "max_in_flight",
                                                   "rate",           "breaker",      "batch"};
    const bool good = object({}, members, [&](std::string_view key, std::size_t) {
      if (key == "dispatch") return word(out.dispatch, dispatch_names);
      if (key == "when_full") return word(out.when_full, overflow_names);
      const bool is_number = key == "timeout_in_milliseconds" || key == "queue_capacity" || key == "max_in_flight";
      return is_number ? delivery_number(out, "", key, seen) : delivery_group(out, key, seen);
    });
    if (!good) return false;
    const result<void> valid = check(out);
    if (valid) return true;
    const std::string& said = valid.error().message;  // "max_in_flight must be …"
    for (const auto& [checked_name, offset] : seen) {
      if (said.starts_with(checked_name + " ")) return fail(offset, said.substr(checked_name.size() + 1));
    }
    return fail(at, said);
  }

  bool delivery_group(delivery_options& out, std::string_view group, offset_of& seen) {
    std::vector<std::string_view> members;
    for (const delivery_member& m : delivery_members()) {
      if (m.group == group) members.push_back(m.name);
    }
    if (group == "rate") members = {"per_second", "burst"};
    return object({}, members, [&](std::string_view key, std::size_t) {
      if (group != "rate") return delivery_number(out, group, key, seen);
      seen.emplace_back(fmt::format("rate.{}", key), in_.offset());
      return number(key == "burst" ? out.rate.burst : out.rate.per_second);
    });
  }

  bool delivery_number(delivery_options& out, std::string_view group, std::string_view key, offset_of& seen) {
    for (const delivery_member& m : delivery_members()) {
      if (m.group != group || m.name != key) continue;
      seen.emplace_back(m.checked_name, in_.offset());
      std::uint64_t value = 0;
      if (!number(value, m.max)) return false;
      m.set(out, value);
    }
    return true;
  }

  std::string_view text_;
  json_reader in_;
  const delivery_options& standard_;
  token token_ = token::end;
  std::optional<error> failure_;
};

template <class Duration>
std::uint64_t count_of(Duration d) {
  return d.count() < 0 ? 0 : static_cast<std::uint64_t>(d.count());
}

}  // namespace configuration_read_source

error error_in_document(errc code, std::string_view what, std::string_view json, std::size_t offset) {
  const std::string path = configuration_read_source::path_at(json, offset);
  return error_at(code, path.empty() ? std::string(what) : fmt::format("{}: {}", path, what), json, offset);
}

const std::vector<delivery_member>& delivery_members() {
  using configuration_read_source::count_of;
  using options = delivery_options;
  using std::chrono::milliseconds;
  constexpr std::uint64_t many = std::numeric_limits<std::uint32_t>::max(), some_years = 1'000'000'000'000;
  static const std::vector<delivery_member> all = {
      {"retry_policy", "maximum_retry_attempts", "maximum_retry_attempts", many,
       [](const options& o) -> std::uint64_t { return o.retry.maximum_retry_attempts; },
       [](options& o, std::uint64_t n) { o.retry.maximum_retry_attempts = static_cast<unsigned>(n); }},
      {"retry_policy", "maximum_event_age_in_seconds", "maximum_event_age", some_years,
       [](const options& o) { return count_of(o.retry.maximum_event_age); },
       [](options& o, std::uint64_t n) { o.retry.maximum_event_age = std::chrono::seconds(n); }},
      {"retry_policy", "backoff_base_in_milliseconds", "backoff_base", some_years,
       [](const options& o) { return count_of(o.retry.backoff_base); },
       [](options& o, std::uint64_t n) { o.retry.backoff_base = milliseconds(n); }},
      {"retry_policy", "backoff_cap_in_milliseconds", "backoff_cap", some_years,
       [](const options& o) { return count_of(o.retry.backoff_cap); },
       [](options& o, std::uint64_t n) { o.retry.backoff_cap = milliseconds(n); }},
      {"", "timeout_in_milliseconds", "timeout", some_years, [](const options& o) { return count_of(o.timeout); },
       [](options& o, std::uint64_t n) { o.timeout = milliseconds(n); }},
      {"", "queue_capacity", "queue_capacity", std::uint64_t{1} << 53,
       [](const options& o) -> std::uint64_t { return o.queue_capacity; },
       [](options& o, std::uint64_t n) { o.queue_capacity = static_cast<std::size_t>(n); }},
      {"", "max_in_flight", "max_in_flight", std::uint64_t{1} << 53,
       [](const options& o) -> std::uint64_t { return o.max_in_flight; },
       [](options& o, std::uint64_t n) { o.max_in_flight = static_cast<std::size_t>(n); }},
      {"breaker", "failures", "breaker.failures", many, [](const options& o) -> std::uint64_t { return o.breaker.failures; },
       [](options& o, std::uint64_t n) { o.breaker.failures = static_cast<unsigned>(n); }},
      {"breaker", "open_for_in_milliseconds", "breaker.open_for", some_years,
       [](const options& o) { return count_of(o.breaker.open_for); },
       [](options& o, std::uint64_t n) { o.breaker.open_for = milliseconds(n); }},
      {"batch", "size", "batch.size", many, [](const options& o) -> std::uint64_t { return o.batch.size; },
       [](options& o, std::uint64_t n) { o.batch.size = static_cast<std::size_t>(n); }},
      {"batch", "window_in_milliseconds", "batch.window", some_years, [](const options& o) { return count_of(o.batch.window); },
       [](options& o, std::uint64_t n) { o.batch.window = milliseconds(n); }},
  };
  return all;
}

result<configuration_document> read_configuration(std::string_view json, const delivery_options& standard) {
  return configuration_read_source::document_reader(json, standard).read();
}

}  // namespace rulebus::inline v1::detail
