// rulebus explain: why an event matches a pattern or not; or which rules come nearest to matching it.
#include "rulebus/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "excerpt.hpp"
#include "input.hpp"
#include "json_slices.hpp"
#include "output.hpp"
#include "rules_file.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

/// JSON text given on the command line, or in a file.
struct given_text {
  std::string text, where;
};

given_text text_or_file(const std::string& argument, const char* option) {
  const std::string_view text = trimmed(argument);
  if (text.starts_with('{') || text.starts_with('[')) return {argument, option};
  return {read_file(argument), shown_path(argument)};
}

/// Says on standard error what is wrong with a text, and shows the place.
int refuse(const char* what, const given_text& given, const error& e) {
  const excerpt place = excerpt_at(given.text, e.offset);
  complain(fmt::format("{} is not valid: {}, in {} at line {}, column {}; correct it there:\n    {}\n    {}", what, e.message,
                       given.where, e.line, e.column, place.line, place.caret));
  return exit_finding;
}

/// The explanation for people, with its first line coloured.
std::string readable(const painter& paint, const explanation& why) {
  const std::string text = printable(why.text());
  const std::size_t end = std::min(text.find('\n'), text.size());
  return paint(why.matched ? colour::green : colour::red, text.substr(0, end)) + text.substr(end);
}

int explain_pattern(const explain_options& options, const common_options& common, standard_output& output) {
  const given_text pattern_given = text_or_file(options.pattern, "--pattern"),
                   event_given = text_or_file(options.event, "--event");
  const auto parsed = pattern::parse(pattern_given.text, common.patterns);
  if (!parsed) return refuse("the pattern", pattern_given, parsed.error());
  const auto why = explain(*parsed, event_given.text);
  if (!why) return refuse("the event", event_given, why.error());
  output.write(common.json ? why->json() + '\n' : readable(painter(common.colour), *why));
  return exit_fine;
}

int explain_rules(const explain_options& options, const common_options& common, standard_output& output) {
  std::vector<named_pattern> rules;
  rule_loader loader(options.rules);
  const bool loaded = loader.load([&](const rule_row& row) {
    auto parsed = pattern::parse(row.pattern(), common.patterns);
    if (parsed) rules.push_back({row.name, *parsed});
    return parsed;
  });
  if (!loaded) return exit_finding;
  const given_text event_given = text_or_file(options.event, "--event");
  const auto nearest = explain(rules, event_given.text, options.limit);
  if (!nearest) return refuse("the event", event_given, nearest.error());
  const painter paint(common.colour);
  for (const near_miss& n : *nearest) {
    if (common.json) {
      output.write(fmt::format("{{\"name\":{},\"explanation\":{}}}\n", json_string(n.name), n.why.json()));
    } else {
      output.write(paint(colour::bold, printable(json_string(n.name))) + ": " + readable(paint, n.why) + '\n');
    }
  }
  if (!common.json && nearest->size() < rules.size()) {
    output.write(fmt::format("{} of {} rules shown; --limit N shows more\n", nearest->size(), grouped(rules.size())));
  }
  return exit_fine;
}

}  // namespace

int run_explain(const explain_options& options, const common_options& common) {
  const bool by_rules = !options.rules.empty();
  if (by_rules == !options.pattern.empty()) {
    throw failure("explain takes either --pattern or --rules; give one of them");
  }
  if ((by_rules ? options.rules : options.pattern) == "-" && options.event == "-") {
    throw failure("pattern and event cannot both come from standard input; give one of them a file or its text");
  }
  standard_output output;
  const int code = by_rules ? explain_rules(options, common, output) : explain_pattern(options, common, output);
  output.flush();
  return code;
}

}  // namespace rulebus::cli
