#include "event_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "instant.hpp"

namespace rulebus::cli {
namespace {

/// A member of an entry: as the command line has it, as C++ does, and as the service does.
struct spelling {
  std::string_view ours, snake, service;
  std::string_view put_events_entry::*text;  // null: it is no plain text
};
constexpr std::array<spelling, 11> spellings = {{
    {"source", "source", "Source", &put_events_entry::source},
    {"detail-type", "detail_type", "DetailType", &put_events_entry::detail_type},
    {"detail", "detail", "Detail", nullptr},
    {"resources", "resources", "Resources", nullptr},
    {"time", "time", "Time", nullptr},
    {"tags", "tags", "Tags", nullptr},
    {"event_bus_name", "event-bus-name", "EventBusName", &put_events_entry::event_bus_name},
    {"ordering_key", "ordering-key", "OrderingKey", &put_events_entry::ordering_key},
    {"deduplication_id", "deduplication-id", "DeduplicationId", &put_events_entry::deduplication_id},
    {"trace_header", "trace-header", "TraceHeader", &put_events_entry::trace_header},
    {"traceparent", "traceparent", "Traceparent", &put_events_entry::traceparent},
}};

const spelling* find(std::string_view name) {
  const auto found = std::find_if(spellings.begin(), spellings.end(),
                                  [&](const spelling& s) { return s.ours == name || s.snake == name || s.service == name; });
  return found == spellings.end() ? nullptr : &*found;
}

/// The key as it is written, without its quotes: those that matter have no escapes.
std::string_view plain(std::string_view key) { return key.substr(1, key.size() - 2); }

error wrong(std::string what, std::string_view part, std::string_view line) {
  const auto offset = static_cast<std::size_t>(part.data() - line.data());
  return {errc::invalid_argument, std::move(what), offset, 1, offset + 1};
}

}  // namespace

result<void> event_line::read(std::string_view line) {
  is_entry_ = shape_ == line_shape::entries;
  if (shape_ == line_shape::events) return {};
  if (!slice_object(line, members_)) {
    if (is_entry_) return json_complaint(line, "an entry of PutEvents, which is an object");
    return {};  // the bus says what is wrong with it as an event
  }
  if (shape_ == line_shape::by_members) {
    bool source = false, detail_type = false;
    for (const raw_member& m : members_) {
      const std::string_view key = plain(m.key);
      if (key == "id" || key == "version") return {};
      source = source || key == "source" || key == "Source";
      detail_type = detail_type || key == "detail-type" || key == "detail_type" || key == "DetailType";
    }
    if (!source || !detail_type) return {};
    is_entry_ = true;
  }
  return read_entry(line);
}

result<void> event_line::read_entry(std::string_view line) {
  entry_ = {};
  texts_.clear();
  texts_.reserve(members_.size());  // so that views of them stay
  resource_texts_.clear();
  resources_.clear();
  tags_.clear();
  for (const raw_member& m : members_) {
    if (result<void> read = read_member(plain(m.key), m.value, line); !read) return read;
  }
  return {};
}

result<void> event_line::read_member(std::string_view name, std::string_view value, std::string_view line) {
  const spelling* const known = find(name);
  if (!known) return wrong(fmt::format("{} is no member of an entry of PutEvents", name), value, line);
  if (known->ours == "resources") return read_resources(value, line);
  if (known->ours == "time") return read_time(value, line);
  if (known->ours == "tags") return read_tags(value, line);
  if (known->ours == "detail" && !value.starts_with('"')) {
    entry_.detail = value;
    return {};
  }
  auto text = decode_string(value);
  if (!text) return wrong(fmt::format("{} must be a string", name), value, line);
  texts_.push_back(*std::move(text));
  (known->text ? entry_.*known->text : entry_.detail) = texts_.back();
  return {};
}

result<void> event_line::read_time(std::string_view value, std::string_view line) {
  std::int64_t seconds = 0;
  if (const auto text = decode_string(value)) {
    const auto instant = parse_instant(*text);
    if (!instant) return wrong("time must be as in 2026-11-23T08:00:00Z, or seconds since 1970", value, line);
    seconds = std::chrono::floor<std::chrono::seconds>(*instant).time_since_epoch().count();
  } else {
    const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (bad != std::errc() || end != value.data() + value.size())
      return wrong("time must be as in 2026-11-23T08:00:00Z, or whole seconds since 1970", value, line);
  }
  entry_.time = seconds;
  return {};
}

result<void> event_line::read_resources(std::string_view value, std::string_view line) {
  std::vector<std::string_view> items;
  if (!slice_array(value, items)) return wrong("resources must be an array of strings", value, line);
  for (const std::string_view item : items) {
    auto text = decode_string(item);
    if (!text) return wrong("resources must be an array of strings", item, line);
    resource_texts_.push_back(*std::move(text));
  }
  resources_.assign(resource_texts_.begin(), resource_texts_.end());
  entry_.resources = resources_;
  return {};
}

result<void> event_line::read_tags(std::string_view value, std::string_view line) {
  std::vector<raw_member> members;
  if (!slice_object(value, members)) return wrong("tags must be an object of strings", value, line);
  for (const raw_member& m : members) {
    auto key = decode_string(m.key), text = decode_string(m.value);
    if (!key || !text) return wrong("tags must be an object of strings", m.value, line);
    tags_.insert_or_assign(*std::move(key), *std::move(text));
  }
  entry_.tags = &tags_;
  return {};
}

}  // namespace rulebus::cli
