// configuration: buses, rules, targets, tags and policies of a service as one JSON document, and back.
//
//   rulebus::service events;
//   rulebus::configuration configuration(events);
//   configuration.load(R"({"buses": [{"name": "orders", "rules": [
//     {"name": "big", "event_pattern": {"detail": {"total": [{"numeric": [">", 100]}]}},
//      "targets": [{"id": "log", "type": "file", "path": "big.jsonl"}]}]}]})").value();
//   std::cout << configuration.dump().value();        // the same, in canonical form
//
// docs/configuration.md has the schema, docs/configuration.schema.json says it to editors. A bus that the document names is
// afterwards exactly what the document says, whatever it was before; buses that it does not name stay as they are. What has not
// changed - a rule, a target - keeps what waits for it and what was counted.
// A document that is not valid changes nothing, and makes no file. Errors begin with the place, as in
//   buses[0].rules[2].targets[1].delivery.max_in_flight: must be 1 or more
// and have its offset, line and column.
// Thread safety: all of it. Lifetime: the service must outlive it. It remembers the targets that it made, weakly, so that the
// same description gives the same target, in this document and in the next, and dump can tell it.
// Cost: linear in the document; every pattern is parsed twice, and compiled once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"
#include "rulebus/service.hpp"
#include "rulebus/targets/queue.hpp"
#include "rulebus/targets/resolver.hpp"

namespace rulebus::inline v1 {

struct configuration_options {
  /// Knows the targets that the document names by `arn` alone; null: there are none.
  std::shared_ptr<const target_resolver> targets{};
  /// Asked before a target is made: what to use in the place of what the description (JSON, with the type and its parameters)
  /// says; null: nothing else. Empty: nobody is asked. For measuring, and for tests.
  std::function<std::shared_ptr<target>(std::string_view description)> replace{};
  std::size_t max_bytes = std::size_t{256} << 20;  ///< of a document
};

class configuration {
 public:
  RULEBUS_API explicit configuration(service& of, configuration_options options = {});
  RULEBUS_API ~configuration();
  configuration(const configuration&) = delete;
  configuration& operator=(const configuration&) = delete;

  /// Makes the service what the document says, or changes nothing. (Buses are made before their rules, all of which become
  /// true together, bus by bus.) Errors: errc::invalid_json, errc::invalid_argument, errc::limit_exceeded, errc::not_found (a
  /// target that nobody knows), errc::target_failed (a file that cannot be opened), and those of patterns and transformers.
  RULEBUS_API result<void> load(std::string_view json);
  /// What load would answer, but for what only opening a file can show. Changes nothing.
  RULEBUS_API result<void> check(std::string_view json) const;
  /// The whole service in canonical form: indented by two, names in order, what is default left out. Equal services give equal
  /// bytes. Error: errc::unsupported when there is a target that neither came from here nor has an ARN by which it could be
  /// found again.
  RULEBUS_API result<std::string> dump() const;
  /// A document in canonical form: what dump would tell of its buses after load. Errors: those of check.
  RULEBUS_API result<std::string> format(std::string_view json) const;

  /// The target of type `queue` of that name; null when no target of that name is in use.
  RULEBUS_API std::shared_ptr<queue_target> queue(std::string_view name) const;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace rulebus::inline v1
