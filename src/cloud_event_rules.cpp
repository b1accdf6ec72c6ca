#include "rulebus/detail/cloud_event_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/json_write.hpp"
#include "rulebus/detail/utc_text.hpp"
#include "rulebus/detail/utf8.hpp"

namespace rulebus::inline v1 {

namespace detail::cloud_rules {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// ---- strings and URIs

/// Characters that String attributes cannot have: control characters and noncharacters.
bool is_allowed(std::uint32_t c) {
  const bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
  const bool nothing = (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffeu) == 0xfffe;
  return !control && !nothing;
}

result<void> check_string(std::string_view name, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const utf8_character c = decode_utf8(text, at);
    if (c.length == 0) return bad_attribute(name, "is not valid UTF-8");
    if (!is_allowed(c.code)) return bad_attribute(name, fmt::format("has the character U+{:04X}, which none may have", c.code));
    at += c.length;
  }
  return {};
}

/// The scheme with its colon, of a URI that has one.
std::size_t scheme_length(std::string_view text) {
  const std::size_t end = text.find_first_of(":/?#");
  if (end == std::string_view::npos || text[end] != ':' || end == 0 || !is_letter(text[0])) return 0;
  const bool valid = std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end),
                                 [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; });
  return valid ? end + 1 : 0;
}

/// RFC 3986, section 4.1, by its characters, percent-encodings, scheme and fragment.
result<void> check_uri_reference(std::string_view name, std::string_view text) {
  static constexpr std::string_view marks = "-._~:/?#[]@!$&'()*+,;=%";
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (!is_letter(c) && !is_digit(c) && marks.find(c) == std::string_view::npos) {
      return bad_attribute(name, fmt::format("is no URI reference: it must not have byte {:#04x}; write it with percent signs",
                                             static_cast<unsigned char>(c)));
    }
    if (c != '%') continue;
    const char digits[4] = {'0', '0', at + 1 < text.size() ? text[at + 1] : ' ', at + 2 < text.size() ? text[at + 2] : ' '};
    if (hex4(digits, digits + 4) < 0) return bad_attribute(name, "has a percent sign without two hexadecimal digits");
  }
  if (std::count(text.begin(), text.end(), '#') > 1) return bad_attribute(name, "is no URI reference: it has two #");
  const std::size_t first = text.find_first_of(":/?#");
  if (first != std::string_view::npos && text[first] == ':' && scheme_length(text) == 0) {
    return bad_attribute(name, "is no URI reference: what is before its first colon is no scheme");
  }
  return {};
}

result<void> check_uri(std::string_view name, std::string_view text) {
  if (auto valid = check_uri_reference(name, text); !valid) return valid;
  if (scheme_length(text) == 0) return bad_attribute(name, "must be an absolute URI, with a scheme");
  return {};
}

// ---- media types

/// type/subtype without parameters.
std::string_view essence(std::string_view media_type) { return trim(media_type.substr(0, media_type.find(';'))); }

bool is_token(std::string_view text) {  // RFC 2045, section 5.1
  static constexpr std::string_view others = "!#$%&'*+-.^_`{|}~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos;
  });
}

result<void> check_media_type(std::string_view name, std::string_view text) {
  const std::string_view type = essence(text);
  const std::size_t slash = type.find('/');
  if (slash == std::string_view::npos || !is_token(type.substr(0, slash)) || !is_token(type.substr(slash + 1))) {
    return bad_attribute(name, "is no media type: write type/subtype");
  }
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!printable || trim(text) != text)
    return bad_attribute(name, "is no media type: it has printable ASCII, with no space around it");
  return {};
}

bool has_subtype(std::string_view media_type, std::string_view subtype) {
  const std::string_view type = essence(media_type);
  const std::string_view sub = type.substr(std::min(type.find('/') + 1, type.size()));
  if (equal_without_case(sub, subtype)) return true;
  return sub.size() > subtype.size() && sub[sub.size() - subtype.size() - 1] == '+' &&
         equal_without_case(sub.substr(sub.size() - subtype.size()), subtype);
}

/// The charset parameter; empty: there is none.
std::string_view charset(std::string_view media_type) {
  for (std::size_t at = media_type.find(';'); at != std::string_view::npos;) {
    const std::size_t end = media_type.find(';', at + 1);
    const std::string_view parameter = trim(media_type.substr(at + 1, end == std::string_view::npos ? end : end - at - 1));
    const std::size_t equals = parameter.find('=');
    if (equals != std::string_view::npos && equal_without_case(parameter.substr(0, equals), "charset")) {
      std::string_view value = parameter.substr(equals + 1);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
      return value;
    }
    at = end;
  }
  return {};
}

// ---- data

result<void> check_data(const cloud_event& e) {
  const auto bad_data = [](std::string_view what) {
    return error{errc::invalid_event, fmt::format("The data of the CloudEvent {}", what)};
  };
  if (e.kind == cloud_data::none && !e.data.empty()) return bad_data("are of no kind, but not empty");
  if (e.kind == cloud_data::text) {
    if (declares_json(e.datacontenttype)) return bad_data("are text; datacontenttype must say of which type, and not JSON");
    if (!is_utf8(e.data)) return bad_data("are text, but not valid UTF-8");
  }
  if (e.kind != cloud_data::json) return {};
  if (!declares_json(e.datacontenttype)) return bad_data("are JSON, but datacontenttype says otherwise");
  json_reader reader(e.data);
  token t = reader.next();
  while (t != token::end && t != token::error) t = reader.next();
  if (t == token::end) return {};
  return bad_data("are not valid JSON: " + reader.failure().message);
}

// ---- times

/// Two digits, or -1.
int two_digits(std::string_view text, std::size_t at) {
  if (at + 2 > text.size() || !is_digit(text[at]) || !is_digit(text[at + 1])) return -1;
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

/// Z, or the offset from UTC in seconds, at the end of a time. Nothing when there is none.
std::optional<std::int64_t> utc_offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  const int hours = text.size() == 6 ? two_digits(text, 1) : -1, minutes = text.size() == 6 ? two_digits(text, 4) : -1;
  if (hours < 0 || minutes < 0 || hours > 23 || minutes > 59 || text[3] != ':' || (text[0] != '+' && text[0] != '-')) return {};
  const std::int64_t seconds = (std::int64_t{hours} * 60 + minutes) * 60;
  return text[0] == '-' ? -seconds : seconds;
}

// ---- base64

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace detail::cloud_rules

namespace detail {

error bad_attribute(std::string_view name, std::string_view what) {
  return {errc::invalid_event, fmt::format("CloudEvent attribute '{}' {}", name, what)};
}

std::string* core_member(cloud_event& e, std::string_view name) {
  if (name == "id") return &e.id;
  if (name == "source") return &e.source;
  if (name == "type") return &e.type;
  if (name == "subject") return &e.subject;
  if (name == "time") return &e.time;
  if (name == "datacontenttype") return &e.datacontenttype;
  if (name == "dataschema") return &e.dataschema;
  return nullptr;
}

bool is_core_attribute(std::string_view name) {
  cloud_event any;
  return name == "specversion" || core_member(any, name) != nullptr;
}

result<void> check_extension_name(std::string_view name) {
  const bool valid = std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c); });
  if (name.empty() || !valid) return bad_attribute(name, "has a name that none may have: lower-case letters and digits only");
  if (name == "data") return bad_attribute(name, "cannot be one: data are not an attribute");
  return {};
}

bool declares_json(std::string_view media_type) { return media_type.empty() || cloud_rules::has_subtype(media_type, "json"); }

bool declares_text(std::string_view media_type) {
  using namespace cloud_rules;
  const std::string_view charset = cloud_rules::charset(media_type);
  const bool utf8 = charset.empty() || equal_without_case(charset, "utf-8") || equal_without_case(charset, "us-ascii");
  const std::string_view type = essence(media_type);
  return utf8 &&
         (equal_without_case(type.substr(0, std::min(type.find('/'), type.size())), "text") || has_subtype(media_type, "xml"));
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const utf8_character c = decode_utf8(text, at);
    if (c.length == 0) return false;
    at += c.length;
  }
  return true;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  using namespace cloud_rules;
  const int century = two_digits(text, 0), years = two_digits(text, 2), month = two_digits(text, 5), day = two_digits(text, 8);
  const int hour = two_digits(text, 11), minute = two_digits(text, 14), second = two_digits(text, 17);
  if (std::min({century, years, month, day, hour, minute, second}) < 0) return {};
  const bool separators =
      text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't') && text[13] == ':' && text[16] == ':';
  if (!separators || hour > 23 || minute > 59 || second > 60) return {};
  std::size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    const std::size_t first = ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == first) return {};
  }
  const auto offset = utc_offset(text.substr(at));
  const std::chrono::year_month_day date{std::chrono::year(century * 100 + years),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!offset || !date.ok()) return {};
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - *offset;
  if (seconds < first_second || seconds > last_second) return {};
  return seconds;
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  const auto byte = [&](std::size_t i) { return i < bytes.size() ? std::uint32_t{static_cast<unsigned char>(bytes[i])} : 0U; };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (std::size_t n = 0; n < 4; ++n) {
      out += i + n > bytes.size() ? '=' : cloud_rules::alphabet[group >> (18 - 6 * n) & 63];
    }
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  text.remove_suffix(padding);
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = cloud_rules::alphabet.find(c);
    if (value == std::string_view::npos) return {};
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
    bits &= (1U << count) - 1;
  }
  if (bits != 0) return {};
  return out;
}

std::string attribute_text(const cloud_event::attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const bool* yes = std::get_if<bool>(&value)) return *yes ? "true" : "false";
  return fmt::format("{}", std::get<std::int32_t>(value));
}

void append_attribute(std::string& out, const cloud_event::attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return append_json_string(out, *text);
  out += attribute_text(value);
}

}  // namespace detail

result<void> check_cloud_event(const cloud_event& e) {
  using namespace detail::cloud_rules;
  using detail::bad_attribute;
  struct core {
    std::string_view name, text;
  };
  for (const auto& [name, text] : {core{"id", e.id}, core{"source", e.source}, core{"type", e.type}}) {
    if (text.empty()) return bad_attribute(name, "is required");
  }
  for (const auto& [name, text] : {core{"id", e.id}, core{"type", e.type}, core{"subject", e.subject}}) {
    if (auto valid = check_string(name, text); !valid) return valid;
  }
  if (auto valid = check_uri_reference("source", e.source); !valid) return valid;
  if (!e.dataschema.empty()) {
    if (auto valid = check_uri("dataschema", e.dataschema); !valid) return valid;
  }
  if (!e.datacontenttype.empty()) {
    if (auto valid = check_string("datacontenttype", e.datacontenttype); !valid) return valid;
    if (auto valid = check_media_type("datacontenttype", e.datacontenttype); !valid) return valid;
  }
  if (!e.time.empty() && !detail::parse_rfc3339(e.time)) {
    return bad_attribute("time", "is no time by RFC 3339 within the years 0 to 9999: write 2026-11-23T08:00:00Z");
  }
  for (const auto& [name, value] : e.extensions) {
    if (detail::is_core_attribute(name)) return bad_attribute(name, "is no extension: cloud_event has a member for it");
    if (auto valid = detail::check_extension_name(name); !valid) return valid;
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) continue;
    if (auto valid = check_string(name, *text); !valid) return valid;
  }
  return check_data(e);
}

}  // namespace rulebus::inline v1
