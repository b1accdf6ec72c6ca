#include "rulebus/detail/index_writer.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "rulebus/pattern.hpp"

using namespace rulebus::detail;

namespace {

rulebus::rule_id add(index_writer& index, std::string_view pattern) {
  static unsigned long long last = 0;
  const auto id = static_cast<rulebus::rule_id>(++last);
  index.add(rulebus::pattern::parse(pattern).value().tree(), id);
  return id;
}

const path_node& node_at(const index_writer& index, std::string_view path) {
  const path_node* node = index.current().paths->descendant(path);
  REQUIRE(node != nullptr);
  return *node;
}

/// How many rules the entries of a path make candidates, one by one.
std::size_t rules_under(const index_writer& index, std::string_view path) {
  std::size_t rules = 0;
  node_at(index, path).entries.for_each([&rules](const entry& e) { rules += e.rules.size(); });
  return rules;
}

}  // namespace

TEST_CASE("index_writer: rules stand under the value that the fewest rules ask for") {
  index_writer index;
  constexpr std::size_t rules = 4000;
  for (std::size_t i = 0; i < rules; ++i) {
    add(index, fmt::format(R"({{"env":["prod"],"tenant":["t{}"],"city":["c{}","c{}"],"kind":[{{"prefix":"k{}"}}]}})", i / 10,
                           i % 50, (i + 1) % 50, i % 7));
  }
  // An event has some city and is of some kind, which are those of many rules: what stands there is looked at in vain.
  CHECK(rules_under(index, "env") <= 2);
  CHECK(rules_under(index, "kind") <= rules / 50);
  CHECK(rules_under(index, "city") <= rules / 20);
  CHECK(rules_under(index, "tenant") >= rules * 9 / 10);
}

TEST_CASE("index_writer: of a rule's fields the one that makes it a candidate is checked last, and one with many values first") {
  index_writer index;
  for (int i = 0; i < 200; ++i) {
    add(index, fmt::format(R"({{"a":["x"],"b":["t{}"],"c":["n{}",{{"prefix":"p"}}],"d":["y{}"]}})", i, i % 50, i % 4));
  }
  const rulebus::rule_id last = add(index, R"({"a":["x"],"b":["t200"],"c":["n0"],"d":["y0"]})");
  const compiled_rule* rule = index.current().by_id.find(rule_hash(last), [=](const compiled_rule& r) { return r.id == last; });
  REQUIRE(rule != nullptr);
  std::string paths;
  for (std::uint32_t i = 0; i < rule->form->count.fields; ++i) {
    const compiled_field& f = rule->form->fields()[i];
    const std::string_view path = f.path->text();
    paths += path;
    CHECK(f.order == static_cast<std::uint32_t>(path[0] - 'a'));
    REQUIRE(f.condition_count == 1);
    node_at(index, path).entries.for_each([&](const entry& e) {
      if (e.id == rule->conditions()[f.first_condition].entry.id) CHECK(std::string_view("xtny").find(e.key()[0]) == f.order);
    });
  }
  CHECK(paths == "cdab");
  REQUIRE(rule->form->count.postings == 1);
  CHECK(rule->form->fields()[rule->postings()[0].field].path->text() == "b");
  CHECK(index.remove(last));
  CHECK(rules_under(index, "b") == 200 - rules_under(index, "a") - rules_under(index, "c") - rules_under(index, "d"));
}

TEST_CASE("index_writer: the children of a node, near or many, are those of its newest version") {
  index_writer index;
  for (const char* pattern : {R"({"a":["x"]})", R"({"b":["x"],"a":["y"]})", R"({"b":["y"]})", R"({"c":{"d":["x"]},"a":["z"]})",
                              R"({"c":{"d":["y"],"e":["x"]}})", R"({"f":["x"],"g":["x"]})", R"({"a":["x"],"c":{"d":["x"]}})"}) {
    add(index, pattern);
    const path_node& root = *index.current().paths;
    std::size_t children = 0;
    root.children.for_each([&](const path_node& child) {
      ++children;
      CHECK(root.child(child.step()) == &child);
      child.children.for_each([&](const path_node& inner) { CHECK(child.child(inner.step()) == &inner); });
    });
    CHECK(children == root.child_count);
    CHECK((root.near != nullptr) == (children <= near_children::most));
  }
}

TEST_CASE("index_writer: what one rule needed to be compiled, large or small, leaves nothing in the next") {
  index_writer index;
  std::string values;
  for (int i = 0; i < 3000; ++i) values += fmt::format("{}\"v{}\",{{\"prefix\":\"p{}\"}}", i == 0 ? "" : ",", i, i);
  const rulebus::rule_id large = add(index, R"({"a":[)" + values + R"(],"b":["x"],"$or":[{"c":["x"]},{"d":["x"]}]})");
  const rulebus::rule_id small = add(index, R"({"e":["x"]})");
  const auto rule = [&index](rulebus::rule_id id) -> const compiled_rule& {
    return *index.current().by_id.find(rule_hash(id), [id](const compiled_rule& r) { return r.id == id; });
  };
  CHECK(rule(large).form->count.conditions == 6003);
  CHECK(rule(small).form->count == rule_form::numbers{1, 1, 1, 4, 0, 0});
  CHECK(rule(small).is_settled == 1);
  CHECK(index.remove(large));
  CHECK(index.remove(small));
  CHECK(index.current().paths == nullptr);
  CHECK(index.bytes() == 0);
}
