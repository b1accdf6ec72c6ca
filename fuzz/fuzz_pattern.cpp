// Arbitrary bytes as a pattern. The library and the twin agree on whether it is one; an error's place is in the text; the
// canonical form is a fixed point and means the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/pattern.hpp"
#include "support/naive_matcher.hpp"

namespace {

const std::vector<std::string> events = {R"({})", R"({"a":"x","b":1,"c":null})", R"({"a":{"b":"x","c":["y",10]},"b":"10.0.0.1"})",
                                         R"({"a":[{"b":"x"},{"c":1,"b":"ab"}],"d":true})",
                                         R"({"a":"AB","a.b":"\u00df","b":[[],1e2]})"};

[[noreturn]] void fail(const char* what, std::string_view detail) {
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

void check_place(const rulebus::error& e, std::string_view text) {
  if (e.message.empty() || e.offset > text.size()) fail("bad error", e.message);
  const std::string_view before = text.substr(0, e.offset);
  std::size_t line = 1, start = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i] == '\n') ++line, start = i + 1;
  if (e.line != line || e.column != e.offset - start + 1) fail("line and column are not those of the offset", e.message);
}

void check_dump(const rulebus::pattern& p, const rulebus::pattern_options& options) {
  const std::string dump = p.dump();
  const auto again = rulebus::pattern::parse(dump, options);
  if (!again) fail(again.error().message.c_str(), dump);
  if (!(*again == p) || again->dump() != dump) fail("the canonical form is not a fixed point", dump);
}

std::vector<bool> matches(const naive::pattern& p) {
  std::vector<bool> out;
  for (const std::string& e : events) out.push_back(naive::matcher({&p}).match(naive::parse_event(e))[0]);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::unique_ptr<char[]> exact(new char[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view text(exact.get(), size);

  rulebus::pattern_options all;
  all.allow_regexp = all.allow_wildcard_ignore_case = all.allow_cidr_single_address = all.allow_all = true;
  if (const auto p = rulebus::pattern::parse(text, all))
    check_dump(*p, all);
  else
    check_place(p.error(), text);

  const auto fast = rulebus::pattern::parse(text);
  std::optional<naive::pattern> slow;
  try {
    slow = naive::parse_pattern(text);
  } catch (const naive::over_limit& e) {
    if (fast || fast.error().code != rulebus::errc::limit_exceeded) fail(e.what(), text);
  } catch (const naive::rejected& e) {
    if (fast) fail(e.what(), text);
  }
  if (slow && !fast) fail(fast.error().message.c_str(), text);
  if (!fast) return check_place(fast.error(), text), 0;
  check_dump(*fast, {});
  try {
    if (matches(*slow) != matches(naive::parse_pattern(fast->dump())))
      fail("the canonical form means something else", fast->dump());
  } catch (const naive::gave_up&) {
  } catch (const naive::rejected& e) {
    fail(e.what(), fast->dump());
  }
  return 0;
}
