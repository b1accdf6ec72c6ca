#include "rulebus/detail/envelope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <utility>

#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_write.hpp"
#include "rulebus/detail/names.hpp"
#include "rulebus/detail/utc_text.hpp"

namespace rulebus::inline v1::detail {

namespace envelope_source {

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, text);
}

void append_tags(std::string& out, const string_map& tags) {
  out += ",\"tags\":{";
  bool first = true;
  for (const auto& [key, value] : tags) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
  }
  out += '}';
}

}  // namespace envelope_source

std::string make_uuid() {
  thread_local std::random_device entropy;
  std::array<std::uint32_t, 4> words{};
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(entropy());
  words[1] = (words[1] & 0xffff0fffu) | 0x00004000u;
  words[2] = (words[2] & 0x3fffffffu) | 0x80000000u;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16, words[1] & 0xffff, words[2] >> 16,
                     words[2] & 0xffff, words[3]);
}

std::size_t entry_size(const put_events_entry& entry) {
  std::size_t size = entry.source.size() + entry.detail_type.size() + entry.detail.size() + (entry.time ? 14 : 0);
  for (const std::string_view resource : entry.resources) size += resource.size();
  return size;
}

result<std::string> make_envelope(const put_events_entry& entry, const envelope_fields& fields, std::size_t max_depth) {
  using envelope_source::append_member;
  if (entry.source.empty()) return missing_argument("Source");
  if (entry.detail_type.empty()) return missing_argument("DetailType");
  if (entry.detail.empty()) return missing_argument("Detail");
  if (const result<void> valid = check_json_object(entry.detail, max_depth); !valid) {
    const error& e = valid.error();
    if (e.code == errc::limit_exceeded) return e;
    return error{errc::malformed_detail, "Detail is malformed.", e.offset, e.line, e.column};
  }
  const std::int64_t seconds = entry.time ? *entry.time : fields.seconds;
  if (seconds < first_second || seconds > last_second) {
    return error{errc::invalid_argument, "Parameter Time is not valid. Reason: Time must be within the years 0 to 9999."};
  }
  std::string json = R"({"version":"0")";
  json.reserve(256 + entry_size(entry));
  append_member(json, "id", fields.id);
  append_member(json, "detail-type", entry.detail_type);
  append_member(json, "source", entry.source);
  append_member(json, "account", fields.account);
  append_member(json, "time", utc_text(seconds));
  append_member(json, "region", fields.region);
  json += ",\"resources\":[";
  for (const std::string_view& resource : entry.resources) {
    if (&resource != entry.resources.data()) json += ',';
    append_json_string(json, resource);
  }
  json += ']';
  if (entry.tags && !entry.tags->empty()) envelope_source::append_tags(json, *entry.tags);
  json += ",\"detail\":";
  append_minified(json, entry.detail);
  json += '}';
  return json;
}

std::string make_scheduled_event(const scheduled_event_fields& fields) {
  using envelope_source::append_member;
  const std::int64_t seconds = std::chrono::floor<std::chrono::seconds>(fields.time).time_since_epoch().count();
  std::string json = R"({"version":"0")";
  json.reserve(256 + fields.resource.size());
  append_member(json, "id", fields.id);
  append_member(json, "detail-type", "Scheduled Event");
  append_member(json, "source", fields.source);
  append_member(json, "account", fields.account);
  append_member(json, "time", utc_text(std::clamp(seconds, first_second, last_second)));
  append_member(json, "region", fields.region);
  json += ",\"resources\":[";
  append_json_string(json, fields.resource);
  json += "],\"detail\":";
  json += fields.detail;
  json += '}';
  return json;
}

}  // namespace rulebus::inline v1::detail
