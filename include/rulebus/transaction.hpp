// transaction: changes of rules, targets and tags that become true together; and what the list operations take and give.
//
//   rulebus::transaction changes;
//   changes.put_rule({.name = "big", .event_pattern = …}).put_targets("big", {…}).delete_rule("old");
//   bus.commit(changes).value();                      // every event sees either none of it or all
//
// Thread safety: a value.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/export.hpp"
#include "rulebus/metrics.hpp"
#include "rulebus/result.hpp"
#include "rulebus/rule.hpp"

namespace rulebus::inline v1 {

class tag_filter;
namespace detail {
class rule_editor;
}

/// The bus itself, a rule of it, or a target of a rule.
struct resource {
  std::string rule_name{};
  std::string target_id{};
};

class transaction {
 public:
  RULEBUS_API transaction& put_rule(rule r);
  RULEBUS_API transaction& delete_rule(std::string rule_name);
  RULEBUS_API transaction& set_state(std::string rule_name, rule_state state);
  RULEBUS_API transaction& put_targets(std::string rule_name, std::vector<rule_target> targets);
  RULEBUS_API transaction& remove_targets(std::string rule_name, std::vector<std::string> target_ids);
  RULEBUS_API transaction& tag(resource of, string_map tags);
  RULEBUS_API transaction& untag(resource of, std::vector<std::string> keys);
  /// Removes all other rules with their targets. With the next two a bus becomes what a configuration says, whatever it was.
  RULEBUS_API transaction& keep_rules(std::vector<std::string> rule_names);
  RULEBUS_API transaction& replace_targets(std::string rule_name, std::vector<rule_target> targets);
  RULEBUS_API transaction& replace_tags(resource of, string_map tags);
  /// In the place of bus_options::dead_letter; null: none. What waits for a target stays with what was there when it came.
  RULEBUS_API transaction& set_dead_letter(std::shared_ptr<target> to);
  std::size_t size() const noexcept { return changes_.size(); }

 private:
  friend class bus;
  using change = std::function<result<void>(detail::rule_editor&)>;
  std::vector<change> changes_;
};

/// Whether a commit is to be made, or only to say what it would answer.
enum class commit_mode { apply, check };

/// A bus, and what to change of it.
struct bus_changes {
  bus* of = nullptr;
  const transaction* changes = nullptr;
};
/// Which change of which of them failed, counted from 0.
struct commit_place {
  std::size_t bus = 0, change = 0;
};

/// Which part of a list.
struct list_request {
  std::string_view name_prefix{};
  std::size_t limit = 0;                  ///< at most that many; 0: all
  std::string_view next_token{};          ///< of the page before; empty: from the first
  const tag_filter* with_tags = nullptr;  ///< only rules whose tags match; null: all
};
struct rule_page {
  std::vector<rule> rules{};
  std::string next_token{};  ///< empty: the last page
};
struct target_page {
  std::vector<rule_target> targets{};
  std::string next_token{};
};
struct name_page {
  std::vector<std::string> names{};
  std::string next_token{};
};

}  // namespace rulebus::inline v1
