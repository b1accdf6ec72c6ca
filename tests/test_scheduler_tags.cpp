// Tags of schedules and groups, and lists of them in pages.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "random_source.hpp"
#include "rulebus/scheduler.hpp"
#include "scheduler_probe.hpp"

using namespace rulebus;
using probe::virtual_scheduler;
using texts = std::vector<std::string>;

namespace {

const time_point morning = probe::utc(2026, 11, 25, 8);

texts names(const std::vector<schedule>& all) {
  texts out;
  for (const schedule& s : all) out.push_back(s.group + "/" + s.name);
  return out;
}

std::string joined(const texts& all) {
  std::string out;
  for (const std::string& one : all) out += one + " ";
  return out;
}

void make(virtual_scheduler& v, const std::string& group, const std::string& name, string_map tags = {}) {
  schedule s = v.make(name, "rate(1 day)");
  s.group = group;
  s.tags = std::move(tags);
  v.it->create_schedule(std::move(s)).value();
}

/// All of them, page by page.
texts paged(const scheduler& s, schedule_filter filter, std::size_t limit) {
  texts all;
  std::string token;
  do {
    schedule_page page = s.list_schedules(filter, limit, token).value();
    CHECK(page.schedules.size() <= limit);
    for (std::string& name : names(page.schedules)) all.push_back(std::move(name));
    token = page.next_token;
    CHECK((token.empty() || page.schedules.size() == limit));
  } while (!token.empty());
  return all;
}

}  // namespace

TEST_CASE("scheduler tags: schedules and groups are tagged by their ARNs") {
  virtual_scheduler v(morning);
  v.it->create_schedule_group("night", {{"team", "ops"}}).value();
  make(v, "night", "s", {{"tier", "1"}});
  const std::string one = v.it->arn("s", "night"), group = v.it->group_arn("night");
  CHECK(one == "arn:aws:scheduler:local:000000000000:schedule/night/s");
  CHECK(group == "arn:aws:scheduler:local:000000000000:schedule-group/night");
  CHECK(v.it->list_tags_for_resource(one).value() == string_map{{"tier", "1"}});
  CHECK(v.it->list_tags_for_resource(group).value() == string_map{{"team", "ops"}});

  v.it->tag_resource(one, {{"tier", "2"}, {"new", ""}}).value();
  v.it->tag_resource(group, {{"cost", "7"}}).value();
  CHECK(v.it->get_schedule("s", "night")->tags == string_map{{"new", ""}, {"tier", "2"}});
  CHECK(v.it->list_tags("night").value() == string_map{{"cost", "7"}, {"team", "ops"}});
  v.it->untag_resource(one, texts{"tier", "absent"}).value();
  v.it->untag_resource(group, texts{"team", "cost"}).value();
  CHECK(v.it->list_tags_for_resource(one).value() == string_map{{"new", ""}});
  CHECK(v.it->list_tags_for_resource(group).value().empty());
  v.it->untag_resource(one, texts{"new"}).value();
  CHECK(v.it->list_tags_for_resource(one).value().empty());
  v.it->pump();
  CHECK(v.taken() == texts{"night/s 2026-11-25T08:00:00Z"});  // a tag is no change of the schedule

  const auto code = [&](const std::string& arn) { return v.it->tag_resource(arn, {{"a", "b"}}).error().code; };
  CHECK(code(v.it->arn("absent", "night")) == errc::not_found);
  CHECK(code(v.it->arn("s", "absent")) == errc::not_found);
  CHECK(code(v.it->group_arn("absent")) == errc::not_found);
  CHECK(code("arn:aws:scheduler:elsewhere:000000000000:schedule/night/s") == errc::not_found);
  CHECK(code("arn:aws:scheduler:local:111111111111:schedule-group/night") == errc::not_found);
  CHECK(code("arn:aws:events:local:000000000000:rule/s") == errc::invalid_argument);
  CHECK(code("night") == errc::invalid_argument);
  CHECK(v.it->tag_resource(one, {{"aws:a", "b"}}).error().code == errc::invalid_argument);
  string_map many;
  for (int i = 0; i < 51; ++i) many.emplace(std::to_string(i), "");
  CHECK_FALSE(v.it->tag_resource(one, many));
  CHECK(v.it->list_tags_for_resource(one).value().empty());
}

TEST_CASE("scheduler lists: in pages, by group and name, which go on where they ended whatever happens in between") {
  virtual_scheduler v(morning);
  for (const char* group : {"a", "a.b", "b"}) v.it->create_schedule_group(group).value();
  for (const char* group : {"b", "a", "default", "a.b"}) {
    for (const char* name : {"x", "y.z", "y"}) make(v, group, name);
  }
  const texts all = names(v.it->list_schedules());
  CHECK(all == texts{"a/x", "a/y", "a/y.z", "a.b/x", "a.b/y", "a.b/y.z", "b/x", "b/y", "b/y.z", "default/x", "default/y",
                     "default/y.z"});
  for (std::size_t limit = 1; limit < 14; ++limit) CHECK(paged(*v.it, {}, limit) == all);
  CHECK(paged(*v.it, {.group = "a.b"}, 2) == texts{"a.b/x", "a.b/y", "a.b/y.z"});
  CHECK(paged(*v.it, {.name_prefix = "y."}, 3) == texts{"a/y.z", "a.b/y.z", "b/y.z", "default/y.z"});
  v.it->disable_schedule("x", "b").value();
  CHECK(paged(*v.it, {.state = schedule_state::disabled}, 1) == texts{"b/x"});

  const schedule_page first = v.it->list_schedules({}, 4).value();
  v.it->delete_schedule("x", "a.b").value();  // with which the page ended
  v.it->delete_schedule_group("b").value();
  CHECK(names(v.it->list_schedules({}, 3, first.next_token)->schedules) == texts{"a.b/y", "a.b/y.z", "default/x"});
  CHECK(v.it->list_schedules({}, 1, "nonsense").error().code == errc::invalid_argument);
  CHECK(v.it->list_schedules({}, 1, "after:nonsense").error().code == errc::invalid_argument);
  CHECK(v.it->list_schedules({.group = "b"}, 1).error().code == errc::not_found);

  CHECK(v.it->list_schedule_groups() == texts{"a", "a.b", "default"});
  const name_page groups = v.it->list_schedule_groups({.limit = 2}).value();
  CHECK(groups.names == texts{"a", "a.b"});
  CHECK(v.it->list_schedule_groups({.limit = 2, .next_token = groups.next_token})->names == texts{"default"});
  CHECK(v.it->list_schedule_groups({.name_prefix = "a."})->names == texts{"a.b"});
  CHECK_FALSE(v.it->list_schedule_groups({.next_token = "nonsense"}));
  const tag_filter tagged = tag_filter::parse(R"({"team": ["ops"]})").value();
  v.it->tag_resource(v.it->group_arn("a"), {{"team", "ops"}}).value();
  CHECK(v.it->list_schedule_groups({.with_tags = &tagged})->names == texts{"a"});
}

TEST_CASE("scheduler tags: at random, a filter finds what a look at every schedule finds, also after restoring") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  const texts keys = {"team", "tier", "cost"}, values = {"", "a", "ab", "b"};
  std::vector<tag_filter> filters;
  for (const char* f :
       {R"({"team": ["a"]})", R"({"team": [{"prefix": "a"}]})", R"({"team": ["a", "b"], "tier": [{"exists": true}]})",
        R"({"team": [{"exists": false}]})", R"({"$or": [{"team": ["b"]}, {"cost": [""]}]})",
        R"({"tier": [{"anything-but": ["a"]}]})", R"({"absent": ["a"]})"}) {
    filters.push_back(tag_filter::parse(f).value());
  }
  const auto some_tags = [&] {
    string_map tags;
    for (const std::string& key : keys) {
      if (random.percent(30)) tags.emplace(key, random.pick(values));
    }
    return tags;
  };
  virtual_scheduler v(morning);
  std::map<std::string, string_map> groups = {{"default", {}}};  // the twin
  std::map<std::pair<std::string, std::string>, string_map> schedules;
  for (int step = 0; step < 3000; ++step) {
    const std::string group = random.percent(40) ? "default" : std::string("g") + std::to_string(random.below(4));
    const std::string name = "s" + std::to_string(random.below(12));
    const auto there = schedules.find({group, name});
    switch (random.below(10)) {
      case 0: {
        string_map tags = some_tags();
        if (v.it->create_schedule_group(group, tags)) groups.emplace(group, std::move(tags));
        break;
      }
      case 1:
        if (random.percent(80) || !v.it->delete_schedule_group(group)) break;
        groups.erase(group);
        std::erase_if(schedules, [&](const auto& s) { return s.first.first == group; });
        break;
      case 2:
        if (v.it->delete_schedule(name, group)) schedules.erase(there);
        break;
      case 3:
      case 4: {
        schedule s = v.make(name, "rate(1 day)");
        s.group = group;
        s.tags = some_tags();
        if (v.it->update_schedule(s)) there->second = s.tags;
        break;
      }
      case 5: {
        string_map* const tags = there == schedules.end() ? nullptr : &there->second;
        const string_map more = some_tags();
        if (!v.it->tag_resource(v.it->arn(name, group), more)) break;
        for (const auto& [key, value] : more) tags->insert_or_assign(key, value);
        break;
      }
      case 6: {
        const std::string key = random.pick(keys);
        if (v.it->untag_resource(v.it->arn(name, group), texts{key})) there->second.erase(key);
        break;
      }
      case 7: {
        const string_map more = some_tags();
        if (!v.it->tag_resource(v.it->group_arn(group), more)) break;
        for (const auto& [key, value] : more) groups[group].insert_or_assign(key, value);
        if (v.it->untag_resource(v.it->group_arn(group), texts{"cost"})) groups[group].erase("cost");
        break;
      }
      default: {
        schedule s = v.make(name, "rate(1 day)");
        s.group = group;
        s.tags = some_tags();
        if (v.it->create_schedule(s)) schedules[{group, name}] = s.tags;
      }
    }
    if (random.percent(1)) v.restart(v.it->save());
    if (step % 10 != 0) continue;
    for (const tag_filter& f : filters) {
      texts expected;
      for (const auto& [of, tags] : schedules) {
        string_map all = tags;
        all.insert(groups.at(of.first).begin(), groups.at(of.first).end());
        if (f.matches(all)) expected.push_back(of.first + "/" + of.second);
      }
      CAPTURE(step);
      INFO("a look at all: ", joined(expected), "; listed: ", joined(names(v.it->list_schedules({.tags = &f}))));
      REQUIRE(names(v.it->list_schedules({.tags = &f})) == expected);
      REQUIRE(paged(*v.it, {.tags = &f}, random.between(1, 9)) == expected);
    }
  }
}
