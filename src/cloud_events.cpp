// CloudEvents as JSON: structured mode and batches.
#include "rulebus/cloud_events.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <set>

#include "rulebus/detail/cloud_event_rules.hpp"
#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_write.hpp"

namespace rulebus::inline v1 {

namespace detail::cloud_json {

/// Moves over the value whose first token was read; false at an error.
bool skip(json_reader& reader, token first) {
  if (first != token::object_begin && first != token::array_begin) return first != token::error;
  const std::size_t inside = reader.depth();
  for (token t = first; reader.depth() >= inside;) {
    t = reader.next();
    if (t == token::error) return false;
  }
  return true;
}

/// Where the value is, and its text when it is a string.
struct raw_data {
  std::size_t begin = 0;
  std::string_view json{};
  std::optional<std::string> text{};
};

/// Reads one CloudEvent out of a text.
class event_parser {
 public:
  event_parser(std::string_view text, json_reader& reader) : text_(text), reader_(reader) {}

  /// The reader is behind the token `first`, and then behind the event.
  result<cloud_event> parse(token first) {
    first_ = reader_.offset();
    if (first == token::error) return reader_.failure();
    if (first != token::object_begin) return refuse("A CloudEvent is a JSON object", first_);
    for (token t = reader_.next(); t != token::object_end; t = reader_.next()) {
      if (t == token::error) return reader_.failure();
      if (auto read = member(); !read) return read.error();
    }
    if (!seen_.contains("specversion")) return refuse("CloudEvent attribute 'specversion' is required", first_);
    if (auto made = take_data(); !made) return made.error();
    if (const auto valid = check_cloud_event(out_); !valid) return at(valid.error(), first_);
    return std::move(out_);
  }

 private:
  error refuse(std::string message, std::size_t offset, errc code = errc::invalid_event) const {
    return error_at(code, std::move(message), text_, offset);
  }
  error at(const error& e, std::size_t offset) const { return error_at(e.code, e.message, text_, offset); }

  result<void> member() {
    const std::string name(reader_.text());
    const std::size_t place = reader_.offset();
    if (!seen_.insert(name).second) return refuse(fmt::format("CloudEvent attribute '{}' is there twice", name), place);
    const token t = reader_.next();
    if (t == token::error) return reader_.failure();
    if (name == "data" || name == "data_base64") return data(name == "data" ? data_ : base64_, t);
    return attribute(name, t, place);
  }

  result<void> data(std::optional<raw_data>& out, token t) {
    out.emplace().begin = reader_.offset();
    if (t == token::string) out->text = reader_.text();
    if (!skip(reader_, t)) return reader_.failure();
    out->json = text_.substr(out->begin, reader_.end_offset() - out->begin);
    return {};
  }

  result<void> attribute(const std::string& name, token t, std::size_t place) {
    const bool is_core = is_core_attribute(name);
    if (!is_core) {
      if (auto valid = check_extension_name(name); !valid) return at(valid.error(), place);
    }
    if (t == token::null_value) {  // unset
      if (is_core) seen_.erase(name);
      return {};
    }
    if (is_core) return core(name, t);
    switch (t) {
      case token::string: out_.extensions[name] = std::string(reader_.text()); return {};
      case token::true_value: out_.extensions[name] = true; return {};
      case token::false_value: out_.extensions[name] = false; return {};
      case token::number: return integer(name);
      default: return at(bad_attribute(name, "is an object or an array, which none can be"), reader_.offset());
    }
  }

  result<void> core(const std::string& name, token t) {
    const std::size_t place = reader_.offset();
    if (t != token::string) return at(bad_attribute(name, "must be a string"), place);
    if (name == "specversion") {
      if (reader_.text() == "1.0") return {};
      return refuse(fmt::format("CloudEvents of specversion '{}' are not supported: 1.0 is", reader_.text()), place,
                    errc::unsupported);
    }
    if (reader_.text().empty()) return at(bad_attribute(name, "must not be empty"), place);
    *core_member(out_, name) = reader_.text();
    return {};
  }

  result<void> integer(const std::string& name) {
    const std::string_view text = reader_.text();
    std::int32_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
      return at(bad_attribute(name, "must be an integer of 32 bits"), reader_.offset());
    }
    out_.extensions[name] = value;
    return {};
  }

  /// Once datacontenttype is known.
  result<void> take_data() {
    if (base64_ && base64_->json != "null") {
      if (data_) return refuse("A CloudEvent has either data or data_base64", base64_->begin);
      auto bytes = base64_->text ? from_base64(*base64_->text) : std::nullopt;
      if (!bytes) return refuse("data_base64 must be a string in Base64", base64_->begin);
      out_.kind = cloud_data::binary;
      out_.data = *std::move(bytes);
      return {};
    }
    if (!data_) return {};
    if (declares_json(out_.datacontenttype)) {
      out_.kind = cloud_data::json;
      append_minified(out_.data, data_->json);
      return {};
    }
    if (!data_->text) {
      if (data_->json == "null") return {};
      return refuse(fmt::format("data must be a string, since they are '{}'", out_.datacontenttype), data_->begin);
    }
    out_.kind = cloud_data::text;
    out_.data = *std::move(data_->text);
    return {};
  }

  std::string_view text_;
  json_reader& reader_;
  std::size_t first_ = 0;
  cloud_event out_;
  std::set<std::string, std::less<>> seen_;
  std::optional<raw_data> data_, base64_;
};

/// "name":"text", where there is one.
void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out += fmt::format(",\"{}\":", name);
  append_json_string(out, text);
}

void append_event(std::string& out, const cloud_event& e) {
  out += R"({"specversion":"1.0")";
  append_member(out, "id", e.id);
  append_member(out, "source", e.source);
  append_member(out, "type", e.type);
  append_member(out, "subject", e.subject);
  append_member(out, "time", e.time);
  append_member(out, "datacontenttype", e.datacontenttype);
  append_member(out, "dataschema", e.dataschema);
  for (const auto& [name, value] : e.extensions) {
    out += fmt::format(",\"{}\":", name);
    append_attribute(out, value);
  }
  switch (e.kind) {
    case cloud_data::none: break;
    case cloud_data::json:
      out += R"(,"data":)";
      append_minified(out, e.data);
      break;
    case cloud_data::text:
      out += R"(,"data":)";
      append_json_string(out, e.data);
      break;
    case cloud_data::binary: out += fmt::format(R"(,"data_base64":"{}")", to_base64(e.data)); break;
  }
  out += '}';
}

}  // namespace detail::cloud_json

result<cloud_event> parse_cloud_event(std::string_view json) {
  detail::json_reader reader(json);
  result<cloud_event> made = detail::cloud_json::event_parser(json, reader).parse(reader.next());
  if (made && reader.next() != detail::token::end) return reader.failure();
  return made;
}

result<std::string> structured_json(const cloud_event& e) {
  if (const auto valid = check_cloud_event(e); !valid) return valid.error();
  std::string out;
  detail::cloud_json::append_event(out, e);
  return out;
}

result<std::vector<cloud_event>> parse_cloud_events(std::string_view json) {
  using detail::token;
  detail::json_reader reader(json);
  const token first = reader.next();
  if (first == token::error) return reader.failure();
  if (first != token::array_begin) {
    return detail::error_at(errc::invalid_event, "A batch of CloudEvents is a JSON array", json, reader.offset());
  }
  std::vector<cloud_event> out;
  for (token t = reader.next(); t != token::array_end; t = reader.next()) {
    result<cloud_event> one = detail::cloud_json::event_parser(json, reader).parse(t);
    if (!one) {
      error e = std::move(one).error();
      e.message = fmt::format("Event {} of the batch: {}", out.size(), e.message);
      return e;
    }
    out.push_back(*std::move(one));
  }
  if (reader.next() != token::end) return reader.failure();
  return out;
}

result<std::string> batch_json(std::span<const cloud_event> events) {
  std::string out = "[";
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (const auto valid = check_cloud_event(events[i]); !valid) {
      error e = valid.error();
      e.message = fmt::format("Event {} of the batch: {}", i, e.message);
      return e;
    }
    if (i != 0) out += ',';
    detail::cloud_json::append_event(out, events[i]);
  }
  return out + ']';
}

}  // namespace rulebus::inline v1
