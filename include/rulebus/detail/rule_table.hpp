// rule_table: the rules of a bus with their targets, and how they are changed: a change is made aside, on copies, and
// becomes true at once. What events see is an id_table from matched ids to rules; what people name is a map.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rulebus/bus_options.hpp"
#include "rulebus/detail/counted.hpp"
#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/fan_out.hpp"
#include "rulebus/detail/id_table.hpp"
#include "rulebus/detail/lane.hpp"
#include "rulebus/detail/rule_timers.hpp"
#include "rulebus/matcher.hpp"
#include "rulebus/pattern.hpp"
#include "rulebus/rule.hpp"
#include "rulebus/transaction.hpp"
#include "rulebus/transformer.hpp"

namespace rulebus::inline v1::detail {

/// A pattern in a matcher, for as long as this lives.
class installed {
 public:
  installed(matcher& in, const pattern& p) : in_(in), id_(in.add(p)) {}
  ~installed();
  installed(const installed&) = delete;
  installed& operator=(const installed&) = delete;
  rule_id id() const noexcept { return id_; }

 private:
  matcher& in_;
  rule_id id_;
};

/// What most targets do not have.
struct target_extras {
  string_map tags{};
  target_input input{};
  transformer transforms{};
};

/// A target of a rule. Its lane outlives it while something is under way.
struct target_entry {
  counted_ptr<detail::lane> lane{};
  std::shared_ptr<rulebus::target> target{};
  std::shared_ptr<const target_extras> extras{};  // null: none

  const string_map& tags() const noexcept {
    static const string_map none;
    return extras ? extras->tags : none;
  }
  bool has_own_input() const noexcept { return extras && !extras->transforms.is_identity(); }
};

/// A rule with its targets. Never changed once it is in a table.
struct rule_entry {
  rule fields;
  std::optional<pattern> value{};  // a rule has this, a schedule, or both
  std::shared_ptr<rule_schedule> schedule{};
  std::shared_ptr<const std::string> name{};      // shared with the lanes
  std::vector<target_entry> targets{};            // by id
  std::shared_ptr<const installed> in_matcher{};  // null while disabled, and without a pattern
  std::shared_ptr<const followed> follows{};      // null while disabled, and without a schedule
  std::shared_ptr<std::atomic<std::uint64_t>> matched{};
  counted_ptr<fan_out> fan{};  // null until there are many targets; from then on that of all its versions
  std::size_t may_wait = 0;    // events, there; 0: what waits there goes to the lanes before another

  bool has(const lane& l) const;
};
using rule_entry_ptr = std::shared_ptr<const rule_entry>;
using rule_map = std::map<std::string, rule_entry_ptr, std::less<>>;

/// What a change needs of its bus.
struct rule_context {
  std::string bus_name;
  rulebus::limits limits{};
  pattern_options patterns{};
  transformer_options transformers{};
  std::shared_ptr<const delivery_options> delivery;      // of targets without their own
  std::shared_ptr<const delivery_options> dead_letters;  // of every dead-letter lane
  std::shared_ptr<dispatcher> deliveries;
  std::shared_ptr<rule_timers> timers;
};

/// Changes on top of a version of the rules, seen by nobody until they are published. A change that fails leaves the editor
/// in no particular state: it is to be thrown away.
class rule_editor {
 public:
  rule_editor(const rule_context& in, const rule_map& base, const string_map& bus_tags, std::shared_ptr<target> dead_letter)
      : in_(in), base_(base), bus_tags_(bus_tags), dead_letter_(std::move(dead_letter)) {}

  result<void> put_rule(rule r);
  result<void> delete_rule(std::string_view rule_name);
  result<void> set_state(std::string_view rule_name, rule_state state);
  // Targets stay owned by the caller too, so that none is destroyed while a change is being made.
  result<void> put_targets(std::string_view rule_name, const std::vector<rule_target>& targets);
  result<void> remove_targets(std::string_view rule_name, const std::vector<std::string>& ids);
  result<void> tag(const resource& of, const string_map& tags);
  result<void> untag(const resource& of, const std::vector<std::string>& keys);
  result<void> set_dead_letter(std::shared_ptr<target> to);
  result<void> keep_rules(const std::vector<std::string>& rule_names);
  result<void> replace_targets(std::string_view rule_name, const std::vector<rule_target>& targets);
  result<void> replace_tags(const resource& of, string_map tags);

  using changes = std::map<std::string, std::shared_ptr<rule_entry>, std::less<>>;
  changes& changed() noexcept { return changed_; }  ///< null: deleted
  string_map& bus_tags() noexcept { return bus_tags_; }
  std::shared_ptr<target>& dead_letter() noexcept { return dead_letter_; }
  /// Where who publishes puts what was there before, so that it is destroyed with the editor.
  std::vector<rule_entry_ptr>& replaced() noexcept { return replaced_; }

 private:
  const rule_entry* find(std::string_view rule_name) const;
  result<std::shared_ptr<rule_schedule>> read_schedule(const rule& r, const rule_entry* present) const;
  result<rule_entry*> edit(std::string_view rule_name);
  result<void> check_target(const rule_target& t, std::size_t number) const;
  result<target_entry> make_target(const rule_entry& of, rule_target t) const;
  result<string_map> tags_of(const resource& of) const;
  result<void> set_tags(const resource& of, string_map tags);

  const rule_context& in_;
  const rule_map& base_;
  changes changed_{};
  std::vector<rule_entry_ptr> replaced_{};
  std::size_t added_ = 0, removed_ = 0;
  string_map bus_tags_;
  std::shared_ptr<target> dead_letter_;
};

error no_bus(std::string_view bus_name);
error no_rule(std::string_view rule_name, std::string_view bus_name);
error no_target(std::string_view target_id, std::string_view rule_name);
/// Where the target of that id is, or belongs.
std::vector<target_entry>::const_iterator target_position(const std::vector<target_entry>& targets, std::string_view id);
/// The tags of a resource of this rule.
result<string_map> tags_of(const rule_entry& r, std::string_view target_id);
/// What was put, from what became of it.
rule_target describe(const target_entry& t, const rule_context& in);

}  // namespace rulebus::inline v1::detail
