#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "rulebus/targets/resolver.hpp"

namespace rulebus::inline v1 {

namespace detail::targets_resolver_source {

bool stands_for(std::string_view name, std::string_view arn) noexcept {
  const char last = name.back();
  if (last == '*') return arn.starts_with(name.substr(0, name.size() - 1));
  if (!arn.starts_with(name)) return false;
  return last == ':' || last == '/' || arn.size() == name.size() || arn[name.size()] == ':' || arn[name.size()] == '/';
}

/// Of names that stand for the same ARN the longest counts; a star is no part of it, and comes last among equals. Above 0.
std::size_t weight(std::string_view name) noexcept { return name.back() == '*' ? 2 * name.size() - 1 : 2 * name.size() + 2; }

}  // namespace detail::targets_resolver_source

result<void> target_resolver::add(std::string name, factory make) {
  if (name.empty()) return error{errc::invalid_argument, "the name of a target must not be empty"};
  if (!make) return error{errc::invalid_argument, fmt::format("nothing to register as \"{}\"", name)};
  auto made = std::make_shared<const factory>(std::move(make));
  const std::lock_guard lock(mutex_);
  if (factories_.contains(name)) return error{errc::already_exists, fmt::format("\"{}\" is registered already", name)};
  factories_.emplace(std::move(name), std::move(made));
  return {};
}

result<void> target_resolver::add(std::string name, std::shared_ptr<target> t) {
  if (!t) return add(std::move(name), factory());
  return add(std::move(name), [t = std::move(t)](std::string_view) -> result<std::shared_ptr<target>> { return t; });
}

bool target_resolver::remove(std::string_view name) {
  std::shared_ptr<const factory> last;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  const auto at = factories_.find(name);
  if (at == factories_.end()) return false;
  last = std::move(at->second);
  factories_.erase(at);
  return true;
}

result<std::shared_ptr<target>> target_resolver::resolve(std::string_view arn) const {
  using namespace detail::targets_resolver_source;
  std::shared_ptr<const factory> make;
  {
    const std::lock_guard lock(mutex_);
    std::size_t best = 0;
    for (const auto& [name, candidate] : factories_) {
      if (weight(name) <= best || !stands_for(name, arn)) continue;
      best = weight(name);
      make = candidate;
    }
  }
  if (!make) {
    std::string known;
    for (const std::string& name : names()) known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", name);
    return error{errc::not_found,
                 fmt::format("no target is registered for \"{}\"; registered: {}", arn, known.empty() ? "nothing" : known)};
  }
  try {
    result<std::shared_ptr<target>> made = (*make)(arn);
    if (made && !*made) return error{errc::invalid_argument, fmt::format("what is registered for \"{}\" made no target", arn)};
    return made;
  } catch (const std::exception& thrown) {
    return error{errc::invalid_argument, fmt::format("what is registered for \"{}\" threw: {}", arn, thrown.what())};
  }
}

std::vector<std::string> target_resolver::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  all.reserve(factories_.size());
  for (const auto& [name, made] : factories_) all.push_back(name);
  return all;
}

}  // namespace rulebus::inline v1
