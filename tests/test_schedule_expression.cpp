#include "rulebus/schedule_expression.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <iterator>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <vector>

#include "support/schedule_rows.hpp"

using rulebus::dialect;
using rulebus::errc;
using rulebus::schedule_expression;
using rulebus::time_point;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using tests::instant;

namespace {

schedule_expression scheduler(std::string_view text, std::string_view zone = "UTC") {
  return schedule_expression::parse(text, dialect::scheduler, zone).value();
}
schedule_expression rule(std::string_view text) { return schedule_expression::parse(text, dialect::rule).value(); }

std::string shown(std::optional<time_point> t) { return t ? tests::text_of(*t) : "never"; }

std::vector<std::string> all(const rulebus::schedule_range& range) {
  std::vector<std::string> out;
  for (const time_point t : range) out.push_back(tests::text_of(t));
  return out;
}

const std::vector<std::string> impossible = {
    "cron(0 0 30 2 ? *)",      "cron(* * 31 2,4,6,9,11 ? *)",     "cron(0 0 29 2 ? 2025/4)",
    "cron(0 0 31W 2,4 ? *)",   "cron(0 0 ? 2 MON#5 2001-2003/2)", "cron(0 0 29W 2 ? 2100)",
    "cron(30 2 30 2 ? 1970/2)"};

}  // namespace

TEST_CASE("schedule_expression: a small value, trivial to copy") {
  static_assert(sizeof(schedule_expression) <= 96);
  static_assert(std::is_trivially_copyable_v<schedule_expression>);
  static_assert(std::is_nothrow_copy_constructible_v<schedule_expression>);
  const schedule_expression e = scheduler("cron(30 2 * * ? *)", "Europe/Kyiv");
  CHECK(e.kind() == schedule_expression::form::cron);
  CHECK(e.dialect() == dialect::scheduler);
  CHECK(e.zone().name() == "Europe/Kyiv");
  CHECK(!e.period());
  CHECK(scheduler("rate(90 minutes)").period() == minutes(90));
  CHECK(scheduler("at(2027-01-01T00:00:00)").kind() == schedule_expression::form::at);
}

TEST_CASE("schedule_expression: next_after is strictly behind, previous_before strictly before") {
  const schedule_expression e = rule("cron(0 12 * * ? *)");
  const time_point noon = instant("2027-03-01T12:00:00Z");
  CHECK(shown(e.next_after(noon)) == "2027-03-02T12:00:00Z");
  CHECK(shown(e.next_after(noon - milliseconds(1))) == "2027-03-01T12:00:00Z");
  CHECK(shown(e.previous_before(noon)) == "2027-02-28T12:00:00Z");
  CHECK(shown(e.previous_before(noon + milliseconds(1))) == "2027-03-01T12:00:00Z");
}

TEST_CASE("schedule_expression: cron begins with 1970 and ends with 2199, in the time of its zone") {
  const schedule_expression e = rule("cron(* * * * ? *)");
  CHECK(shown(e.next_after(time_point::min())) == "1970-01-01T00:00:00Z");
  CHECK(shown(e.previous_before(time_point::max())) == "2199-12-31T23:59:00Z");
  CHECK(shown(e.next_after(instant("2199-12-31T23:59:00Z"))) == "never");
  CHECK(shown(e.next_after(time_point::max())) == "never");
  CHECK(shown(e.previous_before(instant("1970-01-01T00:00:00Z"))) == "never");
  CHECK(shown(e.previous_before(time_point::min())) == "never");
  const schedule_expression tokyo = scheduler("cron(* * * * ? *)", "Asia/Tokyo");
  CHECK(shown(tokyo.next_after(time_point::min())) == "1969-12-31T15:00:00Z");
  CHECK(shown(tokyo.previous_before(time_point::max())) == "2199-12-31T14:59:00Z");
}

TEST_CASE("schedule_expression: clocks that change are seen from both sides") {
  const schedule_expression e = scheduler("cron(30 3 * * ? *)", "Europe/Kyiv");
  // Skipped on 28 March, twice on 31 October.
  CHECK(shown(e.next_after(instant("2027-03-27T02:00:00Z"))) == "2027-03-29T00:30:00Z");
  CHECK(shown(e.previous_before(instant("2027-03-29T00:30:00Z"))) == "2027-03-27T01:30:00Z");
  CHECK(shown(e.next_after(instant("2027-10-31T00:00:00Z"))) == "2027-10-31T00:30:00Z");
  CHECK(shown(e.next_after(instant("2027-10-31T00:30:00Z"))) == "2027-11-01T01:30:00Z");
  CHECK(shown(e.previous_before(instant("2027-11-01T01:30:00Z"))) == "2027-10-31T00:30:00Z");
  CHECK(shown(e.previous_before(instant("2027-10-31T01:45:00Z"))) == "2027-10-31T00:30:00Z");
  CHECK(shown(e.previous_before(instant("2027-10-31T00:30:00Z"))) == "2027-10-30T00:30:00Z");
}

TEST_CASE("schedule_expression: what never fires says so in bounded time, from anywhere") {
  for (const std::string& text : impossible) {
    INFO(text);
    for (const char* zone : {"UTC", "America/New_York"}) {
      const schedule_expression e = scheduler(text, zone);
      for (const char* t : {"1960-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2026-11-23T05:59:30Z", "2199-12-31T23:59:59Z"}) {
        CHECK(shown(e.next_after(instant(t))) == "never");
        CHECK(shown(e.previous_before(instant(t))) == "never");
      }
      CHECK(e.describe().find("(which never comes)") != std::string::npos);
    }
  }
}

TEST_CASE("schedule_expression: a rate counts from its anchor, for ever in both directions of asking") {
  const time_point anchor = instant("2026-11-23T05:59:30.250Z");
  const schedule_expression s = scheduler("rate(90 minutes)").anchored_at(anchor),
                            r = rule("rate(90 minutes)").anchored_at(anchor);
  CHECK(s.anchor() == anchor);
  CHECK(s.next_after(time_point::min()) == anchor);
  CHECK(s.next_after(anchor - milliseconds(1)) == anchor);
  CHECK(s.next_after(anchor) == anchor + minutes(90));
  CHECK(s.next_after(anchor + minutes(90) - milliseconds(1)) == anchor + minutes(90));
  CHECK(s.previous_before(anchor) == std::nullopt);
  CHECK(s.previous_before(anchor + milliseconds(1)) == anchor);
  CHECK(s.previous_before(anchor + minutes(180)) == anchor + minutes(90));
  CHECK(r.next_after(time_point::min()) == anchor + minutes(90));
  CHECK(r.next_after(anchor) == anchor + minutes(90));
  CHECK(r.previous_before(anchor + minutes(90)) == std::nullopt);
  CHECK(r.previous_before(anchor + minutes(91)) == anchor + minutes(90));
  // Far from any date nothing overflows.
  const schedule_expression longest = scheduler("rate(999999999 days)").anchored_at(time_point::max());
  CHECK(longest.next_after(time_point::max()) == std::nullopt);
  CHECK(longest.previous_before(time_point::min()) == std::nullopt);
  CHECK(scheduler("rate(1 minute)").anchored_at(time_point::min()).next_after(instant("2027-01-01T00:00:00Z")).has_value());
  // Without an anchor: since 1970.
  CHECK(shown(scheduler("rate(7 days)").next_after(instant("1970-01-07T00:00:00Z"))) == "1970-01-08T00:00:00Z");
}

TEST_CASE("schedule_expression: at fires once or never") {
  const schedule_expression e = scheduler("at(2027-03-28T04:00:00)", "Europe/Kyiv");
  CHECK(shown(e.next_after(time_point::min())) == "2027-03-28T01:00:00Z");
  CHECK(shown(e.next_after(instant("2027-03-28T01:00:00Z"))) == "never");
  CHECK(shown(e.previous_before(time_point::max())) == "2027-03-28T01:00:00Z");
  CHECK(shown(e.previous_before(instant("2027-03-28T01:00:00Z"))) == "never");
  CHECK(shown(scheduler("at(2027-03-28T03:30:00)", "Europe/Kyiv").previous_before(time_point::max())) == "never");
}

TEST_CASE("schedule_expression: between is half open, and found while it is walked") {
  static_assert(std::forward_iterator<rulebus::schedule_range::iterator>);
  static_assert(std::ranges::forward_range<rulebus::schedule_range>);
  const schedule_expression e = rule("cron(0 0/6 * * ? *)");
  const time_point day = instant("2027-03-01T00:00:00Z");
  CHECK(all(e.between(day, day + hours(24))) ==
        std::vector<std::string>{"2027-03-01T00:00:00Z", "2027-03-01T06:00:00Z", "2027-03-01T12:00:00Z", "2027-03-01T18:00:00Z"});
  CHECK(all(e.between(day + milliseconds(1), day + hours(6))).empty());
  CHECK(all(e.between(day, day)).empty());
  CHECK(all(e.between(day + hours(24), day)).empty());
  // To the end of time is no work before it is asked for.
  auto range = rule("cron(* * * * ? *)").between(time_point::min(), time_point::max());
  auto it = range.begin();
  CHECK(shown(*it++) == "1970-01-01T00:00:00Z");
  CHECK(shown(*it) == "1970-01-01T00:01:00Z");
  std::size_t leap_days = 0;
  for ([[maybe_unused]] const time_point t : rule("cron(0 0 29 2 ? *)").between(time_point::min(), time_point::max()))
    ++leap_days;
  CHECK(leap_days == 56);
  // Ranges side by side share none and miss none.
  std::vector<std::string> parts;
  for (int i = 0; i < 24; ++i) {
    for (std::string& t : all(e.between(day + hours(i), day + hours(i + 1)))) parts.push_back(std::move(t));
  }
  CHECK(parts == all(e.between(day, day + hours(24))));
}

TEST_CASE("schedule_expression: equal when they say the same, however it is written") {
  CHECK(rule("cron(0/15 9-11 ? * MON-FRI *)") == rule("cron(0,15,30,45 9,10,11 ? 1-12 2-6 1970-2199)"));
  CHECK(rule("cron(0 0 * * ? *)") == rule("cron(0 0 ? * SUN-SAT *)"));
  CHECK(rule("cron(0 0 ? * L *)") == rule("cron(0 0 ? * 7 *)"));
  CHECK(rule("cron(0 0 L * ? *)") != rule("cron(0 0 31 * ? *)"));
  CHECK(rule("cron(0 0 ? * 6#1 *)") != rule("cron(0 0 ? * 6#2 *)"));
  CHECK(scheduler("rate(60 minutes)") == scheduler("rate(1 hour)"));
  CHECK(scheduler("rate(1 hour)") != rule("rate(1 hour)"));
  CHECK(scheduler("rate(1 hour)") != scheduler("rate(1 hour)").anchored_at(instant("2027-01-01T00:00:00Z")));
  CHECK(scheduler("cron(0 0 * * ? *)") == scheduler("cron(0 0 * * ? *)").anchored_at(instant("2027-01-01T00:00:00Z")));
  CHECK(scheduler("cron(0 0 * * ? *)") != scheduler("cron(0 0 * * ? *)", "Europe/Kyiv"));
  CHECK(scheduler("at(2027-01-01T00:00:00)") != scheduler("at(2027-01-01T00:00:01)"));
}

TEST_CASE("schedule_expression: errors have a code, a place and a sentence") {
  const auto bad = schedule_expression::parse("cron(0 12 ? * MON-FRX *)", dialect::rule);
  REQUIRE(!bad.has_value());
  CHECK(bad.error().code == errc::invalid_schedule);
  CHECK(bad.error().offset == 18);
  CHECK(bad.error().line == 1);
  CHECK(bad.error().column == 19);
  CHECK(bad.error().message == "A day of the week is 1 to 7 (SUN is 1) or SUN to SAT; not \"FRX\"");
  const auto zone = schedule_expression::parse("cron(0 12 * * ? *)", dialect::scheduler, "Europe/Nowhere");
  REQUIRE(!zone.has_value());
  CHECK(zone.error().code == errc::not_found);
  CHECK(zone.error().line == 0);
  const auto rules = schedule_expression::parse("cron(0 12 * * ? *)", dialect::rule, "Europe/Kyiv");
  REQUIRE(!rules.has_value());
  CHECK(rules.error().code == errc::invalid_argument);
  // Long texts are not repeated in messages.
  const auto longest = schedule_expression::parse("cron(" + std::string(100'000, '7') + " 12 * * ? *)", dialect::rule);
  REQUIRE(!longest.has_value());
  CHECK(longest.error().message.size() < 100);
  CHECK(!schedule_expression::parse("cron(" + std::string(100'000, ' ') + ")", dialect::rule).has_value());
  std::string many = "0";
  for (int i = 0; i < 50'000; ++i) many += ",0";
  CHECK(schedule_expression::parse("cron(" + many + " 12 * * ? *)", dialect::rule).value().dump() == "cron(0 12 * * ? *)");
}
