#include "rulebus/tags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "rulebus/detail/json_write.hpp"
#include "rulebus/matcher.hpp"

namespace rulebus::inline v1 {

namespace detail::tags_source {

constexpr std::size_t max_tags = 50, max_key = 128, max_value = 256;

/// Of UTF-8: every byte that does not continue a character.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace detail::tags_source

result<void> check_tags(const string_map& tags) {
  using namespace detail::tags_source;
  if (tags.size() > max_tags)
    return error{errc::limit_exceeded, fmt::format("{} tags are more than the {} allowed", tags.size(), max_tags)};
  for (const auto& [key, value] : tags) {
    const std::size_t length = characters(key);
    if (length < 1 || length > max_key)
      return error{errc::invalid_argument, fmt::format("tag key '{}' must have 1 to {} characters", key, max_key)};
    if (characters(value) > max_value)
      return error{errc::invalid_argument, fmt::format("the value of tag '{}' must have at most {} characters", key, max_value)};
    if (key.starts_with("aws:"))
      return error{errc::invalid_argument, fmt::format("tag key '{}': keys that begin with aws: are reserved", key)};
  }
  return {};
}

struct tag_filter::compiled {
  explicit compiled(rulebus::pattern p) : of(std::move(p)) { rules.add(of); }
  const rulebus::pattern of;
  matcher rules{};
  std::mutex mutex{};
  matcher::reader reader{rules};  // guarded by mutex
  std::string text{};             // guarded by mutex
};

result<tag_filter> tag_filter::parse(std::string_view pattern_json, const pattern_options& options) {
  result<rulebus::pattern> parsed = rulebus::pattern::parse(pattern_json, options);
  if (!parsed) return std::move(parsed).error();
  return tag_filter(std::make_shared<compiled>(*std::move(parsed)));
}

bool tag_filter::matches(const string_map& tags) const {
  const std::lock_guard lock(compiled_->mutex);
  std::string& text = compiled_->text;
  text = "{";
  for (const auto& [key, value] : tags) {
    if (text.size() > 1) text += ',';
    detail::append_json_string(text, key);
    text += ':';
    detail::append_json_string(text, value);
  }
  text += '}';
  const auto found = compiled_->reader.match(text);
  return found && !found->empty();
}

const rulebus::pattern& tag_filter::pattern() const noexcept { return compiled_->of; }

}  // namespace rulebus::inline v1
