// changes: what adding and removing rules costs, and matching while somebody does it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "arena.hpp"

namespace benchmark {
class State;
}

namespace rulebus::bench {

struct named_benchmark {
  std::string name{};
  std::function<void(benchmark::State&)> run{};
  int threads = 1;
};

/// For the workloads of equality on two fields: add all, remove all, and one more rule added and removed among all others.
std::vector<named_benchmark> change_benchmarks(arena& a);

/// One and two matching threads, alone, with a writer that makes 1,000 changes a second, and with one that never rests.
std::vector<named_benchmark> concurrent_benchmarks(arena& a);

}  // namespace rulebus::bench
