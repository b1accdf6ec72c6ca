// The normal form of fields and `$or` against its slow twin, which keeps the list of all combinations.
#include "rulebus/detail/pattern_program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "random_source.hpp"
#include "rulebus/detail/json_write.hpp"

using namespace rulebus;
using namespace rulebus::detail;

namespace {

using combination = std::map<std::string, std::string>;  // path to canonical conditions
using combinations = std::set<combination>;

// Item by item: a field is set in every combination, a choice makes one copy of each per branch.
std::vector<combination> expand(const program& p, const std::vector<combination>& start) {
  std::vector<combination> out = start;
  for (const program_item& item : p.items) {
    if (item.set) {
      for (combination& c : out) c[item.set->path] = dump_conditions(item.set->any_of);
    } else {
      std::vector<combination> next;
      for (const program& branch : item.choose->branches) {
        for (combination& c : expand(branch, out)) next.push_back(std::move(c));
      }
      out = std::move(next);
    }
  }
  return out;
}

// A group where every path occurs once: fields and choices just add up. Fails when a path occurs twice.
std::vector<combination> expand(const group& g) {
  std::vector<combination> out(1);
  for (const auto& f : g.fields) REQUIRE(out[0].emplace(f->path, dump_conditions(f->any_of)).second);
  for (const choice& c : g.choices) {
    std::vector<combination> next;
    for (const group& branch : c.branches) {
      for (const combination& added : expand(branch)) {
        for (combination both : out) {
          for (const auto& [path, conditions] : added) REQUIRE(both.emplace(path, conditions).second);
          next.push_back(std::move(both));
        }
      }
    }
    out = std::move(next);
  }
  return out;
}

combinations as_set(const std::vector<combination>& from) { return {from.begin(), from.end()}; }

std::size_t count_groups(const group& g) {
  std::size_t count = 1;
  for (const choice& c : g.choices) {
    for (const group& b : c.branches) count += count_groups(b);
  }
  return count;
}

bool is_sorted(const group& g) {
  const auto less = [](const auto& a, const auto& b) { return utf16_less(a->path, b->path); };
  if (!std::is_sorted(g.fields.begin(), g.fields.end(), less)) return false;
  return std::all_of(g.choices.begin(), g.choices.end(),
                     [](const choice& c) { return std::all_of(c.branches.begin(), c.branches.end(), is_sorted); });
}

// Random programs over few paths, every field with a value of its own, and the pattern text that means them.
class random_program {
 public:
  random_program(std::uint64_t seed, std::vector<std::string> paths) : random_(seed), paths_(std::move(paths)) {}

  program make(std::size_t depth, std::string& text) {
    program out;
    text += '{';
    for (std::size_t n = random_.between(1, 3); n > 0; --n) {
      program_item& item = out.items.emplace_back();
      if (depth < 3 && random_.percent(35)) {
        text += R"("$or":[)";
        item.choose = std::make_shared<program_choice>();
        for (std::size_t b = random_.between(2, 3); b > 0; --b) {
          item.choose->branches.push_back(make(depth + 1, text));
          text += b > 1 ? "," : "]";
        }
      } else {
        auto f = std::make_shared<field>();
        f->path = random_.pick(paths_);
        f->any_of.push_back(
            {.kind = test_kind::number_equals, .text = std::to_string(++value_), .number = static_cast<double>(value_)});
        append_json_string(text, f->path);
        text += ":[" + f->any_of[0].text + ']';
        item.set = std::move(f);
      }
      text += n > 1 ? "," : "}";
    }
    return out;
  }

 private:
  tests::random_source random_;
  std::vector<std::string> paths_;
  int value_ = 0;
};

void check_random_programs(std::uint64_t seed, const std::vector<std::string>& paths, int count) {
  for (int i = 0; i < count / static_cast<int>(tests::build_slowness); ++i) {
    std::string text;
    const program p = random_program(seed + static_cast<std::uint64_t>(i), paths).make(0, text);
    if (text.size() > 600) continue;
    CAPTURE(text);
    const std::vector<combination> expected = expand(p, std::vector<combination>(1));
    const result<pattern> parsed = pattern::parse(text);
    if (expected.size() > 1000) {
      REQUIRE(parsed.error().code == errc::limit_exceeded);
      continue;
    }
    REQUIRE(parsed.has_value());
    REQUIRE(as_set(expand(parsed->tree().root)) == as_set(expected));
    REQUIRE(is_sorted(parsed->tree().root));
    CAPTURE(parsed->dump());
    const result<pattern> again = pattern::parse(parsed->dump());
    REQUIRE(again.has_value());
    REQUIRE(again->dump() == parsed->dump());
    REQUIRE(as_set(expand(again->tree().root)) == as_set(expected));
  }
}

const group& root_of(const pattern& p) { return p.tree().root; }

combinations meaning(std::string_view text) { return as_set(expand(root_of(pattern::parse(text).value()))); }

}  // namespace

TEST_CASE("$or: the normal form has the combinations of the text") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  check_random_programs(seed, {"a", "b"}, 2'000);
  check_random_programs(seed, {"a", "b", "c", "d", "e"}, 2'000);
  check_random_programs(seed, {"a", "a.b", "a.b.c", "x.y", "x.z", "x.", ".x", "", "x.prefix", "x.$or", "a.b.cidr"}, 2'000);
}

TEST_CASE("$or and fields: of a field that is set twice the last is left, among few fields and among many") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      // @: other fields
      {R"({"a":["x"]@,"a":["y"]})", R"({"a":["y"]@})"},
      {R"({"a":["x"],"a":["y"]@,"a":["z"]})", R"({"a":["z"]@})"},
      {R"({"a":["x"],"b":["x"]@,"b":["y"],"a":["y"]})", R"({"a":["y"],"b":["y"]@})"},
      {R"({"":["x"]@,"":["y"]})", R"({"":["y"]@})"},
      {R"({"a":{"b":["x"]}@,"a.b":["y"]})", R"({"a.b":["y"]@})"},
      {R"({"a":{"b":["x"],"c":["v"]}@,"a":{"b":["y"]}})", R"({"a":{"b":["y"],"c":["v"]}@})"},
      {R"({"a":["x"]@,"$or":[{"a":["y"]},{"a":["z"],"b":["w"]}]})", R"({"$or":[{"a":["y"]},{"a":["z"],"b":["w"]}]@})"},
      {R"({"$or":[{"a":["x"],"b":["w"]},{"c":["v"]}]@,"b":["y"]})", R"({"$or":[{"a":["x"]},{"c":["v"]}]@,"b":["y"]})"},
      {R"({"$or":[{"a":["x"]@,"a":["y"]},{"b":["w"]}]})", R"({"$or":[{"a":["y"]@},{"b":["w"]}]})"},
      {R"({"a":["x"],"$or":[{"c":["x"]@,"c":["y"]},{"b":[1]}],"a":["y"]})", R"({"$or":[{"c":["y"]@},{"b":[1]}],"a":["y"]})"},
  };
  std::string others;
  for (int count = 0; count <= 20; ++count) {
    for (const auto& [twice, once] : cases) {
      const auto text = [&](std::string_view form) {
        const std::size_t at = form.find('@');
        return std::string(form.substr(0, at)) + others + std::string(form.substr(at + 1));
      };
      const std::string shown = text(twice);
      CAPTURE(shown);
      CHECK(meaning(text(twice)) == meaning(text(once)));
      CHECK(pattern::parse(text(twice)).value() == pattern::parse(text(once)).value());
    }
    others += ",\"f" + std::to_string(count) + "\":[1]";
  }
}

TEST_CASE("$or: a later field overrides the one in the branches, also where a branch has nothing left") {
  CHECK(meaning(R"({"$or":[{"a":[1]},{"a":[2],"b":[3]}],"a":[4]})") ==
        combinations{{{"a", "[4]"}}, {{"a", "[4]"}, {"b", "[3]"}}});
  const pattern p = pattern::parse(R"({"$or":[{"a":[1]},{"b":[2]}],"a":[3]})").value();
  REQUIRE(root_of(p).choices.size() == 1);
  CHECK(root_of(p).choices[0].branches[0].fields.empty());
  CHECK(root_of(p).choices[0].branches[0].choices.empty());
}

TEST_CASE("$or: a choice whose branches have nothing left is none") {
  const pattern p = pattern::parse(R"({"$or":[{"a":[1]},{"a":[2]}],"a":[3]})").value();
  CHECK(root_of(p).choices.empty());
  CHECK(p == pattern::parse(R"({"a":[3]})").value());
}

TEST_CASE("$or: a field that only some branch sets again is shared by the others") {
  const pattern p = pattern::parse(R"({"a":[1],"$or":[{"b":[2]},{"a":[3]},{"c":[4]}]})").value();
  CHECK(root_of(p).fields.empty());
  const auto& branches = root_of(p).choices.at(0).branches;
  REQUIRE(branches.size() == 3);
  CHECK(branches[0].fields.at(0) == branches[2].fields.at(0));
  CHECK(branches[1].fields.size() == 1);
}

TEST_CASE("$or: several are multiplied only where they set a common path") {
  std::string text = "{";
  for (int i = 0; i < 9; ++i) {
    const std::string n = std::to_string(i);
    text += (i > 0 ? ",\"$or\":[{\"a" : "\"$or\":[{\"a") + n + "\":[1]},{\"b" + n + "\":[2]}]";
  }
  const pattern apart = pattern::parse(text + "}").value();
  CHECK(root_of(apart).choices.size() == 9);
  CHECK(count_groups(root_of(apart)) == 1 + 9 * 2);

  const pattern two =
      pattern::parse(R"({"$or":[{"a":[1]},{"b":[2]}],"x":{"$or":[{"c":[3]},{"d":[4]}]},"":{"$or":[{"a":[5]},{"e":[6]}]}})")
          .value();
  REQUIRE(root_of(two).choices.size() == 2);
  CHECK(root_of(two).choices[0].path == "x");
  CHECK(root_of(two).choices[0].branches.size() == 2);
  CHECK(root_of(two).choices[1].branches.size() == 4);
}

TEST_CASE("$or: more combinations than allowed are an error at the $or that makes them too many") {
  const auto choice = [](int branches, const std::string& name) {
    std::string out = R"("$or":[)";
    for (int i = 0; i < branches; ++i) out += (i > 0 ? ",{\"" : "{\"") + name + "\":[" + std::to_string(i) + "]}";
    return out + "]";
  };
  CHECK(pattern::parse("{" + choice(40, "a") + "," + choice(25, "b") + "}").has_value());
  const std::string first = "{" + choice(143, "a") + ",";
  const result<pattern> p = pattern::parse(first + choice(7, "b") + "}");
  REQUIRE_FALSE(p.has_value());
  CHECK(p.error().code == errc::limit_exceeded);
  CHECK(p.error().message == "Rule has more than 1000 combinations of $or branches");
  CHECK(p.error().offset == first.size());
  CHECK(pattern::parse("{" + choice(1000, "a") + "}").has_value());
  CHECK_FALSE(pattern::parse("{" + choice(1001, "a") + "}").has_value());
  CHECK_FALSE(pattern::parse("{" + choice(3, "a") + "}", {.max_combinations = 2}).has_value());
  // Overridden branches count as well, and nested ones add up inside a branch.
  CHECK_FALSE(pattern::parse("{" + choice(501, "a") + "," + choice(2, "a") + "}").has_value());
  CHECK(pattern::parse(R"({"$or":[{"x":[1]},{)" + choice(999, "a") + "}]}").has_value());
  CHECK_FALSE(pattern::parse(R"({"$or":[{"x":[1]},{)" + choice(1000, "a") + "}]}").has_value());
}

TEST_CASE("$or: the number of paths is that of the largest combination") {
  const auto fields = [](int from, int to) {
    std::string out;
    for (int i = from; i < to; ++i) out += (i > from ? ",\"f" : "\"f") + std::to_string(i) + "\":[1]";
    return out;
  };
  CHECK(pattern::parse("{" + fields(0, 256) + "}").has_value());
  const result<pattern> p = pattern::parse("{" + fields(0, 256) + ",\"g\":[1]}");
  REQUIRE_FALSE(p.has_value());
  CHECK(p.error().code == errc::limit_exceeded);
  CHECK(p.error().message == "Size of rule exceeds max value of 256");
  CHECK(p.error().offset == fields(0, 256).size() + 2);
  CHECK(pattern::parse("{" + fields(0, 256) + "," + fields(0, 256) + "}").has_value());
  CHECK(pattern::parse(R"({"$or":[{)" + fields(0, 256) + "},{" + fields(300, 556) + "}]}").has_value());
  CHECK(pattern::parse("{" + fields(0, 100) + R"(,"$or":[{)" + fields(50, 256) + R"(},{"z":[1]}]})").has_value());
  CHECK_FALSE(pattern::parse("{" + fields(0, 100) + R"(,"$or":[{)" + fields(50, 257) + R"(},{"z":[1]}]})").has_value());
  CHECK_FALSE(pattern::parse(R"({"a":[1],"b":[1],"c":[1]})", {.max_paths = 2}).has_value());
}
