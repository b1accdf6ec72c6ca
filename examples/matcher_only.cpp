// The matcher alone: no bus, no targets, no threads. Rules in, events in, ids of the rules that match out.
#include <iostream>
#include <map>
#include <rulebus/explain.hpp>
#include <rulebus/matcher.hpp>
#include <string>
#include <string_view>

int main() {
  const std::map<std::string, std::string> rules = {
      {"jpeg", R"({"source": ["aws.s3"], "detail": {"object": {"key": [{"suffix": ".jpg"}]}}})"},
      {"large", R"({"detail": {"object": {"size": [{"numeric": [">=", 1000000]}]}}})"},
      {"outside", R"({"detail": {"source-ip-address": [{"anything-but": {"prefix": "10."}}]}})"},
  };
  constexpr std::string_view event =
      R"({"source": "aws.s3", "detail": {"object": {"key": "beach.jpg", "size": 2411520}, "source-ip-address": "10.20.4.9"}})";

  rulebus::matcher matcher;
  std::map<rulebus::rule_id, std::string> names;
  for (const auto& [name, pattern] : rules) names[matcher.add(pattern).value()] = name;

  rulebus::matcher::reader reader(matcher);  // one per thread
  std::map<std::string, rulebus::rule_id> matched;
  for (const rulebus::rule_id id : reader.match(event).value()) matched[names.at(id)] = id;
  for (const auto& [name, id] : matched) std::cout << "matched: " << name << '\n';
  if (matched.size() != 2 || matched.count("outside") != 0) return 1;

  // Why not?
  const rulebus::explanation why = rulebus::explain(rulebus::pattern::parse(rules.at("outside")).value(), event).value();
  std::cout << "\nwhy not outside:\n" << why.text();
  if (why.matched) return 1;

  matcher.remove(matched.at("jpeg")).value();
  const std::size_t left = reader.match(event).value().size();
  std::cout << "\nafter removing jpeg: " << left << " of " << matcher.size() << " rules match\n";

  // Mistakes come with their place.
  const auto mistake = matcher.add("{\n  \"source\": [{\"prefx\": \"aws.\"}]\n}");
  std::cout << "a mistake: " << mistake.error().message << ", line " << mistake.error().line << '\n';
  return left == 1 && mistake.error().line == 2 ? 0 : 1;
}
