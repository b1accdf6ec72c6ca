// transform_case: one line of `rulebus transform` as an event, a target's input and what is expected of them; its answer; and
// the verdict.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "rulebus/transformer.hpp"

namespace rulebus::cli {

struct transform_case {
  std::string id{};                    ///< JSON text, as given; the number of the line when it has none
  std::optional<std::string> event{};  ///< JSON text
  target_input target{};
  std::string target_id = "<target-id>";  ///< what recorded errors call it
  std::string rule_name{}, rule_arn{}, ingestion_time{};
  bool quoted_names = false, aws_limits = false;

  std::optional<std::string> delivered{};       ///< JSON text that must be delivered, as a value
  std::optional<std::string> delivered_text{};  ///< the very text that must be delivered
  std::optional<std::string> error{};           ///< the message that must come
  std::optional<std::string> dropped{};         ///< the reason that must come
  bool any_error = false, any_drop = false;     ///< with whatever words

  bool expects_something() const { return delivered || delivered_text || error || dropped || any_error || any_drop; }
};

/// Reads one line. False, with a sentence in `complaint`, when it has no such shape; id is set as far as it was found.
bool parse_transform_case(std::string_view line, std::size_t number, transform_case& out, std::string& complaint);

/// One of the three.
struct transform_case_answer {
  std::optional<std::string> delivered{}, error{}, dropped{};
};

/// A dry run of the case, with what the command line adds to its options.
transform_case_answer answer(const transform_case& c, transformer_options options);

/// As one line of JSON: {"id", "delivered"}, {"id", "error"} or {"id", "dropped"}. What is delivered as several lines of text is
/// a string there, and "delivered_text" is there too.
std::string answer_json(const transform_case& c, const transform_case_answer& a);

/// What was expected and what came out, when they differ.
struct transform_difference {
  std::string expected{}, got{};
};
std::optional<transform_difference> compare(const transform_case& c, const transform_case_answer& a);

}  // namespace rulebus::cli
