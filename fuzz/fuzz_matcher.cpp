// Rules that come and go, and events, by the lines of the input; the matcher and its twin must agree after each:
//   +PATTERN   -N (removes the N-th rule)   =EVENT   ?TEXT (a random rule and event, seeded by the text)
// A first line of "!" allows the additions to the language.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "rulebus/matcher.hpp"
#include "support/random_patterns.hpp"
#include "support/twins.hpp"

namespace {

constexpr std::size_t most_lines = 20, most_rules = 8;

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

bool carry_out(std::string_view line, tests::twins& twins) {
  const char command = line[0];
  const std::string rest(line.substr(1));
  if (command == '+') return twins.size() >= most_rules || twins.add(rest);
  if (command == '-') return twins.size() == 0 || twins.remove(std::strtoul(rest.c_str(), nullptr, 10) % twins.size());
  if (command == '=') return twins.check(rest) && (twins.size() == 0 || twins.check_alone(hash_of(rest) % twins.size(), rest));
  if (command != '?') return true;
  const std::uint64_t seed = hash_of(rest);
  tests::generator generator(seed, tests::profiles[seed % tests::profiles.size()]);
  return (twins.size() >= most_rules || twins.add(generator.pattern())) && twins.check(generator.event());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool more = text.starts_with("!\n");
  // Regular expressions are left to the random tests: what arbitrary ones mean differs between engines.
  tests::twins twins(more ? naive::additions{false, true, true, true} : naive::additions{});
  for (std::size_t lines = 0; !text.empty() && lines < most_lines; ++lines) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
    if (line.empty() || carry_out(line, twins)) continue;
    std::fprintf(stderr, "%s\n", twins.difference().c_str());
    std::abort();
  }
  return 0;
}
