// rulebus schedule next, rulebus schedule describe: one expression.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "excerpt.hpp"
#include "instant.hpp"
#include "output.hpp"
#include "rulebus/schedule_expression.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

time_point now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

time_point instant_or_now(const std::string& text, const char* option) {
  if (text.empty() || text == "now") return now();
  if (const auto t = parse_instant(text)) return *t;
  throw failure(fmt::format("{} wants an instant like 2026-11-28T02:00:00Z or 2026-11-28T04:00:00+02:00, not {}", option, text));
}

result<schedule_expression> parsed(const schedule_options& options) {
  return schedule_expression::parse(options.expression, options.rule ? dialect::rule : dialect::scheduler, options.zone);
}

/// On standard output as JSON, or on standard error with the place.
int refuse(const schedule_options& options, const common_options& common, const error& e) {
  if (common.json) {
    standard_output output;
    output.write(fmt::format(R"({{"expr":{},"error":{})", json_string(options.expression), json_string(e.message)));
    output.write(e.line == 0 ? "}\n" : fmt::format(",\"offset\":{}}}\n", e.offset));
    output.flush();
    return exit_finding;
  }
  if (e.line == 0) {
    complain(e.message);
  } else {
    const excerpt place = excerpt_at(options.expression, e.offset);
    complain(
        fmt::format("the expression is not valid: {}; correct it there:\n    {}\n    {}", e.message, place.line, place.caret));
  }
  return exit_finding;
}

/// What is counted from: the instants of a rate begin with its anchor, those of others behind `from`.
struct start {
  schedule_expression expression;
  time_point behind;
};
start start_of(const schedule_expression& e, const schedule_options& options) {
  const time_point from = instant_or_now(options.from, "--from");
  if (e.kind() != schedule_expression::form::rate) return {e, from};
  if (!options.anchor.empty()) return {e.anchored_at(instant_or_now(options.anchor, "--anchor")), from};
  return {e.anchored_at(from), from - std::chrono::milliseconds(1)};
}

}  // namespace

int run_schedule_next(const schedule_options& options, const common_options& common) {
  const auto expression = parsed(options);
  if (!expression) return refuse(options, common, expression.error());
  const start from = start_of(*expression, options);
  const painter paint(common.colour);
  standard_output output;
  if (common.json) {
    output.write(fmt::format(R"({{"expr":{},"zone":{},"next":[)", json_string(options.expression),
                             json_string(expression->zone().name())));
  } else {
    output.write(paint(colour::bold, expression->describe()) + '\n');
  }
  std::uint64_t shown = 0;
  for (auto t = from.expression.next_after(from.behind); t && shown < options.count;
       t = from.expression.next_after(*t), ++shown) {
    if (common.json) {
      output.write(fmt::format("{}\"{}\"", shown == 0 ? "" : ",", instant_text(*t)));
    } else {
      output.write(fmt::format("{}  {}\n", instant_text(*t), wall_clock_text(*t, expression->zone())));
    }
  }
  if (common.json) {
    output.write("]}\n");
  } else if (shown < options.count) {
    output.write(fmt::format("no {} instant\n", shown == 0 ? "such" : "further"));
  }
  output.flush();
  return exit_fine;
}

int run_schedule_describe(const schedule_options& options, const common_options& common) {
  const auto expression = parsed(options);
  if (!expression) return refuse(options, common, expression.error());
  standard_output output;
  if (common.json) {
    output.write(fmt::format(R"({{"expr":{},"zone":{},"canonical":{},"description":{}}})", json_string(options.expression),
                             json_string(expression->zone().name()), json_string(expression->dump()),
                             json_string(expression->describe())) +
                 '\n');
  } else {
    output.write(expression->describe() + '\n');
  }
  output.flush();
  return exit_fine;
}

}  // namespace rulebus::cli
