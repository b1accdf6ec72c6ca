// What the benchmarks are made of: the same bytes everywhere, and rules that the service would take.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../benchmarks/workload.hpp"
#include "rulebus/matcher.hpp"

namespace {

constexpr std::size_t few = 300;

std::uint64_t fnv1a(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

/// Of the first rules and events of all workloads of one group.
std::uint64_t hash_of(const std::vector<rulebus::bench::workload>& workloads) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const auto& w : workloads) {
    hash = fnv1a(hash, w.name);
    for (std::size_t i = 0; i < std::min(w.rules, few); ++i) hash = fnv1a(hash, w.rule(i));
    for (const std::string& event : rulebus::bench::make_events(w.events, few)) hash = fnv1a(hash, event);
  }
  return hash;
}

}  // namespace

// When one of these fails, figures from before and after the change are no longer of the same work.
TEST_CASE("benchmark inputs: every run and every platform makes the same bytes") {
  CHECK(hash_of(rulebus::bench::parcel_workloads()) == 0x7dbda7f806e3b94d);
  CHECK(hash_of(rulebus::bench::hostile_workloads()) == 0xeb5e152c1a7404be);
  CHECK(hash_of(rulebus::bench::exact_workloads()) == 0x38a4c6162658ed7b);
}

TEST_CASE("benchmark inputs: workloads have names of their own, and rules and events that are valid") {
  std::set<std::string> names;
  for (const auto& w : rulebus::bench::all_workloads()) {
    CAPTURE(w.name);
    CHECK(names.insert(w.name).second);
    rulebus::matcher m;
    for (std::size_t i = 0; i < std::min(w.rules, few); ++i) {
      const auto added = m.add(w.rule(i));
      CHECK_MESSAGE(added.has_value(), w.rule(i));
    }
    rulebus::matcher::reader reader(m);
    for (const std::string& event : rulebus::bench::make_events(w.events, few)) CHECK(reader.match(event).has_value());
  }
}

TEST_CASE("benchmark inputs: sixteen sets of parcels, each rule of which some events match") {
  const auto sets = rulebus::bench::parcel_workloads();
  CHECK(sets.size() == 16);
  for (const auto& w : sets) {
    CAPTURE(w.name);
    CHECK(w.rules == (w.name == "parcels.combo" ? 45 : w.name == "parcels.partial_combo" ? 40 : 5));
    rulebus::matcher m;
    for (std::size_t i = 0; i < w.rules; ++i) m.add(w.rule(i)).value();
    rulebus::matcher::reader reader(m);
    std::set<rulebus::rule_id> matched;
    for (const std::string& event : rulebus::bench::make_events(w.events, w.events.count)) {
      for (const rulebus::rule_id id : reader.match(event).value()) matched.insert(id);
    }
    // Of the usual sets one rule never matches either: no type of geometry ends otherwise than in olygon.
    const bool has_such = w.name == "parcels.anything_but_suffix" || w.rules > 5;
    CHECK(matched.size() == w.rules - (has_such ? 1 : 0));
  }
}
