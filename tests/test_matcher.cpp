#include "rulebus/matcher.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using rulebus::errc;
using rulebus::event_options;
using rulebus::matcher;
using rulebus::rule_id;

namespace {

using ids = std::vector<rule_id>;

rule_id add(matcher& m, std::string_view pattern) { return m.add(pattern).value(); }

ids matched(matcher::reader& reader, std::string_view event) {
  const auto span = reader.match(event).value();
  ids out(span.begin(), span.end());
  std::sort(out.begin(), out.end());
  return out;
}

constexpr std::string_view a_is_x = R"({"a":["x"]})", event_a_x = R"({"a":"x"})";

}  // namespace

// ---- adding and removing

TEST_CASE("matcher: without rules nothing matches") {
  matcher m;
  matcher::reader reader(m);
  CHECK(m.size() == 0);
  CHECK(matched(reader, event_a_x).empty());
  CHECK(matched(reader, "{}").empty());
}

TEST_CASE("matcher: an id is never used twice, whatever was removed") {
  matcher m;
  std::set<rule_id> seen;
  for (int i = 0; i < 100; ++i) {
    const rule_id first = add(m, a_is_x), second = add(m, a_is_x);
    CHECK(seen.insert(first).second);
    CHECK(seen.insert(second).second);
    m.remove(i % 2 == 0 ? first : second).value();
    if (i % 3 == 0) m.remove(i % 2 == 0 ? second : first).value();
  }
  CHECK(seen.size() == 200);
}

TEST_CASE("matcher: equal patterns are different rules, and remove takes exactly one of them") {
  matcher m;
  matcher::reader reader(m);
  const rule_id first = add(m, a_is_x), second = add(m, a_is_x), third = add(m, R"({ "a" : [ "x" ] })");
  CHECK(m.size() == 3);
  CHECK(matched(reader, event_a_x) == ids{first, second, third});
  m.remove(second).value();
  CHECK(m.size() == 2);
  CHECK(matched(reader, event_a_x) == ids{first, third});
  m.remove(first).value();
  m.remove(third).value();
  CHECK(m.size() == 0);
  CHECK(matched(reader, event_a_x).empty());
}

TEST_CASE("matcher: removing a rule leaves rules that share its fields and conditions") {
  matcher m;
  matcher::reader reader(m);
  const rule_id both = add(m, R"({"a":["x"],"b":[{"prefix":"p"}]})");
  const rule_id one = add(m, R"({"a":["x","y"]})");
  const rule_id other = add(m, R"({"b":[{"prefix":"p"}],"c":[{"exists":false}]})");
  m.remove(both).value();
  CHECK(matched(reader, R"({"a":"x","b":"pq"})") == ids{one, other});
  m.remove(other).value();
  CHECK(matched(reader, R"({"a":"y","b":"pq"})") == ids{one});
}

TEST_CASE("matcher: an empty key at the end of a path is seen for as long as some rule has an empty step before its end") {
  matcher m;
  matcher::reader reader(m);
  const rule_id at_end = add(m, R"({"k":{"":["x"]}})");
  const std::string event = R"({"k":{"":"x"}})";
  CHECK(matched(reader, event).empty());
  const rule_id inside = add(m, R"({"i":{"":{"j":["y"]}}})"), alone = add(m, R"({"":["y"]})");
  CHECK(matched(reader, event) == ids{at_end});
  m.remove(inside).value();
  CHECK(matched(reader, event) == ids{at_end});
  m.remove(alone).value();
  CHECK(matched(reader, event).empty());
}

TEST_CASE("matcher: removing what is not there is not_found and changes nothing") {
  matcher m;
  const rule_id id = add(m, a_is_x);
  CHECK(m.remove(static_cast<rule_id>(987654321)).error().code == errc::not_found);
  CHECK(m.size() == 1);
  CHECK(m.remove(id).has_value());
  CHECK(m.remove(id).error().code == errc::not_found);
  CHECK(m.size() == 0);
}

TEST_CASE("matcher: a pattern that fails leaves nothing behind") {
  matcher m;
  matcher::reader reader(m);
  const rule_id id = add(m, a_is_x);
  const std::size_t bytes = m.memory_bytes();
  CHECK(m.add("no json").error().code == errc::invalid_json);
  CHECK(m.add(R"({"a":[]})").error().code == errc::invalid_pattern);
  CHECK(m.add(R"({"a":["x"],"b":["y"],"c":[{"numeric":["?",1]}]})").error().code == errc::invalid_pattern);
  CHECK(m.add(R"({"$or":[{"a":["x"]},{"b":[]}]})").error().code == errc::invalid_pattern);
  CHECK(m.size() == 1);
  CHECK(m.memory_bytes() == bytes);
  CHECK(matched(reader, R"({"a":"x","b":"y"})") == ids{id});
}

TEST_CASE("matcher: removing rules gives their memory back") {
  matcher m;
  const std::size_t empty = m.memory_bytes();
  std::vector<rule_id> added;
  for (int i = 0; i < 500; ++i) {
    const std::string n = std::to_string(i);
    added.push_back(
        add(m, R"({"a)" + n + R"(":["v)" + n + R"(",{"prefix":"p)" + n + R"("}],"n":[{"numeric":[">",)" + n + "]}]}"));
  }
  CHECK(m.memory_bytes() > empty + 500 * 20);
  for (const rule_id id : added) m.remove(id).value();
  CHECK(m.memory_bytes() == empty);
}

TEST_CASE("matcher: large sets of small rules take little memory, and half of the rules half of it") {
  matcher m;
  std::vector<rule_id> added;
  for (int i = 0; i < 20'000; ++i)
    added.push_back(add(m, R"({"source":["shop"],"detail":{"id":["k)" + std::to_string(i) + R"("]}})"));
  const std::size_t full = m.memory_bytes();
  CHECK(full < added.size() * 250);
  for (std::size_t i = 0; i < added.size(); i += 2) m.remove(added[i]).value();
  CHECK(m.memory_bytes() < full / 100 * 60);
  matcher::reader reader(m);
  CHECK(matched(reader, R"({"source":"shop","detail":{"id":"k10000"}})").empty());
  CHECK(matched(reader, R"({"source":"shop","detail":{"id":"k10001"}})") == ids{added[10'001]});
}

TEST_CASE("matcher: takes a parsed pattern and a pattern's text alike") {
  matcher m;
  matcher::reader reader(m);
  const rule_id parsed = m.add(rulebus::pattern::parse(a_is_x).value());
  const rule_id text = add(m, a_is_x);
  CHECK(matched(reader, event_a_x) == ids{parsed, text});
}

TEST_CASE("matcher: its options are for pattern texts and for readers without options of their own") {
  rulebus::matcher_options options;
  options.patterns.allow_all = true;
  options.events.max_bytes = 20;
  matcher m(options);
  const rule_id id = add(m, R"({"a":[{"all":[{"prefix":"x"},{"suffix":"y"}]}]})");
  matcher::reader reader(m), other(m, event_options{});
  CHECK(matched(reader, R"({"a":"xy"})") == ids{id});
  CHECK(reader.match(R"({"a":"xy","b":"0123456789"})").error().code == errc::limit_exceeded);
  CHECK(matched(other, R"({"a":"xy","b":"0123456789"})") == ids{id});
}

TEST_CASE("matcher: finds one rule among thousands") {
  matcher m;
  matcher::reader reader(m);
  std::vector<rule_id> rules;
  for (int i = 0; i < 5000; ++i)
    rules.push_back(add(m, R"({"source":["shop"],"detail":{"id":["k)" + std::to_string(i) + R"("]}})"));
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{2500}, std::size_t{4999}}) {
    const std::string event = R"({"source":"shop","detail":{"id":"k)" + std::to_string(i) + R"("}})";
    CHECK(matched(reader, event) == ids{rules[i]});
  }
  CHECK(matched(reader, R"({"source":"shop","detail":{"id":"k5000"}})").empty());
}

TEST_CASE("matcher: keys and values may be long") {
  const std::string key(70'000, 'k'), value(300'000, 'v');
  matcher m;
  matcher::reader reader(m);
  const rule_id exact = add(m, "{\"" + key + "\":[\"" + value + "\"]}");
  const rule_id wild = add(m, "{\"" + key + "\":[{\"wildcard\":\"v*v*v\"}]}");
  CHECK(matched(reader, "{\"" + key + "\":\"" + value + "\"}") == ids{exact, wild});
  CHECK(matched(reader, "{\"" + key + "\":\"" + value + "v\"}") == ids{wild});
  CHECK(matched(reader, "{\"" + key + "k\":\"" + value + "\"}").empty());
}

// ---- readers

TEST_CASE("reader: sees an added rule, and a removed rule no more, from its next event on") {
  matcher m;
  matcher::reader before(m);
  const rule_id first = add(m, a_is_x);
  CHECK(matched(before, event_a_x) == ids{first});
  const rule_id second = add(m, R"({"a":[{"exists":true}]})");
  CHECK(matched(before, event_a_x) == ids{first, second});
  m.remove(first).value();
  CHECK(matched(before, event_a_x) == ids{second});
}

TEST_CASE("reader: names each matching rule once, also when several of its branches match") {
  matcher m;
  matcher::reader reader(m);
  const rule_id id = add(m, R"({"$or":[{"a":["x"]},{"a":[{"prefix":"x"}]},{"b":["x"]}]})");
  CHECK(matched(reader, R"({"a":["x","x"],"b":"x"})") == ids{id});
}

TEST_CASE("reader: an answer stays as it is while rules change, until the next call") {
  matcher m;
  matcher::reader reader(m);
  const rule_id id = add(m, a_is_x);
  const auto answer = reader.match(event_a_x).value();
  m.remove(id).value();
  for (int i = 0; i < 100; ++i) add(m, a_is_x);
  REQUIRE(answer.size() == 1);
  CHECK(answer[0] == id);
}

TEST_CASE("reader: keeps the memory of what it saw until it is released, and works on after that") {
  matcher m;
  const std::size_t empty = m.memory_bytes();
  matcher::reader idle(m), busy(m);
  std::vector<rule_id> added;
  for (int i = 0; i < 200; ++i) added.push_back(add(m, "{\"key" + std::to_string(i) + "\":[\"value\"]}"));
  CHECK(matched(idle, R"({"key7":"value"})") == ids{added[7]});
  for (const rule_id id : added) m.remove(id).value();
  CHECK(matched(busy, R"({"key7":"value"})").empty());
  CHECK(m.memory_bytes() > empty);
  idle.release();
  busy.release();
  CHECK(m.memory_bytes() == empty);
  const rule_id id = add(m, a_is_x);
  CHECK(matched(idle, event_a_x) == ids{id});
  CHECK(matched(busy, event_a_x) == ids{id});
}

TEST_CASE("reader: one that is gone holds nothing") {
  matcher m;
  const std::size_t empty = m.memory_bytes();
  const rule_id id = add(m, a_is_x);
  {
    matcher::reader reader(m);
    CHECK(matched(reader, event_a_x) == ids{id});
    m.remove(id).value();
  }
  CHECK(m.memory_bytes() == empty);
}

TEST_CASE("reader: can be moved, before and after it was used") {
  matcher m;
  const rule_id id = add(m, a_is_x);
  matcher::reader first(m);
  matcher::reader second(std::move(first));
  CHECK(matched(second, event_a_x) == ids{id});
  matcher::reader third(std::move(second));
  CHECK(matched(third, event_a_x) == ids{id});
  const rule_id more = add(m, a_is_x);
  CHECK(matched(third, event_a_x) == ids{id, more});
}

TEST_CASE("reader: goes on after an event that was no event") {
  matcher m;
  matcher::reader reader(m);
  const rule_id id = add(m, R"({"a":["x"],"b":["y"]})");
  CHECK(!reader.match(R"({"a":"x","b":"y")"));
  CHECK(matched(reader, R"({"b":"y"})").empty());
  CHECK(!reader.match(R"({"a":"x",)"));
  CHECK(matched(reader, R"({"a":"x"})").empty());
  CHECK(matched(reader, R"({"a":"x","b":"y"})") == ids{id});
}

TEST_CASE("matcher: of thousands of values in one event, those of a rule are still told apart") {
  matcher m;
  matcher::reader reader(m);
  constexpr int values = 3000;
  std::string all, some;
  std::vector<rule_id> rules;
  for (int i = 0; i < values; ++i) {
    const std::string value = "v" + std::to_string(i), other = "w" + std::to_string(i);
    rules.push_back(add(m, R"({"a":[")" + value + R"("],"b":[")" + other + R"(",{"wildcard":")" + value + R"(.*x"}]})"));
    all += (all.empty() ? "\"" : ",\"") + value + "\"";
    if (i % 3 == 0) some += (some.empty() ? "\"" : ",\"") + other + "\"";
    if (i % 3 == 1) some += ",\"" + value + ".x\"";
  }
  ids expected;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (i % 3 != 2) expected.push_back(rules[i]);
  }
  const std::string event = R"({"a":[)" + all + R"(],"b":[)" + some + "]}";
  CHECK(matched(reader, event) == expected);
  CHECK(matched(reader, R"({"a":["v2999"],"b":["w2998"]})").empty());
  CHECK(matched(reader, event) == expected);
}

// ---- one pattern, one event

TEST_CASE("test_event_pattern: says whether this pattern matches this event") {
  CHECK(rulebus::test_event_pattern(a_is_x, event_a_x).value());
  CHECK(!rulebus::test_event_pattern(a_is_x, R"({"a":"y"})").value());
  const auto p = rulebus::pattern::parse(a_is_x).value();
  CHECK(rulebus::test_event_pattern(p, event_a_x).value());
  CHECK(!rulebus::test_event_pattern(p, "{}").value());
}

TEST_CASE("test_event_pattern: hands on what is wrong with the pattern or the event") {
  CHECK(rulebus::test_event_pattern(R"({"a":"x"})", event_a_x).error().code == errc::invalid_pattern);
  CHECK(rulebus::test_event_pattern("{", event_a_x).error().code == errc::invalid_json);
  CHECK(rulebus::test_event_pattern(a_is_x, "{").error().code == errc::invalid_json);
  CHECK(rulebus::test_event_pattern(a_is_x, "[]").error().code == errc::invalid_event);
  event_options small;
  small.max_bytes = 4;
  CHECK(rulebus::test_event_pattern(rulebus::pattern::parse(a_is_x).value(), event_a_x, small).error().code ==
        errc::limit_exceeded);
}
