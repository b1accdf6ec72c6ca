// A user of the matcher alone, linked with the core only. Every kind of dependency is in use: simdjson reads the event,
// RE2 is behind the regular expression, fmt writes the explanation.
#include <rulebus/explain.hpp>
#include <rulebus/matcher.hpp>

int main() {
  rulebus::matcher_options options;
  options.patterns.allow_regexp = true;
  rulebus::matcher m(options);
  const rulebus::rule_id jpegs = m.add(R"({"detail": {"key": [{"regexp": ".*\\.jpe?g"}]}})").value();
  rulebus::matcher::reader reader(m);
  const char* event = R"({"detail": {"key": "cat.jpg"}})";
  const auto hits = reader.match(event).value();
  if (hits.size() != 1 || hits[0] != jpegs) return 1;
  const auto pattern = rulebus::pattern::parse(R"({"detail": {"key": [{"suffix": ".jpg"}]}})").value();
  return rulebus::explain(pattern, event).value().text().empty() ? 1 : 0;
}
