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
  for (std::uint32_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].used && groups_[i].name == name) return i;
  }
  return none;
}

std::uint32_t schedule_table::add_group(std::string name, string_map tags) {
  for (std::uint32_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].used) continue;
    groups_[i] = {std::move(name), std::move(tags)};
    return i;
  }
  groups_.push_back({std::move(name), std::move(tags)});
  return static_cast<std::uint32_t>(groups_.size() - 1);
}

std::vector<std::uint32_t> schedule_table::groups_by_name() const {
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].used) all.push_back(i);
  }
  std::sort(all.begin(), all.end(), [this](auto a, auto b) { return groups_[a].name < groups_[b].name; });
  return all;
}

// ---- schedules

std::uint32_t schedule_table::add(schedule_entry e, schedule_profile with) {
  if ((size() + 1) * 4 > index_.size() * 3) grow_index();
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
  schedule_profile* const shared = share(std::move(with));
  schedule_entry& now = entries_[id];
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
  unindex(id);
  schedule_entry& e = entries_[id];
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

std::vector<std::uint32_t> schedule_table::by_name() const {
  std::vector<std::uint32_t> all = by_order();
  std::sort(all.begin(), all.end(), [this](auto a, auto b) {
    const schedule_entry &x = entries_[a], &y = entries_[b];
    const std::string_view g = groups_[x.group].name, h = groups_[y.group].name;
    return g != h ? g < h : x.name() < y.name();
  });
  return all;
}

}  // namespace rulebus::inline v1::detail
