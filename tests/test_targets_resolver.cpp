#include "rulebus/targets/resolver.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "rulebus/targets/null.hpp"

using namespace rulebus;

namespace {

std::shared_ptr<target> some_target() { return std::make_shared<null_target>(); }

// A resolver that says which name it took.
struct fixture {
  void add(const std::string& name) {
    targets
        .add(name,
             [this, name](std::string_view arn) -> result<std::shared_ptr<target>> {
               taken = name;
               asked = std::string(arn);
               return some_target();
             })
        .value();
  }
  std::string resolve(std::string_view arn) {
    const auto t = targets.resolve(arn);
    return t ? taken : t.error().message;
  }
  target_resolver targets;
  std::string taken, asked;
};

}  // namespace

TEST_CASE("resolver: a name stands for itself and for what goes on behind it") {
  fixture f;
  f.add("arn:aws:sqs:local:1:orders");
  CHECK(f.resolve("arn:aws:sqs:local:1:orders") == "arn:aws:sqs:local:1:orders");
  CHECK(f.resolve("arn:aws:sqs:local:1:orders/high") == "arn:aws:sqs:local:1:orders");
  CHECK(f.asked == "arn:aws:sqs:local:1:orders/high");
  CHECK(f.resolve("arn:aws:sqs:local:1:orders:high") == "arn:aws:sqs:local:1:orders");
  const std::string none =
      R"(no target is registered for "arn:aws:sqs:local:1:orders-old"; registered: "arn:aws:sqs:local:1:orders")";
  CHECK(f.resolve("arn:aws:sqs:local:1:orders-old") == none);
  CHECK(f.targets.resolve("arn:aws:sqs:local:1").error().code == errc::not_found);
  CHECK(f.targets.resolve("").error().code == errc::not_found);
}

TEST_CASE("resolver: a name that ends in a separator or a star stands for all that begin so") {
  fixture f;
  f.add("arn:aws:lambda:");
  f.add("file/");
  f.add("arn:aws:sqs:local:1:orders*");
  CHECK(f.resolve("arn:aws:lambda:local:1:function:pay") == "arn:aws:lambda:");
  CHECK(f.resolve("arn:aws:lambda:") == "arn:aws:lambda:");
  CHECK(f.resolve("arn:aws:lambda").starts_with("no target"));
  CHECK(f.resolve("file/a.jsonl") == "file/");
  CHECK(f.resolve("arn:aws:sqs:local:1:orders-old") == "arn:aws:sqs:local:1:orders*");
  CHECK(f.resolve("arn:aws:sqs:local:1:orders") == "arn:aws:sqs:local:1:orders*");
  CHECK(f.resolve("arn:aws:sqs:local:1:order").starts_with("no target"));
}

TEST_CASE("resolver: of several names the longest counts, in whatever order they were added") {
  for (const bool turned : {false, true}) {
    fixture f;
    std::vector<std::string> names{
        "*", "arn:", "arn:aws:sqs", "arn:aws:sqs:local:1:a*", "arn:aws:sqs:local:1:ab", "arn:aws:sqs:local:1:a"};
    if (turned) std::reverse(names.begin(), names.end());
    for (const std::string& name : names) f.add(name);
    CHECK(f.resolve("arn:aws:sqs:local:1:ab") == "arn:aws:sqs:local:1:ab");
    CHECK(f.resolve("arn:aws:sqs:local:1:ab/c") == "arn:aws:sqs:local:1:ab");
    CHECK(f.resolve("arn:aws:sqs:local:1:abc") == "arn:aws:sqs:local:1:a*");
    CHECK(f.resolve("arn:aws:sqs:local:1:a") == "arn:aws:sqs:local:1:a");
    CHECK(f.resolve("arn:aws:sqs:local:1:b") == "arn:aws:sqs");
    CHECK(f.resolve("arn:aws:sns:local:1:b") == "arn:");
    CHECK(f.resolve("urn:b") == "*");
  }
}

TEST_CASE("resolver: a target can be registered as it is") {
  target_resolver targets;
  const auto t = some_target();
  CHECK(targets.add("arn:a", t));
  CHECK(targets.resolve("arn:a").value() == t);
  CHECK(targets.names() == std::vector<std::string>{"arn:a"});
  CHECK(targets.remove("arn:a"));
  CHECK(!targets.remove("arn:a"));
  CHECK(targets.resolve("arn:a").error().message == R"(no target is registered for "arn:a"; registered: nothing)");
}

TEST_CASE("resolver: names are registered once, and not for nothing") {
  target_resolver targets;
  CHECK(targets.add("a", some_target()));
  CHECK(targets.add("a", some_target()).error().code == errc::already_exists);
  CHECK(targets.add("", some_target()).error().code == errc::invalid_argument);
  CHECK(targets.add("b", std::shared_ptr<target>()).error().code == errc::invalid_argument);
  CHECK(targets.add("b", target_resolver::factory()).error().code == errc::invalid_argument);
  CHECK(targets.names() == std::vector<std::string>{"a"});
}

TEST_CASE("resolver: errors, exceptions and empty answers of factories are errors") {
  target_resolver targets;
  using made = result<std::shared_ptr<target>>;
  targets.add("error", [](std::string_view) -> made { return error{errc::unsupported, "not here"}; }).value();
  targets.add("throws", [](std::string_view) -> made { throw std::runtime_error("broken"); }).value();
  targets.add("empty", [](std::string_view) -> made { return std::shared_ptr<target>(); }).value();
  CHECK(targets.resolve("error").error() == error{errc::unsupported, "not here"});
  CHECK(targets.resolve("throws").error().message == R"(what is registered for "throws" threw: broken)");
  CHECK(targets.resolve("empty").error().message == R"(what is registered for "empty" made no target)");
}

TEST_CASE("resolver: a factory may use the resolver") {
  target_resolver targets;
  targets.add("alias:", [&](std::string_view arn) -> result<std::shared_ptr<target>> { return targets.resolve(arn.substr(6)); })
      .value();
  const auto t = some_target();
  targets.add("real", t).value();
  CHECK(targets.resolve("alias:real").value() == t);
}
