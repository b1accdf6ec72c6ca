#include "rulebus/arn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "rulebus/detail/names.hpp"

namespace rulebus::inline v1 {

namespace detail::arn_source {

constexpr std::string_view shape = "arn:<partition>:<service>:<region>:<account>:<resource>";

bool digit(char c) { return c >= '0' && c <= '9'; }
bool word_character(char c) { return (c >= 'a' && c <= 'z') || digit(c) || c == '-'; }
bool visible(char c) { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; }

template <class Allowed>
bool all(std::string_view text, Allowed allowed) {
  return std::all_of(text.begin(), text.end(), allowed);
}

/// At most this much of a text that is not what it should be goes into a message.
std::string shown(std::string_view text) {
  constexpr std::size_t enough = 100;
  std::string out;
  for (const char c : text.substr(0, enough)) out += visible(c) && static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return text.size() > enough ? out + "..." : out;
}

error wrong(std::string_view text, std::size_t offset, std::string_view what) {
  return {errc::invalid_argument, fmt::format("'{}' is not a resource name: {}", shown(text), what), offset, 1, offset + 1};
}

struct type_words {
  resource_type type;
  std::string_view word, service;
};
constexpr std::array<type_words, 9> types = {{
    {resource_type::event_bus, "event-bus", "events"},
    {resource_type::rule, "rule", "events"},
    {resource_type::target, "target", "events"},
    {resource_type::archive, "archive", "events"},
    {resource_type::replay, "replay", "events"},
    {resource_type::connection, "connection", "events"},
    {resource_type::api_destination, "api-destination", "events"},
    {resource_type::schedule, "schedule", "scheduler"},
    {resource_type::schedule_group, "schedule-group", "scheduler"},
}};

const type_words& words_of(resource_type type) { return types[static_cast<std::size_t>(type)]; }

/// Cuts what is behind the last slash; without a slash, all of it.
std::string_view take_last(std::string_view& text) {
  const std::size_t slash = text.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? text : text.substr(slash + 1);
  text = slash == std::string_view::npos ? std::string_view() : text.substr(0, slash);
  return last;
}

/// "default" when there was nothing in front of the rule.
std::string bus_or_default(std::string_view text, bool there) { return there ? std::string(text) : "default"; }

/// Fills in the names behind "<type>/"; what is wrong with them, or nothing.
result<void> read_names(resource_name& into, std::string_view text) {
  const std::string_view whole = text;
  switch (into.type) {
    case resource_type::event_bus: into.event_bus_name = text; return check_bus_name(text, "eventBusName");
    case resource_type::target:
      if (text.find('/') == std::string_view::npos) {
        return error{errc::invalid_argument, "it must be target/<rule>/<id> or target/<bus>/<rule>/<id>"};
      }
      into.name = take_last(text);
      if (result<void> valid = check_name(into.name, "id"); !valid) return valid;
      [[fallthrough]];
    case resource_type::rule: {
      const bool named = text.find('/') != std::string_view::npos;
      into.rule_name = take_last(text);
      into.event_bus_name = bus_or_default(text, named);
      if (result<void> valid = check_name(into.rule_name, "rule"); !valid) return valid;
      return check_bus_name(into.event_bus_name, "eventBusName");
    }
    case resource_type::schedule:
      into.name = take_last(text);
      into.group_name = text;
      if (result<void> valid = check_name(into.group_name, "groupName"); !valid) return valid;
      return check_name(into.name, "name");
    case resource_type::connection:
    case resource_type::api_destination:
      if (whole.find('/') != std::string_view::npos) {
        into.unique_id = take_last(text);
        if (into.unique_id.empty() || !all(into.unique_id, [](char c) { return word_character(c) || (c >= 'A' && c <= 'Z'); })) {
          return error{errc::invalid_argument, "what follows the name must be of letters, digits and dashes"};
        }
      }
      [[fallthrough]];
    default: into.name = text; return check_name(text, "name");
  }
}

}  // namespace detail::arn_source

// ---- arn

result<arn> arn::parse(std::string_view text) {
  using namespace detail::arn_source;
  if (text.size() > max_bytes) return wrong(text, max_bytes, fmt::format("it is longer than {} bytes", max_bytes));
  if (!text.starts_with("arn:")) return wrong(text, 0, fmt::format("it must be {}", shape));
  std::array<std::string_view, 4> parts;
  std::array<std::size_t, 4> starts{};
  std::size_t at = 4;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t colon = text.find(':', at);
    if (colon == std::string_view::npos) {
      return wrong(text, text.size(), fmt::format("it has {} of the 6 parts of {}", i + 2, shape));
    }
    parts[i] = text.substr(at, colon - at);
    starts[i] = at;
    at = colon + 1;
  }
  static constexpr std::array<std::string_view, 3> part_names = {"partition", "service", "region"};
  for (std::size_t i = 0; i < part_names.size(); ++i) {
    if (parts[i].empty() && i < 2) return wrong(text, starts[i], fmt::format("the {} is empty", part_names[i]));
    if (!all(parts[i], word_character)) {
      return wrong(text, starts[i], fmt::format("the {} may have small letters, digits and dashes only", part_names[i]));
    }
  }
  if (!parts[3].empty() && (parts[3].size() != 12 || !all(parts[3], digit))) {
    return wrong(text, starts[3], "the account must have 12 digits, or be empty");
  }
  const std::string_view resource = text.substr(at);
  if (resource.empty()) return wrong(text, at, "the resource is empty");
  if (!all(resource, visible)) return wrong(text, at, "the resource may not have spaces or control characters");
  return arn{std::string(parts[0]), std::string(parts[1]), std::string(parts[2]), std::string(parts[3]), std::string(resource)};
}

std::string arn::text() const { return fmt::format("arn:{}:{}:{}:{}:{}", partition, service, region, account, resource); }

// ---- resource_name

std::string_view name(resource_type type) noexcept { return detail::arn_source::words_of(type).word; }

result<resource_name> resource_name::parse(const rulebus::arn& from) {
  using namespace detail::arn_source;
  const std::string text = from.text();
  const std::size_t start = text.size() - from.resource.size();
  const std::size_t slash = from.resource.find('/');
  const std::string_view word = std::string_view(from.resource).substr(0, slash);
  const auto known = std::find_if(types.begin(), types.end(), [&](const type_words& t) { return t.word == word; });
  if (known == types.end() || slash == std::string::npos) {
    return wrong(text, start,
                 "the resource must begin with event-bus/, rule/, target/, archive/, replay/, connection/, "
                 "api-destination/, schedule/ or schedule-group/");
  }
  if (from.service != known->service) {
    return wrong(text, text.find(from.service, 4 + from.partition.size()),
                 fmt::format("{} is a resource of the service {}, not of {}", word, known->service, from.service));
  }
  resource_name named{.type = known->type};
  if (const result<void> valid = read_names(named, std::string_view(from.resource).substr(slash + 1)); !valid) {
    return wrong(text, start + slash + 1, valid.error().message);
  }
  return named;
}

result<resource_name> resource_name::parse(std::string_view arn_text) {
  const result<rulebus::arn> parts = rulebus::arn::parse(arn_text);
  if (!parts) return parts.error();
  return parse(*parts);
}

rulebus::arn resource_name::arn(std::string_view region, std::string_view account) const {
  const detail::arn_source::type_words& words = detail::arn_source::words_of(type);
  std::string path(words.word);
  const auto step = [&path](std::string_view text) {
    path += '/';
    path += text;
  };
  const bool of_rule = type == resource_type::rule || type == resource_type::target;
  if (type == resource_type::event_bus || (of_rule && event_bus_name != "default")) step(event_bus_name);
  if (of_rule) step(rule_name);
  if (type == resource_type::schedule) step(group_name);
  if (type != resource_type::event_bus && type != resource_type::rule) step(name);
  if (!unique_id.empty()) step(unique_id);
  return {
      .service = std::string(words.service), .region = std::string(region), .account = std::string(account), .resource = path};
}

result<std::string> event_bus_name_of(std::string_view name_or_arn, std::string_view region, std::string_view account) {
  if (name_or_arn.empty()) return std::string("default");
  if (!name_or_arn.starts_with("arn:")) {
    if (const result<void> valid = detail::check_bus_name(name_or_arn, "eventBusName"); !valid) return valid.error();
    return std::string(name_or_arn);
  }
  const result<arn> parts = arn::parse(name_or_arn);
  if (!parts) return parts.error();
  result<resource_name> named = resource_name::parse(*parts);
  if (!named) return named.error();
  if (named->type != resource_type::event_bus) {
    return detail::arn_source::wrong(name_or_arn, 0, "an event bus is needed here, arn:…:event-bus/<name>");
  }
  if (parts->region != region || parts->account != account) {
    return error{errc::not_found, fmt::format("Event bus {} does not exist.", named->event_bus_name)};
  }
  return std::move(named->event_bus_name);
}

}  // namespace rulebus::inline v1
