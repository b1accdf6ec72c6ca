#include "rulebus/detail/rule_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "rulebus/detail/names.hpp"
#include "rulebus/tags.hpp"

namespace rulebus::inline v1 {

namespace detail {

installed::~installed() {
  try {
    static_cast<void>(in_.remove(id_));
  } catch (...) {  // NOLINT: without memory it stays, an id that no table names
  }
}

bool rule_entry::has(const lane& l) const {
  const auto at = target_position(targets, l.who().target_id);
  return at != targets.end() && at->lane.get() == &l;
}

error no_bus(std::string_view bus_name) { return {errc::not_found, fmt::format("Event bus {} does not exist.", bus_name)}; }

error no_rule(std::string_view rule_name, std::string_view bus_name) {
  return {errc::not_found, fmt::format("Rule {} does not exist on EventBus {}.", rule_name, bus_name)};
}

error no_target(std::string_view target_id, std::string_view rule_name) {
  return {errc::not_found, fmt::format("Target {} does not exist on Rule {}.", target_id, rule_name)};
}

std::vector<target_entry>::const_iterator target_position(const std::vector<target_entry>& targets, std::string_view id) {
  return std::lower_bound(targets.begin(), targets.end(), id,
                          [](const target_entry& t, std::string_view i) { return t.lane->who().target_id < i; });
}

namespace rule_table_source {

error over_the_maximum() { return {errc::limit_exceeded, "The requested resource exceeds the maximum number allowed."}; }

/// The target of that id, or none.
const target_entry* find_target(const rule_entry& r, std::string_view id) {
  const auto at = target_position(r.targets, id);
  return at != r.targets.end() && at->lane->who().target_id == id ? &*at : nullptr;
}

/// Who gets what a target gives up, and whether the target has it from its bus.
struct dead_letters_to {
  std::shared_ptr<rulebus::target> to;
  bool from_bus;
};

bool same(const lane& present, const rule_target& t, const dead_letters_to& dead, const delivery_options& options) {
  const lane* const there = present.dead_letters().get();
  if (there ? there->to() != dead.to || there->is_from_bus() != dead.from_bus : dead.to != nullptr) return false;
  return present.to() == t.target && *present.options() == options &&
         (present.who().arn ? *present.who().arn : std::string()) == t.arn;
}

}  // namespace rule_table_source

result<string_map> tags_of(const rule_entry& r, std::string_view target_id) {
  if (target_id.empty()) return r.fields.tags;
  const target_entry* const t = rule_table_source::find_target(r, target_id);
  if (!t) return no_target(target_id, r.fields.name);
  return t->tags();
}

rule_target describe(const target_entry& t, const rule_context& in) {
  const lane& l = *t.lane;
  rule_target told{.id = l.who().target_id, .target = t.target};
  if (l.who().arn) told.arn = *l.who().arn;
  if (l.options() != in.delivery) told.delivery = *l.options();
  if (l.dead_letters() && !l.dead_letters()->is_from_bus()) told.dead_letter = l.dead_letters()->to();
  if (t.extras) {
    told.tags = t.extras->tags;
    told.input = t.extras->input;
  }
  return told;
}

// ---- rules

const rule_entry* rule_editor::find(std::string_view rule_name) const {
  if (const auto at = changed_.find(rule_name); at != changed_.end()) return at->second.get();
  const auto at = base_.find(rule_name);
  return at == base_.end() ? nullptr : at->second.get();
}

result<rule_entry*> rule_editor::edit(std::string_view rule_name) {
  if (const auto at = changed_.find(rule_name); at != changed_.end() && at->second) return at->second.get();
  const rule_entry* const present = find(rule_name);
  if (!present) return no_rule(rule_name, in_.bus_name);
  return changed_.insert_or_assign(std::string(rule_name), std::make_shared<rule_entry>(*present)).first->second.get();
}

/// Null: it has none. That of the same expression goes on as it is, so that a rate does not begin anew.
result<std::shared_ptr<rule_schedule>> rule_editor::read_schedule(const rule& r, const rule_entry* present) const {
  if (r.schedule_expression.empty()) return std::shared_ptr<rule_schedule>();
  if (in_.bus_name != "default") {
    return error{errc::invalid_argument, "ScheduleExpression is supported only on the default event bus."};
  }
  const result<schedule_expression> parsed = schedule_expression::parse(r.schedule_expression, dialect::rule);
  if (!parsed) {
    error told = parsed.error();
    told.message = fmt::format("Parameter ScheduleExpression is not valid. Reason: {}", told.message);
    return told;
  }
  if (present && present->schedule) {
    const schedule_expression& before = present->schedule->expression;
    if (parsed->anchored_at(before.anchor()) == before) return present->schedule;
  }
  return std::make_shared<rule_schedule>(parsed->anchored_at(in_.deliveries->configuration().clock->now()));
}

result<void> rule_editor::put_rule(rule r) {
  if (result<void> valid = check_name(r.name, "name"); !valid) return valid;
  if (result<void> valid = check_length(r.description, 512, "description"); !valid) return valid;
  if (result<void> valid = check_tags(r.tags); !valid) return valid;
  if (r.event_pattern.size() > in_.limits.max_pattern_bytes) {
    return error{errc::limit_exceeded,
                 fmt::format("Event pattern is not valid. Reason: it has {} bytes, more than the {} allowed.",
                             r.event_pattern.size(), in_.limits.max_pattern_bytes)};
  }
  if (r.event_pattern.empty() && r.schedule_expression.empty()) {
    return error{errc::invalid_argument, "Parameter(s) EventPattern or ScheduleExpression must be specified."};
  }
  std::optional<pattern> value;
  if (!r.event_pattern.empty()) {
    result<pattern> parsed = pattern::parse(r.event_pattern, in_.patterns);
    if (!parsed) return std::move(parsed).error();
    value = *std::move(parsed);
  }
  const rule_entry* const present = find(r.name);
  auto schedule = read_schedule(r, present);
  if (!schedule) return std::move(schedule).error();
  if (!present && base_.size() + added_ - removed_ >= in_.limits.max_rules) return rule_table_source::over_the_maximum();
  std::string name = r.name;
  auto now = std::make_shared<rule_entry>(rule_entry{std::move(r), std::move(value), *std::move(schedule)});
  if (present) {
    now->fields.tags = present->fields.tags;
    now->name = present->name;
    now->targets = present->targets;
    now->in_matcher = present->in_matcher && present->value == now->value ? present->in_matcher : nullptr;
    now->follows = now->schedule == present->schedule ? present->follows : nullptr;
    now->matched = present->matched;
    now->fan = present->fan;
  } else {
    now->name = std::make_shared<const std::string>(name);
    now->matched = std::make_shared<std::atomic<std::uint64_t>>(0);
    ++added_;
  }
  changed_.insert_or_assign(std::move(name), std::move(now));
  return {};
}

result<void> rule_editor::delete_rule(std::string_view rule_name) {
  const rule_entry* const present = find(rule_name);
  if (!present) return {};
  if (!present->targets.empty()) return error{errc::invalid_argument, "Rule can't be deleted since it has targets."};
  changed_.insert_or_assign(std::string(rule_name), nullptr);
  ++removed_;
  return {};
}

result<void> rule_editor::set_state(std::string_view rule_name, rule_state state) {
  const result<rule_entry*> now = edit(rule_name);
  if (!now) return now.error();
  (*now)->fields.state = state;
  return {};
}

// ---- targets

result<void> rule_editor::check_target(const rule_target& t, std::size_t number) const {
  const std::string member = fmt::format("targets.{}.member.", number);
  if (result<void> valid = check_name(t.id, member + "id"); !valid) return valid;
  if (result<void> valid = check_length(t.arn, 1600, member + "arn"); !valid) return valid;
  if (!t.target) return missing_argument("Target");
  if (result<void> valid = check_tags(t.tags); !valid) return valid;
  if (!t.delivery) return {};
  result<void> valid = check(*t.delivery);
  if (!valid) return error{valid.error().code, fmt::format("target {}: {}", t.id, valid.error().message)};
  return valid;
}

result<target_entry> rule_editor::make_target(const rule_entry& of, rule_target t) const {
  target_entry made{.target = t.target};
  result<transformer> transforms = transformer::parse(t.input, t.id, in_.transformers);
  if (!transforms) return std::move(transforms).error();
  if (!t.tags.empty() || !transforms->is_identity()) {
    made.extras =
        std::make_shared<const target_extras>(target_extras{std::move(t.tags), std::move(t.input), *std::move(transforms)});
  }
  const auto options =
      t.delivery && *t.delivery != *in_.delivery ? std::make_shared<const delivery_options>(*t.delivery) : in_.delivery;
  const rule_table_source::dead_letters_to given_up{t.dead_letter ? t.dead_letter : dead_letter_, !t.dead_letter};
  const target_entry* const present = rule_table_source::find_target(of, t.id);
  if (present && rule_table_source::same(*present->lane, t, given_up, *options)) {  // keeps what waits, and what was counted
    made.lane = present->lane;
    return made;
  }
  lane::identity who{of.name, std::move(t.id), nullptr};
  if (!t.arn.empty()) who.arn = std::make_shared<const std::string>(std::move(t.arn));
  counted_ptr<lane> dead;
  if (given_up.to) {
    dead = make_counted<lane>(in_.deliveries, who, given_up.to, in_.dead_letters, counted_ptr<lane>(),
                              given_up.from_bus ? lane::role::of_bus_dead_letters : lane::role::of_dead_letters);
  }
  made.lane = make_counted<lane>(in_.deliveries, std::move(who), std::move(t.target), options, std::move(dead));
  return made;
}

result<void> rule_editor::put_targets(std::string_view rule_name, const std::vector<rule_target>& targets) {
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (result<void> valid = check_target(targets[i], i + 1); !valid) return valid;
  }
  const result<rule_entry*> now = edit(rule_name);
  if (!now) return now.error();
  std::vector<target_entry>& present = (*now)->targets;
  std::vector<target_entry> all = present;
  all.reserve(present.size() + targets.size());
  for (const rule_target& t : targets) {
    result<target_entry> made = make_target(**now, t);
    if (!made) return std::move(made).error();
    all.push_back(*std::move(made));
  }
  const auto id = [](const target_entry& t) -> const std::string& { return t.lane->who().target_id; };
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return id(a) < id(b); });
  present = {};
  present.reserve(all.size());
  for (target_entry& t : all) {  // of equal ids the last counts
    if (!present.empty() && id(present.back()) == id(t)) present.pop_back();
    present.push_back(std::move(t));
  }
  if (present.size() > in_.limits.max_targets_per_rule) return rule_table_source::over_the_maximum();
  return {};
}

result<void> rule_editor::remove_targets(std::string_view rule_name, const std::vector<std::string>& ids) {
  const result<rule_entry*> now = edit(rule_name);
  if (!now) return now.error();
  std::vector<target_entry>& present = (*now)->targets;
  for (const std::string& id : ids) {
    const auto at = target_position(present, id);
    if (at == present.cend() || at->lane->who().target_id != id) return no_target(id, rule_name);
    present.erase(at);
  }
  return {};
}

result<void> rule_editor::keep_rules(const std::vector<std::string>& rule_names) {
  const std::set<std::string_view> kept(rule_names.begin(), rule_names.end());
  std::vector<std::string> gone;
  for (const auto& [name, r] : base_) {
    if (kept.count(name) == 0 && find(name)) gone.push_back(name);
  }
  for (const auto& [name, r] : changed_) {
    if (kept.count(name) == 0 && r && base_.count(name) == 0) gone.push_back(name);
  }
  for (const std::string& name : gone) changed_.insert_or_assign(name, nullptr);
  removed_ += gone.size();
  return {};
}

result<void> rule_editor::replace_targets(std::string_view rule_name, const std::vector<rule_target>& targets) {
  const result<rule_entry*> now = edit(rule_name);
  if (!now) return now.error();
  std::vector<std::string> ids;
  ids.reserve(targets.size());
  for (const rule_target& t : targets) ids.push_back(t.id);
  std::sort(ids.begin(), ids.end());
  std::erase_if((*now)->targets,
                [&](const target_entry& t) { return !std::binary_search(ids.begin(), ids.end(), t.lane->who().target_id); });
  return put_targets(rule_name, targets);
}

result<void> rule_editor::set_dead_letter(std::shared_ptr<target> to) {
  if (to == dead_letter_) return {};
  dead_letter_ = std::move(to);
  std::vector<std::string> names;
  for (const auto& [name, r] : base_) names.push_back(name);
  for (const auto& [name, r] : changed_) names.push_back(name);
  for (const std::string& name : names) {
    const rule_entry* const r = find(name);
    if (!r || r->targets.empty()) continue;
    std::vector<target_entry>& targets = (*edit(name))->targets;
    for (target_entry& t : targets) {
      if (t.lane->dead_letters() && !t.lane->dead_letters()->is_from_bus()) continue;
      result<target_entry> made = make_target(*r, describe(t, in_));
      if (!made) return std::move(made).error();
      t = *std::move(made);
    }
  }
  return {};
}

// ---- tags

result<string_map> rule_editor::tags_of(const resource& of) const {
  if (of.rule_name.empty()) return bus_tags_;
  const rule_entry* const r = find(of.rule_name);
  if (!r) return no_rule(of.rule_name, in_.bus_name);
  return detail::tags_of(*r, of.target_id);
}

result<void> rule_editor::set_tags(const resource& of, string_map tags) {
  if (result<void> valid = check_tags(tags); !valid) return valid;
  if (of.rule_name.empty()) {
    bus_tags_ = std::move(tags);
    return {};
  }
  const result<rule_entry*> now = edit(of.rule_name);
  if (!now) return now.error();
  if (of.target_id.empty()) {
    (*now)->fields.tags = std::move(tags);
    return {};
  }
  auto& targets = (*now)->targets;
  const auto at = targets.begin() + (target_position(targets, of.target_id) - targets.cbegin());
  target_extras extras = at->extras ? *at->extras : target_extras();
  extras.tags = std::move(tags);
  at->extras = std::make_shared<const target_extras>(std::move(extras));
  return {};
}

result<void> rule_editor::tag(const resource& of, const string_map& tags) {
  result<string_map> now = tags_of(of);
  if (!now) return std::move(now).error();
  for (const auto& [key, value] : tags) now->insert_or_assign(key, value);
  return set_tags(of, *std::move(now));
}

result<void> rule_editor::replace_tags(const resource& of, string_map tags) {
  if (const result<string_map> there = tags_of(of); !there) return there.error();
  return set_tags(of, std::move(tags));
}

result<void> rule_editor::untag(const resource& of, const std::vector<std::string>& keys) {
  result<string_map> now = tags_of(of);
  if (!now) return std::move(now).error();
  for (const std::string& key : keys) now->erase(key);
  return set_tags(of, *std::move(now));
}

}  // namespace detail

// ---- transaction

transaction& transaction::put_rule(rule r) {
  changes_.emplace_back([r = std::move(r)](detail::rule_editor& e) { return e.put_rule(r); });
  return *this;
}
transaction& transaction::delete_rule(std::string rule_name) {
  changes_.emplace_back([n = std::move(rule_name)](detail::rule_editor& e) { return e.delete_rule(n); });
  return *this;
}
transaction& transaction::set_state(std::string rule_name, rule_state state) {
  changes_.emplace_back([n = std::move(rule_name), state](detail::rule_editor& e) { return e.set_state(n, state); });
  return *this;
}
transaction& transaction::put_targets(std::string rule_name, std::vector<rule_target> targets) {
  changes_.emplace_back(
      [n = std::move(rule_name), t = std::move(targets)](detail::rule_editor& e) { return e.put_targets(n, t); });
  return *this;
}
transaction& transaction::remove_targets(std::string rule_name, std::vector<std::string> target_ids) {
  changes_.emplace_back(
      [n = std::move(rule_name), ids = std::move(target_ids)](detail::rule_editor& e) { return e.remove_targets(n, ids); });
  return *this;
}
transaction& transaction::tag(resource of, string_map tags) {
  changes_.emplace_back([of = std::move(of), t = std::move(tags)](detail::rule_editor& e) { return e.tag(of, t); });
  return *this;
}
transaction& transaction::keep_rules(std::vector<std::string> rule_names) {
  changes_.emplace_back([n = std::move(rule_names)](detail::rule_editor& e) { return e.keep_rules(n); });
  return *this;
}
transaction& transaction::replace_targets(std::string rule_name, std::vector<rule_target> targets) {
  changes_.emplace_back(
      [n = std::move(rule_name), t = std::move(targets)](detail::rule_editor& e) { return e.replace_targets(n, t); });
  return *this;
}
transaction& transaction::replace_tags(resource of, string_map tags) {
  changes_.emplace_back([of = std::move(of), t = std::move(tags)](detail::rule_editor& e) { return e.replace_tags(of, t); });
  return *this;
}
transaction& transaction::set_dead_letter(std::shared_ptr<target> to) {
  changes_.emplace_back([t = std::move(to)](detail::rule_editor& e) { return e.set_dead_letter(t); });
  return *this;
}
transaction& transaction::untag(resource of, std::vector<std::string> keys) {
  changes_.emplace_back([of = std::move(of), k = std::move(keys)](detail::rule_editor& e) { return e.untag(of, k); });
  return *this;
}

}  // namespace rulebus::inline v1
