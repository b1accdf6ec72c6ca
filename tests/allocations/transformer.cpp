// What transformers do with memory. Part of a program of its own, since that replaces operator new.
#include "rulebus/transformer.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "support/allocation_counter.hpp"

namespace allocations = tests::allocations;
using rulebus::target_input;
using rulebus::transformer;

namespace {

std::vector<target_input> inputs() {
  const std::map<std::string, std::string, std::less<>> paths = {{"name", "$.detail.name"},   {"total", "$.detail.total"},
                                                                 {"detail", "$.detail"},      {"skus", "$.detail.items[*].sku"},
                                                                 {"first", "$.resources[0]"}, {"gone", "$.nothing.there"}};
  const auto with_template = [&](const char* text) {
    target_input out;
    out.input_transformer = rulebus::input_transformer{paths, text};
    return out;
  };
  target_input constant, path, every, missing;
  constant.input = R"({"a": 1})";
  path.input_path = "$.detail";
  every.input_path = "$.detail.items[*].sku";
  missing.input_path = "$.detail.nothing";
  return {{},
          constant,
          path,
          every,
          missing,
          with_template(R"({"n": <name>, "t": "<total> of <name>", "d": <detail>, "s": <skus>, "f": <first>, "g": <gone>})"),
          with_template(R"({"dropped": "<detail>"})"),
          with_template("\"<name> has <total>\"\n\"<detail> <skus> <gone>\""),
          with_template(R"({"r": <aws.events.rule-name>, "t": "<aws.events.rule-arn>", "e": <aws.events.event>,
                            "j": <aws.events.event.json>})")};
}

const std::vector<std::string> events = {
    R"({"version":"0","id":"1","detail-type":"t","source":"s","resources":["arn:a"],"detail":{"name":"Ada","total":250,)"
    R"("items":[{"sku":"A7"},{"sku":"B2"}]}})",
    R"({ "detail" : { "n\u0061me" : "a long name that is longer than what a short string holds by itself", "total" : [ 1, 2 ] } })",
    R"({})",
};
const rulebus::transform_context context{"big", "arn:aws:events:eu-west-1:123456789012:rule/big", "2026-11-23T08:00:00Z"};

std::size_t transform_all(const transformer& t, std::string& buffer) {
  std::size_t delivered = 0;
  for (const std::string& e : events) delivered += t.transform(e, context, buffer)->dropped() ? 0U : 1U;
  return delivered;
}

}  // namespace

TEST_CASE("allocations: none for an event, once the buffer is as large as what is delivered") {
  std::vector<transformer> all;
  for (const target_input& i : inputs()) all.push_back(transformer::parse(i, "t").value());
  std::string buffer;
  std::size_t delivered = 0;
  const std::size_t before = allocations::made();
  for (const transformer& t : all) delivered += transform_all(t, buffer);
  CHECK(allocations::made() > before);
  CHECK(delivered > all.size());
  CHECK(delivered < all.size() * events.size());
  for (int i = 0; i < 20; ++i) {
    const std::size_t warm = allocations::made();
    for (const transformer& t : all) transform_all(t, buffer);
    CHECK(allocations::made() == warm);
  }
}

TEST_CASE("out of memory: a transformer is made whole or not at all, and nothing is lost") {
  const auto all = inputs();
  target_input wrong;
  wrong.input_transformer = rulebus::input_transformer{{{"a", "$.a"}}, R"({"a": <nope>})"};
  std::string buffer;
  for (const target_input& i : all) transform_all(transformer::parse(i, "t").value(), buffer);  // what the thread keeps
  const std::size_t live = allocations::live();
  std::size_t failures = 0;
  for (const target_input& i : all) {
    failures +=
        allocations::fail_each([&] { (void)transformer::parse(i, "t").value(); }, [&] { CHECK(allocations::live() == live); });
  }
  CHECK(failures > 5 * all.size());
  allocations::fail_each([&] { (void)transformer::parse(wrong, "t").has_value(); }, [&] { CHECK(allocations::live() == live); });
  CHECK(allocations::live() == live);
}

TEST_CASE("out of memory: an event that failed can be transformed again") {
  for (const target_input& i : inputs()) {
    const auto t = transformer::parse(i, "t").value();
    for (const std::string& e : events) {
      std::string usual, buffer;
      const auto expected = t.transform(e, context, usual).value();
      allocations::fail_each([&] { (void)t.transform(e, context, buffer).value(); }, [&] { buffer = std::string(); });
      const auto again = t.transform(e, context, buffer).value();
      CHECK(again.input == expected.input);
      CHECK(again.reason == expected.reason);
    }
  }
}
