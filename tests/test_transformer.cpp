// What a target is given: rows as data, recorded ones and ours, and what the interface promises beyond them.
#include "rulebus/transformer.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/input_rows.hpp"

using rulebus::errc;
using rulebus::target_input;
using rulebus::transformer;

namespace {

const std::string shop_event = R"({"source":"shop","detail":{"name":"Ada","total":250,"tags":["a","b"]}})";

void all_rows_hold(const std::vector<input_rows::row>& rows) {
  for (const auto& r : rows) {
    const auto got = rulebus::transform(r.target, r.event, r.context(), r.target_id, r.options);
    const std::string difference = input_rows::difference(r, got);
    CHECK_MESSAGE(difference.empty(), r.id << ": " << difference);
  }
}

target_input with_template(std::string text, std::map<std::string, std::string, std::less<>> paths = {}) {
  target_input out;
  out.input_transformer = rulebus::input_transformer{std::move(paths), std::move(text)};
  return out;
}
target_input with_path(std::string path) {
  target_input out;
  out.input_path = std::move(path);
  return out;
}

rulebus::error error_of(const target_input& from, const rulebus::transformer_options& options = {}) {
  const auto made = transformer::parse(from, "t", options);
  REQUIRE(!made.has_value());
  return made.error();
}

}  // namespace

TEST_CASE("transformer: every row that was recorded from the service or is in its documentation") {
  const char* from_environment = std::getenv("RULEBUS_CONFORMANCE_DATA");
  const std::string folder =
      from_environment != nullptr && *from_environment != '\0' ? from_environment : RULEBUS_CONFORMANCE_DATA;
  const auto path = std::filesystem::path(folder) / "inputs_aws.jsonl";
  if (!std::filesystem::exists(path)) {
    MESSAGE("NOT TESTED: there is no " << path.string() << "; RULEBUS_CONFORMANCE_DATA says where it is");
    const char* required = std::getenv("RULEBUS_REQUIRE_CONFORMANCE");
    CHECK_MESSAGE((required == nullptr || std::string_view(required) != "1"), "RULEBUS_REQUIRE_CONFORMANCE is set");
    return;
  }
  const auto rows = input_rows::load(path.string());
  CHECK(rows.size() >= 41);
  all_rows_hold(rows);
  MESSAGE("inputs_aws.jsonl: " << rows.size() << " rows");
}

TEST_CASE("transformer: every row of tests/data, each with an id of its own and a reason to be") {
  const auto rows = input_rows::load(RULEBUS_SOURCE_DIR "/tests/data/inputs.jsonl");
  std::set<std::string> ids;
  for (const auto& r : rows) {
    CHECK_MESSAGE(ids.insert(r.id).second, r.id);
    CHECK_MESSAGE(input_rows::text(r.whole, "why").has_value(), r.id);
  }
  CHECK(rows.size() > 150);
  all_rows_hold(rows);
}

TEST_CASE("transformer: without input the event itself is handed on, not a copy") {
  std::string buffer = "untouched";
  for (const transformer& t : {transformer(), transformer::parse({}, "t").value()}) {
    CHECK(t.is_identity());
    const auto made = t.transform(shop_event, {}, buffer).value();
    CHECK(made.input.data() == shop_event.data());
    CHECK(made.input.size() == shop_event.size());
    CHECK(!made.dropped());
    CHECK(buffer == "untouched");
  }
}

TEST_CASE("transformer: a constant is not copied for each event, and its event is not read") {
  const auto t = transformer::parse({.input = R"({"a": 1})"}, "t").value();
  CHECK(!t.is_identity());
  std::string buffer = "untouched";
  const auto first = t.transform(shop_event, {}, buffer).value(), second = t.transform("no JSON", {}, buffer).value();
  CHECK(first.input == R"({"a": 1})");
  CHECK(first.input.data() == second.input.data());
  CHECK(buffer == "untouched");
}

TEST_CASE("transformer: one buffer serves many events and transformers") {
  const auto by_path = transformer::parse(with_path("$.detail"), "t").value();
  const auto by_template =
      transformer::parse(with_template(R"("<n>: <t>")", {{"n", "$.detail.name"}, {"t", "$.detail.total"}}), "t").value();
  std::string buffer;
  for (int i = 0; i < 3; ++i) {
    CHECK(by_path.transform(shop_event, {}, buffer)->input == R"({"name":"Ada","total":250,"tags":["a","b"]})");
    CHECK(by_template.transform(shop_event, {}, buffer)->input == R"("Ada: 250")");
    CHECK(by_template.transform(R"({"detail":{"name":"B"}})", {}, buffer)->input == R"("B: ")");
    CHECK(by_path.transform(R"({"other":1})", {}, buffer)->dropped());
  }
}

TEST_CASE("transformer: copies share one compiled form, and outlive what they were made from") {
  std::string buffer;
  transformer copy;
  {
    target_input from = with_template(R"({"n":<n>})", {{"n", "$.detail.name"}});
    const auto t = transformer::parse(from, "t").value();
    copy = t;
    from.input_transformer->input_template = "changed";
  }
  CHECK(copy.transform(shop_event, {}, buffer)->input == R"({"n":"Ada"})");
}

TEST_CASE("transformer: several threads use one at once") {
  const auto t =
      transformer::parse(with_template(R"({"n":<n>,"t":"<t>"})", {{"n", "$.detail.name"}, {"t", "$.detail.tags[*]"}}), "t")
          .value();
  const auto numbers = transformer::parse(with_template(R"({"n":<n>,"r":<aws.events.rule-name>})", {{"n", "$.n"}}), "t").value();
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    threads.emplace_back([&, i] {
      std::string buffer;
      for (int n = 0; n < 2000; ++n) {
        const std::string number = std::to_string(n);
        const auto made = numbers.transform("{\"n\":" + number + "}", {.rule_name = number}, buffer);
        wrong[i] += made->input != "{\"n\":" + number + ",\"r\":\"" + number + "\"}" ? 1 : 0;
        wrong[i] += t.transform(shop_event, {}, buffer)->dropped() ? 0 : 1;
      }
    });
  }
  for (std::thread& one : threads) one.join();
  CHECK(wrong == std::vector<int>(4));
}

TEST_CASE("transformer: an error has a code and the place in the text that is wrong") {
  const auto twice = error_of({.input = "1", .input_path = "$"});
  CHECK(twice.code == errc::invalid_argument);
  CHECK(twice.line == 0);

  const auto input = error_of({.input = "{\n \"a\": x}"});
  CHECK(input.code == errc::invalid_json);
  CHECK(input.offset == 8);
  CHECK(input.line == 2);
  CHECK(input.column == 7);

  const auto path = error_of(with_path("$.a[x]"));
  CHECK(path.code == errc::invalid_argument);
  CHECK(path.offset == 4);

  const auto placeholder = error_of(with_template("{\n\"a\": <x>}"));
  CHECK(placeholder.code == errc::invalid_argument);
  CHECK(placeholder.offset == 7);
  CHECK(placeholder.line == 2);
  CHECK(placeholder.column == 6);

  const auto document = error_of(with_template("\"<aws.events.event>\""));
  CHECK(document.code == errc::invalid_argument);
  CHECK(document.offset == 1);

  const auto in_template = error_of(with_template("\"ok\"\n\"\\q\""));
  CHECK(in_template.code == errc::invalid_argument);
  CHECK(in_template.offset == 6);
  CHECK(in_template.line == 2);

  const auto variable = error_of(with_template("1", {{"a", "$.a"}, {"b", "$.b..c"}}));
  CHECK(variable.code == errc::invalid_argument);
  CHECK(variable.offset == 4);
}

TEST_CASE("transformer: what is over a limit says so by its code") {
  const rulebus::transformer_options aws = rulebus::transformer_options::aws();
  CHECK(error_of({.input = std::string(8193, '1')}, aws).code == errc::limit_exceeded);
  CHECK(error_of(with_template(std::string(8193, '1')), aws).code == errc::limit_exceeded);
  CHECK(error_of(with_path("$." + std::string(300, 'a')), aws).code == errc::limit_exceeded);
  std::string deep(5000, '.');
  for (std::size_t i = 1; i < deep.size(); i += 2) deep[i] = 'a';
  CHECK(error_of(with_path("$" + deep)).code == errc::limit_exceeded);
}

TEST_CASE("transformer: input and template may be nested as deep as max_depth") {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  rulebus::transformer_options shallow;
  shallow.max_depth = 3;
  CHECK(transformer::parse({.input = nested(3)}, "t", shallow).has_value());
  CHECK(error_of({.input = nested(4)}, shallow).code == errc::limit_exceeded);
  CHECK(transformer::parse(with_template(nested(3)), "t", shallow).has_value());
  CHECK(error_of(with_template(nested(4)), shallow).code == errc::limit_exceeded);
  CHECK(error_of({.input = nested(1001)}).code == errc::limit_exceeded);
  CHECK(error_of(with_template(nested(200'000))).code == errc::limit_exceeded);
}

TEST_CASE("transformer: a path may be as long as its limit allows, and so may be what it goes through") {
  std::string path = "$", event, end;
  for (int i = 0; i < 1000; ++i) {
    path += i % 2 == 0 ? ".a" : "[0]";
    event += i % 2 == 0 ? R"({"a":)" : "[";
    end.insert(0, i % 2 == 0 ? "}" : "]");
  }
  std::string buffer;
  const auto t = transformer::parse(with_path(path), "t").value();
  CHECK(t.transform(event + "7" + end, {}, buffer)->input == "7");
}

TEST_CASE("transformer: thousands of variables are found in one walk") {
  std::map<std::string, std::string, std::less<>> paths;
  std::string text = "[", event = "{", expected = "[";
  for (int i = 0; i < 5000; ++i) {
    const std::string n = std::to_string(i);
    paths["v" + n] = "$.k" + n + ".x";
    text += (i == 0 ? "<v" : ",<v") + n + ">";
    event += (i == 0 ? "\"k" : ",\"k") + n + R"(":{"x":)" + n + "}";
    expected += (i == 0 ? "" : ",") + n;
  }
  std::string buffer;
  const auto t = transformer::parse(with_template(text + "]", std::move(paths)), "t").value();
  CHECK(t.transform(event + "}", {}, buffer)->input == expected + "]");
}

TEST_CASE("transformer: what is no JSON object gives an error where that shows, and never harm") {
  const auto t = transformer::parse(with_template(R"({"a":<a>,"b":"<b>"})", {{"a", "$.a.b[1].c"}, {"b", "$.*.x"}}), "t").value();
  std::string buffer;
  for (const char* text : {"", " ", "{", "[", "[]", "1", "\"", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":{\"b\":[",
                           "{\"a\":{\"b\":[1,", "{\"a\\", "{\"\\ud800\":1}", "{,}", "{\"a\":1 2}", "{}}", "{\"a\":[}"}) {
    const auto made = t.transform(text, {}, buffer);
    if (!made) CHECK(made.error().code == errc::invalid_event);
  }
  for (const char* text : {"", "[]", "1", "{", "{\"a\":", "{\"a\":}", "{} {}"}) CHECK(!t.transform(text, {}, buffer).has_value());
}

TEST_CASE("transformer: a dry run checks target and event, and says what would happen") {
  CHECK(rulebus::transform(with_path("$.detail.name"), shop_event)->input == R"("Ada")");
  CHECK(rulebus::transform({}, shop_event)->input == shop_event);
  CHECK(rulebus::transform(with_path("x"), "{").error().code == errc::invalid_argument);
  CHECK(rulebus::transform(with_path("$"), "{").error().code == errc::invalid_json);
  CHECK(rulebus::transform(with_path("$"), "[]").error().code == errc::invalid_event);
  const auto nothing = rulebus::transform(with_path("$.nothing"), shop_event).value();
  CHECK(!nothing.input.has_value());
  CHECK(nothing.reason == "the event has nothing at $.nothing, the InputPath of target target");
}

TEST_CASE("transformer: descriptions of inputs are values") {
  const target_input a = with_template("1", {{"x", "$.x"}});
  target_input b = a;
  CHECK(a == b);
  b.input_transformer->input_paths_map["x"] = "$.y";
  CHECK(!(a == b));
  CHECK(!(a == target_input{}));
}
