// The examples of docs/patterns.md are true. Its first paragraphs say how they are written.
#include <doctest/doctest.h>

#include <fstream>
#include <optional>
#include <string>

#include "naive_json.hpp"
#include "rulebus/matcher.hpp"
#include "rulebus/pattern.hpp"

using namespace rulebus;

namespace {

pattern_options options_of(const naive::value& example) {
  pattern_options options;
  if (const auto* named = example.find("option")) {
    options.allow_regexp = named->text == "allow_regexp";
    options.allow_wildcard_ignore_case = named->text == "allow_wildcard_ignore_case";
    options.allow_cidr_single_address = named->text == "allow_cidr_single_address";
    options.allow_all = named->text == "allow_all";
  }
  return options;
}

// Follows the examples from line to line.
struct reader {
  std::optional<pattern> current{};
  int patterns = 0, events = 0, refused = 0;

  void read(const std::string& line) {
    const naive::value example = naive::parse_json(line, 100);
    if (const auto* p = example.find("pattern")) {
      const std::string text = naive::to_json(*p);
      if (example.find("option") != nullptr) CHECK_FALSE(pattern::parse(text).has_value());
      const result<pattern> parsed = pattern::parse(text, options_of(example));
      REQUIRE(parsed.has_value());
      current = *parsed;
      ++patterns;
    } else if (const auto* refuse = example.find("invalid")) {
      const result<pattern> parsed = pattern::parse(naive::to_json(*refuse));
      REQUIRE_FALSE(parsed.has_value());
      CHECK(parsed.error().code == errc::invalid_pattern);
      if (const auto* reason = example.find("reason")) CHECK(parsed.error().message == reason->text);
      ++refused;
    } else {
      const auto* matches = example.find("matches");
      const auto* event = matches != nullptr ? matches : example.find("rejects");
      REQUIRE(event != nullptr);
      REQUIRE(current.has_value());
      CHECK(test_event_pattern(*current, naive::to_json(*event)).value() == (matches != nullptr));
      ++events;
    }
  }
};

}  // namespace

TEST_CASE("docs/patterns.md: every example holds") {
  std::ifstream page(RULEBUS_SOURCE_DIR "/docs/patterns.md");
  REQUIRE(page.good());
  reader examples;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = line == "```json";
    } else if (inside) {
      CAPTURE(line);
      examples.read(line);
    }
  }
  CHECK(examples.patterns >= 35);
  CHECK(examples.events >= 110);
  CHECK(examples.refused >= 25);
}
