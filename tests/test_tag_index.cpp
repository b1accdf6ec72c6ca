#include "rulebus/detail/tag_index.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "random_source.hpp"
#include "rulebus/tags.hpp"

using namespace rulebus;
using detail::tag_index;

namespace {

std::optional<tag_index::names> candidates(const tag_index& index, std::string_view filter) {
  return index.candidates(pattern::parse(filter).value());
}

}  // namespace

TEST_CASE("tag_index: only what carries the tag is looked at") {
  tag_index index;
  for (int i = 0; i < 1000; ++i) index.add("other" + std::to_string(i), {{"env", "prod"}});
  index.add("a", {{"team", "pay"}, {"env", "prod"}});
  index.add("b", {{"team", "risk-1"}});
  using names = tag_index::names;
  CHECK(candidates(index, R"({"team": ["pay"]})") == names{"a"});
  CHECK(candidates(index, R"({"team": ["pay"], "env": ["prod"]})") == names{"a"});
  CHECK(candidates(index, R"({"team": [{"prefix": "risk-"}]})") == names{"b"});
  CHECK(candidates(index, R"({"team": [{"exists": true}]})") == names{"a", "b"});
  CHECK(candidates(index, R"({"team": [{"anything-but": "pay"}]})") == names{"b"});
  CHECK(candidates(index, R"({"$or": [{"team": ["pay"]}, {"team": ["risk-1"], "env": [{"exists": false}]}]})") ==
        names{"a", "b"});
  CHECK(candidates(index, R"({"nobody": ["x"]})") == names{});
  CHECK_FALSE(candidates(index, R"({"team": [{"exists": false}]})").has_value());
  CHECK_FALSE(candidates(index, R"({"$or": [{"team": ["pay"]}, {"env": [{"exists": false}]}]})").has_value());
}

TEST_CASE("tag_index: forgets what is taken away, and gives it back") {
  tag_index index;
  index.add("a", {{"k", "1"}, {"l", "2"}});
  index.add("b", {{"k", "1"}});
  index.add("a", {{"k", "3"}});
  index.remove("a", {{"k", "1"}, {"l", "2"}}, {{"k", "3"}});
  CHECK(candidates(index, R"({"k": ["1"]})") == tag_index::names{"b"});
  CHECK(candidates(index, R"({"k": ["3"]})") == tag_index::names{"a"});
  index.remove("b", {{"k", "1"}});
  index.remove("b", {{"k", "1"}});
  index.remove("a", {{"k", "3"}});
  CHECK(index.empty());
}

TEST_CASE("tag_index, random: candidates are all that the filter matches") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  tests::random_source random(seed);
  const std::vector<std::string> keys{"a", "b", "a.b", "..", "c."}, values{"", "x", "xy", "10.0.0.1", "1"};
  const std::vector<std::string> conditions{R"("x")",
                                            R"("")",
                                            R"("10.0.0.1")",
                                            "1",
                                            R"({"prefix": "x"})",
                                            R"({"exists": true})",
                                            R"({"exists": false})",
                                            R"({"anything-but": "x"})",
                                            R"({"suffix": "y"})",
                                            R"({"cidr": "10.0.0.0/8"})",
                                            R"({"wildcard": "*y"})"};
  const auto pick = [&](const auto& from) { return from[random.below(from.size())]; };
  const auto field = [&] {
    return "\"" + pick(keys) + "\": [" + pick(conditions) + (random.percent(50) ? ", " + pick(conditions) : "") + "]";
  };
  for (int round = 0; round < 3000; ++round) {
    tag_index index;
    std::map<std::string, string_map> model;
    for (char name = 'm'; name < 't'; ++name) {
      string_map tags;
      while (random.percent(60)) tags[pick(keys)] = pick(values);
      model[std::string(1, name)] = tags;
      index.add(std::string(1, name), tags);
    }
    std::string text = "{";
    if (random.percent(80)) text += field();
    if (text.size() == 1 || random.percent(40)) {
      if (text.size() > 1) text += ", ";
      text += "\"$or\": [{" + field() + "}, {" + field() + "}]";
    }
    text += "}";
    CAPTURE(text);
    const auto filter = tag_filter::parse(text);
    if (!filter) continue;
    const auto found = index.candidates(filter->pattern());
    for (const auto& [name, tags] : model) {
      if (filter->matches(tags) && found) CHECK(found->contains(name));
    }
  }
}
