#include "rulebus/detail/text_skip.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "random_source.hpp"
#include "support/json_text.hpp"

using namespace rulebus;

namespace {

// One byte at a time: behind the bracket that closes the container, or null.
const char* container_twin(const char* p, const char* end) {
  std::size_t open = 1;
  for (bool in_string = false; p != end; ++p) {
    if (in_string && *p == '\\') {
      if (++p == end) return nullptr;
    } else if (*p == '"') {
      in_string = !in_string;
    } else if (!in_string && (*p == '{' || *p == '[')) {
      ++open;
    } else if (!in_string && (*p == '}' || *p == ']') && --open == 0) {
      return p + 1;
    }
  }
  return nullptr;
}

std::string random_string(tests::random_source& random, bool plain) {
  std::string out = "\"";
  for (std::size_t n = random.below(random.percent(10) ? 90 : 12); n > 0; --n) {
    const std::vector<std::string> parts = {"a", "|", "}", "{", "]", "[", "\\\\", "\\\"", "\\u007d", "\xc3\xa4", ",", ":"};
    out += plain ? std::string(1, static_cast<char>('a' + random.below(26))) : random.pick(parts);
  }
  return out + "\"";
}

// Strings, brackets and other bytes in any order: more opening brackets at first, then more closing ones.
std::string random_rest(tests::random_source& random) {
  std::string out;
  const std::size_t length = random.below(60);
  for (std::size_t i = 0; i < length; ++i) {
    const bool opens = random.below(length) > i;
    if (random.percent(15)) {
      out += opens ? random.pick(std::vector<std::string>{"{", "["}) : random.pick(std::vector<std::string>{"}", "]"});
    } else {
      out += random.percent(30) ? random_string(random, false)
                                : random.pick(std::vector<std::string>{",", ":", " ", "12", "|", "e"});
    }
  }
  return out;
}

struct members {
  std::string text;
  std::vector<std::size_t> boundaries;  ///< keys up to the first that is wanted, or to the bracket
};

members random_members(tests::random_source& random, std::uint64_t wanted) {
  members out;
  bool found = false;
  const auto blank = [&](std::string_view c) {
    return std::string(c) + std::string(random.percent(10) ? random.below(3) : 0, ' ');
  };
  for (std::size_t n = random.between(1, 12); n > 0; --n) {
    const std::string key = random.percent(95) ? random_string(random, true) : random_string(random, false);
    if (!found) out.boundaries.push_back(out.text.size());
    found = found || detail::is_wanted_key(key.data(), wanted);
    out.text += key + blank(":");
    const std::size_t kind = random.below(20);
    out.text += kind == 0   ? "{\"a\":[]}"
                : kind == 1 ? "[1]"
                : kind == 2 ? random_string(random, false)
                : kind < 8  ? "-12.5e3"
                            : random_string(random, true);
    if (n > 1) out.text += blank(",");
  }
  if (!found) out.boundaries.push_back(out.text.size());
  out.text += "}" + std::string(random.below(100), ' ');
  return out;
}

}  // namespace

TEST_CASE("text_skip: a container ends where it does when it is read byte by byte, for every processor") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  tests::random_source random(seed);
  std::size_t closed = 0;
  for (std::uint64_t i = 0; i < 100000 / tests::build_slowness; ++i) {
    const tests::exact_text exact(random_rest(random));
    const std::string text(exact.view());
    CAPTURE(text);
    const char *const begin = exact.view().data(), *const end = begin + exact.view().size();
    const char* const expected = container_twin(begin, end);
    closed += expected != nullptr ? 1 : 0;
    REQUIRE(detail::behind_container(begin, end) == expected);
    REQUIRE(detail::portable::behind_container(begin, end) == expected);
  }
  CHECK(closed > 10000 / tests::build_slowness);
}

TEST_CASE("text_skip: members are passed to one that is wanted or not quickly passed, and no further") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("RULEBUS_SEED=" << seed);
  tests::random_source random(seed);
  std::size_t passed = 0;
  for (std::uint64_t i = 0; i < 100000 / tests::build_slowness; ++i) {
    const std::uint64_t wanted = std::uint64_t{1} << random.below(64) | std::uint64_t{1} << random.below(64);
    const members m = random_members(random, wanted);
    CAPTURE(m.text);
    const tests::exact_text exact(m.text);
    const char *const begin = exact.view().data(), *const end = begin + exact.view().size();
    const char* const at = detail::behind_members(begin, end, wanted);
    const auto offset = static_cast<std::size_t>(at - begin);
    CAPTURE(offset);
    REQUIRE(std::find(m.boundaries.begin(), m.boundaries.end(), offset) != m.boundaries.end());
    REQUIRE(detail::portable::behind_members(begin, end, wanted) == at);
    passed += offset > 0 ? 1 : 0;
  }
  CHECK(passed > 10000 / tests::build_slowness);
}

TEST_CASE("text_skip: plain members are all passed while there is text enough behind them") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "\"key" + std::to_string(i) + "\":\"value\", \"n\":" + std::to_string(i) + ",";
  const std::size_t goal = text.size();
  text += "\"Wanted\":1" + std::string(100, ' ') + "}";
  const std::uint64_t wanted = std::uint64_t{1} << ('W' % 64);
  CHECK(detail::behind_members(text.data(), text.data() + text.size(), wanted) == text.data() + goal);
  CHECK(detail::portable::behind_members(text.data(), text.data() + text.size(), wanted) == text.data() + goal);
}
