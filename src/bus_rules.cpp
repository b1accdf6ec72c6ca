// bus, continued: rules, targets and tags: changing, finding and listing them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rulebus/bus.hpp"
#include "rulebus/detail/bus_impl.hpp"
#include "rulebus/detail/page.hpp"

namespace rulebus::inline v1 {

// ---- changes

namespace detail::bus_rules_source {

/// Lets go of the targets that rules have no more; not under a lock.
void retire_replaced(rule_editor& editor) {
  for (const rule_entry_ptr& before : editor.replaced()) {
    const auto now = editor.changed().find(before->fields.name);
    if (before->fan) before->fan->distribute();
    for (const target_entry& t : before->targets) {
      if (!now->second || !now->second->has(*t.lane)) t.lane->retire();
    }
  }
}

}  // namespace detail::bus_rules_source

result<void> bus::impl::change(const std::function<result<void>(detail::rule_editor&)>& make) {
  std::optional<detail::rule_editor> editor;  // with what it replaced: destroyed when nothing is locked, as targets are in it
  detail::session_pool::replaced_tables replaced;
  {
    const std::lock_guard lock(change_);
    if (retired_) return detail::no_bus(name);
    editor.emplace(context_, rules_, tags_, dead_letter_);
    if (result<void> made = make(*editor); !made) return made;
    publish(*editor, stage(*editor), replaced);
  }
  detail::bus_rules_source::retire_replaced(*editor);
  timers().wake();
  return {};
}

/// All or, when memory runs out, nothing.
bus::impl::staged bus::impl::stage(detail::rule_editor& editor) {
  staged ready{sessions_.published(), {}};
  for (auto& [rule_name, now] : editor.changed()) {
    const auto before = rules_.find(rule_name);
    if (before != rules_.end() && before->second->in_matcher) ready.next.set(before->second->in_matcher->id(), nullptr);
    if (!now) continue;
    if (now->fields.state != rule_state::enabled) {
      now->in_matcher = nullptr;
      now->follows = nullptr;
    } else {
      if (now->value && !now->in_matcher) now->in_matcher = std::make_shared<const detail::installed>(patterns_, *now->value);
      if (now->schedule && !now->follows) {
        now->follows = std::make_shared<const detail::followed>(context_.timers, now->name, now->schedule);
      }
    }
    now->may_wait = detail::fan_out::may_wait(*now, *deliveries_);
    if (now->may_wait > 0 && !now->fan) now->fan = detail::make_counted<detail::fan_out>(deliveries_);
    if (now->in_matcher) ready.next.set(now->in_matcher->id(), now);
    tagged_.add(rule_name, now->fields.tags);
    if (before == rules_.end()) ready.added.emplace(rule_name, now);
  }
  editor.replaced().reserve(editor.changed().size());
  return ready;
}

void bus::impl::publish(detail::rule_editor& editor, staged ready, detail::session_pool::replaced_tables& replaced) noexcept {
  static const string_map none;
  for (auto& [rule_name, now] : editor.changed()) {
    const auto before = rules_.find(rule_name);
    if (before == rules_.end()) continue;
    tagged_.remove(rule_name, before->second->fields.tags, now ? now->fields.tags : none);
    editor.replaced().push_back(std::move(before->second));
    if (now) {
      before->second = now;
    } else {
      rules_.erase(before);
    }
  }
  rules_.merge(ready.added);
  tags_.swap(editor.bus_tags());
  dead_letter_.swap(editor.dead_letter());
  sessions_.publish(std::move(ready.next), replaced);
}

/// Takes the locks in the order of addresses, so that two such commits do not wait for each other.
result<void> bus::impl::commit(std::span<const bus_changes> all, commit_place& at, commit_mode mode) {
  std::vector<std::unique_ptr<detail::rule_editor>> editors;  // destroyed when nothing is locked
  std::vector<detail::session_pool::replaced_tables> replaced(all.size());
  std::vector<impl*> order;
  for (const bus_changes& one : all) order.push_back(one.of->impl_.get());
  std::sort(order.begin(), order.end());
  if (std::adjacent_find(order.begin(), order.end()) != order.end())
    return error{errc::invalid_argument, "a bus is named twice; put its changes into one transaction"};
  std::vector<std::unique_lock<std::mutex>> locks;
  locks.reserve(order.size());
  for (impl* const one : order) locks.emplace_back(one->change_);
  std::vector<staged> ready;
  for (at.bus = 0; at.bus < all.size(); ++at.bus) {
    impl& of = *all[at.bus].of->impl_;
    at.change = 0;
    if (of.retired_) return detail::no_bus(of.name);
    auto& editor =
        *editors.emplace_back(std::make_unique<detail::rule_editor>(of.context_, of.rules_, of.tags_, of.dead_letter_));
    const auto& changes = all[at.bus].changes->changes_;
    for (; at.change < changes.size(); ++at.change) {
      if (result<void> made = changes[at.change](editor); !made) return made;
    }
    if (mode == commit_mode::apply) ready.push_back(of.stage(editor));
  }
  if (mode == commit_mode::check) return {};
  for (std::size_t i = 0; i < all.size(); ++i) all[i].of->impl_->publish(*editors[i], std::move(ready[i]), replaced[i]);
  locks.clear();
  for (const auto& editor : editors) detail::bus_rules_source::retire_replaced(*editor);
  for (const bus_changes& one : all) one.of->impl_->timers().wake();
  return {};
}

result<void> bus::impl::retire() {
  const std::lock_guard lock(change_);
  if (!rules_.empty())
    return error{errc::invalid_argument, fmt::format("Event bus {} can't be deleted since it has rules.", name)};
  retired_ = true;
  return {};
}

// ---- finding

result<detail::rule_entry_ptr> bus::impl::find_rule(std::string_view rule_name) const {
  const std::lock_guard lock(change_);
  const auto found = rules_.find(rule_name);
  if (found == rules_.end()) return detail::no_rule(rule_name, name);
  return found->second;
}

std::vector<detail::rule_entry_ptr> bus::impl::rules_with_prefix(std::string_view prefix, std::string_view after) const {
  std::vector<detail::rule_entry_ptr> found;
  const std::lock_guard lock(change_);
  auto at = after.empty() || after < prefix ? rules_.lower_bound(prefix) : rules_.upper_bound(after);
  for (; at != rules_.end() && at->first.starts_with(prefix); ++at) found.push_back(at->second);
  return found;
}

std::vector<detail::rule_entry_ptr> bus::impl::rules_with_tags(const tag_filter& filter) const {
  std::vector<detail::rule_entry_ptr> found;
  {
    const std::lock_guard lock(change_);
    const auto candidates = tagged_.candidates(filter.pattern());
    if (candidates) {
      for (const std::string& rule_name : *candidates) {
        if (const auto at = rules_.find(rule_name); at != rules_.end()) found.push_back(at->second);
      }
    } else {
      for (const auto& [rule_name, r] : rules_) found.push_back(r);
    }
  }
  std::erase_if(found, [&](const detail::rule_entry_ptr& r) { return !filter.matches(r->fields.tags); });
  return found;
}

result<string_map> bus::impl::list_tags(const resource& of) const {
  if (of.rule_name.empty()) {
    const std::lock_guard lock(change_);
    return tags_;
  }
  const result<detail::rule_entry_ptr> r = find_rule(of.rule_name);
  if (!r) return r.error();
  return detail::tags_of(**r, of.target_id);
}

// ---- the interface

result<void> bus::put_rule(rule r) {
  return impl_->change([&](detail::rule_editor& e) { return e.put_rule(std::move(r)); });
}
result<void> bus::delete_rule(std::string_view rule_name) {
  return impl_->change([&](detail::rule_editor& e) { return e.delete_rule(rule_name); });
}
result<void> bus::enable_rule(std::string_view rule_name) {
  return impl_->change([&](detail::rule_editor& e) { return e.set_state(rule_name, rule_state::enabled); });
}
result<void> bus::disable_rule(std::string_view rule_name) {
  return impl_->change([&](detail::rule_editor& e) { return e.set_state(rule_name, rule_state::disabled); });
}
result<rule> bus::describe_rule(std::string_view rule_name) const {
  return impl_->find_rule(rule_name).and_then([](const auto& found) { return result<rule>(found->fields); });
}

std::vector<rule> bus::list_rules(std::string_view name_prefix) const {
  std::vector<rule> listed;
  for (const auto& r : impl_->rules_with_prefix(name_prefix, {})) listed.push_back(r->fields);
  return listed;
}

result<rule_page> bus::list_rules(const list_request& request) const {
  const result<std::string_view> after = detail::read_page_token(request.next_token);
  if (!after) return after.error();
  std::vector<detail::rule_entry_ptr> found;
  if (request.with_tags) {
    found = impl_->rules_with_tags(*request.with_tags);
    std::erase_if(found, [&](const auto& r) {
      return !r->fields.name.starts_with(request.name_prefix) || (!after->empty() && r->fields.name <= *after);
    });
  } else {
    found = impl_->rules_with_prefix(request.name_prefix, *after);
  }
  rule_page page;
  page.next_token = detail::cut_page(found, request.limit, [](const auto& r) { return r->fields.name; });
  for (const auto& r : found) page.rules.push_back(r->fields);
  return page;
}

result<void> bus::put_targets(std::string_view rule_name, std::vector<rule_target> targets) {
  return impl_->change([&](detail::rule_editor& e) { return e.put_targets(rule_name, targets); });
}
result<void> bus::put_target(std::string_view rule_name, rule_target t) {
  std::vector<rule_target> one;
  one.push_back(std::move(t));
  return put_targets(rule_name, std::move(one));
}
result<void> bus::remove_targets(std::string_view rule_name, std::span<const std::string> target_ids) {
  const std::vector<std::string> ids(target_ids.begin(), target_ids.end());
  return impl_->change([&](detail::rule_editor& e) { return e.remove_targets(rule_name, ids); });
}
result<void> bus::remove_target(std::string_view rule_name, std::string_view target_id) {
  const std::string id(target_id);
  return remove_targets(rule_name, std::span(&id, 1));
}

result<std::vector<rule_target>> bus::list_targets_by_rule(std::string_view rule_name) const {
  result<target_page> all = list_targets_by_rule(rule_name, {});
  if (!all) return std::move(all).error();
  return std::move(all->targets);
}

result<target_page> bus::list_targets_by_rule(std::string_view rule_name, const list_request& request) const {
  const result<std::string_view> after = detail::read_page_token(request.next_token);
  if (!after) return after.error();
  const result<detail::rule_entry_ptr> r = impl_->find_rule(rule_name);
  if (!r) return r.error();
  target_page page;
  for (const detail::target_entry& t : (*r)->targets) {
    const std::string& id = t.lane->who().target_id;
    if (id.starts_with(request.name_prefix) && (after->empty() || id > *after))
      page.targets.push_back(describe(t, impl_->context()));
  }
  page.next_token = detail::cut_page(page.targets, request.limit, [](const rule_target& t) { return t.id; });
  return page;
}

result<name_page> bus::list_rule_names_by_target(std::string_view target_arn, const list_request& request) const {
  const result<std::string_view> after = detail::read_page_token(request.next_token);
  if (!after) return after.error();
  name_page page;
  for (const auto& r : impl_->rules_with_prefix(request.name_prefix, *after)) {
    const auto has_it = [&](const detail::target_entry& t) { return t.lane->who().arn && *t.lane->who().arn == target_arn; };
    if (std::any_of(r->targets.begin(), r->targets.end(), has_it)) page.names.push_back(r->fields.name);
  }
  page.next_token = detail::cut_page(page.names, request.limit, [](const std::string& n) { return n; });
  return page;
}

result<void> bus::commit(const transaction& changes) {
  const bus_changes one{this, &changes};
  commit_place at;
  result<void> made = impl::commit(std::span(&one, 1), at, commit_mode::apply);
  if (made) return made;
  error told = std::move(made).error();
  told.message = fmt::format("change {}: {}", at.change + 1, told.message);
  return told;
}

result<void> bus::commit_all(std::span<const bus_changes> changes, commit_place* where, commit_mode mode) {
  commit_place at;
  result<void> made = impl::commit(changes, at, mode);
  if (where) *where = at;
  return made;
}

result<void> bus::retire() { return impl_->retire(); }

// ---- tags

result<void> bus::tag(const resource& of, const string_map& tags) {
  return impl_->change([&](detail::rule_editor& e) { return e.tag(of, tags); });
}
result<void> bus::untag(const resource& of, std::span<const std::string> keys) {
  const std::vector<std::string> gone(keys.begin(), keys.end());
  return impl_->change([&](detail::rule_editor& e) { return e.untag(of, gone); });
}
result<string_map> bus::list_tags(const resource& of) const { return impl_->list_tags(of); }

std::vector<std::string> bus::find_rules(const tag_filter& filter) const {
  std::vector<std::string> names;
  for (const auto& r : impl_->rules_with_tags(filter)) names.push_back(r->fields.name);
  return names;
}

namespace detail::bus_rules_source {

/// Makes `make(editor, rule)` for all rules whose tags match, in one change, as far as they are still there.
template <class Make>
result<std::size_t> for_each_tagged(bus& b, const tag_filter& filter, Make make) {
  const std::vector<std::string> names = b.find_rules(filter);
  transaction changes;
  for (const std::string& rule_name : names) make(changes, rule_name);
  const result<void> made = b.commit(changes);
  if (!made) return made.error();
  return names.size();
}

}  // namespace detail::bus_rules_source

result<std::size_t> bus::enable_rules(const tag_filter& filter) {
  return detail::bus_rules_source::for_each_tagged(
      *this, filter, [](transaction& t, const std::string& n) { t.set_state(n, rule_state::enabled); });
}
result<std::size_t> bus::disable_rules(const tag_filter& filter) {
  return detail::bus_rules_source::for_each_tagged(
      *this, filter, [](transaction& t, const std::string& n) { t.set_state(n, rule_state::disabled); });
}
result<std::size_t> bus::remove_rules(const tag_filter& filter) {
  return detail::bus_rules_source::for_each_tagged(*this, filter, [this](transaction& t, const std::string& n) {
    std::vector<std::string> ids;
    if (const auto targets = list_targets_by_rule(n)) {
      for (const rule_target& present : *targets) ids.push_back(present.id);
    }
    t.remove_targets(n, std::move(ids)).delete_rule(n);
  });
}

// ---- metrics of rules

namespace detail::bus_rules_source {

rule_metrics metrics_of(const rule_entry& r) {
  rule_metrics now;
  if (r.fan) r.fan->distribute();
  now.matched_events = now.triggered_rules = r.matched->load(std::memory_order_relaxed);
  for (const target_entry& t : r.targets) now.deliveries.add(t.lane->metrics());
  return now;
}

}  // namespace detail::bus_rules_source

result<rule_metrics> bus::metrics(std::string_view rule_name) const {
  return impl_->find_rule(rule_name).and_then(
      [](const auto& r) { return result<rule_metrics>(detail::bus_rules_source::metrics_of(*r)); });
}

result<delivery_metrics> bus::metrics(std::string_view rule_name, std::string_view target_id) const {
  const result<detail::rule_entry_ptr> r = impl_->find_rule(rule_name);
  if (!r) return r.error();
  const auto at = detail::target_position((*r)->targets, target_id);
  if (at == (*r)->targets.end() || at->lane->who().target_id != target_id) return detail::no_target(target_id, rule_name);
  if ((*r)->fan) (*r)->fan->distribute();
  return at->lane->metrics();
}

rule_metrics bus::metrics(const tag_filter& filter) const {
  rule_metrics sum;
  for (const auto& r : impl_->rules_with_tags(filter)) {
    const rule_metrics one = detail::bus_rules_source::metrics_of(*r);
    sum.matched_events += one.matched_events;
    sum.triggered_rules += one.triggered_rules;
    sum.deliveries.add(one.deliveries);
  }
  return sum;
}

}  // namespace rulebus::inline v1
