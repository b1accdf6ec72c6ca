// re2_rules: rules as regular expressions, one RE2 for each field of each rule, over the values that the rules need. The values
// are taken out of the events before anything is timed, so this measures the expressions alone and is given the reading of
// the event for nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rulebus::bench {

class re2_rules {
 public:
  /// Nothing for rules that anchored expressions over single values do not say: numbers, presence, `$or`.
  static std::optional<re2_rules> make(const std::vector<std::string>& patterns);
  re2_rules(re2_rules&&) noexcept;
  re2_rules& operator=(re2_rules&&) noexcept;
  ~re2_rules();

  /// Takes out of the event what match(number of the event, …) will look at.
  void add_event(std::string_view event);
  /// Appends the numbers of the rules that match the event, ascending.
  void match(std::size_t event, std::vector<std::size_t>& out) const;

 private:
  class impl;
  explicit re2_rules(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

}  // namespace rulebus::bench
