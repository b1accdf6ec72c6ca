// service, continued: what is done to the rules, targets, tags and permissions of one bus.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rulebus/arn.hpp"
#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_write.hpp"
#include "rulebus/detail/names.hpp"
#include "rulebus/detail/rule_table.hpp"
#include "rulebus/detail/service_impl.hpp"
#include "rulebus/service.hpp"

namespace rulebus::inline v1 {

// ---- rules and targets

result<std::string> service::put_rule(rule r, std::string_view event_bus_name) {
  const auto of = impl_->find(event_bus_name);
  if (!of) return of.error();
  std::string its_arn = (*of)->rule_arn(r.name);
  if (result<void> put = (*of)->put_rule(std::move(r)); !put) return std::move(put).error();
  return its_arn;
}
result<void> service::delete_rule(std::string_view rule_name, std::string_view event_bus_name) {
  return impl_->find(event_bus_name).and_then([&](const auto& of) { return of->delete_rule(rule_name); });
}
result<void> service::enable_rule(std::string_view rule_name, std::string_view event_bus_name) {
  return impl_->find(event_bus_name).and_then([&](const auto& of) { return of->enable_rule(rule_name); });
}
result<void> service::disable_rule(std::string_view rule_name, std::string_view event_bus_name) {
  return impl_->find(event_bus_name).and_then([&](const auto& of) { return of->disable_rule(rule_name); });
}

result<rule_description> service::describe_rule(std::string_view rule_name, std::string_view event_bus_name) const {
  const auto of = impl_->find(event_bus_name);
  if (!of) return of.error();
  result<rule> found = (*of)->describe_rule(rule_name);
  if (!found) return std::move(found).error();
  return rule_description{*std::move(found), (*of)->rule_arn(rule_name), (*of)->name(), account()};
}

result<rule_description_page> service::list_rules(const list_request& request, std::string_view event_bus_name) const {
  const auto of = impl_->find(event_bus_name);
  if (!of) return of.error();
  result<rule_page> page = (*of)->list_rules(request);
  if (!page) return std::move(page).error();
  rule_description_page told{{}, std::move(page->next_token)};
  for (rule& r : page->rules) {
    std::string its_arn = (*of)->rule_arn(r.name);
    told.rules.push_back({std::move(r), std::move(its_arn), (*of)->name(), {}});
  }
  return told;
}

result<void> service::put_targets(std::string_view rule_name, std::vector<rule_target> targets, std::string_view event_bus_name) {
  return impl_->find(event_bus_name).and_then([&](const auto& of) { return of->put_targets(rule_name, std::move(targets)); });
}
result<void> service::put_target(std::string_view rule_name, rule_target t, std::string_view event_bus_name) {
  return impl_->find(event_bus_name).and_then([&](const auto& of) { return of->put_target(rule_name, std::move(t)); });
}
result<void> service::remove_targets(std::string_view rule_name, std::span<const std::string> target_ids,
                                     std::string_view event_bus_name) {
  return impl_->find(event_bus_name).and_then([&](const auto& of) { return of->remove_targets(rule_name, target_ids); });
}
result<target_page> service::list_targets_by_rule(std::string_view rule_name, const list_request& request,
                                                  std::string_view event_bus_name) const {
  return impl_->find(event_bus_name).and_then([&](const auto& of) { return of->list_targets_by_rule(rule_name, request); });
}
result<name_page> service::list_rule_names_by_target(std::string_view target_arn, const list_request& request,
                                                     std::string_view event_bus_name) const {
  return impl_->find(event_bus_name).and_then([&](const auto& of) { return of->list_rule_names_by_target(target_arn, request); });
}

// ---- tags

result<service::impl::tagged> service::impl::find_tagged(std::string_view resource_arn) const {
  const result<arn> parts = arn::parse(resource_arn);
  if (!parts) return parts.error();
  result<resource_name> named = resource_name::parse(*parts);
  if (!named) return std::move(named).error();
  if (named->type > resource_type::target) {
    return error{errc::invalid_argument, fmt::format("'{}' has no tags: event buses, rules and targets have", parts->text())};
  }
  const bool ours = parts->region == options.buses.region && parts->account == options.buses.account;
  if (!ours) {
    return named->type == resource_type::event_bus ? detail::no_bus(named->event_bus_name)
                                                   : detail::no_rule(named->rule_name, named->event_bus_name);
  }
  const auto of = find(named->event_bus_name);
  if (!of) return of.error();
  return tagged{*of, {std::move(named->rule_name), std::move(named->name)}};
}

result<void> service::tag_resource(std::string_view resource_arn, const string_map& tags) {
  return impl_->find_tagged(resource_arn).and_then([&](const auto& t) { return t.of->tag(t.what, tags); });
}
result<void> service::untag_resource(std::string_view resource_arn, std::span<const std::string> keys) {
  return impl_->find_tagged(resource_arn).and_then([&](const auto& t) { return t.of->untag(t.what, keys); });
}
result<string_map> service::list_tags_for_resource(std::string_view resource_arn) const {
  return impl_->find_tagged(resource_arn).and_then([&](const auto& t) { return t.of->list_tags(t.what); });
}

std::vector<std::string> service::find_resources(const tag_filter& filter) const {
  std::vector<std::string> found;
  for (const std::shared_ptr<bus>& b : impl_->all()) {
    const auto add = [&](const string_map& tags, const resource_name& named) {
      if (filter.matches(tags)) found.push_back(named.arn(region(), account()).text());
    };
    add(b->list_tags({}).value_or(string_map()), {.event_bus_name = b->name()});
    for (const rule& r : b->list_rules()) {
      add(r.tags, {.type = resource_type::rule, .event_bus_name = b->name(), .rule_name = r.name});
      const auto targets = b->list_targets_by_rule(r.name);
      if (!targets) continue;  // it was deleted meanwhile
      for (const rule_target& t : *targets) {
        add(t.tags, {.type = resource_type::target, .event_bus_name = b->name(), .rule_name = r.name, .name = t.id});
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// ---- permissions

namespace detail::service_rules_source {

result<void> check_statement_id(std::string_view id) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (id.size() <= 64 && !id.empty() && std::all_of(id.begin(), id.end(), allowed)) return {};
  return error{errc::invalid_argument, fmt::format("1 validation error detected: Value '{}' at 'statementId' failed to satisfy "
                                                   "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+",
                                                   id)};
}

/// The statement in the service's form.
result<std::string> statement_of(const permission& p, std::string_view bus_arn) {
  if (result<void> valid = check_statement_id(p.statement_id); !valid) return valid.error();
  const bool account = p.principal.size() == 12 && p.principal.find_first_not_of("0123456789") == std::string::npos;
  if (!account && p.principal != "*") {
    return error{errc::invalid_argument, "Parameter Principal is not valid. Reason: it must be an account of 12 digits, or *."};
  }
  if (p.action != "events:PutEvents")
    return error{errc::invalid_argument,
                 "Parameter Action is not valid. Reason: it must be events:PutEvents; give a policy for others."};
  std::string json = R"({"Sid":)";
  append_json_string(json, p.statement_id);
  json += R"(,"Effect":"Allow","Principal":)";
  json += account ? fmt::format(R"({{"AWS":"arn:aws:iam::{}:root"}})", p.principal) : R"("*")";
  json += R"(,"Action":"events:PutEvents","Resource":)";
  append_json_string(json, bus_arn);
  if (!p.condition.empty()) {
    if (result<void> valid = check_json_object(p.condition, 100); !valid) {
      return error{errc::invalid_argument, "Parameter Condition is not valid. Reason: " + valid.error().message};
    }
    json += R"(,"Condition":)";
    append_minified(json, p.condition);
  }
  return json + '}';
}

}  // namespace detail::service_rules_source

result<void> service::put_permission(const permission& p, std::string_view event_bus_name) {
  return impl_->change_policy(event_bus_name, [&](detail::service_policy& policy, const std::string& bus_arn) -> result<void> {
    if (!p.policy.empty()) {
      if (!p.statement_id.empty() || !p.principal.empty() || !p.condition.empty())
        return error{errc::invalid_argument,
                     "Parameter Policy is not valid. Reason: it excludes Principal, StatementId and Condition."};
      return policy.replace(p.policy);
    }
    result<std::string> statement = detail::service_rules_source::statement_of(p, bus_arn);
    if (!statement) return std::move(statement).error();
    return policy.put(p.statement_id, *std::move(statement));
  });
}

result<void> service::remove_permission(std::string_view statement_id, std::string_view event_bus_name) {
  return impl_->change_policy(event_bus_name, [&](detail::service_policy& policy, const std::string&) -> result<void> {
    if (policy.remove(statement_id)) return {};
    return error{errc::not_found, "Statement with the provided id does not exist."};
  });
}

result<void> service::remove_all_permissions(std::string_view event_bus_name) {
  return impl_->change_policy(event_bus_name, [&](detail::service_policy& policy, const std::string&) -> result<void> {
    policy = {};
    return {};
  });
}

}  // namespace rulebus::inline v1
