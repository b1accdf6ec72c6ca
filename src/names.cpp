#include "rulebus/detail/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace rulebus::inline v1::detail {

namespace names_source {

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/// The service's list of the constraints that are broken; no error when none is.
result<void> refuse(std::string_view value, std::string_view member, const std::vector<std::string>& broken) {
  if (broken.empty()) return {};
  std::string text = fmt::format("{} validation error{} detected: ", broken.size(), broken.size() == 1 ? "" : "s");
  for (const std::string& constraint : broken) {
    if (&constraint != broken.data()) text += "; ";
    text += fmt::format("Value '{}' at '{}' failed to satisfy constraint: Member must {}", value, member, constraint);
  }
  return error{errc::invalid_argument, std::move(text)};
}

template <class Allowed>
result<void> check(std::string_view name, std::string_view member, std::size_t max, std::string_view regexp, Allowed allowed) {
  std::vector<std::string> broken;
  if (name.empty() || !std::all_of(name.begin(), name.end(), allowed)) {
    broken.push_back(fmt::format("satisfy regular expression pattern: {}", regexp));
  }
  if (name.empty()) broken.emplace_back("have length greater than or equal to 1");
  if (name.size() > max) broken.push_back(fmt::format("have length less than or equal to {}", max));
  return refuse(name, member, broken);
}

}  // namespace names_source

result<void> check_name(std::string_view name, std::string_view member) {
  return names_source::check(name, member, 64, R"([\.\-_A-Za-z0-9]+)", names_source::plain);
}

result<void> check_bus_name(std::string_view name, std::string_view member) {
  return names_source::check(name, member, 256, R"([/\.\-_A-Za-z0-9]+)",
                             [](char c) { return c == '/' || names_source::plain(c); });
}

result<void> check_length(std::string_view text, std::size_t max, std::string_view member) {
  if (text.size() <= max) return {};
  return names_source::refuse(text, member, {fmt::format("have length less than or equal to {}", max)});
}

error missing_argument(std::string_view name) {
  return {errc::invalid_argument, fmt::format("Parameter {0} is not valid. Reason: {0} is a required argument.", name)};
}

}  // namespace rulebus::inline v1::detail
