// test_case: one line of `rulebus test` as rules, an event and what is expected of them; its answer; and the verdict.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/pattern.hpp"

namespace rulebus::cli {

/// The patterns under one name; the rule matches when any of them does.
struct case_rule {
  std::string name{};
  std::vector<std::string> patterns{};  ///< texts
};

/// Names of invalid patterns, with the message where the line has one.
using expected_errors = std::map<std::string, std::optional<std::string>>;

struct test_case {
  std::string id{};  ///< JSON text, as given; the number of the line when it has none
  std::vector<case_rule> rules{};
  std::optional<std::string> event{};  ///< JSON text
  std::vector<std::string> allow{};    ///< additions to the language that this case needs

  std::optional<std::vector<std::string>> matched{};  ///< sorted, each once
  std::optional<expected_errors> errors{};
  std::optional<bool> event_error{};                 ///< must the event be invalid?
  std::optional<std::string> event_error_message{};  ///< and with these words?
  bool any_error = false;                            ///< a pattern or the event must be invalid
  std::optional<std::string> any_error_message{};    ///< and with these words?

  /// What the case's patterns are parsed with, given the options of all cases.
  pattern_options patterns(pattern_options of_all) const;

  bool expects_something() const { return matched || errors || event_error || any_error; }
};

/// Reads one line. False, with a sentence in `complaint`, when it has no such shape; id is set as far as it was found.
bool parse_test_case(std::string_view line, std::size_t number, test_case& out, std::string& complaint);

struct test_answer {
  std::vector<std::string> matched{};           ///< sorted, each once
  std::map<std::string, std::string> errors{};  ///< name → message of its first invalid pattern
  std::optional<std::string> event_error{};
};

/// Runs the rules over the event, with a matcher of their own. A rule with invalid patterns keeps the valid ones.
test_answer answer(const test_case& c, const pattern_options& patterns, bool envelope);

/// What is wrong with the answer, a line for each: empty when it is as expected.
struct disagreement {
  std::string what{};                 ///< "matched", "errors", "event"
  std::string expected{}, got{};      ///< JSON, or a sentence
  std::optional<std::string> rule{};  ///< the first one that matched or did not match against expectation
};
std::vector<disagreement> compare(const test_case& c, const test_answer& a);

}  // namespace rulebus::cli
