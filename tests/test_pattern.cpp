#include "rulebus/pattern.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "rulebus/detail/pattern_tree.hpp"

using namespace rulebus;

namespace {

const pattern_options everything{
    .allow_regexp = true, .allow_wildcard_ignore_case = true, .allow_cidr_single_address = true, .allow_all = true};

std::string dump(std::string_view text, const pattern_options& options = everything) {
  const result<pattern> p = pattern::parse(text, options);
  if (!p) return p.error().message;
  const result<pattern> again = pattern::parse(p->dump(), options);
  if (!again) return "the dump " + p->dump() + " is an error: " + again.error().message;
  if (!(*again == *p)) return "the dump " + p->dump() + " is dumped as " + again->dump();
  return p->dump();
}

struct row {
  std::string text;
  std::string canonical;
};

void check(const std::vector<row>& rows) {
  for (const row& r : rows) {
    CAPTURE(r.text);
    CHECK(dump(r.text) == r.canonical);
  }
}

}  // namespace

TEST_CASE("dump: alternatives come in order and once, numbers in their shortest form") {
  check({
      {R"({ "a" : [ "b" , "a", "b" ] })", R"({"a":["a","b"]})"},
      {R"({"a":[3.0, 300, 3e2, -0, 0.10, 1e20, 9007199254740993, {"numeric":["=",5]}]})",
       R"({"a":[0,0.1,1e20,3,300,5,9007199254740993]})"},
      {R"({"a":[null,true,false,{"exists":false},"x",{"exists":true}]})",
       R"({"a":["x",false,null,true,{"exists":true},{"exists":false}]})"},
      {R"({"a":["\u0041\n\u0001\"\\é\ud83d\ude00/"]})", R"({"a":["A\n\u0001\"\\é😀/"]})"},
      {R"({"\u0061":["\/"]})", R"({"a":["/"]})"},
  });
}

TEST_CASE("dump: every operator has one form") {
  check({
      {R"({"a":[{"exactly":"x"}]})", R"({"a":["x"]})"},
      {R"({"a":[{"exactly":"1.2.3.4"},"1.2.3.4"]})", R"({"a":["1.2.3.4",{"exactly":"1.2.3.4"}]})"},
      {R"({"a":["::ffff:102:304","01.2.3.4","0::1"]})", R"({"a":["1.2.3.4","::1"]})"},
      {R"({"a":[{"prefix":"x"},{"suffix":"y"},{"equals-ignore-case":"Z"},{"wildcard":"a*\\*"}]})",
       R"({"a":[{"equals-ignore-case":"Z"},{"prefix":"x"},{"suffix":"y"},{"wildcard":"a*\\*"}]})"},
      {R"({"a":[{"prefix":{"equals-ignore-case":"x"}},{"suffix":{"equals-ignore-case":"y"}}]})",
       R"({"a":[{"prefix":{"equals-ignore-case":"x"}},{"suffix":{"equals-ignore-case":"y"}}]})"},
      {R"({"a":[{"cidr":"10.9.8.7/8"},{"cidr":"::FFFF:a00:0/8"},{"cidr":"2001:DB8::1/32"}]})",
       R"({"a":[{"cidr":"10.0.0.0/8"},{"cidr":"2001:db8::/32"}]})"},
      {R"({"a":[{"numeric":["<",1.50]},{"numeric":[">=",-2e0]},{"numeric":[">",0,"<=",10]}]})",
       R"({"a":[{"numeric":["<",1.5]},{"numeric":[">",0,"<=",10]},{"numeric":[">=",-2]}]})"},
      {R"({"a":[{"numeric":[">=",-1.7976931348623157e308,"<",5]}]})", R"({"a":[{"numeric":["<",5]}]})"},
      {R"({"a":[{"numeric":["<=",1.7976931348623157e308]},{"numeric":[">=",-1.7976931348623157e308]}]})",
       R"({"a":[{"numeric":["<=",1.7976931348623157e308]}]})"},
      {R"({"a":[{"numeric":[">",-1.7976931348623157e308]}]})", R"({"a":[{"numeric":[">",-1.7976931348623157e308]}]})"},
      {R"({"a":[{"anything-but":"x"},{"anything-but":7}]})", R"({"a":[{"anything-but":["x"]},{"anything-but":[7]}]})"},
      {R"({"a":[{"anything-but":["b","a","b"]},{"anything-but":[2,1.0,1]}]})",
       R"({"a":[{"anything-but":["a","b"]},{"anything-but":[1,2]}]})"},
      {R"({"a":[{"anything-but":["10.0.0.1"]}]})", R"({"a":[{"anything-but":["10.0.0.1"]}]})"},
      {R"({"a":[{"anything-but":{"prefix":"x"}},{"anything-but":{"suffix":["z","y"]}}]})",
       R"({"a":[{"anything-but":{"prefix":["x"]}},{"anything-but":{"suffix":["y","z"]}}]})"},
      {R"({"a":[{"anything-but":{"equals-ignore-case":"x"}},{"anything-but":{"wildcard":["*"]}}]})",
       R"({"a":[{"anything-but":{"equals-ignore-case":["x"]}},{"anything-but":{"wildcard":["*"]}}]})"},
      {R"({"a":[{"regexp":"a|b"},{"anything-but":{"regexp":"c"}},{"wildcard":{"equals-ignore-case":"a*"}},{"cidr":"::1/128"}]})",
       R"({"a":[{"anything-but":{"regexp":["c"]}},{"cidr":"::1/128"},{"regexp":"a|b"},{"wildcard":{"equals-ignore-case":"a*"}}]})"},
      {R"({"a":[{"all":["y",{"prefix":"x"},"y"]}]})", R"({"a":[{"all":["y",{"prefix":"x"}]}]})"},
  });
}

TEST_CASE("dump: fields are nested by their steps where that means the same") {
  check({
      {R"({"b":["x"],"a.c":["y"],"a":{"b":["z"]}})", R"({"a":{"b":["z"],"c":["y"]},"b":["x"]})"},
      {R"({"a":["x"],"a.b":["y"],"a.b.c":["z"],"a.b.d":["w"]})", R"({"a":["x"],"a.b":["y"],"a.b.c":["z"],"a.b.d":["w"]})"},
      {R"({"a":["x"],"a.b.c":["z"],"a.b.d":["w"]})", R"({"a":["x"],"a.b":{"c":["z"],"d":["w"]}})"},
      {R"({"":{"a":["x"]}})", R"({"a":["x"]})"},
      {R"({"":["x"]})", R"({"":["x"]})"},
      {R"({"a":{"":["x"],"b":["y"]}})", R"({"a":{"b":["y"]},"a.":["x"]})"},
      {R"({".a":["x"],"a..b":["y"]})", R"({".a":["x"],"a..b":["y"]})"},
      {R"({"a.$or":["x"],"$or.a":["y"]})", R"({"$or.a":["y"],"a.$or":["x"]})"},
      {R"({"detail.prefix":["x"]})", R"({"detail":{"prefix":["x"]}})"},
  });
}

TEST_CASE("dump: what a later field overrides is gone") {
  check({
      {R"({"a":["x"],"a":["y"]})", R"({"a":["y"]})"},
      {R"({"a":{"b":["x"]},"a.b":["y"]})", R"({"a":{"b":["y"]}})"},
      {R"({"a":["x"],"$or":[{"a":["y"]},{"a":["z"],"b":["w"]}]})", R"({"$or":[{"a":["y"]},{"a":["z"],"b":["w"]}]})"},
      {R"({"$or":[{"a":["x"],"b":["y"]},{"c":["z"]}],"a":["w"]})", R"({"a":["w"],"$or":[{"b":["y"]},{"c":["z"]}]})"},
  });
}

TEST_CASE("max_paths: fields that are set twice count once, and the place is that of the first field too many") {
  std::string others;
  for (std::size_t count = 1; count <= 20; ++count) {
    const std::string before = "{\"a\":[1]" + others;
    const std::string text = before + ",\"b\":[2],\"a\":[3]}";
    CAPTURE(text);
    CHECK(pattern::parse(text, {.max_paths = count + 1}).has_value());
    const result<pattern> one_less = pattern::parse(text, {.max_paths = count});
    REQUIRE_FALSE(one_less.has_value());
    CHECK(one_less.error().code == errc::limit_exceeded);
    CHECK(one_less.error().offset == text.rfind("\"a\""));
    const result<pattern> two_less = pattern::parse(text, {.max_paths = count - 1});
    REQUIRE_FALSE(two_less.has_value());
    CHECK(two_less.error().offset == before.size() + 1);
    others += ",\"f" + std::to_string(count) + "\":[1]";
  }
}

TEST_CASE("dump: $or is written in the deepest object that holds its fields, branches in order") {
  check({
      {R"({"$or":[{"b":["x"]},{"a":["y"]}],"c":["z"]})", R"({"c":["z"],"$or":[{"a":["y"]},{"b":["x"]}]})"},
      {R"({"d":{"$or":[{"b":["x"]},{"a":["y"]}]},"e":["z"]})", R"({"e":["z"],"d":{"$or":[{"a":["y"]},{"b":["x"]}]}})"},
      {R"({"$or":[{"d":{"b":["x"]}},{"d.a":["y"]}]})", R"({"d":{"$or":[{"a":["y"]},{"b":["x"]}]}})"},
      {R"({"d":["z"],"d.x":{"$or":[{"b":["x"]},{"a":["y"]}]}})", R"({"d":["z"],"d.x":{"$or":[{"a":["y"]},{"b":["x"]}]}})"},
      {R"({"d":["z"],"$or":[{"d.b":["x"]},{"d.a":["y"]}]})", R"({"d":["z"],"$or":[{"d":{"a":["y"]}},{"d":{"b":["x"]}}]})"},
      {R"({"$or":[{"d.prefix":["x"]},{"d.a":["y"]}]})", R"({"$or":[{"d":{"a":["y"]}},{"d.prefix":["x"]}]})"},
      {R"({"$or":[{"a":["x"]},{"$or":[{"b":["y"]},{"c":["z"]}]}]})",
       R"({"$or":[{"$or":[{"b":["y"]},{"c":["z"]}]},{"a":["x"]}]})"},
  });
}

TEST_CASE("dump: several $or, and fields that must come after one, need no key twice") {
  check({
      {R"({"$or":[{"c":["x"]},{"d":["y"]}],"$or":[{"a":["z"]},{"b":["w"]}]})",
       R"({"$or":[{"a":["z"]},{"b":["w"]}],"":{"$or":[{"c":["x"]},{"d":["y"]}]}})"},
      {R"({"$or":[{"a":["x"]},{"b":["y"]}],"a":["z"]})", R"({"$or":[{"a":[{"exists":true}]},{"b":["y"]}],"":{"a":["z"]}})"},
      {R"({"":["x"],"$or":[{"":["y"]},{"b":["z"]}],"":{"$or":[{"":["v"]},{"c":["w"]}]}})",
       R"({"":{"":["x"],"$or":[{"":["y"]},{"b":["z"]}]},"$or":[{"":["v"]},{"c":["w"]}]})"},
  });
}

TEST_CASE("dump: texts nested very deeply are written flat") {
  std::string text = R"({"x":["y"]})";
  for (int i = 0; i < 400; ++i) text = R"({"$or":[)" + text + R"(,{"a":{"b":["z"]}}]})";
  const std::string canonical = dump(text);
  CHECK(canonical.find(R"("a.b")") != std::string::npos);
  std::string steps = "a";
  for (int i = 0; i < 5'000; ++i) steps += ".a";
  CHECK(dump("{\"" + steps + "\":[\"x\"]}") == "{\"" + steps + "\":[\"x\"]}");
}

TEST_CASE("equality: patterns that mean the same by the rules of the language are equal") {
  const auto same = [](std::string_view a, std::string_view b) { return pattern::parse(a).value() == pattern::parse(b).value(); };
  CHECK(same(R"({"a":{"b":[1,"x"]}})", R"( {"a.b" : ["x", 1e0, 1]} )"));
  CHECK(same(R"({"a":[1],"b":[2]})", R"({"b":[2],"a":[1]})"));
  CHECK(same(R"({"$or":[{"a":[1]},{"b":[2]}],"c":[3]})", R"({"c":[3],"$or":[{"b":[2]},{"a":[1]}]})"));
  CHECK_FALSE(same(R"({"a":[1]})", R"({"a":["1"]})"));
  CHECK_FALSE(same(R"({"a":["10.0.0.1"]})", R"({"a":[{"exactly":"10.0.0.1"}]})"));
  CHECK_FALSE(same(R"({"a":[1]})", R"({"A":[1]})"));
  CHECK_FALSE(same(R"({"$or":[{"a":[1]},{"b":[2]}],"a":[3]})", R"({"a":[3],"$or":[{"a":[1]},{"b":[2]}]})"));
}

TEST_CASE("pattern: is a value, copies share one tree") {
  const pattern p = pattern::parse(R"({"a":[1]})").value();
  const pattern copy = p;
  CHECK(copy == p);
  CHECK(&copy.tree() == &p.tree());
  pattern other = pattern::parse(R"({"b":[1]})").value();
  other = p;
  CHECK(other.dump() == R"({"a":[1]})");
}

TEST_CASE("tree: paths join steps, and an empty first step vanishes") {
  const pattern p = pattern::parse(R"({"":{"a":[1]},"b.c":{"":[2]},"d":{"e":[3]}})").value();
  std::vector<std::string> paths;
  for (const auto& f : p.tree().root.fields) paths.push_back(f->path);
  CHECK(paths == std::vector<std::string>{"a", "b.c.", "d.e"});
}

TEST_CASE("tree: fields are in UTF-16 order") {
  const pattern p = pattern::parse("{\"\uFF41\":[1],\"\U0001F600\":[2],\"a.b\":[3],\"a\":[4],\"aa\":[5]}").value();
  std::vector<std::string> paths;
  for (const auto& f : p.tree().root.fields) paths.push_back(f->path);
  CHECK(paths == std::vector<std::string>{"a", "a.b", "aa", "\U0001F600", "\uFF41"});
}

TEST_CASE("additions: off they are the reference's errors, on they are conditions") {
  const std::vector<row> rows = {
      {R"({"a":[{"regexp":"x"}]})", "Unrecognized match type regexp"},
      {R"({"a":[{"anything-but":{"regexp":"x"}}]})", "Unsupported anything-but pattern: regexp"},
      {R"({"a":[{"wildcard":{"equals-ignore-case":"x"}}]})", "wildcard match pattern must be a string"},
      {R"({"a":[{"cidr":"1.2.3.4/32"}]})", "IPv4 mask bits must be < 32"},
      {R"({"a":[{"cidr":"::1/128"}]})", "IPv6 mask bits must be < 128"},
      {R"({"a":[{"all":["x"]}]})", "Unrecognized match type all"},
  };
  for (const row& r : rows) {
    CAPTURE(r.text);
    const result<pattern> off = pattern::parse(r.text);
    REQUIRE_FALSE(off.has_value());
    CHECK(off.error().code == errc::invalid_pattern);
    CHECK(off.error().message == r.canonical);
    CHECK(pattern::parse(r.text, everything).has_value());
  }
}

TEST_CASE("additions: have errors of their own") {
  check({
      {R"({"a":[{"all":[]}]})", "Empty arrays are not allowed"},
      {R"({"a":[{"all":"x"}]})", "Value of all must be an array."},
      {R"({"a":[{"all":["x",{"exists":false}]}]})", "Inside all list, {\"exists\": false} is not supported."},
      {R"({"a":[{"all":["x",{"all":["y"]}]}]})", "Inside all list, another all is not supported."},
      {R"({"a":[{"all":["x"],"prefix":"y"}]})", "Only one key allowed in match expression"},
      {R"({"a":[{"regexp":5}]})", "regexp match pattern must be a string"},
      {R"({"a":[{"regexp":"("}]})", "Invalid regular expression: missing ): ("},
      {R"({"a":[{"anything-but":{"regexp":[]}}]})", "Empty arrays are not allowed"},
      {R"({"a":[{"wildcard":{"equals-ignore-case":"**"}}]})", "Consecutive wildcard characters at pos 1"},
      {R"({"a":[{"wildcard":{"prefix":"x"}}]})", "Unsupported wildcard pattern: prefix"},
      {R"({"a":[{"wildcard":{}}]})", "Wildcard expression name not found"},
  });
  std::string many = R"({"a":[{"regexp":"x"})";
  for (int i = 0; i < 100; ++i) many += R"(,{"regexp":"x"})";
  CHECK(pattern::parse(many + "]}", everything).error().code == errc::limit_exceeded);
}

TEST_CASE("wildcard complexity: how many positions one value keeps alive") {
  const auto complexity = [](std::string_view wildcard) { return wildcard_complexity(wildcard).value(); };
  CHECK(complexity("") == 1);
  CHECK(complexity("abc") == 1);
  CHECK(complexity("*") == 2);
  CHECK(complexity("*a") == 3);
  CHECK(complexity("*ab") == 3);
  CHECK(complexity("*aaa") == 5);
  CHECK(complexity("a\\*\\\\") == 1);
  CHECK(complexity("/Users/*/dir/dir/dir/dir/dir/doc.txt") == 8);
  CHECK(complexity("*:*:*:*:*:event-bus/*") == 13);
  CHECK(wildcard_complexity("a**").error().message == "Consecutive wildcard characters at pos 2");
  CHECK(wildcard_complexity("\\").error().code == errc::invalid_pattern);
}

TEST_CASE("wildcard complexity: where trying takes too long it is the number of all positions") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += (i % 2 == 0 ? "*ab" : "*ba");
  CHECK(wildcard_complexity(text + std::string(5'000, 'x')).value() == text.size() + 5'001);
}

TEST_CASE("wildcard complexity: over the limit is the service's error, wherever the wildcard is") {
  const pattern_options limited{.max_wildcard_complexity = 10};
  for (const std::string text : {R"({"a":[{"wildcard":"*:*:*:*:*:event-bus/*"}]})",
                                 R"({"a":[{"anything-but":{"wildcard":["x","*:*:*:*:*:event-bus/*"]}}]})"}) {
    CHECK(pattern::parse(text).has_value());
    const result<pattern> p = pattern::parse(text, limited);
    REQUIRE_FALSE(p.has_value());
    CHECK(p.error().code == errc::limit_exceeded);
    CHECK(p.error().message ==
          "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard "
          "character");
    CHECK(p.error().offset == text.find("\"*:"));
  }
  CHECK(pattern::parse(R"({"a":[{"wildcard":"/Users/*/dir/dir/dir/dir/dir/doc.txt"}]})", limited).has_value());
}
