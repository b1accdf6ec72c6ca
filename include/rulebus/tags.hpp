// tags: short names and values on buses, rules, targets and schedules, and filters over them.
//
//   auto filter = rulebus::tag_filter::parse(R"({"team": ["pay", {"prefix": "risk-"}]})").value();
//   bus.put_events(entries, {.only = &filter});       // only to rules or targets of those teams
//   bus.disable_rules(filter).value();
//
// A tag filter is an event pattern over the tags as one flat object of strings: everything of the pattern language holds.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "rulebus/delivery.hpp"
#include "rulebus/export.hpp"
#include "rulebus/pattern.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

/// The service's limits: keys of 1 to 128 and values of 0 to 256 characters; keys that begin with "aws:" are reserved; at most
/// 50 of them. Error: errc::invalid_argument, errc::limit_exceeded.
RULEBUS_API result<void> check_tags(const string_map& tags);

/// Thread safety: all of it; copies share what is compiled. Cost of matches: some hundreds of nanoseconds.
class tag_filter {
 public:
  /// Errors: those of pattern::parse.
  RULEBUS_API static result<tag_filter> parse(std::string_view pattern_json, const pattern_options& options = {});

  RULEBUS_API bool matches(const string_map& tags) const;
  RULEBUS_API const rulebus::pattern& pattern() const noexcept;

 private:
  struct compiled;
  explicit tag_filter(std::shared_ptr<compiled> c) : compiled_(std::move(c)) {}
  std::shared_ptr<compiled> compiled_;
};

}  // namespace rulebus::inline v1
