// The laws of schedule expressions, on random expressions, zones and instants, most of them near a change of the zone's clocks;
// and against the twin that walks from minute to minute (support/naive_schedule.hpp) with the C library's time zones.
// RULEBUS_SCHEDULE_TRIPLES says how many (expression, zone, instant) to try.
#include "rulebus/schedule_expression.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "rulebus/detail/time_zone_store.hpp"
#include "support/naive_schedule.hpp"
#include "support/random_schedules.hpp"
#include "support/random_source.hpp"
#include "support/schedule_rows.hpp"

namespace {

using rulebus::schedule_expression;
using rulebus::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t year_1970 = 0, year_2200 = 7258118400;

time_point at(std::int64_t second) { return time_point(seconds(second)); }
std::int64_t second_of(time_point t) { return std::chrono::floor<seconds>(t).time_since_epoch().count(); }

const std::vector<std::string>& zone_names() {
  static const std::vector<std::string> names = rulebus::detail::time_zone_store(rulebus::detail::time_zone_folders()).names();
  return names;
}

const rulebus::time_zone& zone(const std::string& name) { return *rulebus::time_zone::find(name).value(); }

/// Instants at which the zone's clocks change, from 1970 to 2199.
std::vector<std::int64_t> changes(const rulebus::time_zone& z) {
  std::vector<std::int64_t> out;
  for (const auto& p : z.periods())
    if (p.begin > year_1970 && p.begin < year_2200) out.push_back(p.begin);
  return out;
}

/// One expression in one zone, and its twin.
class subject {
 public:
  subject(std::string text, const std::string& zone_name)
      : text_(std::move(text)),
        zone_(zone_name),
        expression_(schedule_expression::parse(text_, rulebus::dialect::scheduler, zone_name).value()),
        twin_(naive::parse_cron(text_, true)) {}

  /// The laws at one instant; `window` seconds behind it are walked by the twin.
  std::string broken_law(time_point t, std::int64_t window, const tests::wall_clock& clock, tests::random_source& random) const {
    const auto next = expression_.next_after(t), previous = expression_.previous_before(t);
    if (next && *next <= t) return "next_after is not behind t: " + tests::text_of(*next);
    if (previous && *previous >= t) return "previous_before is not before t: " + tests::text_of(*previous);
    if (next && !fires(*next, clock)) return "next_after is not what the fields say: " + tests::text_of(*next);
    if (previous && !fires(*previous, clock)) return "previous_before is not what the fields say: " + tests::text_of(*previous);
    if (next && expression_.previous_before(*next + milliseconds(1)) != next)
      return "next_after is not the one before its successor";
    if (next && expression_.previous_before(*next) > t) return "something is between t and next_after";
    if (previous && expression_.next_after(*previous - milliseconds(1)) != previous)
      return "previous_before is not the one behind";
    if (const auto behind = previous ? expression_.next_after(*previous) : std::nullopt; behind && *behind < t) {
      return "something is between previous_before and t: " + tests::text_of(*behind);
    }
    if (std::string wrong = walked(t, window, clock); !wrong.empty()) return wrong;
    const std::int64_t from = second_of(t), to = next ? second_of(*next) : std::max(year_2200, from + 2);
    // What lies far ahead is not walked to; some hours on the way there are.
    if (to - from <= window) return {};
    return walked(at(from + static_cast<std::int64_t>(random.below(static_cast<std::size_t>(to - from)))), window / 4, clock);
  }

  std::string name(time_point t) const { return text_ + " in " + zone_ + " at " + tests::text_of(t); }

 private:
  bool fires(time_point t, const tests::wall_clock& clock) const {
    const std::int64_t second = second_of(t);
    const auto first = naive::walk(twin_, clock, second - 1, second, 1);
    return at(second) == t && first == std::vector<std::int64_t>{second};
  }

  /// Both give the same instants in (t, t + window].
  std::string walked(time_point t, std::int64_t window, const tests::wall_clock& clock) const {
    constexpr std::size_t enough = 50;
    const auto slow = naive::walk(twin_, clock, second_of(t), second_of(t) + window, enough);
    std::vector<std::int64_t> fast;
    for (const time_point x : expression_.between(at(second_of(t) + 1), at(second_of(t) + window + 1))) {
      if (fast.size() == enough) break;
      fast.push_back(second_of(x));
    }
    if (slow == fast) return {};
    const auto differ = std::mismatch(slow.begin(), slow.end(), fast.begin(), fast.end());
    const auto shown = [](auto it, const auto& all) { return it == all.end() ? "nothing more" : tests::text_of(at(*it)); };
    return "behind " + tests::text_of(t) + " the twin has " + shown(differ.first, slow) + ", the library " +
           shown(differ.second, fast);
  }

  std::string text_, zone_;
  schedule_expression expression_;
  naive::schedule twin_;
};

/// Near a change of the clocks, mostly.
time_point random_instant(tests::random_source& random, const std::vector<std::int64_t>& near) {
  const auto within = [&](std::int64_t span) { return static_cast<std::int64_t>(random.below(static_cast<std::size_t>(span))); };
  std::int64_t second = within(year_2200 + 86400 * 400) - 86400 * 200;
  if (!near.empty() && random.percent(70)) second = random.pick(near) + within(4 * 3600) - 3 * 3600;
  if (random.percent(50)) second -= second % 60;
  return at(second) + milliseconds(random.percent(80) ? 0 : random.below(1000));
}

std::uint64_t triples() { return tests::number_from_environment("RULEBUS_SCHEDULE_TRIPLES", 8000 / tests::build_slowness); }

}  // namespace

TEST_CASE("schedules: the laws hold for random expressions, zones and instants") {
  const std::uint64_t seed = tests::seed();
  tests::random_source random(seed);
  tests::random_schedules schedules(random);
  constexpr int per_expression = 8;
  std::uint64_t tried = 0;
  while (tried < triples()) {
    const std::string& name = random.pick(zone_names());
    const tests::wall_clock clock(name);
    const auto near = changes(zone(name));
    const subject one(schedules.cron(), name);
    for (int i = 0; i < per_expression; ++i, ++tried) {
      const time_point t = random_instant(random, near);
      const auto window = static_cast<std::int64_t>(random.between(1, 12)) * 3600;
      const std::string broken = one.broken_law(t, window, clock, random);
      REQUIRE_MESSAGE(broken.empty(), one.name(t) << ": " << broken << " (RULEBUS_SEED=" << seed << ')');
    }
  }
  MESSAGE(tried << " triples, RULEBUS_SEED=" << seed);
}

TEST_CASE("schedules: every change of every zone from 1970 to 2199, minute by minute") {
  const naive::schedule every_minute = naive::parse_cron("cron(* * * * ? *)", true);
  const std::uint64_t seed = tests::seed();
  tests::random_source random(seed);
  std::size_t tried = 0;
  for (const std::string& name : zone_names()) {
    const tests::wall_clock clock(name);
    const auto expression = schedule_expression::parse("cron(* * * * ? *)", rulebus::dialect::scheduler, name).value();
    for (const std::int64_t change : changes(zone(name))) {
      // All of them are too many for each run; a tenth, another one each time.
      if (!random.percent(tests::build_slowness == 1 ? 10 : 1)) continue;
      ++tried;
      const std::int64_t from = change - 2 * 3600 - 30, to = change + 3 * 3600;
      std::vector<std::int64_t> fast, back;
      for (const time_point t : expression.between(at(from + 1), at(to + 1))) fast.push_back(second_of(t));
      for (auto t = expression.previous_before(at(to + 1)); t && *t > at(from); t = expression.previous_before(*t))
        back.insert(back.begin(), second_of(*t));
      INFO(name << " at " << tests::text_of(at(change)) << ", RULEBUS_SEED=" << seed);
      REQUIRE(fast == naive::walk(every_minute, clock, from, to, 1000));
      REQUIRE(fast == back);
    }
  }
  MESSAGE(tried << " changes, RULEBUS_SEED=" << seed);
  CHECK(tried > 100);
}

TEST_CASE("schedules: what is no expression to the twin is none to the library, and the other way round") {
  const std::uint64_t seed = tests::seed();
  tests::random_source random(seed);
  tests::random_schedules schedules(random);
  std::size_t valid = 0;
  const std::size_t cases = 20000 / tests::build_slowness;
  const std::vector<std::string> others = {"rate(5 minutes)", "rate(1 hour)", "rate(12 days)", "at(2027-12-31T23:59:59)"};
  for (std::size_t i = 0; i < cases; ++i) {
    std::string text = random.percent(80) ? schedules.cron() : random.pick(others);
    if (random.percent(80)) text = schedules.damaged(text);
    const bool scheduler = random.percent(50);
    bool expected = true;
    try {
      naive::check_schedule(text, scheduler);
    } catch (const naive::rejected&) {
      expected = false;
    }
    const auto dialect = scheduler ? rulebus::dialect::scheduler : rulebus::dialect::rule;
    const auto parsed = schedule_expression::parse(text, dialect);
    INFO(text << " RULEBUS_SEED=" << seed);
    REQUIRE_MESSAGE(parsed.has_value() == expected, (parsed ? "" : parsed.error().message));
    if (!parsed) {
      REQUIRE(parsed.error().code == rulebus::errc::invalid_schedule);
      REQUIRE(parsed.error().offset <= text.size());
      REQUIRE(parsed.error().column == parsed.error().offset + 1);
      continue;
    }
    ++valid;
    const std::string dump = parsed->dump();
    const auto again = schedule_expression::parse(dump, dialect);
    REQUIRE_MESSAGE(again.has_value(), dump);
    REQUIRE(*again == *parsed);
    REQUIRE(again->dump() == dump);
    REQUIRE(again->describe() == parsed->describe());
  }
  CHECK(valid > cases / 20);
  CHECK(valid < cases / 2);
}
