// Writing a configuration in canonical form: every member in its place, names in order, indented by two; nothing that is the
// default.
#include <fmt/format.h>

#include <algorithm>

#include "rulebus/detail/configuration_document.hpp"
#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_write.hpp"

namespace rulebus::inline v1::detail {

namespace configuration_write_source {

/// Objects and arrays, one member a line; or all on one line.
class json_writer {
 public:
  explicit json_writer(bool one_line) : one_line_(one_line) {}

  /// `key` is for members of objects; elements of arrays have none.
  template <class Body>
  void object(std::string_view key, Body body) {
    nested(key, '{', '}', body);
  }
  template <class Body>
  void array(std::string_view key, Body body) {
    nested(key, '[', ']', body);
  }
  void string(std::string_view key, std::string_view text) {
    begin(key);
    append_json_string(out_, text);
  }
  void raw(std::string_view key, std::string_view json) {
    begin(key);
    out_ += json;
  }
  void number(std::string_view key, std::uint64_t n) { raw(key, fmt::format("{}", n)); }
  void number(std::string_view key, double n) { raw(key, fmt::format("{}", n)); }

  std::string take() { return std::move(out_); }

 private:
  template <class Body>
  void nested(std::string_view key, char open, char close, Body body) {
    begin(key);
    out_ += open;
    const bool outer = std::exchange(first_, true);
    ++depth_;
    body();
    --depth_;
    if (!first_) line();
    first_ = outer;
    out_ += close;
  }
  void begin(std::string_view key) {
    if (depth_ > 0) {
      if (!std::exchange(first_, false)) out_ += ',';
      line();
    }
    if (key.empty()) return;
    append_json_string(out_, key);
    out_ += one_line_ ? ":" : ": ";
  }
  void line() {
    if (one_line_) return;
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  const bool one_line_;
  std::string out_;
  std::size_t depth_ = 0;
  bool first_ = true;
};

void write_strings(json_writer& out, std::string_view key, const string_map& map) {
  if (map.empty()) return;
  out.object(key, [&] {
    for (const auto& [name, value] : map) out.string(name, value);
  });
}

void write_queue(json_writer& out, const target_description& d) {
  const target_description standard;
  out.string("name", d.name);
  if (d.capacity != standard.capacity) out.number("capacity", d.capacity);
  if (d.visibility_timeout != standard.visibility_timeout)
    out.number("visibility_timeout_in_milliseconds", static_cast<std::uint64_t>(d.visibility_timeout.count()));
  if (!d.dead_letter_queue) return;
  out.number("max_receives", d.max_receives);
  out.object("dead_letter_queue", [&] { write_queue(out, *d.dead_letter_queue); });
}

void write_parameters(json_writer& out, const target_description& d) {
  const target_description standard;
  const auto number = [&](std::string_view key, std::uint64_t n, std::uint64_t otherwise) {
    if (n != otherwise) out.number(key, n);
  };
  if (d.type != target_type::by_arn) out.string("type", target_type_names[static_cast<std::size_t>(d.type)]);
  if (!d.arn.empty()) out.string("arn", d.arn);
  switch (d.type) {
    case target_type::file:
      out.string("path", d.name);
      number("max_bytes", d.max_bytes, standard.max_bytes);
      number("keep", d.keep, standard.keep);
      number("sync_every", d.sync_every, standard.sync_every);
      break;
    case target_type::queue: write_queue(out, d); break;
    case target_type::bus:
      out.string("event_bus_name", d.name);
      number("max_hops", d.max_hops, standard.max_hops);
      break;
    default: break;
  }
}

void write_delivery(json_writer& out, const delivery_options& o, const delivery_options& standard) {
  const auto group = [&](std::string_view name) {
    const auto differs = [&](const delivery_member& m) { return m.group == name && m.get(o) != m.get(standard); };
    const auto& members = delivery_members();
    if (std::none_of(members.begin(), members.end(), differs)) return;
    const auto write = [&] {
      for (const delivery_member& m : members) {
        if (differs(m)) out.number(m.name, m.get(o));
      }
    };
    name.empty() ? write() : out.object(name, write);
  };
  out.object("delivery", [&] {
    if (o.dispatch != standard.dispatch) out.string("dispatch", dispatch_names[static_cast<std::size_t>(o.dispatch)]);
    group("retry_policy");
    group("");
    if (o.when_full != standard.when_full) out.string("when_full", overflow_names[static_cast<std::size_t>(o.when_full)]);
    if (!(o.rate == standard.rate)) {
      out.object("rate", [&] {
        if (o.rate.per_second != standard.rate.per_second) out.number("per_second", o.rate.per_second);
        if (o.rate.burst != standard.rate.burst) out.number("burst", o.rate.burst);
      });
    }
    group("breaker");
    group("batch");
  });
}

void write_input(json_writer& out, const target_input& input) {
  if (input.input) out.string("input", *input.input);
  if (input.input_path) out.string("input_path", *input.input_path);
  if (!input.input_transformer) return;
  out.object("input_transformer", [&] {
    write_strings(out, "input_paths_map", input.input_transformer->input_paths_map);
    out.string("input_template", input.input_transformer->input_template);
  });
}

void write_dead_letter(json_writer& out, const std::optional<target_description>& to) {
  if (to) out.object("dead_letter", [&] { write_parameters(out, *to); });
}

void write_target(json_writer& out, const target_document& t, const delivery_options& standard) {
  out.object({}, [&] {
    out.string("id", t.id);
    write_parameters(out, t.to);
    write_input(out, t.input);
    if (t.delivery && !(*t.delivery == standard)) write_delivery(out, *t.delivery, standard);
    write_dead_letter(out, t.dead_letter);
    write_strings(out, "tags", t.tags);
  });
}

void write_rule(json_writer& out, const rule_document& r, const delivery_options& standard) {
  out.object({}, [&] {
    std::string pattern;
    append_minified(pattern, r.fields.event_pattern);
    out.string("name", r.fields.name);
    if (!pattern.empty()) out.raw("event_pattern", pattern);
    if (!r.fields.schedule_expression.empty()) out.string("schedule_expression", r.fields.schedule_expression);
    if (!r.fields.description.empty()) out.string("description", r.fields.description);
    if (r.fields.state != rule_state::enabled) out.string("state", state_names[static_cast<std::size_t>(r.fields.state)]);
    write_strings(out, "tags", r.fields.tags);
    if (r.targets.empty()) return;
    out.array("targets", [&] {
      for (const target_document& t : r.targets) write_target(out, t, standard);
    });
  });
}

void write_bus(json_writer& out, const bus_document& b, const delivery_options& standard) {
  out.object({}, [&] {
    out.string("name", b.name);
    if (!b.description.empty()) out.string("description", b.description);
    write_dead_letter(out, b.dead_letter);
    write_strings(out, "tags", b.tags);
    if (!b.policy.empty()) out.raw("policy", b.policy);
    if (b.rules.empty()) return;
    out.array("rules", [&] {
      for (const rule_document& r : b.rules) write_rule(out, r, standard);
    });
  });
}

}  // namespace configuration_write_source

std::string write_description(const target_description& d) {
  configuration_write_source::json_writer out(true);
  out.object({}, [&] { configuration_write_source::write_parameters(out, d); });
  return out.take();
}

std::string write_configuration(configuration_document document, const delivery_options& standard) {
  const auto by_name = [](auto& all, auto name) {
    std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return name(a) < name(b); });
  };
  by_name(document.buses, [](const bus_document& b) -> const std::string& { return b.name; });
  for (bus_document& b : document.buses) {
    by_name(b.rules, [](const rule_document& r) -> const std::string& { return r.fields.name; });
    for (rule_document& r : b.rules) by_name(r.targets, [](const target_document& t) -> const std::string& { return t.id; });
  }
  configuration_write_source::json_writer out(false);
  out.object({}, [&] {
    out.array("buses", [&] {
      for (const bus_document& b : document.buses) configuration_write_source::write_bus(out, b, standard);
    });
  });
  return out.take() + '\n';
}

}  // namespace rulebus::inline v1::detail
