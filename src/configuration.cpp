// configuration: from a document to a service and back. A document is read, tried on the buses with targets that do nothing, and
// only then are targets made and all changes committed together.
#include "rulebus/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "rulebus/arn.hpp"
#include "rulebus/detail/configuration_document.hpp"
#include "rulebus/detail/configuration_targets.hpp"
#include "rulebus/detail/names.hpp"
#include "rulebus/detail/service_policy.hpp"
#include "rulebus/targets/null.hpp"

namespace rulebus::inline v1 {

namespace detail::configuration_source {

/// What one change of a bus's transaction stands for in the document.
struct change_source {
  enum class kind { bus, rule, rule_tags, targets } what = kind::bus;
  std::size_t rule = 0;
};

/// A bus that is to become what the document says.
struct bus_plan {
  const bus_document* document;
  std::shared_ptr<bus> of;
  transaction changes{};
  std::vector<change_source> sources{};
};

using make_target = std::function<result<std::shared_ptr<target>>(const target_description&)>;

/// What names that are given to a document, and what it says of them, can be told to be wrong without a service.
class document_checks {
 public:
  explicit document_checks(std::string_view json) : json_(json) {}

  result<void> of(const configuration_document& document) {
    for (const bus_document& b : document.buses) {
      if (result<void> valid = of(b); !valid) return valid;
    }
    return {};
  }

 private:
  result<void> at(std::size_t offset, const result<void>& valid) const {
    if (valid) return valid;
    return error_in_document(valid.error().code, valid.error().message, json_, offset);
  }

  result<void> of(const bus_document& b) {
    if (result<void> valid = at(b.offset, check_bus_name(b.name, "name")); !valid) return valid;
    if (result<void> valid = at(b.offset, check_length(b.description, 512, "description")); !valid) return valid;
    if (result<void> valid = at(b.tags_offset, check_tags(b.tags)); !valid) return valid;
    if (!b.policy.empty()) {
      if (result<void> valid = at(b.policy_offset, service_policy().replace(b.policy)); !valid) return valid;
    }
    if (b.dead_letter) {
      if (result<void> valid = of(*b.dead_letter); !valid) return valid;
    }
    for (const rule_document& r : b.rules) {
      if (result<void> valid = at(r.offset, check_name(r.fields.name, "name")); !valid) return valid;
      if (result<void> valid = at(r.tags_offset, check_tags(r.fields.tags)); !valid) return valid;
      for (const target_document& t : r.targets) {
        if (result<void> valid = of(t); !valid) return valid;
      }
    }
    return {};
  }

  result<void> of(const target_document& t) {
    if (result<void> valid = at(t.offset, check_name(t.id, "id")); !valid) return valid;
    if (result<void> valid = at(t.offset, check_tags(t.tags)); !valid) return valid;
    const result<transformer> input = transformer::parse(t.input, t.id);
    if (!input) return error_in_document(input.error().code, input.error().message, json_, t.input_offset);
    if (result<void> valid = of(t.to); !valid) return valid;
    return t.dead_letter ? of(*t.dead_letter) : result<void>();
  }

  /// The same file or queue is described in one way only.
  result<void> of(const target_description& d) {
    if (result<void> valid = at(d.offset, check_length(d.arn, arn::max_bytes, "arn")); !valid) return valid;
    if (d.type != target_type::file && d.type != target_type::queue) return {};
    if (d.dead_letter_queue) {
      if (result<void> valid = of(*d.dead_letter_queue); !valid) return valid;
    }
    target_description plain = d;
    plain.arn.clear();
    std::string text = write_description(plain);
    const auto [first, is_new] = described_.emplace(std::pair(d.type, d.name), text);
    if (is_new || first->second == text) return {};
    return error_in_document(
        errc::invalid_argument,
        fmt::format("another target describes the same {} as {}", target_type_names[std::size_t(d.type)], first->second), json_,
        d.offset);
  }

  std::string_view json_;
  std::map<std::pair<target_type, std::string>, std::string> described_;
};

/// The targets of a rule; an error has its place.
result<std::vector<rule_target>> targets_of(const rule_document& r, const make_target& make, std::string_view json) {
  std::vector<rule_target> targets;
  const auto made = [&](const target_description& d) {
    result<std::shared_ptr<target>> t = make(d);
    if (t) return t;
    return result<std::shared_ptr<target>>(error_in_document(t.error().code, t.error().message, json, d.offset));
  };
  for (const target_document& t : r.targets) {
    rule_target one{.id = t.id, .arn = t.to.arn, .delivery = t.delivery, .tags = t.tags};
    one.input = t.input;
    auto to = made(t.to);
    if (!to) return std::move(to).error();
    one.target = *std::move(to);
    if (t.dead_letter) {
      auto dead = made(*t.dead_letter);
      if (!dead) return std::move(dead).error();
      one.dead_letter = *std::move(dead);
    }
    targets.push_back(std::move(one));
  }
  return targets;
}

/// Fills in the changes of a bus.
result<void> plan(bus_plan& p, const make_target& make, std::string_view json, std::shared_ptr<target> otherwise) {
  using kind = change_source::kind;
  const bus_document& b = *p.document;
  std::shared_ptr<target> dead_letter = std::move(otherwise);
  if (b.dead_letter) {
    auto made = make(*b.dead_letter);
    if (!made) return error_in_document(made.error().code, made.error().message, json, b.dead_letter->offset);
    dead_letter = *std::move(made);
  }
  std::vector<std::string> names;
  for (const rule_document& r : b.rules) names.push_back(r.fields.name);
  p.changes.keep_rules(std::move(names)).set_dead_letter(std::move(dead_letter)).replace_tags({}, b.tags);
  p.sources.assign(3, {kind::bus});
  for (std::size_t i = 0; i < b.rules.size(); ++i) {
    const rule_document& r = b.rules[i];
    auto targets = targets_of(r, make, json);
    if (!targets) return std::move(targets).error();
    p.changes.put_rule(r.fields)
        .replace_tags({.rule_name = r.fields.name}, r.fields.tags)
        .replace_targets(r.fields.name, *std::move(targets));
    for (const kind k : {kind::rule, kind::rule_tags, kind::targets}) p.sources.push_back({k, i});
  }
  return {};
}

/// The error of a change, in the document.
error locate(const bus_plan& p, std::size_t change, const error& e, std::string_view json, const pattern_options& patterns) {
  using kind = change_source::kind;
  const change_source& source = p.sources[std::min(change, p.sources.size() - 1)];
  if (source.what == kind::bus) return error_in_document(e.code, e.message, json, p.document->offset);
  const rule_document& r = p.document->rules[source.rule];
  if (source.what == kind::rule_tags) return error_in_document(e.code, e.message, json, r.tags_offset);
  if (source.what == kind::rule && e.code == errc::invalid_schedule) {
    return error_in_document(e.code, e.message, json, r.schedule_offset);
  }
  if (source.what == kind::rule && r.pattern_size > 0 && r.fields.event_pattern.empty()) {
    return error_in_document(e.code, e.message, json, r.pattern_offset);
  }
  if (source.what != kind::rule || e.line == 0) return error_in_document(e.code, e.message, json, r.offset);
  const std::string_view written = json.substr(r.pattern_offset, r.pattern_size);
  if (written.starts_with('{')) {  // the bus was given it without white space
    const auto parsed = pattern::parse(written, patterns);
    const std::size_t inner = parsed ? 0 : parsed.error().offset;
    return error_in_document(e.code, parsed ? e.message : parsed.error().message, json, r.pattern_offset + inner);
  }
  return error_in_document(e.code, fmt::format("{} (line {}, column {} of the text)", e.message, e.line, e.column), json,
                           r.pattern_offset);
}

}  // namespace detail::configuration_source

class configuration::impl {
 public:
  using plans = std::vector<detail::configuration_source::bus_plan>;

  impl(service& of, configuration_options given) : options(std::move(given)), targets(of, options), of_(of) {}

  result<detail::configuration_document> read(std::string_view json) const;
  result<void> check(const detail::configuration_document& document, std::string_view json) const;
  result<void> apply(const detail::configuration_document& document, std::string_view json);
  result<std::string> dump() const;
  const delivery_options& standard() const { return of_.options().buses.delivery; }

  const configuration_options options;
  detail::configuration_targets targets;

 private:
  result<void> commit(plans& all, std::string_view json, commit_mode mode) const;
  result<void> make_and_commit(plans& all, std::string_view json);
  result<void> finish(const detail::bus_document& b, const std::shared_ptr<target>& dead_letter);
  result<void> describe(const std::shared_ptr<bus>& b, detail::bus_document& out) const;
  result<detail::target_document> describe(const rule_target& t, const std::string& where) const;
  result<detail::target_description> describe(const std::shared_ptr<target>& t, const std::string& arn,
                                              const std::string& where) const;
  service& of_;
};

result<detail::configuration_document> configuration::impl::read(std::string_view json) const {
  if (json.size() > options.max_bytes) {
    return error{errc::limit_exceeded,
                 fmt::format("the configuration has {} bytes, more than the {} allowed", json.size(), options.max_bytes)};
  }
  auto document = detail::read_configuration(json, standard());
  if (!document) return document;
  if (result<void> valid = detail::configuration_source::document_checks(json).of(*document); !valid) return valid.error();
  return document;
}

// ---- loading

/// Tries the document on the buses that are there, and on new ones that nobody knows, with targets that do nothing.
result<void> configuration::impl::check(const detail::configuration_document& document, std::string_view json) const {
  using namespace detail::configuration_source;
  std::set<std::string, std::less<>> names;
  for (const detail::bus_document& b : document.buses) names.insert(b.name);
  const auto nothing = std::make_shared<null_target>();
  const detail::configuration_source::make_target make =
      [&](const detail::target_description& d) -> result<std::shared_ptr<target>> {
    if (d.type == detail::target_type::by_arn) {
      if (!options.targets) return error{errc::not_found, fmt::format("no target is known by the arn {}", d.arn)};
      return options.targets->resolve(d.arn);
    }
    if (d.type == detail::target_type::bus && names.count(d.name) == 0) {
      if (auto found = of_.event_bus(d.name); !found) return std::move(found).error();
    }
    return std::shared_ptr<target>(nothing);
  };
  bus_options plain = of_.options().buses;
  plain.on_error = nullptr;
  plain.observer = nullptr;
  plans all;
  for (const detail::bus_document& b : document.buses) {
    std::shared_ptr<bus> of = of_.find_event_bus(b.name);
    if (!of) of = std::make_shared<bus>(b.name, plain);
    all.push_back({&b, std::move(of)});
    if (result<void> made = plan(all.back(), make, json, nullptr); !made) return made;
  }
  return commit(all, json, commit_mode::check);
}

result<void> configuration::impl::commit(plans& all, std::string_view json, commit_mode mode) const {
  std::vector<bus_changes> changes;
  for (auto& p : all) changes.push_back({p.of.get(), &p.changes});
  commit_place at;
  result<void> made = bus::commit_all(changes, &at, mode);
  if (made || at.bus >= all.size()) return made;
  return detail::configuration_source::locate(all[at.bus], at.change, made.error(), json, of_.options().buses.matching.patterns);
}

result<void> configuration::impl::apply(const detail::configuration_document& document, std::string_view json) {
  plans all;
  std::vector<std::string> created;
  const auto undo = [&](error e) {
    all.clear();
    for (const std::string& name : created) static_cast<void>(of_.delete_event_bus(name));
    return e;
  };
  for (const detail::bus_document& b : document.buses) {
    std::shared_ptr<bus> of = of_.find_event_bus(b.name);
    if (!of) {
      const auto made = of_.create_event_bus({.name = b.name, .description = b.description});
      if (!made) return undo(detail::error_in_document(made.error().code, made.error().message, json, b.offset));
      created.push_back(b.name);
      of = of_.find_event_bus(b.name);
    }
    if (!of) return undo(error{errc::not_found, fmt::format("Event bus {} does not exist.", b.name)});
    all.push_back({&b, std::move(of)});
  }
  if (result<void> made = make_and_commit(all, json); !made) return undo(std::move(made).error());
  return {};
}

result<void> configuration::impl::make_and_commit(plans& all, std::string_view json) {
  const auto make = [this](const detail::target_description& d) { return targets.find_or_make(d); };
  for (auto& p : all) {
    if (result<void> made = plan(p, make, json, of_.options().buses.dead_letter); !made) return made;
  }
  if (result<void> made = commit(all, json, commit_mode::apply); !made) return made;
  for (const auto& p : all) {
    std::shared_ptr<target> dead_letter = of_.options().buses.dead_letter;
    if (p.document->dead_letter) dead_letter = targets.find_or_make(*p.document->dead_letter).value_or(nullptr);
    static_cast<void>(finish(*p.document, dead_letter));  // fails only for a bus that was deleted just now
  }
  return {};
}

/// What is not the bus's but the service's.
result<void> configuration::impl::finish(const detail::bus_document& b, const std::shared_ptr<target>& dead_letter) {
  const auto present = of_.describe_event_bus(b.name);
  if (!present) return present.error();
  const std::string its_arn = b.dead_letter ? b.dead_letter->arn : std::string();
  if (present->description != b.description || present->dead_letter != dead_letter || present->dead_letter_arn != its_arn) {
    auto updated = of_.update_event_bus(
        {.name = b.name, .description = b.description, .dead_letter = dead_letter, .dead_letter_arn = its_arn});
    if (!updated) return updated;
  }
  if (present->policy == b.policy) return {};
  return b.policy.empty() ? of_.remove_all_permissions(b.name) : of_.put_permission({.policy = b.policy}, b.name);
}

// ---- telling

result<detail::target_description> configuration::impl::describe(const std::shared_ptr<target>& t, const std::string& arn,
                                                                 const std::string& where) const {
  if (auto known = targets.describe(t)) {
    if (known->type != detail::target_type::by_arn) known->arn = arn;
    return *std::move(known);
  }
  if (!arn.empty() && options.targets && options.targets->resolve(arn)) return detail::target_description{.arn = arn};
  return error{errc::unsupported,
               fmt::format("{}: made by code, and no resolver knows it by an ARN, so that it cannot be written; "
                           "register it with configuration_options::targets",
                           where)};
}

result<detail::target_document> configuration::impl::describe(const rule_target& t, const std::string& where) const {
  detail::target_document out{.id = t.id, .delivery = t.delivery, .tags = t.tags};
  out.input = t.input;
  auto to = describe(t.target, t.arn, where);
  if (!to) return std::move(to).error();
  out.to = *std::move(to);
  if (!t.dead_letter) return out;
  auto dead = describe(t.dead_letter, {}, where + ", dead letter");
  if (!dead) return std::move(dead).error();
  out.dead_letter = *std::move(dead);
  return out;
}

result<void> configuration::impl::describe(const std::shared_ptr<bus>& b, detail::bus_document& out) const {
  out.name = b->name();
  out.tags = b->list_tags({}).value_or(string_map());
  const auto described = of_.describe_event_bus(b->name());
  if (described) {
    out.description = described->description;
    out.policy = described->policy;
    if (described->dead_letter && described->dead_letter != of_.options().buses.dead_letter) {
      auto dead = describe(described->dead_letter, described->dead_letter_arn, fmt::format("bus {}, dead letter", b->name()));
      if (!dead) return std::move(dead).error();
      out.dead_letter = *std::move(dead);
    }
  }
  for (rule& r : b->list_rules()) {
    const auto rule_targets = b->list_targets_by_rule(r.name);
    if (!rule_targets) continue;  // deleted just now
    detail::rule_document& made = out.rules.emplace_back();
    for (const rule_target& t : *rule_targets) {
      auto one = describe(t, fmt::format("bus {}, rule {}, target {}", b->name(), r.name, t.id));
      if (!one) return std::move(one).error();
      made.targets.push_back(*std::move(one));
    }
    made.fields = std::move(r);
  }
  return {};
}

result<std::string> configuration::impl::dump() const {
  detail::configuration_document document;
  for (const event_bus_description& d : of_.list_event_buses()) {
    const std::shared_ptr<bus> b = of_.find_event_bus(d.name);
    if (!b) continue;
    if (result<void> made = describe(b, document.buses.emplace_back()); !made) return std::move(made).error();
  }
  return detail::write_configuration(std::move(document), standard());
}

// ---- the interface

configuration::configuration(service& of, configuration_options options)
    : impl_(std::make_unique<impl>(of, std::move(options))) {}
configuration::~configuration() = default;

result<void> configuration::load(std::string_view json) {
  const auto document = impl_->read(json);
  if (!document) return document.error();
  if (result<void> valid = impl_->check(*document, json); !valid) return valid;
  return impl_->apply(*document, json);
}

result<void> configuration::check(std::string_view json) const {
  const auto document = impl_->read(json);
  if (!document) return document.error();
  return impl_->check(*document, json);
}

result<std::string> configuration::dump() const { return impl_->dump(); }

result<std::string> configuration::format(std::string_view json) const {
  auto document = impl_->read(json);
  if (!document) return std::move(document).error();
  if (result<void> valid = impl_->check(*document, json); !valid) return std::move(valid).error();
  return detail::write_configuration(*std::move(document), impl_->standard());
}

std::shared_ptr<queue_target> configuration::queue(std::string_view name) const { return impl_->targets.queue(name); }

}  // namespace rulebus::inline v1
