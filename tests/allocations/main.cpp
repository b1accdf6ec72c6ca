// What the matcher does with memory. A program of its own, since it replaces operator new.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "rulebus/explain.hpp"
#include "rulebus/matcher.hpp"
#include "rulebus/schedule_expression.hpp"
#include "support/allocation_counter.hpp"

namespace allocations = tests::allocations;
using rulebus::matcher;
using rulebus::rule_id;

namespace {

const std::vector<std::string> patterns = {
    R"({"source":["shop"],"detail":{"id":["k1","k2",3]}})",
    R"({"detail":{"name":[{"prefix":"al"},{"suffix":"ce"},{"wildcard":"*l*c*"}]}})",
    R"({"detail":{"name":[{"equals-ignore-case":"ALICE"},{"prefix":{"equals-ignore-case":"AL"}},{"wildcard":"b*b"}]}})",
    R"({"detail":{"name":[{"suffix":{"equals-ignore-case":"STRASSE"}}],"total":[{"numeric":[">",10,"<=",20]}]}})",
    R"({"detail":{"total":[{"numeric":[">",100]},{"numeric":["=",1e2]},123456789012345678]}})",
    R"({"ip":["10.0.0.1",{"cidr":"192.168.0.0/16"},{"cidr":"2001:db8::/32"}]})",
    R"({"detail":{"state":[{"anything-but":["gone","moved"]}],"name":[{"anything-but":{"wildcard":"*x*"}}]}})",
    R"({"detail":{"missing":[{"exists":false}],"id":[{"exists":true}]}})",
    R"({"detail":{"items":{"sku":["a"],"count":[{"numeric":[">",1]}],"tag":[{"exists":false},"t"]}}})",
    R"({"$or":[{"source":["shop"]},{"detail":{"total":[1]}}],"detail":{"$or":[{"id":["k2"]},{"name":[null,true,false]}]}})",
    R"({"detail":{"text":["a\"\\\n\u00e9\ud83d\ude00"]}})",
    R"({"never":[{"exists":false}]})",
};

const std::vector<std::string> events = {
    R"({"source":"shop","detail":{"id":"k1","name":"alice","total":15.5,"state":"new"},"ip":"10.0.0.1"})",
    R"({"source":"\u0073hop","detail":{"id":3,"name":"ALICE","total":1e2,"text":"a\"\\\n\u00e9\ud83d\ude00"},"ip":"192.168.3.4"})",
    R"({"detail":{"items":[{"sku":"a","count":1},{"sku":"a","count":2},{"sku":"b","tag":["t",["u"]]}],"id":["k1","k2"]}})",
    R"({"detail":{"items":[[{"sku":"a"}],[{"count":5},{"tag":"t"}],[]],"name":[null,"bob",{"x":1}],"total":[1,200,15]}})",
    R"({"unused":[{"deep":[[["\u0041",{"k":"v"}]]]},1.5e-7,true],"detail":{"total":123456789012345678},"ip":"2001:db8::7"})",
    R"({"detail":{"name":"Bahnhofstrasse","total":20},"detail":{"name":"x","state":"gone"}})",
    R"({"source":"other","ip":["1.2.3.4","192.168.0.1"],"detail":{"name":"a-long-name-alice-that-is-longer-than-short-strings-are"}})",
    R"({})",
};

// What a failed change may leave in the writer's working memory, in bytes.
constexpr std::size_t slack = 1024;

std::string exact_pattern(std::size_t number) { return R"({"detail":{"id":["k)" + std::to_string(number) + R"("]}})"; }

const std::vector<std::string> not_events = {"", "{", R"({"a":tru})", "[1]"};

std::vector<std::vector<rule_id>> answers(matcher::reader& reader) {
  std::vector<std::vector<rule_id>> out;
  for (const std::string& e : events) {
    const auto ids = reader.match(e).value();
    out.emplace_back(ids.begin(), ids.end());
    std::sort(out.back().begin(), out.back().end());
  }
  return out;
}

/// How many allocations it takes to match all events once.
std::size_t allocations_of(matcher::reader& reader) {
  const std::size_t before = allocations::made();
  for (const std::string& e : events) (void)reader.match(e).has_value();
  return allocations::made() - before;
}

void add_all(matcher& m, std::vector<rule_id>& ids) {
  for (const std::string& p : patterns) ids.push_back(m.add(p).value());
}

}  // namespace

TEST_CASE("allocations: none while matching, once a reader is warm") {
  matcher m;
  std::vector<rule_id> ids;
  for (int i = 0; i < 3; ++i) add_all(m, ids);
  rulebus::event_options trusting;
  trusting.trusted = true;
  matcher::reader checked(m), trusted(m, trusting);
  for (matcher::reader* reader : {&checked, &trusted}) {
    CHECK(allocations_of(*reader) > 0);
    for (int i = 0; i < 20; ++i) CHECK(allocations_of(*reader) == 0);
  }
  std::size_t matched = 0;
  for (const auto& one : answers(checked)) matched += one.size();
  CHECK(matched > 3 * events.size());
}

TEST_CASE("allocations: none while matching with regular expressions and the other additions") {
  rulebus::matcher_options options;
  options.patterns.allow_regexp = options.patterns.allow_all = options.patterns.allow_wildcard_ignore_case = true;
  matcher m(options);
  m.add(R"({"detail":{"name":[{"regexp":"[a-z]+(ce|b)[^0-9]*"},{"anything-but":{"regexp":".*x.*"}}]}})").value();
  m.add(R"({"detail":{"name":[{"wildcard":{"equals-ignore-case":"A*C*"}},{"all":[{"prefix":"a"},{"suffix":"e"}]}]}})").value();
  matcher::reader reader(m);
  (void)allocations_of(reader);
  for (int i = 0; i < 20; ++i) CHECK(allocations_of(reader) == 0);
}

TEST_CASE("allocations: none again soon after rules changed") {
  matcher m;
  std::vector<rule_id> ids;
  add_all(m, ids);
  matcher::reader reader(m);
  for (int round = 0; round < 5; ++round) {
    m.remove(ids.back()).value();
    ids.pop_back();
    (void)allocations_of(reader);
    CHECK(allocations_of(reader) == 0);
    (void)m.add(R"({"detail":{"name":["another)" + std::to_string(round) + R"("]}})").value();
    (void)allocations_of(reader);
    CHECK(allocations_of(reader) == 0);
  }
}

TEST_CASE("allocations: of the memory of added rules, none is left when the rules are gone") {
  matcher m;
  const std::size_t empty = m.memory_bytes();
  std::vector<rule_id> ids;
  ids.reserve(50 * patterns.size());
  const std::size_t live = allocations::live(), bytes = allocations::live_bytes();
  for (int round = 0; round < 10; ++round) {
    ids.clear();
    for (int i = 0; i < 50; ++i) add_all(m, ids);
    CHECK(allocations::live_bytes() > bytes + 50 * patterns.size() * 50);
    CHECK(m.memory_bytes() > empty + 50 * patterns.size() * 50);
    if (round % 2 == 1) std::reverse(ids.begin(), ids.end());
    for (const rule_id id : ids) m.remove(id).value();
    CHECK(m.memory_bytes() == empty);
    // Some working memory of the next change may stay.
    CHECK(allocations::live() <= live + 20);
    CHECK(allocations::live_bytes() <= bytes + 16'384);
  }
}

TEST_CASE("allocations: a matcher gives everything back, with what its readers held") {
  const std::size_t live = allocations::live();
  {
    matcher m;
    matcher::reader first(m), second(m);
    std::vector<rule_id> ids;
    add_all(m, ids);
    (void)answers(first);
    m.remove(ids[2]).value();
    (void)answers(second);
    add_all(m, ids);
  }
  CHECK(allocations::live() == live);
}

TEST_CASE("out of memory: an add that fails, wherever it does, changes nothing") {
  const std::size_t live = allocations::live();
  std::size_t failures = 0;
  for (const std::string& pattern : patterns) {
    matcher m;
    std::vector<rule_id> ids;
    add_all(m, ids);
    matcher::reader reader(m);
    const auto before = answers(reader);
    const std::size_t size = m.size(), bytes = m.memory_bytes();
    rule_id added{};
    failures += allocations::fail_each([&] { added = m.add(pattern).value(); },
                                       [&] {
                                         CHECK(m.size() == size);
                                         CHECK(m.memory_bytes() <= bytes + slack);
                                         CHECK(answers(reader) == before);
                                       });
    CHECK(m.size() == size + 1);
    CHECK(answers(reader) != before);
    CHECK(m.remove(added).has_value());
    CHECK(answers(reader) == before);
    for (const rule_id id : ids) CHECK(m.remove(id).has_value());
    CHECK(m.size() == 0);
  }
  CHECK(failures > 10 * patterns.size());
  CHECK(allocations::live() == live);
}

// From here on blocks come from chunks (detail/block_memory.hpp).
TEST_CASE("allocations and lack of memory: a matcher of more than a megabyte") {
  const std::size_t live = allocations::live(), bytes = allocations::live_bytes();
  {
    matcher m;
    const std::size_t empty = m.memory_bytes();
    std::vector<rule_id> ids;
    ids.reserve(20'000);
    while (m.memory_bytes() < (std::size_t{1} << 20) - 4096) ids.push_back(m.add(exact_pattern(ids.size())).value());
    std::size_t failures = 0;
    for (int i = 0; i < 60; ++i) {
      const std::size_t before = m.memory_bytes();
      failures += allocations::fail_each([&] { ids.push_back(m.add(exact_pattern(ids.size())).value()); },
                                         [&] {
                                           CHECK(m.size() == ids.size());
                                           CHECK(m.memory_bytes() <= before + slack);
                                         });
    }
    CHECK(failures > 60);
    CHECK(m.memory_bytes() > std::size_t{1} << 20);
    while (ids.size() < 20'000) ids.push_back(m.add(exact_pattern(ids.size())).value());
    CHECK(matcher::reader(m).match(R"({"detail":{"id":"k12345"}})").value().size() == 1);
    for (const rule_id id : ids) CHECK(m.remove(id).has_value());
    CHECK(m.memory_bytes() == empty);
    CHECK(allocations::live_bytes() <= bytes + 20'000 * sizeof(rule_id) + 65'536);
  }
  CHECK(allocations::live() == live);
}

TEST_CASE("out of memory: an add that fails in an empty matcher leaves it empty") {
  for (const std::string& pattern : patterns) {
    INFO(pattern);
    matcher m;
    const std::size_t bytes = m.memory_bytes();
    const rulebus::pattern parsed = rulebus::pattern::parse(pattern).value();
    rule_id added{};
    allocations::fail_each([&] { added = m.add(parsed); },
                           [&] {
                             CHECK(m.size() == 0);
                             CHECK(m.memory_bytes() <= bytes + slack);
                           });
    CHECK(m.remove(added).has_value());
    CHECK(m.memory_bytes() == bytes);
  }
}

TEST_CASE("out of memory: a remove that fails, wherever it does, changes nothing") {
  const std::size_t live = allocations::live();
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    INFO(patterns[i]);
    matcher m;
    std::vector<rule_id> ids;
    add_all(m, ids);
    matcher::reader reader(m);
    const auto before = answers(reader);
    const std::size_t size = m.size(), bytes = m.memory_bytes();
    allocations::fail_each([&] { m.remove(ids[i]).value(); },
                           [&] {
                             CHECK(m.size() == size);
                             CHECK(m.memory_bytes() <= bytes + slack);
                             CHECK(answers(reader) == before);
                           });
    CHECK(m.size() == size - 1);
    CHECK(answers(reader) != before);
    CHECK(!m.remove(ids[i]));
  }
  CHECK(allocations::live() == live);
}

TEST_CASE("out of memory: a change among many ranges and pieces of wildcards that fails changes nothing") {
  const std::size_t live = allocations::live();
  {
    matcher m;
    const std::size_t empty = m.memory_bytes();
    std::vector<std::string> rules;
    for (int i = 0; i < 100; ++i) {
      const std::string n = std::to_string(i);
      rules.push_back(R"({"detail":{"total":[{"numeric":[">=",)" + n + R"(,"<",)" + std::to_string(i + 3) + "]}]}}");
      rules.push_back(R"({"detail":{"name":[{"wildcard":"*ali)" + n + R"(*"},{"wildcard":"*l*c)" + n + R"(*"}]}})");
    }
    std::vector<rule_id> ids;
    for (const std::string& r : rules) ids.push_back(m.add(r).value());
    matcher::reader reader(m);
    auto before = answers(reader);
    const std::size_t bytes = m.memory_bytes();
    const auto unchanged = [&] {
      CHECK(m.size() == ids.size());
      CHECK(m.memory_bytes() <= bytes + slack);
      CHECK(answers(reader) == before);
    };
    for (std::size_t i = 0; i < rules.size(); i += 7) {
      const rule_id removed = ids[i];
      allocations::fail_each([&] { m.remove(removed).value(); }, unchanged);
      allocations::fail_each([&] { ids[i] = m.add(rules[i]).value(); }, [&] { CHECK(m.size() + 1 == ids.size()); });
      before = answers(reader);  // the id is another
    }
    for (const rule_id id : ids) CHECK(m.remove(id).has_value());
    reader.release();
    CHECK(m.memory_bytes() == empty);
  }
  CHECK(allocations::live() == live);
}

TEST_CASE("out of memory: a match that fails leaves the reader fit for the next") {
  matcher m;
  std::vector<rule_id> ids;
  add_all(m, ids);
  matcher::reader usual(m);
  const auto expected = answers(usual);
  for (const std::string& event : events) {
    matcher::reader reader(m);
    const std::size_t failures = allocations::fail_each([&] { (void)reader.match(event).value(); }, [] {});
    CHECK(failures > 0);
    CHECK(answers(reader) == expected);
    // With another reader each time, so that each allocation of a first match is the one that fails.
    std::optional<matcher::reader> fresh;
    const auto match_first = [&] {
      fresh.reset();
      fresh.emplace(m);
      (void)fresh->match(event).value();
    };
    allocations::fail_each(match_first, [&] {
      if (fresh) CHECK(answers(*fresh) == expected);
    });
  }
  for (const std::string& text : not_events) {
    matcher::reader reader(m);
    bool valid = true;
    allocations::fail_each([&] { valid = reader.match(text).has_value(); }, [] {});
    CHECK(!valid);
    CHECK(answers(reader) == expected);
  }
}

TEST_CASE("out of memory: nothing is lost by parsing, explaining and making readers") {
  matcher m;
  (void)m.add(patterns[0]).value();
  const matcher::reader first(m);
  const std::size_t live = allocations::live();
  for (const std::string& pattern : patterns) {
    allocations::fail_each([&] { (void)rulebus::pattern::parse(pattern).value(); }, [&] { CHECK(allocations::live() == live); });
    const auto parsed = rulebus::pattern::parse(pattern).value();
    const std::size_t held = allocations::live();
    const auto check = [&] { CHECK(allocations::live() == held); };
    allocations::fail_each([&] { (void)rulebus::test_event_pattern(parsed, events[2]).value(); }, check);
    allocations::fail_each([&] { (void)rulebus::explain(parsed, events[2]).value(); }, check);
  }
  allocations::fail_each([&] { (void)rulebus::pattern::parse("{\"a\":[1,2").has_value(); },
                         [&] { CHECK(allocations::live() == live); });
  allocations::fail_each([&] { matcher::reader reader(m); }, [&] { CHECK(allocations::live() == live); });
  allocations::fail_each([&] { matcher another; }, [&] { CHECK(allocations::live() == live); });
  CHECK(allocations::live() == live);
}

TEST_CASE("allocations: none when a schedule is asked for its instants, dense or empty, in UTC or in a zone") {
  using rulebus::schedule_expression;
  for (const char* zone : {"UTC", "America/New_York"}) {
    for (const char* text : {"cron(0/5 8-17 ? * MON-FRI *)", "cron(30 2 LW * ? *)", "cron(0 0 30 2 ? *)",
                             "cron(30 2 ? 3 SUN#2 *)", "rate(5 minutes)", "at(2027-01-01T00:00:00)"}) {
      const auto e = schedule_expression::parse(text, rulebus::dialect::scheduler, zone).value();
      const rulebus::time_point t = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);
      const std::size_t before = allocations::made();
      std::size_t found = 0;
      for (const rulebus::time_point x : e.between(t, t + std::chrono::days(60)))
        found += e.previous_before(x).has_value() ? 1U : 0U;
      found += e.next_after(t).has_value() ? 1U : 0U;
      CHECK(allocations::made() == before);
      CHECK(found < 20'000);
    }
  }
}

TEST_CASE("out of memory: nothing is lost by parsing and describing schedules, and by asking for zones") {
  using rulebus::schedule_expression;
  (void)rulebus::time_zone::find("Europe/Kyiv").value();  // stays
  const std::size_t live = allocations::live();
  const auto check = [&] { CHECK(allocations::live() == live); };
  for (const char* text : {"cron(0/5 8-17 ? * MON-FRI *)", "cron(71 * * * ? *)", "rate(5 minutes)"}) {
    const auto parse = [&] { return schedule_expression::parse(text, rulebus::dialect::scheduler, "Europe/Kyiv"); };
    allocations::fail_each([&] { (void)parse().has_value(); }, check);
    const auto parsed = parse();
    if (!parsed) continue;
    allocations::fail_each([&] { (void)(parsed->dump() + parsed->describe()); }, check);
  }
  CHECK(allocations::live() == live);
}
