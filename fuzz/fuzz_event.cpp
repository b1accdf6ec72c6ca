// Arbitrary bytes as an event. The checked reader, the strict JSON reader, event::parse and the naive reader agree on
// whether it is one; the matcher and its twin agree on what matches; and a trusting reader survives.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/detail/json_reader.hpp"
#include "rulebus/event.hpp"
#include "rulebus/matcher.hpp"
#include "support/naive_matcher.hpp"
#include "support/twins.hpp"

namespace {

const std::vector<std::string> rules = {
    R"({"a":["x",1,null,{"prefix":"ab"}]})",
    R"({"a":{"b":[{"exists":true}],"c":[{"numeric":[">",0]}]}})",
    R"({"a":{"b":["x"],"d":[{"exists":false}]},"e":[{"anything-but":["x",""]}]})",
    R"({"$or":[{"a":[{"wildcard":"*x*"}]},{"b":[{"cidr":"10.0.0.0/8"},"::1"]},{"c":[{"suffix":{"equals-ignore-case":"X"}}]}]})",
    R"({"":{"":[{"exists":true}]}})",
    R"({"\u00e9":[true,false,123456789012345678]})",
};

struct everything {
  rulebus::matcher matcher{};
  std::vector<rulebus::rule_id> ids{};
  std::vector<naive::pattern> slow_rules{};
  std::unique_ptr<naive::matcher> slow{};
  std::unique_ptr<rulebus::matcher::reader> checked{}, trusting{};

  everything() {
    std::vector<const naive::pattern*> all;
    for (const std::string& r : rules) {
      ids.push_back(matcher.add(r).value());
      slow_rules.push_back(naive::parse_pattern(r));
    }
    for (const naive::pattern& p : slow_rules) all.push_back(&p);
    slow = std::make_unique<naive::matcher>(all);
    checked = std::make_unique<rulebus::matcher::reader>(matcher);
    trusting = std::make_unique<rulebus::matcher::reader>(matcher, tests::trusted_events());
  }
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

using answer = rulebus::result<std::span<const rulebus::rule_id>>;

void compare(const everything& all, const std::vector<bool>& slow, const answer& fast, const char* what) {
  std::size_t matched = 0;
  for (std::size_t i = 0; i < slow.size(); ++i) {
    const bool found = std::find(fast->begin(), fast->end(), all.ids[i]) != fast->end();
    if (found != slow[i]) fail(what);
    if (found) ++matched;
  }
  if (matched != fast->size()) fail("an id comes twice");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static everything all;
  // Exactly as large as the event, so that reading behind it is noticed.
  const std::unique_ptr<char[]> exact(new char[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view text(exact.get(), size);

  const auto strict = rulebus::detail::check_json_object(text, 1000);
  const auto parsed = rulebus::event::parse(std::string(text));
  // Three times: a shape that is new, comes again and is learned, and is known.
  const auto first = all.checked->match(text), second = all.checked->match(text), fast = all.checked->match(text);
  if (first.has_value() != fast.has_value() || second.has_value() != fast.has_value()) fail("the reader changes its mind");
  if (!fast && (first.error() != fast.error() || second.error() != fast.error())) fail("the reader changes its error");
  const bool too_much_work = !fast && fast.error().code == rulebus::errc::limit_exceeded && strict.has_value();
  if (parsed.has_value() != strict.has_value()) fail("event::parse and check_json_object differ");
  if (!too_much_work && fast.has_value() != strict.has_value()) fail("the reader and check_json_object differ");
  if (!fast && !too_much_work && fast.error() != strict.error()) fail("the reader and check_json_object give different errors");
  if (naive::is_json_object(text) != strict.has_value()) fail("check_json_object and the naive reader differ");
  if (!strict || too_much_work) {
    (void)all.trusting->match(text).has_value();
    return 0;
  }
  const naive::value event = naive::parse_event(text);
  try {
    const auto slow = all.slow->match(event);
    compare(all, slow, fast, "the matcher and its twin differ");
    const auto trusted = all.trusting->match(text);
    if (!tests::ambiguous(event)) {
      if (!trusted) fail("the trusting reader does not take a valid event");
      compare(all, slow, trusted, "the trusting reader and the twin differ");
    }
  } catch (const naive::gave_up&) {}
  return 0;
}
