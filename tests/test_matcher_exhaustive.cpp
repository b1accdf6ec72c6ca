#include "rulebus/matcher.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "support/random_source.hpp"
#include "support/twins.hpp"

// Every small pattern against every small event. What a mistake in combining two conditions can look like, it looks like here.

namespace {

using texts = std::vector<std::string>;

const texts conditions = {R"("x")",
                          "1",
                          R"("x",1)",
                          R"({"exists":true})",
                          R"({"exists":false})",
                          R"("x",{"exists":false})",
                          R"({"anything-but":"x"})",
                          R"({"prefix":""})",
                          R"({"wildcard":"*x"},{"numeric":[">",0]})"};

/// Every pattern of one field, of two fields, and of a choice between two fields.
texts patterns_over(const texts& paths) {
  texts fields;
  for (const std::string& path : paths)
    for (const std::string& c : conditions) fields.push_back('"' + path + "\":[" + c + ']');
  texts out;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    out.push_back('{' + fields[i] + '}');
    for (std::size_t k = i / conditions.size() * conditions.size() + conditions.size(); k < fields.size(); ++k) {
      out.push_back('{' + fields[i] + ',' + fields[k] + '}');
      out.push_back(R"({"$or":[{)" + fields[i] + "},{" + fields[k] + "}]}");
    }
  }
  return out;
}

/// Arrays of up to two of the values.
texts arrays_of(const texts& values) {
  texts out = {"[]"};
  for (const std::string& first : values) {
    out.push_back('[' + first + ']');
    for (const std::string& second : values) out.push_back('[' + first + ',' + second + ']');
  }
  return out;
}

texts joined(texts a, const texts& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Objects in which each key has one of its values, or is not there ("").
texts objects_of(const texts& keys, const std::vector<texts>& values) {
  texts out = {""};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    texts longer;
    for (const std::string& start : out)
      for (const std::string& v : values[i])
        longer.push_back(v.empty() ? start : start + (start.empty() ? "" : ",") + '"' + keys[i] + "\":" + v);
    out = longer;
  }
  for (std::string& o : out) o = '{' + o + '}';
  return out;
}

/// All patterns in one matcher against all events; and each pattern alone against some of them.
void compare(const texts& patterns, const texts& events) {
  tests::twins together;
  std::vector<std::unique_ptr<tests::twins>> alone;
  for (const std::string& p : patterns) {
    alone.push_back(std::make_unique<tests::twins>());
    if (!together.add(p)) FAIL(together.difference());
    if (!alone.back()->add(p)) FAIL(alone.back()->difference());
  }
  const std::size_t stride = 11 * tests::build_slowness;
  for (std::size_t i = 0; i < events.size(); i += tests::build_slowness) {
    if (!together.check(events[i])) FAIL(together.difference());
    for (std::size_t k = i % stride; k < alone.size(); k += stride)
      if (!alone[k]->check(events[i])) FAIL(alone[k]->difference());
  }
  MESSAGE(patterns.size() << " patterns, " << events.size() << " events, " << together.matches() << " matches");
  CHECK(together.matches() > events.size());
}

}  // namespace

TEST_CASE("exhaustive: every pattern of up to two of the fields a, b and a.b against every small event") {
  const texts leaves = {R"("x")", R"("y")", "1", "null"};
  const texts elements = {R"("x")", "1", "{}", R"({"b":"x"})", R"({"b":1})", R"(["x"])", R"([{"b":"x"}])"};
  const texts objects = {"{}", R"({"b":"x"})", R"({"b":1})", R"({"b":["x",1]})", R"({"b":[{}]})", R"({"b":{"c":"x"}})"};
  const texts a = joined(joined(joined({""}, leaves), objects), arrays_of(elements));
  const texts b = {"", R"("x")", "1", "null", R"(["x"])", R"([1,"y"])", "{}"};
  const texts dotted = {"", R"("x")", R"([1])", R"({"b":"x"})"};
  compare(patterns_over({"a", "b", "a.b"}), objects_of({"a", "b", "a.b"}, {a, b, dotted}));
}

TEST_CASE("exhaustive: every pattern of up to two fields of one array's objects against every small array") {
  const texts leaves = {"", R"("x")", "1"};
  const texts elements = joined(objects_of({"b", "c"}, {leaves, leaves}), {R"([{"b":"x"},{"c":"x"}])", R"([{"b":1,"c":1}])"});
  const texts a = joined(joined({""}, elements), arrays_of(elements));
  compare(patterns_over({"a.b", "a.c", "d"}), objects_of({"a", "d"}, {a, {"", R"("x")", "[1]"}}));
}

TEST_CASE("exhaustive: every pattern of two fields of different arrays against every pair of small arrays") {
  const texts leaves = {"", R"("x")", "1"};
  const texts objects = objects_of({"c"}, {leaves});
  const texts arrays = joined({"", R"({"c":"x"})"}, arrays_of(joined(objects, {R"([{"c":"x"}])"})));
  compare(
      patterns_over({"a.c", "a.b.c", "b.c"}),
      joined(objects_of({"a", "b"}, {arrays, arrays}),
             objects_of({"a"}, {arrays_of(objects_of({"b", "c"}, {{"", R"([{"c":"x"}])", R"([{"c":1},{"c":"x"}])"}, leaves}))})));
}
