#include "rulebus/explain.hpp"

#include <doctest/doctest.h>

using namespace rulebus;

namespace {

pattern parse(std::string_view text) { return pattern::parse(text).value(); }
explanation why(std::string_view pattern_json, std::string_view event_json) {
  return explain(parse(pattern_json), event_json).value();
}

}  // namespace

TEST_CASE("explain: each field has its path, conditions, values found and verdict") {
  const explanation e =
      why(R"({"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}], "tags": [{"exists": false}]}})",
          R"({"source": "shop", "detail": {"total": [5, 7.50], "other": 1}})");
  CHECK_FALSE(e.matched);
  CHECK(e.passed == 2);
  CHECK(e.total == 3);
  REQUIRE(e.root.fields.size() == 3);
  const explained_field& tags = e.root.fields[0];
  CHECK(tags.path == "detail.tags");
  CHECK(tags.found.empty());
  CHECK(tags.passed);
  const explained_field& total = e.root.fields[1];
  CHECK(total.conditions == R"([{"numeric":[">",100]}])");
  CHECK(total.found == std::vector<std::string>{"5", "7.50"});
  CHECK_FALSE(total.passed);
  CHECK(e.root.fields[2].found == std::vector<std::string>{"\"shop\""});
}

TEST_CASE("explain: each branch of $or has its verdict, and the best one counts") {
  const explanation e = why(R"({"$or": [{"a": [1], "b": [1]}, {"c": [1]}]})", R"({"a": 1, "b": 2})");
  CHECK_FALSE(e.matched);
  REQUIRE(e.root.choices.size() == 1);
  REQUIRE(e.root.choices[0].branches.size() == 2);
  CHECK(e.root.choices[0].branches[0].fields[0].passed);
  CHECK_FALSE(e.root.choices[0].branches[0].passed);
  CHECK(e.passed == 1);  // both branches miss one condition; the first has one that holds
  CHECK(e.total == 2);
  CHECK(why(R"({"$or": [{"a": [1], "b": [1]}, {"b": [2]}]})", R"({"a": 1, "b": 2})").matched);
}

TEST_CASE("explain: fields that hold only in different elements of an array are told from fields that do not hold") {
  const explanation e = why(R"({"a": {"x": [1], "y": [2]}})", R"({"a": [{"x": 1, "y": 1}, {"x": 2, "y": 2}]})");
  CHECK_FALSE(e.matched);
  CHECK(e.array_conflict);
  CHECK(e.passed == 2);
  CHECK(e.text().find("same array elements") != std::string::npos);
  CHECK(why(R"({"a": {"x": [1], "y": [2]}})", R"({"a": [{"x": 1, "y": 2}]})").matched);
}

TEST_CASE("explain: the text names path, wish and find of each field") {
  CHECK(why(R"({"a": ["x"], "b": ["y"]})", R"({"a": "x"})").text() ==
        "no match (1 of 2 conditions hold)\n"
        "  pass  a  wants [\"x\"]  found \"x\"\n"
        "  FAIL  b  wants [\"y\"]  found absent\n");
}

TEST_CASE("explain: the JSON is one stable line") {
  CHECK(why(R"({"a": ["x"], "$or": [{"b": [1]}, {"c": [2]}]})", R"({"a": "x", "c": 2})").json() ==
        R"({"matched":true,"passed":2,"total":2,"array_conflict":false,)"
        R"("fields":[{"path":"a","conditions":["x"],"found":["x"],"found_in_all":1,"passed":true}],)"
        R"("or":[{"passed":true,"branches":[)"
        R"({"passed":false,"fields":[{"path":"b","conditions":[1],"found":[],"found_in_all":0,"passed":false}],"or":[]},)"
        R"({"passed":true,"fields":[{"path":"c","conditions":[2],"found":[2],"found_in_all":1,"passed":true}],"or":[]}]}]})");
}

TEST_CASE("explain: of many values at most 16 are kept, and all are counted") {
  std::string event = R"({"a": [0)";
  for (int i = 1; i < 100; ++i) event += "," + std::to_string(i);
  const explanation e = why(R"({"a": [99]})", event + "]}");
  CHECK(e.matched);
  CHECK(e.root.fields[0].found.size() == 16);
  CHECK(e.root.fields[0].found_in_all == 100);
}

TEST_CASE("explain: over all rules, matches come first, then those that miss least, then by name") {
  const std::vector<named_pattern> rules = {{"far", parse(R"({"a": [2], "b": [2], "c": [2]})")},
                                            {"near", parse(R"({"a": [1], "b": [2]})")},
                                            {"also near", parse(R"({"b": [2]})")},
                                            {"hit", parse(R"({"a": [1]})")}};
  const auto ranked = explain(rules, R"({"a": 1, "b": 1, "c": 1})", 3).value();
  REQUIRE(ranked.size() == 3);
  CHECK(ranked[0].name == "hit");
  CHECK(ranked[1].name == "also near");
  CHECK(ranked[2].name == "near");
}

TEST_CASE("explain: an event that is not valid is an error with its place") {
  CHECK(explain(parse(R"({"a": [1]})"), R"({"a": 1)").error().code == errc::invalid_json);
  CHECK(explain(parse(R"({"a": [1]})"), "[]").error().code == errc::invalid_event);
}
