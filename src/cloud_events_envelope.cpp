// CloudEvents to and from EventBridge's envelope.
//
// What an envelope has no member for goes into its member `cloudevents`: attributes under their own names, and under names that
// no attribute can have (with a dash) what is needed to get the same CloudEvent back:
//   "time": null         the CloudEvent has none;  "time": "…"  it has this one, which is written in another way
//   "data-in": "data"    data are the member of that name of `detail`;  also "data_base64", and "none": there are none
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "rulebus/cloud_events.hpp"
#include "rulebus/detail/cloud_event_rules.hpp"
#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_write.hpp"
#include "rulebus/detail/utc_text.hpp"

namespace rulebus::inline v1 {

namespace detail::cloud_envelope {

/// Calls visit(key, first token, reader) for each member of the object that `json` is, in which the call moves to the last
/// token of the value. Errors: those of the reader, of visit, and errc::invalid_event with `what` when it is no object.
template <class Visit>
result<void> for_each_member(std::string_view json, std::string_view what, Visit visit) {
  json_reader reader(json);
  const token first = reader.next();
  if (first == token::error) return reader.failure();
  if (first != token::object_begin) return error_at(errc::invalid_event, std::string(what), json, reader.offset());
  for (token t = reader.next(); t != token::object_end; t = reader.next()) {
    if (t == token::error) return reader.failure();
    const std::string key(reader.text());
    const token value = reader.next();
    if (value == token::error) return reader.failure();
    if (auto visited = visit(key, value, reader); !visited) return visited;
  }
  if (reader.next() != token::end) return reader.failure();
  return {};
}

/// The text of the value whose first token was read; the reader is then behind it. Nothing at an error.
std::optional<std::string_view> value_text(std::string_view json, token first, json_reader& reader) {
  const std::size_t begin = reader.offset();
  if (first == token::object_begin || first == token::array_begin) {
    for (const std::size_t inside = reader.depth(); reader.depth() >= inside;) {
      if (reader.next() == token::error) return {};
    }
  }
  return json.substr(begin, reader.end_offset() - begin);
}

/// An array of strings, whose '[' was read. Nothing when it is none.
std::optional<std::vector<std::string>> read_strings(json_reader& reader) {
  std::vector<std::string> out;
  for (token t = reader.next(); t != token::array_end; t = reader.next()) {
    if (t != token::string) return {};
    out.emplace_back(reader.text());
  }
  return out;
}

std::string strings_json(const std::vector<std::string>& strings) {
  std::string out = "[";
  for (const std::string& one : strings) {
    if (out.size() > 1) out += ',';
    append_json_string(out, one);
  }
  return out + ']';
}

std::string* text_member(envelope& e, std::string_view name) {
  if (name == "id") return &e.id;
  if (name == "detail-type") return &e.detail_type;
  if (name == "source") return &e.source;
  if (name == "account") return &e.account;
  if (name == "time") return &e.time;
  if (name == "region") return &e.region;
  return nullptr;
}

// ---- to an envelope

/// Writes the member `cloudevents`.
class extras_writer {
 public:
  void put(std::string_view name, const cloud_event::attribute& value) {
    key(name);
    append_attribute(out_, value);
  }
  void put_null(std::string_view name) {
    key(name);
    out_ += "null";
  }
  /// Empty when nothing was put.
  std::string take() { return out_.empty() ? std::string() : std::move(out_) + '}'; }

 private:
  void key(std::string_view name) {
    out_ += out_.empty() ? '{' : ',';
    append_json_string(out_, name);
    out_ += ':';
  }
  std::string out_;
};

std::string_view skip_space(std::string_view json) {
  return json.substr(std::min(json.find_first_not_of(" \t\r\n"), json.size()));
}

void put_data(const cloud_event& e, envelope& out, extras_writer& extras) {
  std::string_view member;
  switch (e.kind) {
    case cloud_data::none: member = "none"; break;
    case cloud_data::json:
      if (skip_space(e.data).starts_with('{')) {
        out.detail = e.data;
        return;
      }
      member = "data";
      break;
    case cloud_data::text: member = "data"; break;
    case cloud_data::binary: member = "data_base64"; break;
  }
  extras.put("data-in", std::string(member));
  out.detail = "{";
  if (e.kind != cloud_data::none) out.detail += fmt::format("\"{}\":", member);
  if (e.kind == cloud_data::json) out.detail += e.data;
  if (e.kind == cloud_data::text) append_json_string(out.detail, e.data);
  if (e.kind == cloud_data::binary) out.detail += fmt::format("\"{}\"", to_base64(e.data));
  out.detail += '}';
}

/// Attributes that the envelope has members for: account, region, and resources as the text of a JSON array of strings.
bool put_member(const std::string& name, const cloud_event::attribute& value, envelope& out) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return false;
  if (name == "account") return out.account = *text, true;
  if (name == "region") return out.region = *text, true;
  if (name != "resources") return false;
  json_reader reader(*text);
  auto strings = reader.next() == token::array_begin ? read_strings(reader) : std::nullopt;
  if (!strings || strings->empty() || strings_json(*strings) != *text) return false;
  out.resources = *std::move(strings);
  return true;
}

std::int64_t now(const cloud_event_options& options) {
  if (options.now) return options.now();
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch().count();
}

// ---- from an envelope

/// What the member `cloudevents` says.
struct extras {
  cloud_event attributes{};  // without what the envelope has
  bool has_no_time = false;
  std::string time{}, data_in = "detail";
};

result<void> read_extra(const std::string& name, token t, json_reader& reader, extras& out) {
  if (name == "time" && t == token::null_value) {
    out.has_no_time = true;
    return {};
  }
  if (name == "data-in" || name == "time") {
    if (t != token::string) return bad_attribute(name, "in the member cloudevents must be a string");
    (name == "time" ? out.time : out.data_in) = reader.text();
    return {};
  }
  if (name == "specversion" || name == "id" || name == "source" || name == "type") {
    return bad_attribute(name, "cannot be in the member cloudevents: the envelope has it");
  }
  if (std::string* member = core_member(out.attributes, name)) {
    if (t != token::string) return bad_attribute(name, "in the member cloudevents must be a string");
    *member = reader.text();
    return {};
  }
  auto& made = out.attributes.extensions[name];
  if (t == token::string) return made = std::string(reader.text()), result<void>();
  if (t == token::true_value || t == token::false_value) return made = t == token::true_value, result<void>();
  if (t == token::number) {
    const std::string text(reader.text());
    const long long value = text.find_first_of(".eE") == std::string::npos && text.size() < 12 ? std::stoll(text) : INT64_MAX;
    if (value >= INT32_MIN && value <= INT32_MAX) return made = static_cast<std::int32_t>(value), result<void>();
  }
  return bad_attribute(name, "in the member cloudevents must be a string, a boolean or an integer of 32 bits");
}

/// The member of `detail` that has the data.
result<void> take_data(const envelope& from, const extras& more, cloud_event& out) {
  if (more.data_in == "none") return {};
  out.kind = cloud_data::json;
  if (more.data_in == "detail") {
    out.data = from.detail;
    return {};
  }
  const auto bad = [&](std::string_view what) {
    return error{errc::invalid_event, fmt::format("detail must have '{}', {}", more.data_in, what)};
  };
  if (more.data_in != "data" && more.data_in != "data_base64") {
    return bad_attribute("data-in", "in the member cloudevents must be detail, data, data_base64 or none");
  }
  std::optional<std::string> json, text;
  auto found = for_each_member(from.detail, "detail must be a JSON object", [&](const std::string& key, token t, json_reader& r) {
    const std::optional<std::string> string = t == token::string ? std::optional<std::string>(r.text()) : std::nullopt;
    const auto value = value_text(from.detail, t, r);
    if (!value) return result<void>(r.failure());
    if (key == more.data_in) json = *value, text = string;
    return result<void>();
  });
  if (!found) return found;
  if (!json) return bad("which the member cloudevents names");
  if (more.data_in == "data" && declares_json(out.datacontenttype)) {
    out.data = *std::move(json);
    return {};
  }
  if (!text) return bad("a string");
  out.kind = more.data_in == "data" ? cloud_data::text : cloud_data::binary;
  if (out.kind == cloud_data::binary) text = from_base64(*text);
  if (!text) return bad("a string in Base64");
  out.data = *std::move(text);
  return {};
}

void take_time(const envelope& from, const extras& more, cloud_event& out) {
  if (more.has_no_time) return;
  const auto told = parse_rfc3339(more.time);
  out.time = told && told == parse_rfc3339(from.time) ? more.time : from.time;
}

}  // namespace detail::cloud_envelope

std::string envelope::json() const {
  using detail::append_json_string;
  std::string out = R"({"version":"0")";
  const auto put = [&out](std::string_view name, std::string_view text) {
    out += fmt::format(",\"{}\":", name);
    append_json_string(out, text);
  };
  put("id", id);
  put("detail-type", detail_type);
  put("source", source);
  put("account", account);
  put("time", time);
  put("region", region);
  out += R"(,"resources":)" + detail::cloud_envelope::strings_json(resources) + R"(,"detail":)";
  detail::append_minified(out, detail.empty() ? "{}" : detail);
  if (!cloud_events.empty()) {
    out += R"(,"cloudevents":)";
    detail::append_minified(out, cloud_events);
  }
  return out + '}';
}

result<envelope> envelope::parse(std::string_view event_json) {
  using detail::token;
  namespace source = detail::cloud_envelope;
  envelope out;
  const auto wrong = [&](std::string_view key, std::string_view what, const detail::json_reader& at) {
    return result<void>(
        detail::error_at(errc::invalid_event, fmt::format("'{}' of the event must be {}", key, what), event_json, at.offset()));
  };
  const auto member = [&](const std::string& key, token t, detail::json_reader& reader) -> result<void> {
    if (std::string* text = source::text_member(out, key)) {
      if (t != token::string) return wrong(key, "a string", reader);
      *text = reader.text();
      return {};
    }
    if (key == "resources") {
      auto strings = t == token::array_begin ? source::read_strings(reader) : std::nullopt;
      if (!strings) return reader.failure().message.empty() ? wrong(key, "an array of strings", reader) : reader.failure();
      out.resources = *std::move(strings);
      return {};
    }
    const bool is_object = key == "detail" || key == "cloudevents";
    if (is_object && t != token::object_begin) return wrong(key, "an object", reader);
    const auto value = source::value_text(event_json, t, reader);
    if (!value) return reader.failure();
    if (is_object) (key == "detail" ? out.detail : out.cloud_events) = detail::minified(*value);
    return {};
  };
  if (const auto read = source::for_each_member(event_json, "Event must be a JSON object", member); !read) return read.error();
  return out;
}

result<envelope> to_envelope(const cloud_event& e, const cloud_event_options& options) {
  namespace source = detail::cloud_envelope;
  if (const auto valid = check_cloud_event(e); !valid) return valid.error();
  envelope out{e.id, e.type, e.source, options.account, {}, options.region, {}, {}, {}};
  source::extras_writer extras;
  const auto seconds = e.time.empty() ? source::now(options) : detail::parse_rfc3339(e.time).value();
  out.time = detail::utc_text(seconds);
  if (!e.subject.empty()) extras.put("subject", e.subject);
  if (e.time.empty()) {
    extras.put_null("time");
  } else if (e.time != out.time) {
    extras.put("time", e.time);
  }
  if (!e.datacontenttype.empty()) extras.put("datacontenttype", e.datacontenttype);
  if (!e.dataschema.empty()) extras.put("dataschema", e.dataschema);
  for (const auto& [name, value] : e.extensions) {
    if (!source::put_member(name, value, out)) extras.put(name, value);
  }
  source::put_data(e, out, extras);
  out.cloud_events = extras.take();
  return out;
}

result<cloud_event> to_cloud_event(const envelope& e, const cloud_event_options& options) {
  namespace source = detail::cloud_envelope;
  source::extras more;
  if (!e.cloud_events.empty()) {
    const auto read = source::for_each_member(e.cloud_events, "The member cloudevents must be an object",
                                              [&](const std::string& name, detail::token t, detail::json_reader& reader) {
                                                return source::read_extra(name, t, reader, more);
                                              });
    if (!read) return read.error();
  }
  cloud_event out = std::move(more.attributes);
  out.id = e.id;
  out.source = e.source;
  out.type = e.detail_type;
  source::take_time(e, more, out);
  if (e.account != options.account) out.extensions["account"] = e.account;
  if (e.region != options.region) out.extensions["region"] = e.region;
  if (!e.resources.empty()) out.extensions["resources"] = source::strings_json(e.resources);
  if (const auto made = source::take_data(e, more, out); !made) return made.error();
  if (const auto valid = check_cloud_event(out); !valid) return valid.error();
  return out;
}

}  // namespace rulebus::inline v1
