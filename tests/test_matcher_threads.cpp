// Rules come and go while events are matched: every answer must be that of some one version of the rules.
#include "rulebus/matcher.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/naive_matcher.hpp"
#include "support/random_source.hpp"

using rulebus::matcher;
using rulebus::rule_id;

namespace {

/// Equal ones among them, and ones that share fields and conditions.
const std::vector<std::string> patterns = {R"({"a":["x"]})",
                                           R"({"a":["x"]})",
                                           R"({"a":["x"],"b":["y"]})",
                                           R"({"b":["y"],"c":[{"exists":false}]})",
                                           R"({"a":[{"prefix":"x"}],"b":[{"suffix":"y"}]})",
                                           R"({"a":[{"wildcard":"*x*"}]})",
                                           R"({"a":[{"wildcard":"x*y"}]})",
                                           R"({"n":[{"numeric":[">",0]}]})",
                                           R"({"n":[{"numeric":[">",0,"<=",5]}],"a":["x"]})",
                                           R"({"a":[{"anything-but":"x"}]})",
                                           R"({"$or":[{"a":["x"]},{"n":[1,2,3]}]})",
                                           R"({"$or":[{"a":["q"]},{"b":["y"]}],"n":[5]})",
                                           R"({"l":{"k":[1],"m":[2]}})",
                                           R"({"l":{"k":[1]},"a":[{"exists":true}]})",
                                           R"({"a":[{"equals-ignore-case":"X"}]})",
                                           R"({"ip":[{"cidr":"10.0.0.0/8"}]})"};

const std::vector<std::string> events = {R"({"a":"x","b":"y"})",
                                         R"({"a":"xzy","b":"y","c":1})",
                                         R"({"n":3})",
                                         R"({"a":"x","n":5,"b":"zy"})",
                                         R"({"l":[{"k":1,"m":3},{"k":2,"m":2}],"a":"q"})",
                                         R"({"l":[{"k":1},{"k":1,"m":2}],"a":"X"})",
                                         R"({"ip":"10.1.2.3","a":["w","x"],"n":[0,9]})",
                                         R"({"c":[]})"};

/// [event][pattern]
std::vector<std::vector<bool>> who_matches() {
  std::vector<naive::pattern> parsed;
  for (const std::string& p : patterns) parsed.push_back(naive::parse_pattern(p));
  std::vector<const naive::pattern*> all;
  for (const auto& p : parsed) all.push_back(&p);
  std::vector<std::vector<bool>> out;
  for (const std::string& e : events) out.push_back(naive::matcher(all).match(naive::parse_event(e)));
  return out;
}

using version = std::vector<std::optional<rule_id>>;  // for each pattern, its rule while it is there

/// What one thread saw, with the versions that it may have seen: from the last one complete before the call, to the last
/// one begun before the call came back.
struct sight {
  std::size_t event, first, last;
  std::vector<rule_id> ids;
};

struct watched_matcher {
  matcher rules{};
  std::atomic<std::size_t> begun{0}, complete{0};
  std::atomic<bool> done{false};

  /// Adds and removes one rule after the other. Version i is what is there after i changes.
  std::vector<version> change(std::size_t times, std::uint64_t seed) {
    tests::random_source random(seed);
    std::vector<version> history = {version(patterns.size())};
    for (std::size_t i = 1; i <= times; ++i) {
      version next = history.back();
      auto& slot = next[random.below(next.size())];
      begun = i;
      if (slot) {
        if (!rules.remove(*slot)) return {};
        slot.reset();
      } else {
        slot = rules.add(patterns[static_cast<std::size_t>(&slot - next.data())]).value();
      }
      complete = i;
      history.push_back(next);
      if (random.percent(20)) std::this_thread::yield();
    }
    done = true;
    return history;
  }

  /// Matches until the changes are over, now and then with a new reader or one that was released.
  std::vector<sight> watch(std::size_t most, std::uint64_t seed) {
    tests::random_source random(seed);
    std::vector<sight> out;
    std::optional<matcher::reader> reader(rules);
    while (!done && out.size() < most) {
      sight s{random.below(events.size()), complete, 0, {}};
      const auto ids = reader->match(events[s.event]).value();
      s.last = begun;
      s.ids.assign(ids.begin(), ids.end());
      std::sort(s.ids.begin(), s.ids.end());
      out.push_back(std::move(s));
      if (random.percent(1)) reader.emplace(rules);
      if (random.percent(1)) reader->release();
    }
    return out;
  }
};

std::vector<rule_id> expected(const version& v, const std::vector<bool>& matches) {
  std::vector<rule_id> out;
  for (std::size_t i = 0; i < v.size(); ++i)
    if (v[i] && matches[i]) out.push_back(*v[i]);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("threads: every answer is that of one version, while rules come and go") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  const auto matches = who_matches();
  watched_matcher m;
  std::vector<std::vector<sight>> seen(3);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < seen.size(); ++i)
    threads.emplace_back([&, i] { seen[i] = m.watch(200'000 / tests::build_slowness, seed + 1 + i); });
  const auto history = m.change(40'000 / tests::build_slowness, seed);
  for (std::thread& t : threads) t.join();
  REQUIRE(!history.empty());

  std::size_t answers = 0, later = 0, wrong = 0;
  for (const auto& thread : seen)
    for (const sight& s : thread) {
      ++answers;
      bool explained = false;
      for (std::size_t v = s.first; v <= s.last && !explained; ++v) explained = s.ids == expected(history[v], matches[s.event]);
      if (!explained) ++wrong;
      if (s.first > 0 && s.first + 1 < history.size()) ++later;
    }
  MESSAGE(answers << " answers during " << history.size() - 1 << " changes");
  CHECK(wrong == 0);
  CHECK(later > 0);
}

TEST_CASE("threads: several may add and remove at once, and all that is left is exact") {
  constexpr std::size_t writers = 3;
  const std::size_t rounds = 3000 / tests::build_slowness;
  matcher m;
  std::atomic<bool> done{false};
  std::vector<std::vector<rule_id>> kept(writers);
  std::atomic<std::size_t> failed{0};
  std::thread watcher([&] {
    matcher::reader reader(m);
    while (!done)
      if (!reader.match(events[0])) ++failed;
  });
  std::vector<std::thread> threads;
  for (std::size_t w = 0; w < writers; ++w)
    threads.emplace_back([&, w] {
      for (std::size_t i = 0; i < rounds; ++i) {
        const rule_id stays = m.add(patterns[i % patterns.size()]).value();
        const rule_id goes = m.add(patterns[(i * 7 + w) % patterns.size()]).value();
        kept[w].push_back(stays);
        if (!m.remove(goes)) ++failed;
        if (i % 3 != 0) {
          if (!m.remove(kept[w].back())) ++failed;
          kept[w].pop_back();
        }
        if (m.size() == 0 && !kept[w].empty()) ++failed;
      }
    });
  for (std::thread& t : threads) t.join();
  done = true;
  watcher.join();
  CHECK(failed == 0);

  std::vector<rule_id> all;
  for (const auto& ids : kept) all.insert(all.end(), ids.begin(), ids.end());
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
  CHECK(m.size() == all.size());
  for (const rule_id id : all) CHECK(m.remove(id).has_value());
  CHECK(m.size() == 0);
  CHECK(m.memory_bytes() == matcher().memory_bytes());
}
