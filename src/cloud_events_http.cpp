// CloudEvents in HTTP messages: binary mode, and which mode a message has.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "rulebus/cloud_events.hpp"
#include "rulebus/detail/cloud_event_rules.hpp"
#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_text.hpp"

namespace rulebus::inline v1 {

namespace detail::cloud_http {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

/// Without white space around it, as it comes off the wire.
std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// HTTP protocol binding, 3.1.3.2: what is no printable ASCII, and space, quote and percent sign, in hexadecimal digits.
std::string encode(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '"' && c != '%') {
      out += c;
    } else {
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  return out;
}

/// RFC 7230, section 3.2.6: quoted strings become their content.
std::optional<std::string> unquote(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') {
      quoted = !quoted;
      continue;
    }
    if (quoted && text[at] == '\\' && ++at == text.size()) return {};
    out += text[at];
  }
  if (quoted) return {};
  return out;
}

/// One round of percent-decoding. Nothing when a percent sign has no digits. Whether it is UTF-8 is checked with the event.
std::optional<std::string> decode(std::string_view value) {
  const auto text = unquote(trim(value));
  if (!text) return {};
  std::string out;
  for (std::size_t at = 0; at < text->size(); ++at) {
    if ((*text)[at] != '%') {
      out += (*text)[at];
      continue;
    }
    if (text->size() - at < 3) return {};
    const char digits[4] = {'0', '0', (*text)[at + 1], (*text)[at + 2]};
    const std::int32_t byte = hex4(digits, digits + 4);
    if (byte < 0) return {};
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

class message_parser {
 public:
  explicit message_parser(const cloud_message& message) : message_(message) {}

  result<cloud_event> parse() {
    for (const auto& [name, value] : message_.headers) {
      if (auto read = header(lower(name), value); !read) return read.error();
    }
    if (!seen_.contains("ce-specversion")) return bad_attribute("specversion", "is required: there is no header ce-specversion");
    body();
    if (const auto valid = check_cloud_event(out_); !valid) return valid.error();
    if (out_.kind == cloud_data::json) out_.data = minified(out_.data);
    return std::move(out_);
  }

 private:
  result<void> header(const std::string& name, std::string_view value) {
    const bool is_attribute = name.starts_with("ce-");
    if (!is_attribute && name != "content-type") return {};
    if (!seen_.insert(name).second) return error{errc::invalid_event, fmt::format("Header {} is there twice", name)};
    if (!is_attribute) {
      out_.datacontenttype = trim(value);
      return {};
    }
    const auto text = decode(value);
    if (!text) {
      return error{
          errc::invalid_event,
          fmt::format("Header {} has no valid value: quotes must pair, and two hexadecimal digits follow a percent sign", name)};
    }
    return attribute(name.substr(3), *text);
  }

  result<void> attribute(const std::string& name, const std::string& text) {
    if (name == "datacontenttype") return bad_attribute(name, "is the header Content-Type, and must not be ce-datacontenttype");
    if (name == "specversion") {
      if (text == "1.0") return {};
      return error{errc::unsupported, fmt::format("CloudEvents of specversion '{}' are not supported: 1.0 is", text)};
    }
    if (std::string* member = core_member(out_, name)) {
      if (text.empty()) return bad_attribute(name, "must not be empty");
      *member = text;
      return {};
    }
    if (auto valid = check_extension_name(name); !valid) return valid;
    out_.extensions[name] = text;
    return {};
  }

  void body() {
    if (message_.body.empty()) return;
    const bool is_text = declares_text(out_.datacontenttype) && is_utf8(message_.body);
    const bool is_json = !out_.datacontenttype.empty() && declares_json(out_.datacontenttype);
    out_.kind = is_json ? cloud_data::json : is_text ? cloud_data::text : cloud_data::binary;
    out_.data = message_.body;
  }

  const cloud_message& message_;
  std::set<std::string, std::less<>> seen_;
  cloud_event out_;
};

std::string content_type(const cloud_message& message) {
  for (const auto& [name, value] : message.headers) {
    if (lower(name) == "content-type") return lower(trim(value));
  }
  return {};
}

}  // namespace detail::cloud_http

result<cloud_event> parse_binary_message(const cloud_message& message) {
  return detail::cloud_http::message_parser(message).parse();
}

result<cloud_message> binary_message(const cloud_event& e) {
  using detail::cloud_http::encode;
  if (const auto valid = check_cloud_event(e); !valid) return valid.error();
  cloud_message out;
  const auto put = [&out](std::string name, std::string_view text) {
    if (!text.empty()) out.headers.emplace_back(std::move(name), encode(text));
  };
  put("ce-specversion", "1.0");
  put("ce-id", e.id);
  put("ce-source", e.source);
  put("ce-type", e.type);
  put("ce-subject", e.subject);
  put("ce-time", e.time);
  put("ce-dataschema", e.dataschema);
  for (const auto& [name, value] : e.extensions) {
    out.headers.emplace_back("ce-" + name, encode(detail::attribute_text(value)));
  }
  const bool implied = e.kind == cloud_data::json && e.datacontenttype.empty();
  const std::string_view type = implied ? std::string_view("application/json") : e.datacontenttype;
  if (!type.empty()) out.headers.emplace_back("Content-Type", type);
  out.body = e.data;
  return out;
}

result<std::vector<cloud_event>> parse_message(const cloud_message& message) {
  const std::string type = detail::cloud_http::content_type(message);
  const std::string_view essence = std::string_view(type).substr(0, std::min(type.find_first_of("; \t"), type.size()));
  if (essence == "application/cloudevents-batch+json") return parse_cloud_events(message.body);
  const bool is_structured = essence == "application/cloudevents+json";
  if (!is_structured && essence.starts_with("application/cloudevents")) {
    return error{errc::unsupported, fmt::format("CloudEvents as '{}' are not supported: +json is", essence)};
  }
  result<cloud_event> one = is_structured ? parse_cloud_event(message.body) : parse_binary_message(message);
  if (!one) return std::move(one).error();
  std::vector<cloud_event> out;
  out.push_back(*std::move(one));
  return out;
}

}  // namespace rulebus::inline v1
