// What is wrong with a configuration, and where: tests/data/configuration/errors.jsonl, a line for each:
//   {"id", "document": text, "error": message, "code", "line", "column"}
// and documents that were damaged at random.
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "naive_json.hpp"
#include "random_source.hpp"
#include "rulebus/configuration.hpp"
#include "rulebus/targets/null.hpp"

using namespace rulebus;

namespace {

const std::string data_directory = std::string(RULEBUS_SOURCE_DIR) + "/tests/data/configuration/";

std::vector<naive::value> rows_of(const std::string& name) {
  std::ifstream file(data_directory + name);
  std::vector<naive::value> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(naive::parse_json(line, 100));
  return rows;
}

/// Nothing that a test says touches a file or the terminal.
configuration_options harmless() {
  return {.replace = [](std::string_view) -> std::shared_ptr<target> { return std::make_shared<null_target>(); }};
}

void check_place(const error& e, std::string_view text) {
  REQUIRE(!e.message.empty());
  REQUIRE(e.offset <= text.size());
  const std::string_view before = text.substr(0, e.offset);
  std::size_t line = 1, start = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i] == '\n') ++line, start = i + 1;
  REQUIRE(e.line == line);
  REQUIRE(e.column == e.offset - start + 1);
}

}  // namespace

TEST_CASE("configuration errors: every row of tests/data/configuration, and nothing has changed") {
  const auto rows = rows_of("errors.jsonl");
  CHECK(rows.size() > 80);
  for (const naive::value& row : rows) {
    INFO(row.find("id")->text);
    const std::string& document = row.find("document")->text;
    service events;
    configuration c(events, harmless());
    for (const bool only_check : {true, false}) {
      const auto refused = only_check ? c.check(document) : c.load(document);
      REQUIRE(!refused);
      CHECK(refused.error().message == row.find("error")->text);
      CHECK(name(refused.error().code) == row.find("code")->text);
      CHECK(std::to_string(refused.error().line) == row.find("line")->text);
      CHECK(std::to_string(refused.error().column) == row.find("column")->text);
    }
    CHECK(events.list_event_buses().size() == 1);
    CHECK(events.list_rules().value().rules.empty());
  }
}

TEST_CASE("configuration: the JSON Schema knows the members that the library knows, everywhere") {
  std::ifstream file(std::string(RULEBUS_SOURCE_DIR) + "/docs/configuration.schema.json");
  const naive::value schema = naive::parse_json(std::string((std::istreambuf_iterator<char>(file)), {}), 100);
  const naive::value& parts = *schema.find("$defs");
  const auto target = [](const std::string& members) {
    return R"({"buses": [{"name": "b", "rules": [{"name": "r", "event_pattern": {"a": [1]}, "targets": [{"id": "t", "type": "null", )" +
           members + "}]}]}]}";
  };
  const naive::value& delivery = *parts.find("delivery");
  const auto group = [&](const char* name) { return delivery.find("properties")->find(name); };
  const std::vector<std::pair<const naive::value*, std::string>> places = {
      {&schema, R"({"?": 1})"},
      {parts.find("bus"), R"({"buses": [{"?": 1}]})"},
      {parts.find("rule"), R"({"buses": [{"rules": [{"?": 1}]}]})"},
      {parts.find("target"), target(R"("?": 1)")},
      {parts.find("dead_letter"), target(R"("dead_letter": {"?": 1})")},
      {parts.find("dead_letter_queue"), target(R"("dead_letter_queue": {"?": 1})")},
      {&delivery, target(R"("delivery": {"?": 1})")},
      {group("retry_policy"), target(R"("delivery": {"retry_policy": {"?": 1}})")},
      {group("rate"), target(R"("delivery": {"rate": {"?": 1}})")},
      {group("breaker"), target(R"("delivery": {"breaker": {"?": 1}})")},
      {group("batch"), target(R"("delivery": {"batch": {"?": 1}})")},
      {parts.find("target")->find("properties")->find("input_transformer"), target(R"("input_transformer": {"?": 1})")},
  };
  service events;
  for (const auto& place : places) {
    const auto& part = place.first;
    const std::string& document = place.second;
    INFO(document);
    const std::string said = configuration(events).check(document).error().message;
    const std::size_t at = said.find("there are ");
    REQUIRE(at != std::string::npos);
    std::set<std::string> known, in_schema;
    std::istringstream words(said.substr(at + 10));
    for (std::string word; std::getline(words, word, ',');) known.insert(word.substr(word.find_first_not_of(' ')));
    for (const std::string& key : part->find("properties")->keys) in_schema.insert(key);
    CHECK(known == in_schema);
  }
}

TEST_CASE("configuration errors: a document that is too long or too deep is refused") {
  service events;
  configuration c(events, {.max_bytes = 100});
  CHECK(c.load(R"({"buses": []})" + std::string(200, ' ')).error().code == errc::limit_exceeded);
  const std::string deep = R"({"buses": [{"name": "b", "rules": [{"name": "r", "event_pattern": )";
  std::string nested = deep;
  for (int i = 0; i < 100'000; ++i) nested += R"({"a":)";
  CHECK(configuration(events).load(nested).error().code == errc::limit_exceeded);
}

TEST_CASE("configuration errors: damaged documents are refused with a place in the text, or are configurations") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  std::ifstream file(data_directory + "complete.json");
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  REQUIRE(!whole.empty());
  static constexpr std::string_view pieces[] = {"{", "}",  "[",    "]",    ",",       ":",    "\"",
                                                "0", "-1", "null", "true", "\\u0000", "\xff", "name"};
  const std::size_t cases = 2000 / tests::build_slowness;
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < cases; ++i) {
    std::string damaged = whole;
    for (std::size_t n = random.between(1, 3); n > 0; --n) {
      const std::size_t at = random.below(damaged.size());
      switch (random.below(4)) {
        case 0: damaged.erase(at, random.between(1, 30)); break;
        case 1: damaged.insert(at, pieces[random.below(std::size(pieces))]); break;
        case 2: damaged.resize(at); break;
        default: damaged.insert(at, damaged.substr(random.below(damaged.size()), random.between(1, 100)));
      }
      if (damaged.empty()) break;
    }
    INFO(damaged);
    service events;
    configuration c(events, harmless());
    const std::string before = c.dump().value();
    const auto checked = c.check(damaged);
    const auto loaded = c.load(damaged);
    REQUIRE(checked.has_value() == loaded.has_value());
    if (loaded) {
      ++accepted;
      const std::string told = c.dump().value();
      REQUIRE(c.load(told));
      REQUIRE(c.dump().value() == told);
    } else {
      check_place(loaded.error(), damaged);
      REQUIRE(loaded.error() == checked.error());
      REQUIRE(c.dump().value() == before);
    }
  }
  MESSAGE(accepted << " of " << cases << " damaged documents were configurations");
}
