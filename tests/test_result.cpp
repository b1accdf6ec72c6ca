#include "rulebus/result.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

using rulebus::bad_result;
using rulebus::errc;
using rulebus::error;
using rulebus::result;

namespace {

const error sample{errc::not_found, "There is no such rule", 7, 2, 3};

result<int> half(int n) {
  if (n % 2 != 0) return error{errc::invalid_argument, "odd"};
  return n / 2;
}

}  // namespace

TEST_CASE("result: holds a value") {
  const result<std::string> r = "text";
  CHECK(r.has_value());
  CHECK(static_cast<bool>(r));
  CHECK(r.value() == "text");
  CHECK(*r == "text");
  CHECK(r->size() == 4);
}

TEST_CASE("result: holds an error with its place") {
  const result<std::string> r = sample;
  CHECK(!r.has_value());
  CHECK(!r);
  CHECK(r.error() == sample);
  CHECK(r.error().offset == 7);
  CHECK(r.error().line == 2);
  CHECK(r.error().column == 3);
}

TEST_CASE("result: value() of an error throws bad_result with that error") {
  const result<int> r = sample;
  CHECK_THROWS_AS((void)r.value(), bad_result);
  try {
    (void)r.value();
  } catch (const bad_result& e) {
    CHECK(e.error() == sample);
    CHECK(std::string_view(e.what()) == sample.message);
  }
}

TEST_CASE("result: of void is good by default, or an error") {
  const result<void> good;
  CHECK(good.has_value());
  CHECK_NOTHROW(good.value());
  const result<void> bad = sample;
  CHECK(!bad);
  CHECK_THROWS_AS(bad.value(), bad_result);
}

TEST_CASE("result: a value that can only be moved can be taken out") {
  result<std::unique_ptr<int>> r = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(r).value();
  CHECK(*taken == 5);
  result<std::unique_ptr<int>> other = std::make_unique<int>(6);
  CHECK(**std::move(other) == 6);
}

TEST_CASE("result: value() of a temporary is a value, not a reference into it") {
  static_assert(std::is_same_v<decltype(std::declval<result<std::string>>().value()), std::string>);
  static_assert(std::is_same_v<decltype(std::declval<const result<std::string>&>().value()), const std::string&>);
  CHECK(result<std::string>("short-lived").value() == "short-lived");
}

TEST_CASE("result: value_or gives the other value for an error only") {
  CHECK(half(8).value_or(-1) == 4);
  CHECK(half(7).value_or(-1) == -1);
  CHECK(result<std::string>(sample).value_or("none") == "none");
}

TEST_CASE("result: and_then goes on with a value and hands an error through") {
  CHECK(half(8).and_then(half).value() == 2);
  CHECK(half(6).and_then(half).error().message == "odd");
  CHECK(half(5).and_then(half).error().code == errc::invalid_argument);
}

TEST_CASE("result: a value can be changed in place and assigned") {
  result<int> r = 1;
  *r += 1;
  CHECK(*r == 2);
  r = sample;
  CHECK(!r);
  r = 3;
  CHECK(r.value() == 3);
}

TEST_CASE("errc: the numbers and names are fixed, as other languages and JSON see them") {
  const std::pair<errc, std::pair<int, const char*>> all[] = {{errc::invalid_json, {1, "invalid_json"}},
                                                              {errc::invalid_pattern, {2, "invalid_pattern"}},
                                                              {errc::invalid_event, {3, "invalid_event"}},
                                                              {errc::limit_exceeded, {4, "limit_exceeded"}},
                                                              {errc::not_found, {5, "not_found"}},
                                                              {errc::already_exists, {6, "already_exists"}},
                                                              {errc::invalid_argument, {7, "invalid_argument"}},
                                                              {errc::malformed_detail, {8, "malformed_detail"}},
                                                              {errc::target_failed, {9, "target_failed"}},
                                                              {errc::unsupported, {10, "unsupported"}},
                                                              {errc::timed_out, {11, "timed_out"}},
                                                              {errc::stopped, {12, "stopped"}},
                                                              {errc::invalid_schedule, {13, "invalid_schedule"}}};
  for (const auto& [code, number_and_name] : all) {
    CHECK(static_cast<int>(code) == number_and_name.first);
    CHECK(std::string_view(name(code)) == number_and_name.second);
  }
  CHECK(std::string_view(name(static_cast<errc>(99))) == "unknown");
}
