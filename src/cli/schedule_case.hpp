// schedule_case: one line of `rulebus schedule test` as an expression and what is expected of it; its answer; the verdict.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/schedule_expression.hpp"

namespace rulebus::cli {

struct schedule_case {
  std::string expression{}, zone = "UTC";
  std::vector<dialect> dialects{};
  std::optional<time_point> from{}, anchor{};

  std::optional<std::vector<time_point>> next{};
  bool error = false;                          ///< the expression must be invalid
  std::optional<std::string> error_message{};  ///< and with these words
  std::optional<std::size_t> error_offset{};   ///< and at this byte
  std::optional<std::string> canonical{}, description{};

  bool expects_something() const { return next || error || canonical || description; }
};

/// Reads one line. False, with a sentence in `complaint`, when it has no such shape.
bool parse_schedule_case(std::string_view line, schedule_case& out, std::string& complaint);

struct schedule_answer {
  std::vector<time_point> next{};
  std::optional<rulebus::error> error{};
  std::string canonical{}, description{};
};

/// What the library says in one dialect: as many instants as the case has. Where it has none, five; where it says that there
/// are none, one, if there is one.
schedule_answer answer(const schedule_case& c, dialect d);

/// What is wrong with the answer; empty when it is as expected.
struct schedule_disagreement {
  std::string what{}, expected{}, got{};
};
std::vector<schedule_disagreement> compare(const schedule_case& c, const schedule_answer& a);

/// ["2026-11-28T02:00:00Z",…]
std::string instants_json(const std::vector<time_point>& instants);

}  // namespace rulebus::cli
