// scheduler, continued: lists, and tags by ARN.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rulebus/detail/page.hpp"
#include "rulebus/detail/scheduler_impl.hpp"

namespace rulebus::inline v1 {

// ---- lists

/// A page's token is "group/name" of its last schedule.
result<schedule_page> scheduler::impl::list(const schedule_filter& filter, std::size_t limit, std::string_view next_token) const {
  const result<std::string_view> after = detail::read_page_token(next_token);
  if (!after) return after.error();
  const std::size_t slash = after->find('/');
  if (!after->empty() && slash == std::string_view::npos)
    return error{errc::invalid_argument, "next_token is none that a list gave"};
  const auto is_behind = [&](std::string_view group, std::string_view name) {
    return after->empty() || std::pair(group, name) > std::pair(after->substr(0, slash), after->substr(slash + 1));
  };
  schedule_page page;
  const std::lock_guard lock(mutex_);
  constexpr std::uint32_t none = detail::schedule_table::none;
  const std::uint32_t only = filter.group ? table_.find_group(*filter.group) : none;
  if (filter.group && only == none)
    return error{errc::not_found, fmt::format("Schedule group {} does not exist.", *filter.group)};
  const auto wanted_one = [&](std::uint32_t id) {
    const detail::schedule_entry& e = table_[id];
    return e.used && (only == none || e.group == only) && (!filter.state || e.state == *filter.state) &&
           e.name().starts_with(filter.name_prefix) && is_behind(table_.group(e.group).name, e.name()) &&
           (!filter.tags || filter.tags->matches(table_.all_tags(e)));
  };
  std::vector<std::uint32_t> ids;
  const auto carriers = filter.tags ? table_.tagged(filter.tags->pattern()) : std::nullopt;
  const auto consider = [&](std::uint32_t id) {
    if (wanted_one(id)) ids.push_back(id);
  };
  if (carriers) {
    std::for_each(carriers->begin(), carriers->end(), consider);
  } else {
    for (std::uint32_t id = 0; id < table_.capacity(); ++id) consider(id);
  }
  const auto before = [&](std::uint32_t a, std::uint32_t b) { return table_.before_by_name(a, b); };
  if (limit != 0 && ids.size() > limit) {  // one more, so that it is seen that there is another page
    std::nth_element(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(limit), ids.end(), before);
    ids.resize(limit + 1);
  }
  std::sort(ids.begin(), ids.end(), before);
  page.next_token = detail::cut_page(
      ids, limit, [&](std::uint32_t id) { return table_.group(table_[id].group).name + "/" + std::string(table_[id].name()); });
  page.schedules.reserve(ids.size());
  for (const std::uint32_t id : ids) page.schedules.push_back(describe(table_[id]));
  return page;
}

result<name_page> scheduler::impl::list_groups(const list_request& request) const {
  const result<std::string_view> after = detail::read_page_token(request.next_token);
  if (!after) return after.error();
  name_page page;
  const std::lock_guard lock(mutex_);
  const auto& groups = table_.groups_by_name();
  auto at = after->empty() || *after < request.name_prefix ? groups.lower_bound(request.name_prefix) : groups.upper_bound(*after);
  for (; at != groups.end() && at->first.starts_with(request.name_prefix); ++at) {
    if (request.with_tags && !request.with_tags->matches(table_.group(at->second).tags)) continue;
    page.names.push_back(at->first);
    if (request.limit != 0 && page.names.size() > request.limit) break;
  }
  page.next_token = detail::cut_page(page.names, request.limit, [](const std::string& name) { return name; });
  return page;
}

// ---- tags

result<resource_name> scheduler::impl::name_of(std::string_view resource_arn) const {
  const result<rulebus::arn> at = rulebus::arn::parse(resource_arn);
  if (!at) return at.error();
  result<resource_name> named = resource_name::parse(*at);
  if (!named) return named;
  if (named->type != resource_type::schedule && named->type != resource_type::schedule_group)
    return error{errc::invalid_argument, fmt::format("'{}' is neither a schedule nor a schedule group", resource_arn)};
  if (at->region == options_.region && at->account == options_.account) return named;
  const bool group = named->type == resource_type::schedule_group;
  return error{errc::not_found, fmt::format("Schedule {}{} does not exist.", group ? "group " : "", named->name)};
}

result<scheduler::impl::tagged> scheduler::impl::find_tagged(const resource_name& named) const {
  if (named.type == resource_type::schedule) {
    const auto id = find(named.name, named.group_name);
    if (!id) return id.error();
    return tagged{table_[*id].group, *id};
  }
  const std::uint32_t g = table_.find_group(named.name);
  if (g != detail::schedule_table::none) return tagged{g, detail::schedule_table::none};
  return error{errc::not_found, fmt::format("Schedule group {} does not exist.", named.name)};
}

result<string_map> scheduler::impl::tags_of(const resource_name& named) const {
  const std::lock_guard lock(mutex_);
  const auto of = find_tagged(named);
  if (!of) return of.error();
  if (of->id == detail::schedule_table::none) return table_.group(of->group).tags;
  return table_[of->id].tags ? *table_[of->id].tags : string_map();
}

result<void> scheduler::impl::change_tags(std::string_view resource_arn, const std::function<void(string_map&)>& make) {
  const auto named = name_of(resource_arn);
  if (!named) return named.error();
  const std::lock_guard lock(mutex_);
  const auto of = find_tagged(*named);
  if (!of) return of.error();
  const bool is_group = of->id == detail::schedule_table::none;
  string_map tags;
  if (is_group) {
    tags = table_.group(of->group).tags;
  } else if (table_[of->id].tags) {
    tags = *table_[of->id].tags;
  }
  make(tags);
  if (result<void> valid = check_tags(tags); !valid) return valid;
  if (is_group) {
    table_.set_group_tags(of->group, std::move(tags));
  } else {
    table_.set_tags(of->id, std::move(tags));
  }
  return {};
}

// ---- the interface

std::vector<schedule> scheduler::list_schedules(const schedule_filter& filter) const {
  result<schedule_page> all = impl_->list(filter, 0, {});
  return all ? std::move(all->schedules) : std::vector<schedule>();
}
result<schedule_page> scheduler::list_schedules(const schedule_filter& filter, std::size_t limit,
                                                std::string_view next_token) const {
  return impl_->list(filter, limit, next_token);
}
std::vector<std::string> scheduler::list_schedule_groups() const { return impl_->list_groups({}).value().names; }
result<name_page> scheduler::list_schedule_groups(const list_request& request) const { return impl_->list_groups(request); }
std::string scheduler::group_arn(std::string_view group) const { return impl_->group_arn(group); }

result<void> scheduler::tag_resource(std::string_view resource_arn, const string_map& tags) {
  return impl_->change_tags(resource_arn, [&](string_map& now) {
    for (const auto& [key, value] : tags) now.insert_or_assign(key, value);
  });
}
result<void> scheduler::untag_resource(std::string_view resource_arn, std::span<const std::string> keys) {
  return impl_->change_tags(resource_arn, [&](string_map& now) {
    for (const std::string& key : keys) now.erase(key);
  });
}
result<string_map> scheduler::list_tags_for_resource(std::string_view resource_arn) const {
  return impl_->name_of(resource_arn).and_then([&](const resource_name& named) { return impl_->tags_of(named); });
}
result<string_map> scheduler::list_tags(std::string_view group) const {
  return impl_->tags_of(resource_name{.type = resource_type::schedule_group, .name = std::string(group)});
}

}  // namespace rulebus::inline v1
