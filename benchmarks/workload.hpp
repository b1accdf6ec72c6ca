// workload: rules and events that a benchmark is about, as recipes: nothing is stored in the repository, and the same recipe
// gives the same bytes everywhere (tests/test_benchmark_inputs.cpp holds their hashes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "random_source.hpp"

namespace rulebus::bench {

/// Events with a name: workloads whose names agree share them in memory.
struct event_recipe {
  std::string name{};
  std::size_t count = 20'000;  ///< how many make one pass
  /// Event i. It is called for 0, 1, 2, … in this order with one source.
  std::function<std::string(tests::random_source&, std::size_t i)> make{};
};

struct workload {
  std::string name{};
  std::size_t rules = 0;
  std::function<std::string(std::size_t i)> rule{};  ///< pattern i
  event_recipe events{};
  /// Where the recipe leaves no doubt: what each event matches. Beyond what the slow twin can check.
  std::optional<std::size_t> matches_per_event{};
};

/// The first `count` events of the recipe.
inline std::vector<std::string> make_events(const event_recipe& recipe, std::size_t count) {
  constexpr std::uint64_t seed = 20'261'123;  // any number, but always the same
  tests::random_source random(seed);
  std::vector<std::string> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(recipe.make(random, i));
  return out;
}

/// Sixteen sets of a few rules, one kind of test each, over events like a city's land register: lots, addresses, outlines.
std::vector<workload> parcel_workloads();

/// Rule sets that punish an index in a known way.
std::vector<workload> hostile_workloads();

/// Equality on two fields, one match an event, from one rule to a million.
std::vector<workload> exact_workloads();

/// All of the above.
std::vector<workload> all_workloads();

}  // namespace rulebus::bench
