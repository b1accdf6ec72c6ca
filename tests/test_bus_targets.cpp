// What rules and targets may have beyond a pattern and a function: inputs, tags, transactions, pages, limits; and entries.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/rulebus.hpp"

using namespace rulebus;
using namespace std::chrono_literals;
using probe::texts;

namespace {

struct tagged_bus {
  tagged_bus() {
    events.put_rule({.name = "a", .event_pattern = all, .tags = {{"team", "pay"}}}).value();
    events.put_rule({.name = "b", .event_pattern = all, .tags = {{"team", "risk-1"}, {"env", "prod"}}}).value();
    events.put_rule({.name = "c", .event_pattern = all}).value();
    for (const char* r : {"a", "b", "c"}) events.put_target(r, {.id = "t", .target = got.target()}).value();
    events.put_target("c", {.id = "tagged", .target = got.target(), .tags = {{"team", "pay"}}}).value();
  }
  static constexpr const char* all = R"({"source": [{"exists": true}]})";
  probe::recorder got;
  bus events{"orders"};
};

tag_filter filter(std::string_view json) { return tag_filter::parse(json).value(); }

}  // namespace

TEST_CASE("inputs: a target is given what its input says, with the reserved variables") {
  probe::recorder got;
  bus b("orders", {.account = "111122223333", .region = "eu-central-1", .clock = probe::clock_at(1700000000)});
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "1", .target = got.target(), .input = {.input = R"({"fixed": true})"}}).value();
  b.put_target("r", {.id = "2", .target = got.target(), .input = {.input_path = "$.detail"}}).value();
  const input_transformer words{{{"n", "$.detail.total"}},
                                R"({"rule": <aws.events.rule-arn>, "at": <aws.events.event.ingestion-time>, "n": <n>})"};
  b.put_target("r", {.id = "3", .target = got.target(), .input = {.input_transformer = words}}).value();
  b.put_event(probe::order()).value();
  const texts inputs = got.inputs();
  REQUIRE(inputs.size() == 3);
  CHECK(inputs[0] == R"({"fixed": true})");
  CHECK(inputs[1] == R"({"total":250})");
  CHECK(inputs[2].find("arn:aws:events:eu-central-1:111122223333:rule/orders/r") != std::string::npos);
  CHECK(inputs[2].find("2023-11-14T22:13:20Z") != std::string::npos);
  CHECK(inputs[2].find("250") != std::string::npos);
  CHECK(b.list_targets_by_rule("r").value().at(2).input.input_transformer == words);
}

TEST_CASE("inputs: an input that is not valid is refused, and changes nothing") {
  probe::recorder got;
  bus b("orders");
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  const auto put = [&](target_input input) {
    return b.put_target("r", {.id = "t", .target = got.target(), .input = std::move(input)});
  };
  CHECK(put({.input = "{}", .input_path = "$.detail"}).error().message ==
        "Only one of Input, InputPath, or InputTransformer must be provided for target t.");
  CHECK(put({.input_transformer = input_transformer{{}, R"("<notdefinedkey>")"}}).error().message ==
        "InputTemplate for target t contains invalid placeholder notdefinedkey.");
  b.put_event(probe::order()).value();
  CHECK(got.count() == 1);
  CHECK(got.inputs().at(0).find("detail-type") != std::string::npos);
}

TEST_CASE("inputs: a result that is not JSON is counted, told and dead-lettered, and the target is not called") {
  probe::recorder got, letters;
  probe::failures failed;
  bus b("orders", {.executor = make_manual_executor(), .on_error = failed.callback()});
  b.put_rule(probe::from_shop("r")).value();
  // An object inside of a JSON string: the service drops it without a word.
  const input_transformer broken{{{"d", "$.detail"}}, R"({"text": "see <d>"})"};
  b.put_target("r", {.id = "t", .target = got.target(), .input = {.input_transformer = broken}, .dead_letter = letters.target()})
      .value();
  b.put_event(probe::order(R"({"a": "b"})")).value();
  b.pump();
  CHECK(got.count() == 0);
  CHECK(failed.seen().size() == 1);
  CHECK(b.metrics("r", "t").value().failed_invocations == 1);
  CHECK(b.metrics("r", "t").value().invocations_sent_to_dlq == 1);
  REQUIRE(letters.count() == 1);
  CHECK(letters.inputs().at(0).find(R"("detail":{"a":"b"})") != std::string::npos);  // the event as it was
}

TEST_CASE("tags: a put may be for some rules or targets only") {
  tagged_bus f;
  const auto put = [&](std::string_view json) {
    const tag_filter only = filter(json);
    f.events.put_event(probe::order(), {.only = &only}).value();
    return f.got.seen();
  };
  CHECK(put(R"({"team": ["pay"]})") == texts{"a/t", "c/tagged"});
  CHECK(put(R"({"team": [{"prefix": "risk-"}]})") == texts{"b/t"});
  CHECK(put(R"({"team": [{"exists": false}]})") == texts{"c/t"});
  CHECK(put(R"({"env": ["test"]})").empty());
}

TEST_CASE("tags: select rules in lists, in changes of many, and in metrics") {
  tagged_bus f;
  const tag_filter pay = filter(R"({"team": ["pay", {"prefix": "risk-"}]})");
  CHECK(f.events.find_rules(pay) == texts{"a", "b"});
  CHECK(f.events.list_rules({.name_prefix = "b", .with_tags = &pay}).value().rules.size() == 1);
  f.events.put_event(probe::order()).value();
  CHECK(f.events.metrics(pay).deliveries.invocations == 2);
  CHECK(f.events.disable_rules(pay).value() == 2);
  f.got.seen();
  f.events.put_event(probe::order()).value();
  CHECK(f.got.seen() == texts{"c/t", "c/tagged"});
  CHECK(f.events.enable_rules(pay).value() == 2);
  CHECK(f.events.remove_rules(pay).value() == 2);
  CHECK(f.events.list_rules().size() == 1);
  CHECK(f.events.find_rules(pay).empty());
}

TEST_CASE("tags: set, overwritten, taken away, and kept when a rule is put again") {
  tagged_bus f;
  bus& b = f.events;
  b.tag({"a"}, {{"env", "test"}, {"team", "ship"}}).value();
  CHECK(b.list_tags({"a"}).value() == string_map{{"env", "test"}, {"team", "ship"}});
  b.put_rule({.name = "a", .event_pattern = tagged_bus::all, .tags = {{"ignored", "yes"}}}).value();
  CHECK(b.list_tags({"a"}).value().size() == 2);
  const texts keys{"env", "not there"};
  b.untag({"a"}, keys).value();
  CHECK(b.list_tags({"a"}).value() == string_map{{"team", "ship"}});
  b.tag({}, {{"owner", "x"}}).value();
  CHECK(b.list_tags({}).value() == string_map{{"owner", "x"}});
  b.tag({"c", "t"}, {{"k", "v"}}).value();
  CHECK(b.list_tags({"c", "t"}).value() == string_map{{"k", "v"}});
  CHECK(b.list_tags({"c", "nobody"}).error().code == errc::not_found);
  CHECK(b.tag({"nowhere"}, {{"k", "v"}}).error().message == "Rule nowhere does not exist on EventBus orders.");
  b.put_event(probe::order()).value();
  CHECK(f.got.count() == 4);  // a change of tags is no change of targets
}

TEST_CASE("tags: the limits of the service") {
  bus b("orders");
  b.put_rule(probe::from_shop("r")).value();
  string_map many;
  for (int i = 0; i < 51; ++i) many.emplace("k" + std::to_string(i), "");
  CHECK(b.tag({"r"}, many).error().code == errc::limit_exceeded);
  many.erase("k0");
  CHECK(b.tag({"r"}, many).has_value());
  CHECK(b.tag({"r"}, {{"one more", ""}}).error().code == errc::limit_exceeded);
  CHECK(b.tag({}, {{"", "v"}}).error().code == errc::invalid_argument);
  CHECK(b.tag({}, {{"aws:x", "v"}}).error().code == errc::invalid_argument);
  CHECK(b.tag({}, {{std::string(128, 'k'), std::string(256, 'v')}}).has_value());
  CHECK_FALSE(b.tag({}, {{std::string(129, 'k'), ""}}).has_value());
  CHECK_FALSE(b.tag({}, {{"k", std::string(257, 'v')}}).has_value());
  CHECK(b.tag({}, {{"k", "\xc3\xa4" + std::string(255, 'v')}}).has_value());  // characters, not bytes
}

TEST_CASE("transaction: all of it or nothing") {
  probe::recorder got;
  bus b("orders");
  b.put_rule(probe::from_shop("old")).value();
  transaction changes;
  changes.put_rule(probe::from_shop("new"))
      .put_targets("new", {{.id = "1", .target = got.target()}, {.id = "2", .target = got.target()}})
      .remove_targets("new", {"2"})
      .tag({"new"}, {{"k", "v"}})
      .delete_rule("old");
  b.commit(changes).value();
  CHECK(b.list_rules().size() == 1);
  b.put_event(probe::order()).value();
  CHECK(got.seen() == texts{"new/1"});
  transaction bad;
  bad.put_rule(probe::from_shop("other"))
      .set_state("new", rule_state::disabled)
      .put_targets("nowhere", {{.id = "1", .target = got.target()}});
  const result<void> made = b.commit(bad);
  CHECK(made.error() == error{errc::not_found, "change 3: Rule nowhere does not exist on EventBus orders."});
  CHECK(b.list_rules().size() == 1);
  CHECK(b.describe_rule("new").value().state == rule_state::enabled);
}

TEST_CASE("transaction: an event sees either none of it or all") {
  // Two rules exchange their patterns, again and again: every event is for exactly one of them.
  std::atomic<int> delivered{0};
  bus b("orders");
  transaction both[2];
  for (int i = 0; i < 2; ++i) {
    both[i].put_rule({.name = "x", .event_pattern = i == 0 ? R"({"source": ["shop"]})" : R"({"source": ["bank"]})"});
    both[i].put_rule({.name = "y", .event_pattern = i == 1 ? R"({"source": ["shop"]})" : R"({"source": ["bank"]})"});
  }
  b.commit(both[0]).value();
  for (const char* name : {"x", "y"})
    b.put_target(name, {.id = "t", .target = make_target([&](const delivery&) { ++delivered; })}).value();
  std::atomic<bool> stop{false};
  std::thread changing([&] {
    for (int i = 0; !stop; ++i) b.commit(both[i % 2]).value();
  });
  constexpr int events = 3000;
  for (int i = 0; i < events; ++i) b.put_event(probe::order()).value();
  stop = true;
  changing.join();
  CHECK(delivered == events);
}

TEST_CASE("pages: of rules, targets and rule names") {
  probe::recorder got;
  bus b("orders");
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    b.put_rule(probe::from_shop(name)).value();
    b.put_target(name, {.id = "t", .target = got.target(), .arn = "arn:x"}).value();
  }
  texts pages;
  std::string token;
  do {
    const rule_page page = b.list_rules({.limit = 2, .next_token = token}).value();
    std::string names;
    for (const rule& r : page.rules) names += r.name;
    pages.push_back(names);
    token = page.next_token;
  } while (!token.empty());
  CHECK(pages == texts{"ab", "cd", "e"});
  const name_page first = b.list_rule_names_by_target("arn:x", {.limit = 3}).value();
  CHECK(first.names == texts{"a", "b", "c"});
  CHECK(b.list_rule_names_by_target("arn:x", {.limit = 3, .next_token = first.next_token}).value().names == texts{"d", "e"});
  CHECK(b.list_rule_names_by_target("arn:y").value().names.empty());
  for (const char* id : {"1", "2"}) b.put_target("a", {.id = id, .target = got.target()}).value();
  const target_page targets = b.list_targets_by_rule("a", {.limit = 2}).value();
  CHECK(targets.targets.size() == 2);
  CHECK(b.list_targets_by_rule("a", {.next_token = targets.next_token}).value().targets.at(0).id == "t");
  CHECK(b.list_rules({.next_token = "made up"}).error().code == errc::invalid_argument);
}

TEST_CASE("limits: none by default, the service's when asked for") {
  probe::recorder got;
  bus b("orders", {.limits = limits::aws()});
  b.put_rule(probe::from_shop("r")).value();
  for (int i = 0; i < 5; ++i) b.put_target("r", {.id = std::to_string(i), .target = got.target()}).value();
  CHECK(b.put_target("r", {.id = "5", .target = got.target()}).error() ==
        error{errc::limit_exceeded, "The requested resource exceeds the maximum number allowed."});
  CHECK(b.put_target("r", {.id = "4", .target = got.target()}).has_value());
  for (int i = 1; i < 300; ++i) b.put_rule(probe::from_shop("r" + std::to_string(i))).value();
  CHECK(b.put_rule(probe::from_shop("r300")).error().code == errc::limit_exceeded);
  CHECK(b.put_rule(probe::from_shop("r299")).has_value());
  CHECK_FALSE(b.put_rule({.name = "r", .event_pattern = R"({"source": [")" + std::string(2048, 'x') + "\"]}"}).has_value());
  const std::vector<put_events_entry> eleven(11, probe::order());
  CHECK(b.put_events(eleven).error().message.find("Member must have length less than or equal to 10") != std::string::npos);
}

TEST_CASE("entries: an id that was put within the window is not put again") {
  probe::recorder got;
  const auto time = probe::clock_at(0);
  bus b("orders", {.clock = time});
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  put_events_entry entry = probe::order();
  entry.deduplication_id = "order-17";
  const put_events_result first = b.put_events({entry, entry}).value();
  CHECK_FALSE(first.entries[0].deduplicated);
  CHECK(first.entries[1].deduplicated);
  CHECK(first.entries[1].event_id == first.entries[0].event_id);
  time->advance(299s);
  CHECK(b.put_event(entry).value() == first.entries[0].event_id);
  time->advance(1s);
  CHECK(b.put_event(entry).value() != first.entries[0].event_id);
  CHECK(got.count() == 2);
  entry.deduplication_id = "other";
  entry.source = "\xff";
  CHECK_FALSE(b.put_event(entry).has_value());  // what failed was not put
  entry.source = "shop";
  CHECK(b.put_event(entry).has_value());
  CHECK(got.count() == 3);
  CHECK(b.metrics().deduplicated_entries == 2);
}

TEST_CASE("entries: tags become a member of the envelope, so that patterns can ask for them") {
  probe::recorder got;
  bus b("orders");
  b.put_rule({.name = "r", .event_pattern = R"({"tags": {"env": ["prod"]}})"}).value();
  b.put_target("r", {.id = "t", .target = got.target()}).value();
  const string_map tags{{"env", "prod"}, {"a\"b", "c"}};
  put_events_entry entry = probe::order();
  entry.tags = &tags;
  b.put_event(entry).value();
  const texts inputs = got.inputs();
  REQUIRE(inputs.size() == 1);
  CHECK(inputs[0].find(R"("resources":[],"tags":{"a\"b":"c","env":"prod"},"detail":)") != std::string::npos);
  b.put_event(probe::order()).value();
  CHECK(got.count() == 1);
  const string_map bad{{"", "x"}};
  entry.tags = &bad;
  CHECK(b.put_event(entry).error().code == errc::invalid_argument);
}
