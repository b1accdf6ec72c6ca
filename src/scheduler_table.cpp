#include "rulebus/detail/schedule_table.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1::detail {

namespace scheduler_table_source {

std::size_t profile_hash(const schedule_profile& p) {
  std::uint64_t h = hash_bytes(p.arn, static_cast<std::uint64_t>(p.catch_up_window));
  const auto mix = [&](auto value) { h = fold_multiply(h ^ static_cast<std::uint64_t>(value), 0x9e3779b97f4a7c15u) + 1; };
  mix(reinterpret_cast<std::uintptr_t>(p.target.get()));
  mix(reinterpret_cast<std::uintptr_t>(p.dead_letter.get()));
  mix(p.overlap), mix(p.catch_up), mix(p.action_after_completion), mix(p.window_minutes), mix(p.pause_after_failures);
  return h;
}

}  // namespace scheduler_table_source

// ---- texts

text_block::text_block(const std::string_view (&texts)[parts]) {
  std::uint32_t ends[parts], size = 0;
  for (std::size_t i = 0; i < parts; ++i) ends[i] = size += static_cast<std::uint32_t>(texts[i].size());
  bytes_ = std::make_unique<char[]>(sizeof ends + size);
  std::memcpy(bytes_.get(), ends, sizeof ends);
  char* at = bytes_.get() + sizeof ends;
  for (const std::string_view t : texts) at = std::copy(t.begin(), t.end(), at);
}

std::string_view text_block::operator[](part p) const noexcept {
  if (!bytes_) return {};
  std::uint32_t ends[parts];
  std::memcpy(ends, bytes_.get(), sizeof ends);
  const std::uint32_t begin = p == 0 ? 0 : ends[p - 1];
  return {bytes_.get() + sizeof ends + begin, ends[p] - begin};
}

// ---- profiles

bool schedule_profile::same_as(const schedule_profile& o) const noexcept {
  return target == o.target && dead_letter == o.dead_letter && arn == o.arn && dead_letter_arn == o.dead_letter_arn &&
         delivery == o.delivery && overlap == o.overlap && catch_up == o.catch_up &&
         action_after_completion == o.action_after_completion && window_minutes == o.window_minutes &&
         pause_after_failures == o.pause_after_failures && catch_up_window == o.catch_up_window;
}

schedule_profile* schedule_table::share(schedule_profile with) {
  const std::size_t hash = scheduler_table_source::profile_hash(with);
  const auto [begin, end] = profiles_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (!at->second->same_as(with)) continue;
    ++at->second->uses;
    return at->second.get();
  }
  const auto made = profiles_.emplace(hash, std::make_unique<schedule_profile>(std::move(with)));
  made->second->uses = 1;
  return made->second.get();
}

void schedule_table::unshare(schedule_profile* p, remains& left) {
  if (--p->uses > 0) return;
  const auto [begin, end] = profiles_.equal_range(scheduler_table_source::profile_hash(*p));
  for (auto at = begin; at != end; ++at) {
    if (at->second.get() != p) continue;
    left.profiles.push_back(std::move(at->second));
    profiles_.erase(at);
    return;
  }
}

// ---- names

std::uint32_t schedule_table::home(std::uint32_t group, std::string_view name) const noexcept {
  return static_cast<std::uint32_t>(hash_bytes(name, group)) & static_cast<std::uint32_t>(index_.size() - 1);
}

std::uint32_t schedule_table::find(std::uint32_t group, std::string_view name) const noexcept {
  if (index_.empty()) return none;
  const auto mask = static_cast<std::uint32_t>(index_.size() - 1);
  for (std::uint32_t at = home(group, name); index_[at] != none; at = (at + 1) & mask) {
    const schedule_entry& e = entries_[index_[at]];
    if (e.group == group && e.name() == name) return index_[at];
  }
  return none;
}

void schedule_table::index(std::uint32_t id) noexcept {
  const auto mask = static_cast<std::uint32_t>(index_.size() - 1);
  std::uint32_t at = home(entries_[id].group, entries_[id].name());
  while (index_[at] != none) at = (at + 1) & mask;
  index_[at] = id;
}

void schedule_table::unindex(std::uint32_t id) noexcept {
  const auto mask = static_cast<std::uint32_t>(index_.size() - 1);
  std::uint32_t gap = home(entries_[id].group, entries_[id].name());
  while (index_[gap] != id) gap = (gap + 1) & mask;
  for (std::uint32_t at = (gap + 1) & mask; index_[at] != none; at = (at + 1) & mask) {
    const schedule_entry& e = entries_[index_[at]];
    const std::uint32_t wanted = home(e.group, e.name());
    if (((at - wanted) & mask) < ((at - gap) & mask)) continue;  // it would come before its home
    index_[gap] = index_[at];
    gap = at;
  }
  index_[gap] = none;
}

void schedule_table::grow_index() {
  std::vector<std::uint32_t> larger(std::max<std::size_t>(16, index_.size() * 2), none);
  std::swap(index_, larger);
  for (const std::uint32_t id : larger) {
    if (id != none) index(id);
  }
}

// ---- groups

std::uint32_t schedule_table::find_group(std::string_view name) const noexcept {
  const auto found = group_ids_.find(name);
  return found == group_ids_.end() ? none : found->second;
}

/// All or nothing.
std::uint32_t schedule_table::add_group(std::string name, string_map tags) {
  free_groups_.reserve(groups_.size() + 1);
  tagged_.add(name, tags);
  const auto id = free_groups_.empty() ? static_cast<std::uint32_t>(groups_.size()) : free_groups_.back();
  const auto named = group_ids_.emplace(name, id).first;
  if (!free_groups_.empty()) {
    free_groups_.pop_back();
    groups_[id] = {std::move(name), std::move(tags)};
    return id;
  }
  try {
    groups_.push_back({std::move(name), std::move(tags)});
  } catch (...) {
    group_ids_.erase(named);
    throw;
  }
  return id;
}

void schedule_table::remove_group(std::uint32_t group) {
  tagged_.remove(groups_[group].name, groups_[group].tags);
  group_ids_.erase(groups_[group].name);
  groups_[group] = {{}, {}, false};
  free_groups_.push_back(group);
}

// ---- tags

std::string schedule_table::tagged_name(const schedule_entry& e) const {
  return groups_[e.group].name + "/" + std::string(e.name());
}

void schedule_table::set_tags(std::uint32_t id, string_map tags) {
  schedule_entry& e = entries_[id];
  const std::string name = tagged_name(e);
  auto now = tags.empty() ? nullptr : std::make_unique<const string_map>(std::move(tags));
  if (now) tagged_.add(name, *now);
  if (e.tags) tagged_.remove(name, *e.tags, now ? *now : string_map());
  e.tags = std::move(now);
}

void schedule_table::set_group_tags(std::uint32_t group, string_map tags) {
  schedule_group& g = groups_[group];
  tagged_.add(g.name, tags);
  tagged_.remove(g.name, g.tags, tags);
  g.tags = std::move(tags);
}

string_map schedule_table::all_tags(const schedule_entry& e) const {
  string_map all = e.tags ? *e.tags : string_map();
  all.insert(groups_[e.group].tags.begin(), groups_[e.group].tags.end());
  return all;
}

/// What a filter asks for is a tag of the schedule or of its group: so who can match is named, or its group is.
std::optional<std::vector<std::uint32_t>> schedule_table::tagged(const pattern& filter) const {
  const auto names = tagged_.candidates(filter);
  if (!names) return std::nullopt;
  std::vector<std::uint32_t> found;
  std::vector<bool> whole(groups_.size());
  bool any = false;
  for (const std::string& name : *names) {
    const std::size_t slash = name.find('/');
    const std::uint32_t g = find_group(std::string_view(name).substr(0, slash));
    if (g == none) continue;
    if (slash == std::string::npos) {
      whole[g] = any = true;
    } else if (const std::uint32_t id = find(g, std::string_view(name).substr(slash + 1)); id != none) {
      found.push_back(id);
    }
  }
  if (!any) return found;
  std::erase_if(found, [&](std::uint32_t id) { return whole[entries_[id].group]; });
  for (std::uint32_t id = 0; id < entries_.size(); ++id) {
    if (entries_[id].used && whole[entries_[id].group]) found.push_back(id);
  }
  return found;
}

// ---- schedules

std::uint32_t schedule_table::add(schedule_entry e, schedule_profile with) {
  if ((size() + 1) * 4 > index_.size() * 3) grow_index();
  if (e.tags) tagged_.add(tagged_name(e), *e.tags);
  e.order = created_++;
  std::uint32_t id;
  if (free_.empty()) {
    id = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back(std::move(e));
  } else {
    id = free_.back();
    entries_[id] = std::move(e);
    free_.pop_back();
  }
  try {
    entries_[id].profile = share(std::move(with));
  } catch (...) {
    entries_[id].used = false;
    if (id + 1 == entries_.size()) {
      entries_.pop_back();
    } else {
      free_.push_back(id);  // its room is still there
    }
    throw;
  }
  index(id);
  return id;
}

void schedule_table::replace(std::uint32_t id, schedule_entry e, schedule_profile with, remains& left) {
  left.profiles.reserve(left.profiles.size() + 1);
  schedule_entry& now = entries_[id];
  const std::string name = e.tags || now.tags ? tagged_name(now) : std::string();
  if (e.tags) tagged_.add(name, *e.tags);
  schedule_profile* const shared = share(std::move(with));
  if (now.tags) tagged_.remove(name, *now.tags, e.tags ? *e.tags : string_map());
  unshare(now.profile, left);
  e.profile = shared;
  e.group = now.group;
  e.order = now.order;
  e.progress = std::move(now.progress);
  now = std::move(e);
}

void schedule_table::remove(std::uint32_t id, remains& left) {
  if (free_.size() == free_.capacity()) free_.reserve(free_.size() * 2 + 16);
  left.profiles.reserve(left.profiles.size() + 1);
  schedule_entry& e = entries_[id];
  if (e.tags) tagged_.remove(tagged_name(e), *e.tags);
  unindex(id);
  unshare(e.profile, left);
  e.profile = nullptr;
  e.used = false;
  e.texts = {};
  e.tags = nullptr;
  e.progress = nullptr;
  free_.push_back(id);
}

std::vector<std::uint32_t> schedule_table::by_order() const {
  std::vector<std::uint32_t> all;
  all.reserve(size());
  for (std::uint32_t id = 0; id < entries_.size(); ++id) {
    if (entries_[id].used) all.push_back(id);
  }
  std::sort(all.begin(), all.end(), [this](auto a, auto b) { return entries_[a].order < entries_[b].order; });
  return all;
}

bool schedule_table::before_by_name(std::uint32_t a, std::uint32_t b) const noexcept {
  const schedule_entry &x = entries_[a], &y = entries_[b];
  if (x.group != y.group) return groups_[x.group].name < groups_[y.group].name;
  return x.name() < y.name();
}

}  // namespace rulebus::inline v1::detail
